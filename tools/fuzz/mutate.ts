/**
 * How a token goes wrong.
 * @module
 */
import { concat } from '../../src/crypto/index.ts';
import type { Chance } from './random.ts';

type Mutation = (token: Uint8Array, chance: Chance, corpus: readonly Uint8Array[]) => Uint8Array;

/** Numbers at which parsers break. */
const EDGES = [0, 1, 0x7f, 0x80, 0x81, 0x82, 0x84, 0x88, 0xff, 0x30, 0x60, 0xa0, 0xa1] as const;

const flipBit: Mutation = (token, chance) => {
  const changed = token.slice();
  const at = chance.below(changed.length);
  changed[at] = (changed[at] ?? 0) ^ (1 << chance.below(8));
  return changed;
};

const setOctet: Mutation = (token, chance) => {
  const changed = token.slice();
  changed[chance.below(changed.length)] = chance.below(2) === 0 ? chance.pick(EDGES) : chance.octet();
  return changed;
};

const cut: Mutation = (token, chance) => token.slice(0, chance.below(token.length));

const cutFront: Mutation = (token, chance) => token.slice(chance.below(token.length));

const insert: Mutation = (token, chance) => {
  const at = chance.below(token.length + 1);
  return concat(token.subarray(0, at), chance.octets(1 + chance.below(8)), token.subarray(at));
};

const remove: Mutation = (token, chance) => {
  const at = chance.below(token.length);
  return concat(token.subarray(0, at), token.subarray(at + 1 + chance.below(8)));
};

const repeat: Mutation = (token, chance) => {
  const at = chance.below(token.length);
  const piece = token.subarray(at, at + 1 + chance.below(32));
  return concat(token.subarray(0, at), piece, token.subarray(at));
};

/** The beginning of one token and the end of another. */
const splice: Mutation = (token, chance, corpus) => {
  const other = chance.pick(corpus);
  return concat(token.subarray(0, chance.below(token.length)), other.subarray(chance.below(other.length + 1)));
};

/** A 16- or 32-bit number, in either order of octets, with a value at which arithmetic goes wrong. */
const setNumber: Mutation = (token, chance) => {
  const changed = token.slice();
  const width = chance.below(2) === 0 ? 2 : 4;
  if (changed.length < width) return changed;
  const view = new DataView(changed.buffer);
  const at = chance.below(changed.length - width + 1);
  const value = chance.pick([
    0,
    1,
    0x7fff,
    0x8000,
    0xffff,
    0x7fffffff,
    0x80000000,
    0xffffffff,
    token.length,
    token.length + 1,
  ]);
  const littleEndian = chance.below(2) === 0;
  if (width === 2) view.setUint16(at, value, littleEndian);
  else view.setUint32(at, value, littleEndian);
  return changed;
};

/** A DER length, or what stands where one may be, that is a little or very wrong. */
const setLength: Mutation = (token, chance) => {
  const headers = [...token.keys()].filter((at) => [0x30, 0x04, 0x60, 0xa0, 0xa1, 0xa2, 0xa3].includes(token[at] ?? 0));
  if (headers.length === 0) return flipBit(token, chance, []);
  const at = chance.pick(headers) + 1;
  const long = chance.pick([
    Uint8Array.of((token[at] ?? 0) + 1),
    Uint8Array.of((token[at] ?? 0) - 1),
    Uint8Array.of(0x80),
    Uint8Array.of(0x81, token[at] ?? 0),
    Uint8Array.of(0x84, 0xff, 0xff, 0xff, 0xff),
    Uint8Array.of(0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0),
  ]);
  return concat(token.subarray(0, at), long, token.subarray(at + 1));
};

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  flipBit,
  setOctet,
  cut,
  cutFront,
  insert,
  remove,
  repeat,
  splice,
  setNumber,
  setLength,
];

/** One to four mutations of a token. Empty tokens get octets of their own. */
export function mutate(token: Uint8Array, chance: Chance, corpus: readonly Uint8Array[]): Uint8Array {
  let changed = token;
  for (let times = 1 + chance.below(4); times > 0; times--) {
    changed =
      changed.length === 0 ? chance.octets(1 + chance.below(64)) : chance.pick(MUTATIONS)(changed, chance, corpus);
  }
  return changed;
}
