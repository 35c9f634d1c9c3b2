/**
 * The table of SSPI functions over given packages. There is no global state: two tables know nothing of each other, and a handle
 * of the one is not valid in the other.
 * @module
 */

import type { ClientIdentity } from '../sspi/index.ts';
import { type AcceptSecurityContextParameters, acceptSecurityContext } from './accept-security-context.ts';
import {
  type AcquireCredentialsHandleParameters,
  type AcquireCredentialsHandleResult,
  acquireCredentialsHandle,
} from './acquire-credentials-handle.ts';
import { type AddCredentialsParameters, type AddCredentialsResult, addCredentials } from './add-credentials.ts';
import { type ApplyControlTokenParameters, applyControlToken } from './apply-control-token.ts';
import { type ChangeAccountPasswordParameters, changeAccountPassword } from './change-account-password.ts';
import { type CompleteAuthTokenParameters, completeAuthToken } from './complete-auth-token.ts';
import type { ContextCallResult } from './context-call.ts';
import { type DecryptMessageParameters, decryptMessage, type OpenedMessage } from './decrypt-message.ts';
import { type DeleteSecurityContextParameters, deleteSecurityContext } from './delete-security-context.ts';
import { type EncryptMessageParameters, encryptMessage } from './encrypt-message.ts';
import { type EnumerateSecurityPackagesResult, enumerateSecurityPackages } from './enumerate-security-packages.ts';
import { createEnvironment, type SspiOptions } from './environment.ts';
import {
  type ExportSecurityContextParameters,
  type ExportSecurityContextResult,
  exportSecurityContext,
} from './export-security-context.ts';
import { type FreeContextBufferParameters, freeContextBuffer } from './free-context-buffer.ts';
import { type FreeCredentialsHandleParameters, freeCredentialsHandle } from './free-credentials-handle.ts';
import {
  type ImpersonateSecurityContextParameters,
  type ImpersonateSecurityContextResult,
  impersonateSecurityContext,
} from './impersonate-security-context.ts';
import { currentImpersonation } from './impersonation.ts';
import {
  type ImportSecurityContextParameters,
  type ImportSecurityContextResult,
  importSecurityContext,
} from './import-security-context.ts';
import { type InitializeSecurityContextParameters, initializeSecurityContext } from './initialize-security-context.ts';
import { type MakeSignatureParameters, makeSignature } from './make-signature.ts';
import type { Outcome } from './outcome.ts';
import { queryContextAttributesEx, queryCredentialsAttributesEx, type SizedQuery } from './query-attributes-ex.ts';
import {
  type QueryContextAttributesParameters,
  type QueryContextAttributesResult,
  queryContextAttributes,
} from './query-context-attributes.ts';
import {
  type QueryCredentialsAttributesParameters,
  type QueryCredentialsAttributesResult,
  queryCredentialsAttributes,
} from './query-credentials-attributes.ts';
import {
  type QuerySecurityContextTokenParameters,
  type QuerySecurityContextTokenResult,
  querySecurityContextToken,
} from './query-security-context-token.ts';
import {
  type QuerySecurityPackageInfoParameters,
  type QuerySecurityPackageInfoResult,
  querySecurityPackageInfo,
} from './query-security-package-info.ts';
import { type RevertSecurityContextParameters, revertSecurityContext } from './revert-security-context.ts';
import { type SetContextAttributesParameters, setContextAttributes } from './set-context-attributes.ts';
import { type SetCredentialsAttributesParameters, setCredentialsAttributes } from './set-credentials-attributes.ts';
import { type VerifySignatureParameters, verifySignature } from './verify-signature.ts';

/**
 * The SSPI functions. Parameters have the names of the C functions without their Hungarian prefixes; what C writes through
 * pointers stands in the result, except for the `SecBuffer`s, which are rewritten just as C does.
 *
 * None of them ever throws: every mistake of a peer or a caller is a `status`, with an `error` beside it that explains it. (The
 * one exception is what the caller's own function throws in `impersonateSecurityContext`.)
 */
