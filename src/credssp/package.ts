/**
 * The CREDSSP security package: TLS inside the tokens, SPNEGO or NTLM inside TLS, credentials at the end.
 * @see https://learn.microsoft.com/windows/win32/secauthn/initializesecuritycontext--credssp
 * @module
 */
import { negotiatePackage } from '../negotiate/index.ts';
import { ntlmPackage } from '../ntlm/index.ts';
import {
  acquireTls,
  clientHandshake,
  evaluateServer,
  expiryOf,
  frameRecords,
  isTrusted,
  publishTlsAttributes,
  serverHandshake,
  subjectPublicKey,
  TLS_ATTRIBUTES,
  type TlsCredential,
} from '../schannel/index.ts';
import {
  type AcceptOptions,
  ASC_REQ,
  ASC_RET,
  type AuthData,
  CREDSPP_SUBMIT_TYPE,
  CREDSSP_FLAG_REDIRECT,
  type Credential,
  type CredentialAttributes,
  type CredentialRequest,
  type CredSspCredential,
  type CredSspOptions,
  contextOf,
  type DelegatedCredentials,
  type InitiateOptions,
  ISC_REQ,
  ISC_RET,
  type KdcProxySettings,
  parseTargetName,
  type Scope,
  SECPKG_CRED,
  Secret,
  type SecurityContext,
  type SecurityPackage,
  type SpnegoAuthData,
  SspiError,
} from '../sspi/index.ts';
import { accept } from './acceptor.ts';
import { CREDSSP_ATTRIBUTES } from './attributes.ts';
import { disposeCredentials } from './credentials.ts';
import { assertAcceptorFlags, assertInitiatorFlags, DEFAULT_MAX_REQUEST } from './engine.ts';
import { CREDSSP_INFO } from './info.ts';
import { initiate } from './initiator.ts';
import { validatePolicy } from './policy.ts';
import { TlsExchange } from './tls-exchange.ts';

/** `InitializeSecurityContext (CredSSP)` and its siblings, as a package for the door. */
export const credsspPackage: SecurityPackage = {
  info: CREDSSP_INFO,
  acquire: async (request) => {
    const cred = credentialOf(request.authData);
    const options = cred.options ?? {};
    assertSource(request, options);
    if (options.policy !== undefined) validatePolicy(options.policy);
    const tls = acquireTls(cred.schannelCred, request.use);
    try {
      const mechanism = await acquireMechanism(request, cred.spnegoCred, options);
      return new CredSspHandle(request, tls, mechanism, delegable(cred.spnegoCred), options);
    } catch (error) {
      tls.dispose();
      throw error;
    }
  },
};

/** CREDSSP_CRED, or the EX form around one (contract A17, A18). @throws SspiError UNKNOWN_CREDENTIALS */
function credentialOf(authData: AuthData | undefined): CredSspCredential {
  if (authData === undefined)
    throw new SspiError('NO_CREDENTIALS', { stage: 'pAuthData', detail: 'there are no default credentials' });
  if (authData.kind === 'credssp-ex') {
    const { version = 0, flags = 0, cred } = authData;
    if (version !== 0 || (flags & ~CREDSSP_FLAG_REDIRECT) !== 0)
      throw unknownCredentials('version or flags of CREDSSP_CRED_EX');
    if (flags === CREDSSP_FLAG_REDIRECT)
      throw new SspiError('UNSUPPORTED_FUNCTION', {
        stage: 'pAuthData',
        detail: 'remote credential guard needs Kerberos',
      });
    return assertSubmitType(cred);
  }
  if (authData.kind !== 'credssp') throw unknownCredentials('CREDSSP_CRED is expected');
  return assertSubmitType(authData);
}

