/**
 * What an error of this library speaks for.
 * @module
 */
import { NTSTATUS, SspiError, type SspiErrorCode, statusName } from '../../sspi/index.ts';
import type { CauseCode } from './causes.ts';
import type { Likelihood, Suspicions } from './findings.ts';
import { suspectAlert, suspectNtStatus } from './statuses.ts';

/** Every code of the library has a meaning here: the compiler sees to that. The first is the likeliest. */
export const CAUSES_OF_ERROR: Readonly<Record<SspiErrorCode, readonly (readonly [CauseCode, Likelihood])[]>> = {
  INVALID_PARAMETER: [['USAGE', 'certain']],
  INVALID_HANDLE: [['USAGE', 'certain']],
  CONTEXT_NOT_ESTABLISHED: [['USAGE', 'certain']],
  CONTEXT_BUSY: [['USAGE', 'certain']],
  CONTEXT_FINISHED: [['USAGE', 'certain']],
  UNSUPPORTED_FUNCTION: [['USAGE', 'certain']],
  PACKAGE_NOT_FOUND: [['USAGE', 'certain']],
  BUFFER_TOO_SMALL: [['USAGE', 'certain']],
  MISSING_BUFFER: [['USAGE', 'certain']],
  INVALID_BUFFER: [['USAGE', 'certain']],
  QOP_NOT_SUPPORTED: [['USAGE', 'certain']],
  NO_CREDENTIALS: [['USAGE', 'certain']],
  UNKNOWN_CREDENTIALS: [['USAGE', 'certain']],
  NOT_OWNER: [['USAGE', 'certain']],
  NO_IMPERSONATION: [['USAGE', 'certain']],
  WRONG_CREDENTIAL_HANDLE: [['USAGE', 'certain']],
  TARGET_UNKNOWN: [
    ['USAGE', 'likely'],
    ['SPN_UNKNOWN', 'possible'],
  ],

  MALFORMED_TOKEN: [
    ['NOT_THE_PROTOCOL', 'likely'],
    ['MESSAGE_TAMPERED', 'possible'],
  ],
  UNEXPECTED_MESSAGE: [['NOT_THE_PROTOCOL', 'likely']],
  MESSAGE_OUT_OF_ORDER: [
    ['NOT_THE_PROTOCOL', 'likely'],
    ['MESSAGE_TAMPERED', 'possible'],
  ],
  TOKEN_TOO_LARGE: [['LIMIT_REACHED', 'certain']],
  TOO_MANY_LEGS: [['LIMIT_REACHED', 'certain']],
  DEADLINE_EXCEEDED: [
    ['SERVER_UNREACHABLE', 'likely'],
    ['LIMIT_REACHED', 'possible'],
  ],
  MESSAGE_ALTERED: [['MESSAGE_TAMPERED', 'certain']],
  DECRYPT_FAILURE: [['MESSAGE_TAMPERED', 'likely']],
  CONTEXT_EXPIRED: [['PEER_REFUSED', 'possible']],

  LOGON_DENIED: [
    ['WRONG_PASSWORD', 'likely'],
    ['UNKNOWN_USER', 'possible'],
    ['NTLM_BLOCKED_BY_POLICY', 'possible'],
  ],
  ACCOUNT_RESTRICTED: [['LOGON_RESTRICTED', 'possible']],
  ANONYMOUS_REFUSED: [['USAGE', 'likely']],
  NO_AUTHENTICATING_AUTHORITY: [['KDC_UNREACHABLE', 'certain']],
  TIME_SKEW: [['CLOCK_SKEW', 'certain']],
  BAD_BINDINGS: [
    ['CHANNEL_BINDING_MISMATCH', 'certain'],
    ['TLS_TERMINATED_IN_BETWEEN', 'likely'],
  ],
  TARGET_NAME_REFUSED: [
    ['SPN_UNKNOWN', 'likely'],
    ['SERVICE_KEY_MISMATCH', 'possible'],
  ],
  INTEGRITY_REQUIRED: [
    ['DOWNGRADE', 'possible'],
    ['NO_COMMON_MECHANISM', 'possible'],
  ],
  WEAK_CRYPTO_REFUSED: [
    ['NTLM_BLOCKED_BY_POLICY', 'likely'],
    ['DOWNGRADE', 'possible'],
  ],
  MIC_MISSING: [['MESSAGE_TAMPERED', 'likely']],
  MIC_INVALID: [['MESSAGE_TAMPERED', 'certain']],

  MECH_LIST_MIC_MISSING: [['DOWNGRADE', 'likely']],
  MECH_LIST_MIC_INVALID: [['DOWNGRADE', 'certain']],
  NO_COMMON_MECHANISM: [
    ['NO_COMMON_MECHANISM', 'certain'],
    ['NTLM_BLOCKED_BY_POLICY', 'likely'],
  ],
  NEGOTIATION_REJECTED: [
    ['NO_COMMON_MECHANISM', 'likely'],
    ['WRONG_PASSWORD', 'likely'],
    ['NTLM_BLOCKED_BY_POLICY', 'possible'],
  ],

  TLS_FAILED: [['TLS_FAILED', 'certain']],
  TLS_ALERT: [['TLS_FAILED', 'possible']],
  NOT_TLS: [['NOT_THE_PROTOCOL', 'certain']],
  CERTIFICATE_UNUSABLE: [['USAGE', 'certain']],
  CERTIFICATE_UNTRUSTED: [
    ['CERTIFICATE_UNTRUSTED', 'certain'],
    ['TLS_TERMINATED_IN_BETWEEN', 'possible'],
  ],

  VERSION_REFUSED: [['CREDSSP_VERSION_REFUSED', 'certain']],
  VERSION_CHANGED: [
    ['MESSAGE_TAMPERED', 'likely'],
    ['DOWNGRADE', 'possible'],
  ],
  NONCE_INVALID: [
    ['CREDSSP_VERSION_REFUSED', 'possible'],
    ['MESSAGE_TAMPERED', 'possible'],
  ],
  PUBLIC_KEY_MISMATCH: [
    ['TLS_TERMINATED_IN_BETWEEN', 'likely'],
    ['PUBLIC_KEY_NOT_SPKI_CONTENT', 'likely'],
    ['WRONG_CERTIFICATE', 'possible'],
  ],
  PEER_REFUSED: [['PEER_REFUSED', 'possible']],
  DELEGATION_POLICY: [['DELEGATION_POLICY', 'certain']],
  POLICY_NTLM_ONLY: [['DELEGATION_POLICY', 'certain']],
  MUTUAL_AUTH_FAILED: [
    ['CERTIFICATE_UNTRUSTED', 'likely'],
    ['SERVICE_KEY_MISMATCH', 'possible'],
    ['TLS_TERMINATED_IN_BETWEEN', 'possible'],
  ],
  INNER_PROTECTION_MISSING: [
    ['DOWNGRADE', 'possible'],
    ['NO_COMMON_MECHANISM', 'possible'],
  ],

  ENCRYPTION_TYPE_REFUSED: [['ENCRYPTION_TYPE_MISMATCH', 'certain']],
  TICKET_EXPIRED: [['CLOCK_SKEW', 'likely']],
  TICKET_NOT_YET_VALID: [['CLOCK_SKEW', 'certain']],
  TICKET_UNREADABLE: [['SERVICE_KEY_MISMATCH', 'certain']],
  SERVICE_UNKNOWN: [
    ['SPN_UNKNOWN', 'likely'],
    ['SERVICE_KEY_MISMATCH', 'likely'],
  ],
  KEY_VERSION_UNKNOWN: [['SERVICE_KEY_MISMATCH', 'certain']],
  SERVICE_KEY_MISSING: [
    ['SERVICE_KEY_MISMATCH', 'certain'],
    ['ENCRYPTION_TYPE_MISMATCH', 'likely'],
  ],
  AUTHENTICATOR_INVALID: [
    ['MESSAGE_TAMPERED', 'likely'],
    ['SERVICE_KEY_MISMATCH', 'possible'],
  ],
  PRINCIPAL_MISMATCH: [['MESSAGE_TAMPERED', 'likely']],
  REPLAY_DETECTED: [['REPLAY', 'certain']],
  REPLAY_CACHE_UNAVAILABLE: [['LIMIT_REACHED', 'likely']],
  PAC_INVALID: [
    ['SERVICE_KEY_MISMATCH', 'likely'],
    ['MESSAGE_TAMPERED', 'possible'],
  ],
  AUTHORIZATION_DATA_UNKNOWN: [['LOGON_RESTRICTED', 'likely']],
  TRANSIT_REFUSED: [['LOGON_RESTRICTED', 'likely']],
  USER_TO_USER_REQUIRED: [['SPN_UNKNOWN', 'likely']],
  KERBEROS_ERROR: [['PEER_REFUSED', 'possible']],
  ENCRYPTION_TYPE_UNSUPPORTED: [['ENCRYPTION_TYPE_MISMATCH', 'certain']],
  KDC_NOT_FOUND: [['KDC_UNREACHABLE', 'certain']],
  KDC_UNREACHABLE: [['KDC_UNREACHABLE', 'certain']],
  KDC_PROXY_REFUSED: [
    ['KDC_UNREACHABLE', 'likely'],
    ['LOGON_RESTRICTED', 'possible'],
  ],
  KDC_REPLY_MISMATCH: [['MESSAGE_TAMPERED', 'certain']],
  KDC_POLICY: [['LOGON_RESTRICTED', 'certain']],
  KDC_REFUSED: [['PEER_REFUSED', 'likely']],
  PREAUTHENTICATION_UNSUPPORTED: [
    ['SMART_CARD_REQUIRED', 'possible'],
    ['ENCRYPTION_TYPE_MISMATCH', 'possible'],
  ],
  SPN_UNKNOWN: [['SPN_UNKNOWN', 'certain']],
  NO_KERBEROS_KEY: [
    ['USAGE', 'likely'],
    ['ENCRYPTION_TYPE_MISMATCH', 'possible'],
  ],
  TOO_MANY_REFERRALS: [['SPN_UNKNOWN', 'likely']],
  PASSWORD_CHANGE_REFUSED: [['LOGON_RESTRICTED', 'likely']],
  FILE_MALFORMED: [['USAGE', 'certain']],

  NOT_RDP: [['NOT_THE_PROTOCOL', 'certain']],
  RDP_TLS_REQUIRED: [['RDP_SECURITY_MISMATCH', 'certain']],
  RDP_TLS_NOT_ALLOWED: [['RDP_SECURITY_MISMATCH', 'certain']],
  RDP_CERTIFICATE_MISSING: [['RDP_SECURITY_MISMATCH', 'certain']],
  RDP_FLAGS_INCONSISTENT: [['RDP_SECURITY_MISMATCH', 'certain']],
  RDP_NLA_REQUIRED: [['RDP_SECURITY_MISMATCH', 'certain']],
  RDP_USER_CERTIFICATE_REQUIRED: [['RDP_SECURITY_MISMATCH', 'certain']],
  RDP_WITHOUT_NLA: [['RDP_SECURITY_MISMATCH', 'certain']],
  RDP_REMOTE_GUARD_REFUSED: [['RDP_SECURITY_MISMATCH', 'certain']],
  RDP_RESTRICTED_ADMIN_REFUSED: [['RDP_SECURITY_MISMATCH', 'certain']],
  RDP_NEGOTIATION_FAILED: [['RDP_SECURITY_MISMATCH', 'certain']],
  TOO_MANY_CONNECTIONS: [['LIMIT_REACHED', 'certain']],
  GATEWAY_REFUSED: [
    ['SERVER_UNREACHABLE', 'likely'],
    ['TLS_FAILED', 'possible'],
  ],
  CONNECTION_FAILED: [['SERVER_UNREACHABLE', 'certain']],
  CONNECTION_CLOSED: [
    ['PEER_REFUSED', 'likely'],
    ['SERVER_UNREACHABLE', 'possible'],
  ],
  INTERNAL_ERROR: [['INTERNAL', 'certain']],
};

