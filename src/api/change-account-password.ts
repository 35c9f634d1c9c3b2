/**
 * ChangeAccountPassword (contract L10).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-changeaccountpasswordw
 * @module
 */
import {
  type DomainPasswordInformation,
  NTSTATUS,
  SEC_E,
  SECBUFFER,
  type SecBufferDesc,
  Secret,
  SspiError,
} from '../sspi/index.ts';
import { bufferOf, fillBuffer, readDescriptor, requireCapacity, requireWritable } from './buffers.ts';
import { type Environment, findPackage } from './environment.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters, requireZero } from './parameters.ts';

/** What `changeAccountPassword` takes. */
export interface ChangeAccountPasswordParameters {
  /** `pszPackageName`: one that knows an authority, as Kerberos does; case does not matter. */
  readonly packageName: string;
  /** `pszDomainName`: domain or realm. */
  readonly domainName: string;
  /** `pszAccountName`. */
  readonly accountName: string;
  /** `pszOldPassword`: text, or UTF-16LE octets in a `Secret`, which stays the caller's. */
  readonly oldPassword: string | Secret;
  /** `pszNewPassword`. */
  readonly newPassword: string | Secret;
  /** `bImpersonating`: says nothing that matters here. */
  readonly impersonating?: boolean | undefined;
  /** `dwReserved`: 0. */
  readonly reserved?: number | undefined;
  /** `pOutput`: a CHANGE_PASS_RESPONSE buffer, for what the policy of the domain demands when it refuses the new password. */
  readonly output?: SecBufferDesc | null | undefined;
}

const STAGE = 'ChangeAccountPassword';

/** Octets of DOMAIN_PASSWORD_INFORMATION. */
const POLICY_LENGTH = 24;

/** Changes the password of an account that may well be expired: nobody logs on for it. */
export async function changeAccountPassword(
  environment: Environment,
  parameters: ChangeAccountPasswordParameters,
): Promise<Outcome> {
  const secrets: Secret[] = [];
  try {
    const { packageName, domainName, accountName, oldPassword, newPassword, reserved, output } =
      requireParameters(parameters);
    const securityPackage = findPackage(environment, packageName);
    if (securityPackage.changePassword === undefined)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: `${STAGE} (${securityPackage.info.name})` });
    requireZero(reserved, 'dwReserved');
    const response = bufferOf(readDescriptor(output, 'pOutput'), SECBUFFER.CHANGE_PASS_RESPONSE);
    if (response !== undefined) {
      requireWritable(response);
      requireCapacity(response, POLICY_LENGTH, 'pOutput');
    }
    const answer = await securityPackage.changePassword({
      domain: readText(domainName, 'pszDomainName'),
      user: readText(accountName, 'pszAccountName'),
      oldPassword: readPassword(oldPassword, secrets),
      newPassword: readPassword(newPassword, secrets),
      host: environment.host,
    });
    if (answer.kind === 'changed') {
      if (response !== undefined) response.count = 0;
      return { status: SEC_E.OK };
    }
    if (response !== undefined) fillBuffer(response, encodePolicy(answer.policy), 'pOutput');
    throw new SspiError('PASSWORD_CHANGE_REFUSED', { stage: STAGE, ntStatus: NTSTATUS.PASSWORD_RESTRICTION });
  } catch (error) {
    return failureOf(error);
  } finally {
    for (const secret of secrets) secret.dispose();
  }
}

function readText(value: unknown, name: string): string {
  if (typeof value === 'string' && !value.includes('\0')) return value;
  throw new SspiError('INVALID_PARAMETER', { stage: name });
}

function readPassword(value: unknown, secrets: Secret[]): Secret {
  if (value instanceof Secret && !value.disposed) return value;
  if (typeof value !== 'string') throw new SspiError('INVALID_PARAMETER', { stage: 'password' });
  const secret = Secret.fromText(value);
  secrets.push(secret);
  return secret;
}

/** u16, u16, u32, i64, i64, little-endian. */
function encodePolicy(policy: DomainPasswordInformation): Uint8Array {
  const octets = new Uint8Array(POLICY_LENGTH);
  const view = new DataView(octets.buffer);
  view.setUint16(0, policy.minPasswordLength, true);
  view.setUint16(2, policy.passwordHistoryLength, true);
  view.setUint32(4, policy.passwordProperties, true);
  view.setBigInt64(8, policy.maxPasswordAge, true);
  view.setBigInt64(16, policy.minPasswordAge, true);
  return octets;
}
