/**
 * KRB-ERROR in the AP exchange (RFC 4120 5.9.1, contract K11): what a service answers when it refuses, and what a client makes of
 * such an answer.
 *
 * Nobody authenticates a KRB-ERROR. It may end an exchange, which anybody on the way could do as well; it never lets one go on
 * with less.
 * @module
 */
import { encode } from '../der/index.ts';
import { SEC_E, type SecurityStatus, SspiError, type SspiErrorCode } from '../sspi/index.ts';
import {
  KRB_ERROR_CODE as CODE,
  KERB_ERROR_DATA_TYPE,
  KerbErrorData,
  KrbError,
  krbErrorName,
  millisecondsOf,
  type PrincipalName,
  timestampOf,
  windowsErrorData,
} from './messages/index.ts';

/** What each refusal is called on the wire. */
const ERROR_CODE_OF: ReadonlyMap<SspiErrorCode, number> = new Map<SspiErrorCode, number>([
  ['AUTHENTICATOR_INVALID', CODE.KRB_AP_ERR_BAD_INTEGRITY],
  ['TICKET_EXPIRED', CODE.KRB_AP_ERR_TKT_EXPIRED],
  ['TICKET_NOT_YET_VALID', CODE.KRB_AP_ERR_TKT_NYV],
  ['REPLAY_DETECTED', CODE.KRB_AP_ERR_REPEAT],
  ['SERVICE_UNKNOWN', CODE.KRB_AP_ERR_NOT_US],
  ['TARGET_NAME_REFUSED', CODE.KRB_AP_ERR_NOT_US],
  ['PRINCIPAL_MISMATCH', CODE.KRB_AP_ERR_BADMATCH],
  ['TIME_SKEW', CODE.KRB_AP_ERR_SKEW],
  ['TICKET_UNREADABLE', CODE.KRB_AP_ERR_MODIFIED],
  ['PAC_INVALID', CODE.KRB_AP_ERR_MODIFIED],
  ['KEY_VERSION_UNKNOWN', CODE.KRB_AP_ERR_BADKEYVER],
  ['SERVICE_KEY_MISSING', CODE.KRB_AP_ERR_NOKEY],
  ['TRANSIT_REFUSED', CODE.KRB_AP_PATH_NOT_ACCEPTED],
  ['USER_TO_USER_REQUIRED', CODE.KRB_AP_ERR_USER_TO_USER_REQUIRED],
  ['ENCRYPTION_TYPE_REFUSED', CODE.KDC_ERR_ETYPE_NOSUPP],
]);

/** What a client learns from the service's answer. Status only where it is not that of the catalogue. */
const FAILURE_OF: ReadonlyMap<number, { readonly code: SspiErrorCode; readonly status?: SecurityStatus }> = new Map<
  number,
  { readonly code: SspiErrorCode; readonly status?: SecurityStatus }
>([
  [CODE.KRB_AP_ERR_BAD_INTEGRITY, { code: 'AUTHENTICATOR_INVALID', status: SEC_E.WRONG_PRINCIPAL }],
  [CODE.KRB_AP_ERR_TKT_EXPIRED, { code: 'TICKET_EXPIRED' }],
  [CODE.KRB_AP_ERR_TKT_NYV, { code: 'TICKET_NOT_YET_VALID' }],
  [CODE.KRB_AP_ERR_REPEAT, { code: 'REPLAY_DETECTED' }],
  [CODE.KRB_AP_ERR_NOT_US, { code: 'SERVICE_UNKNOWN' }],
  [CODE.KRB_AP_ERR_BADMATCH, { code: 'PRINCIPAL_MISMATCH' }],
  [CODE.KRB_AP_ERR_SKEW, { code: 'TIME_SKEW' }],
  [CODE.KRB_AP_ERR_MODIFIED, { code: 'TICKET_UNREADABLE' }],
  [CODE.KRB_AP_ERR_BADKEYVER, { code: 'KEY_VERSION_UNKNOWN' }],
  [CODE.KRB_AP_ERR_NOKEY, { code: 'SERVICE_KEY_MISSING' }],
  [CODE.KRB_AP_PATH_NOT_ACCEPTED, { code: 'TRANSIT_REFUSED' }],
  [CODE.KRB_AP_ERR_USER_TO_USER_REQUIRED, { code: 'USER_TO_USER_REQUIRED' }],
  [CODE.KDC_ERR_MUST_USE_USER2USER, { code: 'USER_TO_USER_REQUIRED' }],
  [CODE.KDC_ERR_ETYPE_NOSUPP, { code: 'ENCRYPTION_TYPE_REFUSED' }],
  [CODE.KDC_ERR_POLICY, { code: 'LOGON_DENIED' }],
  // What a KDC says, and a service hands on that asked one in our name.
  [CODE.KDC_ERR_C_PRINCIPAL_UNKNOWN, { code: 'LOGON_DENIED' }],
  [CODE.KDC_ERR_S_PRINCIPAL_UNKNOWN, { code: 'SPN_UNKNOWN' }],
  [CODE.KDC_ERR_CLIENT_REVOKED, { code: 'ACCOUNT_RESTRICTED' }],
  [CODE.KDC_ERR_KEY_EXPIRED, { code: 'ACCOUNT_RESTRICTED' }],
  [CODE.KDC_ERR_PREAUTH_FAILED, { code: 'LOGON_DENIED' }],
]);

