/**
 * The server's side of RDP Network Level Authentication: from an accepted connection to a TLS stream whose user is known and
 * whose credentials are there ([MS-RDPBCGR] 5.4; contract F1-F9). What comes next on it, MCS Connect-Initial, is the caller's.
 * @module
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { credsspAcceptor, NEWEST_VERSION } from '../credssp/index.ts';
import type { Host } from '../host/index.ts';
import { nodeHost } from '../host/node.ts';
import {
  type CertificateWithKey,
  type ClientIdentity,
  type CredSspOptions,
  type DelegatedCredentials,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { ownCertificate } from './certificate.ts';
import { certificateFact } from './client.ts';
import { type NlaObserver, Report } from './events.ts';
import type { HalfOpen } from './half-open.ts';
import { logOn, tellAuthorization } from './logon.ts';
import { acceptorMechanism, type NlaAccounts } from './mechanism.ts';
import { type ConfirmOptions, confirmSecurity, type Negotiated } from './negotiation.ts';
import type { AcceptedSession, Authorization } from './session.ts';
import { type Patience, Timing } from './timing.ts';
import { startTlsServer, type TlsVersions, tlsFact, tlsParameters } from './tls.ts';
import { Wire } from './wire.ts';

/** Who is asked in, and on what terms. */
export interface AcceptNlaOptions extends ConfirmOptions, Patience {
  /** A connection that a client has opened; nothing of it read yet. */
  readonly stream: Duplex;
  /** Address of the client, where `stream` is no socket that knows it: for `halfOpen`. */
  readonly source?: string | undefined;
  /** How many clients may be on their way in at once. Default: no limit but the deadlines. */
  readonly halfOpen?: HalfOpen | undefined;
  readonly certificate: CertificateWithKey;
  /** Where the accounts are, or the keytab; and what a client has to prove. */
  readonly identity: NlaAccounts;
  /**
   * Whether a user whose password is right may use this server. Default: everybody may. Under HYBRID_EX the client is told
   * (Early User Authorization Result), otherwise it sees the connection close.
   */
  readonly authorize?:
    | ((identity: ClientIdentity, credentials: DelegatedCredentials) => boolean | Promise<boolean>)
    | undefined;
  /** Versions of TSRequest. */
  readonly credssp?: Pick<CredSspOptions, 'maxVersion' | 'minVersion'> | undefined;
  readonly tls?: TlsVersions | undefined;
  readonly platform?: Host | undefined;
  /** Is told of everything that happens, without secrets. */
  readonly observe?: NlaObserver | undefined;
}

/** A client that is logged on. */
export interface NlaAcceptance extends Disposable {
  /** For the RDP PDUs that follow. The caller owns it. */
  readonly stream: TLSSocket;
  /** As the authentication proved it. */
  readonly identity: ClientIdentity;
  /** What the client handed over, unchecked (contract C14). Zeroised by `dispose`. */
  readonly credentials: DelegatedCredentials;
  /** What the client was told. */
  readonly authorization: Authorization;
  readonly session: AcceptedSession;
  /** Zeroises the credentials. The stream stays open. */
  dispose(): void;
}

/**
 * Receives an RDP client and makes it log on with CredSSP.
 * @throws SspiError; or the reason of `signal` when that is aborted. The client has been told why as far as its version knows
 *   how (contract C13), and the connection is destroyed. TOO_MANY_CONNECTIONS: it has not been read from, or written to.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-rdpbcgr/db98be23-733a-4fd2-b086-002cd2ba02e5
 * @example
 * createServer(async (stream) => {
 *   using client = await acceptNla({ stream, certificate, identity: { kind: 'acceptor', accounts } });
 *   console.log(client.identity.name);
 * }).listen(3389);
 */
export async function acceptNla(options: AcceptNlaOptions): Promise<NlaAcceptance> {
  const { stream, halfOpen } = options;
  let leave: (() => void) | undefined;
  try {
    leave = halfOpen?.enter(options.source ?? (stream instanceof Socket ? stream.remoteAddress : undefined));
    return await receive(options);
  } catch (error) {
    stream.on('error', () => undefined).destroy();
    throw error;
  } finally {
    leave?.();
  }
}

async function receive(options: AcceptNlaOptions): Promise<NlaAcceptance> {
  const timing = new Timing(options);
  const report = new Report(options.observe, timing);
  const plain = new Wire(options.stream, timing);
  let negotiated: Negotiated;
  try {
    negotiated = await confirmSecurity(plain, options, report);
  } catch (error) {
    await plain.end(lastWordOf(error));
    throw error;
  }
  try {
    const began = timing.elapsed;
    const raw = plain.release();
    const stream = await startTlsServer(raw, options.certificate, options.tls ?? {}, timing);
    report.tell(tlsFact(stream, raw, timing.elapsed - began));
    return await authenticate(stream, negotiated, options, timing, report);
  } catch (error) {
    await plain.end();
    throw error;
  }
}

function lastWordOf(error: unknown): Uint8Array | undefined {
  return error instanceof SspiError ? error.token : undefined;
}

async function authenticate(
  stream: TLSSocket,
  negotiated: Negotiated,
  options: AcceptNlaOptions,
  timing: Timing,
  report: Report,
): Promise<NlaAcceptance> {
  const wire = new Wire(stream, timing);
  const { credssp, platform: host = nodeHost } = options;
  let context: SecurityContext | undefined;
  try {
    const own = ownCertificate(options.certificate);
    report.tell(certificateFact(own, undefined));
    const acquired = acceptorMechanism(options.identity, { host, observe: report.exchange });
    const mechanism = await wire.within('identity', acquired);
    const accepting = credsspAcceptor({
      publicKey: own.publicKey,
      mechanism,
      flags: 0,
      options: credssp,
      host,
      observe: report.exchange,
      report: report.tell,
    });
    context = accepting;
    const ownVersion = credssp?.maxVersion ?? NEWEST_VERSION;
    const logon = await logOn(wire, { context, mechanism, ownVersion }, report);
    const identity = accepting.query('C_ACCESS_TOKEN');
    const credentials = accepting.query('CREDS');
    report.tell({ kind: 'received', delegated: credentials.kind });
    const asked = Promise.resolve(options.authorize?.(identity, credentials) ?? true);
    const granted = await wire.within('authorize', asked);
    const authorization = await tellAuthorization(wire, negotiated.selectedProtocol, granted, report);
    wire.release();
    const session = { ...negotiated, ...logon, tls: tlsParameters(stream) };
    const dispose = (): void => accepting.dispose();
    return { stream, identity, credentials, authorization, session, dispose, [Symbol.dispose]: dispose };
  } catch (error) {
    context?.dispose();
    await wire.end(lastWordOf(error));
    throw error;
  }
}
