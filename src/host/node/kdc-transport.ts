/**
 * KDCs over UDP and TCP on Node.js: RFC 4120 7.2.1 and 7.2.2.
 * @module
 */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { connect, isIPv6 } from 'node:net';
import type { KdcAddress, KdcExchange, KdcTransport } from '../kdc-transport.ts';

type SocketAddress = Extract<KdcAddress, { protocol: 'udp' | 'tcp' }>;

/** Octets of length in front of a message on TCP. */
const LENGTH = 4;

/** Sends to `udp` and `tcp` addresses. Each exchange has a socket of its own, which ends with it, however it ends. */
export const nodeKdcTransport: KdcTransport = {
  async exchange(request) {
    const { kdc, signal } = request;
    signal.throwIfAborted();
    if (kdc.protocol === 'https') throw new Error('this transport has no KDC proxy');
    return kdc.protocol === 'udp' ? await overUdp(request, kdc) : await overTcp(request, kdc);
  },
};

/** 7.2.1: one datagram there, one back. */
async function overUdp({ message, maxReply, signal }: KdcExchange, { host, port }: SocketAddress): Promise<Uint8Array> {
  const { address } = await lookup(host);
  signal.throwIfAborted();
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  return await new Promise<Uint8Array>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    socket.on('error', reject);
    socket.on('message', (reply) => {
      if (reply.length > maxReply) reject(new Error(`an answer of ${reply.length} octets`));
      else resolve(new Uint8Array(reply));
    });
    // A connected socket takes datagrams from the KDC's address only, and hears of it when nobody listens there.
    socket.on('connect', () => socket.send(message));
    socket.connect(port, address);
  }).finally(() => socket.close());
}

/** 7.2.2: the length as four octets in front of each message. */
async function overTcp({ message, maxReply, signal }: KdcExchange, { host, port }: SocketAddress): Promise<Uint8Array> {
  const socket = connect({ host, port, noDelay: true });
  return await new Promise<Uint8Array>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    const received: Uint8Array[] = [];
    let length = 0;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the connection was closed before the whole answer was there')));
    socket.on('data', (chunk) => {
      received.push(chunk);
      length += chunk.length;
      if (length < LENGTH) return;
      const told = lengthIn(received);
      // The highest bit is reserved (7.2.2); with it set the length is beyond every limit.
      if (told > maxReply) reject(new Error(`an answer of ${told} octets`));
      else if (length >= LENGTH + told) resolve(joined(received, LENGTH, told));
    });
    socket.write(framed(message));
  }).finally(() => socket.destroy());
}

function framed(message: Uint8Array): Uint8Array {
  const frame = new Uint8Array(LENGTH + message.length);
  new DataView(frame.buffer).setUint32(0, message.length);
  frame.set(message, LENGTH);
  return frame;
}

/** The length, however the first octets were cut up. */
function lengthIn(received: readonly Uint8Array[]): number {
  const header = joined(received, 0, LENGTH);
  return new DataView(header.buffer).getUint32(0);
}

/** `length` octets from `start` on. Only as much is allocated as was received. */
function joined(received: readonly Uint8Array[], start: number, length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = -start;
  for (const chunk of received) {
    const part = chunk.subarray(Math.max(0, -at), Math.max(0, length - at));
    if (part.length > 0) whole.set(part, Math.max(0, at));
    at += chunk.length;
  }
  return whole;
}
