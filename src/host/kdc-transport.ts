/**
 * The way to a KDC, as a port. It carries one message to one address and brings one answer; which addresses there are, in what
 * order they are tried and how long, is the business of the Kerberos room.
 * @module
 */

/** One way to one KDC. */
export type KdcAddress =
  | {
      readonly protocol: 'udp' | 'tcp';
      /** A name or an IP address; IPv6 without brackets. */
      readonly host: string;
      readonly port: number;
    }
  /** A KDC proxy, [MS-KKDCP]. */
  | { readonly protocol: 'https'; readonly url: string };

/** One message for a KDC. */
export interface KdcExchange {
  /** For proxies, which have to find the KDC. */
  readonly realm: string;
  /** Without the length that goes before it on TCP. */
  readonly message: Uint8Array;
  readonly kdc: KdcAddress;
  /** Octets: a longer answer is refused before it is read. */
  readonly maxReply: number;
  /** When it aborts nothing is waited for any longer, and nothing stays open. */
  readonly signal: AbortSignal;
}

/** Carries messages to KDCs. */
export interface KdcTransport {
  /**
   * Sends a message and waits for the answer.
   * @returns the answer, without the length that goes before it on TCP. Nothing is said about what is in it.
   * @throws whatever is wrong: the caller goes on to the next address
   */
  exchange(request: KdcExchange): Promise<Uint8Array>;
}

/** An address for people. */
export function kdcAddressText(kdc: KdcAddress): string {
  if (kdc.protocol === 'https') return kdc.url;
  return `${kdc.protocol} ${kdc.host.includes(':') ? `[${kdc.host}]` : kdc.host}:${kdc.port}`;
}
