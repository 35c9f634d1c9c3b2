/**
 * Exit codes: one for each class of outcome, so that scripts can tell a wrong password from a server that is down.
 * @module
 */
import { type CauseCode, diagnose } from '../explain/index.ts';

/** Exit codes of all commands. */
export const EXIT = {
  /** Everything was as it should be: logged on. */
  OK: 0,
  /** The account or its credentials were refused; of other commands: something was not as it should be. */
  FAILED: 1,
  /** The command line or a file named on it cannot be used. */
  USAGE: 2,
  /** The server cannot be reached, or does not answer in time. */
  UNREACHABLE: 3,
  /** What answers is no RDP server with Network Level Authentication. */
  NOT_RDP: 4,
  /** TLS, the certificate, or somebody who terminates TLS in between. */
  TLS: 5,
  /** A policy of either side does not allow it: delegation, version, mechanism. */
  POLICY: 6,
  /** Kerberos: the KDC, the clock, the SPN, the keys. */
  KERBEROS: 7,
  /** Messages were changed, repeated or oversized. */
  TAMPERED: 8,
  /** Something failed that has no name. */
  INTERNAL: 9,
  /** Ctrl-C: 128 and the number of SIGINT. */
  INTERRUPTED: 130,
  /** Whoever read the output has gone: 128 and the number of SIGPIPE. */
  PIPE_CLOSED: 141,
  /** Ended from outside: 128 and the number of SIGTERM. */
  TERMINATED: 143,
} as const;

const OF_CAUSE: Readonly<Record<CauseCode, number>> = {
  WRONG_PASSWORD: EXIT.FAILED,
  UNKNOWN_USER: EXIT.FAILED,
  ACCOUNT_DISABLED: EXIT.FAILED,
  ACCOUNT_EXPIRED: EXIT.FAILED,
  ACCOUNT_LOCKED: EXIT.FAILED,
  PASSWORD_EXPIRED: EXIT.FAILED,
  LOGON_RESTRICTED: EXIT.FAILED,
  SMART_CARD_REQUIRED: EXIT.FAILED,
  PEER_REFUSED: EXIT.FAILED,
  USAGE: EXIT.USAGE,
  SERVER_UNREACHABLE: EXIT.UNREACHABLE,
  RDP_SECURITY_MISMATCH: EXIT.NOT_RDP,
  NOT_THE_PROTOCOL: EXIT.NOT_RDP,
  TLS_FAILED: EXIT.TLS,
  CERTIFICATE_UNTRUSTED: EXIT.TLS,
  WRONG_CERTIFICATE: EXIT.TLS,
  CHANNEL_BINDING_MISMATCH: EXIT.TLS,
  TLS_TERMINATED_IN_BETWEEN: EXIT.TLS,
  PUBLIC_KEY_NOT_SPKI_CONTENT: EXIT.TLS,
  DELEGATION_POLICY: EXIT.POLICY,
  CREDSSP_VERSION_REFUSED: EXIT.POLICY,
  NTLM_BLOCKED_BY_POLICY: EXIT.POLICY,
  NO_COMMON_MECHANISM: EXIT.POLICY,
  KDC_UNREACHABLE: EXIT.KERBEROS,
  CLOCK_SKEW: EXIT.KERBEROS,
  SPN_UNKNOWN: EXIT.KERBEROS,
  SERVICE_KEY_MISMATCH: EXIT.KERBEROS,
  ENCRYPTION_TYPE_MISMATCH: EXIT.KERBEROS,
  MESSAGE_TAMPERED: EXIT.TAMPERED,
  DOWNGRADE: EXIT.TAMPERED,
  REPLAY: EXIT.TAMPERED,
  LIMIT_REACHED: EXIT.TAMPERED,
  INTERNAL: EXIT.INTERNAL,
};

/** The exit code of a logon that ended with an error: that of its likeliest cause. */
export function exitCodeOf(error: unknown): number {
  const [best] = diagnose(error).causes;
  return best === undefined ? EXIT.INTERNAL : OF_CAUSE[best.code];
}

/** For `--help`. */
export const LOGON_EXIT_CODES = `Exit codes:
    0  logged on; in the lab: every outcome as expected
    1  account or password refused; in the lab: an unexpected outcome
    2  the command line, or a file named on it, cannot be used
    3  the server cannot be reached, or does not answer in time
    4  what answers is no RDP server with Network Level Authentication
    5  TLS or the certificate; somebody terminates TLS in between
    6  a policy of either side: delegation, CredSSP version, mechanism
    7  Kerberos: KDC, clock, SPN, keys
    8  messages were changed, repeated or too large
    9  something failed that has no name
  130  interrupted (Ctrl-C)
  141  nobody reads the output any more
  143  ended by SIGTERM`;