export interface Sspi {
  /**
   * A handle to credentials, from which contexts are made. Nobody is contacted, and a wrong password shows only when the peer
   * refuses it.
   * @returns `status`: SEC_E_OK; SEC_E_SECPKG_NOT_FOUND, SEC_E_NO_CREDENTIALS, SEC_E_UNKNOWN_CREDENTIALS, SEC_E_INVALID_PARAMETER
   * @see https://learn.microsoft.com/windows/win32/secauthn/acquirecredentialshandle--credssp
   * @example
   * const { credential } = await sspi.acquireCredentialsHandle({
   *   package: 'NTLM',
   *   credentialUse: SECPKG_CRED.OUTBOUND,
   *   authData: { kind: 'identity', user: 'alice', domain: 'CORP', password: 'AlicePass1!' },
   * });
   */
  acquireCredentialsHandle(parameters: AcquireCredentialsHandleParameters): Promise<AcquireCredentialsHandleResult>;

  /**
   * Gives a credential back. Contexts made from it go on; its secrets are overwritten when the last of them is deleted.
   * @returns `status`: SEC_E_OK, SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-freecredentialshandle
   */
  freeCredentialsHandle(parameters: FreeCredentialsHandleParameters): Promise<Outcome>;

  /**
   * Adds the credential of one mechanism to a handle of Negotiate. Contexts under way go on with what they began with.
   * @returns `status`: SEC_E_OK; SEC_E_UNSUPPORTED_FUNCTION for other packages; SEC_E_SECPKG_NOT_FOUND, and as
   *   `acquireCredentialsHandle`
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-addcredentialsw
   */
  addCredentials(parameters: AddCredentialsParameters): Promise<AddCredentialsResult>;

  /**
   * An attribute of a credential: whose it is, which certificate it presents, which versions of TLS it speaks.
   * @returns `status`: SEC_E_OK; SEC_E_NO_CREDENTIALS when there is none of that kind; SEC_E_UNSUPPORTED_FUNCTION,
   *   SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-querycredentialsattributesw
   */
  queryCredentialsAttributes<A extends number>(
    parameters: QueryCredentialsAttributesParameters<A>,
  ): Promise<QueryCredentialsAttributesResult<A>>;

  /**
   * The same for callers who say how much room they have for the structure.
   * @returns `status`: as `queryCredentialsAttributes`; SEC_E_BUFFER_TOO_SMALL
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-querycredentialsattributesexw
   */
  queryCredentialsAttributesEx<A extends number>(
    parameters: QueryCredentialsAttributesParameters<A> & SizedQuery,
  ): Promise<QueryCredentialsAttributesResult<A>>;

  /**
   * Through which proxies contexts that are started from now on reach KDCs.
   * @returns `status`: SEC_E_OK; SEC_E_UNSUPPORTED_FUNCTION for packages without KDCs, and for every other attribute;
   *   SEC_E_INVALID_PARAMETER, SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-setcredentialsattributesw
   */
  setCredentialsAttributes(parameters: SetCredentialsAttributesParameters): Promise<Outcome>;

  /**
   * Changes the password of an account, by way of a package that knows an authority which does that.
   * @returns `status`: SEC_E_OK; SEC_E_UNSUPPORTED_FUNCTION for packages that do not; SEC_E_LOGON_DENIED when the old password is
   *   wrong or the new one not good enough: CHANGE_PASS_RESPONSE then tells what would be
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-changeaccountpasswordw
   */
  changeAccountPassword(parameters: ChangeAccountPasswordParameters): Promise<Outcome>;

  /**
   * The client's side of an exchange: call it in a loop, each time with what the server sent, and send what it puts into the
   * TOKEN buffer of `output`, also when the status is SEC_E_OK.
   * @returns `status`: SEC_E_OK (done), SEC_I_CONTINUE_NEEDED (send, receive, call again), SEC_E_INCOMPLETE_MESSAGE (receive more,
   *   call again with all of it), SEC_E_BUFFER_TOO_SMALL (call again with a larger buffer), SEC_I_INCOMPLETE_CREDENTIALS; any other
   *   is the end of the context, which is good only for `deleteSecurityContext`
   * @see https://learn.microsoft.com/windows/win32/secauthn/initializesecuritycontext--credssp
   * @example
   * const token = secBuffer(SECBUFFER.TOKEN);
   * const { status, context } = await sspi.initializeSecurityContext({
   *   credential,
   *   targetName: 'TERMSRV/server.example.com',
   *   contextReq: ISC_REQ.ALLOCATE_MEMORY | ISC_REQ.MUTUAL_AUTH | ISC_REQ.DELEGATE,
   *   output: { buffers: [token] },
   * });
   * if (status === SEC_I.CONTINUE_NEEDED) send(contentOf(token));
   */
  initializeSecurityContext(parameters: InitializeSecurityContextParameters): Promise<ContextCallResult>;

