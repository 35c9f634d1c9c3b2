/**
 * From a captured frame to what TCP or UDP carries: Ethernet, Linux cooked, loopback and raw; IPv4 and IPv6 without fragments.
 * @module
 */

/** What one packet carries, and between whom. */
export interface Segment {
  readonly protocol: 'tcp' | 'udp';
  /** `address:port`. */
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
  /** TCP only. */
  readonly sequence: number;
  readonly syn: boolean;
  readonly fin: boolean;
  readonly ack: boolean;
}

/** Where the IP packet begins, by the LINKTYPE of the file. */
const LINK = {
  NULL: 0,
  ETHERNET: 1,
  RAW_BSD: 12,
  RAW: 101,
  LOOP: 108,
  LINUX_SLL: 113,
  IPV4: 228,
  IPV6: 229,
  LINUX_SLL2: 276,
} as const;

const TCP = 6;
const UDP = 17;
/** Hop-by-hop options, routing, destination options: each says how long it is. */
const IPV6_EXTENSIONS: readonly number[] = [0, 43, 60];

/** @returns undefined for whatever is not TCP or UDP over IP, or not all there */
export function segmentOf(linkType: number, frame: Uint8Array): Segment | undefined {
  const packet = ipPacketIn(linkType, frame);
  if (packet === undefined || packet.length < 20) return undefined;
  return (packet[0] ?? 0) >>> 4 === 4 ? ipv4(packet) : (packet[0] ?? 0) >>> 4 === 6 ? ipv6(packet) : undefined;
}

function ipPacketIn(linkType: number, frame: Uint8Array): Uint8Array | undefined {
  switch (linkType) {
    case LINK.ETHERNET: {
      let at = 12;
      while (u16(frame, at) === 0x8100 || u16(frame, at) === 0x88a8) at += 4; // VLAN tags
      return isIp(u16(frame, at)) ? frame.subarray(at + 2) : undefined;
    }
    case LINK.LINUX_SLL:
      return isIp(u16(frame, 14)) ? frame.subarray(16) : undefined;
    case LINK.LINUX_SLL2:
      return isIp(u16(frame, 0)) ? frame.subarray(20) : undefined;
    case LINK.NULL:
    case LINK.LOOP:
      return frame.subarray(4);
    case LINK.RAW:
    case LINK.RAW_BSD:
    case LINK.IPV4:
    case LINK.IPV6:
      return frame;
    default:
      return undefined;
  }
}

function isIp(etherType: number): boolean {
  return etherType === 0x0800 || etherType === 0x86dd;
}

function ipv4(packet: Uint8Array): Segment | undefined {
  const header = ((packet[0] ?? 0) & 0xf) * 4;
  const isFragment = (u16(packet, 6) & 0x3fff) !== 0; // more fragments, or an offset
  if (header < 20 || isFragment) return undefined;
  const total = u16(packet, 2);
  // Offloading leaves 0 here. Ethernet pads short packets: what is behind the total length is no data.
  const end = total === 0 ? packet.length : Math.min(total, packet.length);
  const addresses = [packet.subarray(12, 16).join('.'), packet.subarray(16, 20).join('.')] as const;
  return transport(packet[9] ?? 0, packet.subarray(header, end), addresses);
}

function ipv6(packet: Uint8Array): Segment | undefined {
  if (packet.length < 40) return undefined;
  const end = Math.min(packet.length, 40 + u16(packet, 4));
  const addresses = [ipv6Text(packet.subarray(8, 24)), ipv6Text(packet.subarray(24, 40))] as const;
  let next = packet[6] ?? 0;
  let at = 40;
  while (IPV6_EXTENSIONS.includes(next) && at + 2 <= end) {
    next = packet[at] ?? 0;
    at += 8 + (packet[at + 1] ?? 0) * 8;
  }
  return transport(next, packet.subarray(at, end), addresses);
}

function ipv6Text(address: Uint8Array): string {
  const groups: string[] = [];
  for (let at = 0; at < 16; at += 2) groups.push(u16(address, at).toString(16));
  return `[${groups.join(':').replace(/(?:^|:)0(?::0)+(?:$|:)/u, '::')}]`;
}

function transport(protocol: number, octets: Uint8Array, [from, to]: readonly [string, string]): Segment | undefined {
  const sourcePort = u16(octets, 0);
  const destinationPort = u16(octets, 2);
  const ends = {
    source: `${from}:${sourcePort}`,
    destination: `${to}:${destinationPort}`,
    sourcePort,
    destinationPort,
  };
  if (protocol === UDP && octets.length >= 8)
    return { protocol: 'udp', ...ends, payload: octets.subarray(8), sequence: 0, syn: false, fin: false, ack: false };
  if (protocol !== TCP || octets.length < 20) return undefined;
  const header = ((octets[12] ?? 0) >>> 4) * 4;
  const flags = octets[13] ?? 0;
  if (header < 20 || header > octets.length) return undefined;
  return {
    protocol: 'tcp',
    ...ends,
    payload: octets.subarray(header),
    sequence: (u16(octets, 4) * 0x10000 + u16(octets, 6)) >>> 0,
    syn: (flags & 0x02) !== 0,
    fin: (flags & 0x05) !== 0,
    ack: (flags & 0x10) !== 0,
  };
}

function u16(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
}
