/**
 * The SSPI functions under their own names, over the packages of this library: CredSSP, Schannel, Negotiate, NTLM; and the words
 * that go with them: flags, statuses, buffers, attributes, credentials.
 *
 * Each package is also there for itself, with the modern API, under `sspi/credssp`, `sspi/schannel`, `sspi/negotiate`,
 * `sspi/ntlm`. {@link createSspi} makes a table of the functions over other packages or another host.
 * @module
 */
import { createSspi, type Sspi } from './api/index.ts';
import { credsspPackage } from './credssp/package.ts';
import { systemHost } from './host/index.ts';
import { negotiatePackage } from './negotiate/index.ts';
import { ntlmPackage } from './ntlm/index.ts';
import { schannelPackage } from './schannel/index.ts';

export type { MemoryAccount, MemoryAccounts } from './acceptor/index.ts';
export { memoryAccounts } from './acceptor/index.ts';
export * from './api/index.ts';
export { type Clock, type Host, type Random, systemHost } from './host/index.ts';
export * from './sspi/index.ts';
export { credsspPackage, negotiatePackage, ntlmPackage, schannelPackage };

/** The table of the functions below, in the order in which Windows lists its packages. */
const sspi: Sspi = createSspi({
  packages: [negotiatePackage, ntlmPackage, schannelPackage, credsspPackage],
  host: systemHost,
});

/** {@inheritDoc Sspi.acquireCredentialsHandle} */
export const acquireCredentialsHandle: Sspi['acquireCredentialsHandle'] = sspi.acquireCredentialsHandle;
/** {@inheritDoc Sspi.freeCredentialsHandle} */
export const freeCredentialsHandle: Sspi['freeCredentialsHandle'] = sspi.freeCredentialsHandle;
/** {@inheritDoc Sspi.initializeSecurityContext} */
export const initializeSecurityContext: Sspi['initializeSecurityContext'] = sspi.initializeSecurityContext;
/** {@inheritDoc Sspi.acceptSecurityContext} */
export const acceptSecurityContext: Sspi['acceptSecurityContext'] = sspi.acceptSecurityContext;
/** {@inheritDoc Sspi.completeAuthToken} */
export const completeAuthToken: Sspi['completeAuthToken'] = sspi.completeAuthToken;
/** {@inheritDoc Sspi.deleteSecurityContext} */
export const deleteSecurityContext: Sspi['deleteSecurityContext'] = sspi.deleteSecurityContext;
/** {@inheritDoc Sspi.queryContextAttributes} */
export const queryContextAttributes: Sspi['queryContextAttributes'] = sspi.queryContextAttributes;
/** {@inheritDoc Sspi.encryptMessage} */
export const encryptMessage: Sspi['encryptMessage'] = sspi.encryptMessage;
/** {@inheritDoc Sspi.decryptMessage} */
export const decryptMessage: Sspi['decryptMessage'] = sspi.decryptMessage;
/** {@inheritDoc Sspi.makeSignature} */
export const makeSignature: Sspi['makeSignature'] = sspi.makeSignature;
/** {@inheritDoc Sspi.verifySignature} */
export const verifySignature: Sspi['verifySignature'] = sspi.verifySignature;
/** {@inheritDoc Sspi.freeContextBuffer} */
export const freeContextBuffer: Sspi['freeContextBuffer'] = sspi.freeContextBuffer;
/** {@inheritDoc Sspi.enumerateSecurityPackages} */
export const enumerateSecurityPackages: Sspi['enumerateSecurityPackages'] = sspi.enumerateSecurityPackages;
/** {@inheritDoc Sspi.querySecurityPackageInfo} */
export const querySecurityPackageInfo: Sspi['querySecurityPackageInfo'] = sspi.querySecurityPackageInfo;
