import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  anyValue,
  bigInteger,
  bitString,
  boolean,
  DerError,
  decode,
  encode,
  enumerated,
  generalizedTime,
  generalString,
  ia5String,
  int32,
  integer,
  integerBetween,
  nullValue,
  objectIdentifier,
  octetString,
  type Schema,
  sequenceOf,
  uint32,
  utf8String,
} from '../../src/der/index.ts';
import { hex, number, octets, text, toHex, vectorCases } from '../support/vectors.ts';

/** One to four octets each in UTF-8, NUL and the byte order mark among them. */
const anyText = fc.string({
  unit: fc.constantFrom('\0', 'a', '\x7f', '\x80', 'é', '€', '\ufeff', '\uffff', '𝄞'),
  maxLength: 20,
});

describe('known answers of der.json', () => {
  test.each(vectorCases('der', 'INTEGER'))('INTEGER $value is $hex', (one) => {
    const value = number(one, 'value');
    expect(toHex(encode(integer, value))).toBe(text(one, 'hex'));
    expect(decode(integer, octets(one, 'hex'))).toBe(value);
    expect(toHex(encode(bigInteger, BigInt(value)))).toBe(text(one, 'hex'));
    expect(decode(bigInteger, octets(one, 'hex'))).toBe(BigInt(value));
  });

  test.each(vectorCases('der', 'OID'))('OBJECT IDENTIFIER $value is $hex', (one) => {
    expect(toHex(encode(objectIdentifier, text(one, 'value')))).toBe(text(one, 'hex'));
    expect(decode(objectIdentifier, octets(one, 'hex'))).toBe(text(one, 'value'));
  });

  test.each(vectorCases('der', 'OCTET STRING header'))(
    'the header of an OCTET STRING of $length octets is $hex',
    (one) => {
      const contents = new Uint8Array(number(one, 'length')).fill(0x5a);
      const encoded = encode(octetString, contents);
      expect(toHex(encoded)).toBe(text(one, 'hex') + toHex(contents));
      expect(toHex(decode(octetString, encoded))).toBe(toHex(contents));
    },
  );

  test.each(vectorCases('der', 'BIT STRING'))('BIT STRING $hex is $value with $unused bits unused', (one) => {
    const value = { unused: number(one, 'unused'), octets: octets(one, 'value') };
    expect(decode(bitString, octets(one, 'hex'))).toEqual(value);
    expect(decode(bitString, encode(bitString, value))).toEqual(value);
  });

  test.each(vectorCases('der', 'ENUMERATED'))('ENUMERATED $value is $hex', (one) => {
    expect(toHex(encode(enumerated, number(one, 'value')))).toBe(text(one, 'hex'));
    expect(decode(enumerated, octets(one, 'hex'))).toBe(number(one, 'value'));
  });

  test.each(vectorCases('der', 'GeneralString utf-8'))('GeneralString $value is $hex', (one) => {
    expect(toHex(encode(generalString, text(one, 'value')))).toBe(text(one, 'hex'));
    expect(decode(generalString, octets(one, 'hex'))).toBe(text(one, 'value'));
  });

  const types: readonly Schema<unknown>[] = [
    integer,
    bigInteger,
    octetString,
    objectIdentifier,
    anyValue,
    sequenceOf(anyValue),
  ];
  test.each(vectorCases('der', 'INVALID').filter((one) => one['name'] !== 'empty INTEGER'))(
    'Z6, Z35, Z42: $name is refused by every type',
    (one) => {
      for (const type of types) expect(() => decode(type, octets(one, 'hex'))).toThrow(DerError);
    },
  );
  test('Z6: an empty INTEGER is refused', () => {
    expect(() => decode(integer, hex('0200'))).toThrow('INTEGER without octets');
    expect(() => decode(bigInteger, hex('0200'))).toThrow('INTEGER without octets');
  });
});

/** Hexadecimal octets that a type refuses, and a part of what it says. */
function refuses(type: Schema<unknown>, cases: readonly (readonly [string, string])[]): void {
  test.each(cases)('%s is refused: %s', (input, message) => {
    expect(() => decode(type, hex(input))).toThrow(DerError);
    expect(() => decode(type, hex(input))).toThrow(message);
  });
}

