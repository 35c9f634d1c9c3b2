/** Capture files, written octet by octet from the documents that define them. */

/** What goes over a TCP connection or in a datagram. */
export interface Packet {
  readonly from: 'client' | 'server';
  readonly data: Uint8Array;
  /** TCP: octets of this side in front of these; default: in order. */
  readonly at?: number;
  readonly syn?: boolean;
}

/** How packets are wrapped. */
export interface Wrapping {
  readonly link?: 'ethernet' | 'vlan' | 'raw' | 'sll' | 'null';
  readonly ip?: 4 | 6;
  readonly protocol?: 'tcp' | 'udp';
  readonly clientPort?: number;
  readonly serverPort?: number;
}

const u16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value & 0xffff)];
const le16 = (value: number): number[] => u16(value).reverse();
const le32 = (value: number): number[] => u32(value).reverse();

const FIRST = { client: 0xffff_fff0, server: 1000 }; // numbers that wrap on the way

/** Frames of a conversation. */
export function frames(packets: readonly Packet[], wrapping: Wrapping = {}): Uint8Array[] {
  const sent = { client: 0, server: 0 };
  return packets.map((packet) => {
    const at = packet.at ?? sent[packet.from];
    if (packet.at === undefined) sent[packet.from] += packet.data.length;
    return frame(packet, (FIRST[packet.from] + (packet.syn === true ? -1 : 0) + at) >>> 0, wrapping);
  });
}

function frame({ from, data, syn }: Packet, sequence: number, wrapping: Wrapping): Uint8Array {
  const { link = 'ethernet', ip = 4, protocol = 'tcp', clientPort = 50_000, serverPort = 3389 } = wrapping;
  const [source, destination] = from === 'client' ? [clientPort, serverPort] : [serverPort, clientPort];
  const flags = syn === true ? (from === 'client' ? 0x02 : 0x12) : 0x18;
  const tcp = [
    ...u16(source),
    ...u16(destination),
    ...u32(sequence),
    ...u32(0),
    0x50,
    flags,
    ...u16(8192),
    ...u16(0),
    ...u16(0),
  ];
  const udp = [...u16(source), ...u16(destination), ...u16(8 + data.length), ...u16(0)];
  const segment = [...(protocol === 'tcp' ? tcp : udp), ...data];
  const number = protocol === 'tcp' ? 6 : 17;
  const client = [10, 0, 0, 1];
  const server = [10, 0, 0, 2];
  const [a, b] = from === 'client' ? [client, server] : [server, client];
  const long = (address: readonly number[]): number[] => [0xfd, ...new Array<number>(11).fill(0), ...address];
  const packet =
    ip === 4
      ? [0x45, 0, ...u16(20 + segment.length), 0, 0, 0x40, 0, 64, number, 0, 0, ...a, ...b, ...segment]
      : [0x60, 0, 0, 0, ...u16(segment.length), number, 64, ...long(a), ...long(b), ...segment];
  const etherType = u16(ip === 4 ? 0x0800 : 0x86dd);
  const heads = {
    ethernet: [...new Array<number>(12).fill(2), ...etherType],
    vlan: [...new Array<number>(12).fill(2), 0x81, 0, 0, 7, ...etherType],
    raw: [],
    sll: [...new Array<number>(14).fill(0), ...etherType],
    null: le32(2),
  };
  return Uint8Array.from([...heads[link], ...packet]);
}

const LINK_TYPES = { ethernet: 1, vlan: 1, raw: 101, sll: 113, null: 0 } as const;

/** A pcap file. */
export function pcap(
  packets: readonly Uint8Array[],
  link: keyof typeof LINK_TYPES = 'ethernet',
  order: 'little' | 'big' = 'little',
): Uint8Array {
  const n16 = order === 'little' ? le16 : u16;
  const n32 = order === 'little' ? le32 : u32;
  const head = [
    ...n32(0xa1b2c3d4),
    ...n16(2),
    ...n16(4),
    ...n32(0),
    ...n32(0),
    ...n32(65_535),
    ...n32(LINK_TYPES[link]),
  ];
  const body = packets.flatMap((packet) => [
    ...n32(1),
    ...n32(2),
    ...n32(packet.length),
    ...n32(packet.length),
    ...packet,
  ]);
  return Uint8Array.from([...head, ...body]);
}

/** A pcapng file: section header, interface description, TLS secrets when there are some, enhanced packets. */
export function pcapng(
  packets: readonly Uint8Array[],
  link: keyof typeof LINK_TYPES = 'ethernet',
  order: 'little' | 'big' = 'little',
  keyLog?: string,
): Uint8Array {
  const n16 = order === 'little' ? le16 : u16;
  const n32 = order === 'little' ? le32 : u32;
  const block = (type: number, body: readonly number[]): number[] => {
    const padded = [...body, ...new Array<number>((4 - (body.length % 4)) % 4).fill(0)];
    return [...n32(type), ...n32(12 + padded.length), ...padded, ...n32(12 + padded.length)];
  };
  const section = block(0x0a0d0d0a, [...n32(0x1a2b3c4d), ...n16(1), ...n16(0), ...n32(0xffffffff), ...n32(0xffffffff)]);
  const description = block(1, [...n16(LINK_TYPES[link]), ...n16(0), ...n32(0)]);
  const enhanced = packets.flatMap((packet) =>
    block(6, [...n32(0), ...n32(0), ...n32(0), ...n32(packet.length), ...n32(packet.length), ...packet]),
  );
  const log = [...new TextEncoder().encode(keyLog)];
  const secrets = keyLog === undefined ? [] : block(10, [...n32(0x544c534b), ...n32(log.length), ...log]);
  return Uint8Array.from([...section, ...description, ...secrets, ...enhanced]);
}
