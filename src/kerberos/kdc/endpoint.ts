/**
 * Where a KDC can be found, as configuration and DNS say it.
 * @module
 */
import { type KdcAddress, kdcAddressText } from '../../host/index.ts';
import { SspiError } from '../../sspi/index.ts';

/** A KDC, or a proxy in front of it. */
export type KdcEndpoint =
  | {
      readonly host: string;
      readonly port: number;
      /** Absent: UDP for short messages and TCP for long ones, and the other when the first does not answer. */
      readonly protocol?: 'udp' | 'tcp' | undefined;
    }
  | { readonly url: string };

/** What is asked: tickets, or for another password (RFC 3244). */
export type KdcService = 'kdc' | 'kpasswd';

/** RFC 4120 7.2.1, RFC 3244 2. */
const PORT: Readonly<Record<KdcService, number>> = { kdc: 88, kpasswd: 464 };

/** What fits into a datagram at all. */
const LONGEST_DATAGRAM = 65_507;

/**
 * Reads `host`, `host:port`, `[ipv6]:port`, any of them behind `tcp/` or `udp/`, or the `https://` URL of a KDC proxy: the forms
 * of krb5.conf.
 * @throws SspiError INVALID_PARAMETER for anything else; a proxy without TLS would show the password's proof to everybody
 * @example
 * parseKdcEndpoint('dc1.example.com'); // { host: 'dc1.example.com', port: 88 }
 */
export function parseKdcEndpoint(text: string, service: KdcService = 'kdc'): KdcEndpoint {
  if (/^https:\/\//i.test(text)) return { url: text };
  const match = /^(?:(udp|tcp)\/)?(?:\[([\da-f:.%a-z]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  const [, protocol, literal, name, digits] = match ?? bareIpv6(text);
  const host = literal ?? name;
  const port = digits === undefined ? PORT[service] : Number(digits);
  if (host === undefined || port < 1 || port > 65_535)
    throw new SspiError('INVALID_PARAMETER', {
      stage: 'KDC address',
      detail: 'write it as host, host:port or https://host/path',
    });
  return { host, port, protocol: protocol === undefined ? undefined : /tcp/i.test(protocol) ? 'tcp' : 'udp' };
}

/** An IPv6 address without brackets has colons of its own, and so no port. */
function bareIpv6(text: string): readonly (string | undefined)[] {
  return /^[\da-f]*:[\da-f]*:[\da-f:.]*$/i.test(text) ? [text, undefined, text] : [];
}

/**
 * The ways to the KDCs, in the order in which they are tried. A short message goes over UDP to all of them first, since that
 * takes one round trip; then over TCP, where firewalls are more open. A long one goes over TCP first (RFC 4120 7.2.1).
 * @param length - octets of the message
 * @param udpLimit - the longest message that goes over UDP first
 */
export function addressesOf(
  endpoints: readonly KdcEndpoint[],
  length: number,
  udpLimit: number,
): readonly KdcAddress[] {
  const proxies: KdcAddress[] = [];
  const udp: KdcAddress[] = [];
  const tcp: KdcAddress[] = [];
  for (const endpoint of endpoints) {
    if ('url' in endpoint) {
      proxies.push({ protocol: 'https', url: endpoint.url });
      continue;
    }
    const { host, port, protocol } = endpoint;
    if (protocol !== 'tcp' && length <= LONGEST_DATAGRAM) udp.push({ protocol: 'udp', host, port });
    if (protocol !== 'udp') tcp.push({ protocol: 'tcp', host, port });
  }
  const sockets = length <= udpLimit ? [...udp, ...tcp] : [...tcp, ...udp];
  return withoutDoubles([...sockets, ...proxies]);
}

function withoutDoubles(addresses: readonly KdcAddress[]): readonly KdcAddress[] {
  return [...new Map(addresses.map((address) => [kdcAddressText(address), address])).values()];
}