  /**
   * The server's side of an exchange: call it with each token of the client, and send what it puts into the TOKEN buffer of
   * `output`, also when it fails: that is how the client learns why.
   * @returns `status`: as `initializeSecurityContext`
   * @see https://learn.microsoft.com/windows/win32/secauthn/acceptsecuritycontext--credssp
   * @example
   * const token = secBuffer(SECBUFFER.TOKEN);
   * const { status, context } = await sspi.acceptSecurityContext({
   *   credential,
   *   contextReq: ASC_REQ.ALLOCATE_MEMORY,
   *   input: { buffers: [secBuffer(SECBUFFER.TOKEN, received), secBuffer(SECBUFFER.EMPTY)] },
   *   output: { buffers: [token] },
   * });
   * send(contentOf(token));
   */
  acceptSecurityContext(parameters: AcceptSecurityContextParameters): Promise<ContextCallResult>;

  /**
   * A function of Digest authentication.
   * @returns `status`: SEC_E_UNSUPPORTED_FUNCTION for each package there is; SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-completeauthtoken
   */
  completeAuthToken(parameters: CompleteAuthTokenParameters): Promise<Outcome>;

  /**
   * Overwrites the keys of a context and whatever was delegated to it. Needed for every handle that a first call gave, also when a
   * later call failed; a second time does no harm.
   * @returns `status`: SEC_E_OK, SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-deletesecuritycontext
   */
  deleteSecurityContext(parameters: DeleteSecurityContextParameters): Promise<Outcome>;

  /**
   * An attribute of a context.
   * @returns `status`: SEC_E_OK; SEC_E_INVALID_HANDLE when the exchange is not over yet; SEC_E_UNSUPPORTED_FUNCTION when there is no
   *   such attribute here
   * @see https://learn.microsoft.com/windows/win32/secauthn/querycontextattributes--credssp
   * @example
   * const { value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.STREAM_SIZES });
   * value?.maximumMessage; // 16384
   */
  queryContextAttributes<A extends number>(
    parameters: QueryContextAttributesParameters<A>,
  ): Promise<QueryContextAttributesResult<A>>;

  /**
   * The same for callers who say how much room they have for the structure.
   * @returns `status`: as `queryContextAttributes`; SEC_E_BUFFER_TOO_SMALL
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-querycontextattributesexw
   */
  queryContextAttributesEx<A extends number>(
    parameters: QueryContextAttributesParameters<A> & SizedQuery,
  ): Promise<QueryContextAttributesResult<A>>;

  /**
   * Leaves something with the context of a TLS channel: APP_DATA, or KEYING_MATERIAL_INFO.
   * @returns `status`: SEC_E_OK; SEC_E_UNSUPPORTED_FUNCTION, SEC_E_INVALID_PARAMETER, SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-setcontextattributesw
   */
  setContextAttributes(parameters: SetContextAttributesParameters): Promise<Outcome>;

  /**
   * Asks for the end of a TLS channel: after `shutdownToken()`, the next call of `initializeSecurityContext` or
   * `acceptSecurityContext` without input gives close_notify.
   * @returns `status`: SEC_E_OK; SEC_E_INVALID_TOKEN, SEC_E_UNSUPPORTED_FUNCTION, SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/secauthn/applycontroltoken--schannel
   */
  applyControlToken(parameters: ApplyControlTokenParameters): Promise<Outcome>;

