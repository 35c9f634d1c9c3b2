/**
 * PRF+ and KRB-FX-CF2, RFC 6113 5.1: one key out of two.
 * @module
 */
import { concat } from '../../crypto/index.ts';
import { KerberosKey } from './key.ts';

/** PRF+(key, input): as many octets as wanted, up to 255 times what the PRF gives. */
export function prfPlus(key: KerberosKey, input: Uint8Array, length: number): Uint8Array {
  const output = new Uint8Array(length);
  for (let filled = 0, counter = 1; filled < length; counter++) {
    const block = key.prf(concat(Uint8Array.of(counter), input)).subarray(0, length - filled);
    output.set(block, filled);
    filled += block.length;
  }
  return output;
}

/**
 * KRB-FX-CF2(key1, key2, pepper1, pepper2): a key that nobody knows who does not know both. Its type is that of the first.
 * @see https://www.rfc-editor.org/rfc/rfc6113#section-5.1
 */
export function combineKeys(
  key1: KerberosKey,
  key2: KerberosKey,
  pepper1: Uint8Array,
  pepper2: Uint8Array,
): KerberosKey {
  const { seedLength } = key1.type;
  const seed = prfPlus(key1, pepper1, seedLength);
  const other = prfPlus(key2, pepper2, seedLength);
  for (let i = 0; i < seedLength; i++) seed[i] = (seed[i] ?? 0) ^ (other[i] ?? 0);
  const combined = new KerberosKey(key1.type, seed);
  seed.fill(0);
  other.fill(0);
  return combined;
}
