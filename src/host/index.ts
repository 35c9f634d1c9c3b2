/**
 * The ports to the outside world. Protocol code never reads a clock or a random source by itself: it asks the host it was
 * given, so that an exchange can be recorded and replayed octet for octet.
 * @module
 */
import type { Dns } from './dns.ts';
import type { Files } from './files.ts';
import type { KdcTransport } from './kdc-transport.ts';
import type { Timer } from './timer.ts';

export type { Dns, SrvRecord } from './dns.ts';
export type { Files } from './files.ts';
export type { FlowScope } from './flow.ts';
export { type KdcAddress, type KdcExchange, type KdcTransport, kdcAddressText } from './kdc-transport.ts';
export { systemTimer, type Timer } from './timer.ts';

/** Tells the time. */
export interface Clock {
  /** Milliseconds since 1970-01-01 UTC. */
  now(): number;
}

/** A source of unpredictable octets. */
export interface Random {
  /** A new array of `length` octets (at most 65,536) fit for keys and nonces. */
  bytes(length: number): Uint8Array;
}

/** What protocol code may ask of the machine it runs on. What is absent cannot be had there: a browser has none of the rest. */
export interface Host {
  readonly clock: Clock;
  readonly random: Random;
  /** Sockets to KDCs. Without them only KDC proxies can be reached. */
  readonly kdcTransport?: KdcTransport | undefined;
  readonly dns?: Dns | undefined;
  readonly files?: Files | undefined;
  /** Default: the platform's own. */
  readonly timer?: Timer | undefined;
}

/** Drawn ahead of time, since a call of the platform costs the same for 8 octets as for all of these; used from the end. */
const drawn = new Uint8Array(1024);
let left = 0;

function randomBytes(length: number): Uint8Array {
  if (length > drawn.length / 4) return globalThis.crypto.getRandomValues(new Uint8Array(length));
  if (length > left) {
    globalThis.crypto.getRandomValues(drawn);
    left = drawn.length;
  }
  const end = left;
  left -= length;
  const bytes = drawn.slice(left, end);
  drawn.fill(0, left, end); // nobody finds here what somebody else got
  return bytes;
}

/** The platform's own clock and cryptographic random source: Node.js, browsers, Deno, Bun. */
export const systemHost: Host = {
  clock: { now: () => Date.now() },
  random: { bytes: randomBytes },
};