  /**
   * Runs a function in the name of a server context's client. Throws only what the function throws.
   * @returns `status`: SEC_E_OK; SEC_E_NO_IMPERSONATION when the client allows no more than to identify it, or is anonymous;
   *   SEC_E_UNSUPPORTED_FUNCTION for contexts of clients, and in a table without `identityScope`; SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-impersonatesecuritycontext
   * @example
   * await sspi.impersonateSecurityContext({ context, run: () => answer(request) }); // in it, impersonatedIdentity() is the client
   */
  impersonateSecurityContext<T>(
    parameters: ImpersonateSecurityContextParameters<T>,
  ): Promise<ImpersonateSecurityContextResult<T>>;

  /**
   * Ends an impersonation before its function ends.
   * @returns `status`: SEC_E_OK; SEC_E_NO_IMPERSONATION when the client of this context is not being impersonated;
   *   SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-revertsecuritycontext
   */
  revertSecurityContext(parameters: RevertSecurityContextParameters): Promise<Outcome>;

  /** In whose name the present flow of control runs; undefined: in that of the process. On Windows the token of the thread tells. */
  impersonatedIdentity(): ClientIdentity | undefined;

  /**
   * Who the client of a server context is.
   * @returns `status`: SEC_E_OK; SEC_E_UNSUPPORTED_FUNCTION for contexts that have no client; SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-querysecuritycontexttoken
   */
  querySecurityContextToken(parameters: QuerySecurityContextTokenParameters): Promise<QuerySecurityContextTokenResult>;

  /**
   * Packs an established context up for another process, sealed with a key of yours. NTLM only. The context here protects no more
   * messages.
   * @returns `status`: SEC_E_OK; SEC_E_UNSUPPORTED_FUNCTION (SEC_E_NOT_SUPPORTED), SEC_E_INVALID_PARAMETER, SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-exportsecuritycontext
   */
  exportSecurityContext(parameters: ExportSecurityContextParameters): Promise<ExportSecurityContextResult>;

  /**
   * Unpacks such a context, once.
   * @returns `status`: SEC_E_OK; SEC_E_NOT_OWNER with another key; SEC_E_SECPKG_NOT_FOUND, SEC_E_UNSUPPORTED_FUNCTION
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-importsecuritycontextw
   */
  importSecurityContext(parameters: ImportSecurityContextParameters): Promise<ImportSecurityContextResult>;

  /**
   * Encrypts a message in place. CredSSP and Schannel take STREAM_HEADER, DATA, STREAM_TRAILER, EMPTY in sizes from STREAM_SIZES and
   * make one TLS record; send the three one after the other. NTLM and Negotiate take TOKEN and DATA in sizes from SIZES.
   * @returns `status`: SEC_E_OK; SEC_E_BUFFER_TOO_SMALL, SEC_E_INVALID_TOKEN (buffers), SEC_E_INVALID_HANDLE,
   *   SEC_E_QOP_NOT_SUPPORTED, SEC_E_CONTEXT_EXPIRED, SEC_E_OUT_OF_SEQUENCE (another call under way)
   * @see https://learn.microsoft.com/windows/win32/secauthn/encryptmessage--schannel
   */
  encryptMessage(parameters: EncryptMessageParameters): Promise<Outcome>;

  /**
   * Decrypts a message in place. CredSSP and Schannel take DATA with what was received and three EMPTY buffers, which become the
   * parts of the first record and, as EXTRA, what follows it. NTLM and Negotiate take TOKEN and DATA, or STREAM and DATA.
   * @returns `status`: SEC_E_OK; SEC_E_INCOMPLETE_MESSAGE (receive more, call again with all of it); SEC_I_CONTEXT_EXPIRED (the peer
   *   has closed the channel); SEC_E_MESSAGE_ALTERED, SEC_E_DECRYPT_FAILURE, SEC_E_OUT_OF_SEQUENCE, SEC_E_INVALID_HANDLE
   * @see https://learn.microsoft.com/windows/win32/secauthn/decryptmessage--schannel
   */
  decryptMessage(parameters: DecryptMessageParameters): Promise<OpenedMessage>;

  /**
   * Signs the DATA buffers; the signature is put into TOKEN. NTLM and Negotiate only.
   * @returns `status`: SEC_E_OK; SEC_E_UNSUPPORTED_FUNCTION for CredSSP and Schannel; SEC_E_BUFFER_TOO_SMALL
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-makesignature
   */
  makeSignature(parameters: MakeSignatureParameters): Promise<Outcome>;

