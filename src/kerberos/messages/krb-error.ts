/**
 * KRB-ERROR, RFC 4120 5.9, and what Windows puts into its e-data ([MS-KILE] 2.2.1 and 2.2.2, contract K11).
 * @module
 */
import {
  application,
  DerError,
  decode,
  field,
  int32,
  octetString,
  optional,
  sequence,
  type TypeOf,
} from '../../der/index.ts';
import { KerberosString, KerberosTime, Microseconds, messageType, pvno, Realm } from './basic-types.ts';
import { MESSAGE_TYPE } from './kdc.ts';
import { PrincipalName } from './principal.ts';

/** KRB-ERROR. */
export const KrbError = application(
  30,
  sequence({
    pvno: field(0, pvno),
    msgType: field(1, messageType(MESSAGE_TYPE.KRB_ERROR)),
    ctime: optional(2, KerberosTime),
    cusec: optional(3, Microseconds),
    stime: field(4, KerberosTime),
    susec: field(5, Microseconds),
    errorCode: field(6, int32),
    crealm: optional(7, Realm),
    cname: optional(8, PrincipalName),
    realm: field(9, Realm),
    sname: field(10, PrincipalName),
    eText: optional(11, KerberosString),
    eData: optional(12, octetString),
  }),
);
export type KrbError = TypeOf<typeof KrbError>;

/** error-code, 7.5.9; RFC 4556; RFC 6113; RFC 6806. */
export const KRB_ERROR_CODE = {
  KDC_ERR_NONE: 0,
  KDC_ERR_NAME_EXP: 1,
  KDC_ERR_SERVICE_EXP: 2,
  KDC_ERR_BAD_PVNO: 3,
  KDC_ERR_C_OLD_MAST_KVNO: 4,
  KDC_ERR_S_OLD_MAST_KVNO: 5,
  KDC_ERR_C_PRINCIPAL_UNKNOWN: 6,
  KDC_ERR_S_PRINCIPAL_UNKNOWN: 7,
  KDC_ERR_PRINCIPAL_NOT_UNIQUE: 8,
  KDC_ERR_NULL_KEY: 9,
  KDC_ERR_CANNOT_POSTDATE: 10,
  KDC_ERR_NEVER_VALID: 11,
  KDC_ERR_POLICY: 12,
  KDC_ERR_BADOPTION: 13,
  KDC_ERR_ETYPE_NOSUPP: 14,
  KDC_ERR_SUMTYPE_NOSUPP: 15,
  KDC_ERR_PADATA_TYPE_NOSUPP: 16,
  KDC_ERR_TRTYPE_NOSUPP: 17,
  KDC_ERR_CLIENT_REVOKED: 18,
  KDC_ERR_SERVICE_REVOKED: 19,
  KDC_ERR_TGT_REVOKED: 20,
  KDC_ERR_CLIENT_NOTYET: 21,
  KDC_ERR_SERVICE_NOTYET: 22,
  KDC_ERR_KEY_EXPIRED: 23,
  KDC_ERR_PREAUTH_FAILED: 24,
  KDC_ERR_PREAUTH_REQUIRED: 25,
  KDC_ERR_SERVER_NOMATCH: 26,
  KDC_ERR_MUST_USE_USER2USER: 27,
  KDC_ERR_PATH_NOT_ACCEPTED: 28,
  KDC_ERR_SVC_UNAVAILABLE: 29,
  KRB_AP_ERR_BAD_INTEGRITY: 31,
  KRB_AP_ERR_TKT_EXPIRED: 32,
  KRB_AP_ERR_TKT_NYV: 33,
  KRB_AP_ERR_REPEAT: 34,
  KRB_AP_ERR_NOT_US: 35,
  KRB_AP_ERR_BADMATCH: 36,
  KRB_AP_ERR_SKEW: 37,
  KRB_AP_ERR_BADADDR: 38,
  KRB_AP_ERR_BADVERSION: 39,
  KRB_AP_ERR_MSG_TYPE: 40,
  KRB_AP_ERR_MODIFIED: 41,
  KRB_AP_ERR_BADORDER: 42,
  KRB_AP_ERR_BADKEYVER: 44,
  KRB_AP_ERR_NOKEY: 45,
  KRB_AP_ERR_MUT_FAIL: 46,
  KRB_AP_ERR_BADDIRECTION: 47,
  KRB_AP_ERR_METHOD: 48,
  KRB_AP_ERR_BADSEQ: 49,
  KRB_AP_ERR_INAPP_CKSUM: 50,
  KRB_AP_PATH_NOT_ACCEPTED: 51,
  KRB_ERR_RESPONSE_TOO_BIG: 52,
  KRB_ERR_GENERIC: 60,
  KRB_ERR_FIELD_TOOLONG: 61,
  KDC_ERR_CLIENT_NOT_TRUSTED: 62,
  KDC_ERR_INVALID_SIG: 64,
  KDC_ERR_DH_KEY_PARAMETERS_NOT_ACCEPTED: 65,
  KDC_ERR_WRONG_REALM: 68,
  KRB_AP_ERR_USER_TO_USER_REQUIRED: 69,
  KDC_ERR_CANT_VERIFY_CERTIFICATE: 70,
  KDC_ERR_INVALID_CERTIFICATE: 71,
  KDC_ERR_REVOKED_CERTIFICATE: 72,
  KDC_ERR_CLIENT_NAME_MISMATCH: 75,
  KDC_ERR_PREAUTH_EXPIRED: 90,
  KDC_ERR_MORE_PREAUTH_DATA_REQUIRED: 91,
  KDC_ERR_UNKNOWN_CRITICAL_FAST_OPTIONS: 93,
} as const;