/** For whom a KRB-ERROR is, and who says it. */
export interface ErrorAddress {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly realm: string;
  readonly sname: PrincipalName;
}

/**
 * The KRB-ERROR of a service that refuses. It names the kind of failure and nothing else: the details are for the service's log.
 * @param recover - whether a client with a wrong clock may come again ([MS-KILE] 3.4.5)
 */
export function encodeRefusal(failure: SspiError, { now, realm, sname }: ErrorAddress, recover = false): Uint8Array {
  const { time: stime, usec: susec } = timestampOf(now);
  const errorCode = ERROR_CODE_OF.get(failure.code) ?? CODE.KRB_ERR_GENERIC;
  const eData = recover ? encode(KerbErrorData, { dataType: KERB_ERROR_DATA_TYPE.SKEW_RECOVERY }) : undefined;
  return encode(KrbError, { pvno: 5, msgType: 30, stime, susec, errorCode, realm, sname, eData });
}

/** What a service's KRB-ERROR means. */
export interface Refusal {
  readonly failure: SspiError;
  /** The service's time, when it invites the client to try again with that. Milliseconds since 1970. */
  readonly retryAt: number | undefined;
}

/**
 * Reads a service's answer.
 * @param now - our time, in milliseconds since 1970: the difference goes into the error
 */
export function refusalOf(error: KrbError, now: number, stage: string): Refusal {
  const { errorCode, stime, susec, realm, sname } = error;
  const theirs = millisecondsOf(stime, susec);
  const { skewRecovery = false, ntStatus } = windowsErrorData(error.eData) ?? {};
  const { code, status } = FAILURE_OF.get(errorCode) ?? { code: 'KERBEROS_ERROR' };
  const facts = [krbErrorName(errorCode), `said by ${printable(`${sname.nameString.join('/')}@${realm}`)}`];
  if (code === 'TIME_SKEW' || code === 'TICKET_NOT_YET_VALID' || code === 'TICKET_EXPIRED')
    facts.push(skewText(theirs - now, 'the clock of the service is'));
  const retry = errorCode === CODE.KRB_AP_ERR_SKEW && skewRecovery;
  return {
    failure: new SspiError(code, { stage, status, ntStatus, detail: facts.join(', ') }),
    retryAt: retry ? theirs : undefined,
  };
}

/** A difference of clocks for people: `the clock of the client is 412 s ahead`. */
export function skewText(milliseconds: number, whose: string): string {
  const seconds = Math.abs(milliseconds / 1000);
  const rounded = seconds < 10 ? seconds.toFixed(1) : seconds.toFixed(0);
  return `${whose} ${rounded} s ${milliseconds < 0 ? 'behind' : 'ahead'}`;
}

/** What somebody sent goes into an error message, and from there into logs and terminals. */
export function printable(text: string): string {
  return text.slice(0, 200).replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?');
}
