/**
 * aes128-cts-hmac-sha256-128 (19) and aes256-cts-hmac-sha384-192 (20), RFC 8009: AES with ciphertext stealing, and HMAC over
 * the ciphertext; keys come from a KDF with HMAC (NIST SP 800-108).
 * @see https://www.rfc-editor.org/rfc/rfc8009
 * @module
 */
import {
  aesCtsDecrypt,
  aesCtsEncrypt,
  concat,
  equalInConstantTime,
  hmacSha256,
  hmacSha384,
  type Mac,
  type Pbkdf2Hash,
  pbkdf2,
} from '../../crypto/index.ts';
import { PURPOSE, usageConstant } from './derivation.ts';
import type { EncryptionType, UsageKeys } from './encryption-type.ts';
import { CHECKSUM_TYPE, ETYPE } from './numbers.ts';
import { checkSalt, iterationsOf, utf8OfUtf16 } from './string-to-key.ts';

const BLOCK = 16;
const DEFAULT_ITERATIONS = 32_768;
const ZERO_IV = new Uint8Array(BLOCK);
const KERBEROS = new TextEncoder().encode('kerberos');
const PRF = new TextEncoder().encode('prf');
const ZERO_OCTET = new Uint8Array(1);
const COUNTER_1 = Uint8Array.of(0, 0, 0, 1);

/** Etype 19. */
export const aes128CtsHmacSha256: EncryptionType = aesSha2({
  etype: ETYPE.AES128_CTS_HMAC_SHA256_128,
  name: 'aes128-cts-hmac-sha256-128',
  keyLength: 16,
  checksumType: CHECKSUM_TYPE.HMAC_SHA256_128_AES128,
  hmac: hmacSha256,
  hash: 'sha256',
  prfLength: 32,
  macLength: 16,
});

/** Etype 20. */
export const aes256CtsHmacSha384: EncryptionType = aesSha2({
  etype: ETYPE.AES256_CTS_HMAC_SHA384_192,
  name: 'aes256-cts-hmac-sha384-192',
  keyLength: 32,
  checksumType: CHECKSUM_TYPE.HMAC_SHA384_192_AES256,
  hmac: hmacSha384,
  hash: 'sha384',
  prfLength: 48,
  macLength: 24,
});

interface Variant extends Pick<EncryptionType, 'etype' | 'name' | 'keyLength' | 'checksumType'> {
  readonly hmac: Mac;
  readonly hash: Pbkdf2Hash;
  readonly prfLength: number;
  /** Octets that remain of an HMAC, and octets of the keys Kc and Ki. */
  readonly macLength: number;
}

function aesSha2(variant: Variant): EncryptionType {
  const { etype, name, keyLength, checksumType, hmac, hash, prfLength, macLength } = variant;
  const saltPrefix = concat(new TextEncoder().encode(name), ZERO_OCTET);
  return {
    etype,
    name,
    keyLength,
    checksumType,
    seedLength: keyLength,
    confounderLength: BLOCK,
    checksumTypes: [checksumType],
    checksumLength: macLength,
    integrityLength: macLength,

    // RFC 8009 4
    async stringToKey(password, salt, parameters) {
      const iterations = iterationsOf(parameters, DEFAULT_ITERATIONS);
      checkSalt(salt);
      const utf8 = utf8OfUtf16(password);
      const salted = concat(saltPrefix, salt);
      const intermediate = await pbkdf2(hash, utf8, salted, iterations, keyLength).finally(() => utf8.fill(0));
      const key = kdfHmacSha2(hmac, intermediate, KERBEROS, undefined, keyLength);
      intermediate.fill(0);
      return key;
    },

    forUsage: (key, usage) => new AesSha2UsageKeys(variant, key, usage),

    // RFC 8009 5
    prf: (key, input) => kdfHmacSha2(hmac, key, PRF, input, prfLength),
  };
}

/**
 * KDF-HMAC-SHA2(key, label, [context,] k), RFC 8009 3: one block of output is always enough.
 * @param length - octets wanted; at most what the HMAC gives
 */
export function kdfHmacSha2(
  hmac: Mac,
  key: Uint8Array,
  label: Uint8Array,
  context: Uint8Array | undefined,
  length: number,
): Uint8Array {
  const bits = new Uint8Array(4);
  new DataView(bits.buffer).setUint32(0, 8 * length);
  const parts = context === undefined ? [label, ZERO_OCTET] : [label, ZERO_OCTET, context];
  return hmac(key, COUNTER_1, ...parts, bits).subarray(0, length);
}

/** Ke, Ki and Kc of a usage. The base key stays its owner's. */
class AesSha2UsageKeys implements UsageKeys {
  readonly #variant: Variant;
  readonly #base: Uint8Array;
  readonly #usage: number;
  #ke: Uint8Array | undefined;
  #ki: Uint8Array | undefined;
  #kc: Uint8Array | undefined;

  constructor(variant: Variant, base: Uint8Array, usage: number) {
    this.#variant = variant;
    this.#base = base;
    this.#usage = usage;
  }

  encrypt(confounder: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
    const { macLength } = this.#variant;
    const ciphertext = aesCtsEncrypt(this.#encryptionKey(), ZERO_IV, concat(confounder, ...parts), macLength);
    const end = ciphertext.length - macLength;
    ciphertext.set(this.#mac(ciphertext.subarray(0, end)), end);
    return ciphertext;
  }

  decrypt(ciphertext: Uint8Array): Uint8Array | undefined {
    const end = ciphertext.length - this.#variant.macLength;
    if (end < BLOCK) return undefined;
    const stolen = ciphertext.subarray(0, end);
    if (!equalInConstantTime(this.#mac(stolen), ciphertext.subarray(end))) return undefined;
    return aesCtsDecrypt(this.#encryptionKey(), ZERO_IV, stolen).subarray(BLOCK);
  }

  checksum(_checksumType: number, ...parts: readonly Uint8Array[]): Uint8Array {
    const { hmac, macLength } = this.#variant;
    this.#kc ??= this.#derive(PURPOSE.CHECKSUM, macLength);
    return hmac(this.#kc, ...parts).subarray(0, macLength);
  }

  dispose(): void {
    this.#ke?.fill(0);
    this.#ki?.fill(0);
    this.#kc?.fill(0);
  }

  #encryptionKey(): Uint8Array {
    this.#ke ??= this.#derive(PURPOSE.ENCRYPTION, this.#variant.keyLength);
    return this.#ke;
  }

  /** RFC 8009 5: the HMAC covers the cipher state, which is always zero here, and the ciphertext. */
  #mac(stolen: Uint8Array): Uint8Array {
    const { hmac, macLength } = this.#variant;
    this.#ki ??= this.#derive(PURPOSE.INTEGRITY, macLength);
    return hmac(this.#ki, ZERO_IV, stolen).subarray(0, macLength);
  }

  #derive(purpose: number, length: number): Uint8Array {
    return kdfHmacSha2(this.#variant.hmac, this.#base, usageConstant(this.#usage, purpose), undefined, length);
  }
}
