import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DerError, encode, frameDer, octetString } from '../../src/der/index.ts';
import { hex } from '../support/vectors.ts';

const maxLength = 65_536;

describe('frameDer', () => {
  test.each([0, 1, 127, 128, 255, 256, 65_000])(
    'X4, F6: a value of %i octets is whole at its end and not before',
    (length) => {
      const value = encode(octetString, new Uint8Array(length));
      expect(frameDer(value, { maxLength })).toEqual({ whole: value.length });
      const more = Uint8Array.from([...value, 0x30, 0xff]);
      expect(frameDer(more, { maxLength })).toEqual({ whole: value.length });
      for (const cut of [0, 1, 2, 3, 4, value.length - 1]) {
        if (cut >= value.length) continue;
        const frame = frameDer(value.subarray(0, cut), { maxLength });
        expect(frame).toHaveProperty('missing');
      }
    },
  );

  test.each([
    ['', 2],
    ['30', 1],
    ['3003', 3],
    ['300302', 2],
    ['3082', 2],
    ['308201', 1],
    ['30820100', 256],
  ])('"%s" lacks at least %i octets', (input, missing) => {
    expect(frameDer(hex(input), { maxLength })).toEqual({ missing });
  });

  test('feeding what is missing always comes to an end', () => {
    fc.assert(
      fc.property(fc.nat(700), (length) => {
        const value = encode(octetString, new Uint8Array(length));
        let have = 0;
        for (let turn = 0; turn < 5; turn++) {
          const frame = frameDer(value.subarray(0, have), { maxLength });
          if ('whole' in frame) return frame.whole === value.length;
          if (frame.missing < 1 || have + frame.missing > value.length) return false;
          have += frame.missing;
        }
        return false;
      }),
    );
  });

  test.each([
    ['an indefinite length', '3080', 'indefinite'],
    ['a length that is not minimal', '308105', 'not minimal'],
    ['a length that starts with zero', '308200', 'not minimal'],
    ['a length in nine octets', '3089', '9 octets'],
    ['the reserved length FF', '30ff', '127 octets'],
    ['a tag number above 30', '3f', 'above 30'],
    ['an end of contents', '0000', 'tag 0'],
    ['Z6: 4 GiB', '3084ffffffff', 'the limit is 65536'],
    ['a length beyond all numbers', '3088ffffffffffffffff', 'the limit is 65536'],
  ])('Z42: %s is hopeless at once', (_, input, message) => {
    expect(() => frameDer(hex(input), { maxLength })).toThrow(DerError);
    expect(() => frameDer(hex(input), { maxLength })).toThrow(message);
  });

  test('the limit counts the header', () => {
    expect(frameDer(hex('0403aabbcc'), { maxLength: 5 })).toEqual({ whole: 5 });
    expect(frameDer(hex('0403'), { maxLength: 5 })).toEqual({ missing: 3 });
    expect(() => frameDer(hex('0404'), { maxLength: 5 })).toThrow(DerError);
  });

  test('an input above the limit is told from a malformed one', () => {
    expect(() => frameDer(hex('0404'), { maxLength: 5 })).toThrow(expect.objectContaining({ kind: 'limit' }));
    expect(() => frameDer(hex('0480'), { maxLength: 5 })).toThrow(expect.objectContaining({ kind: 'malformed' }));
  });

  test('X9: lengths in more octets than needed, on request', () => {
    expect(frameDer(hex('308403'), { maxLength, lengths: 'ber-long' })).toEqual({ missing: 3 });
    expect(frameDer(hex('308400000003'), { maxLength, lengths: 'ber-long' })).toEqual({ missing: 3 });
    expect(frameDer(hex('308400000001aa'), { maxLength, lengths: 'ber-long' })).toEqual({ whole: 7 });
    expect(() => frameDer(hex('3080'), { maxLength, lengths: 'ber-long' })).toThrow('indefinite');
  });
});
