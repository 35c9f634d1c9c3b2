/**
 * The table of SSPI functions over given packages. There is no global state: two tables know nothing of each other, and a handle
 * of the one is not valid in the other.
 * @module
 */

import { type AcceptSecurityContextParameters, acceptSecurityContext } from './accept-security-context.ts';
import {
  type AcquireCredentialsHandleParameters,
  type AcquireCredentialsHandleResult,
  acquireCredentialsHandle,
} from './acquire-credentials-handle.ts';
import { type CompleteAuthTokenParameters, completeAuthToken } from './complete-auth-token.ts';
import type { ContextCallResult } from './context-call.ts';
import { type DecryptMessageParameters, decryptMessage, type OpenedMessage } from './decrypt-message.ts';
import { type DeleteSecurityContextParameters, deleteSecurityContext } from './delete-security-context.ts';
import { type EncryptMessageParameters, encryptMessage } from './encrypt-message.ts';
import { type EnumerateSecurityPackagesResult, enumerateSecurityPackages } from './enumerate-security-packages.ts';
import { createEnvironment, type SspiOptions } from './environment.ts';
import { type FreeContextBufferParameters, freeContextBuffer } from './free-context-buffer.ts';
import { type FreeCredentialsHandleParameters, freeCredentialsHandle } from './free-credentials-handle.ts';
import { type InitializeSecurityContextParameters, initializeSecurityContext } from './initialize-security-context.ts';
import { type MakeSignatureParameters, makeSignature } from './make-signature.ts';
import type { Outcome } from './outcome.ts';
import {
  type QueryContextAttributesParameters,
  type QueryContextAttributesResult,
  queryContextAttributes,
} from './query-context-attributes.ts';
import {
  type QuerySecurityPackageInfoParameters,
  type QuerySecurityPackageInfoResult,
  querySecurityPackageInfo,
} from './query-security-package-info.ts';
import { type VerifySignatureParameters, verifySignature } from './verify-signature.ts';

/**
 * The SSPI functions. Parameters have the names of the C functions without their Hungarian prefixes; what C writes through
 * pointers stands in the result, except for the `SecBuffer`s, which are rewritten just as C does.
 *
 * None of them ever throws: every mistake of a peer or a caller is a `status`, with an `error` beside it that explains it.
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
    initializeSecurityContext: (parameters) => initializeSecurityContext(environment, parameters),
    acceptSecurityContext: (parameters) => acceptSecurityContext(environment, parameters),
    completeAuthToken: (parameters) => completeAuthToken(environment, parameters),
    deleteSecurityContext: (parameters) => deleteSecurityContext(environment, parameters),
    queryContextAttributes: (parameters) => queryContextAttributes(environment, parameters),
    encryptMessage: (parameters) => encryptMessage(environment, parameters),
    decryptMessage: (parameters) => decryptMessage(environment, parameters),
    makeSignature: (parameters) => makeSignature(environment, parameters),
    verifySignature: (parameters) => verifySignature(environment, parameters),
    freeContextBuffer: (parameters) => freeContextBuffer(environment, parameters),
    enumerateSecurityPackages: () => enumerateSecurityPackages(environment),
    querySecurityPackageInfo: (parameters) => querySecurityPackageInfo(environment, parameters),
  };
}
