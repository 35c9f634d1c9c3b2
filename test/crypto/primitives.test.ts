import { createCipheriv, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  aesCtsDecrypt,
  aesCtsEncrypt,
  crc32,
  desEcbEncrypt,
  expandDesKey56,
  hmacMd5,
  hmacSha1,
  hmacSha256,
  hmacSha384,
  hmacSha512,
  md4,
  OctetsError,
  Rc4,
} from '../../src/crypto/index.ts';
import { hex, octets, text, toHex, vectorCases } from '../support/vectors.ts';

const ascii = (value: string): Uint8Array => new TextEncoder().encode(value);
const uint8Array = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });

function rc4(key: Uint8Array, input: Uint8Array): Uint8Array {
  const output = Uint8Array.from(input);
  new Rc4(key).transform(output);
  return output;
}

describe('known answers of primitives.json', () => {
  test.each(vectorCases('primitives', 'md4'))('MD4 of $input', (one) => {
    expect(toHex(md4(octets(one, 'input')))).toBe(text(one, 'output'));
  });

  test.each(vectorCases('primitives', 'crc32_le'))('CRC-32 of $input', (one) => {
    const littleEndian = new DataView(new ArrayBuffer(4));
    littleEndian.setUint32(0, crc32(octets(one, 'input')), true);
    expect(toHex(new Uint8Array(littleEndian.buffer))).toBe(text(one, 'output'));
  });

  test.each(vectorCases('primitives', 'des_expand_key56'))('DES key of $input', (one) => {
    expect(toHex(expandDesKey56(octets(one, 'input')))).toBe(text(one, 'output'));
  });

  test.each(vectorCases('primitives', 'des_ecb_encrypt'))('DES of $input', (one) => {
    expect(toHex(desEcbEncrypt(octets(one, 'key'), octets(one, 'input')))).toBe(text(one, 'output'));
  });

  test.each(vectorCases('primitives', 'rc4'))('RC4 of $input under $key', (one) => {
    expect(toHex(rc4(octets(one, 'key'), octets(one, 'input')))).toBe(text(one, 'output'));
  });

  test.each(vectorCases('primitives', 'hmac_md5'))('HMAC-MD5 of $input', (one) => {
    expect(toHex(hmacMd5(octets(one, 'key'), octets(one, 'input')))).toBe(text(one, 'output'));
  });
});

describe('HMAC', () => {
  // RFC 2202 2 and 3, RFC 4231 4.7: a key longer than a block is hashed first.
  const longKey = 'Test Using Larger Than Block-Size Key - Hash Key First';

  test('HMAC-MD5 and HMAC-SHA-1 with a key of 80 octets (RFC 2202, case 6)', () => {
    const key = new Uint8Array(80).fill(0xaa);
    expect(toHex(hmacMd5(key, ascii(longKey)))).toBe('6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd');
    expect(toHex(hmacSha1(key, ascii(longKey)))).toBe('aa4ae5e15272d00e95705637ce8a3b55ed402112');
  });

  test('HMAC-SHA-256 and HMAC-SHA-384 with a key of 131 octets (RFC 4231, case 6)', () => {
    const key = new Uint8Array(131).fill(0xaa);
    expect(toHex(hmacSha256(key, ascii(longKey)))).toBe(
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    );
    expect(toHex(hmacSha384(key, ascii(longKey)))).toBe(
      '4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952',
    );
  });

  test.each([
    ['md5', hmacMd5],
    ['sha1', hmacSha1],
    ['sha256', hmacSha256],
    ['sha384', hmacSha384],
    ['sha512', hmacSha512],
  ] as const)('HMAC with %s is the platform one for keys and parts of any length', (name, hmac) => {
    const parts = fc.array(fc.uint8Array({ maxLength: 700 }), { maxLength: 4 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), parts, (key, given) => {
        const platform = createHmac(name, key).update(Buffer.concat(given)).digest('hex');
        expect(toHex(hmac(key, ...given))).toBe(platform);
      }),
    );
  });
});

