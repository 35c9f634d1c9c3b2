/**
 * What the codes of peers mean as causes: NTSTATUS, error codes of Kerberos, TLS alerts.
 * @module
 */
import { KRB_ERROR_CODE as KRB, krbErrorName } from '../../kerberos/index.ts';
import { NTSTATUS, ntStatusName } from '../../sspi/index.ts';
import { hexNumber } from '../text.ts';
import type { CauseCode } from './causes.ts';
import type { Likelihood, Suspicions } from './findings.ts';

type Meaning = readonly (readonly [CauseCode, Likelihood])[];

/** [MS-ERREF]: NTLM is blocked. */
const STATUS_NTLM_BLOCKED = 0xc0000418;

const OF_NTSTATUS: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [
    NTSTATUS.LOGON_FAILURE,
    [
      ['WRONG_PASSWORD', 'likely'],
      ['UNKNOWN_USER', 'possible'],
      ['NTLM_BLOCKED_BY_POLICY', 'possible'],
    ],
  ],
  [NTSTATUS.WRONG_PASSWORD, [['WRONG_PASSWORD', 'certain']]],
  [NTSTATUS.NO_SUCH_USER, [['UNKNOWN_USER', 'certain']]],
  [NTSTATUS.ACCOUNT_DISABLED, [['ACCOUNT_DISABLED', 'certain']]],
  [NTSTATUS.ACCOUNT_EXPIRED, [['ACCOUNT_EXPIRED', 'certain']]],
  [NTSTATUS.ACCOUNT_LOCKED_OUT, [['ACCOUNT_LOCKED', 'certain']]],
  [NTSTATUS.PASSWORD_EXPIRED, [['PASSWORD_EXPIRED', 'certain']]],
  [NTSTATUS.PASSWORD_MUST_CHANGE, [['PASSWORD_EXPIRED', 'certain']]],
  [NTSTATUS.PASSWORD_RESTRICTION, [['LOGON_RESTRICTED', 'likely']]],
  [
    NTSTATUS.ACCOUNT_RESTRICTION,
    [
      ['NTLM_BLOCKED_BY_POLICY', 'likely'],
      ['LOGON_RESTRICTED', 'possible'],
    ],
  ],
  [NTSTATUS.INVALID_LOGON_HOURS, [['LOGON_RESTRICTED', 'certain']]],
  [NTSTATUS.INVALID_WORKSTATION, [['LOGON_RESTRICTED', 'certain']]],
  [NTSTATUS.LOGON_TYPE_NOT_GRANTED, [['LOGON_RESTRICTED', 'certain']]],
  [NTSTATUS.AUTHENTICATION_FIREWALL_FAILED, [['LOGON_RESTRICTED', 'certain']]],
  [NTSTATUS.SMARTCARD_LOGON_REQUIRED, [['SMART_CARD_REQUIRED', 'certain']]],
  [NTSTATUS.TIME_DIFFERENCE_AT_DC, [['CLOCK_SKEW', 'certain']]],
  [NTSTATUS.NO_LOGON_SERVERS, [['KDC_UNREACHABLE', 'certain']]],
  [NTSTATUS.TRUSTED_DOMAIN_FAILURE, [['KDC_UNREACHABLE', 'likely']]],
  [NTSTATUS.TRUSTED_RELATIONSHIP_FAILURE, [['KDC_UNREACHABLE', 'likely']]],
  [NTSTATUS.NO_TRUST_SAM_ACCOUNT, [['KDC_UNREACHABLE', 'likely']]],
  [
    NTSTATUS.BAD_BINDINGS,
    [
      ['CHANNEL_BINDING_MISMATCH', 'certain'],
      ['TLS_TERMINATED_IN_BETWEEN', 'likely'],
    ],
  ],
  [NTSTATUS.DOWNGRADE_DETECTED, [['DOWNGRADE', 'certain']]],
  [
    NTSTATUS.NOT_SUPPORTED,
    [
      ['CREDSSP_VERSION_REFUSED', 'likely'],
      ['NTLM_BLOCKED_BY_POLICY', 'possible'],
    ],
  ],
  [
    NTSTATUS.ACCESS_DENIED,
    [
      ['TLS_TERMINATED_IN_BETWEEN', 'possible'],
      ['LOGON_RESTRICTED', 'possible'],
    ],
  ],
  [
    NTSTATUS.INVALID_PARAMETER,
    [
      ['MESSAGE_TAMPERED', 'possible'],
      ['NOT_THE_PROTOCOL', 'possible'],
    ],
  ],
  [STATUS_NTLM_BLOCKED, [['NTLM_BLOCKED_BY_POLICY', 'certain']]],
]);

/** What an NTSTATUS of the peer speaks for. */
export function suspectNtStatus(found: Suspicions, ntStatus: number, where: string): void {
  const unsigned = ntStatus >>> 0;
  if (unsigned === NTSTATUS.SUCCESS) return;
  const evidence = `${where}: ${ntStatusName(unsigned)} (${hexNumber(unsigned)})`;
  for (const [code, likelihood] of OF_NTSTATUS.get(unsigned) ?? [['PEER_REFUSED', 'likely'] as const])
    found.add(code, likelihood, evidence);
}

