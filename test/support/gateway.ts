/**
 * A gateway that speaks RDCleanPath, as small as can be: it opens the connection, has TLS with the server, shows the certificate,
 * and passes on what comes. Not ours to publish: gateways have users, rules and logs.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  type Carrier,
  decodeConnectionConfirm,
  decodeRdCleanPath,
  encodeRdCleanPath,
  frameRdCleanPath,
  RDCLEANPATH_ERROR,
  streamCarrier,
} from '../../src/rdp/external.ts';

/** What the gateway knows. */
export interface GatewayRules {
  /** The token that it lets in. */
  readonly token: string;
  /** Where servers are, whatever the client calls them. */
  readonly server: { readonly host: string; readonly port: number };
  /** Is told what goes through it in the clear, behind TLS. */
  readonly tap?: ((octets: Uint8Array) => void) | undefined;
}

/** Two ends that carry to each other. */
export function carrierPair(): [Carrier, Carrier] {
  const [there, back] = [new TransformStream<Uint8Array>(), new TransformStream<Uint8Array>()];
  return [
    streamCarrier({ readable: back.readable, writable: there.writable }),
    streamCarrier({ readable: there.readable, writable: back.writable }),
  ];
}

/** Serves one client, until one side ends. */
export async function serveGateway(client: Carrier, { token, server, tap }: GatewayRules): Promise<void> {
  const request = decodeRdCleanPath(await message(client));
  if (request.kind !== 'request' || request.x224ConnectionPdu === undefined) throw new Error('no request');
  if (request.proxyAuth !== token) return refuse(client, { httpStatusCode: 401 });

  const socket = connect({ ...server, noDelay: true });
  const connected = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  if (!connected) return refuse(client, { wsaLastError: 10061 });
  socket.on('error', () => undefined);
  socket.write(request.x224ConnectionPdu);
  const x224ConnectionPdu = await confirm(socket);
  if (decodeConnectionConfirm(x224ConnectionPdu).kind !== 'selected')
    return refuse(client, { errorCode: RDCLEANPATH_ERROR.NEGOTIATION, x224ConnectionPdu });

  const tls = connectTls({ socket, rejectUnauthorized: false }).on('error', () => undefined);
  await once(tls, 'secureConnect');
  const serverCertificates = [Uint8Array.from(tls.getPeerCertificate().raw)];
  const serverAddress = socket.remoteAddress ?? server.host;
  await client.send(encodeRdCleanPath({ kind: 'response', x224ConnectionPdu, serverCertificates, serverAddress }));

  tls.on('data', (octets: Buffer) => {
    tap?.(octets);
    void client.send(new Uint8Array(octets));
  });
  tls.on('close', () => client.close?.());
  for (;;) {
    const octets = await client.receive().catch(() => undefined);
    if (octets === undefined) break;
    tap?.(octets);
    tls.write(octets);
  }
  tls.destroy();
}

async function refuse(
  client: Carrier,
  error: {
    readonly errorCode?: number;
    readonly httpStatusCode?: number;
    readonly wsaLastError?: number;
    readonly x224ConnectionPdu?: Uint8Array;
  },
): Promise<void> {
  await client.send(encodeRdCleanPath({ kind: 'error', errorCode: RDCLEANPATH_ERROR.GENERAL, ...error }));
}

async function message(client: Carrier): Promise<Uint8Array> {
  let received = new Uint8Array(0);
  for (;;) {
    const octets = await client.receive();
    if (octets === undefined) throw new Error('the client is gone');
    received = Uint8Array.from([...received, ...octets]);
    if ('whole' in frameRdCleanPath(received)) return received;
  }
}

/** One TPKT, and not an octet of what is behind it. */
async function confirm(socket: Socket): Promise<Uint8Array> {
  for (let wanted = 4, pdu = Buffer.alloc(0); ; ) {
    const octets: unknown = socket.read(wanted - pdu.length);
    if (octets instanceof Buffer) pdu = Buffer.concat([pdu, octets]);
    else await once(socket, 'readable');
    if (pdu.length === 4) wanted = pdu.readUInt16BE(2);
    else if (pdu.length === wanted) return new Uint8Array(pdu);
  }
}
