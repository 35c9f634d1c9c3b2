/**
 * MD4 (RFC 1320), with which Windows turns a password into its NT hash ([MS-NLMP] 3.3.1 NTOWFv1, RFC 4757 2). Broken in every
 * way; here only because the protocols demand it. Platforms with OpenSSL 3 no longer offer it.
 * @module
 */
import { littleEndianHash } from './little-endian-hash.ts';
import type { Hash } from './types.ts';

/** Round constants: the square roots of 2 and 3 (RFC 1320 3.4). */
const SQRT2 = 0x5a827999;
const SQRT3 = 0x6ed9eba1;

/** Round 3 takes the words in the order of bit-reversed numbers. */
const ROUND3_FIRST = Uint8Array.of(0, 2, 1, 3);

/** RFC 1320 3.4. Four steps make a turn, after which a, b, c, d stand in their places again. */
function compress(state: Int32Array, words: Int32Array): void {
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  let t = 0;

  for (let i = 0; i < 16; i += 4) {
    t = (a + (d ^ (b & (c ^ d))) + (words[i] ?? 0)) | 0;
    a = (t << 3) | (t >>> 29);
    t = (d + (c ^ (a & (b ^ c))) + (words[i + 1] ?? 0)) | 0;
    d = (t << 7) | (t >>> 25);
    t = (c + (b ^ (d & (a ^ b))) + (words[i + 2] ?? 0)) | 0;
    c = (t << 11) | (t >>> 21);
    t = (b + (a ^ (c & (d ^ a))) + (words[i + 3] ?? 0)) | 0;
    b = (t << 19) | (t >>> 13);
  }
  for (let i = 0; i < 4; i++) {
    t = (a + ((b & c) | (d & (b | c))) + (words[i] ?? 0) + SQRT2) | 0;
    a = (t << 3) | (t >>> 29);
    t = (d + ((a & b) | (c & (a | b))) + (words[i + 4] ?? 0) + SQRT2) | 0;
    d = (t << 5) | (t >>> 27);
    t = (c + ((d & a) | (b & (d | a))) + (words[i + 8] ?? 0) + SQRT2) | 0;
    c = (t << 9) | (t >>> 23);
    t = (b + ((c & d) | (a & (c | d))) + (words[i + 12] ?? 0) + SQRT2) | 0;
    b = (t << 13) | (t >>> 19);
  }
  for (const i of ROUND3_FIRST) {
    t = (a + (b ^ c ^ d) + (words[i] ?? 0) + SQRT3) | 0;
    a = (t << 3) | (t >>> 29);
    t = (d + (a ^ b ^ c) + (words[i + 8] ?? 0) + SQRT3) | 0;
    d = (t << 9) | (t >>> 23);
    t = (c + (d ^ a ^ b) + (words[i + 4] ?? 0) + SQRT3) | 0;
    c = (t << 11) | (t >>> 21);
    t = (b + (c ^ d ^ a) + (words[i + 12] ?? 0) + SQRT3) | 0;
    b = (t << 15) | (t >>> 17);
  }

  state[0] = (state[0] ?? 0) + a;
  state[1] = (state[1] ?? 0) + b;
  state[2] = (state[2] ?? 0) + c;
  state[3] = (state[3] ?? 0) + d;
}

/** The MD4 of the parts, one after the other: 16 octets. */
export const md4: Hash = littleEndianHash(compress).hash;
