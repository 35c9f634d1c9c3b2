import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { encodeUtf16 } from '../../../src/crypto/index.ts';
import { type Random, systemHost } from '../../../src/host/index.ts';
import {
  CHECKSUM_TYPE,
  DEFAULT_ENCRYPTION_TYPES,
  ETYPE,
  encryptionType,
  encryptionTypesNamed,
  isEncryptionTypeAllowed,
  KEY_USAGE,
  KerberosKey,
} from '../../../src/kerberos/encryption/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import { hex, toHex } from '../../support/vectors.ts';

const ALL = Object.values(ETYPE);
const types = ALL.map((etype) => encryptionType(etype, ALL));
const { random } = systemHost;
const message = new TextEncoder().encode('an authenticator is longer than one block');

const codeOf = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return error instanceof SspiError ? error.code : error;
  }
  return 'nothing was thrown';
};

describe('KerberosKey', () => {
  test.each(types)('Z37: every flipped bit and every cut of a ciphertext is refused: $name', (type) => {
    const key = KerberosKey.generate(type, random);
    const ciphertext = key.encrypt(KEY_USAGE.TICKET, message, random);
    expect(ciphertext.length).toBe(message.length + type.confounderLength + type.integrityLength);
    expect(key.decrypt(KEY_USAGE.TICKET, ciphertext)).toEqual(message);
    for (let bit = 0; bit < 8 * ciphertext.length; bit++) {
      const flipped = ciphertext.slice();
      flipped[bit >>> 3] = (flipped[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      expect(codeOf(() => key.decrypt(KEY_USAGE.TICKET, flipped))).toBe('DECRYPT_FAILURE');
    }
    for (let length = 0; length < ciphertext.length; length++)
      expect(codeOf(() => key.decrypt(KEY_USAGE.TICKET, ciphertext.subarray(0, length)))).toBe('DECRYPT_FAILURE');
  });

  test('K3: the numbers, as RFC 4120 7.5.1 and RFC 4121 2 have them', () => {
    expect(KEY_USAGE).toMatchObject({
      PA_ENC_TIMESTAMP: 1,
      TICKET: 2,
      AS_REP: 3,
      TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY: 4,
      TGS_REQ_AUTHORIZATION_DATA_SUBKEY: 5,
      TGS_REQ_CHECKSUM: 6,
      TGS_REQ_AUTHENTICATOR: 7,
      TGS_REP_SESSION_KEY: 8,
      TGS_REP_SUBKEY: 9,
      AP_REQ_CHECKSUM: 10,
      AP_REQ_AUTHENTICATOR: 11,
      AP_REP: 12,
      KRB_PRIV: 13,
      KRB_CRED: 14,
      GSS_ACCEPTOR_SEAL: 22,
      GSS_ACCEPTOR_SIGN: 23,
      GSS_INITIATOR_SEAL: 24,
      GSS_INITIATOR_SIGN: 25,
    });
  });

  test.each(types)('K3: what one usage encrypts another does not decrypt: $name', (type) => {
    const key = KerberosKey.generate(type, random);
    const ciphertext = key.encrypt(KEY_USAGE.AP_REQ_AUTHENTICATOR, message, random);
    expect(codeOf(() => key.decrypt(KEY_USAGE.AP_REP, ciphertext))).toBe('DECRYPT_FAILURE');
    const checksum = key.checksum(KEY_USAGE.AP_REQ_CHECKSUM, message);
    expect(key.verifies(KEY_USAGE.AP_REQ_CHECKSUM, checksum, message)).toBe(true);
    expect(key.verifies(KEY_USAGE.TGS_REQ_CHECKSUM, checksum, message)).toBe(false);
  });

  test.each(types)('empty plaintext, and plaintext around the block size: $name', (type) => {
    const key = KerberosKey.generate(type, random);
    for (let length = 0; length <= 49; length++) {
      const plaintext = random.bytes(length);
      expect(key.decrypt(1, key.encrypt(1, plaintext, random))).toEqual(plaintext);
    }
  });

  test.each(types)('Z33: a checksum of another type, without key, cut or flipped proves nothing: $name', (type) => {
    const key = KerberosKey.generate(type, random);
    const { cksumtype, checksum } = key.checksum(17, message);
    const others = Object.values(CHECKSUM_TYPE).filter((other) => !type.checksumTypes.includes(other));
    for (const other of [...others, 0, 1, 2, 7, 10, 14, -1]) // CRC32, MD4, MD5, RSA-MD5, SHA1 are among them
      expect(key.verifies(17, { cksumtype: other, checksum }, message)).toBe(false);
    for (let length = 0; length < checksum.length; length++)
      expect(key.verifies(17, { cksumtype, checksum: checksum.subarray(0, length) }, message)).toBe(false);
    for (let at = 0; at < checksum.length; at++) {
      const flipped = checksum.slice();
      flipped[at] = (flipped[at] ?? 0) ^ 0x80;
      expect(key.verifies(17, { cksumtype, checksum: flipped }, message)).toBe(false);
    }
  });

  test('a key of the wrong length is refused, a disposed one does not work, and none shows itself', () => {
    const type = encryptionType(18);
    expect(codeOf(() => new KerberosKey(type, new Uint8Array(16)))).toBe('MALFORMED_TOKEN');
    expect(codeOf(() => KerberosKey.from({ keytype: 18, keyvalue: new Uint8Array(0) }))).toBe('MALFORMED_TOKEN');
    const octets = hex('5a'.repeat(32));
    const key = new KerberosKey(type, octets);
    const copy = key.clone();
    const inner = key.reveal().keyvalue;
    expect(inspect(key, { depth: 9, showHidden: true })).not.toMatch(/5a5a|90, 90/);
    expect(JSON.stringify(key)).not.toContain('90');
    key.dispose();
    key.dispose();
    for (const use of [
      () => key.encrypt(1, message, random),
      () => key.reveal(),
      () => key.clone(),
      () => key.prf(message),
    ])
      expect(use).toThrow('disposed');
    expect(toHex(octets)).toBe('5a'.repeat(32));
    // The octets are wiped with the last key that has them.
    expect(copy.decrypt(1, copy.encrypt(1, message, random))).toEqual(message);
    copy.dispose();
    expect(toHex(inner)).toBe('00'.repeat(32));
    expect(() => copy.encrypt(1, message, random)).toThrow('disposed');
  });

  test('the confounder comes from the host', () => {
    const asked: number[] = [];
    const counting: Random = {
      bytes(length) {
        asked.push(length);
        return new Uint8Array(length);
      },
    };
    const key = KerberosKey.generate(encryptionType(17), random);
    expect(key.encrypt(1, message, counting)).toEqual(key.encrypt(1, message, counting));
    expect(asked).toEqual([16, 16]);
  });
});

describe('string-to-key', () => {
  const password = encodeUtf16('password');
  const salt = new TextEncoder().encode('REALMuser');

  test.each(types.filter(({ etype }) => etype !== ETYPE.RC4_HMAC))(
    'Z39: a KDC cannot ask for endless work, nor for parameters of another form: $name',
    async (type) => {
      for (const parameters of ['00000000', '01000001', 'ffffffff', '00', '000010', '0000100000'])
        await expect(type.stringToKey(password, salt, hex(parameters))).rejects.toMatchObject({
          code: 'MALFORMED_TOKEN',
        });
      await expect(type.stringToKey(password, new Uint8Array(4097))).rejects.toMatchObject({ code: 'MALFORMED_TOKEN' });
    },
  );

  test('without parameters the counts of the RFCs hold: 4096, and 32768', async () => {
    for (const [etype, count] of [
      [17, '00001000'],
      [20, '00008000'],
    ] as const) {
      const type = encryptionType(etype);
      expect(await type.stringToKey(password, salt)).toEqual(await type.stringToKey(password, salt, hex(count)));
    }
  });

  test('Z25: an empty password is a password', async () => {
    const key = await KerberosKey.fromPassword(encryptionType(18), new Uint8Array(0), salt, hex('00000001'));
    expect(key.reveal().keyvalue.length).toBe(32);
  });
});

describe('allowed encryption types', () => {
  test('Z39: RC4 is refused unless it is allowed', () => {
    expect(DEFAULT_ENCRYPTION_TYPES).not.toContain(ETYPE.RC4_HMAC);
    expect(codeOf(() => encryptionType(ETYPE.RC4_HMAC))).toBe('ENCRYPTION_TYPE_REFUSED');
    expect(codeOf(() => KerberosKey.from({ keytype: 23, keyvalue: new Uint8Array(16) }))).toBe(
      'ENCRYPTION_TYPE_REFUSED',
    );
    expect(encryptionType(ETYPE.RC4_HMAC, [23]).keyLength).toBe(16);
  });

  test('K7: DES, DES3 and Camellia do not exist here, allowed or not', () => {
    for (const etype of [0, 1, 2, 3, 16, 24, 25, 26, -133]) {
      expect(isEncryptionTypeAllowed(etype, [etype])).toBe(false);
      expect(codeOf(() => encryptionType(etype, [etype]))).toBe('ENCRYPTION_TYPE_REFUSED');
    }
  });

  test('lists of krb5.conf', () => {
    expect(encryptionTypesNamed('aes256-cts-hmac-sha1-96 aes128-cts, des3-cbc-sha1')).toEqual([18, 17]);
    expect(encryptionTypesNamed('DEFAULT +rc4 -aes128-sha2')).toEqual([18, 17, 20, 23]);
    expect(encryptionTypesNamed('aes -aes256-cts toString')).toEqual([17, 20, 19]);
    expect(encryptionTypesNamed('')).toEqual([]);
  });
});
