/**
 * AddCredentials (contract L9).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-addcredentialsw
 * @module
 */
import { type AuthData, decodeAuthIdentity, NEVER, SEC_E, Secret, SspiError } from '../sspi/index.ts';
import { checkPrincipal, readUse } from './acquire-credentials-handle.ts';
import { checkAuthData } from './auth-data.ts';
import { type Environment, findCredential } from './environment.ts';
import type { CredHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `addCredentials` takes. */
export interface AddCredentialsParameters {
  /** `hCredentials`: of Negotiate. */
  readonly credential: CredHandle;
  /** `pszPrincipal`: has to be the name in `authData`, if there is one. */
  readonly principal?: string | null | undefined;
  /** `pszPackage`: the mechanism, for example `NTLM`; case does not matter. */
  readonly package: string;
  /** `fCredentialUse`: bits of `SECPKG_CRED`. */
  readonly credentialUse: number;
  /** `pAuthData`: a credential structure, or the octets of a SEC_WINNT_AUTH_IDENTITY_EX2. */
  readonly authData?: AuthData | Uint8Array | null | undefined;
}

/** What `addCredentials` gives. */
export interface AddCredentialsResult extends Outcome {
  /** `ptsExpiry`: of the handle as it is now, FILETIME ticks in local time. */
  readonly expiry: bigint;
}

/**
 * Adds the credential of one mechanism to a handle, which can then be used in the directions that the credential serves. If the
 * handle has one for that mechanism and direction, the new one takes its place. Contexts under way go on with what they began with.
 */
export async function addCredentials(
  environment: Environment,
  parameters: AddCredentialsParameters,
): Promise<AddCredentialsResult> {
  try {
    const { credential, principal, package: packageName, credentialUse, authData } = requireParameters(parameters);
    const { credential: target } = findCredential(environment, credential);
    if (target.add === undefined)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: `AddCredentials (${target.info.name})` });
    if (typeof packageName !== 'string') throw new SspiError('PACKAGE_NOT_FOUND', { stage: 'package name' });
    const identity = authData instanceof Uint8Array ? decodeAuthIdentity(authData) : undefined;
    try {
      const use = readUse(credentialUse);
      const material = identity ?? checkAuthData(authData);
      checkPrincipal(principal, material);
      await target.add(packageName, {
        use,
        principal: principal ?? undefined,
        authData: material,
        host: environment.host,
      });
    } finally {
      // The credential has made its own copy of a password that was unpacked here.
      if (identity?.password instanceof Secret) identity.password.dispose();
    }
    return { status: SEC_E.OK, expiry: environment.localTime(target.expiry) };
  } catch (error) {
    return { ...failureOf(error), expiry: NEVER };
  }
}
