/**
 * Delegated credentials in the packed form in which Windows hands them to `LsaLogonUser`: KERB_INTERACTIVE_LOGON for a password,
 * KERB_CERTIFICATE_LOGON for a smart card, as SECPKG_ATTR_CREDS and CREDS_2 give them (contract Q6). "Packed" means that pointers
 * are offsets from the start of the structure. The layout is that of 64-bit Windows.
 * @see https://learn.microsoft.com/windows/win32/api/ntsecapi/ns-ntsecapi-kerb_interactive_logon
 * @see https://learn.microsoft.com/windows/win32/api/ntsecapi/ns-ntsecapi-kerb_certificate_logon
 * @module
 */
import { concat, decodeUtf16, encodeUtf16 } from '../crypto/index.ts';
import type { DelegatedCredentials } from './attributes.ts';
import { SspiError } from './errors.ts';
import { Secret } from './secret.ts';
import { SEC_E } from './status.ts';
import { StructureReader } from './structures.ts';

const INTERACTIVE_LOGON = { name: 'KERB_INTERACTIVE_LOGON', messageType: 2, size: 56 } as const;
const CERTIFICATE_LOGON = { name: 'KERB_CERTIFICATE_LOGON', messageType: 13, size: 72 } as const;
const CSP_INFO = { name: 'KERB_SMARTCARD_CSP_INFO', messageType: 1, size: 40 } as const;
const MAX_U16 = 0xffff;

type SmartCard = Extract<DelegatedCredentials, { readonly kind: 'smart-card' }>;

/**
 * Packs delegated credentials.
 * @returns new octets, which hold the secret in the clear: overwrite them after use. For remote guard they are the
 *   KERB_TICKET_LOGON that the client sent; for nothing delegated they are empty
 * @throws SspiError SEC_E_CANNOT_PACK when a text has more than 65,535 octets
 */
export function packLogon(credentials: DelegatedCredentials): Uint8Array {
  switch (credentials.kind) {
    case 'none':
      return new Uint8Array(0);
    case 'password': {
      const logon = new StructureWriter(INTERACTIVE_LOGON.size);
      logon.u32(0, INTERACTIVE_LOGON.messageType);
      logon.unicodeString(8, encodeUtf16(credentials.domain));
      logon.unicodeString(24, encodeUtf16(credentials.user));
      logon.unicodeString(40, credentials.password.reveal());
      return logon.finish();
    }
    case 'smart-card': {
      const logon = new StructureWriter(CERTIFICATE_LOGON.size);
      logon.u32(0, CERTIFICATE_LOGON.messageType);
      logon.unicodeString(8, encodeUtf16(credentials.domainHint ?? ''));
      logon.unicodeString(24, encodeUtf16(credentials.userHint ?? ''));
      logon.unicodeString(40, credentials.pin.reveal());
      const cspInfo = packCspInfo(credentials);
      logon.u32(60, cspInfo.length);
      logon.offset64(64, cspInfo);
      return logon.finish();
    }
    case 'remote-guard':
      return new Uint8Array(credentials.logon.credential.reveal());
    default:
      return credentials satisfies never;
  }
}

/** The names stand behind each other in bBuffer, each with a NUL; their offsets count characters. */
function packCspInfo({ keySpec, cardName, readerName, containerName, cspName }: SmartCard): Uint8Array {
  const info = new StructureWriter(CSP_INFO.size);
  let characters = 0;
  for (const [at, name = ''] of [
    [24, cardName],
    [28, readerName],
    [32, containerName],
    [36, cspName],
  ] as const) {
    info.u32(at, characters);
    info.append(encodeUtf16(`${name}\0`));
    characters += name.length + 1;
  }
  info.u32(0, CSP_INFO.size + 2 * characters);
  info.u32(4, CSP_INFO.messageType);
  info.u32(20, keySpec);
  return info.finish();
}

/** A fixed part with numbers in it, and what the numbers point to behind it. */
class StructureWriter {
  readonly #fixed: Uint8Array;
  readonly #view: DataView;
  readonly #data: Uint8Array[] = [];
  #end: number;

  constructor(size: number) {
    this.#fixed = new Uint8Array(size);
    this.#view = new DataView(this.#fixed.buffer);
    this.#end = size;
  }

  u32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  append(octets: Uint8Array): void {
    this.#data.push(octets);
    this.#end += octets.length;
  }

