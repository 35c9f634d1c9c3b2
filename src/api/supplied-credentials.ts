/**
 * ISC_REQ_USE_SUPPLIED_CREDS: credentials that come in a SECBUFFER_PKG_PARAMS buffer of the first call instead of with the
 * credential handle (contract R23).
 * @module
 */
import { decodeAuthIdentity, ISC_REQ, SECBUFFER, SECPKG_CRED, Secret } from '../sspi/index.ts';
import { bufferOf, octetsOf } from './buffers.ts';
import type { ContextCall } from './context-call.ts';
import { CredentialEntry } from './entries.ts';
import type { Environment } from './environment.ts';

/**
 * The credential that the buffer brings. Nobody has a handle to it: whoever asked for it frees it.
 * @returns undefined when there is no such buffer, or the flag that tells to look for it is not set
 * @throws SspiError UNKNOWN_CREDENTIALS when the buffer holds no SEC_WINNT_AUTH_IDENTITY_EX2
 */
export async function suppliedCredential(
  environment: Environment,
  handle: CredentialEntry,
  call: ContextCall,
): Promise<CredentialEntry | undefined> {
  if (call.role !== 'initiator' || (call.flags & ISC_REQ.USE_SUPPLIED_CREDS) === 0) return undefined;
  const parameters = bufferOf(call.input, SECBUFFER.PKG_PARAMS);
  if (parameters === undefined) return undefined;

  const identity = decodeAuthIdentity(octetsOf(parameters));
  try {
    const authData = handle.frame(identity);
    const use = (handle.credential.use & ~SECPKG_CRED.BOTH) | SECPKG_CRED.OUTBOUND;
    const credential = await handle.package.acquire({ use, authData, host: environment.host });
    return new CredentialEntry(handle.package, credential, handle.frame);
  } finally {
    if (identity.password instanceof Secret) identity.password.dispose();
  }
}