function assertSubmitType(cred: CredSspCredential): CredSspCredential {
  const { type = CREDSPP_SUBMIT_TYPE.CredsspPasswordCreds } = cred;
  switch (type) {
    case CREDSPP_SUBMIT_TYPE.CredsspPasswordCreds:
    case CREDSPP_SUBMIT_TYPE.CredsspSubmitBufferBoth:
    case CREDSPP_SUBMIT_TYPE.CredsspSubmitBufferBothOld:
      return cred;
    case CREDSPP_SUBMIT_TYPE.CredsspSchannelCreds:
      if (cred.spnegoCred !== undefined) throw unknownCredentials('CredsspSchannelCreds comes without pSpnegoCred');
      return cred;
    case CREDSPP_SUBMIT_TYPE.CredsspCertificateCreds:
      throw new SspiError('UNSUPPORTED_FUNCTION', {
        stage: 'pAuthData',
        detail: 'a smart card logon needs Kerberos with PKINIT',
      });
    default:
      throw unknownCredentials(`submit type ${type}`);
  }
}

/** AUTOLOGON_RESTRICTED leaves credentials that the caller gives, and no others (contract A15). */
function assertSource({ use }: CredentialRequest, { source = 'fresh' }: CredSspOptions): void {
  if ((use & SECPKG_CRED.AUTOLOGON_RESTRICTED) !== 0 && source !== 'fresh')
    throw new SspiError('NO_CREDENTIALS', {
      stage: 'pAuthData',
      detail: `${source} credentials under AUTOLOGON_RESTRICTED`,
    });
}

/**
 * Under USE_SUPPLIED_CREDS only credentials that the application gave will do: with the call, which by now are those of the handle,
 * or with the handle itself (contract R23).
 */
function assertSupplied(flags: number, { source = 'fresh' }: CredSspOptions): void {
  if ((flags & ISC_REQ.USE_SUPPLIED_CREDS) !== 0 && source !== 'fresh')
    throw new SspiError('NO_CREDENTIALS', {
      stage: 'SECBUFFER_PKG_PARAMS',
      detail: `${source} credentials under USE_SUPPLIED_CREDS`,
    });
}

function unknownCredentials(detail: string): SspiError {
  return new SspiError('UNKNOWN_CREDENTIALS', { stage: 'pAuthData', detail });
}

/**
 * The credential of the mechanism inside. A CredSSP server takes nobody without a name and no protection below 128 bits,
 * whatever the same accounts are used for elsewhere (contract N17, N18).
 */
function acquireMechanism(
  request: CredentialRequest,
  spnegoCred: SpnegoAuthData | undefined,
  options: CredSspOptions,
): Promise<Credential> {
  const { mechanism = 'negotiate' } = options;
  if (spnegoCred?.kind === 'anonymous') throw unknownCredentials('an anonymous client cannot log on with CredSSP');
  const strict: SpnegoAuthData | undefined =
    spnegoCred?.kind === 'acceptor'
      ? { ...spnegoCred, allowAnonymous: false, allowNtlmV1: false, allowWeakSessionSecurity: false }
      : spnegoCred;
  const chosen = mechanism === 'ntlm' ? ntlmPackage : negotiatePackage;
  return chosen.acquire({ ...request, authData: strict });
}

/** What can be sent to a server of these credentials. A hash cannot: the server needs the password. */
function delegable(spnegoCred: SpnegoAuthData | undefined): DelegatedCredentials | undefined {
  if (spnegoCred?.kind !== 'identity') return undefined;
  const { user = '', domain = '', password = '' } = spnegoCred;
  return {
    kind: 'password',
    domain,
    user,
    password: typeof password === 'string' ? Secret.fromText(password) : password.clone(),
  };
}

class CredSspHandle implements Credential {
  readonly info = CREDSSP_INFO;
  readonly use: number;
  readonly expiry: bigint;
  readonly #request: CredentialRequest;
  readonly #tls: TlsCredential;
  readonly #mechanism: Credential;
  readonly #delegable: DelegatedCredentials | undefined;
  readonly #options: CredSspOptions;
  /** Contexts under way, and the handle itself: the secrets go with the last of them (contract A14). */
  #references = 1;
  #disposed = false;

  constructor(
    request: CredentialRequest,
    tls: TlsCredential,
    mechanism: Credential,
    delegable: DelegatedCredentials | undefined,
    options: CredSspOptions,
  ) {
    this.use = request.use;
    this.expiry = tls.expiry;
    this.#request = request;
    this.#tls = tls;
    this.#mechanism = mechanism;
    this.#delegable = delegable;
    this.#options = options;
  }

