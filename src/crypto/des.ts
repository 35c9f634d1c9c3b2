/**
 * Single DES (FIPS 46-3) on one block, which the LM hash and the NTLMv1 responses are made with ([MS-NLMP] 6). Breakable by
 * anybody; here only to talk to what demands it. Platforms with OpenSSL 3 no longer offer it.
 *
 * Written as the standard is, a bit per array element: it encrypts three blocks in a logon, and need not be fast.
 * @module
 */
import { OctetsError } from './octets.ts';

// The tables of FIPS 46-3, which counts bits from 1, the leftmost first. A hexadecimal digit of an S-box is an entry.
const INITIAL_PERMUTATION = [
  58, 50, 42, 34, 26, 18, 10, 2, 60, 52, 44, 36, 28, 20, 12, 4, 62, 54, 46, 38, 30, 22, 14, 6, 64, 56, 48, 40, 32, 24,
  16, 8, 57, 49, 41, 33, 25, 17, 9, 1, 59, 51, 43, 35, 27, 19, 11, 3, 61, 53, 45, 37, 29, 21, 13, 5, 63, 55, 47, 39, 31,
  23, 15, 7,
];
const FINAL_PERMUTATION = INITIAL_PERMUTATION.map((_, index) => INITIAL_PERMUTATION.indexOf(index + 1) + 1);
const EXPANSION = Array.from({ length: 48 }, (_, index) => ((4 * Math.floor(index / 6) + (index % 6) + 31) % 32) + 1);
const PERMUTATION = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22, 11, 4, 25,
];
const PERMUTED_CHOICE_1 = [
  57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44, 36, 63, 55,
  47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12, 4,
];
const PERMUTED_CHOICE_2 = [
  14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2, 41, 52, 31, 37, 47, 55, 30,
  40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32,
];
const KEY_ROTATIONS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1];
const S_BOXES = [
  'e4d12fb83a6c5907' + '0f74e2d1a6cb9538' + '41e8d62bfc973a50' + 'fc8249175b3ea06d',
  'f18e6b34972dc05a' + '3d47f28ec01a69b5' + '0e7ba4d158c6932f' + 'd8a13f42b67c05e9',
  'a09e63f51dc7b428' + 'd709346a285ecbf1' + 'd6498f30b12c5ae7' + '1ad069874fe3b52c',
  '7de3069a1285bc4f' + 'd8b56f03472c1ae9' + 'a690cb7df13e5284' + '3f06a1d8945bc72e',
  '2c417ab6853fd0e9' + 'eb2c47d150fa3986' + '421bad78f9c5630e' + 'b8c71e2d6f09a453',
  'c1af92680d34e75b' + 'af427c9561de0b38' + '9ef528c3704a1db6' + '432c95fabe17608d',
  '4b2ef08d3c975a61' + 'd0b7491ae35c2f86' + '14bdc37eaf680592' + '6bd814a7950fe23c',
  'd2846fb1a93e50c7' + '1fd8a374c56b0e92' + '7b419ce206adf358' + '21e74a8dfc90356b',
];

/**
 * Encrypts one block.
 * @param key - 8 octets; the lowest bit of each is parity and does not matter
 * @param block - 8 octets
 * @returns 8 octets
 * @throws OctetsError for other lengths
 */
export function desEcbEncrypt(key: Uint8Array, block: Uint8Array): Uint8Array {
  if (key.length !== 8) throw new OctetsError(`a DES key has 8 octets, not ${key.length}`);
  if (block.length !== 8) throw new OctetsError(`a DES block has 8 octets, not ${block.length}`);

  const input = pick(bitsOf(block), INITIAL_PERMUTATION);
  let left = input.slice(0, 32);
  let right = input.slice(32);
  for (const roundKey of roundKeys(key)) {
    const mixed = feistel(right, roundKey);
    const next = left.map((bit, index) => bit ^ (mixed[index] ?? 0));
    left = right;
    right = next;
  }
  return octetsOf(pick([...right, ...left], FINAL_PERMUTATION));
}

/**
 * Spreads 56 bits of key over 8 octets, and sets the lowest bit of each for odd parity.
 * @param key - 7 octets
 * @throws OctetsError for another length
 */
export function expandDesKey56(key: Uint8Array): Uint8Array {
  if (key.length !== 7) throw new OctetsError(`a DES key without parity has 7 octets, not ${key.length}`);
  const bits = bitsOf(key);
  const expanded: number[] = [];
  for (let start = 0; start < 56; start += 7) {
    const seven = bits.slice(start, start + 7);
    const ones = seven.reduce((sum, bit) => sum + bit, 0);
    expanded.push(...seven, (ones & 1) ^ 1);
  }
  return octetsOf(expanded);
}

/** The sixteen round keys of 48 bits. */
function roundKeys(key: Uint8Array): number[][] {
  let halves = pick(bitsOf(key), PERMUTED_CHOICE_1);
  return KEY_ROTATIONS.map((by) => {
    halves = [...rotate(halves.slice(0, 28), by), ...rotate(halves.slice(28), by)];
    return pick(halves, PERMUTED_CHOICE_2);
  });
}

/** The function f of a round: 32 bits, expanded to 48, mixed with the key, through the S-boxes, back to 32. */
function feistel(right: readonly number[], roundKey: readonly number[]): number[] {
  const expanded = pick(right, EXPANSION).map((bit, index) => bit ^ (roundKey[index] ?? 0));
  const substituted = S_BOXES.flatMap((box, index) => {
    const [b1 = 0, b2 = 0, b3 = 0, b4 = 0, b5 = 0, b6 = 0] = expanded.slice(6 * index, 6 * index + 6);
    const row = 2 * b1 + b6;
    const column = 8 * b2 + 4 * b3 + 2 * b4 + b5;
    const entry = Number.parseInt(box.charAt(16 * row + column), 16);
    return [(entry >>> 3) & 1, (entry >>> 2) & 1, (entry >>> 1) & 1, entry & 1];
  });
  return pick(substituted, PERMUTATION);
}

function pick(bits: readonly number[], table: readonly number[]): number[] {
  return table.map((position) => bits[position - 1] ?? 0);
}

function rotate(bits: readonly number[], by: number): number[] {
  return [...bits.slice(by), ...bits.slice(0, by)];
}

function bitsOf(octets: Uint8Array): number[] {
  return Array.from(octets).flatMap((octet) => [7, 6, 5, 4, 3, 2, 1, 0].map((shift) => (octet >>> shift) & 1));
}

function octetsOf(bits: readonly number[]): Uint8Array {
  const octets = new Uint8Array(bits.length / 8);
  bits.forEach((bit, index) => {
    octets[index >>> 3] = (octets[index >>> 3] ?? 0) | (bit << (7 - (index & 7)));
  });
  return octets;
}
