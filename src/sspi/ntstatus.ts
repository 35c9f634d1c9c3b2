/**
 * NTSTATUS: what CredSSP servers send as errorCode, and account sources give as the reason of a restriction. Numbers from
 * [MS-ERREF] 2.3.1; the two directions of the mapping are contract T7 and T8.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-erref/596a1078-e883-4972-9bbc-49e60bebca55
 * @module
 */
import type { SspiError } from './errors.ts';
import { SEC_E, type SecurityStatus } from './status.ts';

/** `STATUS_*` codes that occur in logons, held unsigned. */
export const NTSTATUS = {
  SUCCESS: 0x00000000,
  INVALID_PARAMETER: 0xc000000d,
  NO_MEMORY: 0xc0000017,
  ACCESS_DENIED: 0xc0000022,
  NO_LOGON_SERVERS: 0xc000005e,
  NO_SUCH_USER: 0xc0000064,
  WRONG_PASSWORD: 0xc000006a,
  LOGON_FAILURE: 0xc000006d,
  PASSWORD_RESTRICTION: 0xc000006c,
  ACCOUNT_RESTRICTION: 0xc000006e,
  INVALID_LOGON_HOURS: 0xc000006f,
  INVALID_WORKSTATION: 0xc0000070,
  PASSWORD_EXPIRED: 0xc0000071,
  ACCOUNT_DISABLED: 0xc0000072,
  INSUFFICIENT_RESOURCES: 0xc000009a,
  NOT_SUPPORTED: 0xc00000bb,
  INTERNAL_ERROR: 0xc00000e5,
  TIME_DIFFERENCE_AT_DC: 0xc0000133,
  LOGON_TYPE_NOT_GRANTED: 0xc000015b,
  NO_TRUST_SAM_ACCOUNT: 0xc000018b,
  TRUSTED_DOMAIN_FAILURE: 0xc000018c,
  TRUSTED_RELATIONSHIP_FAILURE: 0xc000018d,
  ACCOUNT_EXPIRED: 0xc0000193,
  PASSWORD_MUST_CHANGE: 0xc0000224,
  ACCOUNT_LOCKED_OUT: 0xc0000234,
  SMARTCARD_LOGON_REQUIRED: 0xc00002fa,
  BAD_BINDINGS: 0xc000035b,
  DOWNGRADE_DETECTED: 0xc0000388,
  AUTHENTICATION_FIREWALL_FAILED: 0xc0000413,
} as const;

const names: ReadonlyMap<number, string> = new Map(
  Object.entries(NTSTATUS).map(([name, value]): [number, string] => [value, `STATUS_${name}`]),
);

/**
 * The name of an NTSTATUS.
 * @param ntStatus - signed or unsigned
 * @returns the name, or the number in hexadecimal when it has none here
 * @example
 * ntStatusName(0xc000006d); // 'STATUS_LOGON_FAILURE'
 */
export function ntStatusName(ntStatus: number): string {
  const unsigned = ntStatus >>> 0;
  return names.get(unsigned) ?? `0x${unsigned.toString(16).padStart(8, '0')}`;
}

const SECURITY_STATUS_OF: ReadonlyMap<number, SecurityStatus> = new Map<number, SecurityStatus>([
  [NTSTATUS.LOGON_FAILURE, SEC_E.LOGON_DENIED],
  [NTSTATUS.WRONG_PASSWORD, SEC_E.LOGON_DENIED],
  [NTSTATUS.NO_SUCH_USER, SEC_E.LOGON_DENIED],
  [NTSTATUS.ACCOUNT_RESTRICTION, SEC_E.LOGON_DENIED],
  [NTSTATUS.INVALID_LOGON_HOURS, SEC_E.LOGON_DENIED],
  [NTSTATUS.INVALID_WORKSTATION, SEC_E.LOGON_DENIED],
  [NTSTATUS.PASSWORD_EXPIRED, SEC_E.LOGON_DENIED],
  [NTSTATUS.ACCOUNT_DISABLED, SEC_E.LOGON_DENIED],
  [NTSTATUS.ACCOUNT_EXPIRED, SEC_E.LOGON_DENIED],
  [NTSTATUS.PASSWORD_MUST_CHANGE, SEC_E.LOGON_DENIED],
  [NTSTATUS.ACCOUNT_LOCKED_OUT, SEC_E.LOGON_DENIED],
  [NTSTATUS.LOGON_TYPE_NOT_GRANTED, SEC_E.LOGON_DENIED],
  [NTSTATUS.ACCESS_DENIED, SEC_E.LOGON_DENIED],
  [NTSTATUS.AUTHENTICATION_FIREWALL_FAILED, SEC_E.LOGON_DENIED],
  [NTSTATUS.NO_LOGON_SERVERS, SEC_E.NO_AUTHENTICATING_AUTHORITY],
  [NTSTATUS.TRUSTED_RELATIONSHIP_FAILURE, SEC_E.NO_AUTHENTICATING_AUTHORITY],
  [NTSTATUS.TRUSTED_DOMAIN_FAILURE, SEC_E.NO_AUTHENTICATING_AUTHORITY],
  [NTSTATUS.NO_TRUST_SAM_ACCOUNT, SEC_E.NO_AUTHENTICATING_AUTHORITY],
  [NTSTATUS.NOT_SUPPORTED, SEC_E.UNSUPPORTED_FUNCTION],
  [NTSTATUS.TIME_DIFFERENCE_AT_DC, SEC_E.TIME_SKEW],
  [NTSTATUS.SMARTCARD_LOGON_REQUIRED, SEC_E.SMARTCARD_LOGON_REQUIRED],
  [NTSTATUS.DOWNGRADE_DETECTED, SEC_E.DOWNGRADE_DETECTED],
  [NTSTATUS.NO_MEMORY, SEC_E.INSUFFICIENT_MEMORY],
  [NTSTATUS.INSUFFICIENT_RESOURCES, SEC_E.INSUFFICIENT_MEMORY],
  [NTSTATUS.INVALID_PARAMETER, SEC_E.INVALID_TOKEN],
  [NTSTATUS.BAD_BINDINGS, SEC_E.BAD_BINDINGS],
]);