  /**
   * Checks the signature in TOKEN over the DATA buffers. NTLM and Negotiate only.
   * @returns `status`: SEC_E_OK; SEC_E_MESSAGE_ALTERED, SEC_E_OUT_OF_SEQUENCE; SEC_E_UNSUPPORTED_FUNCTION for CredSSP and Schannel
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-verifysignature
   */
  verifySignature(parameters: VerifySignatureParameters): Promise<OpenedMessage>;

  /**
   * Overwrites octets that were allocated for the caller: tokens of ALLOCATE_MEMORY, octets in the values of attributes.
   * @returns `status`: SEC_E_OK
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-freecontextbuffer
   */
  freeContextBuffer(parameters: FreeContextBufferParameters): Promise<Outcome>;

  /**
   * The packages there are.
   * @returns `status`: SEC_E_OK
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-enumeratesecuritypackagesw
   */
  enumerateSecurityPackages(): Promise<EnumerateSecurityPackagesResult>;

  /**
   * What one package says about itself: above all `maxToken`, the size of a buffer that holds each of its tokens.
   * @returns `status`: SEC_E_OK, SEC_E_SECPKG_NOT_FOUND
   * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-querysecuritypackageinfow
   */
  querySecurityPackageInfo(parameters: QuerySecurityPackageInfoParameters): Promise<QuerySecurityPackageInfoResult>;
}

/**
 * Makes a table of the SSPI functions.
 * @throws SspiError INVALID_PARAMETER when two packages have the same name
 * @example
 * const sspi = createSspi({ packages: [ntlmPackage], host: systemHost });
 * const { packages } = await sspi.enumerateSecurityPackages();
 */
export function createSspi(options: SspiOptions): Sspi {
  const environment = createEnvironment(options);
  return {
    acquireCredentialsHandle: (parameters) => acquireCredentialsHandle(environment, parameters),
    freeCredentialsHandle: (parameters) => freeCredentialsHandle(environment, parameters),
    addCredentials: (parameters) => addCredentials(environment, parameters),
    queryCredentialsAttributes: (parameters) => queryCredentialsAttributes(environment, parameters),
    queryCredentialsAttributesEx: (parameters) => queryCredentialsAttributesEx(environment, parameters),
    setCredentialsAttributes: (parameters) => setCredentialsAttributes(environment, parameters),
    changeAccountPassword: (parameters) => changeAccountPassword(environment, parameters),
    initializeSecurityContext: (parameters) => initializeSecurityContext(environment, parameters),
    acceptSecurityContext: (parameters) => acceptSecurityContext(environment, parameters),
    completeAuthToken: (parameters) => completeAuthToken(environment, parameters),
    deleteSecurityContext: (parameters) => deleteSecurityContext(environment, parameters),
    queryContextAttributes: (parameters) => queryContextAttributes(environment, parameters),
    queryContextAttributesEx: (parameters) => queryContextAttributesEx(environment, parameters),
    setContextAttributes: (parameters) => setContextAttributes(environment, parameters),
    applyControlToken: (parameters) => applyControlToken(environment, parameters),
    impersonateSecurityContext: (parameters) => impersonateSecurityContext(environment, parameters),
    revertSecurityContext: (parameters) => revertSecurityContext(environment, parameters),
    impersonatedIdentity: () => currentImpersonation(environment)?.identity,
    querySecurityContextToken: (parameters) => querySecurityContextToken(environment, parameters),
    exportSecurityContext: (parameters) => exportSecurityContext(environment, parameters),
    importSecurityContext: (parameters) => importSecurityContext(environment, parameters),
    encryptMessage: (parameters) => encryptMessage(environment, parameters),
    decryptMessage: (parameters) => decryptMessage(environment, parameters),
    makeSignature: (parameters) => makeSignature(environment, parameters),
    verifySignature: (parameters) => verifySignature(environment, parameters),
    freeContextBuffer: (parameters) => freeContextBuffer(environment, parameters),
    enumerateSecurityPackages: () => enumerateSecurityPackages(environment),
    querySecurityPackageInfo: (parameters) => querySecurityPackageInfo(environment, parameters),
  };
}
