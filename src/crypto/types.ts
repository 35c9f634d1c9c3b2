/**
 * What the platform must offer. Two modules do: `node.ts` over node:crypto, `portable.ts` over @noble for browsers and other
 * places. The package condition of `#crypto` chooses, so that a browser never loads the one nor Node.js the other.
 * @module
 */

/** A hash of the parts, one after the other. The digest is a new array that belongs to the caller. */
export type Hash = (...parts: readonly Uint8Array[]) => Uint8Array;

/** A keyed checksum of the parts, one after the other. The key is not kept. */
export type Mac = (key: Uint8Array, ...parts: readonly Uint8Array[]) => Uint8Array;

/** AES in CBC mode without padding. Gives a new array; nothing given is changed. */
export type BlockMode = (key: Uint8Array, iv: Uint8Array, data: Uint8Array) => Uint8Array;

/** AES in CBC mode without padding, in parts: each call goes on where the last one ended. Gives new arrays; nothing given is changed. */
export type BlockChain = (key: Uint8Array, iv: Uint8Array) => (data: Uint8Array) => Uint8Array;

/** The hash functions that PBKDF2 may use. */
export type Pbkdf2Hash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** The names that every provider module exports. */
export interface CryptoProvider {
  /** RFC 1321: 16 octets. */
  readonly md5: Hash;
  /** FIPS 180-4: 20 octets. */
  readonly sha1: Hash;
  /** FIPS 180-4: 32 octets. */
  readonly sha256: Hash;
  /** FIPS 180-4: 48 octets. */
  readonly sha384: Hash;
  /** FIPS 180-4: 64 octets. */
  readonly sha512: Hash;
  /**
   * @param key - 16, 24 or 32 octets
   * @param iv - 16 octets
   * @param data - a whole number of 16-octet blocks, or nothing
   * @throws OctetsError for other lengths
   */
  readonly aesCbcEncrypt: BlockMode;
  /** As {@link aesCbcEncrypt}. */
  readonly aesCbcDecrypt: BlockMode;
  /** As {@link aesCbcEncrypt} for several inputs: to begin with a key takes longer than a few blocks. */
  readonly aesCbcEncryption: BlockChain;
  /** As {@link aesCbcDecrypt} for several inputs. */
  readonly aesCbcDecryption: BlockChain;
  /**
   * PBKDF2 with HMAC (RFC 8018 5.2), off the event loop or in slices that give way to it.
   * @param iterations - 1 or more. Where a peer chooses the number the caller bounds it first: the time it takes is linear.
   * @param length - octets wanted
   */
  pbkdf2(
    hash: Pbkdf2Hash,
    password: Uint8Array,
    salt: Uint8Array,
    iterations: number,
    length: number,
  ): Promise<Uint8Array>;
}