describe('RC4', () => {
  const key = hex('0102030405060708090a0b0c0d0e0f10');

  // RFC 6229 2, the 128-bit key.
  test.each([
    [0, '9ac7cc9a609d1ef7b2932899cde41b97'],
    [16, '5248c4959014126a6e8a84f11d1a9e1c'],
    [240, '065902e4b620f6cc36c8589f66432f2b'],
    [256, 'd39d566bc6bce3010768151549f3873f'],
  ])('the key stream at offset %i (RFC 6229)', (offset, wanted) => {
    const stream = rc4(key, new Uint8Array(offset + 16));
    expect(toHex(stream.subarray(offset))).toBe(wanted);
  });

  test('pieces of any length give the stream of the whole', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 256 }),
        fc.array(fc.nat(40), { maxLength: 10 }),
        (key, lengths) => {
          const stream = new Rc4(key);
          const pieces = lengths.map((length) => new Uint8Array(length));
          for (const piece of pieces) stream.transform(piece);
          const whole = Buffer.concat(pieces);
          expect(toHex(whole)).toBe(toHex(rc4(key, new Uint8Array(whole.length))));
        },
      ),
    );
  });

  test('a view is changed within its bounds and nowhere else', () => {
    const buffer = new Uint8Array(32);
    new Rc4(key).transform(buffer.subarray(8, 24));
    expect(toHex(buffer)).toBe(`${'00'.repeat(8)}9ac7cc9a609d1ef7b2932899cde41b97${'00'.repeat(8)}`);
  });

  test.each([0, 257])('a key of %i octets is refused', (length) => {
    expect(() => new Rc4(new Uint8Array(length))).toThrow(OctetsError);
  });

  test('a disposed stream encrypts nothing', () => {
    const stream = new Rc4(key);
    stream.dispose();
    const data = hex('616263');
    expect(() => stream.transform(data)).toThrow('disposed');
    expect(toHex(data)).toBe('616263');
  });
});

describe('DES', () => {
  test('is the platform DES, which only has it as triple DES with one key three times', () => {
    fc.assert(
      fc.property(uint8Array(8), uint8Array(8), (key, block) => {
        const cipher = createCipheriv('des-ede3-ecb', Buffer.concat([key, key, key]), null).setAutoPadding(false);
        expect(toHex(desEcbEncrypt(key, block))).toBe(cipher.update(block).toString('hex'));
      }),
    );
  });

  test('an expanded key keeps its 56 bits and has odd parity in every octet', () => {
    fc.assert(
      fc.property(uint8Array(7), (key) => {
        const binary = (of: Uint8Array): string[] => Array.from(of, (octet) => octet.toString(2).padStart(8, '0'));
        const expanded = binary(expandDesKey56(key));
        expect(expanded.map((bits) => bits.slice(0, 7)).join('')).toBe(binary(key).join(''));
        expect(expanded.map((bits) => bits.replaceAll('0', '').length % 2)).toEqual(Array(8).fill(1));
      }),
    );
  });

  test.each([0, 7, 9])('a key or block of %i octets is refused', (length) => {
    const given = new Uint8Array(length);
    expect(() => desEcbEncrypt(given, new Uint8Array(8))).toThrow(OctetsError);
    expect(() => desEcbEncrypt(new Uint8Array(8), given)).toThrow(OctetsError);
  });

  test.each([0, 6, 8])('a key of %i octets cannot be expanded', (length) => {
    expect(() => expandDesKey56(new Uint8Array(length))).toThrow(OctetsError);
  });
});

