/**
 * rc4-hmac (23), RFC 4757: the key is the NT hash of the password, without salt. Broken (RFC 8429); off unless somebody allows
 * it knowingly.
 * @see https://www.rfc-editor.org/rfc/rfc4757
 * @module
 */
import { equalInConstantTime, hmacMd5, hmacSha1, md4, md5, Rc4 } from '../../crypto/index.ts';
import type { EncryptionType, UsageKeys } from './encryption-type.ts';
import { CHECKSUM_TYPE, ETYPE } from './numbers.ts';

const KEY_LENGTH = 16;
const CONFOUNDER_LENGTH = 8;
const CHECKSUM_LENGTH = 16;
const SIGNATURE_KEY = new TextEncoder().encode('signaturekey\0');

/** Etype 23. */
export const rc4Hmac: EncryptionType = {
  etype: ETYPE.RC4_HMAC,
  name: 'arcfour-hmac',
  keyLength: KEY_LENGTH,
  seedLength: KEY_LENGTH,
  confounderLength: CONFOUNDER_LENGTH,
  checksumType: CHECKSUM_TYPE.HMAC_MD5,
  checksumTypes: [CHECKSUM_TYPE.HMAC_MD5, CHECKSUM_TYPE.HMAC_MD5_ENC],
  checksumLength: CHECKSUM_LENGTH,
  integrityLength: CHECKSUM_LENGTH,
  // RFC 4757 2: units go over as they are, and there is nothing that a KDC could choose
  stringToKey: (password) => Promise.resolve(md4(password)),
  forUsage: (key, usage) => new Rc4UsageKeys(key, usage),
  // Nobody specified one; all implementations have taken this.
  prf: (key, input) => hmacSha1(key, input),
};

/**
 * The usage as Windows numbers it (RFC 4757 3): both keys that a TGS-REP may be encrypted with use the same number as an
 * AS-REP, and what GSS-API signs has one of its own.
 */
function messageType(usage: number): Uint8Array {
  const translated = usage === 3 || usage === 9 ? 8 : usage === 23 ? 13 : usage;
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, translated, true);
  return octets;
}

/** K1 and Ksign of a usage. The base key stays its owner's. */
class Rc4UsageKeys implements UsageKeys {
  readonly #base: Uint8Array;
  readonly #messageType: Uint8Array;
  #k1: Uint8Array | undefined;
  #ksign: Uint8Array | undefined;

  constructor(base: Uint8Array, usage: number) {
    this.#base = base;
    this.#messageType = messageType(usage);
  }

  // RFC 4757 5: the checksum covers the plaintext, and makes the key that encrypts it
  encrypt(confounder: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
    const length = parts.reduce((sum, part) => sum + part.length, CONFOUNDER_LENGTH);
    const ciphertext = new Uint8Array(CHECKSUM_LENGTH + length);
    const data = ciphertext.subarray(CHECKSUM_LENGTH);
    data.set(confounder);
    let at = CONFOUNDER_LENGTH;
    for (const part of parts) {
      data.set(part, at);
      at += part.length;
    }
    const k1 = this.#key();
    const checksum = hmacMd5(k1, data);
    this.#transform(checksum, data);
    ciphertext.set(checksum);
    return ciphertext;
  }

  decrypt(ciphertext: Uint8Array): Uint8Array | undefined {
    if (ciphertext.length < CHECKSUM_LENGTH + CONFOUNDER_LENGTH) return undefined;
    const checksum = ciphertext.subarray(0, CHECKSUM_LENGTH);
    const data = new Uint8Array(ciphertext.length - CHECKSUM_LENGTH);
    data.set(ciphertext.subarray(CHECKSUM_LENGTH));
    this.#transform(checksum, data);
    if (!equalInConstantTime(hmacMd5(this.#key(), data), checksum)) return undefined;
    return data.subarray(CONFOUNDER_LENGTH);
  }

  // RFC 4757 4
  checksum(checksumType: number, ...parts: readonly Uint8Array[]): Uint8Array {
    const digest = md5(this.#messageType, ...parts);
    if (checksumType === CHECKSUM_TYPE.HMAC_MD5_ENC) return hmacMd5(this.#base, digest);
    this.#ksign ??= hmacMd5(this.#base, SIGNATURE_KEY);
    return hmacMd5(this.#ksign, digest);
  }

  dispose(): void {
    this.#k1?.fill(0);
    this.#ksign?.fill(0);
  }

  #key(): Uint8Array {
    this.#k1 ??= hmacMd5(this.#base, this.#messageType);
    return this.#k1;
  }

  #transform(checksum: Uint8Array, data: Uint8Array): void {
    const k3 = hmacMd5(this.#key(), checksum);
    const stream = new Rc4(k3);
    stream.transform(data);
    stream.dispose();
    k3.fill(0);
  }
}
