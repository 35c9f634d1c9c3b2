/**
 * The SSPI functions over handles.
 * @module
 */
export type { AcceptSecurityContextParameters } from './accept-security-context.ts';
export type {
  AcquireCredentialsHandleParameters,
  AcquireCredentialsHandleResult,
} from './acquire-credentials-handle.ts';
export type { AddCredentialsParameters, AddCredentialsResult } from './add-credentials.ts';
export {
  type ApplyControlTokenParameters,
  SCHANNEL_CONTROL,
  SSL_SESSION,
  shutdownToken,
} from './apply-control-token.ts';
export {
  type AuthIdentityComparison,
  type AuthIdentityResult,
  type AuthIdentityStrings,
  type MarshalledAuthIdentity,
  sspiCompareAuthIdentities,
  sspiCopyAuthIdentity,
  sspiEncodeAuthIdentityAsStrings,
  sspiEncodeStringsAsAuthIdentity,
  sspiExcludePackage,
  sspiFreeAuthIdentity,
  sspiGetTargetHostName,
  sspiIsAuthIdentityEncrypted,
  sspiMarshalAuthIdentity,
  sspiUnmarshalAuthIdentity,
  sspiValidateAuthIdentity,
  sspiZeroAuthIdentity,
  type TargetHostName,
} from './auth-identity-functions.ts';
export type { ChangeAccountPasswordParameters } from './change-account-password.ts';
export type { CompleteAuthTokenParameters } from './complete-auth-token.ts';
export type { ContextCallParameters, ContextCallResult } from './context-call.ts';
export { createSspi, type Sspi } from './create-sspi.ts';
export type { DecryptMessageParameters, OpenedMessage } from './decrypt-message.ts';
export type { DeleteSecurityContextParameters } from './delete-security-context.ts';
export type { EncryptMessageParameters } from './encrypt-message.ts';
export type { EnumerateSecurityPackagesResult } from './enumerate-security-packages.ts';
export type { SspiOptions } from './environment.ts';
export {
  type ExportSecurityContextParameters,
  type ExportSecurityContextResult,
  SECPKG_CONTEXT_EXPORT,
} from './export-security-context.ts';
export type { FreeContextBufferParameters } from './free-context-buffer.ts';
export type { FreeCredentialsHandleParameters } from './free-credentials-handle.ts';
export type { CredHandle, CtxtHandle } from './handles.ts';
export type {
  ImpersonateSecurityContextParameters,
  ImpersonateSecurityContextResult,
} from './impersonate-security-context.ts';
export type { Impersonation } from './impersonation.ts';
export type { ImportSecurityContextParameters, ImportSecurityContextResult } from './import-security-context.ts';
export type { InitializeSecurityContextParameters } from './initialize-security-context.ts';
export type { MakeSignatureParameters } from './make-signature.ts';
export type { MessageCallParameters, ProtectMessageParameters } from './message-call.ts';
export type { Outcome } from './outcome.ts';
export type { SizedQuery } from './query-attributes-ex.ts';
export type {
  AttributeResult,
  AttributeResults,
  Bindings,
  ClientCreds,
  KeyingMaterial,
  QueryContextAttributesParameters,
  QueryContextAttributesResult,
} from './query-context-attributes.ts';
export type {
  CredentialAttributeResult,
  QueryCredentialsAttributesParameters,
  QueryCredentialsAttributesResult,
} from './query-credentials-attributes.ts';
export type {
  QuerySecurityContextTokenParameters,
  QuerySecurityContextTokenResult,
} from './query-security-context-token.ts';
export type {
  QuerySecurityPackageInfoParameters,
  QuerySecurityPackageInfoResult,
} from './query-security-package-info.ts';
export type { RevertSecurityContextParameters } from './revert-security-context.ts';
export {
  SECURITY_SUPPORT_PROVIDER_INTERFACE_VERSION,
  type SecurityFunctionTable,
  securityFunctionTable,
} from './security-function-table.ts';
export type { SetContextAttributesParameters } from './set-context-attributes.ts';
export type { SetCredentialsAttributesParameters } from './set-credentials-attributes.ts';
export type { VerifySignatureParameters } from './verify-signature.ts';