describe('AES-CTS', () => {
  const key = ascii('chicken teriyaki');
  const iv = new Uint8Array(16);
  const soup = "I would like the General Gau's Chicken, please, and wonton soup.";

  // RFC 3962 B, "Some test vectors for CBC with ciphertext stealing".
  test.each([
    [17, 'c6353568f2bf8cb4d8a580362da7ff7f97'],
    [31, 'fc00783e0efdb2c1d445d4c8eff7ed2297687268d6ecccc0c07b25e25ecfe5'],
    [32, '39312523a78662d5be7fcbcc98ebf5a897687268d6ecccc0c07b25e25ecfe584'],
    [47, '97687268d6ecccc0c07b25e25ecfe584b3fffd940c16a18c1b5549d2f838029e39312523a78662d5be7fcbcc98ebf5'],
    [48, '97687268d6ecccc0c07b25e25ecfe5849dad8bbb96c4cdc03bc103e1a194bbd839312523a78662d5be7fcbcc98ebf5a8'],
    [
      64,
      '97687268d6ecccc0c07b25e25ecfe58439312523a78662d5be7fcbcc98ebf5a8' +
        '4807efe836ee89a526730dbc2f7bc8409dad8bbb96c4cdc03bc103e1a194bbd8',
    ],
  ])('V6: %i octets of the meal of RFC 3962 B', (length, wanted) => {
    const input = ascii(soup).subarray(0, length);
    expect(toHex(aesCtsEncrypt(key, iv, input))).toBe(wanted);
    expect(toHex(aesCtsDecrypt(key, iv, hex(wanted)))).toBe(toHex(input));
  });

  test('V6: a single block is plain CBC', () => {
    const block = ascii(soup).subarray(0, 16);
    const plainCbc = createCipheriv('aes-128-cbc', key, iv).setAutoPadding(false).update(block);
    expect(toHex(aesCtsEncrypt(key, iv, block))).toBe(plainCbc.toString('hex'));
    expect(toHex(aesCtsDecrypt(key, iv, plainCbc))).toBe(toHex(block));
  });

  test('decrypts what it encrypts, keeps the length, changes no argument', () => {
    const keys = fc.constantFrom(16, 24, 32).chain(uint8Array);
    fc.assert(
      fc.property(keys, uint8Array(16), fc.uint8Array({ minLength: 16, maxLength: 300 }), (key, iv, data) => {
        const before = toHex(data);
        const encrypted = aesCtsEncrypt(key, iv, data);
        expect(encrypted.length).toBe(data.length);
        expect(toHex(aesCtsDecrypt(key, iv, encrypted))).toBe(before);
        expect(toHex(data)).toBe(before);
      }),
    );
  });

  test.each([0, 1, 15])('%i octets are too few to steal from', (length) => {
    expect(() => aesCtsEncrypt(key, iv, new Uint8Array(length))).toThrow(OctetsError);
    expect(() => aesCtsDecrypt(key, iv, new Uint8Array(length))).toThrow(OctetsError);
  });

  test.each([0, 15, 17, 31, 33])('a key of %i octets is refused', (length) => {
    expect(() => aesCtsEncrypt(new Uint8Array(length), iv, new Uint8Array(16))).toThrow(OctetsError);
    expect(() => aesCtsDecrypt(new Uint8Array(length), iv, new Uint8Array(16))).toThrow(OctetsError);
  });
});

describe('MD4', () => {
  test('over any number of parts is MD4 over the whole', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 5 }), (parts) => {
        expect(toHex(md4(...parts))).toBe(toHex(md4(Buffer.concat(parts))));
      }),
    );
  });

  test('leaves nothing behind for the next call', () => {
    const before = toHex(md4(ascii('abc')));
    md4(new Uint8Array(63).fill(0xff));
    expect(toHex(md4(ascii('abc')))).toBe(before);
    expect(before).toBe('a448017aaf21d8525fc10ae87aa6729d'); // RFC 1320 A.5
  });
});

test('CRC-32 is that of ZIP for any octets', () => {
  // The CRC-32 of a message followed by its own CRC-32, lowest octet first, is the same for every message: the residue.
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
      const trailer = new DataView(new ArrayBuffer(4));
      trailer.setUint32(0, crc32(data), true);
      expect(crc32(Buffer.concat([data, new Uint8Array(trailer.buffer)]))).toBe(0x2144df1c);
    }),
  );
});
