/**
 * TLS on the connection that the X.224 negotiation went over ([MS-RDPBCGR] 5.4.5; contract F1, X2-X5). The chain of a server's
 * certificate is judged afterwards; that the server holds the key of its certificate is always checked here (fault Z44).
 * @module
 */
import { constants } from 'node:crypto';
import { isIP, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, createServer, type SecureVersion, type Server, type TLSSocket } from 'node:tls';
import { type CertificateWithKey, SspiError } from '../sspi/index.ts';
import type { NlaFact } from './events.ts';
import type { TlsParameters } from './session.ts';
import type { Timing } from './timing.ts';

/** Which versions of TLS to speak. TLS 1.0 and 1.1 are refused: their record splitting tears TSRequests apart (contract X5). */
export interface TlsVersions {
  /** Default TLSv1.2. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** Default TLSv1.3. */
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
}

/** The client's handshake. @throws SspiError TLS_FAILED, CONNECTION_CLOSED, DEADLINE_EXCEEDED */
export async function startTlsClient(
  stream: Duplex,
  host: string,
  versions: TlsVersions,
  timing: Timing,
): Promise<TLSSocket> {
  const socket = connect({
    socket: stream,
    ...versionRange(versions),
    rejectUnauthorized: false, // only the chain and the name: those are judged by the caller, with a reason
    ...(isIP(host) === 0 && host !== '' ? { servername: host } : {}), // SNI holds no addresses (RFC 6066 3)
  });
  await handshake(socket, stream, timing, (resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.on('error', reject); // stays: an error after the last reader has left is no reason to end the process
  });
  return socket;
}

/** The server's handshake. @throws SspiError CERTIFICATE_UNUSABLE, and as {@link startTlsClient} */
export async function startTlsServer(
  stream: Duplex,
  certificate: CertificateWithKey,
  versions: TlsVersions,
  timing: Timing,
): Promise<TLSSocket> {
  const server = createTlsServer(certificate, versions);
  let socket: TLSSocket | undefined;
  await handshake(undefined, stream, timing, (resolve, reject) => {
    server.once('secureConnection', (secured) => {
      socket = secured;
      secured.on('error', () => undefined);
      resolve();
    });
    server.once('tlsClientError', reject);
    server.emit('connection', stream);
    // The handshake has what it needs. The server hangs on its socket, and would show the private key to whoever inspects that.
    server.setSecureContext({});
  });
  if (socket === undefined) throw new SspiError('TLS_FAILED', { stage: STAGE });
  return socket;
}

/** What a handshake agreed on. */
export function tlsParameters(socket: TLSSocket): TlsParameters {
  return { version: socket.getProtocol() ?? 'none', cipher: socket.getCipher().standardName };
}

/** What an observer is told of a handshake that is over. */
export function tlsFact(socket: TLSSocket, stream: Duplex, milliseconds: number): NlaFact {
  const { bytesWritten: sent, bytesRead: received } = stream instanceof Socket ? stream : NOT_COUNTED;
  return { kind: 'tls', ...tlsParameters(socket), sent, received, milliseconds };
}

const NOT_COUNTED = { bytesWritten: undefined, bytesRead: undefined };

const STAGE = 'TLS handshake';

/** A server that listens nowhere: it reports what goes wrong in a handshake as plain events. */
function createTlsServer(certificate: CertificateWithKey, versions: TlsVersions): Server {
  try {
    return createServer({
      ...versionRange(versions),
      ...keyPair(certificate),
      secureOptions: constants.SSL_OP_NO_TICKET, // a session is never resumed under CredSSP (contract R15)
    });
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : undefined;
    throw new SspiError('CERTIFICATE_UNUSABLE', { stage: 'server certificate', detail, cause });
  }
}

function keyPair({ certificate, privateKey }: CertificateWithKey): { cert: string; key: string | Buffer } {
  return { cert: certificate, key: typeof privateKey === 'string' ? privateKey : Buffer.from(privateKey.reveal()) };
}

function versionRange({ minVersion, maxVersion }: TlsVersions): {
  minVersion: SecureVersion;
  maxVersion: SecureVersion;
} {
  return { minVersion: minVersion ?? 'TLSv1.2', maxVersion: maxVersion ?? 'TLSv1.3' };
}

async function handshake(
  socket: TLSSocket | undefined,
  stream: Duplex,
  timing: Timing,
  start: (resolve: () => void, reject: (error: Error) => void) => void,
): Promise<void> {
  stream.allowHalfOpen = false; // a peer that ends its side ends the connection: nothing of TLS can follow
  try {
    await timing.leg<void>(STAGE, (resolve, reject) => {
      const closed = (): void => reject(new SspiError('CONNECTION_CLOSED', { stage: STAGE }));
      stream.once('close', closed);
      start(resolve, (error) => reject(tlsError(error)));
      return () => stream.off('close', closed);
    });
  } catch (error) {
    socket?.destroy();
    stream.destroy();
    throw error;
  }
}

/** What OpenSSL or the socket said, under the code that fits. */
function tlsError(cause: Error): SspiError {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
  if (code === 'ECONNRESET' || code === 'EPIPE') return new SspiError('CONNECTION_CLOSED', { stage: STAGE, cause });
  const isAlert = /_(?:TLSV1|SSLV3)_ALERT_/u.test(code); // an alert that the peer sent; faults found here have other names
  return new SspiError(isAlert ? 'TLS_ALERT' : 'TLS_FAILED', {
    stage: STAGE,
    detail: code === '' ? cause.message : code,
    cause,
  });
}
