/** asn1-ts, an implementation that is none of ours, reads what we write and writes what we read. */
import { ASN1Construction, ASN1TagClass, ASN1UniversalType, DERElement, ObjectIdentifier } from 'asn1-ts';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bigInteger,
  bitString,
  boolean,
  decode,
  encode,
  enumerated,
  field,
  generalizedTime,
  integer,
  objectIdentifier,
  octetString,
  optional,
  type Schema,
  sequence,
  sequenceOf,
  utf8String,
} from '../../src/der/index.ts';
import { toHex } from '../support/vectors.ts';

/** One to four octets each in UTF-8, NUL and the byte order mark among them. */
const anyText = fc.string({
  unit: fc.constantFrom('\0', 'a', '\x7f', '\x80', 'é', '€', '\ufeff', '\uffff', '𝄞'),
  maxLength: 20,
});

function read(octets: Uint8Array): DERElement {
  const element = new DERElement();
  expect(element.fromBytes(octets)).toBe(octets.length);
  return element;
}

function universal(type: number, fill: (element: DERElement) => void): DERElement {
  const element = new DERElement(ASN1TagClass.universal, ASN1Construction.primitive, type);
  fill(element);
  return element;
}

/** Ours decodes theirs, and encodes to the same octets. */
function agree<T>(schema: Schema<T>, value: T, theirs: DERElement): void {
  const octets = Uint8Array.from(theirs.toBytes());
  expect(toHex(encode(schema, value))).toBe(toHex(octets));
  const decoded = decode(schema, octets);
  // Large arrays are slow to compare element by element.
  if (decoded instanceof Uint8Array && value instanceof Uint8Array) expect(toHex(decoded)).toBe(toHex(value));
  else expect(decoded).toEqual(value);
}

describe('asn1-ts and we agree on', () => {
  test('INTEGER and ENUMERATED', () => {
    // asn1-ts takes a quarter of a second for one large negative number: those come back by themselves in values.test.ts.
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 31n), max: 2n ** 200n }), (value) => {
        agree(
          bigInteger,
          value,
          universal(ASN1UniversalType.integer, (element) => {
            element.integer = value;
          }),
        );
      }),
    );
    fc.assert(
      fc.property(fc.integer(), (value) => {
        agree(
          integer,
          value,
          universal(ASN1UniversalType.integer, (element) => {
            element.integer = value;
          }),
        );
        agree(
          enumerated,
          value,
          universal(ASN1UniversalType.enumerated, (element) => {
            element.enumerated = value;
          }),
        );
      }),
    );
  });

  test('BOOLEAN', () => {
    for (const value of [true, false]) {
      agree(
        boolean,
        value,
        universal(ASN1UniversalType.boolean, (element) => {
          element.boolean = value;
        }),
      );
    }
  });

  test('OCTET STRING, with lengths of one to three octets', () => {
    // Not 127, which asn1-ts writes as 81 7F, nor 65536, which it writes as 82 00 00: der.json has both right.
    for (const length of [0, 1, 126, 128, 255, 256, 65_535]) {
      const value = new Uint8Array(length).fill(length & 0xff);
      agree(
        octetString,
        value,
        universal(ASN1UniversalType.octetString, (element) => {
          element.octetString = value;
        }),
      );
    }
  });

  test('BIT STRING', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(0, 1), { maxLength: 40 }), (bits) => {
        const theirs = universal(ASN1UniversalType.bitString, (element) => {
          element.bitString = Uint8ClampedArray.from(bits);
        });
        const ours = decode(bitString, Uint8Array.from(theirs.toBytes()));
        const text = Array.from(ours.octets, (octet) => octet.toString(2).padStart(8, '0')).join('');
        expect(text.slice(0, text.length - ours.unused)).toBe(bits.join(''));
        agree(bitString, ours, theirs);
      }),
    );
  });

  test('OBJECT IDENTIFIER', () => {
    const arcs = fc.array(fc.nat(), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(arcs, (rest) => {
        const dotted = `1.3.${rest.join('.')}`;
        agree(
          objectIdentifier,
          dotted,
          universal(ASN1UniversalType.objectIdentifier, (element) => {
            element.objectIdentifier = ObjectIdentifier.fromString(dotted);
          }),
        );
      }),
    );
  });

  test('UTF8String', () => {
    fc.assert(
      fc.property(anyText, (value) => {
        agree(
          utf8String,
          value,
          universal(ASN1UniversalType.utf8String, (element) => {
            element.utf8String = value;
          }),
        );
      }),
    );
  });

  test('GeneralizedTime', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_102_444_800 }), (seconds) => {
        agree(
          generalizedTime,
          seconds * 1000,
          universal(ASN1UniversalType.generalizedTime, (element) => {
            element.generalizedTime = new Date(seconds * 1000);
          }),
        );
      }),
    );
  });

  test('X9: a TSRequest with every field, as [MS-CSSP] 2.2.1 has it', () => {
    const TSRequest = sequence({
      version: field(0, integer),
      negoTokens: optional(1, sequenceOf(sequence({ negoToken: field(0, octetString) }))),
      pubKeyAuth: optional(3, octetString),
      errorCode: optional(4, integer),
    });
    const tokens = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 3 });
    fc.assert(
      fc.property(
        fc.nat(10),
        tokens,
        fc.uint8Array({ maxLength: 50 }),
        fc.integer(),
        (version, given, proof, errorCode) => {
          const negoTokens = given.map((negoToken) => ({ negoToken }));
          const octets = encode(TSRequest, { version, negoTokens, pubKeyAuth: proof, errorCode });
          const [theirVersion, theirTokens, theirProof, theirError, ...rest] = read(octets).sequence;
          expect(theirVersion?.inner.integer).toBe(version);
          const inner = theirTokens?.inner.sequence.map(
            (element) => element.sequence[0]?.inner.octetString ?? new Uint8Array(1),
          );
          expect(inner?.map(toHex)).toEqual(given.map(toHex));
          expect(toHex(Uint8Array.from(theirProof?.inner.octetString ?? []))).toBe(toHex(proof));
          expect(Number(theirError?.inner.integer)).toBe(errorCode); // asn1-ts gives some as bigint
          expect([theirVersion, theirTokens, theirProof, theirError].map((element) => element?.tagNumber)).toEqual([
            0, 1, 3, 4,
          ]);
          expect(rest).toEqual([]);
        },
      ),
    );
  });
});