describe('INTEGER', () => {
  refuses(integer, [
    ['0202007f', 'not minimal'],
    ['0202ff80', 'not minimal'],
    ['02080123456789abcdef', '8 octets'],
    ['0209010000000000000000', '9 octets'],
    ['020720000000000000', 'out of range'], // 2^53
    ['0207e0000000000000', 'out of range'], // -2^53
    ['220302017f', 'INTEGER expected'], // constructed
    ['0a0101', 'INTEGER expected'],
  ]);

  test('Z6: nine octets are a bigint, or refused as a number', () => {
    expect(decode(bigInteger, hex('0209010000000000000000'))).toBe(18446744073709551616n);
  });

  test.each([
    ['int32', int32, -2147483648, 2147483647],
    ['uint32', uint32, 0, 4294967295],
    ['microseconds', integerBetween(0, 999_999), 0, 999_999],
  ] as const)('%s holds its bounds and nothing outside them', (_, type, least, most) => {
    for (const value of [least, most]) expect(decode(type, encode(integer, value))).toBe(value);
    for (const value of [least - 1, most + 1]) {
      expect(() => encode(type, value)).toThrow(DerError);
      expect(() => decode(type, encode(integer, value))).toThrow('out of range');
    }
  });

  test.each([Number.NaN, 0.5, Number.POSITIVE_INFINITY, 2 ** 53])('%d cannot be encoded', (value) => {
    expect(() => encode(integer, value)).toThrow(DerError);
  });

  test('every safe integer comes back, and number and bigint agree', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        const encoded = encode(integer, value);
        expect(decode(integer, encoded)).toBe(value);
        expect(toHex(encode(bigInteger, BigInt(value)))).toBe(toHex(encoded));
      }),
    );
  });

  test('every bigint comes back', () => {
    fc.assert(
      fc.property(fc.bigInt(), (value) => {
        expect(decode(bigInteger, encode(bigInteger, value))).toBe(value);
      }),
    );
  });
});

describe('BOOLEAN and NULL', () => {
  test('FF and 00', () => {
    expect(toHex(encode(boolean, true))).toBe('0101ff');
    expect(toHex(encode(boolean, false))).toBe('010100');
    expect(decode(boolean, hex('0101ff'))).toBe(true);
    expect(decode(boolean, hex('010100'))).toBe(false);
    expect(toHex(encode(nullValue, null))).toBe('0500');
    expect(decode(nullValue, hex('0500'))).toBe(null);
  });
  refuses(boolean, [
    ['010101', 'neither 00 nor FF'],
    ['0100', 'neither'],
    ['0102ffff', 'neither'],
  ]);
  refuses(nullValue, [['050100', 'NULL with contents']]);
});

describe('OCTET STRING', () => {
  test('is a view of the input', () => {
    const input = hex('0402abcd');
    const value = decode(octetString, input);
    input[2] = 0;
    expect(toHex(value)).toBe('00cd');
  });
  refuses(octetString, [
    ['24040402abcd', 'OCTET STRING expected'], // constructed: BER only
    ['0402abcdef', 'octets behind'],
    ['0402ab', 'longer than what is left'],
    ['0480ab0000', 'indefinite length'],
    ['04810a', 'not minimal'],
    ['0482000a', 'not minimal'],
    ['0489010000000000000000', 'length in 9 octets'],
    ['0488ffffffffffffffff', 'longer than what is left'],
    ['04ff', 'length in 127 octets'],
    ['04', 'within a length'],
    ['0482', 'within a length'],
    ['', 'at an end'],
  ]);
});

describe('BIT STRING', () => {
  test('bits that do not count are written as zeros (X.690 11.2.1)', () => {
    expect(toHex(encode(bitString, { unused: 4, octets: hex('abcd') }))).toBe('030304abc0');
  });
  test('what is encoded stays as it was', () => {
    const given = hex('abcd');
    encode(bitString, { unused: 4, octets: given });
    expect(toHex(given)).toBe('abcd');
  });
  test('the empty one', () => {
    expect(toHex(encode(bitString, { unused: 0, octets: new Uint8Array(0) }))).toBe('030100');
    expect(decode(bitString, hex('030100'))).toEqual({ unused: 0, octets: new Uint8Array(0) });
  });
  refuses(bitString, [
    ['0300', 'without octets'],
    ['030101', 'too many unused bits'],
    ['03020880', 'too many unused bits'],
  ]);
  test.each([
    [1, ''],
    [8, 'ff'],
    [-1, 'ff'],
    [0.5, 'ff'],
  ])('%d unused bits of "%s" cannot be encoded', (unused, value) => {
    expect(() => encode(bitString, { unused, octets: hex(value) })).toThrow(DerError);
  });
});

