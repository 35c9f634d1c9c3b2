/** The edges of NTLM's messages: where a field may lie, what may be missing, what fits. */
import { describe, expect, test } from 'vitest';
import { concat } from '../../src/crypto/index.ts';
import {
  AV_FLAGS,
  AV_ID,
  type AvPair,
  decodeAuthenticate,
  decodeAvPairs,
  decodeClientChallenge,
  decodeNegotiate,
  decodeSingleHost,
  describeNtlm,
  encodeAuthenticate,
  encodeAvPairs,
  encodeClientChallenge,
  encodeNegotiate,
  messageName,
  NEGOTIATE,
} from '../../src/ntlm/index.ts';
import { decodeOem, encodeOem, upperCase } from '../../src/ntlm/text.ts';
import { hex, toHex } from '../support/vectors.ts';
import { thrown } from './support.ts';

describe('headers', () => {
  test.each([8, 9, 10, 11])('X23, N22: %i octets are too few to say which message it is', (length) => {
    const octets = hex('4e544c4d53535000 01000000').subarray(0, length);
    expect(messageName(octets)).toBeUndefined();
    expect(describeNtlm(octets)).toBe('NTLM message of unknown type');
    expect(thrown(() => decodeNegotiate(octets))).toMatchObject({ code: 'MALFORMED_TOKEN', stage: 'NTLM NEGOTIATE' });
  });

  test('N22: an error says at which message it happened', () => {
    const error = thrown(() => decodeAuthenticate(encodeNegotiate({ flags: 1 })));
    expect(error).toMatchObject({ code: 'MESSAGE_OUT_OF_ORDER', stage: 'NTLM AUTHENTICATE' });
  });
});

describe('NEGOTIATE', () => {
  test('N1: a version counts when the whole of it is there', () => {
    const whole = encodeNegotiate({
      flags: NEGOTIATE.OEM | NEGOTIATE.VERSION,
      version: { major: 6, minor: 1, build: 7601, revision: 15 },
    });
    expect(toHex(whole.subarray(32))).toBe('0601b11d0000000f');
    expect(decodeNegotiate(whole).version).toEqual({ major: 6, minor: 1, build: 7601, revision: 15 });
    for (const length of [32, 39]) expect(decodeNegotiate(whole.subarray(0, length)).version).toBeUndefined();
  });

  test('N1: without a version none is written', () => {
    expect(encodeNegotiate({ flags: NEGOTIATE.OEM })).toHaveLength(32);
  });

  test('N4: a field holds 65,535 octets and no more', () => {
    const flags = NEGOTIATE.OEM | NEGOTIATE.OEM_DOMAIN_SUPPLIED;
    const longest = 'd'.repeat(0xffff);
    expect(decodeNegotiate(encodeNegotiate({ flags, domain: longest })).domain).toBe(longest);
    expect(thrown(() => encodeNegotiate({ flags, domain: `${longest}d` })).code).toBe('INVALID_PARAMETER');
  });
});

describe('AV_PAIRs', () => {
  test('N7: a length has two octets, the low one first', () => {
    const value = new Uint8Array(0x0102).fill(0x61);
    const list = encodeAvPairs([{ id: AV_ID.TARGET_NAME, value }]);
    expect(toHex(list.subarray(0, 4))).toBe('09000201');
    expect(decodeAvPairs(list, 'test')).toEqual([{ id: AV_ID.TARGET_NAME, value }]);
  });

  test('N7: a value holds 65,535 octets and no more', () => {
    const pair = (length: number): AvPair => ({ id: 0x7fff, value: new Uint8Array(length) });
    expect(encodeAvPairs([pair(0xffff)])).toHaveLength(4 + 0xffff + 4);
    expect(thrown(() => encodeAvPairs([pair(0x10000)]))).toMatchObject({ code: 'INVALID_PARAMETER', stage: 'NTLM' });
  });
});

