/**
 * aes128-cts-hmac-sha1-96 (17) and aes256-cts-hmac-sha1-96 (18), RFC 3962: AES with ciphertext stealing, and HMAC-SHA-1 over
 * the plaintext. The simplified profile of RFC 3961 5.3 around them.
 * @see https://www.rfc-editor.org/rfc/rfc3962
 * @module
 */
import {
  aesCbcEncrypt,
  aesCtsDecrypt,
  aesCtsEncrypt,
  concat,
  equalInConstantTime,
  hmacSha1,
  pbkdf2,
  sha1,
} from '../../crypto/index.ts';
import { deriveAesCipherKeys, deriveAesKey, deriveAesUsageKey, PURPOSE } from './derivation.ts';
import type { EncryptionType, UsageKeys } from './encryption-type.ts';
import { CHECKSUM_TYPE, ETYPE } from './numbers.ts';
import { checkSalt, iterationsOf, utf8OfUtf16 } from './string-to-key.ts';

const BLOCK = 16;
const HMAC_LENGTH = 12;
const DEFAULT_ITERATIONS = 4096;
const ZERO_IV = new Uint8Array(BLOCK);
const KERBEROS = new TextEncoder().encode('kerberos');
const PRF = new TextEncoder().encode('prf');

/** Etype 17. */
export const aes128CtsHmacSha1: EncryptionType = aesSha1({
  etype: ETYPE.AES128_CTS_HMAC_SHA1_96,
  name: 'aes128-cts-hmac-sha1-96',
  keyLength: 16,
  checksumType: CHECKSUM_TYPE.HMAC_SHA1_96_AES128,
});

/** Etype 18. */
export const aes256CtsHmacSha1: EncryptionType = aesSha1({
  etype: ETYPE.AES256_CTS_HMAC_SHA1_96,
  name: 'aes256-cts-hmac-sha1-96',
  keyLength: 32,
  checksumType: CHECKSUM_TYPE.HMAC_SHA1_96_AES256,
});

type Variant = Pick<EncryptionType, 'etype' | 'name' | 'keyLength' | 'checksumType'>;

function aesSha1(variant: Variant): EncryptionType {
  const { keyLength, checksumType } = variant;
  return {
    ...variant,
    seedLength: keyLength,
    confounderLength: BLOCK,
    checksumTypes: [checksumType],
    checksumLength: HMAC_LENGTH,
    integrityLength: HMAC_LENGTH,

    // RFC 3962 4
    async stringToKey(password, salt, parameters) {
      const iterations = iterationsOf(parameters, DEFAULT_ITERATIONS);
      checkSalt(salt);
      const utf8 = utf8OfUtf16(password);
      const intermediate = await pbkdf2('sha1', utf8, salt, iterations, keyLength).finally(() => utf8.fill(0));
      const key = deriveAesKey(intermediate, KERBEROS);
      intermediate.fill(0);
      return key;
    },

    forUsage: (key, usage) => new AesSha1UsageKeys(key, usage),

    // RFC 3961 5.3, RFC 3962 6
    prf(key, input) {
      const derived = deriveAesKey(key, PRF);
      const output = aesCbcEncrypt(derived, ZERO_IV, sha1(input).subarray(0, BLOCK));
      derived.fill(0);
      return output;
    },
  };
}

/** Ke, Ki and Kc of a usage. The base key stays its owner's. */
class AesSha1UsageKeys implements UsageKeys {
  readonly #base: Uint8Array;
  readonly #usage: number;
  #cipher: { readonly ke: Uint8Array; readonly ki: Uint8Array } | undefined;
  #kc: Uint8Array | undefined;

  constructor(base: Uint8Array, usage: number) {
    this.#base = base;
    this.#usage = usage;
  }

  encrypt(confounder: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
    const { ke, ki } = this.#cipherKeys();
    const plaintext = concat(confounder, ...parts);
    const ciphertext = aesCtsEncrypt(ke, ZERO_IV, plaintext, HMAC_LENGTH);
    ciphertext.set(mac(ki, plaintext), plaintext.length);
    return ciphertext;
  }

  decrypt(ciphertext: Uint8Array): Uint8Array | undefined {
    if (ciphertext.length < BLOCK + HMAC_LENGTH) return undefined;
    const { ke, ki } = this.#cipherKeys();
    const end = ciphertext.length - HMAC_LENGTH;
    const plaintext = aesCtsDecrypt(ke, ZERO_IV, ciphertext.subarray(0, end));
    if (!equalInConstantTime(mac(ki, plaintext), ciphertext.subarray(end))) return undefined;
    return plaintext.subarray(BLOCK);
  }

  checksum(_checksumType: number, ...parts: readonly Uint8Array[]): Uint8Array {
    this.#kc ??= deriveAesUsageKey(this.#base, this.#usage, PURPOSE.CHECKSUM);
    return hmacSha1(this.#kc, ...parts).subarray(0, HMAC_LENGTH);
  }

  dispose(): void {
    this.#cipher?.ke.fill(0);
    this.#cipher?.ki.fill(0);
    this.#kc?.fill(0);
  }

  #cipherKeys(): { readonly ke: Uint8Array; readonly ki: Uint8Array } {
    this.#cipher ??= deriveAesCipherKeys(this.#base, this.#usage);
    return this.#cipher;
  }
}

function mac(ki: Uint8Array, plaintext: Uint8Array): Uint8Array {
  return hmacSha1(ki, plaintext).subarray(0, HMAC_LENGTH);
}