/** So deep an error is looked into by its `cause`. */
const DEEPEST = 5;

/** Errors of the system that say that nobody is there. */
const UNREACHABLE: readonly string[] = [
  'ECONNREFUSED',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
  'ECONNRESET',
  'EPIPE',
];

/** Adds what an error speaks for, and what its causes do. */
export function suspectError(found: Suspicions, error: unknown, depth = 0): void {
  if (error instanceof SspiError) {
    suspectSspiError(found, error);
  } else if (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    UNREACHABLE.includes(error.code)
  ) {
    found.add('SERVER_UNREACHABLE', 'certain', error.code);
  } else if (depth === 0) {
    found.add('INTERNAL', 'likely', error instanceof Error ? error.name : 'what was thrown is no Error');
  }
  const cause = causeOf(error);
  if (cause !== undefined && depth < DEEPEST) suspectError(found, cause, depth + 1);
}

/** What is behind an error. One of the same code has been told once more, with what it means in its place: that is what counts. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined;
  const { cause } = error;
  if (!(error instanceof SspiError && cause instanceof SspiError)) return cause;
  return error.code === cause.code ? cause.cause : cause;
}

function suspectSspiError(found: Suspicions, error: SspiError): void {
  const { code, stage, status, detail, ntStatus } = error;
  const facts = `${code} in ${stage}, ${statusName(status)}${detail === undefined ? '' : `: ${detail}`}`;
  const speaksFor = code === 'CONNECTION_CLOSED' ? closedAt(error) : CAUSES_OF_ERROR[code];
  for (const [cause, likelihood] of speaksFor) found.add(cause, refined(cause, likelihood, error), facts);
  if (ntStatus !== undefined) suspectNtStatus(found, ntStatus, stage);
  if (code === 'TLS_ALERT') suspectAlert(found, /^\w+/u.exec(detail ?? '')?.[0] ?? '', stage);
}

/** What it means that a peer hangs up, by what it had heard until then. */
function closedAt({ stage, detail = '' }: SspiError): readonly (readonly [CauseCode, Likelihood])[] {
  switch (stage) {
    // Whoever hangs up on the first words of RDP has not understood them.
    case 'X.224 Connection Confirm':
      return [
        ['NOT_THE_PROTOCOL', 'likely'],
        ['RDP_SECURITY_MISMATCH', 'possible'],
        ['SERVER_UNREACHABLE', 'possible'],
      ];
    case 'TLS handshake':
      return [
        ['TLS_FAILED', 'likely'],
        ['SERVER_UNREACHABLE', 'possible'],
      ];
    // FreeRDP, and servers of versions 2 and 5, do not say what they have against a proof of the password.
    case 'TSRequest':
      return detail.startsWith('right after our answer')
        ? [
            ['WRONG_PASSWORD', 'likely'],
            ['PEER_REFUSED', 'likely'],
            ['UNKNOWN_USER', 'possible'],
          ]
        : [
            ['SERVER_UNREACHABLE', 'likely'],
            ['PEER_REFUSED', 'possible'],
          ];
    default:
      return CAUSES_OF_ERROR.CONNECTION_CLOSED;
  }
}

/** The NTSTATUS knows better than the code whether it was the password. */
function refined(cause: CauseCode, likelihood: Likelihood, { code, ntStatus }: SspiError): Likelihood {
  if (code !== 'LOGON_DENIED' || ntStatus === undefined) return likelihood;
  if (cause === 'WRONG_PASSWORD' && ntStatus === NTSTATUS.NO_SUCH_USER) return 'possible';
  return likelihood;
}