/**
 * The SECURITY_STATUS for a peer's errorCode (contract T7). Always a failure: whoever asks has been refused, and even a
 * STATUS_SUCCESS in that place must not turn into SEC_E_OK.
 * @param ntStatus - signed or unsigned; some peers send a SECURITY_STATUS here, which is taken as it is
 */
export function securityStatusOfNtStatus(ntStatus: number): SecurityStatus {
  const unsigned = ntStatus >>> 0;
  const known = SECURITY_STATUS_OF.get(unsigned);
  if (known !== undefined) return known;
  if (unsigned >>> 16 === 0x8009) return unsigned;
  // The neighbours of STATUS_LOGON_FAILURE are all about accounts and passwords.
  if (unsigned >= 0xc0000060 && unsigned <= 0xc0000073) return SEC_E.LOGON_DENIED;
  return SEC_E.INTERNAL_ERROR;
}

const NTSTATUS_OF: ReadonlyMap<SecurityStatus, number> = new Map<SecurityStatus, number>([
  [SEC_E.LOGON_DENIED, NTSTATUS.LOGON_FAILURE],
  [SEC_E.NO_CREDENTIALS, NTSTATUS.LOGON_FAILURE],
  [SEC_E.UNKNOWN_CREDENTIALS, NTSTATUS.LOGON_FAILURE],
  [SEC_E.WRONG_PRINCIPAL, NTSTATUS.LOGON_FAILURE], // there is no nearer word for "you meant somebody else"
  [SEC_E.NO_AUTHENTICATING_AUTHORITY, NTSTATUS.NO_LOGON_SERVERS],
  [SEC_E.TIME_SKEW, NTSTATUS.TIME_DIFFERENCE_AT_DC],
  [SEC_E.UNSUPPORTED_FUNCTION, NTSTATUS.NOT_SUPPORTED],
  [SEC_E.INVALID_TOKEN, NTSTATUS.INVALID_PARAMETER],
  [SEC_E.MESSAGE_ALTERED, NTSTATUS.INVALID_PARAMETER],
  [SEC_E.OUT_OF_SEQUENCE, NTSTATUS.INVALID_PARAMETER],
  [SEC_E.INSUFFICIENT_MEMORY, NTSTATUS.INSUFFICIENT_RESOURCES],
  [SEC_E.SMARTCARD_LOGON_REQUIRED, NTSTATUS.SMARTCARD_LOGON_REQUIRED],
  [SEC_E.DOWNGRADE_DETECTED, NTSTATUS.DOWNGRADE_DETECTED],
  [SEC_E.BAD_BINDINGS, NTSTATUS.BAD_BINDINGS],
]);

/** The NTSTATUS for a status, when nothing more is known (contract T8). */
export function ntStatusOfSecurityStatus(status: SecurityStatus): number {
  return NTSTATUS_OF.get(status >>> 0) ?? NTSTATUS.INTERNAL_ERROR;
}

/**
 * What a server tells its client about a failure (contract T8): the most specific NTSTATUS known, except that an unknown user
 * and a wrong password look the same, so that nobody can try out which accounts exist (fault Z7).
 */
export function ntStatusForPeer(error: SspiError): number {
  if (error.ntStatus === undefined) {
    return error.code === 'PUBLIC_KEY_MISMATCH' ? NTSTATUS.ACCESS_DENIED : ntStatusOfSecurityStatus(error.status);
  }
  const ntStatus = error.ntStatus >>> 0;
  if (ntStatus === NTSTATUS.NO_SUCH_USER || ntStatus === NTSTATUS.WRONG_PASSWORD) return NTSTATUS.LOGON_FAILURE;
  // A failure is never reported as a success.
  return ntStatus === NTSTATUS.SUCCESS ? ntStatusOfSecurityStatus(error.status) : ntStatus;
}
