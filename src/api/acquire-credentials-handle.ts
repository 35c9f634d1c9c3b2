/**
 * AcquireCredentialsHandle (contract §2.1).
 * @see https://learn.microsoft.com/windows/win32/secauthn/acquirecredentialshandle--credssp
 * @module
 */
import { type AuthData, decodeAuthIdentity, NEVER, SEC_E, SECPKG_CRED, Secret, SspiError } from '../sspi/index.ts';
import { checkAuthData, frameOf } from './auth-data.ts';
import { CredentialEntry } from './entries.ts';
import { type Environment, findPackage } from './environment.ts';
import type { CredHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireFlags, requireParameters } from './parameters.ts';

/** What `acquireCredentialsHandle` takes. */
export interface AcquireCredentialsHandleParameters {
  /** `pszPrincipal`: whose credentials; null: the caller's own. Has to be the name in `authData`, if there is one. */
  readonly principal?: string | null | undefined;
  /** `pszPackage`: for example `CREDSSP`; case does not matter. */
  readonly package: string;
  /** `fCredentialUse`: bits of `SECPKG_CRED`. 0, which the reference page prints for OUTBOUND, is OUTBOUND (contract A4). */
  readonly credentialUse: number;
  /** `pvLogonId`: only the session of this process means anything; accepted and not used (contract A7). */
  readonly logonId?: unknown;
  /** `pAuthData`: a credential structure, or the octets of a SEC_WINNT_AUTH_IDENTITY_EX2. */
  readonly authData?: AuthData | Uint8Array | null | undefined;
  /** `pGetKeyFn`: not used (contract A9). */
  readonly getKeyFn?: unknown;
  /** `pvGetKeyArgument`: not used (contract A9). */
  readonly getKeyArgument?: unknown;
}

/** What `acquireCredentialsHandle` gives. */
export interface AcquireCredentialsHandleResult extends Outcome {
  /** `phCredential`: release it with `freeCredentialsHandle`. Null on failure. */
  readonly credential: CredHandle | null;
  /** `ptsExpiry`: FILETIME ticks in local time (contract A10). */
  readonly expiry: bigint;
}

const KNOWN_USES =
  SECPKG_CRED.BOTH | SECPKG_CRED.DEFAULT | SECPKG_CRED.AUTOLOGON_RESTRICTED | SECPKG_CRED.PROCESS_POLICY_ONLY;

/** A handle to credentials. Nobody is contacted, and a wrong password shows only when a context is made (contract A1, A16). */
export async function acquireCredentialsHandle(
  environment: Environment,
  parameters: AcquireCredentialsHandleParameters,
): Promise<AcquireCredentialsHandleResult> {
  try {
    const { principal, package: packageName, credentialUse, authData } = requireParameters(parameters);
    const securityPackage = findPackage(environment, packageName);
    const use = readUse(credentialUse);
    const identity = authData instanceof Uint8Array ? decodeAuthIdentity(authData) : undefined;
    try {
      const { name } = securityPackage.info;
      const material = identity === undefined ? checkAuthData(authData) : frameOf(name, undefined)(identity);
      checkPrincipal(principal, material);
      const request = { use, principal: principal ?? undefined, authData: material, host: environment.host };
      const credential = await securityPackage.acquire(request);
      const entry = new CredentialEntry(securityPackage, credential, frameOf(name, material));
      const handle = environment.credentials.add(entry);
      return { status: SEC_E.OK, credential: handle, expiry: environment.localTime(credential.expiry) };
    } finally {
      // The credential has made its own copy of a password that was unpacked here.
      if (identity?.password instanceof Secret) identity.password.dispose();
    }
  } catch (error) {
    return { ...failureOf(error), credential: null, expiry: NEVER };
  }
}

/** fCredentialUse (contract A4). */
export function readUse(credentialUse: unknown): number {
  const use = requireFlags(credentialUse, 'fCredentialUse');
  const unknownBits = (use & ~KNOWN_USES) >>> 0;
  if (unknownBits !== 0)
    throw new SspiError('INVALID_PARAMETER', {
      stage: 'fCredentialUse',
      detail: `unknown bits 0x${unknownBits.toString(16)}`,
    });
  if ((use & SECPKG_CRED.DEFAULT) !== 0) throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'SECPKG_CRED_DEFAULT' });
  // By its page it looks at policy and never gives a credential: the application is to ask the user for one.
  if ((use & SECPKG_CRED.PROCESS_POLICY_ONLY) !== 0)
    throw new SspiError('NO_CREDENTIALS', { stage: 'SECPKG_CRED_PROCESS_POLICY_ONLY' });
  return (use & SECPKG_CRED.BOTH) === 0 ? use | SECPKG_CRED.OUTBOUND : use;
}

/**
 * A name alone asks for stored credentials, and there is no store that could hold them (contract A2). Beside credentials it has to
 * be theirs: a handle to those of somebody else would be a success that is none.
 * @throws SspiError INVALID_PARAMETER, NO_CREDENTIALS
 */
export function checkPrincipal(principal: unknown, material: AuthData | undefined): void {
  if (principal === undefined || principal === null) return;
  if (typeof principal !== 'string') throw new SspiError('INVALID_PARAMETER', { stage: 'pszPrincipal' });
  const names = namesIn(material);
  if (names !== undefined && !names.some((name) => name.toLowerCase() === principal.toLowerCase()))
    throw new SspiError('NO_CREDENTIALS', { stage: 'pszPrincipal', detail: 'no credentials of that name' });
}

/** What the owner of credentials may be called; undefined when they do not tell. */
function namesIn(material: AuthData | undefined): readonly string[] | undefined {
  switch (material?.kind) {
    case undefined:
    case 'anonymous':
      return [];
    case 'identity':
    case 'nt-hash': {
      const { user = '', domain = '' } = material;
      return [user, ...(domain === '' ? [] : [`${domain}\\${user}`, `${user}@${domain}`])];
    }
    case 'keytab':
      return material.principal === undefined ? undefined : [material.principal];
    case 'credssp':
      return namesIn(material.spnegoCred);
    case 'credssp-ex':
      return namesIn(material.cred.spnegoCred);
    default:
      return undefined;
  }
}
