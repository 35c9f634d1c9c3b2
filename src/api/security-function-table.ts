/**
 * InitSecurityInterface (contract L11): the functions as a table, in the order of `SecurityFunctionTable`.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/ns-sspi-securityfunctiontablew
 * @module
 */
import type { Sspi } from './create-sspi.ts';

/** The version of the table: with QueryContextAttributesEx and QueryCredentialsAttributesEx. */
export const SECURITY_SUPPORT_PROVIDER_INTERFACE_VERSION = 5;

/** The table, members in the order of the C structure; what is reserved there is null here. */
export function securityFunctionTable(sspi: Sspi) {
  return Object.freeze({
    version: SECURITY_SUPPORT_PROVIDER_INTERFACE_VERSION,
    enumerateSecurityPackages: sspi.enumerateSecurityPackages,
    queryCredentialsAttributes: sspi.queryCredentialsAttributes,
    acquireCredentialsHandle: sspi.acquireCredentialsHandle,
    freeCredentialsHandle: sspi.freeCredentialsHandle,
    reserved2: null,
    initializeSecurityContext: sspi.initializeSecurityContext,
    acceptSecurityContext: sspi.acceptSecurityContext,
    completeAuthToken: sspi.completeAuthToken,
    deleteSecurityContext: sspi.deleteSecurityContext,
    applyControlToken: sspi.applyControlToken,
    queryContextAttributes: sspi.queryContextAttributes,
    impersonateSecurityContext: sspi.impersonateSecurityContext,
    revertSecurityContext: sspi.revertSecurityContext,
    makeSignature: sspi.makeSignature,
    verifySignature: sspi.verifySignature,
    freeContextBuffer: sspi.freeContextBuffer,
    querySecurityPackageInfo: sspi.querySecurityPackageInfo,
    reserved3: null,
    reserved4: null,
    exportSecurityContext: sspi.exportSecurityContext,
    importSecurityContext: sspi.importSecurityContext,
    addCredentials: sspi.addCredentials,
    reserved8: null,
    querySecurityContextToken: sspi.querySecurityContextToken,
    encryptMessage: sspi.encryptMessage,
    decryptMessage: sspi.decryptMessage,
    setContextAttributes: sspi.setContextAttributes,
    setCredentialsAttributes: sspi.setCredentialsAttributes,
    changeAccountPassword: sspi.changeAccountPassword,
    queryContextAttributesEx: sspi.queryContextAttributesEx,
    queryCredentialsAttributesEx: sspi.queryCredentialsAttributesEx,
  });
}

/** `SecurityFunctionTable`. */
export type SecurityFunctionTable = ReturnType<typeof securityFunctionTable>;