  offset64(at: number, octets: Uint8Array): void {
    this.u32(at, this.#end); // the upper half stays 0
    this.append(octets);
  }

  /** UNICODE_STRING: Length, MaximumLength, 4 octets of padding, Buffer. */
  unicodeString(at: number, octets: Uint8Array): void {
    if (octets.length > MAX_U16)
      throw new SspiError('INVALID_PARAMETER', {
        stage: 'UNICODE_STRING',
        status: SEC_E.CANNOT_PACK,
        detail: 'too long',
      });
    this.#view.setUint16(at, octets.length, true);
    this.#view.setUint16(at + 2, octets.length, true);
    this.offset64(at + 8, octets);
  }

  finish(): Uint8Array {
    return concat(this.#fixed, ...this.#data);
  }
}

/**
 * Reads what {@link packLogon}, or Windows, packed.
 * @returns credentials with secrets of their own, which the caller disposes
 * @throws SspiError UNKNOWN_CREDENTIALS for another message type, or an offset or length that leads outside
 */
export function unpackLogon(octets: Uint8Array): DelegatedCredentials {
  const messageType = new StructureReader(octets, 'LSA logon structure', 'UNKNOWN_CREDENTIALS').u32(0);
  switch (messageType) {
    case INTERACTIVE_LOGON.messageType: {
      const reader = new StructureReader(octets, INTERACTIVE_LOGON.name, 'UNKNOWN_CREDENTIALS');
      const domain = decodeUtf16(unicodeString(reader, 8, INTERACTIVE_LOGON.size));
      const user = decodeUtf16(unicodeString(reader, 24, INTERACTIVE_LOGON.size));
      const password = unicodeString(reader, 40, INTERACTIVE_LOGON.size);
      return { kind: 'password', domain, user, password: new Secret(new Uint8Array(password)) };
    }
    case CERTIFICATE_LOGON.messageType: {
      const reader = new StructureReader(octets, CERTIFICATE_LOGON.name, 'UNKNOWN_CREDENTIALS');
      const domainHint = presentText(unicodeString(reader, 8, CERTIFICATE_LOGON.size));
      const userHint = presentText(unicodeString(reader, 24, CERTIFICATE_LOGON.size));
      const pin = unicodeString(reader, 40, CERTIFICATE_LOGON.size);
      const cspInfo = unpackCspInfo(reader.slice(reader.offset64(64), reader.u32(60)));
      return { kind: 'smart-card', pin: new Secret(new Uint8Array(pin)), ...cspInfo, userHint, domainHint };
    }
    default:
      throw new SspiError('UNKNOWN_CREDENTIALS', {
        stage: 'LSA logon structure',
        detail: `message type ${messageType}`,
      });
  }
}

function unicodeString(reader: StructureReader, at: number, fixedSize: number): Uint8Array {
  const length = reader.u16(at);
  if (length === 0) return reader.slice(0, 0); // an empty string may have any pointer, also none
  if (length % 2 !== 0 || length > reader.u16(at + 2)) throw reader.malformed(`the length at ${at} is not possible`);
  const offset = reader.offset64(at + 8);
  if (offset < fixedSize) throw reader.malformed(`the offset at ${at + 8} points into the fixed part`);
  return reader.slice(offset, length);
}

function unpackCspInfo(
  octets: Uint8Array,
): Pick<SmartCard, 'keySpec' | 'cardName' | 'readerName' | 'containerName' | 'cspName'> {
  const reader = new StructureReader(octets, CSP_INFO.name, 'UNKNOWN_CREDENTIALS');
  if (reader.u32(0) !== octets.length || octets.length < CSP_INFO.size)
    throw reader.malformed('dwCspInfoLen does not fit');
  if (reader.u32(4) !== CSP_INFO.messageType) throw reader.malformed('the message type is not 1');
  const names = octets.subarray(CSP_INFO.size);
  const name = (at: number): string | undefined => presentText(terminatedText(reader, names, reader.u32(at)));
  return {
    keySpec: reader.u32(20),
    cardName: name(24),
    readerName: name(28),
    containerName: name(32),
    cspName: name(36),
  };
}

/** From `offset`, in characters, up to the NUL, which must be there. */
function terminatedText(reader: StructureReader, names: Uint8Array, offset: number): Uint8Array {
  for (let at = 2 * offset; at + 1 < names.length; at += 2) {
    if (names[at] === 0 && names[at + 1] === 0) return names.subarray(2 * offset, at);
  }
  throw reader.malformed('a name does not end');
}

function presentText(octets: Uint8Array): string | undefined {
  return octets.length === 0 ? undefined : decodeUtf16(octets);
}