  get attributes(): CredentialAttributes {
    return { ...this.#mechanism.attributes, ...this.#tls.attributes };
  }

  setKdcProxy(settings: KdcProxySettings): void {
    if (this.#mechanism.setKdcProxy === undefined)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'CredSSP credential', detail: 'no mechanism has KDCs' });
    this.#mechanism.setKdcProxy(settings);
  }

  initiate(options: InitiateOptions): SecurityContext {
    this.#assertUse(SECPKG_CRED.OUTBOUND);
    assertInitiatorFlags(options.flags);
    assertSupplied(options.flags, this.#options);
    if (options.targetName !== undefined) parseTargetName(options.targetName);
    if ((options.flags & ISC_REQ.DELEGATE) !== 0) this.#assertDelegable();
    this.#references++;
    let exchange: TlsExchange | undefined;
    return contextOf({
      info: CREDSSP_INFO,
      role: 'initiator',
      start: (scope, first) => {
        exchange = this.#clientExchange(scope, options);
        return exchange.begin(first);
      },
      again: (_, first) => begun(exchange).again(first),
      frame: frameRecords,
      intermediateFlags:
        ISC_RET.INTERMEDIATE_RETURN | ISC_RET.MANUAL_CRED_VALIDATION | (options.flags & ECHOED_TO_CLIENT),
      attributes: ATTRIBUTES,
      onEnd: () => this.#release(),
      ...contextOptions(options, this.#request),
    });
  }

  /**
   * The client's side: nobody looks at the certificate before the handshake is over, and then only to judge it (R24). A server
   * that wants a certificate of the client is no CredSSP server of the book; the caller is asked what to do (contract R76).
   */
  #clientExchange(scope: Scope, options: InitiateOptions): TlsExchange {
    const { targetName, flags, applicationProtocols, observe } = options;
    const target = targetName === undefined ? undefined : parseTargetName(targetName);
    let handle: CredSspHandle = this;
    return new TlsExchange({
      handshake: (first) =>
        clientHandshake(
          scope,
          {
            credential: this.#tls,
            host: target?.host,
            applicationProtocols,
            askForCertificate: (flags & ISC_REQ.USE_SUPPLIED_CREDS) === 0,
            tlsOf: (credential) => {
              handle = CredSspHandle.#retained(credential, scope);
              return handle.#tls;
            },
          },
          first,
        ),
      start: async (tls) => {
        // Another credential may come to authenticate again with (contract R72); TLS stays what it is.
        if (scope.credential !== undefined && scope.credential !== handle)
          handle = CredSspHandle.#retained(scope.credential, scope);
        publishTlsAttributes(scope, tls, CREDSSP_INFO.maxToken);
        const trust = evaluateServer(tls, handle.#tls, target?.host, scope.host.clock.now());
        scope.publish('CERT_TRUST_STATUS', () => trust);
        return initiate(scope, {
          publicKey: serverKey(tls.peerCertificates[0]),
          channelExpiry: expiryOf(tls),
          mechanism: handle.#mechanism.initiate({ flags: INNER_REQUEST, targetName, host: scope.host, observe }),
          credentials: (flags & ISC_REQ.DELEGATE) === 0 ? { kind: 'none' } : handle.#assertDelegable(),
          serverCertificateTrusted: target !== undefined && isTrusted(trust),
          targetName,
          flags,
          options: handle.#options,
        });
      },
      tls13: this.#options.tls13 ?? 'combined',
      closeOnFailure: (flags & ISC_REQ.EXTENDED_ERROR) !== 0,
      maxRequest: options.limits?.maxToken ?? DEFAULT_MAX_REQUEST,
    });
  }

  accept(options: AcceptOptions): SecurityContext {
    this.#assertUse(SECPKG_CRED.INBOUND);
    assertAcceptorFlags(options.flags);
    this.#references++;
    let exchange: TlsExchange | undefined;
    return contextOf({
      info: CREDSSP_INFO,
      role: 'acceptor',
      start: (scope, first) => {
        exchange = this.#serverExchange(scope, options);
        return exchange.begin(first);
      },
      again: this.#options.reauthentication === true ? (_, first) => begun(exchange).again(first) : undefined,
      frame: frameRecords,
      intermediateFlags: options.flags & ECHOED_TO_SERVER,
      attributes: ATTRIBUTES,
      onEnd: () => this.#release(),
      ...contextOptions(options, this.#request),
    });
  }

  #serverExchange(scope: Scope, options: AcceptOptions): TlsExchange {
    const { flags, applicationProtocols, observe } = options;
    return new TlsExchange({
      handshake: (first) =>
        serverHandshake(scope, this.#tls.server({ requestCertificate: false, applicationProtocols }), first),
      start: async (tls) => {
        publishTlsAttributes(scope, tls, CREDSSP_INFO.maxToken);
        return accept(scope, {
          publicKey: serverKey(tls.ownCertificate),
          channelExpiry: expiryOf(tls),
          mechanism: this.#mechanism.accept({ flags: INNER_ACCEPT, host: scope.host, observe }),
          flags,
          options: this.#options,
        });
      },
      tls13: 'combined',
      closeOnFailure: false,
      maxRequest: options.limits?.maxToken ?? DEFAULT_MAX_REQUEST,
    });
  }

  /** The handle behind a credential that a caller came back with, kept alive as long as the exchange (contract R76). */
  static #retained(credential: Credential, scope: Scope): CredSspHandle {
    if (!(credential instanceof CredSspHandle) || credential.#disposed)
      throw new SspiError('WRONG_CREDENTIAL_HANDLE', { stage: 'CredSSP credential' });
    credential.#assertUse(SECPKG_CRED.OUTBOUND);
    credential.#references++;
    scope.own({ dispose: () => credential.#release() });
    return credential;
  }

  #assertDelegable(): DelegatedCredentials {
    if (this.#delegable === undefined)
      throw new SspiError('NO_CREDENTIALS', {
        stage: 'delegation',
        detail: 'only a password can be delegated, not a hash',
      });
    return this.#delegable;
  }

  #assertUse(use: number): void {
    if (this.#disposed) throw new SspiError('INVALID_HANDLE', { stage: 'CredSSP credential' });
    if ((this.use & use) === 0)
      throw new SspiError('NO_CREDENTIALS', { stage: 'CredSSP credential', detail: 'it is for the other role' });
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#release();
  }

  #release(): void {
    if (--this.#references > 0) return;
    this.#tls.dispose();
    this.#mechanism.dispose();
    if (this.#delegable !== undefined) disposeCredentials(this.#delegable);
  }
}

const ATTRIBUTES = [...CREDSSP_ATTRIBUTES, ...TLS_ATTRIBUTES, 'CERT_TRUST_STATUS', 'ISSUER_LIST_EX'] as const;

const ECHOED_TO_CLIENT = ISC_RET.CONNECTION | ISC_RET.STREAM | ISC_RET.EXTENDED_ERROR;
const ECHOED_TO_SERVER = ASC_RET.CONNECTION | ASC_RET.STREAM | ASC_RET.EXTENDED_ERROR;

/** Contract X25: the mechanism delegates nothing by itself. */
const INNER_REQUEST =
  ISC_REQ.MUTUAL_AUTH | ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.REPLAY_DETECT;
const INNER_ACCEPT =
  ASC_REQ.MUTUAL_AUTH | ASC_REQ.INTEGRITY | ASC_REQ.CONFIDENTIALITY | ASC_REQ.SEQUENCE_DETECT | ASC_REQ.REPLAY_DETECT;

/** Whoever authenticates again has done it once. */
function begun(exchange: TlsExchange | undefined): TlsExchange {
  if (exchange === undefined) throw new SspiError('CONTEXT_NOT_ESTABLISHED', { stage: 're-authentication' });
  return exchange;
}

function contextOptions(options: InitiateOptions | AcceptOptions, request: CredentialRequest) {
  return { host: options.host ?? request.host, limits: options.limits, observe: options.observe };
}

/** What the proof is about: the key that TLS really used (contract X30). */
function serverKey(certificate: Uint8Array | undefined): Uint8Array {
  if (certificate === undefined)
    throw new SspiError('INTERNAL_ERROR', { stage: 'CredSSP', detail: 'TLS without a certificate' });
  return subjectPublicKey(certificate);
}
