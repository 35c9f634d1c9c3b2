/**
 * The SSPI functions over handles.
 * @module
 */
export type { AcceptSecurityContextParameters } from './accept-security-context.ts';
export type {
  AcquireCredentialsHandleParameters,
  AcquireCredentialsHandleResult,
} from './acquire-credentials-handle.ts';
export type { CompleteAuthTokenParameters } from './complete-auth-token.ts';
export type { ContextCallParameters, ContextCallResult } from './context-call.ts';
export { createSspi, type Sspi } from './create-sspi.ts';
export type { DecryptMessageParameters, OpenedMessage } from './decrypt-message.ts';
export type { DeleteSecurityContextParameters } from './delete-security-context.ts';
export type { EncryptMessageParameters } from './encrypt-message.ts';
export type { EnumerateSecurityPackagesResult } from './enumerate-security-packages.ts';
export type { SspiOptions } from './environment.ts';
export type { FreeContextBufferParameters } from './free-context-buffer.ts';
export type { FreeCredentialsHandleParameters } from './free-credentials-handle.ts';
export type { CredHandle, CtxtHandle } from './handles.ts';
export type { InitializeSecurityContextParameters } from './initialize-security-context.ts';
export type { MakeSignatureParameters } from './make-signature.ts';
export type { MessageCallParameters, ProtectMessageParameters } from './message-call.ts';
export type { Outcome } from './outcome.ts';
export type {
  AttributeResult,
  AttributeResults,
  Bindings,
  ClientCreds,
  QueryContextAttributesParameters,
  QueryContextAttributesResult,
} from './query-context-attributes.ts';
export type {
  QuerySecurityPackageInfoParameters,
  QuerySecurityPackageInfoResult,
} from './query-security-package-info.ts';
export type { VerifySignatureParameters } from './verify-signature.ts';