describe('NTLMv2_CLIENT_CHALLENGE', () => {
  const [timestamp, clientChallenge] = [new Uint8Array(8), new Uint8Array(8)];
  const octets = encodeClientChallenge({ timestamp, clientChallenge, avPairs: [] });

  test('N9: both versions have to be 1', () => {
    for (const at of [0, 1]) {
      const changed = octets.slice();
      changed[at] = 2;
      expect(thrown(() => decodeClientChallenge(changed)).message).toContain('version');
    }
  });

  test('N9: 28 octets come before the pairs', () => {
    const error = thrown(() => decodeClientChallenge(octets.subarray(0, 27)));
    expect(error).toMatchObject({ code: 'MALFORMED_TOKEN', stage: 'NTLMv2_CLIENT_CHALLENGE' });
    expect(error.message).toContain('27 octets');
    expect(decodeClientChallenge(octets.subarray(0, 32)).avPairs).toEqual([]);
  });
});

describe('AUTHENTICATE', () => {
  const announced: AvPair = { id: AV_ID.FLAGS, value: Uint8Array.of(AV_FLAGS.MIC, 0, 0, 0) };
  const proofOf = (pairs: readonly AvPair[]): Uint8Array =>
    concat(
      new Uint8Array(16),
      encodeClientChallenge({ timestamp: new Uint8Array(8), clientChallenge: new Uint8Array(8), avPairs: pairs }),
    );
  const fields = {
    flags: NEGOTIATE.UNICODE | NEGOTIATE.KEY_EXCH,
    user: 'u',
    domain: 'd',
    workstation: 'w',
    lmResponse: new Uint8Array(24),
    ntResponse: proofOf([]),
    encryptedRandomSessionKey: new Uint8Array(16).fill(0x5e),
    version: { major: 10, minor: 0, build: 17763, revision: 15 },
  };

  /** Ours begin their payload at 88; others leave out what lies between `from` and there. */
  function without(from: number, octets: Uint8Array): Uint8Array {
    const shorter = concat(octets.subarray(0, from), octets.subarray(88));
    const view = new DataView(shorter.buffer, shorter.byteOffset);
    for (let at = 16; at <= 56; at += 8) view.setUint32(at, view.getUint32(at, true) - (88 - from), true);
    return shorter;
  }

  test('N3: a version is read where VERSION is set and the payload leaves room for it', () => {
    const octets = encodeAuthenticate({ ...fields, flags: fields.flags | NEGOTIATE.VERSION });
    for (const whole of [octets, without(72, octets)])
      expect(decodeAuthenticate(whole).version).toEqual({ major: 10, minor: 0, build: 17763, revision: 15 });
    // What lies there belongs to a name then.
    expect(decodeAuthenticate(without(64, octets))).toMatchObject({ version: undefined, user: 'u', domain: 'd' });
    expect(decodeAuthenticate(without(71, octets)).version).toBeUndefined();
    expect(decodeAuthenticate(encodeAuthenticate(fields)).version).toBeUndefined();
  });

  test('N3, Z43: the MIC lies behind the version, or in its place where none was negotiated', () => {
    const message = { ...fields, ntResponse: proofOf([announced]) };
    const octets = encodeAuthenticate(message);
    octets.set(new Uint8Array(16).fill(0x3c), 72);
    expect(decodeAuthenticate(octets)).toMatchObject({ micAt: 72, mic: new Uint8Array(16).fill(0x3c) });
    const moved = without(80, octets); // 16 octets between 64 and the payload
    moved.set(new Uint8Array(16).fill(0x4d), 64);
    expect(decodeAuthenticate(moved)).toMatchObject({ micAt: 64, mic: new Uint8Array(16).fill(0x4d) });
  });

  test('Z12: a MIC that is announced and has no room was taken away', () => {
    const version = encodeAuthenticate({
      ...fields,
      ntResponse: proofOf([announced]),
      flags: fields.flags | NEGOTIATE.VERSION,
    });
    for (const from of [64, 72, 87])
      expect(thrown(() => decodeAuthenticate(without(from, version))).code).toBe('MALFORMED_TOKEN');
    const none = encodeAuthenticate({ ...fields, ntResponse: proofOf([announced]) });
    for (const from of [64, 72, 79])
      expect(thrown(() => decodeAuthenticate(without(from, none))).code).toBe('MALFORMED_TOKEN');
    expect(decodeAuthenticate(without(64, encodeAuthenticate(fields))).mic).toBeUndefined();
  });

  test('Z19: the shortest NTLMv2 response has 44 octets', () => {
    const temp = concat(Uint8Array.of(1, 1), new Uint8Array(26)); // 28 octets and no pairs: the list has no end
    expect(
      thrown(() => decodeAuthenticate(encodeAuthenticate({ ...fields, ntResponse: new Uint8Array(43) }))).message,
    ).toContain('43 octets');
    const error = thrown(() =>
      decodeAuthenticate(encodeAuthenticate({ ...fields, ntResponse: concat(new Uint8Array(16), temp) })),
    );
    expect(error.stage).toBe('NTLMv2_CLIENT_CHALLENGE');
  });

  test('N11: with KEY_EXCH the session key has 16 octets or is missing', () => {
    const withKey = (length: number): Uint8Array =>
      decodeAuthenticate(encodeAuthenticate({ ...fields, encryptedRandomSessionKey: new Uint8Array(length) }))
        .encryptedRandomSessionKey;
    expect([withKey(0).length, withKey(16).length]).toEqual([0, 16]);
    for (const length of [1, 15, 17]) expect(thrown(() => withKey(length)).code).toBe('MALFORMED_TOKEN');
  });

  test('N3: a Unicode name of half a character is refused', () => {
    const octets = encodeAuthenticate(fields);
    new DataView(octets.buffer, octets.byteOffset).setUint16(36, 1, true); // the user's length
    expect(thrown(() => decodeAuthenticate(octets))).toMatchObject({
      code: 'MALFORMED_TOKEN',
      stage: 'NTLM AUTHENTICATE',
    });
  });
});

