/**
 * AV_PAIR lists, [MS-NLMP] 2.2.2.1: what a server says of itself in the CHALLENGE, and what a client signs with its response.
 * @module
 */
import { decodeUtf16, encodeUtf16 } from '../crypto/index.ts';
import { SspiError, toFileTime } from '../sspi/index.ts';

/** AvId. */
export const AV_ID = {
  EOL: 0,
  NB_COMPUTER_NAME: 1,
  NB_DOMAIN_NAME: 2,
  DNS_COMPUTER_NAME: 3,
  DNS_DOMAIN_NAME: 4,
  DNS_TREE_NAME: 5,
  FLAGS: 6,
  TIMESTAMP: 7,
  SINGLE_HOST: 8,
  TARGET_NAME: 9,
  CHANNEL_BINDINGS: 10,
} as const;

/** Bits of MsvAvFlags. */
export const AV_FLAGS = {
  /** To the client: authentication of the account is constrained. */
  CONSTRAINED: 0x1,
  /** By the client: the AUTHENTICATE carries a MIC. */
  MIC: 0x2,
  /** By the client: the target name comes from an untrusted source. */
  UNTRUSTED_TARGET: 0x4,
} as const;

/** One pair. The value is a view into the message it came from. */
export interface AvPair {
  readonly id: number;
  readonly value: Uint8Array;
}

/** Names are UTF-16, whatever the message's character set is. */
const NAME_IDS: readonly number[] = [
  AV_ID.NB_COMPUTER_NAME,
  AV_ID.NB_DOMAIN_NAME,
  AV_ID.DNS_COMPUTER_NAME,
  AV_ID.DNS_DOMAIN_NAME,
  AV_ID.DNS_TREE_NAME,
  AV_ID.TARGET_NAME,
];

/**
 * Reads a list up to its MsvAvEOL, which has to be there. Unknown ids are kept; a known id with a length that it cannot have
 * is refused, and so is a second one: with two MsvAvFlags a man in the middle would choose which of them counts (CVE-2019-1166,
 * fault Z13). Octets behind the end mean nothing ([MS-NLMP] note 30).
 * @param stage - for errors
 * @throws SspiError MALFORMED_TOKEN
 */
export function decodeAvPairs(list: Uint8Array, stage: string): AvPair[] {
  const malformed = (detail: string): SspiError => new SspiError('MALFORMED_TOKEN', { stage, detail });
  const pairs: AvPair[] = [];
  let seen = 0;
  for (let at = 0; at + 4 <= list.length; ) {
    const id = (list[at] ?? 0) | ((list[at + 1] ?? 0) << 8);
    const length = (list[at + 2] ?? 0) | ((list[at + 3] ?? 0) << 8);
    at += 4;
    if (id === AV_ID.EOL) {
      if (length !== 0) throw malformed('MsvAvEOL is not empty');
      return pairs;
    }
    if (at + length > list.length) throw malformed(`AV_PAIR ${id} is longer than the list`);
    if (!mayHaveLength(id, length)) throw malformed(`AV_PAIR ${id} has ${length} octets`);
    if (id <= AV_ID.CHANNEL_BINDINGS) {
      if ((seen & (1 << id)) !== 0) throw malformed(`AV_PAIR ${id} comes twice`);
      seen |= 1 << id;
    }
    pairs.push({ id, value: list.subarray(at, at + length) });
    at += length;
  }
  throw malformed('the list of AV_PAIRs has no end');
}

function mayHaveLength(id: number, length: number): boolean {
  if (id === AV_ID.FLAGS) return length === 4;
  if (id === AV_ID.TIMESTAMP) return length === 8;
  if (id === AV_ID.CHANNEL_BINDINGS) return length === 16;
  return length % 2 === 0 || !NAME_IDS.includes(id);
}

/** Writes a list with its MsvAvEOL. */
export function encodeAvPairs(pairs: readonly AvPair[]): Uint8Array {
  const list = new Uint8Array(avPairsLength(pairs));
  writeAvPairs(pairs, list);
  return list;
}

/** Octets that a list takes, its MsvAvEOL included. */
export function avPairsLength(pairs: readonly AvPair[]): number {
  let length = 4;
  for (const { value } of pairs) length += 4 + value.length;
  return length;
}

/** Writes a list at the beginning of `target`, which is zero and at least {@link avPairsLength} octets long. */
export function writeAvPairs(pairs: readonly AvPair[], target: Uint8Array): void {
  let at = 0;
  for (const { id, value } of pairs) {
    if (value.length > 0xffff)
      throw new SspiError('INVALID_PARAMETER', { stage: 'NTLM', detail: `AV_PAIR ${id} is too long` });
    target[at] = id;
    target[at + 1] = id >>> 8;
    target[at + 2] = value.length;
    target[at + 3] = value.length >>> 8;
    target.set(value, at + 4);
    at += 4 + value.length;
  }
}

/** The value of the pair with this id. */
export function avValue(pairs: readonly AvPair[], id: number): Uint8Array | undefined {
  return pairs.find((pair) => pair.id === id)?.value;
}

/** The pair with this id as text. */
export function avText(pairs: readonly AvPair[], id: number): string | undefined {
  const value = avValue(pairs, id);
  return value === undefined ? undefined : decodeUtf16(value);
}

/** MsvAvFlags; 0 when there are none. */
export function avFlags(pairs: readonly AvPair[]): number {
  const [a = 0, b = 0, c = 0, d = 0] = avValue(pairs, AV_ID.FLAGS) ?? [];
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

/** A pair with text as its value. */
export function textPair(id: number, text: string): AvPair {
  return { id, value: encodeUtf16(text) };
}

/** MsvAvFlags as a pair. */
export function flagsPair(flags: number): AvPair {
  return { id: AV_ID.FLAGS, value: Uint8Array.of(flags, flags >>> 8, flags >>> 16, flags >>> 24) };
}

/** A time as MsvAvTimestamp and NTLMv2 responses have it: FILETIME, little-endian. */
export function fileTimeOctets(milliseconds: number): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setBigUint64(0, toFileTime(milliseconds), true);
  return octets;
}
