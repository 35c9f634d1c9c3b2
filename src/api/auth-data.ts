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
  type SecurityPackage,
  SspiError,
  validateAuthIdentity,
} from '../sspi/index.ts';

/** The package whose pAuthData wraps an identity into a CREDSSP_CRED (contract A8). */
const CREDSSP = 'CREDSSP';

/**
 * The credential structure that a caller passed.
 * @throws SspiError UNKNOWN_CREDENTIALS
 */
export function checkAuthData(authData: unknown): AuthData | undefined {
  if (authData === undefined || authData === null) return undefined;
  if (!isAuthData(authData)) throw unknown('not one of the credential structures');
  checkIdentity(authData);
  return authData;
}

const KINDS: ReadonlySet<unknown> = new Set<AuthData['kind']>([
  'identity',
  'nt-hash',
  'anonymous',
  'acceptor',
  'schannel',
  'credssp',
  'credssp-ex',
]);

function isAuthData(value: unknown): value is AuthData {
  return typeof value === 'object' && value !== null && 'kind' in value && KINDS.has(value.kind);
}

function checkIdentity(authData: AuthData): void {
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
  checkIdentity(spnegoCred);
}

/**
 * What stays of a credential's structure when the identity is taken out of it: the surroundings for an identity that a
 * SECBUFFER_PKG_PARAMS buffer brings (contract R23). Certificates and their keys are not kept.
 */
export function frameOf(authData: AuthData | undefined): AuthData | undefined {
  if (authData?.kind === 'credssp') return frameOfCredSsp(authData);
  if (authData?.kind === 'credssp-ex') return { ...authData, cred: frameOfCredSsp(authData.cred) };
  return undefined;
}

function frameOfCredSsp({ kind, schannelCred, options }: CredSspCredential): CredSspCredential {
  return {
    kind,
    schannelCred: schannelCred === undefined ? undefined : { ...schannelCred, certificates: undefined },
    options,
  };
}

/** An identity in the structure that the package takes. */
export function inPackageForm(
  securityPackage: SecurityPackage,
  frame: AuthData | undefined,
  identity: AuthIdentity,
): AuthData {
  if (frame?.kind === 'credssp') return { ...frame, spnegoCred: identity };
  if (frame?.kind === 'credssp-ex') return { ...frame, cred: { ...frame.cred, spnegoCred: identity } };
  return securityPackage.info.name === CREDSSP ? { kind: 'credssp', spnegoCred: identity } : identity;
}

function unknown(detail: string): SspiError {
  return new SspiError('UNKNOWN_CREDENTIALS', { stage: 'pAuthData', detail });
}