describe('the OEM character set', () => {
  test('N1: Windows-1252 from 0x80 to 0x9f, ISO 8859-1 elsewhere', () => {
    expect(decodeOem(hex('61 7f 80 8a 9f a0 ff'))).toBe('a\u007f€ŠŸ\u00a0ÿ');
    expect(toHex(encodeOem('a\u007f€ŠŸ\u00a0ÿ', 'test'))).toBe('617f808a9fa0ff');
  });

  test.each(['\u0080', '\u009f', 'Ā', 'aΩ'])('N1: %j is not in it', (name) => {
    expect(thrown(() => encodeOem(name, 'test'))).toMatchObject({ code: 'INVALID_PARAMETER', stage: 'test' });
  });
});

describe('upper case', () => {
  test.each([
    ['ß', 'ß'],
    ['ŉ', 'ŉ'],
    ['ǰ', 'ǰ'],
    ['\u1f80', '\u1f88'],
    ['\u1fa7', '\u1faf'],
    ['\u1fb3', '\u1fbc'],
    ['\u1fc3', '\u1fcc'],
    ['\u1ff3', '\u1ffc'],
    ['\u1fb2', '\u1fb2'],
    ['äçœ', 'ÄÇŒ'],
  ])('N8: one unit stays one unit: %j', (lower, upper) => {
    expect(upperCase(lower)).toBe(upper);
  });
});

test('N7: Single_Host_Data has its numbers in little-endian order and needs 48 octets', () => {
  const octets = concat(hex('30000000 01020000'), new Uint8Array(40).fill(7));
  expect(decodeSingleHost(octets)).toMatchObject({ size: 48, z4: 0x0201 });
  expect(thrown(() => decodeSingleHost(octets.subarray(1)))).toMatchObject({
    code: 'MALFORMED_TOKEN',
    stage: 'NTLM Single_Host_Data',
  });
});
