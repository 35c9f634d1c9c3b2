/**
 * The Schannel security package: TLS through SSPI, both roles.
 * @see https://learn.microsoft.com/windows/win32/secauthn/initializesecuritycontext--schannel
 * @module
 */
import { concat } from '../crypto/index.ts';
import {
  type AcceptOptions,
  ASC_REQ,
  ASC_RET,
  asSspiError,
  type Credential,
  type CredentialAttributes,
  type CredentialRequest,
  contextOf,
  type Exchange,
  type InitiateOptions,
  ISC_REQ,
  ISC_RET,
  type PackageInfo,
  parseTargetName,
  SCH_CRED,
  type Scope,
  SECPKG_CRED,
  SECPKG_FLAG,
  type SecurityContext,
  type SecurityPackage,
  SspiError,
} from '../sspi/index.ts';
import { expiryOf, publishTlsAttributes, TLS_ATTRIBUTES } from './attributes.ts';
import { clientHandshake } from './client.ts';
import { acquireTls, type TlsCredential } from './credential.ts';
import type { TlsEngine } from './engine.ts';
import { frameRecords } from './records.ts';
import { serverHandshake } from './server.ts';
import { SCHANNEL_MAX_TOKEN, streamProtection } from './stream-protection.ts';
import { assertTrusted, evaluateClient, evaluateServer, isTrusted } from './verdict.ts';

/** The SecPkgInfo of Schannel (contract P4). */
export const SCHANNEL_INFO: PackageInfo = {
  name: 'Schannel',
  comment: 'Microsoft Unified Security Protocol Provider',
  capabilities:
    SECPKG_FLAG.INTEGRITY |
    SECPKG_FLAG.PRIVACY |
    SECPKG_FLAG.CONNECTION |
    SECPKG_FLAG.MULTI_REQUIRED |
    SECPKG_FLAG.EXTENDED_ERROR |
    SECPKG_FLAG.IMPERSONATION |
    SECPKG_FLAG.ACCEPT_WIN32_NAME |
    SECPKG_FLAG.STREAM |
    SECPKG_FLAG.MUTUAL_AUTH,
  version: 1,
  rpcId: 14,
  maxToken: SCHANNEL_MAX_TOKEN,
};

/**
 * TLS 1.2 and 1.3 as a security package. Clients validate the server's certificate, unless ISC_REQ_MANUAL_CRED_VALIDATION or
 * SCH_CRED_MANUAL_CRED_VALIDATION leaves that to the caller.
 * @example
 * const credential = await schannelPackage.acquire({ use: SECPKG_CRED.OUTBOUND, host: systemHost });
 * const context = credential.initiate({ targetName: 'server.example.com', flags: ISC_REQ.STREAM });
 * const { token } = await context.step(); // the ClientHello
 */
export const schannelPackage: SecurityPackage = {
  info: SCHANNEL_INFO,
  acquire: async (request) => {
    const { authData } = request;
    if (authData !== undefined && authData.kind !== 'schannel')
      throw new SspiError('UNKNOWN_CREDENTIALS', {
        stage: 'pAuthData',
        detail: 'SCHANNEL_CRED or SCH_CREDENTIALS is expected',
      });
    return new SchannelHandle(request, acquireTls(authData, request.use));
  },
};

class SchannelHandle implements Credential {
  readonly info = SCHANNEL_INFO;
  readonly use: number;
  readonly expiry: bigint;
  readonly #request: CredentialRequest;
  readonly #tls: TlsCredential;
  /** Contexts under way, and the handle itself: the keys go with the last of them (contract A14). */
  #references = 1;
  #disposed = false;

  constructor(request: CredentialRequest, tls: TlsCredential) {
    this.use = request.use === 0 ? SECPKG_CRED.OUTBOUND : request.use; // contract A4
    this.expiry = tls.expiry;
    this.#request = request;
    this.#tls = tls;
  }

  get attributes(): CredentialAttributes {
    return this.#tls.attributes;
  }

