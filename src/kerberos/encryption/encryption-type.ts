/**
 * What an encryption type is (RFC 3961 3): a cipher, a keyed checksum and a way from passwords to keys, under one number.
 * @module
 */

/** One encryption type. Everything in it works on raw key octets; `KerberosKey` is what others use. */
export interface EncryptionType {
  /** The number, for example 18. */
  readonly etype: number;
  /** The name of RFC and krb5.conf, for example `aes256-cts-hmac-sha1-96`. */
  readonly name: string;
  /** Octets of a key. */
  readonly keyLength: number;
  /** Octets that random-to-key takes; they are the key itself in all types that are left. */
  readonly seedLength: number;
  /** Octets of random confounder in front of each plaintext. */
  readonly confounderLength: number;
  /** The checksum type that goes with it. */
  readonly checksumType: number;
  /** Checksum types that a key of this type may be used with, when a peer chose. */
  readonly checksumTypes: readonly number[];
  /** Octets of a checksum. */
  readonly checksumLength: number;
  /** Octets of integrity check in a ciphertext. */
  readonly integrityLength: number;
  /**
   * The key of a password.
   * @param password - UTF-16LE, as a `Secret` of text holds it
   * @param salt - octets of ETYPE-INFO2, or realm and name of the principal one after the other
   * @param parameters - s2kparams of ETYPE-INFO2
   * @throws SspiError MALFORMED_TOKEN for parameters or a salt out of bounds: they come from the network
   */
  stringToKey(password: Uint8Array, salt: Uint8Array, parameters?: Uint8Array): Promise<Uint8Array>;
  /** What a key does in one usage. Keys are derived when first needed. */
  forUsage(key: Uint8Array, usage: number): UsageKeys;
  /** The pseudo-random function (RFC 3961 3). */
  prf(key: Uint8Array, input: Uint8Array): Uint8Array;
}

/** A key in one of its usages. */
export interface UsageKeys {
  /**
   * Encrypts the parts, one after the other.
   * @param confounder - random octets, `confounderLength` of them
   * @returns a new array: `confounderLength` + `integrityLength` octets longer than the parts
   */
  encrypt(confounder: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array;
  /** Decrypts and checks. @returns the plaintext in a new array, or undefined for whatever is wrong: nobody learns what */
  decrypt(ciphertext: Uint8Array): Uint8Array | undefined;
  /** The checksum of the parts, one after the other. */
  checksum(checksumType: number, ...parts: readonly Uint8Array[]): Uint8Array;
  /** Zeroises the derived keys. */
  dispose(): void;
}
