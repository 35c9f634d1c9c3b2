/**
 * Certificates are looked at again and again, and never change: what was found out about one is kept as long as it is.
 * @module
 */
import { Buffer } from 'node:buffer';

/** A function of a certificate's DER that computes each value once per array. */
export function remembered<T>(compute: (certificateDer: Uint8Array) => T): (certificateDer: Uint8Array) => T {
  const values = new WeakMap<Uint8Array, { readonly value: T }>();
  return (certificateDer) => {
    const known = values.get(certificateDer);
    if (known !== undefined) return known.value;
    const value = compute(certificateDer);
    values.set(certificateDer, { value });
    return value;
  };
}

const seen = new Map<string, Uint8Array>();
const MOST_SEEN = 64;

/**
 * The one array that holds these octets, for the certificates that were seen lately. A client meets the same few servers again
 * and again: each certificate is decoded once, and takes memory once, however many connections show it.
 * @param certificateDer - as it came; a copy is kept
 * @returns not to be written to, nor handed out to who might
 */
export function interned(certificateDer: Uint8Array): Uint8Array {
  const { buffer, byteOffset, length } = certificateDer;
  const key = Buffer.from(buffer, byteOffset, length).toString('latin1');
  const known = seen.get(key);
  if (known !== undefined) return known;
  const [oldest] = seen.keys();
  if (seen.size >= MOST_SEEN && oldest !== undefined) seen.delete(oldest);
  const copy = new Uint8Array(certificateDer);
  seen.set(key, copy);
  return copy;
}
