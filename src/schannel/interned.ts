/**
 * Certificates that were seen lately, once each. A client meets the same few servers again and again; so a certificate is decoded
 * once, and takes memory once, however many connections there are.
 * @module
 */
import { sha256, toHex } from '../crypto/index.ts';

const seen = new Map<string, Uint8Array>();
const MOST_SEEN = 64;

/**
 * The one array that holds these octets.
 * @param certificateDer - as it came; a copy is kept
 * @returns not to be written to, nor handed out to who might
 */
export function interned(certificateDer: Uint8Array): Uint8Array {
  const hash = toHex(sha256(certificateDer));
  const known = seen.get(hash);
  if (known !== undefined) return known;
  const [oldest] = seen.keys();
  if (seen.size >= MOST_SEEN && oldest !== undefined) seen.delete(oldest);
  const copy = new Uint8Array(certificateDer);
  seen.set(hash, copy);
  return copy;
}
