/**
 * A lab's KDC on a port of this machine, over UDP and TCP (RFC 4120 7.2), for clients in other processes: `kinit` and its like. On
 * a port beside it the server for password changes (RFC 3244 2), for `kpasswd`.
 * @module
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { SspiError } from '../sspi/index.ts';
import type { LabKdc } from './kdc.ts';

const HOST = '127.0.0.1';
/** Octets of length in front of a message on TCP. */
const LENGTH = 4;
const LARGEST_REQUEST = 65_536;
/** The port that TCP gets from the system may be taken for UDP. */
const MOST_ATTEMPTS = 20;

/** A KDC that listens. */
export interface KdcListener extends AsyncDisposable {
  readonly host: string;
  /** The same for UDP and TCP. */
  readonly port: number;
  /** Of the server for password changes: `kpasswd_server` in a krb5.conf. */
  readonly passwordPort: number;
  /** Ends all, with all connections that are open. */
  close(): Promise<void>;
}

/**
 * Lets a KDC listen on the loopback address.
 * @param port - default: one that is free
 * @param passwordPort - for password changes; default: one that is free
 * @throws SspiError CONNECTION_FAILED when a port is taken
 * @example
 * await using listener = await listenAsKdc(kdc);
 * const krb5conf = `[realms]\n${kdc.realm} = { kdc = ${listener.host}:${listener.port} }`;
 */
export async function listenAsKdc(kdc: LabKdc, port = 0, passwordPort = 0): Promise<KdcListener> {
  const tickets = await listen(port, {
    stream: (request) => kdc.handle(request),
    datagram: (request) => kdc.handleDatagram(request),
  });
  const changed = (request: Uint8Array): Promise<Uint8Array> => kdc.handlePasswordChange(request);
  const passwords = await listen(passwordPort, { stream: changed, datagram: changed }).catch(async (error: unknown) => {
    await tickets.close();
    throw error;
  });
  const close = async (): Promise<void> => {
    await Promise.all([tickets.close(), passwords.close()]);
  };
  return { host: HOST, port: tickets.port, passwordPort: passwords.port, close, [Symbol.asyncDispose]: close };
}

/** What answers a message that came in a stream, and one that came in a datagram. */
interface Answers {
  stream(request: Uint8Array): Promise<Uint8Array>;
  datagram(request: Uint8Array): Promise<Uint8Array>;
}

/** One port, for both protocols. */
interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

async function listen(port: number, answers: Answers): Promise<Listening> {
  for (let attempt = 1; ; attempt++) {
    const sockets = new Set<Socket>();
    let isOpen = true;
    // A KDC that was closed in the middle of an answer has no keys any more. Other errors are faults of the fixture, and are seen.
    const unlessClosed = (error: unknown): void => {
      if (isOpen) throw error;
    };
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
      answerTcp(answers, socket, unlessClosed);
    });
    const udp = createSocket('udp4');
    try {
      const bound = await bind(server, udp, port);
      udp.on('message', (request, from) => {
        const answered = answers.datagram(new Uint8Array(request)).then((answer) => {
          if (isOpen) udp.send(answer, from.port, from.address);
        });
        answered.catch(unlessClosed);
      });
      const close = async (): Promise<void> => {
        if (!isOpen) return;
        isOpen = false;
        for (const socket of sockets) socket.destroy();
        await Promise.all([closed(server), closed(udp)]);
      };
      return { port: bound, close };
    } catch (cause) {
      server.close();
      udp.close();
      if (port === 0 && attempt < MOST_ATTEMPTS) continue;
      throw new SspiError('CONNECTION_FAILED', { stage: 'lab KDC', detail: `${HOST} port ${port}`, cause });
    }
  }
}

async function bind(server: Server, udp: UdpSocket, wanted: number): Promise<number> {
  server.listen(wanted, HOST);
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : wanted;
  udp.bind(port, HOST);
  await once(udp, 'listening');
  return port;
}

async function closed(one: Server | UdpSocket): Promise<void> {
  const ended = once(one, 'close');
  one.close();
  await ended;
}

/** 7.2.2: each message behind its length; there may be several on one connection. */
function answerTcp(answers: Answers, socket: Socket, onError: (error: unknown) => void): void {
  let received: Uint8Array = new Uint8Array(0);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Uint8Array) => {
    received = Buffer.concat([received, chunk]);
    for (;;) {
      if (received.length < LENGTH) return;
      const length = new DataView(received.buffer, received.byteOffset).getUint32(0);
      if (length > LARGEST_REQUEST) return void socket.destroy();
      if (received.length < LENGTH + length) return;
      const request = Uint8Array.from(received.subarray(LENGTH, LENGTH + length));
      received = received.subarray(LENGTH + length);
      answers
        .stream(request)
        .then((answer) => socket.write(framed(answer)))
        .catch(onError);
    }
  });
}

function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH + message.length);
  new DataView(frame.buffer).setUint32(0, message.length);
  frame.set(message, LENGTH);
  return frame;
}
