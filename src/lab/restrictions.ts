/**
 * Accounts that may not log on, although they are there: what the KDC answers ([MS-KILE] 3.3.5.6.1), and what NTLM does.
 * @module
 */
import { KRB_ERROR_CODE, type PrincipalName } from '../kerberos/index.ts';
import { NTSTATUS } from '../sspi/index.ts';
import type { LabAccountState } from './account.ts';
import { isPasswordService, type Principal } from './principals.ts';
import { Refusal, windowsReason } from './refusal.ts';

interface Restriction {
  readonly errorCode: number;
  readonly ntStatus: number;
  /** Whether whoever does not know the password learns of it, too. */
  readonly isOpen: boolean;
}

const RESTRICTIONS: Readonly<Record<Exclude<LabAccountState, 'right'>, Restriction>> = {
  disabled: { errorCode: KRB_ERROR_CODE.KDC_ERR_CLIENT_REVOKED, ntStatus: NTSTATUS.ACCOUNT_DISABLED, isOpen: true },
  locked: { errorCode: KRB_ERROR_CODE.KDC_ERR_CLIENT_REVOKED, ntStatus: NTSTATUS.ACCOUNT_LOCKED_OUT, isOpen: true },
  expired: { errorCode: KRB_ERROR_CODE.KDC_ERR_CLIENT_REVOKED, ntStatus: NTSTATUS.ACCOUNT_EXPIRED, isOpen: true },
  'must-change': {
    errorCode: KRB_ERROR_CODE.KDC_ERR_KEY_EXPIRED,
    ntStatus: NTSTATUS.PASSWORD_MUST_CHANGE,
    isOpen: false,
  },
};

/**
 * @param isProved - whether the client has shown that it knows the password
 * @param sname - the service that the ticket is to be for: whoever must change his password gets one for that
 * @throws Refusal
 */
export function assertMayLogOn({ state }: Principal, isProved: boolean, sname?: PrincipalName): void {
  if (state === 'must-change' && sname !== undefined && isPasswordService(sname)) return;
  const restriction = state === 'right' ? undefined : RESTRICTIONS[state];
  if (restriction === undefined || !(isProved || restriction.isOpen)) return;
  throw new Refusal(restriction.errorCode, { data: windowsReason(restriction.ntStatus) });
}

/** The NTSTATUS with which NTLM refuses the account when its password is right; undefined when it does not. */
export function ntlmRestriction({ state, isProtected }: Principal): number | undefined {
  if (state !== 'right') return RESTRICTIONS[state].ntStatus;
  return isProtected ? NTSTATUS.ACCOUNT_RESTRICTION : undefined;
}
