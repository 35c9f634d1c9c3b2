import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  anyValue,
  application,
  bitString,
  boolean,
  choice,
  DerError,
  decode,
  encode,
  enumerated,
  explicit,
  field,
  frameDer,
  generalizedTime,
  generalString,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  optional,
  sequence,
  sequenceOf,
  type TypeOf,
  utf8String,
} from '../../src/der/index.ts';
import { hex, toHex } from '../support/vectors.ts';

/** One to four octets each in UTF-8, NUL and the byte order mark among them. */
const anyText = fc.string({
  unit: fc.constantFrom('\0', 'a', '\x7f', '\x80', 'é', '€', '\ufeff', '\uffff', '𝄞'),
  maxLength: 20,
});

/** Every type there is, in one message. */
const Everything = application(
  7,
  sequence({
    number: field(0, integer),
    octets: optional(1, octetString),
    bits: optional(2, bitString),
    identifiers: optional(3, sequenceOf(objectIdentifier)),
    name: optional(4, generalString),
    text: optional(5, utf8String),
    time: optional(6, generalizedTime),
    flag: optional(7, boolean),
    state: optional(8, enumerated),
    nothing: optional(9, nullValue),
    either: optional(10, choice({ number: integer, list: explicit(0, sequenceOf(octetString)) })),
    any: optional(11, anyValue),
  }),
);
type Everything = TypeOf<typeof Everything>;

const sample: Everything = {
  number: -129,
  octets: hex('0102030405'),
  bits: { unused: 0, octets: hex('ff80') }, // seven zeros at the end: how many of them count makes no difference
  identifiers: ['1.3.6.1.5.5.2', '2.25.329800735698586629295641978511506172918'],
  name: 'Zürich',
  text: '𝄞',
  time: Date.UTC(2026, 0, 2, 3, 4, 5),
  flag: true,
  state: 3,
  nothing: null,
  either: { kind: 'list', value: [hex('aa'), hex('')] },
  any: hex('30060201010401aa'),
};
const encoded = encode(Everything, sample);

/** Decodes; anything but a value or a DerError is a fault of ours. */
function decodeOrRefuse(octets: Uint8Array): Everything | DerError {
  try {
    return decode(Everything, octets);
  } catch (error) {
    if (error instanceof DerError) return error;
    throw error;
  }
}

describe('hostile octets', () => {
  test('the sample itself comes back', () => {
    expect(decode(Everything, encoded)).toEqual(sample);
  });

  test('Z6: every cut is refused with a DerError', () => {
    for (let cut = 0; cut < encoded.length; cut++)
      expect(decodeOrRefuse(encoded.subarray(0, cut)), `cut at ${cut}`).toBeInstanceOf(DerError);
  });

  test('Z42: every octet behind is refused', () => {
    for (let octet = 0; octet < 256; octet++)
      expect(decodeOrRefuse(Uint8Array.from([...encoded, octet]))).toBeInstanceOf(DerError);
  });

  test('Z6: every octet changed to any other is refused, or is the DER of another value', () => {
    for (let at = 0; at < encoded.length; at++) {
      for (let octet = 0; octet < 256; octet++) {
        const changed = Uint8Array.from(encoded);
        changed[at] = octet;
        const result = decodeOrRefuse(changed);
        if (result instanceof DerError) continue;
        // A value has one encoding: what was accepted is what we would have written.
        expect(toHex(encode(Everything, result)), `octet ${at} as ${octet}`).toBe(toHex(changed));
      }
    }
  });

  test('Z6: octets from nowhere are refused with a DerError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        expect(decodeOrRefuse(octets)).toBeInstanceOf(DerError);
        expect(decodeOrRefuse(Uint8Array.from([0x67, octets.length, ...octets]))).toBeInstanceOf(DerError);
      }),
    );
  });

  test('anything that is framed and is a value comes back octet for octet', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 60 }), (octets) => {
        let value: Uint8Array;
        try {
          const frame = frameDer(octets, { maxLength: 100 });
          if (!('whole' in frame)) return;
          value = decode(anyValue, octets.subarray(0, frame.whole));
        } catch (error) {
          expect(error).toBeInstanceOf(DerError);
          return;
        }
        expect(toHex(encode(anyValue, value))).toBe(toHex(value));
      }),
    );
  });

  test('an error shows none of the octets', () => {
    const secret = sequence({ password: field(0, generalString) });
    const octets = hex('300ca00a1b08736563726574ff21');
    expect(() => decode(secret, octets)).toThrow(/^password: GeneralString is not UTF-8 \(octet 14\)$/);
  });
});

test('values made of every type come back', () => {
  const arbitrary: fc.Arbitrary<Everything> = fc.record(
    {
      number: fc.maxSafeInteger(),
      octets: fc.uint8Array({ maxLength: 300 }),
      bits: fc.uint8Array({ maxLength: 9 }).map((octets) => ({ unused: 0, octets })),
      identifiers: fc.array(fc.constantFrom('1.2', '2.999.3', '1.3.6.1.4.1.311.2.2.10'), { maxLength: 4 }),
      name: anyText,
      text: anyText,
      time: fc.integer({ min: -62_135_596_800, max: 253_402_300_799 }).map((seconds) => seconds * 1000),
      flag: fc.boolean(),
      state: fc.integer(),
      nothing: fc.constant(null),
      either: fc.oneof(
        fc.maxSafeInteger().map((value) => ({ kind: 'number' as const, value })),
        fc
          .array(fc.uint8Array({ maxLength: 150 }), { maxLength: 3 })
          .map((value) => ({ kind: 'list' as const, value })),
      ),
      any: fc.constantFrom(hex('0500'), hex('30060201010401aa')),
    },
    { requiredKeys: ['number'] },
  );
  fc.assert(
    fc.property(arbitrary, (value) => {
      expect(decode(Everything, encode(Everything, value))).toEqual(value);
    }),
  );
});
