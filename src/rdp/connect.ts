/**
 * The client's side of RDP Network Level Authentication: from a TCP connection to a TLS stream on which the server knows who
 * we are ([MS-RDPBCGR] 5.4; contract F1-F9). What comes next on it, MCS Connect-Initial, is the caller's.
 * @module
 */
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Host } from '../host/index.ts';
import { nodeHost } from '../host/node.ts';
import { assertTrusted, isTrusted } from '../schannel/index.ts';
import { type CertTrustStatus, SspiError } from '../sspi/index.ts';
import { judgeServer } from './certificate.ts';
import { authenticate, type ClientOptions, certificateFact } from './client.ts';
import { Report } from './events.ts';
import { type Negotiated, requestSecurity } from './negotiation.ts';
import type { Authorization, ClientLogon, ConnectedSession } from './session.ts';
import { Timing } from './timing.ts';
import { startTlsClient, type TlsVersions, tlsFact, tlsParameters } from './tls.ts';
import { Wire } from './wire.ts';

/** Where to connect, and as whom. */
export interface ConnectNlaOptions extends ClientOptions {
  /** Name or address of the server as the user typed it: it makes the SPN `TERMSRV/host`, SNI, and is looked for in the certificate. */
  readonly host: string;
  /** Default 3389. */
  readonly port?: number | undefined;
  /** An open connection to the server, instead of a TCP connection to `host` and `port`. */
  readonly stream?: Duplex | undefined;
  /**
   * Refuse a server whose certificate is not trusted or not for `host`, before anything is said to it. Default false: then an untrusted
   * one merely does not authenticate the server.
   */
  readonly requireTrustedCertificate?: boolean | undefined;
  /** PEM certificates that are trusted. Default: the ones that the runtime trusts. */
  readonly rootStore?: readonly string[] | undefined;
  readonly tls?: TlsVersions | undefined;
  /** Clock, random source, and the ways to KDCs. Default: what Node.js has. */
  readonly platform?: Host | undefined;
}

/** A connection on which the logon is over. */
export interface NlaConnection {
  /** For the RDP PDUs that follow. The caller owns it. */
  readonly stream: TLSSocket;
  readonly identity: ClientLogon;
  readonly authorization: Authorization;
  readonly session: ConnectedSession;
}

const DEFAULT_PORT = 3389;

/**
 * Connects to an RDP server and logs on with CredSSP.
 * @throws SspiError; or the reason of `signal` when that is aborted. The connection is destroyed then.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-rdpbcgr/db98be23-733a-4fd2-b086-002cd2ba02e5
 * @example
 * const { stream, identity, authorization } = await connectNla({
 *   host: 'server.example.com',
 *   identity: { kind: 'identity', domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' },
 *   observe: ({ at, kind }) => console.log(at, kind),
 * });
 * stream.write(mcsConnectInitial);
 */
export async function connectNla(options: ConnectNlaOptions): Promise<NlaConnection> {
  const timing = new Timing(options);
  const report = new Report(options.observe, timing);
  const plain = new Wire(options.stream ?? (await openTcp(options, timing, report)), timing);
  try {
    const negotiated = await requestSecurity(plain, options, report);
    const began = timing.elapsed;
    const raw = plain.release();
    const stream = await startTlsClient(raw, options.host, options.tls ?? {}, timing);
    report.tell(tlsFact(stream, raw, timing.elapsed - began));
    return await logOnBehindTls(stream, negotiated, options, timing, report);
  } catch (error) {
    await plain.end();
    throw error;
  }
}

async function openTcp(
  { host, port = DEFAULT_PORT }: ConnectNlaOptions,
  timing: Timing,
  report: Report,
): Promise<Duplex> {
  const socket = connectTcp({ host, port, noDelay: true });
  try {
    await timing.leg<void>('TCP', (resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', (cause) => {
        reject(
          new SspiError('CONNECTION_FAILED', { stage: 'TCP', detail: `${host} port ${port}: ${cause.message}`, cause }),
        );
      });
      return () => undefined;
    });
    report.tell({ kind: 'tcp', address: socket.remoteAddress ?? host, port, milliseconds: timing.elapsed });
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error;
  }
  return socket;
}

async function logOnBehindTls(
  stream: TLSSocket,
  negotiated: Negotiated,
  options: ConnectNlaOptions,
  timing: Timing,
  report: Report,
): Promise<NlaConnection> {
  const wire = new Wire(stream, timing);
  const { host, rootStore, platform = nodeHost } = options;
  try {
    const { trust, ...server } = judgeServer(stream, { host, rootStore, time: platform.clock.now() });
    const trusted = isTrusted(trust);
    report.tell(certificateFact(server, { trusted, trust }));
    if (options.requireTrustedCertificate === true) assertTrusted(trust, 'server certificate');
    const known = { ...server, trusted };
    const outcome = await authenticate(wire, negotiated, known, { ...options, platform }, report).catch((error) => {
      throw explained(error, trust);
    });
    wire.release();
    const { identity, authorization, session } = outcome;
    return { stream, identity, authorization, session: { ...session, tls: tlsParameters(stream), trust, trusted } };
  } catch (error) {
    const isVerdict = error instanceof SspiError && error.code === 'CERTIFICATE_UNTRUSTED'; // its alert is for handshakes
    await wire.end(error instanceof SspiError && !isVerdict ? error.token : undefined);
    throw isVerdict ? error.withToken(undefined) : error;
  }
}

/** A server that had to be authenticated and was not: by its certificate it would have been, but for this. */
function explained(error: unknown, trust: CertTrustStatus): unknown {
  if (!(error instanceof SspiError) || error.code !== 'MUTUAL_AUTH_FAILED') return error;
  try {
    assertTrusted(trust, 'server certificate');
    return error;
  } catch (verdict) {
    const { stage, detail, token } = error;
    const why = verdict instanceof SspiError ? verdict.detail : undefined;
    return new SspiError('MUTUAL_AUTH_FAILED', {
      stage,
      detail: `${detail}; its certificate: ${why}`,
      token,
      cause: error,
    });
  }
}
