/**
 * `SEC_WINNT_AUTH_IDENTITY` in its forms: the rules for its flags, and the marshalled form `_EX2` as one block of octets
 * (contract A20-A22).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/ns-sspi-sec_winnt_auth_identity_ex2
 * @module
 */
import { concat, decodeUtf16, encodeUtf16, equalInConstantTime } from '../crypto/index.ts';
import { SspiError } from './errors.ts';
import { AUTH_IDENTITY, type AuthIdentity } from './identities.ts';
import { Secret } from './secret.ts';
import { StructureReader } from './structures.ts';

const EX2 = 'SEC_WINNT_AUTH_IDENTITY_EX2';
const EX2_VERSION = 0x201;
const EX2_HEADER = 48;
const PACKED = 'SEC_WINNT_AUTH_PACKED_CREDENTIALS';
/** cbHeaderLength, cbStructureLength, GUID, SEC_WINNT_AUTH_BYTE_VECTOR. */
const PACKED_HEADER = 28;
/** SEC_WINNT_AUTH_DATA_PASSWORD: one SEC_WINNT_AUTH_BYTE_VECTOR. */
const PASSWORD_HEADER = 8;
const MAX_U16 = 0xffff;

/** SEC_WINNT_AUTH_DATA_TYPE_PASSWORD, 28bfc32f-10f6-4738-98d1-1ac061df716a, as a GUID lies in memory. */
const PASSWORD_TYPE = new Uint8Array([
  0x2f, 0xc3, 0xbf, 0x28, 0xf6, 0x10, 0x38, 0x47, 0x98, 0xd1, 0x1a, 0xc0, 0x61, 0xdf, 0x71, 0x6a,
]);

/** Encrypted in ways that only the Windows machine that did it can undo. */
const ENCRYPTED =
  AUTH_IDENTITY.PROCESS_ENCRYPTED |
  AUTH_IDENTITY.SYSTEM_PROTECTED |
  AUTH_IDENTITY.USER_PROTECTED |
  AUTH_IDENTITY.SYSTEM_ENCRYPTED;

/**
 * Checks that an identity is one that can be used (contract A12, A20). TypeScript strings are Unicode: neither of the two
 * character-set flags needs to be set, but both at once mean that the caller's structure is broken.
 * @throws SspiError UNKNOWN_CREDENTIALS
 */
export function validateAuthIdentity(identity: AuthIdentity): void {
  const { user, domain, password, packageList, flags = 0 } = identity;
  for (const [name, text] of Object.entries({ user, domain, packageList })) {
    if (text === undefined) continue;
    if (typeof text !== 'string' || text.includes('\0')) throw unknown(`${name} is not text without NUL`);
  }
  if (password !== undefined && typeof password !== 'string' && !(password instanceof Secret))
    throw unknown('the password is neither text nor a Secret');
  if (password instanceof Secret && (password.disposed || password.length % 2 !== 0))
    throw unknown('the password is not UTF-16LE octets, or was disposed');
  if (!Number.isInteger(flags)) throw unknown('the flags are not a number');
  checkFlags(flags, user, domain);
}

function checkFlags(flags: number, user: string | undefined, domain: string | undefined): void {
  if ((flags & AUTH_IDENTITY.ANSI) !== 0 && (flags & AUTH_IDENTITY.UNICODE) !== 0)
    throw unknown('both ANSI and UNICODE are set');
  if ((flags & ENCRYPTED) !== 0) throw unknown('encrypted by Windows, which cannot be undone here');
  if ((flags & AUTH_IDENTITY.NULL_USER) !== 0 && user !== undefined)
    throw unknown('NULL_USER is set, and there is a user');
  if ((flags & AUTH_IDENTITY.NULL_DOMAIN) !== 0 && domain !== undefined)
    throw unknown('NULL_DOMAIN is set, and there is a domain');
}

function unknown(detail: string): SspiError {
  return new SspiError('UNKNOWN_CREDENTIALS', { stage: 'SEC_WINNT_AUTH_IDENTITY', detail });
}

/**
 * Reads a marshalled identity.
 * @param octets - the structure; what lies behind `cbStructureLength` is padding and not looked at
 * @returns the identity; its password is a copy, which the caller disposes
 * @throws SspiError UNKNOWN_CREDENTIALS for another version, offsets outside, another kind of credentials than a password
 */
export function decodeAuthIdentity(octets: Uint8Array): AuthIdentity {
  const outer = new StructureReader(octets, EX2, 'UNKNOWN_CREDENTIALS');
  if (outer.u32(0) !== EX2_VERSION) throw outer.malformed('the version is not 0x201');
  if (outer.u16(4) !== EX2_HEADER) throw outer.malformed('cbHeaderLength is not 48');
  const reader = new StructureReader(outer.slice(0, outer.u32(8)), EX2, 'UNKNOWN_CREDENTIALS');

  const flags = reader.u32(36);
  if ((flags & AUTH_IDENTITY.ANSI) !== 0) throw reader.malformed('ANSI text; this structure is always Unicode');
  const packed = member(reader, 28);
  const identity: AuthIdentity = {
    kind: 'identity',
    user: text(reader, 12),
    domain: text(reader, 20),
    packageList: text(reader, 40),
    flags,
  };
  validateAuthIdentity(identity);
  return packed === undefined ? identity : { ...identity, password: unpackPassword(packed) };
}

