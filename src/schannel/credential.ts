/**
 * TLS credentials: what `SCHANNEL_CRED` and `SCH_CREDENTIALS` say, made into what the runtime needs, once per credential and
 * not once per connection (contract A23-A26).
 * @module
 */
import { Buffer } from 'node:buffer';
import { isIP } from 'node:net';
import { connect, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import { concat } from '../crypto/index.ts';
import {
  type CredentialAttributes,
  NEVER,
  type SchannelCredential,
  SECPKG_CRED,
  SspiError,
  schannelSettings,
  type TlsVersions,
  toFileTime,
} from '../sspi/index.ts';
import { validityOf } from './certificate.ts';
import { credentialAttributes } from './credential-attributes.ts';
import { type EngineEvents, TlsEngine } from './engine.ts';
import { type Identity, identitiesOf, secureContextOf, withKeys } from './identity.ts';
import { canonicalHost, matchesHost } from './names.ts';
import { versionOptions } from './runtime-options.ts';
import { type TrustAnchors, trustAnchors } from './trust-anchors.ts';
import type { Wire } from './wire.ts';

/** Options of one client connection. */
export interface ClientOptions {
  /** For SNI; not sent when it is an IP address (RFC 6066 3, contract R16). */
  readonly serverName?: string | undefined;
  /** ALPN names in order of preference. */
  readonly applicationProtocols?: readonly string[] | undefined;
  /** Told of the secrets of the handshake, for the one purpose that `certificate-request.ts` explains. */
  readonly onSecret?: ((line: Uint8Array) => void) | undefined;
}

/** Options of one server connection. */
export interface ServerOptions {
  readonly requestCertificate?: boolean | undefined;
  readonly applicationProtocols?: readonly string[] | undefined;
}

/** An acquired TLS credential: starts engines. */
export interface TlsCredential {
  /** Bits of `SCH_CRED`. */
  readonly flags: number;
  /** Whether there is a certificate to present. */
  readonly hasCertificate: boolean;
  /** Servers: ask every client for a certificate. */
  readonly requestClientCertificate: boolean;
  /** What is trusted when the peer's certificate is evaluated. */
  readonly anchors: TrustAnchors;
  /** notAfter of the certificate as FILETIME ticks, or never. */
  readonly expiry: bigint;
  /** What QueryCredentialsAttributes tells of it (contract L8). */
  readonly attributes: CredentialAttributes;
  client(options: ClientOptions): TlsEngine;
  server(options: ServerOptions): TlsEngine;
  /** Zeroises the private keys. Engines that run are not harmed. */
  dispose(): void;
}

/**
 * Makes a TLS credential. Certificates and keys are tried out at once.
 * @param use - bits of `SECPKG_CRED`
 * @throws SspiError NO_CREDENTIALS for inbound use without a certificate (contract A6), CERTIFICATE_UNUSABLE,
 *   UNKNOWN_CREDENTIALS for settings that contradict each other
 */
export function acquireTls(credential: SchannelCredential | undefined, use: number): TlsCredential {
  return new AcquiredTls(credential ?? { kind: 'schannel' }, use);
}

/** How an SNICallback answers. */
type UseContext = (error: Error | null, context?: SecureContext) => void;

/** One server speaks for many connections; each gets a view of it, which tells its engine from the others. */
const engineEvents = new WeakMap<object, EngineEvents>();

/** So many combinations of client certificates and ALPN lists are kept ready. */
const MOST_SERVERS = 8;

class AcquiredTls implements TlsCredential {
  readonly flags: number;
  readonly requestClientCertificate: boolean;
  readonly expiry: bigint;
  readonly attributes: CredentialAttributes;
  readonly #identities: readonly Identity[];
  readonly #rootStore: readonly string[] | undefined;
  readonly #clientContext: SecureContext | undefined;
  readonly #serverVersions: TlsVersions | undefined;
  readonly #servers = new Map<string, Server>();
  readonly #serverContexts = new Map<string, SecureContext>();
  #anchors: TrustAnchors | undefined;

  constructor(credential: SchannelCredential, use: number) {
    const { certificates, rootStore, flags, requestClientCertificate } = schannelSettings(credential);
    this.flags = flags;
    this.requestClientCertificate = requestClientCertificate;
    this.#rootStore = rootStore;
    // What the caller gave is tried out now; what the runtime has is read when it is needed.
    if (rootStore !== undefined) this.#anchors = trustAnchors(rootStore);
    this.#identities = identitiesOf(certificates);
    this.expiry = this.#identities.reduce((soonest, { leaf }) => earlier(soonest, validityOf(leaf).notAfter), NEVER);
    this.attributes = credentialAttributes(this.#identities[0]?.leaf, credential.enabledProtocols, use);
    if ((use & SECPKG_CRED.INBOUND) !== 0) {
      if (certificates.length === 0)
        throw new SspiError('NO_CREDENTIALS', { stage: 'TLS credential', detail: 'a server needs a certificate' });
      this.#serverVersions = schannelSettings(credential, 'server');
      this.#server(requestClientCertificate, []);
    }
    // The reference page prints OUTBOUND as 0 (contract A4).
    if (use === 0 || (use & SECPKG_CRED.OUTBOUND) !== 0)
      this.#clientContext = secureContextOf(this.#identities.slice(0, 1), schannelSettings(credential, 'client'));
  }

  get hasCertificate(): boolean {
    return this.#identities.length > 0;
  }

  get anchors(): TrustAnchors {
    this.#anchors ??= trustAnchors(this.#rootStore);
    return this.#anchors;
  }

  // ------------------------------------------------------------------------------------------------------------- client

  client(options: ClientOptions): TlsEngine {
    const context = this.#clientContext;
    if (context === undefined)
      throw new SspiError('NO_CREDENTIALS', { stage: 'TLS client', detail: 'inbound use only' });
    const { serverName = '', applicationProtocols = [], onSecret } = options;
    const servername = isIP(serverName) === 0 ? canonicalHost(serverName) : '';
    const ALPNProtocols = alpnList(applicationProtocols);
    const hello = (wire: Wire, events: EngineEvents): TLSSocket => {
      const socket = connect({
        socket: wire,
        secureContext: context,
        // The handshake signature is checked all the same. The chain is a verdict of its own (contract R24).
        rejectUnauthorized: false,
        checkServerIdentity: () => undefined,
        ...(servername === '' ? {} : { servername }),
        ...(ALPNProtocols.length === 0 ? {} : { ALPNProtocols }),
      });
      socket.once('secureConnect', () => events.secured(socket));
      if (onSecret !== undefined) {
        // Whoever started the runtime with --tls-keylog asked for the lines, and writes them a little later: theirs are not wiped.
        const alone = socket.listenerCount('keylog') === 0;
        socket.on('keylog', (line) => onSecret(alone ? line : new Uint8Array(line)));
      }
      return socket;
    };
    return new TlsEngine('client', hello, this.#identities[0]?.leaf);
  }

  // ------------------------------------------------------------------------------------------------------------- server

  server(options: ServerOptions): TlsEngine {
    const { requestCertificate = this.requestClientCertificate, applicationProtocols = [] } = options;
    const server = this.#server(requestCertificate, applicationProtocols);
    const greet = (wire: Wire, events: EngineEvents): undefined => {
      // Listeners are found through the prototype and are called with the view, so each event reaches its own engine.
      const view: Server = Object.create(server);
      engineEvents.set(view, events);
      view.emit('connection', wire);
    };
    const [only, ...others] = this.#identities;
    return new TlsEngine('server', greet, others.length === 0 ? only?.leaf : undefined);
  }

  #server(requestCert: boolean, applicationProtocols: readonly string[]): Server {
    const versions = this.#serverVersions;
    if (versions === undefined)
      throw new SspiError('NO_CREDENTIALS', { stage: 'TLS server', detail: 'outbound use only' });
    const key = `${requestCert}\n${applicationProtocols.join('\n')}`;
    const known = this.#servers.get(key);
    if (known !== undefined) return known;
    const server = this.#makeServer(versions, requestCert, applicationProtocols);
    const [oldest] = this.#servers.keys();
    if (this.#servers.size >= MOST_SERVERS && oldest !== undefined) this.#servers.delete(oldest);
    this.#servers.set(key, server);
    return server;
  }

  #makeServer(versions: TlsVersions, requestCert: boolean, applicationProtocols: readonly string[]): Server {
    const server = withKeys(this.#identities, (keys) =>
      createServer({
        ...versionOptions(versions),
        ...keys,
        requestCert,
        rejectUnauthorized: false,
        ca: this.#namedAuthorities(requestCert),
        ...(applicationProtocols.length === 0 ? {} : { ALPNProtocols: alpnList(applicationProtocols) }),
        ...(this.#identities.length > 1
          ? { SNICallback: (name: string, use: UseContext) => this.#choose(versions, requestCert, name, use) }
          : {}),
      }),
    );
    server.on('secureConnection', function (this: Server, socket) {
      engineEvents.get(this)?.secured(socket);
    });
    server.on('tlsClientError', function (this: Server, error) {
      engineEvents.get(this)?.failed(error);
    });
    return server;
  }

  /** The authorities that a CertificateRequest names. */
  #namedAuthorities(requestCert: boolean): string[] {
    return requestCert ? [...(this.#rootStore ?? [])] : [];
  }

  /** Of several certificates, those for the name that the client asked for; all of them when none matches. */
  #choose(versions: TlsVersions, requestCert: boolean, serverName: string, use: UseContext): void {
    try {
      const matching = this.#identities.filter(({ leaf }) => matchesHost(leaf, serverName));
      use(null, matching.length === 0 ? undefined : this.#contextFor(matching, versions, requestCert));
    } catch (error) {
      // Thrown into the runtime it would end the process; handed over it ends the handshake.
      use(error instanceof Error ? error : new Error('no certificate', { cause: error }));
    }
  }

  #contextFor(matching: readonly Identity[], versions: TlsVersions, requestCert: boolean): SecureContext {
    const key = `${requestCert} ${matching.map((identity) => this.#identities.indexOf(identity)).join()}`;
    const known = this.#serverContexts.get(key);
    if (known !== undefined) return known;
    const context = secureContextOf(matching, versions, this.#namedAuthorities(requestCert));
    this.#serverContexts.set(key, context);
    return context;
  }

  dispose(): void {
    for (const { key } of this.#identities) key.dispose();
  }
}

function earlier(ticks: bigint, milliseconds: number): bigint {
  const other = toFileTime(milliseconds);
  return other < ticks ? other : ticks;
}

/** Names for ALPN, each behind its length, one octet per character (RFC 7301 3.1). @throws SspiError INVALID_PARAMETER */
function alpnList(names: readonly string[]): Uint8Array {
  return concat(
    ...names.map((name) => {
      if (name.length === 0 || name.length > 255)
        throw new SspiError('INVALID_PARAMETER', { stage: 'ALPN', detail: 'a name has 1 to 255 octets' });
      return Uint8Array.of(name.length, ...Buffer.from(name, 'latin1'));
    }),
  );
}