  initiate(options: InitiateOptions): SecurityContext {
    this.#assertUse(SECPKG_CRED.OUTBOUND);
    assertSupported(options.flags, UNSUPPORTED_BY_CLIENT);
    const host = options.targetName === undefined ? undefined : parseTargetName(options.targetName).host;
    this.#references++;
    return contextOf({
      info: SCHANNEL_INFO,
      role: 'initiator',
      start: (scope, first) => this.#initiate(scope, options, host, first),
      frame: frameRecords,
      intermediateFlags: ISC_RET.INTERMEDIATE_RETURN | (options.flags & ECHOED_TO_CLIENT),
      attributes: ATTRIBUTES,
      onEnd: () => this.#release(),
      ...contextOptions(options, this.#request),
    });
  }

  async *#initiate(scope: Scope, options: InitiateOptions, host: string | undefined, first: Uint8Array): Exchange {
    const manual = (options.flags & ISC_REQ.MANUAL_CRED_VALIDATION) !== 0 || this.#manual;
    let trusted = false;
    const inspect = (engine: TlsEngine): void => {
      const verdict = evaluateServer(engine, this.#tls, host, scope.host.clock.now());
      scope.publish('CERT_TRUST_STATUS', () => verdict);
      if (!manual) assertTrusted(verdict, 'TLS server certificate');
      trusted = isTrusted(verdict);
    };

    const { engine, token, rest } = yield* clientHandshake(
      scope,
      {
        credential: this.#tls,
        host,
        applicationProtocols: options.applicationProtocols,
        askForCertificate: (options.flags & ISC_REQ.USE_SUPPLIED_CREDS) === 0,
        tlsOf,
        inspect,
      },
      first,
    );

    publishTlsAttributes(scope, engine);
    const authenticated = trusted && host !== undefined ? ISC_RET.MUTUAL_AUTH : 0;
    return {
      token,
      extra: rest.length,
      flags:
        PROTECTED | (options.flags & ECHOED_TO_CLIENT) | authenticated | (manual ? ISC_RET.MANUAL_CRED_VALIDATION : 0),
      expiry: expiryOf(engine),
      messages: streamProtection(engine),
    };
  }

  accept(options: AcceptOptions): SecurityContext {
    this.#assertUse(SECPKG_CRED.INBOUND);
    assertSupported(options.flags, UNSUPPORTED_BY_SERVER);
    this.#references++;
    return contextOf({
      info: SCHANNEL_INFO,
      role: 'acceptor',
      start: (scope, first) => this.#accept(scope, options, first),
      frame: frameRecords,
      intermediateFlags: options.flags & ECHOED_TO_SERVER,
      attributes: ATTRIBUTES,
      onEnd: () => this.#release(),
      ...contextOptions(options, this.#request),
    });
  }

  async *#accept(scope: Scope, options: AcceptOptions, first: Uint8Array): Exchange {
    const requestCertificate = this.#tls.requestClientCertificate || (options.flags & ASC_REQ.MUTUAL_AUTH) !== 0;
    const { applicationProtocols } = options;
    const { engine, token, rest } = yield* serverHandshake(
      scope,
      this.#tls.server({ requestCertificate, applicationProtocols }),
      first,
    );

    // A client without a certificate is let in, and the application sees that it has none: so does Windows.
    let authenticated = 0;
    if (engine.peerCertificates.length > 0) {
      const verdict = evaluateClient(engine, this.#tls, scope.host.clock.now());
      scope.publish('CERT_TRUST_STATUS', () => verdict);
      if (!this.#manual) await refuseUnless(() => assertTrusted(verdict, 'TLS client certificate'), engine, token);
      authenticated = isTrusted(verdict) ? ASC_RET.MUTUAL_AUTH : 0;
    }
    publishTlsAttributes(scope, engine);
    return {
      token,
      extra: rest.length,
      flags: PROTECTED_FOR_SERVER | (options.flags & ECHOED_TO_SERVER) | authenticated,
      expiry: expiryOf(engine),
      messages: streamProtection(engine),
    };
  }

  get #manual(): boolean {
    return (this.#tls.flags & SCH_CRED.MANUAL_CRED_VALIDATION) !== 0;
  }

  #assertUse(use: number): void {
    if (this.#disposed) throw new SspiError('INVALID_HANDLE', { stage: 'TLS credential' });
    if ((this.use & use) === 0)
      throw new SspiError('NO_CREDENTIALS', { stage: 'TLS credential', detail: 'it is for the other role' });
  }

  /** The TLS side of a handle, if it is one of Schannel's. */
  static tlsOf(credential: Credential): TlsCredential {
    if (credential instanceof SchannelHandle && !credential.#disposed) return credential.#tls;
    throw new SspiError('WRONG_CREDENTIAL_HANDLE', { stage: 'TLS credential' });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#release();
  }

  #release(): void {
    if (--this.#references === 0) this.#tls.dispose();
  }
}

function tlsOf(credential: Credential): TlsCredential {
  return SchannelHandle.tlsOf(credential);
}

/**
 * Refuses a client when the server has its last word still in hand. Under TLS 1.2 that is Finished, and an alert goes out in its
 * place; under TLS 1.3 the keys have changed already, and close_notify is all that the runtime can send under them.
 */
async function refuseUnless(assertion: () => void, engine: TlsEngine, token: Uint8Array): Promise<void> {
  try {
    assertion();
  } catch (thrown) {
    const error = asSspiError(thrown);
    if (engine.parameters.protocol !== 'TLSv1.3') throw error;
    throw error.withToken(concat(token, await engine.close()));
  }
}

const ATTRIBUTES = [...TLS_ATTRIBUTES, 'CERT_TRUST_STATUS', 'ISSUER_LIST_EX', 'FLAGS'] as const;

/** TLS always gives these (contract R26). */
const PROTECTED = ISC_RET.REPLAY_DETECT | ISC_RET.SEQUENCE_DETECT | ISC_RET.CONFIDENTIALITY | ISC_RET.INTEGRITY;
const PROTECTED_FOR_SERVER =
  ASC_RET.REPLAY_DETECT | ASC_RET.SEQUENCE_DETECT | ASC_RET.CONFIDENTIALITY | ASC_RET.INTEGRITY;

const ECHOED_TO_CLIENT =
  ISC_RET.CONNECTION |
  ISC_RET.STREAM |
  ISC_RET.EXTENDED_ERROR |
  ISC_RET.USED_SUPPLIED_CREDS |
  ISC_RET.MANUAL_CRED_VALIDATION;
const ECHOED_TO_SERVER = ASC_RET.CONNECTION | ASC_RET.STREAM | ASC_RET.EXTENDED_ERROR;

/** Contract R27: DTLS, and what only other packages have. */
const UNSUPPORTED_BY_CLIENT =
  ISC_REQ.PROMPT_FOR_CREDS |
  ISC_REQ.USE_DCE_STYLE |
  ISC_REQ.DATAGRAM |
  ISC_REQ.CALL_LEVEL |
  ISC_REQ.FRAGMENT_SUPPLIED |
  ISC_REQ.NULL_SESSION |
  ISC_REQ.FRAGMENT_TO_FIT |
  ISC_REQ.USE_HTTP_STYLE;
const UNSUPPORTED_BY_SERVER =
  ASC_REQ.USE_DCE_STYLE |
  ASC_REQ.DATAGRAM |
  ASC_REQ.CALL_LEVEL |
  ASC_REQ.FRAGMENT_SUPPLIED |
  ASC_REQ.ALLOW_NULL_SESSION |
  ASC_REQ.FRAGMENT_TO_FIT;

function assertSupported(flags: number, unsupported: number): void {
  const surplus = flags & unsupported;
  if (surplus === 0) return;
  const detail = `flags 0x${surplus.toString(16)} are not for TLS`;
  throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'fContextReq', detail });
}

function contextOptions(options: InitiateOptions | AcceptOptions, request: CredentialRequest) {
  return { host: options.host ?? request.host, limits: options.limits, observe: options.observe };
}