const NAMES = new Map<number, string>(Object.entries(KRB_ERROR_CODE).map(([name, code]) => [code, name]));

/** An error code for people: `KDC_ERR_PREAUTH_FAILED (24)`. */
export function krbErrorName(errorCode: number): string {
  const name = NAMES.get(errorCode);
  return name === undefined ? `error ${errorCode}` : `${name} (${errorCode})`;
}

/** KERB-ERROR-DATA, [MS-KILE] 2.2.1. */
export const KerbErrorData = sequence({ dataType: field(1, int32), dataValue: optional(2, octetString) });
export type KerbErrorData = TypeOf<typeof KerbErrorData>;

/** data-type of KERB-ERROR-DATA. */
export const KERB_ERROR_DATA_TYPE = {
  /** KERB_AP_ERR_TYPE_SKEW_RECOVERY: try again with the time in this error. */
  SKEW_RECOVERY: 2,
  /** KERB_ERR_TYPE_EXTENDED: a KERB-EXT-ERROR. */
  EXTENDED: 3,
} as const;

/** What a Windows KDC or server says in its e-data. */
export interface WindowsErrorData {
  readonly skewRecovery: boolean;
  /** The reason as Windows knows it, for example STATUS_ACCOUNT_DISABLED. */
  readonly ntStatus: number | undefined;
}

/** Octets of KERB-EXT-ERROR: status, reserved, flags. */
const EXT_ERROR_LENGTH = 12;

/**
 * Reads the e-data of an error as Windows writes it. Undefined when it is not that: other KDCs put other things there, and an
 * error that nobody authenticates must not lead to another one.
 */
export function windowsErrorData(eData: Uint8Array | undefined): WindowsErrorData | undefined {
  if (eData === undefined) return undefined;
  try {
    const { dataType, dataValue } = decode(KerbErrorData, eData);
    const extended = dataType === KERB_ERROR_DATA_TYPE.EXTENDED && dataValue?.length === EXT_ERROR_LENGTH;
    const ntStatus = extended ? new DataView(dataValue.buffer, dataValue.byteOffset).getUint32(0, true) : undefined;
    return { skewRecovery: dataType === KERB_ERROR_DATA_TYPE.SKEW_RECOVERY, ntStatus };
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}
