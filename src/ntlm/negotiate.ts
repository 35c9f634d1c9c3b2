/**
 * NEGOTIATE_MESSAGE, [MS-NLMP] 2.2.1.1: the client's first word, what it can do.
 * @module
 */
import { MessageReader, MessageWriter } from './fields.ts';
import { hasAny, NEGOTIATE } from './flags.ts';
import { decodeOem, encodeOem } from './text.ts';
import { decodeVersion, encodeVersion, VERSION_LENGTH, type Version } from './version.ts';

/** The message. */
export interface NegotiateMessage {
  /** Bits of {@link NEGOTIATE}. */
  readonly flags: number;
  /** Only with OEM_DOMAIN_SUPPLIED; always in the OEM character set, for nothing is negotiated yet. */
  readonly domain?: string | undefined;
  /** Only with OEM_WORKSTATION_SUPPLIED. */
  readonly workstation?: string | undefined;
  /** Only with VERSION. */
  readonly version?: Version | undefined;
}

const AT = { flags: 12, domain: 16, workstation: 24, version: 32 } as const;
const FIXED = 32;
const EMPTY = new Uint8Array(0);

/** @throws SspiError MALFORMED_TOKEN, MESSAGE_OUT_OF_ORDER */
export function decodeNegotiate(octets: Uint8Array): NegotiateMessage {
  const reader = new MessageReader(octets, 'NEGOTIATE', FIXED);
  const flags = reader.u32(AT.flags);
  // Without its flag a field is to be ignored, whatever it holds; and clients set VERSION in messages that end before it.
  const version = hasAny(flags, NEGOTIATE.VERSION) ? reader.part(AT.version, VERSION_LENGTH) : undefined;
  return {
    flags,
    domain: hasAny(flags, NEGOTIATE.OEM_DOMAIN_SUPPLIED) ? decodeOem(reader.field(AT.domain)) : undefined,
    workstation: hasAny(flags, NEGOTIATE.OEM_WORKSTATION_SUPPLIED)
      ? decodeOem(reader.field(AT.workstation))
      : undefined,
    version: version === undefined ? undefined : decodeVersion(version),
  };
}

/** There is room for a version when one is given. @throws SspiError INVALID_PARAMETER */
export function encodeNegotiate({ flags, domain, workstation, version }: NegotiateMessage): Uint8Array {
  const domainName = domain === undefined ? EMPTY : encodeOem(domain, 'NTLM NEGOTIATE');
  const workstationName = workstation === undefined ? EMPTY : encodeOem(workstation, 'NTLM NEGOTIATE');
  const fixed = version === undefined ? FIXED : FIXED + VERSION_LENGTH;
  const writer = new MessageWriter('NEGOTIATE', fixed, domainName.length + workstationName.length);
  writer.u32(AT.flags, flags);
  if (version !== undefined) writer.put(AT.version, encodeVersion(version));
  writer.field(AT.domain, domainName);
  writer.field(AT.workstation, workstationName);
  return writer.octets;
}
