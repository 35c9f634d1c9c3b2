/**
 * Pre-authentication data, RFC 4120 5.2.7, and the types of it that have no file of their own.
 * @module
 */
import {
  boolean,
  field,
  int32,
  integer,
  octetString,
  optional,
  sequence,
  sequenceOf,
  type TypeOf,
} from '../../der/index.ts';
import { flag, KerberosFlags, KerberosString, KerberosTime, Microseconds, Realm } from './basic-types.ts';
import { Checksum, EncryptedData } from './encrypted-data.ts';
import { PrincipalName } from './principal.ts';

/** padata-type. */
export const PA_TYPE = {
  TGS_REQ: 1,
  ENC_TIMESTAMP: 2,
  PW_SALT: 3,
  ETYPE_INFO: 11,
  PK_AS_REQ: 16,
  PK_AS_REP: 17,
  ETYPE_INFO2: 19,
  SVR_REFERRAL_INFO: 20,
  SAM_CHALLENGE_2: 30,
  SAM_RESPONSE_2: 31,
  PAC_REQUEST: 128,
  FOR_USER: 129,
  FOR_X509_USER: 130,
  AS_CHECKSUM: 132,
  FX_COOKIE: 133,
  FX_FAST: 136,
  FX_ERROR: 137,
  ENCRYPTED_CHALLENGE: 138,
  OTP_CHALLENGE: 141,
  OTP_REQUEST: 142,
  REQ_ENC_PA_REP: 149,
  AS_FRESHNESS: 150,
  SPAKE: 151,
  SUPPORTED_ENCTYPES: 165,
  PAC_OPTIONS: 167,
} as const;

/** PA-DATA. */
export const PaData = sequence({ padataType: field(1, int32), padataValue: field(2, octetString) });
export type PaData = TypeOf<typeof PaData>;

/** METHOD-DATA, 5.9.1: the e-data of KDC_ERR_PREAUTH_REQUIRED. */
export const MethodData = sequenceOf(PaData);
export type MethodData = TypeOf<typeof MethodData>;

/** TYPED-DATA, 5.9.1. */
export const TypedData = sequenceOf(sequence({ dataType: field(0, int32), dataValue: optional(1, octetString) }));
export type TypedData = TypeOf<typeof TypedData>;

/** PA-ENC-TS-ENC, 5.2.7.2: what PA-ENC-TIMESTAMP holds, encrypted. */
export const PaEncTsEnc = sequence({ patimestamp: field(0, KerberosTime), pausec: optional(1, Microseconds) });
export type PaEncTsEnc = TypeOf<typeof PaEncTsEnc>;

/** ETYPE-INFO, 5.2.7.4. */
export const EtypeInfo = sequenceOf(sequence({ etype: field(0, int32), salt: optional(1, octetString) }));
export type EtypeInfo = TypeOf<typeof EtypeInfo>;

/** ETYPE-INFO2, 5.2.7.5. */
export const EtypeInfo2 = sequenceOf(
  sequence({ etype: field(0, int32), salt: optional(1, KerberosString), s2kparams: optional(2, octetString) }),
);
export type EtypeInfo2 = TypeOf<typeof EtypeInfo2>;

/** KERB-PA-PAC-REQUEST, [MS-KILE] 2.2.3. */
export const KerbPaPacRequest = sequence({ includePac: field(0, boolean) });
export type KerbPaPacRequest = TypeOf<typeof KerbPaPacRequest>;

/** PA-PAC-OPTIONS, [MS-KILE] 2.2.10. */
export const PaPacOptions = sequence({ flags: field(0, KerberosFlags) });
export type PaPacOptions = TypeOf<typeof PaPacOptions>;

/** Flags of PA-PAC-OPTIONS. */
export const PAC_OPTIONS = {
  CLAIMS: flag(0),
  BRANCH_AWARE: flag(1),
  FORWARD_TO_FULL_DC: flag(2),
  RESOURCE_BASED_CONSTRAINED_DELEGATION: flag(3),
} as const;

/** PA-FOR-USER, [MS-SFU] 2.2.1. */
export const PaForUser = sequence({
  userName: field(0, PrincipalName),
  userRealm: field(1, Realm),
  cksum: field(2, Checksum),
  authPackage: field(3, KerberosString),
});
export type PaForUser = TypeOf<typeof PaForUser>;

/** PA-SAM-RESPONSE-2 (draft-ietf-cat-kerberos-passwords-04): one-time passwords of old. */
export const PaSamResponse2 = sequence({
  samType: field(0, int32),
  samFlags: field(1, KerberosFlags),
  samTrackId: optional(2, octetString),
  samEncNonceOrSad: field(3, EncryptedData), // EncSamResponseEnc2
  samNonce: field(4, int32),
});
export type PaSamResponse2 = TypeOf<typeof PaSamResponse2>;

/** PA-ENC-SAM-RESPONSE-ENC. */
export const EncSamResponseEnc2 = sequence({ samNonce: field(0, int32), samSad: field(1, octetString) });
export type EncSamResponseEnc2 = TypeOf<typeof EncSamResponseEnc2>;

/** What MIT's KDC puts into PA-FX-COOKIE; a client only ever sends it back. */
export const SecureCookie = sequence({ time: integer, data: MethodData });
export type SecureCookie = TypeOf<typeof SecureCookie>;

/** The value of the first element of a type. */
export function findPaData(list: MethodData | undefined, padataType: number): Uint8Array | undefined {
  return list?.find((one) => one.padataType === padataType)?.padataValue;
}
