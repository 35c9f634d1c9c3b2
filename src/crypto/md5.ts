/**
 * MD5 (RFC 1321). Broken against collisions; NTLM keys, channel bindings and RC4-HMAC demand it.
 *
 * Our own because the protocols hash many short things, and a call into OpenSSL costs more than the hashing. Microseconds on
 * Node.js 20, this against `createHash` / `crypto.hash`: 48 octets 0.3 / 1.2 / 0.7, 512 octets 1.7 / 2.0 / 1.6,
 * 16 KiB 45 / 22 / 22. The Node.js provider changes over at {@link MD5_NATIVE_FROM}.
 * @module
 */
import { littleEndianHash } from './little-endian-hash.ts';
import type { Hash, Mac } from './types.ts';

/** From so many octets on the platform's own MD5 is the faster one. */
export const MD5_NATIVE_FROM = 512;

/** RFC 1321 3.4: T[i], the integer part of 4294967296 times abs(sin(i)). */
const T = Int32Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32));

/**
 * RFC 1321 3.4. Four steps make a turn, after which a, b, c, d stand in their places again. `x & y | ~x & z` is written
 * `z ^ x & (y ^ z)`: the same, one operation less.
 */
function compress(state: Int32Array, words: Int32Array): void {
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  let t = 0;

  for (let i = 0; i < 16; i += 4) {
    t = (a + (d ^ (b & (c ^ d))) + (words[i] ?? 0) + (T[i] ?? 0)) | 0;
    a = (b + ((t << 7) | (t >>> 25))) | 0;
    t = (d + (c ^ (a & (b ^ c))) + (words[i + 1] ?? 0) + (T[i + 1] ?? 0)) | 0;
    d = (a + ((t << 12) | (t >>> 20))) | 0;
    t = (c + (b ^ (d & (a ^ b))) + (words[i + 2] ?? 0) + (T[i + 2] ?? 0)) | 0;
    c = (d + ((t << 17) | (t >>> 15))) | 0;
    t = (b + (a ^ (c & (d ^ a))) + (words[i + 3] ?? 0) + (T[i + 3] ?? 0)) | 0;
    b = (c + ((t << 22) | (t >>> 10))) | 0;
  }
  for (let i = 16; i < 32; i += 4) {
    t = (a + (c ^ (d & (b ^ c))) + (words[(5 * i + 1) & 15] ?? 0) + (T[i] ?? 0)) | 0;
    a = (b + ((t << 5) | (t >>> 27))) | 0;
    t = (d + (b ^ (c & (a ^ b))) + (words[(5 * i + 6) & 15] ?? 0) + (T[i + 1] ?? 0)) | 0;
    d = (a + ((t << 9) | (t >>> 23))) | 0;
    t = (c + (a ^ (b & (d ^ a))) + (words[(5 * i + 11) & 15] ?? 0) + (T[i + 2] ?? 0)) | 0;
    c = (d + ((t << 14) | (t >>> 18))) | 0;
    t = (b + (d ^ (a & (c ^ d))) + (words[(5 * i) & 15] ?? 0) + (T[i + 3] ?? 0)) | 0;
    b = (c + ((t << 20) | (t >>> 12))) | 0;
  }
  for (let i = 32; i < 48; i += 4) {
    t = (a + (b ^ c ^ d) + (words[(3 * i + 5) & 15] ?? 0) + (T[i] ?? 0)) | 0;
    a = (b + ((t << 4) | (t >>> 28))) | 0;
    t = (d + (a ^ b ^ c) + (words[(3 * i + 8) & 15] ?? 0) + (T[i + 1] ?? 0)) | 0;
    d = (a + ((t << 11) | (t >>> 21))) | 0;
    t = (c + (d ^ a ^ b) + (words[(3 * i + 11) & 15] ?? 0) + (T[i + 2] ?? 0)) | 0;
    c = (d + ((t << 16) | (t >>> 16))) | 0;
    t = (b + (c ^ d ^ a) + (words[(3 * i + 14) & 15] ?? 0) + (T[i + 3] ?? 0)) | 0;
    b = (c + ((t << 23) | (t >>> 9))) | 0;
  }
  for (let i = 48; i < 64; i += 4) {
    t = (a + (c ^ (b | ~d)) + (words[(7 * i) & 15] ?? 0) + (T[i] ?? 0)) | 0;
    a = (b + ((t << 6) | (t >>> 26))) | 0;
    t = (d + (b ^ (a | ~c)) + (words[(7 * i + 7) & 15] ?? 0) + (T[i + 1] ?? 0)) | 0;
    d = (a + ((t << 10) | (t >>> 22))) | 0;
    t = (c + (a ^ (d | ~b)) + (words[(7 * i + 14) & 15] ?? 0) + (T[i + 2] ?? 0)) | 0;
    c = (d + ((t << 15) | (t >>> 17))) | 0;
    t = (b + (d ^ (c | ~a)) + (words[(7 * i + 21) & 15] ?? 0) + (T[i + 3] ?? 0)) | 0;
    b = (c + ((t << 21) | (t >>> 11))) | 0;
  }

  state[0] = (state[0] ?? 0) + a;
  state[1] = (state[1] ?? 0) + b;
  state[2] = (state[2] ?? 0) + c;
  state[3] = (state[3] ?? 0) + d;
}

const functions = littleEndianHash(compress);

/** The MD5 of the parts, one after the other: 16 octets. */
export const md5: Hash = functions.hash;

/** HMAC-MD5 (RFC 2104): 16 octets. */
export const hmacMd5: Mac = functions.hmac;
