/**
 * From KRB-ERROR (RFC 4120 5.9.1) to the error of this library, with the facts that help: contract K11.
 * @module
 */
import { NTSTATUS, ntStatusName, SEC_E, SspiError, type SspiErrorCode } from '../../sspi/index.ts';
import { encryptionTypeName } from '../encryption/index.ts';
import {
  KRB_ERROR_CODE as CODE,
  formatPrincipal,
  type KrbError,
  krbErrorName,
  millisecondsOf,
  type PrincipalName,
  windowsErrorData,
} from '../messages/index.ts';
import { type KdcClock, skewText } from './clock.ts';

/** What was asked for when the error came. */
export interface RequestFacts {
  /** For example `Kerberos AS-REQ to EXAMPLE.COM`. */
  readonly stage: string;
  readonly client: PrincipalName;
  readonly clientRealm: string;
  readonly service: PrincipalName;
  readonly serviceRealm: string;
  readonly encryptionTypes: readonly number[];
  readonly clock: KdcClock;
}

/** What an error-code means: our code, and the NTSTATUS when the KDC gives none. */
interface Meaning {
  readonly code: SspiErrorCode;
  readonly ntStatus?: number;
  /** Which of the facts belong to it. */
  readonly about?: 'service' | 'client' | 'etypes' | 'skew';
}

const MEANINGS: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [CODE.KDC_ERR_C_PRINCIPAL_UNKNOWN, { code: 'LOGON_DENIED', ntStatus: NTSTATUS.NO_SUCH_USER, about: 'client' }],
  [CODE.KDC_ERR_PREAUTH_FAILED, { code: 'LOGON_DENIED', ntStatus: NTSTATUS.WRONG_PASSWORD, about: 'client' }],
  [CODE.KDC_ERR_NAME_EXP, { code: 'ACCOUNT_RESTRICTED', ntStatus: NTSTATUS.ACCOUNT_EXPIRED, about: 'client' }],
  [CODE.KDC_ERR_CLIENT_REVOKED, { code: 'ACCOUNT_RESTRICTED', ntStatus: NTSTATUS.ACCOUNT_DISABLED, about: 'client' }],
  [CODE.KDC_ERR_CLIENT_NOTYET, { code: 'ACCOUNT_RESTRICTED', ntStatus: NTSTATUS.ACCOUNT_RESTRICTION, about: 'client' }],
  [CODE.KDC_ERR_KEY_EXPIRED, { code: 'ACCOUNT_RESTRICTED', ntStatus: NTSTATUS.PASSWORD_EXPIRED, about: 'client' }],
  [CODE.KDC_ERR_POLICY, { code: 'KDC_POLICY' }],
  [CODE.KDC_ERR_BADOPTION, { code: 'KDC_POLICY' }],
  [CODE.KDC_ERR_S_PRINCIPAL_UNKNOWN, { code: 'SPN_UNKNOWN', about: 'service' }],
  [CODE.KDC_ERR_PRINCIPAL_NOT_UNIQUE, { code: 'SPN_UNKNOWN', about: 'service' }],
  [CODE.KDC_ERR_SERVICE_EXP, { code: 'SPN_UNKNOWN', about: 'service' }],
  [CODE.KDC_ERR_SERVICE_REVOKED, { code: 'SPN_UNKNOWN', about: 'service' }],
  [CODE.KDC_ERR_SERVICE_NOTYET, { code: 'SPN_UNKNOWN', about: 'service' }],
  [CODE.KDC_ERR_ETYPE_NOSUPP, { code: 'ENCRYPTION_TYPE_UNSUPPORTED', about: 'etypes' }],
  [CODE.KDC_ERR_PADATA_TYPE_NOSUPP, { code: 'PREAUTHENTICATION_UNSUPPORTED' }],
  [CODE.KDC_ERR_PREAUTH_REQUIRED, { code: 'PREAUTHENTICATION_UNSUPPORTED' }],
  [CODE.KDC_ERR_MUST_USE_USER2USER, { code: 'USER_TO_USER_REQUIRED', about: 'service' }],
  [CODE.KRB_AP_ERR_USER_TO_USER_REQUIRED, { code: 'USER_TO_USER_REQUIRED', about: 'service' }],
  [CODE.KRB_AP_ERR_SKEW, { code: 'TIME_SKEW', ntStatus: NTSTATUS.TIME_DIFFERENCE_AT_DC, about: 'skew' }],
  [CODE.KRB_AP_ERR_TKT_EXPIRED, { code: 'TICKET_EXPIRED', about: 'skew' }],
  [CODE.KDC_ERR_NEVER_VALID, { code: 'TICKET_EXPIRED', about: 'skew' }],
  [CODE.KDC_ERR_TGT_REVOKED, { code: 'TICKET_EXPIRED' }],
  [CODE.KRB_AP_ERR_TKT_NYV, { code: 'TICKET_NOT_YET_VALID', about: 'skew' }],
  [CODE.KRB_AP_ERR_MODIFIED, { code: 'TICKET_UNREADABLE', about: 'service' }],
  [CODE.KRB_AP_ERR_BAD_INTEGRITY, { code: 'TICKET_UNREADABLE', about: 'service' }],
  [CODE.KRB_AP_ERR_NOKEY, { code: 'NO_KERBEROS_KEY', about: 'service' }],
  [CODE.KRB_AP_ERR_BADKEYVER, { code: 'NO_KERBEROS_KEY', about: 'service' }],
  [CODE.KDC_ERR_SVC_UNAVAILABLE, { code: 'KDC_UNREACHABLE', ntStatus: NTSTATUS.NO_LOGON_SERVERS }],
]);

