/**
 * des3-cbc-sha1-kd (16), RFC 3961 6.3, over node:crypto. The library does not have it (contract K7: it is broken and gone from
 * every current peer), but known answers for it prove the simplified profile, of which n-fold, DR and DK are the library's own.
 * @module
 */
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { concat } from '../../src/crypto/index.ts';
import {
  type BlockEncryption,
  deriveRandom,
  PURPOSE,
  usageConstant,
} from '../../src/kerberos/encryption/derivation.ts';
import { nFold } from '../../src/kerberos/encryption/n-fold.ts';

const BLOCK = 8;
const SEED = 21;
const MAC = 20;
const ZERO_IV = new Uint8Array(BLOCK);

const encryptBlocks: BlockEncryption = (key, blocks) =>
  Uint8Array.from(createCipheriv('des-ede3-cbc', key, ZERO_IV).setAutoPadding(false).update(blocks));

/** 6.3.1 random-to-key: the lowest bits of seven octets make the eighth, and their places take the parity. */
function randomToKey(seed: Uint8Array): Uint8Array {
  const key = new Uint8Array(24);
  for (let group = 0; group < 3; group++) {
    let last = 0;
    for (let i = 0; i < 7; i++) {
      const octet = seed[7 * group + i] ?? 0;
      key[8 * group + i] = withParity(octet);
      last |= (octet & 1) << (i + 1);
    }
    key[8 * group + 7] = withParity(last);
  }
  return key;
}

function withParity(octet: number): number {
  let ones = 0;
  for (let bits = octet >>> 1; bits > 0; bits >>>= 1) ones += bits & 1;
  return (octet & 0xfe) | ((ones & 1) ^ 1);
}

/** DK(key, constant). */
export function des3DeriveKey(key: Uint8Array, constant: Uint8Array): Uint8Array {
  return randomToKey(deriveRandom(encryptBlocks, key, nFold(constant, BLOCK), SEED));
}

/** 6.3.1 string-to-key. */
export function des3StringToKey(password: Uint8Array, salt: Uint8Array): Uint8Array {
  return des3DeriveKey(randomToKey(nFold(concat(password, salt), SEED)), new TextEncoder().encode('kerberos'));
}

/** The plaintext, or undefined when the integrity check fails. Padding stays. */
export function des3Decrypt(key: Uint8Array, usage: number, ciphertext: Uint8Array): Uint8Array | undefined {
  const end = ciphertext.length - MAC;
  const ke = des3DeriveKey(key, usageConstant(usage, PURPOSE.ENCRYPTION));
  const ki = des3DeriveKey(key, usageConstant(usage, PURPOSE.INTEGRITY));
  const opened = createDecipheriv('des-ede3-cbc', ke, ZERO_IV)
    .setAutoPadding(false)
    .update(ciphertext.subarray(0, end));
  const mac = createHmac('sha1', ki).update(opened).digest();
  return mac.equals(ciphertext.subarray(end)) ? Uint8Array.from(opened.subarray(BLOCK)) : undefined;
}

/** Checksum type 12. */
export function des3Checksum(key: Uint8Array, usage: number, data: Uint8Array): Uint8Array {
  const kc = des3DeriveKey(key, usageConstant(usage, PURPOSE.CHECKSUM));
  return Uint8Array.from(createHmac('sha1', kc).update(data).digest());
}

/** KRB-FX-CF2 (RFC 6113 5.1) for two keys of this type. */
export function des3CombineKeys(
  keys: readonly [Uint8Array, Uint8Array],
  peppers: readonly [Uint8Array, Uint8Array],
): Uint8Array {
  const [one, other] = [prfPlus(keys[0], peppers[0]), prfPlus(keys[1], peppers[1])];
  return randomToKey(one.map((octet, index) => octet ^ (other[index] ?? 0)));
}

function prfPlus(key: Uint8Array, pepper: Uint8Array): Uint8Array {
  const derived = des3DeriveKey(key, new TextEncoder().encode('prf'));
  const block = (counter: number): Uint8Array => {
    const digest = createHash('sha1').update(Uint8Array.of(counter)).update(pepper).digest();
    return encryptBlocks(derived, digest.subarray(0, 16));
  };
  return concat(block(1), block(2)).subarray(0, SEED);
}
