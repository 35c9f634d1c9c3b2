/**
 * Kerberos cryptography: n-fold, string-to-key, derivation, encryption, checksums, PRF, KRB-FX-CF2. Etype 16 goes through the
 * library's simplified profile with the DES3 of Node.js: see des3.ts.
 * @module
 */
import {
  aesCtsDecrypt,
  aesCtsEncrypt,
  encodeUtf16,
  hmacSha256,
  hmacSha384,
  pbkdf2,
} from '../../../src/crypto/index.ts';
import { kdfHmacSha2 } from '../../../src/kerberos/encryption/aes-sha2.ts';
import { deriveAesKey, PURPOSE, usageConstant } from '../../../src/kerberos/encryption/derivation.ts';
import {
  combineKeys,
  ETYPE,
  encryptionType,
  KerberosKey,
  utf8OfUtf16,
} from '../../../src/kerberos/encryption/index.ts';
import { nFold } from '../../../src/kerberos/encryption/n-fold.ts';
import { type CaseReader, Mismatch, same } from '../case.ts';
import { des3Checksum, des3CombineKeys, des3Decrypt, des3DeriveKey, des3StringToKey } from '../des3.ts';
import type { CaseHandler } from '../runner.ts';

/** All encryption types that there are, RC4 too. */
export const EVERY_TYPE: readonly number[] = Object.values(ETYPE);
const DES3 = 16;

/** The key of a case. */
export function keyIn(fields: CaseReader, name = 'key'): KerberosKey {
  return new KerberosKey(encryptionType(fields.number('etype'), EVERY_TYPE), fields.hex(name));
}

/** UTF-8 as the UTF-16 that our functions take passwords in. */
export function utf16OfUtf8(octets: Uint8Array): Uint8Array {
  return encodeUtf16(new TextDecoder().decode(octets));
}

async function stringToKey(fields: CaseReader): Promise<void> {
  const [password, salt, params] = [fields.hex('password'), fields.hex('salt'), fields.hex('params')];
  const etype = fields.number('etype');
  if (etype === DES3) {
    same('params', params.length, 0);
    same('output', des3StringToKey(password, salt), fields.hex('output'));
    return;
  }
  const type = encryptionType(etype, EVERY_TYPE);
  same('output', await type.stringToKey(utf16OfUtf8(password), salt, params), fields.hex('output'));
  const intermediate = fields.optionalHex('pbkdf2');
  if (intermediate === undefined) return;
  const iterations = new DataView(params.buffer, params.byteOffset).getUint32(0);
  same('pbkdf2', await pbkdf2('sha1', password, salt, iterations, type.keyLength), intermediate);
}

function deriveKey(fields: CaseReader): void {
  const [key, constant] = [fields.hex('key'), fields.hex('constant')];
  const algorithm = fields.text('alg');
  const derived = (): Uint8Array => {
    switch (fields.number('etype')) {
      case DES3:
        return des3DeriveKey(key, constant);
      case ETYPE.AES128_CTS_HMAC_SHA1_96:
      case ETYPE.AES256_CTS_HMAC_SHA1_96:
        return deriveAesKey(key, constant);
      case ETYPE.AES128_CTS_HMAC_SHA256_128:
        return kdfHmacSha2(hmacSha256, key, constant, undefined, 16);
      default:
        throw new Mismatch(`no derivation ${algorithm}`);
    }
  };
  same('output', derived(), fields.hex('output'));
}

function decrypt(fields: CaseReader): void {
  const [usage, ciphertext, plaintext] = [fields.number('usage'), fields.hex('ciphertext'), fields.hex('plaintext')];
  if (fields.number('etype') !== DES3) {
    same('plaintext', keyIn(fields).decrypt(usage, ciphertext), plaintext);
    return;
  }
  const opened = des3Decrypt(fields.hex('key'), usage, ciphertext);
  same('plaintext', opened?.subarray(0, plaintext.length), plaintext); // zeros fill the last block
}

function encrypt(fields: CaseReader): void {
  const key = keyIn(fields);
  const usage = fields.number('usage');
  const confounder = fields.hex('confounder');
  same(
    'ciphertext',
    key.encrypt(usage, fields.hex('plaintext'), { bytes: () => confounder }),
    fields.hex('ciphertext'),
  );
  const derive = (purpose: number, length: number): Uint8Array => {
    const hmac = key.etype === ETYPE.AES128_CTS_HMAC_SHA256_128 ? hmacSha256 : hmacSha384;
    return kdfHmacSha2(hmac, fields.hex('key'), usageConstant(usage, purpose), undefined, length);
  };
  same('Ke', derive(PURPOSE.ENCRYPTION, key.type.keyLength), fields.hex('ke'));
  same('Ki', derive(PURPOSE.INTEGRITY, key.type.integrityLength), fields.hex('ki'));
}

function checksum(fields: CaseReader): void {
  const [usage, cksumtype, data, expected] = [
    fields.number('usage'),
    fields.number('cksumtype'),
    fields.hex('data'),
    fields.hex('output'),
  ];
  if (fields.number('etype') === DES3) {
    same('output', des3Checksum(fields.hex('key'), usage, data), expected);
    return;
  }
  const key = keyIn(fields);
  same('output', key.forUsage(usage).checksum(cksumtype, data), expected);
  same('verified', key.verifies(usage, { cksumtype, checksum: expected }, data), true);
}

function keyCombination(fields: CaseReader): void {
  const peppers = [fields.hex('pepper1'), fields.hex('pepper2')] as const;
  const combined =
    fields.number('etype') === DES3
      ? des3CombineKeys([fields.hex('key1'), fields.hex('key2')], peppers)
      : combineKeys(keyIn(fields, 'key1'), keyIn(fields, 'key2'), ...peppers).reveal().keyvalue;
  same('output', combined, fields.hex('output'));
}

const operations: Readonly<Record<string, (fields: CaseReader) => Promise<void> | void>> = {
  nfold: (fields) => same('output', nFold(fields.hex('input'), fields.number('bits') / 8), fields.hex('output')),
  string_to_key: stringToKey,
  derive_key: deriveKey,
  decrypt,
  encrypt,
  checksum,
  prf: (fields) => same('output', keyIn(fields).prf(fields.hex('input')), fields.hex('output')),
  aes_cbc_cts(fields) {
    const [key, iv, input, output] = [fields.hex('key'), fields.hex('iv'), fields.hex('input'), fields.hex('output')];
    same('output', aesCtsEncrypt(key, iv, input), output);
    same('input', aesCtsDecrypt(key, iv, output), input);
  },
  utf8_password_replacement: (fields) => same('utf8', utf8OfUtf16(fields.hex('utf16le')), fields.hex('utf8')),
  krb_fx_cf2: keyCombination,
};

export const kerberosCrypto: CaseHandler = {
  kind: 'Kerberos cryptography',
  applies: (value) => typeof value['op'] === 'string' && Object.hasOwn(operations, value['op']),
  async check(fields) {
    await operations[fields.text('op')]?.(fields);
  },
};
