/**
 * ChangeAccountPassword for Kerberos (contract L10): RFC 3244 behind the one question that SSPI has for it.
 * @module
 */
import { type PasswordChange, type PasswordChangeAnswer, SspiError } from '../sspi/index.ts';
import { passwordRefusal, passwordRules } from './kdc/index.ts';
import { acquireLogon } from './logon.ts';
import { CHANGE_PASSWORD_RESULT as RESULT } from './messages/index.ts';

/**
 * Changes the password of an account, which may well be expired. The function has no place to say where KDCs are: they are asked for
 * in the DNS.
 * @throws SspiError NO_AUTHENTICATING_AUTHORITY where there is no DNS to ask, and what KDCs and the server for passwords refuse
 */
export async function changeAccountPassword(request: PasswordChange): Promise<PasswordChangeAnswer> {
  const { domain, user, oldPassword, newPassword, host } = request;
  const kerberos = { dns: true };
  const logon = await acquireLogon({ kind: 'identity', user, domain, password: oldPassword, kerberos }, host).catch(
    withoutAuthority,
  );
  try {
    const result = await logon.tickets.askForPasswordChange(newPassword);
    if (result.code === RESULT.SUCCESS) return { kind: 'changed' };
    const policy = result.code === RESULT.SOFTERROR ? passwordRules(result.data) : undefined;
    if (policy === undefined) throw passwordRefusal(result);
    return { kind: 'refused', policy };
  } finally {
    logon.dispose();
  }
}

/** What Negotiate takes for a reason to go on without Kerberos is the end here. */
function withoutAuthority(error: unknown): never {
  if (!(error instanceof SspiError) || error.code !== 'NO_CREDENTIALS') throw error;
  const { stage, detail } = error;
  throw new SspiError('NO_AUTHENTICATING_AUTHORITY', { stage, detail, cause: error });
}
