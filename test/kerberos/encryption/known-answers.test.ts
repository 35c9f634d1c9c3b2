/** RFC 3961, 3962, 4757, 8009, MS-KILE 4.4: the published values. */
import { describe, expect, test } from 'vitest';
import { aesCtsDecrypt, aesCtsEncrypt, encodeUtf16, hmacSha256 } from '../../../src/crypto/index.ts';
import { kdfHmacSha2 } from '../../../src/kerberos/encryption/aes-sha2.ts';
import { deriveAesKey } from '../../../src/kerberos/encryption/derivation.ts';
import {
  combineKeys,
  ETYPE,
  encryptionType,
  KerberosKey,
  utf8OfUtf16,
} from '../../../src/kerberos/encryption/index.ts';
import { nFold } from '../../../src/kerberos/encryption/n-fold.ts';
import {
  des3Checksum,
  des3CombineKeys,
  des3Decrypt,
  des3DeriveKey,
  des3StringToKey,
} from '../../../tools/vectors/des3.ts';
import { number, octets, text, toHex, type VectorCase, vectorCases } from '../../support/vectors.ts';

const ALL = Object.values(ETYPE);
const DES3 = 16;
const cases = (op: string): readonly VectorCase[] =>
  vectorCases('kerberos-crypto', op).map((one, n) => ({ n, ...one }));
const keyOf = (one: VectorCase, field = 'key'): KerberosKey =>
  new KerberosKey(encryptionType(number(one, 'etype'), ALL), octets(one, field));
const utf16 = (utf8: Uint8Array): Uint8Array => encodeUtf16(Buffer.from(utf8).toString('utf8'));
const fixed = (confounder: Uint8Array) => ({ bytes: () => confounder });

describe('known answers of Kerberos cryptography', () => {
  test.each(cases('nfold'))('K7: n-fold $n ($source)', (one) => {
    expect(toHex(nFold(octets(one, 'input'), number(one, 'bits') / 8))).toBe(text(one, 'output'));
  });

  test.each(cases('string_to_key'))('K7: string-to-key $n, etype $etype', async (one) => {
    const [password, salt] = [octets(one, 'password'), octets(one, 'salt')];
    const key =
      number(one, 'etype') === DES3
        ? des3StringToKey(password, salt)
        : await encryptionType(number(one, 'etype'), ALL).stringToKey(utf16(password), salt, octets(one, 'params'));
    expect(toHex(key)).toBe(text(one, 'output'));
  });

  test.each(cases('derive_key'))('K7: derived key $n, etype $etype', (one) => {
    const [key, constant] = [octets(one, 'key'), octets(one, 'constant')];
    expect(toHex(deriveFor(number(one, 'etype'), key, constant))).toBe(text(one, 'output'));
  });

  test.each(cases('decrypt'))('K7: decryption $n, etype $etype', (one) => {
    const [usage, ciphertext] = [number(one, 'usage'), octets(one, 'ciphertext')];
    const plaintext =
      number(one, 'etype') === DES3
        ? des3Decrypt(octets(one, 'key'), usage, ciphertext)?.subarray(0, octets(one, 'plaintext').length)
        : keyOf(one).decrypt(usage, ciphertext);
    expect(toHex(plaintext ?? new Uint8Array())).toBe(text(one, 'plaintext'));
  });

  test.each(cases('encrypt'))('K7: encryption $n, etype $etype', (one) => {
    const cipher = keyOf(one).encrypt(number(one, 'usage'), octets(one, 'plaintext'), fixed(octets(one, 'confounder')));
    expect(toHex(cipher)).toBe(text(one, 'ciphertext'));
  });

  test.each(cases('checksum'))('K7: checksum $n, type $cksumtype', (one) => {
    const [usage, data, cksumtype] = [number(one, 'usage'), octets(one, 'data'), number(one, 'cksumtype')];
    if (number(one, 'etype') === DES3) {
      expect(toHex(des3Checksum(octets(one, 'key'), usage, data))).toBe(text(one, 'output'));
      return;
    }
    expect(keyOf(one).verifies(usage, { cksumtype, checksum: octets(one, 'output') }, data)).toBe(true);
    expect(toHex(keyOf(one).forUsage(usage).checksum(cksumtype, data))).toBe(text(one, 'output'));
  });

  test.each(cases('prf'))('K7: PRF $n, etype $etype', (one) => {
    expect(toHex(keyOf(one).prf(octets(one, 'input')))).toBe(text(one, 'output'));
  });

  test.each(cases('aes_cbc_cts'))('V6: AES with ciphertext stealing $n', (one) => {
    const [key, iv] = [octets(one, 'key'), octets(one, 'iv')];
    expect(toHex(aesCtsEncrypt(key, iv, octets(one, 'input')))).toBe(text(one, 'output'));
    expect(toHex(aesCtsDecrypt(key, iv, octets(one, 'output')))).toBe(text(one, 'input'));
  });

  test.each(cases('utf8_password_replacement'))('K7: units that are no characters become U+FFFD', (one) => {
    expect(toHex(utf8OfUtf16(octets(one, 'utf16le')))).toBe(text(one, 'utf8'));
  });

  test.each(vectorCases('kerberos-fast-pkinit', 'krb_fx_cf2'))('K17: KRB-FX-CF2, etype $etype', (one) => {
    const peppers = [octets(one, 'pepper1'), octets(one, 'pepper2')] as const;
    const combined =
      number(one, 'etype') === DES3
        ? des3CombineKeys([octets(one, 'key1'), octets(one, 'key2')], peppers)
        : combineKeys(keyOf(one, 'key1'), keyOf(one, 'key2'), ...peppers).reveal().keyvalue;
    expect(toHex(combined)).toBe(text(one, 'output'));
  });
});

function deriveFor(etype: number, key: Uint8Array, constant: Uint8Array): Uint8Array {
  if (etype === DES3) return des3DeriveKey(key, constant);
  if (etype === ETYPE.AES128_CTS_HMAC_SHA1_96 || etype === ETYPE.AES256_CTS_HMAC_SHA1_96)
    return deriveAesKey(key, constant);
  return kdfHmacSha2(hmacSha256, key, constant, undefined, key.length);
}
