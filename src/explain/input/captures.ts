/**
 * Capture files: pcap (both orders of octets, micro- and nanoseconds) and pcapng, as far as the packets in them.
 * @see https://ietf-opsawg-wg.github.io/draft-ietf-opsawg-pcap/
 * @module
 */
import type { Note } from '../tree.ts';

/** A packet as it was captured. */
export interface Captured {
  readonly linkType: number;
  readonly octets: Uint8Array;
}

/** The packets of a file, and what is wrong with it. */
export interface Capture {
  readonly container: 'pcap' | 'pcapng';
  readonly packets: readonly Captured[];
  readonly notes: readonly Note[];
  /** The key log in the decryption secrets of a pcapng file. */
  readonly keyLog?: string | undefined;
}

const PCAP_MAGICS: readonly number[] = [0xa1b2c3d4, 0xa1b23c4d];
const PCAPNG_SECTION = 0x0a0d0d0a;
const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
const INTERFACE = 1;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
const DECRYPTION_SECRETS = 10;
/** `TLSK`: a key log. */
const TLS_KEY_LOG = 0x544c534b;
const MOST_PACKETS = 200_000;
/** No interface makes larger ones. */
const LARGEST_PACKET = 262_144;

/** Reads a capture file; undefined when it is none. */
export function readCapture(octets: Uint8Array): Capture | undefined {
  if (octets.length < 24) return undefined;
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const magic = view.getUint32(0);
  if (magic === PCAPNG_SECTION) return readPcapng(octets, view);
  if (PCAP_MAGICS.includes(magic)) return readPcap(octets, view, false);
  return PCAP_MAGICS.includes(view.getUint32(0, true)) ? readPcap(octets, view, true) : undefined;
}

function readPcap(octets: Uint8Array, view: DataView, little: boolean): Capture {
  const packets: Captured[] = [];
  const notes: Note[] = [];
  const linkType = view.getUint32(20, little) & 0xffff;
  let at = 24;
  while (at < octets.length) {
    if (packets.length >= MOST_PACKETS) {
      notes.push({ code: 'LIMIT', text: `only the first ${MOST_PACKETS} packets` });
      break;
    }
    const length = at + 16 <= octets.length ? view.getUint32(at + 8, little) : undefined;
    if (length === undefined || length > LARGEST_PACKET || at + 16 + length > octets.length) {
      notes.push(brokenOff(packets.length));
      break;
    }
    packets.push({ linkType, octets: octets.subarray(at + 16, at + 16 + length) });
    at += 16 + length;
  }
  return { container: 'pcap', packets, notes };
}

function readPcapng(octets: Uint8Array, view: DataView): Capture {
  const packets: Captured[] = [];
  const notes: Note[] = [];
  let little = true;
  let linkTypes: number[] = [];
  let keyLog: string | undefined;
  let at = 0;
  while (at < octets.length && packets.length < MOST_PACKETS) {
    if (at + 12 > octets.length) {
      notes.push(brokenOff(packets.length));
      break;
    }
    if (view.getUint32(at) === PCAPNG_SECTION) {
      little = view.getUint32(at + 8, true) === BYTE_ORDER_MAGIC;
      linkTypes = []; // interfaces are numbered anew in each section
    }
    const type = view.getUint32(at, little);
    const length = view.getUint32(at + 4, little);
    if (length < 12 || length % 4 !== 0 || at + length > octets.length) {
      notes.push(brokenOff(packets.length));
      break;
    }
    const body = octets.subarray(at + 8, at + length - 4);
    const inner = new DataView(body.buffer, body.byteOffset, body.length);
    if (type === INTERFACE && body.length >= 8) {
      linkTypes.push(inner.getUint16(0, little));
    } else if (type === ENHANCED_PACKET && body.length >= 20) {
      const captured = Math.min(inner.getUint32(12, little), body.length - 20);
      packets.push({ linkType: linkTypes[inner.getUint32(0, little)] ?? -1, octets: body.subarray(20, 20 + captured) });
    } else if (type === SIMPLE_PACKET && body.length >= 4) {
      const captured = Math.min(inner.getUint32(0, little), body.length - 4);
      packets.push({ linkType: linkTypes[0] ?? -1, octets: body.subarray(4, 4 + captured) });
    }
    if (type === DECRYPTION_SECRETS && body.length >= 8 && inner.getUint32(0, little) === TLS_KEY_LOG)
      keyLog = `${keyLog ?? ''}\n${new TextDecoder().decode(body.subarray(8, 8 + inner.getUint32(4, little)))}`;
    at += length;
  }
  if (packets.length >= MOST_PACKETS) notes.push({ code: 'LIMIT', text: `only the first ${MOST_PACKETS} packets` });
  return { container: 'pcapng', packets, notes, keyLog };
}

function brokenOff(packets: number): Note {
  return { code: 'TRUNCATED', text: `the capture file breaks off or is damaged behind packet ${packets}` };
}
