/**
 * Somebody in between: takes RDP connections, opens others to the server, and changes what goes through. What CredSSP is there to
 * notice.
 * @module
 */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { decodeTSRequest, encodeTSRequest, frameTSRequest } from '../credssp/index.ts';
import { concat } from '../crypto/index.ts';
import { type CertificateWithKey, Secret, SspiError } from '../sspi/index.ts';
import type { ChangeRequest, MessageFrom } from './faults-between.ts';

/** What the one in between does. */
export interface MiddleOptions {
  /** The real server. */
  readonly server: { readonly host: string; readonly port: number };
  /** What clients are shown. */
  readonly certificate: CertificateWithKey;
  /** What becomes of a TSRequest. Default: it stays what it is. */
  readonly change?: ChangeRequest | undefined;
}

/** Somebody in between who listens. */
export interface Middle extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
/** Octets of a TPKT header, of which the last two say how long the PDU is. */
const TPKT_HEADER = 4;
/** The first octet of a TSRequest. */
const SEQUENCE = 0x30;
const LARGEST_REQUEST = 1024 * 1024;

/** Starts somebody in between on a free port of the loopback address. */
export async function startMiddle(options: MiddleOptions): Promise<Middle> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  };
  const listener = createServer((client) => {
    const server = connect({ ...options.server, noDelay: true });
    keep(client);
    keep(server);
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    relay(client, server, options).then(end, end); // whoever is cut off knows it by that
  });
  listener.listen(0, HOST);
  await once(listener, 'listening');
  const address = listener.address();
  if (typeof address !== 'object' || address === null)
    throw new SspiError('CONNECTION_FAILED', { stage: 'lab, somebody in between', detail: HOST });

  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    for (const socket of sockets) socket.destroy();
    listener.close();
    await once(listener, 'close');
  };
  return { host: HOST, port: address.port, close, [Symbol.asyncDispose]: close };
}

async function relay(client: Socket, server: Socket, { certificate, change }: MiddleOptions): Promise<void> {
  // The negotiation of X.224 is in the clear: one PDU each way.
  server.write(await pdu(client));
  client.write(await pdu(server));

  // TLS ends here, and begins anew.
  const { privateKey } = certificate;
  const key = privateKey instanceof Secret ? Buffer.from(privateKey.reveal()) : privateKey;
  const shown = new TLSSocket(client, { isServer: true, cert: certificate.certificate, key });
  const real = connectTls({ socket: server, rejectUnauthorized: false });
  for (const stream of [shown, real]) stream.on('error', () => undefined);
  await Promise.all([forward(shown, real, 'client', change), forward(real, shown, 'server', change)]);
}

/** One PDU, and not an octet of what is behind it. */
async function pdu(socket: Socket): Promise<Uint8Array> {
  const header = await exactly(socket, TPKT_HEADER);
  return concat(header, await exactly(socket, ((header[2] ?? 0) << 8) + (header[3] ?? 0) - TPKT_HEADER));
}

async function exactly(socket: Socket, length: number): Promise<Uint8Array> {
  for (;;) {
    const octets: unknown = socket.read(length);
    if (octets instanceof Uint8Array) return octets;
    await once(socket, 'readable');
  }
}

async function forward(
  from: TLSSocket,
  to: TLSSocket,
  sender: MessageFrom,
  change: ChangeRequest = (request) => request,
): Promise<void> {
  let received: Uint8Array = new Uint8Array(0);
  for await (const chunk of from) {
    received = concat(received, chunk);
    while (received.length > 0) {
      if (received[0] !== SEQUENCE) {
        to.write(received); // no TSRequest: the logon is over
        received = new Uint8Array(0);
        break;
      }
      const frame = frameTSRequest(received, LARGEST_REQUEST);
      if (!('whole' in frame)) break;
      const changed = await change(decodeTSRequest(received.subarray(0, frame.whole)), sender);
      if (changed === undefined) {
        from.destroy();
        to.destroy();
        return;
      }
      to.write(encodeTSRequest(changed));
      received = received.subarray(frame.whole);
    }
  }
  to.end();
}
