/**
 * Who listens on a port and is no RDP server with Network Level Authentication: what people find who got the address wrong.
 * @module
 */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { encodeConnectionConfirm, RDP_PROTOCOL } from '../rdp/index.ts';
import { type CertificateWithKey, Secret, SspiError } from '../sspi/index.ts';

/** Who it is: see `Lab.stranger`. */
export type StrangerKind = 'echo' | 'silent' | 'https' | 'rdp-without-nla' | 'rdp-standard';

/** Somebody who listens. */
export interface Stranger extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

/** Starts one on a free port of the loopback address. */
export async function startStranger(kind: StrangerKind, certificate: CertificateWithKey): Promise<Stranger> {
  const sockets = new Set<Socket>();
  const server = listenerOf(kind, certificate);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null)
    throw new SspiError('CONNECTION_FAILED', { stage: 'lab stranger', detail: HOST });

  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  };
  return { host: HOST, port: address.port, close, [Symbol.asyncDispose]: close };
}

function listenerOf(kind: StrangerKind, certificate: CertificateWithKey): Server {
  switch (kind) {
    case 'echo':
      return createServer((socket) => void socket.pipe(socket));
    case 'silent':
      return createServer((socket) => void socket.resume());
    case 'https':
      return webServer(certificate);
    case 'rdp-without-nla':
      return answering(encodeConnectionConfirm({ kind: 'selected', selectedProtocol: RDP_PROTOCOL.SSL, flags: 0 }));
    case 'rdp-standard':
      return answering(encodeConnectionConfirm({ kind: 'none' }));
  }
}

/** Says one thing, whatever it hears. */
function answering(answer: Uint8Array): Server {
  return createServer((socket) => void socket.once('data', () => socket.write(answer)));
}

/** TLS from the first octet. What is no ClientHello gets an alert, as from any web server. */
function webServer({ certificate, privateKey }: CertificateWithKey): Server {
  const key = privateKey instanceof Secret ? Buffer.from(privateKey.reveal()) : privateKey;
  const server = createTlsServer({ cert: certificate, key }, (socket) => {
    socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
  });
  return server.on('tlsClientError', () => undefined);
}
