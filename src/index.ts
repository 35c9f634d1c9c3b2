/**
 * The SSPI functions under their own names, over the packages of this library: CredSSP, Schannel, Negotiate, Kerberos, NTLM; and the words
 * that go with them: flags, statuses, buffers, attributes, credentials.
 *
 * Each package is also there for itself, with the modern API, under `sspi/credssp`, `sspi/schannel`, `sspi/negotiate`,
 * `sspi/ntlm`. {@link createSspi} makes a table of the functions over other packages or another host.
 * @module
 */
import { createSspi, type SecurityFunctionTable, type Sspi, securityFunctionTable } from './api/index.ts';
import { credsspPackage } from './credssp/package.ts';
import { nodeFlowScope, nodeHost } from './host/node.ts';
import { kerberosPackage } from './kerberos/index.ts';
import { negotiatePackage } from './negotiate/index.ts';
import { ntlmPackage } from './ntlm/index.ts';
import { schannelPackage } from './schannel/index.ts';

export type { MemoryAccount, MemoryAccounts } from './acceptor/index.ts';
export { memoryAccounts, memoryReplayCache } from './acceptor/index.ts';
export * from './api/index.ts';
export { type Clock, type Host, type Random, systemHost } from './host/index.ts';
export { nodeHost } from './host/node.ts';
export * from './sspi/index.ts';
export { credsspPackage, kerberosPackage, negotiatePackage, ntlmPackage, schannelPackage };

/** The table of the functions below, in the order in which Windows lists its packages. */
const sspi: Sspi = createSspi({
  packages: [negotiatePackage, kerberosPackage, ntlmPackage, schannelPackage, credsspPackage],
  host: nodeHost,
  identityScope: nodeFlowScope(),
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
/** {@inheritDoc Sspi.addCredentials} */
export const addCredentials: Sspi['addCredentials'] = sspi.addCredentials;
/** {@inheritDoc Sspi.queryCredentialsAttributes} */
export const queryCredentialsAttributes: Sspi['queryCredentialsAttributes'] = sspi.queryCredentialsAttributes;
/** {@inheritDoc Sspi.queryCredentialsAttributesEx} */
export const queryCredentialsAttributesEx: Sspi['queryCredentialsAttributesEx'] = sspi.queryCredentialsAttributesEx;
/** {@inheritDoc Sspi.setCredentialsAttributes} */
export const setCredentialsAttributes: Sspi['setCredentialsAttributes'] = sspi.setCredentialsAttributes;
/** {@inheritDoc Sspi.changeAccountPassword} */
export const changeAccountPassword: Sspi['changeAccountPassword'] = sspi.changeAccountPassword;
/** {@inheritDoc Sspi.queryContextAttributesEx} */
export const queryContextAttributesEx: Sspi['queryContextAttributesEx'] = sspi.queryContextAttributesEx;
/** {@inheritDoc Sspi.setContextAttributes} */
export const setContextAttributes: Sspi['setContextAttributes'] = sspi.setContextAttributes;
/** {@inheritDoc Sspi.applyControlToken} */
export const applyControlToken: Sspi['applyControlToken'] = sspi.applyControlToken;
/** {@inheritDoc Sspi.impersonateSecurityContext} */
export const impersonateSecurityContext: Sspi['impersonateSecurityContext'] = sspi.impersonateSecurityContext;
/** {@inheritDoc Sspi.revertSecurityContext} */
export const revertSecurityContext: Sspi['revertSecurityContext'] = sspi.revertSecurityContext;
/** {@inheritDoc Sspi.impersonatedIdentity} */
export const impersonatedIdentity: Sspi['impersonatedIdentity'] = sspi.impersonatedIdentity;
/** {@inheritDoc Sspi.querySecurityContextToken} */
export const querySecurityContextToken: Sspi['querySecurityContextToken'] = sspi.querySecurityContextToken;
/** {@inheritDoc Sspi.exportSecurityContext} */
export const exportSecurityContext: Sspi['exportSecurityContext'] = sspi.exportSecurityContext;
/** {@inheritDoc Sspi.importSecurityContext} */
export const importSecurityContext: Sspi['importSecurityContext'] = sspi.importSecurityContext;

const table = securityFunctionTable(sspi);

/** InitSecurityInterface: the functions above as a table, in the order of `SecurityFunctionTable`. */
export function initSecurityInterface(): SecurityFunctionTable {
  return table;
}

// The W and A forms of C differ in the character set of their texts. Here texts have none, and both names are the same function.
export {
  acquireCredentialsHandle as acquireCredentialsHandleA,
  acquireCredentialsHandle as acquireCredentialsHandleW,
  addCredentials as addCredentialsA,
  addCredentials as addCredentialsW,
  changeAccountPassword as changeAccountPasswordA,
  changeAccountPassword as changeAccountPasswordW,
  enumerateSecurityPackages as enumerateSecurityPackagesA,
  enumerateSecurityPackages as enumerateSecurityPackagesW,
  importSecurityContext as importSecurityContextA,
  importSecurityContext as importSecurityContextW,
  initializeSecurityContext as initializeSecurityContextA,
  initializeSecurityContext as initializeSecurityContextW,
  initSecurityInterface as initSecurityInterfaceA,
  initSecurityInterface as initSecurityInterfaceW,
  queryContextAttributes as queryContextAttributesA,
  queryContextAttributes as queryContextAttributesW,
  queryContextAttributesEx as queryContextAttributesExA,
  queryContextAttributesEx as queryContextAttributesExW,
  queryCredentialsAttributes as queryCredentialsAttributesA,
  queryCredentialsAttributes as queryCredentialsAttributesW,
  queryCredentialsAttributesEx as queryCredentialsAttributesExA,
  queryCredentialsAttributesEx as queryCredentialsAttributesExW,
  querySecurityPackageInfo as querySecurityPackageInfoA,
  querySecurityPackageInfo as querySecurityPackageInfoW,
  setContextAttributes as setContextAttributesA,
  setContextAttributes as setContextAttributesW,
  setCredentialsAttributes as setCredentialsAttributesA,
  setCredentialsAttributes as setCredentialsAttributesW,
};
