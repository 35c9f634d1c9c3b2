import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  concat,
  decodeUtf16,
  encodeUtf16,
  equalInConstantTime,
  fromHex,
  OctetsError,
  toHex,
} from '../../src/crypto/index.ts';

describe('concat', () => {
  test('joins in order into a new array', () => {
    const part = Uint8Array.of(1, 2);
    const whole = concat(part, new Uint8Array(0), Uint8Array.of(3));
    expect(whole).toEqual(Uint8Array.of(1, 2, 3));
    part.fill(9);
    expect(whole[0]).toBe(1);
    expect(concat()).toEqual(new Uint8Array(0));
  });
});

describe('hexadecimal', () => {
  test('is what Buffer makes of it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
        const hex = Buffer.from(octets).toString('hex');
        expect(toHex(octets)).toBe(hex);
        expect(fromHex(hex)).toEqual(octets);
        expect(fromHex(hex.toUpperCase())).toEqual(octets);
      }),
    );
  });

  test.each(['0', '0g', ' 00', '0x00', '00 00', '0\u0660', 'zz', '@`', '/:'])('%j is refused', (text) => {
    expect(() => fromHex(text)).toThrow(OctetsError);
  });

  test('the refused text is not repeated: it may be a key', () => {
    expect(() => fromHex('0123456789abcdeq')).toThrow(/^not a hexadecimal digit at position 15$/);
  });
});

describe('UTF-16LE', () => {
  test('X7: "Password" as [MS-NLMP] 4.2.2.1 has it, no mark, no terminator', () => {
    expect(toHex(encodeUtf16('Password'))).toBe('500061007300730077006f0072006400');
    expect(encodeUtf16('').length).toBe(0);
  });

  test('any code units survive, also those that are no Unicode', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }).filter((octets) => octets.length % 2 === 0),
        (octets) => {
          expect(encodeUtf16(decodeUtf16(octets))).toEqual(octets);
        },
      ),
    );
  });

  test('long text is taken in pieces', () => {
    const text = 'äö€𝄞'.repeat(5000);
    expect(toHex(encodeUtf16(text))).toBe(Buffer.from(text, 'utf16le').toString('hex'));
    expect(decodeUtf16(encodeUtf16(text))).toBe(text);
  });

  test('an odd number of octets is refused', () => {
    expect(() => decodeUtf16(new Uint8Array(3))).toThrow(OctetsError);
  });
});

describe('equalInConstantTime', () => {
  test('tells equal from different, wherever the difference is', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (a, at, by) => {
          expect(equalInConstantTime(a, Uint8Array.from(a))).toBe(true);
          const b = Uint8Array.from(a);
          const index = at % a.length;
          b[index] = (b[index] ?? 0) ^ by;
          expect(equalInConstantTime(a, b)).toBe(false);
        },
      ),
    );
  });

  test('arrays of different lengths differ, a prefix too', () => {
    expect(equalInConstantTime(new Uint8Array(16), new Uint8Array(15))).toBe(false);
    expect(equalInConstantTime(new Uint8Array(0), new Uint8Array(1))).toBe(false);
    expect(equalInConstantTime(new Uint8Array(0), new Uint8Array(0))).toBe(true);
  });
});