/** Offset and length of one member, 32 and 16 bits. Offset 0 is the NULL of a marshalled pointer. */
function member(reader: StructureReader, at: number): Uint8Array | undefined {
  const offset = reader.u32(at);
  const length = reader.u16(at + 4);
  if (offset === 0 && length === 0) return undefined;
  if (offset < EX2_HEADER) throw reader.malformed(`the offset at ${at} points into the header`);
  return reader.slice(offset, length);
}

function text(reader: StructureReader, at: number): string | undefined {
  const octets = member(reader, at);
  if (octets === undefined) return undefined;
  if (octets.length % 2 !== 0) throw reader.malformed(`the length at ${at} is odd`);
  return decodeUtf16(octets);
}

function unpackPassword(packed: Uint8Array): Secret {
  const reader = new StructureReader(packed, PACKED, 'UNKNOWN_CREDENTIALS');
  if (reader.u16(0) !== PACKED_HEADER) throw reader.malformed('cbHeaderLength is not 28');
  if (reader.u16(2) > packed.length) throw reader.malformed('cbStructureLength is more than there is');
  if (!equalInConstantTime(reader.slice(4, 16), PASSWORD_TYPE))
    throw reader.malformed('the credentials are not a password');

  const data = reader.u32(20);
  const dataLength = reader.u16(24);
  reader.slice(data, dataLength);
  if (data < PACKED_HEADER || dataLength < PASSWORD_HEADER)
    throw reader.malformed('CredData has no room for a password');
  const password = reader.slice(reader.u32(data), reader.u16(data + 4));
  if (password.length % 2 !== 0) throw reader.malformed('the password has an odd length');
  return new Secret(new Uint8Array(password));
}

/**
 * Marshals an identity: the form for a SECBUFFER_PKG_PARAMS buffer (contract R23).
 * @returns new octets that hold the password in the clear: overwrite them when they have been used
 * @throws SspiError UNKNOWN_CREDENTIALS when the identity is not valid, or a member has more than 65,535 octets
 * @example
 * const identity = encodeAuthIdentity({ kind: 'identity', user: 'alice', domain: 'CORP', password: 'AlicePass1!' });
 * const input = { buffers: [secBuffer(SECBUFFER.PKG_PARAMS, identity)] };
 */
export function encodeAuthIdentity(identity: AuthIdentity): Uint8Array {
  validateAuthIdentity(identity);
  const { user, domain, password, packageList, flags = 0 } = identity;
  const members: [at: number, octets: Uint8Array | undefined][] = [
    [12, user === undefined ? undefined : encodeUtf16(user)],
    [20, domain === undefined ? undefined : encodeUtf16(domain)],
    [28, password === undefined ? undefined : packPassword(password)],
    [40, packageList === undefined ? undefined : encodeUtf16(packageList)],
  ];

  const header = new Uint8Array(EX2_HEADER);
  const view = new DataView(header.buffer);
  let end = EX2_HEADER;
  for (const [at, octets] of members) {
    if (octets === undefined) continue;
    if (octets.length > MAX_U16) throw unknown('a member has more than 65,535 octets');
    view.setUint32(at, end, true);
    view.setUint16(at + 4, octets.length, true);
    end += octets.length;
  }
  view.setUint32(0, EX2_VERSION, true);
  view.setUint16(4, EX2_HEADER, true);
  view.setUint32(8, end, true);
  view.setUint32(36, (flags & ~AUTH_IDENTITY.ANSI) | AUTH_IDENTITY.UNICODE | AUTH_IDENTITY.MARSHALLED, true);

  const whole = concat(header, ...members.map(([, octets]) => octets ?? new Uint8Array(0)));
  members[2]?.[1]?.fill(0);
  return whole;
}

function packPassword(password: string | Secret): Uint8Array {
  const octets = typeof password === 'string' ? encodeUtf16(password) : password.reveal();
  const start = PACKED_HEADER + PASSWORD_HEADER;
  if (start + octets.length > MAX_U16) throw unknown('the password is too long for this structure');
  const packed = new Uint8Array(start + octets.length);
  const view = new DataView(packed.buffer);
  view.setUint16(0, PACKED_HEADER, true);
  view.setUint16(2, packed.length, true);
  packed.set(PASSWORD_TYPE, 4);
  view.setUint32(20, PACKED_HEADER, true);
  view.setUint16(24, PASSWORD_HEADER + octets.length, true);
  view.setUint32(PACKED_HEADER, start, true);
  view.setUint16(PACKED_HEADER + 4, octets.length, true);
  packed.set(octets, start);
  if (typeof password === 'string') octets.fill(0);
  return packed;
}
