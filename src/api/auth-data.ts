/**
 * pAuthData as callers pass it, checked for its outer form. What a package makes of it is the package's business (contract A12,
 * A16).
 * @module
 */
import {
  type AuthData,
  type AuthIdentity,
  type CredSspCredential,
  Secret,
  type SpnegoAuthData,
  SspiError,
  validateAuthIdentity,
} from '../sspi/index.ts';

/** Every kind there is: the type sees to it that none is forgotten. */
const KINDS: Readonly<Record<AuthData['kind'], true>> = {
  identity: true,
  'nt-hash': true,
  anonymous: true,
  keytab: true,
  ccache: true,
  acceptor: true,
  'kerberos-acceptor': true,
  schannel: true,
  credssp: true,
  'credssp-ex': true,
};

/**
 * The credential structure that a caller passed.
 * @throws SspiError UNKNOWN_CREDENTIALS
 */
export function checkAuthData(authData: unknown): AuthData | undefined {
  if (authData === undefined || authData === null) return undefined;
  if (!isAuthData(authData)) throw unknown('not one of the credential structures');
  checkContent(authData);
  return authData;
}

function isAuthData(value: unknown): value is AuthData {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false;
  return typeof value.kind === 'string' && Object.hasOwn(KINDS, value.kind);
}

function checkContent(authData: AuthData): void {
  if (authData.kind === 'identity') validateAuthIdentity(authData);
  if (authData.kind === 'nt-hash' && !(typeof authData.user === 'string' && authData.ntHash instanceof Secret))
    throw unknown('no user or no NT hash');
  if (authData.kind === 'credssp') checkNested(authData.spnegoCred);
  if (authData.kind === 'credssp-ex') {
    if (typeof authData.cred !== 'object' || authData.cred === null) throw unknown('CREDSSP_CRED_EX without Cred');
    checkNested(authData.cred.spnegoCred);
  }
}

function checkNested(spnegoCred: unknown): void {
  if (spnegoCred === undefined || spnegoCred === null) return;
  if (!isAuthData(spnegoCred)) throw unknown('pSpnegoCred is not one of the credential structures');
  if (spnegoCred.kind === 'credssp' || spnegoCred.kind === 'credssp-ex') throw unknown('a CREDSSP_CRED within another');
  checkContent(spnegoCred);
}

/** Puts an identity into the surroundings that a package takes it in. */
export type IdentityFrame = (identity: AuthIdentity) => AuthData;

/** The package that takes an identity only within a CREDSSP_CRED (contract A8). */
const CREDSSP = 'CREDSSP';

/**
 * What stays of a credential's structure when the identity is taken out of it, for the identity that a SECBUFFER_PKG_PARAMS buffer
 * brings (contract R23): policy, trusted roots, package list, where the KDCs are. No secret is kept, and no certificate. Wherever the
 * credentials of the handle came from, those of the buffer are the application's own: fresh (contract A15, Y5).
 * @param packageName - for a credential that came with nothing, or with a bare identity
 */
export function frameOf(packageName: string, authData: AuthData | undefined): IdentityFrame {
  if (authData?.kind === 'credssp-ex') {
    const { kind, version, flags, cred } = authData;
    const frame = frameOfCredSsp(cred);
    return (identity) => ({ kind, version, flags, cred: frame(identity) });
  }
  if (authData?.kind === 'credssp') return frameOfCredSsp(authData);
  return packageName === CREDSSP ? frameOfCredSsp({ kind: 'credssp' }) : frameOfIdentity(authData);
}

function frameOfCredSsp({ kind, schannelCred, spnegoCred, options }: CredSspCredential) {
  const tls = schannelCred === undefined ? undefined : { ...schannelCred, certificates: undefined };
  const frame = frameOfIdentity(spnegoCred);
  return (identity: AuthIdentity): CredSspCredential => ({
    kind,
    schannelCred: tls,
    spnegoCred: frame(identity),
    options: options === undefined ? undefined : { ...options, source: 'fresh' },
  });
}

function frameOfIdentity(authData: AuthData | undefined): (identity: AuthIdentity) => SpnegoAuthData {
  const packageList = authData !== undefined && 'packageList' in authData ? authData.packageList : undefined;
  const kerberos = authData !== undefined && 'kerberos' in authData ? authData.kerberos : undefined;
  return (identity) => ({ kerberos, ...identity, packageList: identity.packageList ?? packageList });
}

function unknown(detail: string): SspiError {
  return new SspiError('UNKNOWN_CREDENTIALS', { stage: 'pAuthData', detail });
}
