/**
 * HMAC (RFC 2104) over the provider's hash functions.
 *
 * Not the platform's HMAC, because of what a key costs there: microseconds for 60 octets with HMAC-SHA-1 on Node.js 20 and
 * 24, `createHmac` with octets 2.0 / 12.0, with a key object made of them first 3.4 / 3.5, this 2.0 / 1.7.
 * @module
 */
import { md5, sha1, sha256, sha384, sha512 } from '#crypto';
import { MD5_NATIVE_FROM, hmacMd5 as shortHmacMd5 } from './md5.ts';
import type { Hash, Mac } from './types.ts';

const longHmacMd5 = hmacOf(md5, 64);

/** HMAC-MD5: 16 octets. */
export const hmacMd5: Mac = (key, ...parts) =>
  lengthOf(parts) < MD5_NATIVE_FROM ? shortHmacMd5(key, ...parts) : longHmacMd5(key, ...parts);
/** HMAC-SHA-1: 20 octets. */
export const hmacSha1: Mac = hmacOf(sha1, 64);
/** HMAC-SHA-256: 32 octets. */
export const hmacSha256: Mac = hmacOf(sha256, 64);
/** HMAC-SHA-384: 48 octets. */
export const hmacSha384: Mac = hmacOf(sha384, 128);
/** HMAC-SHA-512: 64 octets. */
export const hmacSha512: Mac = hmacOf(sha512, 128);

/** RFC 2104 2: H(K xor opad, H(K xor ipad, text)). */
function hmacOf(hash: Hash, blockSize: number): Mac {
  // Made once and wiped each time: an array of more than 64 octets costs as much to allocate as a short hash.
  const pad = new Uint8Array(blockSize);
  return (key, ...parts) => {
    try {
      pad.set(key.length > blockSize ? hash(key) : key);
      for (let i = 0; i < blockSize; i++) pad[i] = (pad[i] ?? 0) ^ 0x36;
      const inner = hash(pad, ...parts);
      for (let i = 0; i < blockSize; i++) pad[i] = (pad[i] ?? 0) ^ (0x36 ^ 0x5c);
      return hash(pad, inner);
    } finally {
      pad.fill(0); // it is the key; and the next one may be shorter
    }
  };
}

function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}