describe('OBJECT IDENTIFIER', () => {
  test.each([
    ['0.0', '060100'],
    ['0.39', '060127'],
    ['1.0', '060128'],
    ['1.39', '06014f'],
    ['2.0', '060150'],
    ['2.47', '06017f'],
    ['2.48', '06028100'],
    // ITU-T X.667: a UUID as an arc, f81d4fae-7dec-11d0-a765-00a0c91e6bf6.
    ['2.25.329800735698586629295641978511506172918', '06146983f09da7ebcfdee0c7a1a7b2c0948cc8f9d776'],
  ])('%s is %s', (dotted, wanted) => {
    expect(toHex(encode(objectIdentifier, dotted))).toBe(wanted);
    expect(decode(objectIdentifier, hex(wanted))).toBe(dotted);
  });
  refuses(objectIdentifier, [
    ['0600', 'without octets'],
    ['06022a80', 'not minimal'],
    ['06032a8001', 'not minimal'],
    ['0602802a', 'not minimal'],
    ['06022a86', 'ends within a number'],
    [`068181${'01'.repeat(129)}`, 'too long'],
  ]);
  test.each(['', '1', '3.1', '1.40', '0.40', '1.2.', '.1.2', '1..2', '1.02', '1.-2', '1.2a', `1.2${'.1'.repeat(200)}`])(
    '%j cannot be encoded',
    (dotted) => {
      expect(() => encode(objectIdentifier, dotted)).toThrow(DerError);
    },
  );
  test('arcs of any size come back', () => {
    const arcs = fc.array(fc.bigInt({ min: 0n, max: 2n ** 128n }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(arcs, (rest) => {
        const dotted = `2.${rest.join('.')}`;
        expect(decode(objectIdentifier, encode(objectIdentifier, dotted))).toBe(dotted);
      }),
    );
  });
});

describe('character strings', () => {
  test.each([
    ['utf8String', utf8String, '0c'],
    ['generalString', generalString, '1b'],
  ] as const)('%s takes any text and nothing that is no UTF-8', (_, type, tag) => {
    fc.assert(
      fc.property(anyText, (value) => {
        const encoded = encode(type, value);
        expect(Buffer.from(encoded.subarray(2)).toString('utf8')).toBe(value);
        expect(decode(type, encoded)).toBe(value);
      }),
    );
    // Overlong, a surrogate, beyond U+10FFFF, cut off, a stray continuation.
    for (const bad of ['c080', 'eda080', 'f4908080', 'e282', '80'])
      expect(() => decode(type, hex(`${tag}0${bad.length / 2}${bad}`))).toThrow('not UTF-8');
    expect(() => encode(type, 'half \ud800')).toThrow(DerError);
    expect(() => encode(type, 'half \udc00\ud800')).toThrow(DerError);
  });

  test('a byte order mark is a character like others', () => {
    expect(decode(utf8String, hex('0c03efbbbf'))).toBe('\ufeff');
  });

  test('IA5String is ASCII', () => {
    expect(decode(ia5String, encode(ia5String, 'a@b.example'))).toBe('a@b.example');
    expect(toHex(encode(ia5String, 'ab'))).toBe('16026162');
    expect(() => encode(ia5String, 'é')).toThrow(DerError);
    expect(() => decode(ia5String, hex('1602c3a9'))).toThrow('above 7F');
  });
});

describe('GeneralizedTime', () => {
  const of = (value: string): Uint8Array => Uint8Array.from([0x18, value.length, ...Buffer.from(value, 'latin1')]);

  test('is milliseconds since 1970, as the sample time of RFC 4120 implementations', () => {
    expect(decode(generalizedTime, of('19940610060317Z'))).toBe(Date.UTC(1994, 5, 10, 6, 3, 17));
    expect(toHex(encode(generalizedTime, Date.UTC(1994, 5, 10, 6, 3, 17)))).toBe(toHex(of('19940610060317Z')));
    expect(decode(generalizedTime, of('19700101000000Z'))).toBe(0);
    expect(decode(generalizedTime, of('20370913024805Z'))).toBe(2_136_422_885_000);
  });

  test('the fraction of a second is cut off', () => {
    expect(toHex(encode(generalizedTime, 999))).toBe(toHex(of('19700101000000Z')));
  });

  test.each(['00010101000000Z', '99991231235959Z', '20240229120000Z'])('%s comes back', (value) => {
    expect(toHex(encode(generalizedTime, decode(generalizedTime, of(value))))).toBe(toHex(of(value)));
  });

  test.each([
    '19940610060317',
    '199406100603Z',
    '19940610060317.5Z',
    '19940610060317+0100',
    '19940610060317z',
    '1994061006031 Z',
    '19941310060317Z',
    '19940010060317Z',
    '19940231060317Z',
    '20230229060317Z',
    '19940610240000Z',
    '19940610066017Z',
    '19940610060360Z',
    '',
  ])('%j is refused', (value) => {
    expect(() => decode(generalizedTime, of(value))).toThrow(DerError);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e15, -1e15])('%d ms cannot be encoded', (value) => {
    expect(() => encode(generalizedTime, value)).toThrow(DerError);
  });
});
