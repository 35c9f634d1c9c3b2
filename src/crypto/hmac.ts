/**
 * HMAC (RFC 2104) over the provider's hash functions.
 *
 * Not the platform's HMAC: preparing a key object there costs more than both hashes of a short message, and on Node.js 24 a
 * raw key makes it five times slower still.
 * @module
 */
import { md5, sha1, sha256, sha384, sha512 } from '#crypto';
import type { Hash, Mac } from './types.ts';

/** HMAC-MD5: 16 octets. */
export const hmacMd5: Mac = hmacOf(md5, 64);
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
  return (key, ...parts) => {
    const pad = new Uint8Array(blockSize);
    pad.set(key.length > blockSize ? hash(key) : key);
    for (let i = 0; i < blockSize; i++) pad[i] = (pad[i] ?? 0) ^ 0x36;
    const inner = hash(pad, ...parts);
    for (let i = 0; i < blockSize; i++) pad[i] = (pad[i] ?? 0) ^ (0x36 ^ 0x5c);
    const mac = hash(pad, inner);
    pad.fill(0); // it is the key
    return mac;
  };
}
