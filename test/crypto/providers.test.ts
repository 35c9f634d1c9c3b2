import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { hmacMd5, hmacSha1, OctetsError } from '../../src/crypto/index.ts';
import { MD5_NATIVE_FROM, md5 as shortMd5 } from '../../src/crypto/md5.ts';
import * as node from '../../src/crypto/node.ts';
import * as portable from '../../src/crypto/portable.ts';
import type { CryptoProvider } from '../../src/crypto/types.ts';
import { hex, toHex } from '../support/vectors.ts';

// The compiler holds both modules against the interface here.
const providers: readonly (readonly [string, CryptoProvider])[] = [
  ['node', node],
  ['portable', portable],
];
const hashNames = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'] as const;
const ascii = (value: string): Uint8Array => new TextEncoder().encode(value);
const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 7 + length) & 0xff);

test('both providers export the same names', () => {
  expect(Object.keys(portable).sort()).toEqual(Object.keys(node).sort());
});

describe.each(providers)('%s provider: hashes', (_, provider) => {
  // RFC 1321 A.5, FIPS 180 examples: "abc".
  test.each([
    ['md5', '900150983cd24fb0d6963f7d28e17f72'],
    ['sha1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
    ['sha256', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
    ['sha384', 'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7'],
    [
      'sha512',
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
        '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    ],
  ] as const)('%s of "abc"', (name, wanted) => {
    expect(toHex(provider[name](ascii('abc')))).toBe(wanted);
    expect(toHex(provider[name](ascii('a'), new Uint8Array(0), ascii('bc')))).toBe(wanted);
  });

  test.each(hashNames)('%s is right for every length from 0 to 300', (name) => {
    for (let length = 0; length <= 300; length++) {
      const data = pattern(length);
      expect(toHex(provider[name](data))).toBe(createHash(name).update(data).digest('hex'));
    }
  });

  test.each(hashNames)('%s takes parts in any cut, also of more octets than are joined', (name) => {
    const parts = fc.array(fc.uint8Array({ maxLength: 1500 }), { maxLength: 5 });
    fc.assert(
      fc.property(parts, (given) => {
        expect(toHex(provider[name](...given))).toBe(createHash(name).update(Buffer.concat(given)).digest('hex'));
      }),
      { numRuns: 40 },
    );
  });

  test.each(hashNames)('the digest of %s is an array of its own, not a view that slice would not copy', (name) => {
    const digest = provider[name](ascii('abc'));
    const copy = digest.slice();
    digest.fill(0);
    expect(copy.every((octet) => octet === 0)).toBe(false);
    expect(Buffer.isBuffer(digest)).toBe(false);
  });
});

test('our MD5 is right around block ends, and where the platform takes over', () => {
  for (const near of [55, 56, 63, 64, 119, 128, MD5_NATIVE_FROM - 1, MD5_NATIVE_FROM, 4096]) {
    const wanted = createHash('md5').update(pattern(near)).digest('hex');
    expect(toHex(shortMd5(pattern(near)))).toBe(wanted);
    expect(toHex(node.md5(pattern(near)))).toBe(wanted);
  }
});

describe.each(providers)('%s provider: AES-CBC', (_, provider) => {
  // NIST SP 800-38A F.2.1 and F.2.5, the first two blocks.
  const iv = hex('000102030405060708090a0b0c0d0e0f');
  const plaintext = hex('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51');
  test.each([
    [128, '2b7e151628aed2a6abf7158809cf4f3c', '7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2'],
    [
      256,
      '603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4',
      'f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d',
    ],
  ])('AES-%i (NIST SP 800-38A)', (_bits, key, ciphertext) => {
    expect(toHex(provider.aesCbcEncrypt(hex(key), iv, plaintext))).toBe(ciphertext);
    expect(toHex(provider.aesCbcDecrypt(hex(key), iv, hex(ciphertext)))).toBe(toHex(plaintext));
    // The same in parts, one of them empty.
    const inParts = (chain: (data: Uint8Array) => Uint8Array, data: Uint8Array): string =>
      [data.subarray(0, 16), new Uint8Array(0), data.subarray(16)].map((part) => toHex(chain(part))).join('');
    expect(inParts(provider.aesCbcEncryption(hex(key), iv), plaintext)).toBe(ciphertext);
    expect(inParts(provider.aesCbcDecryption(hex(key), iv), hex(ciphertext))).toBe(toHex(plaintext));
  });

  test('nothing encrypts to nothing', () => {
    expect(provider.aesCbcEncrypt(new Uint8Array(16), iv, new Uint8Array(0)).length).toBe(0);
    expect(provider.aesCbcDecrypt(new Uint8Array(16), iv, new Uint8Array(0)).length).toBe(0);
  });

  test.each([
    ['key', 15, 16, 16],
    ['key', 33, 16, 16],
    ['initialisation vector', 16, 15, 16],
    ['initialisation vector', 16, 12, 16],
    ['whole blocks', 16, 16, 17],
  ])('refuses lengths it cannot take: %s', (what, keyLength, ivLength, dataLength) => {
    const given = [new Uint8Array(keyLength), new Uint8Array(ivLength), new Uint8Array(dataLength)] as const;
    expect(() => provider.aesCbcEncrypt(...given)).toThrow(OctetsError);
    expect(() => provider.aesCbcDecrypt(...given)).toThrow(what);
    const [key, vector, data] = given;
    expect(() => provider.aesCbcEncryption(key, vector)(data)).toThrow(what);
    expect(() => provider.aesCbcDecryption(key, vector)(data)).toThrow(what);
  });
});

test('both providers encrypt and decrypt alike', () => {
  const octets = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
  const blocks = fc.nat(6).chain((count) => octets(16 * count));
  fc.assert(
    fc.property(fc.constantFrom(16, 24, 32).chain(octets), octets(16), blocks, (key, iv, data) => {
      expect(toHex(portable.aesCbcEncrypt(key, iv, data))).toBe(toHex(node.aesCbcEncrypt(key, iv, data)));
      expect(toHex(portable.aesCbcDecrypt(key, iv, data))).toBe(toHex(node.aesCbcDecrypt(key, iv, data)));
    }),
  );
});

describe.each(providers)('%s provider: PBKDF2', (_, provider) => {
  // RFC 3962 B: the PBKDF2 stage of the string-to-key samples.
  test.each([
    [1, 'password', 'ATHENA.MIT.EDUraeburn', 'cdedb5281bb2f801565a1122b2563515'],
    [2, 'password', 'ATHENA.MIT.EDUraeburn', '01dbee7f4a9e243e988b62c73cda935d'],
    [1200, 'password', 'ATHENA.MIT.EDUraeburn', '5c08eb61fdf71e4e4ec3cf6ba1f5512b'],
  ])('V6: %i iterations with SHA-1 (RFC 3962 B)', async (iterations, password, salt, wanted) => {
    expect(toHex(await provider.pbkdf2('sha1', ascii(password), ascii(salt), iterations, 16))).toBe(wanted);
  });

  test.each(['sha1', 'sha256', 'sha384', 'sha512'] as const)('with %s is that of the platform', async (hash) => {
    const wanted = pbkdf2Sync('password', 'salt', 5, 70, hash).toString('hex');
    expect(toHex(await provider.pbkdf2(hash, ascii('password'), ascii('salt'), 5, 70))).toBe(wanted);
  });
});

test('a call that fails half-way does no harm to the next', () => {
  // Callers without a compiler can hand over anything.
  const bad = JSON.parse('[null]');
  const key = pattern(40);
  for (const [name, hash, hmac] of [
    ['md5', node.md5, hmacMd5],
    ['sha1', node.sha1, hmacSha1],
  ] as const) {
    expect(() => hash(pattern(70), ...bad)).toThrow();
    expect(() => hmac(key, pattern(70), ...bad)).toThrow();
    expect(toHex(hash(ascii('a'), ascii('bc')))).toBe(createHash(name).update('abc').digest('hex'));
    expect(toHex(hmac(ascii('k'), ascii('abc')))).toBe(createHmac(name, 'k').update('abc').digest('hex'));
  }
});
