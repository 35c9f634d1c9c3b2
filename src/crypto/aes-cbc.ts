/**
 * The lengths that AES-CBC takes, checked in one place so that both providers refuse the same.
 * @module
 */
import { OctetsError } from './octets.ts';

/** Octets in a block. */
export const AES_BLOCK = 16;

/** Bits of an AES key. */
export type AesKeyBits = 128 | 192 | 256;

/** @throws OctetsError unless key and initialisation vector have lengths that AES-CBC takes */
export function checkAesCbc(key: Uint8Array, iv: Uint8Array): AesKeyBits {
  if (iv.length !== AES_BLOCK) throw new OctetsError(`an AES initialisation vector has 16 octets, not ${iv.length}`);
  switch (key.length) {
    case 16:
      return 128;
    case 24:
      return 192;
    case 32:
      return 256;
    default:
      throw new OctetsError(`an AES key has 16, 24 or 32 octets, not ${key.length}`);
  }
}

/** @returns the data @throws OctetsError unless they have a length that AES-CBC without padding takes */
export function wholeBlocks(data: Uint8Array): Uint8Array {
  if (data.length % AES_BLOCK === 0) return data;
  throw new OctetsError(`AES-CBC takes whole blocks of 16 octets, not ${data.length} octets`);
}