const OF_KERBEROS: ReadonlyMap<number, Meaning> = new Map<number, Meaning>([
  [KRB.KDC_ERR_C_PRINCIPAL_UNKNOWN, [['UNKNOWN_USER', 'certain']]],
  [KRB.KDC_ERR_S_PRINCIPAL_UNKNOWN, [['SPN_UNKNOWN', 'certain']]],
  [KRB.KDC_ERR_PRINCIPAL_NOT_UNIQUE, [['SPN_UNKNOWN', 'certain']]],
  [KRB.KDC_ERR_NAME_EXP, [['ACCOUNT_EXPIRED', 'certain']]],
  [
    KRB.KDC_ERR_CLIENT_REVOKED,
    [
      ['ACCOUNT_DISABLED', 'likely'],
      ['ACCOUNT_LOCKED', 'possible'],
      ['ACCOUNT_EXPIRED', 'possible'],
    ],
  ],
  [KRB.KDC_ERR_KEY_EXPIRED, [['PASSWORD_EXPIRED', 'certain']]],
  [KRB.KDC_ERR_PREAUTH_FAILED, [['WRONG_PASSWORD', 'certain']]],
  [KRB.KDC_ERR_POLICY, [['LOGON_RESTRICTED', 'likely']]],
  [KRB.KDC_ERR_ETYPE_NOSUPP, [['ENCRYPTION_TYPE_MISMATCH', 'certain']]],
  [KRB.KDC_ERR_SVC_UNAVAILABLE, [['KDC_UNREACHABLE', 'likely']]],
  [KRB.KDC_ERR_NEVER_VALID, [['CLOCK_SKEW', 'likely']]],
  [KRB.KRB_AP_ERR_SKEW, [['CLOCK_SKEW', 'certain']]],
  [KRB.KRB_AP_ERR_TKT_NYV, [['CLOCK_SKEW', 'likely']]],
  [KRB.KRB_AP_ERR_TKT_EXPIRED, [['CLOCK_SKEW', 'possible']]],
  [KRB.KRB_AP_ERR_REPEAT, [['REPLAY', 'certain']]],
  [KRB.KRB_AP_ERR_MODIFIED, [['SERVICE_KEY_MISMATCH', 'certain']]],
  [KRB.KRB_AP_ERR_NOT_US, [['SERVICE_KEY_MISMATCH', 'certain']]],
  [KRB.KRB_AP_ERR_BADKEYVER, [['SERVICE_KEY_MISMATCH', 'certain']]],
  [KRB.KRB_AP_ERR_NOKEY, [['SERVICE_KEY_MISMATCH', 'certain']]],
  [
    KRB.KRB_AP_ERR_BAD_INTEGRITY,
    [
      ['SERVICE_KEY_MISMATCH', 'likely'],
      ['MESSAGE_TAMPERED', 'possible'],
    ],
  ],
]);

/** Errors by which a KDC goes on with the conversation, and nothing is wrong. */
const ORDINARY: readonly number[] = [
  KRB.KDC_ERR_PREAUTH_REQUIRED,
  KRB.KDC_ERR_MORE_PREAUTH_DATA_REQUIRED,
  KRB.KRB_ERR_RESPONSE_TOO_BIG,
  KRB.KDC_ERR_WRONG_REALM,
  KRB.KDC_ERR_MUST_USE_USER2USER,
  KRB.KRB_AP_ERR_USER_TO_USER_REQUIRED,
];

/** What a KRB-ERROR speaks for. */
export function suspectKerberosError(found: Suspicions, errorCode: number, where: string): void {
  if (ORDINARY.includes(errorCode)) return;
  const evidence = `${where}: ${krbErrorName(errorCode)}`;
  for (const [code, likelihood] of OF_KERBEROS.get(errorCode) ?? [['PEER_REFUSED', 'likely'] as const])
    found.add(code, likelihood, evidence);
}

const OF_ALERT: ReadonlyMap<string, Meaning> = new Map<string, Meaning>([
  // Servers have no better word for a pubKeyAuth that does not verify, nor for a TSRequest that they do not take.
  [
    'internal_error',
    [
      ['PUBLIC_KEY_NOT_SPKI_CONTENT', 'likely'],
      ['CREDSSP_VERSION_REFUSED', 'possible'],
      ['WRONG_PASSWORD', 'possible'],
    ],
  ],
  [
    'access_denied',
    [
      ['WRONG_PASSWORD', 'likely'],
      ['LOGON_RESTRICTED', 'possible'],
      ['PEER_REFUSED', 'possible'],
    ],
  ],
  ['unknown_ca', [['CERTIFICATE_UNTRUSTED', 'certain']]],
  ['bad_certificate', [['CERTIFICATE_UNTRUSTED', 'likely']]],
  ['unsupported_certificate', [['CERTIFICATE_UNTRUSTED', 'likely']]],
  ['certificate_revoked', [['CERTIFICATE_UNTRUSTED', 'certain']]],
  ['certificate_expired', [['CERTIFICATE_UNTRUSTED', 'certain']]],
  ['certificate_unknown', [['CERTIFICATE_UNTRUSTED', 'likely']]],
  ['handshake_failure', [['TLS_FAILED', 'certain']]],
  ['protocol_version', [['TLS_FAILED', 'certain']]],
  ['insufficient_security', [['TLS_FAILED', 'certain']]],
  ['no_application_protocol', [['TLS_FAILED', 'certain']]],
  ['inappropriate_fallback', [['DOWNGRADE', 'certain']]],
  ['bad_record_mac', [['MESSAGE_TAMPERED', 'likely']]],
  ['decrypt_error', [['MESSAGE_TAMPERED', 'likely']]],
]);

/** What a TLS alert speaks for. */
export function suspectAlert(found: Suspicions, name: string, where: string): void {
  if (name === 'close_notify' || name === 'user_canceled') return;
  const evidence = `${where}: TLS alert ${name}`;
  for (const [code, likelihood] of OF_ALERT.get(name) ?? [['TLS_FAILED', 'likely'] as const])
    found.add(code, likelihood, evidence);
}
