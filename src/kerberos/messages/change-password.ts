/**
 * Changing a password, RFC 3244: an AP-REQ and a KRB-PRIV in a frame of their own.
 * @module
 */
import { field, octetString, optional, sequence, type TypeOf } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { Realm } from './basic-types.ts';
import { PrincipalName } from './principal.ts';

const STAGE = 'Kerberos change password';

/** ChangePasswdData: what the KRB-PRIV of a request holds. */
export const ChangePasswdData = sequence({
  newpasswd: field(0, octetString), // UTF-8
  targname: optional(1, PrincipalName), // setting somebody else's
  targrealm: optional(2, Realm),
});
export type ChangePasswdData = TypeOf<typeof ChangePasswdData>;

/** Protocol versions: 1 is the older one, which only changes one's own and has the bare password in the KRB-PRIV. */
export const CHANGE_PASSWORD_VERSION = { CHANGE: 1, SET: 0xff80 } as const;

/** Result codes. */
export const CHANGE_PASSWORD_RESULT = {
  SUCCESS: 0,
  MALFORMED: 1,
  HARDERROR: 2,
  AUTHERROR: 3,
  SOFTERROR: 4,
  ACCESSDENIED: 5,
  BAD_VERSION: 6,
  INITIAL_FLAG_NEEDED: 7,
} as const;

/** Lengths and version, two octets each. */
const HEADER = 6;

/** A request: version, AP-REQ, KRB-PRIV. A reply has an AP-REP in the middle, or nothing and then a KRB-ERROR at the end. */
export interface ChangePasswordFrame {
  readonly version: number;
  /** AP-REQ or AP-REP. */
  readonly ap: Uint8Array;
  /** KRB-PRIV; KRB-ERROR when `ap` is empty. */
  readonly rest: Uint8Array;
}

/** @throws SspiError INVALID_PARAMETER when it is too long for its frame */
export function encodeChangePassword({ version, ap, rest }: ChangePasswordFrame): Uint8Array {
  const length = HEADER + ap.length + rest.length;
  if (length > 0xffff) throw new SspiError('INVALID_PARAMETER', { stage: STAGE, detail: `${length} octets` });
  const frame = new Uint8Array(length);
  const view = new DataView(frame.buffer);
  view.setUint16(0, length);
  view.setUint16(2, version);
  view.setUint16(4, ap.length);
  frame.set(ap, HEADER);
  frame.set(rest, HEADER + ap.length);
  return frame;
}

/** @throws SspiError MALFORMED_TOKEN when a length does not fit */
export function decodeChangePassword(frame: Uint8Array): ChangePasswordFrame {
  if (frame.length < HEADER) throw malformed(`${frame.length} octets`);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const apEnd = HEADER + view.getUint16(4);
  if (view.getUint16(0) !== frame.length || apEnd > frame.length) throw malformed('a length does not fit');
  return { version: view.getUint16(2), ap: frame.subarray(HEADER, apEnd), rest: frame.subarray(apEnd) };
}

/** What the server says: a result code, and a text or the rules for passwords of a Windows domain. */
export interface ChangePasswordResult {
  readonly code: number;
  readonly data: Uint8Array;
}

/** Reads the user-data of the KRB-PRIV, or the e-data of the KRB-ERROR. @throws SspiError MALFORMED_TOKEN */
export function decodeChangePasswordResult(octets: Uint8Array): ChangePasswordResult {
  const [high, low] = octets;
  if (high === undefined || low === undefined) throw malformed('a result without code');
  return { code: (high << 8) | low, data: octets.subarray(2) };
}

/** The reverse of {@link decodeChangePasswordResult}. */
export function encodeChangePasswordResult({ code, data }: ChangePasswordResult): Uint8Array {
  const octets = new Uint8Array(2 + data.length);
  new DataView(octets.buffer).setUint16(0, code);
  octets.set(data, 2);
  return octets;
}

function malformed(detail: string): SspiError {
  return new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail });
}
