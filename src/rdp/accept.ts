/**
 * The server's side of RDP Network Level Authentication: from an accepted connection to a TLS stream whose user is known and
 * whose credentials are there ([MS-RDPBCGR] 5.4; contract F1-F9). What comes next on it, MCS Connect-Initial, is the caller's.
 * @module
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { Host } from '../host/index.ts';
import { nodeHost } from '../host/node.ts';
import type { CertificateWithKey } from '../sspi/index.ts';
import { ownCertificate } from './certificate.ts';
import { Report } from './events.ts';
import type { HalfOpen } from './half-open.ts';
import { confirmSecurity, type Negotiated } from './negotiation.ts';
import { admit, lastWordOf, type ServerOptions, type ServerOutcome } from './server.ts';
import type { AcceptedSession } from './session.ts';
import { Timing } from './timing.ts';
import { startTlsServer, type TlsVersions, tlsFact, tlsParameters } from './tls.ts';
import { Wire } from './wire.ts';

/** Who is asked in, and on what terms. */
export interface AcceptNlaOptions extends ServerOptions {
  /** A connection that a client has opened; nothing of it read yet. */
  readonly stream: Duplex;
  /** Address of the client, where `stream` is no socket that knows it: for `halfOpen`. */
  readonly source?: string | undefined;
  /** How many clients may be on their way in at once. Default: no limit but the deadlines. */
  readonly halfOpen?: HalfOpen | undefined;
  readonly certificate: CertificateWithKey;
  readonly tls?: TlsVersions | undefined;
  /** Clock, random source, and the ways to KDCs. Default: what Node.js has. */
  readonly platform?: Host | undefined;
}

/** A client that is logged on. */
export interface NlaAcceptance extends ServerOutcome {
  /** For the RDP PDUs that follow. The caller owns it, and `dispose` leaves it open. */
  readonly stream: TLSSocket;
  readonly session: AcceptedSession;
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

async function authenticate(
  stream: TLSSocket,
  negotiated: Negotiated,
  options: AcceptNlaOptions,
  timing: Timing,
  report: Report,
): Promise<NlaAcceptance> {
  const wire = new Wire(stream, timing);
  const { platform = nodeHost } = options;
  try {
    const outcome = await admit(
      wire,
      negotiated,
      ownCertificate(options.certificate),
      { ...options, platform },
      report,
    );
    wire.release();
    return { ...outcome, stream, session: { ...outcome.session, tls: tlsParameters(stream) } };
  } catch (error) {
    await wire.end(lastWordOf(error));
    throw error;
  }
}
