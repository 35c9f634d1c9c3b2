/**
 * The checksum field of the authenticator, RFC 4121 4.1.1 (contract K2). It is none: type 0x8003 carries the flags of GSS-API, the
 * channel bindings, and a delegated ticket.
 * @module
 */
import { SspiError } from '../../sspi/index.ts';

/** Context flags: RFC 4121 4.1.1.1, [MS-KILE] 3.2.5.2. */
export const GSS_FLAG = {
  DELEG: 0x1,
  MUTUAL: 0x2,
  REPLAY: 0x4,
  SEQUENCE: 0x8,
  CONF: 0x10,
  INTEG: 0x20,
  DCE_STYLE: 0x1000,
  IDENTIFY: 0x2000,
  EXTENDED_ERROR: 0x4000,
} as const;

const STAGE = 'Kerberos authenticator checksum';
const BINDINGS_LENGTH = 16;
/** Lgth, Bnd, Flags. */
const FIXED_LENGTH = 24;
const DELEGATION_OPTION = 1;

/** What the field says. */
export interface AuthenticatorChecksum {
  /** Bits of {@link GSS_FLAG}. */
  readonly flags: number;
  /** MD5 of the channel bindings; undefined (sixteen zeros) when the client knows of none. */
  readonly bindings?: Uint8Array | undefined;
  /** A KRB-CRED with the delegated ticket. */
  readonly delegation?: Uint8Array | undefined;
}

/**
 * Writes the field. Flag DELEG follows from `delegation`.
 * @throws SspiError INVALID_PARAMETER for a KRB-CRED of 64 KiB or more: its length has two octets
 */
export function encodeAuthenticatorChecksum({ flags, bindings, delegation }: AuthenticatorChecksum): Uint8Array {
  if (bindings !== undefined && bindings.length !== BINDINGS_LENGTH)
    throw new SspiError('INVALID_PARAMETER', { stage: STAGE, detail: `bindings of ${bindings.length} octets` });
  if (delegation !== undefined && delegation.length > 0xffff)
    throw new SspiError('INVALID_PARAMETER', { stage: STAGE, detail: `a KRB-CRED of ${delegation.length} octets` });

  const octets = new Uint8Array(FIXED_LENGTH + (delegation === undefined ? 0 : 4 + delegation.length));
  const view = new DataView(octets.buffer);
  view.setUint32(0, BINDINGS_LENGTH, true);
  if (bindings !== undefined) octets.set(bindings, 4);
  const others = flags & ~GSS_FLAG.DELEG;
  view.setUint32(20, delegation === undefined ? others : others | GSS_FLAG.DELEG, true);
  if (delegation !== undefined) {
    view.setUint16(24, DELEGATION_OPTION, true);
    view.setUint16(26, delegation.length, true);
    octets.set(delegation, 28);
  }
  return octets;
}

/**
 * Reads the field. Behind it may come extensions that nobody needs to understand.
 * @throws SspiError MALFORMED_TOKEN
 */
export function decodeAuthenticatorChecksum(octets: Uint8Array): AuthenticatorChecksum {
  if (octets.length < FIXED_LENGTH) throw malformed(`${octets.length} octets`);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  if (view.getUint32(0, true) !== BINDINGS_LENGTH) throw malformed('bindings of another length');
  const hash = octets.subarray(4, 4 + BINDINGS_LENGTH);
  const flags = view.getUint32(20, true);
  return {
    flags,
    bindings: hash.some((octet) => octet !== 0) ? hash : undefined,
    delegation: (flags & GSS_FLAG.DELEG) === 0 ? undefined : delegationIn(octets, view),
  };
}

function delegationIn(octets: Uint8Array, view: DataView): Uint8Array {
  if (octets.length < FIXED_LENGTH + 4) throw malformed('no delegation');
  if (view.getUint16(24, true) !== DELEGATION_OPTION) throw malformed('another delegation option than 1');
  const end = FIXED_LENGTH + 4 + view.getUint16(26, true);
  if (end > octets.length) throw malformed('the delegation is longer than what is left');
  return octets.subarray(FIXED_LENGTH + 4, end);
}

function malformed(detail: string): SspiError {
  return new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail });
}
