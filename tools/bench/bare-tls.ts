/**
 * What the runtime alone can do: a TLS client and server of `node:tls`, wired together in memory with nothing in between, or
 * over loopback.
 * @module
 */
import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { connect, createServer, type SecureContext, type Server, type TLSSocket } from 'node:tls';
import type { CertificateWithKey } from '../../src/sspi/index.ts';
import { wirePair } from '../lab/wire.ts';

/** Makes pairs of TLS sockets that have finished their handshake. */
export class BareTls {
  readonly #server: Server;

  constructor(certificate: CertificateWithKey, secureContext?: SecureContext) {
    this.#server = createServer({
      cert: certificate.certificate,
      key: String(certificate.privateKey),
      ...(secureContext === undefined ? {} : { secureContext }),
    });
    this.#server.on('tlsClientError', (error) => {
      throw error;
    });
  }

  /** A pair in memory. */
  async pair(): Promise<readonly [TLSSocket, TLSSocket]> {
    const [near, far] = wirePair();
    const accepted = once(this.#server, 'secureConnection');
    this.#server.emit('connection', far);
    const client = connect({ socket: near, rejectUnauthorized: false, servername: 'server.example.com' });
    const [[server]] = await Promise.all([accepted, once(client, 'secureConnect')]);
    return [client, server];
  }

  /** A pair over loopback. */
  async loopback(): Promise<readonly [TLSSocket, TLSSocket]> {
    const listener = createTcpServer((socket) => {
      socket.setNoDelay(true);
      this.#server.emit('connection', socket);
    });
    await once(listener.listen(0, '127.0.0.1'), 'listening');
    // A listening TCP server has an address of this form.
    const { port } = listener.address() as AddressInfo;
    const accepted = once(this.#server, 'secureConnection');
    const client = connect({
      socket: connectTcp({ port, host: '127.0.0.1', noDelay: true }),
      rejectUnauthorized: false,
    });
    const [[server]] = await Promise.all([accepted, once(client, 'secureConnect')]);
    listener.close();
    return [client, server];
  }
}