/** Reasons that are about the account and not about its password: another code, because asking for the password again is no use. */
const RESTRICTIONS: ReadonlySet<number> = new Set([
  NTSTATUS.ACCOUNT_RESTRICTION,
  NTSTATUS.INVALID_LOGON_HOURS,
  NTSTATUS.INVALID_WORKSTATION,
  NTSTATUS.PASSWORD_EXPIRED,
  NTSTATUS.ACCOUNT_DISABLED,
  NTSTATUS.LOGON_TYPE_NOT_GRANTED,
  NTSTATUS.ACCOUNT_EXPIRED,
  NTSTATUS.PASSWORD_MUST_CHANGE,
  NTSTATUS.ACCOUNT_LOCKED_OUT,
]);

/** A KRB-ERROR as the error of this library. Nobody vouches for what is in it: it decides how to fail, and nothing else. */
export function refusalOf(error: KrbError, facts: RequestFacts): SspiError {
  const meaning = MEANINGS.get(error.errorCode) ?? { code: 'KDC_REFUSED' };
  const told = windowsErrorData(error.eData)?.ntStatus;
  const ntStatus = told ?? meaning.ntStatus;
  const isRestriction = meaning.code === 'LOGON_DENIED' && told !== undefined && RESTRICTIONS.has(told);
  const text = error.eText === undefined || error.eText === '' ? undefined : `"${printable(error.eText)}"`;
  const said = [
    krbErrorName(error.errorCode),
    text,
    told === undefined ? undefined : ntStatusName(told),
    about(meaning, error, facts),
  ];
  return new SspiError(isRestriction ? 'ACCOUNT_RESTRICTED' : meaning.code, {
    stage: facts.stage,
    detail: said.filter((one) => one !== undefined).join(', '),
    ntStatus,
    status: told === NTSTATUS.SMARTCARD_LOGON_REQUIRED ? SEC_E.SMARTCARD_LOGON_REQUIRED : undefined,
  });
}

function about(meaning: Meaning, error: KrbError, facts: RequestFacts): string | undefined {
  switch (meaning.about) {
    case 'service':
      return `asked for ${formatPrincipal(facts.service, facts.serviceRealm)}`;
    case 'client':
      return `client ${formatPrincipal(facts.client, facts.clientRealm)}`;
    case 'etypes':
      return `offered ${facts.encryptionTypes.map(encryptionTypeName).join(', ')} for ${formatPrincipal(facts.service, facts.serviceRealm)}`;
    case 'skew':
      return skewText(facts.clock.skewOf(millisecondsOf(error.stime, error.susec)));
    default:
      return undefined;
  }
}

/** What a KDC says goes into an error message, and from there into logs and terminals. */
export function printable(text: string): string {
  return text.slice(0, 200).replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?');
}
