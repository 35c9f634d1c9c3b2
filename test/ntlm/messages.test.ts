import { describe, expect, test } from 'vitest';
import { concat, encodeUtf16 } from '../../src/crypto/index.ts';
import {
  AV_ID,
  decodeAuthenticate,
  decodeAvPairs,
  decodeChallenge,
  decodeClientChallenge,
  decodeNegotiate,
  decodeSingleHost,
  decodeVersion,
  describeNtlm,
  encodeAuthenticate,
  encodeAvPairs,
  encodeChallenge,
  encodeClientChallenge,
  encodeNegotiate,
  encodeVersion,
  isNtlmToken,
  messageName,
  NEGOTIATE,
} from '../../src/ntlm/index.ts';
import { SEC_E, SspiError } from '../../src/sspi/index.ts';
import { hex, number, octets, record, text, toHex, type VectorCase, vectorCases } from '../support/vectors.ts';
import { thrown } from './support.ts';

/** By the type in the header, as a peer's message would be given to them; the rest goes to the first. */
function decodeAny(message: Uint8Array): unknown {
  if (message[8] === 2) return decodeChallenge(message);
  if (message[8] === 3) return decodeAuthenticate(message);
  return decodeNegotiate(message);
}

const captured = vectorCases('ntlm-captures').flatMap((one) => [
  ['negotiate', octets(one, 'negotiate')] as const,
  ['challenge', octets(one, 'challenge')] as const,
  ['authenticate', octets(one, 'authenticate')] as const,
]);

describe('messages of ntlm-messages.json', () => {
  const nullable = (of: VectorCase, name: string) => (of[name] === null ? undefined : text(of, name));

  test.each(vectorCases('ntlm-messages', 'NEGOTIATE'))('N1: NEGOTIATE, $name', (one) => {
    const fields = record(one, 'fields');
    const message = decodeNegotiate(octets(one, 'hex'));
    expect(message).toEqual({
      flags: number(fields, 'flags'),
      domain: nullable(fields, 'domain'),
      workstation: nullable(fields, 'workstation'),
      version: undefined,
    });
    expect(toHex(encodeNegotiate(message))).toBe(text(one, 'hex'));
  });

  test.each(vectorCases('ntlm-messages', 'CHALLENGE'))('N2, N6: CHALLENGE, $name', (one) => {
    const fields = record(one, 'fields');
    const message = decodeChallenge(octets(one, 'hex'));
    expect(message).toEqual({
      flags: number(fields, 'flags'),
      serverChallenge: octets(fields, 'server_challenge'),
      targetName: nullable(fields, 'target_name'),
      targetInfo: undefined,
      version: undefined,
    });
    expect(decodeChallenge(encodeChallenge(message))).toEqual(message);
  });

  test.each(vectorCases('ntlm-messages', 'INVALID'))('Z12, Z19: $name', (one) => {
    const error = thrown(() => decodeAny(octets(one, 'hex')));
    expect(error.status).toBe(SEC_E.INVALID_TOKEN);
  });

  test('N7: Single_Host_Data', () => {
    const [one] = vectorCases('ntlm-messages', 'SINGLE_HOST');
    if (one === undefined) throw new TypeError('no case');
    const data = decodeSingleHost(octets(one, 'hex'));
    const fields = record(one, 'fields');
    expect([data.size, data.z4]).toEqual([number(fields, 'size'), number(fields, 'z4')]);
    expect(toHex(data.customData)).toBe(text(fields, 'custom_data'));
    expect(toHex(data.machineId)).toBe(text(fields, 'machine_id'));
    expect(thrown(() => decodeSingleHost(octets(one, 'hex').subarray(0, 47))).code).toBe('MALFORMED_TOKEN');
  });

  test('N1: VERSION', () => {
    const version = { major: 1, minor: 1, build: 1, revision: 10 };
    expect(decodeVersion(hex('010101000000000a'))).toEqual(version);
    expect(toHex(encodeVersion(version))).toBe('010101000000000a');
    expect(toHex(encodeVersion({ major: 10, minor: 0, build: 17763, revision: 15 }))).toBe('0a0063450000000f');
  });

  test('N9: NTLMv2_CLIENT_CHALLENGE', () => {
    const [one] = vectorCases('ntlm-messages', 'NTLMv2_CLIENT_CHALLENGE');
    if (one === undefined) throw new TypeError('no case');
    const decoded = decodeClientChallenge(octets(one, 'hex'));
    expect(toHex(decoded.timestamp)).toBe('1111111111111111');
    expect(toHex(decoded.clientChallenge)).toBe('1111111111111111');
    expect(decoded.avPairs).toEqual([{ id: AV_ID.DNS_DOMAIN_NAME, value: hex('7400650073007400') }]);
    // 3.3.2 puts four zero octets behind the list, which this case does not have.
    expect(toHex(encodeClientChallenge(decoded))).toBe(`${text(one, 'hex')}00000000`);
  });
});

describe('captured messages', () => {
  test.each(captured)(
    'N1-N3: %s is read, and every cut of it is refused or read without what is missing',
    (_, message) => {
      expect(decodeAny(message)).toMatchObject({ flags: expect.any(Number) });
      for (let length = 0; length < message.length; length++) {
        try {
          decodeAny(message.slice(0, length));
          // Only a NEGOTIATE may lack its end: the version says nothing.
          expect([message[8], length >= 32]).toEqual([1, true]);
        } catch (error) {
          expect(error).toBeInstanceOf(SspiError);
        }
      }
    },
  );

  test.each(captured)('Z19: %s with any octet changed is read or refused, nothing else', (_, message) => {
    for (let at = 0; at < message.length; at++) {
      for (const flip of [0x01, 0x80, 0xff]) {
        const changed = message.slice();
        changed[at] = (changed[at] ?? 0) ^ flip;
        try {
          decodeAny(changed);
        } catch (error) {
          expect(error).toBeInstanceOf(SspiError);
        }
      }
    }
  });
});

describe('fields', () => {
  const challengeWith = (at: number, octetsThere: string): Uint8Array => {
    const message = encodeChallenge({
      flags: NEGOTIATE.UNICODE | NEGOTIATE.REQUEST_TARGET | NEGOTIATE.TARGET_INFO,
      serverChallenge: new Uint8Array(8),
      targetName: 'SERVER',
      targetInfo: [],
    });
    message.set(hex(octetsThere), at);
    return message;
  };

  test.each([
    ['an offset that wraps around 32 bits', '0c000c00fcffffff'],
    ['an offset behind the message', '0c000c00ff000000'],
    ['a length beyond the message', 'ff00ff0030000000'],
    ['an offset into the fixed part', '0c000c0000000000'],
    ['half a character', '0b000b0030000000'],
  ])('N4, Z19: %s is refused', (_, field) => {
    expect(thrown(() => decodeChallenge(challengeWith(12, field))).code).toBe('MALFORMED_TOKEN');
  });

  test('N4: without length the offset means nothing, and the allocated length never does', () => {
    expect(decodeChallenge(challengeWith(12, '00000000ffffffff')).targetName).toBeUndefined();
    expect(decodeChallenge(challengeWith(12, '0c00ffff30000000')).targetName).toBe('SERVER');
  });

  test('N4: fields may overlap', () => {
    const message = decodeChallenge(challengeWith(12, '1000100030000000')); // the name, and the list behind it as well
    expect(message).toMatchObject({ targetName: 'SERVER\0\0', targetInfo: [] });
  });

  test('N22: another message than the expected one is out of sequence', () => {
    const negotiate = encodeNegotiate({ flags: 1 });
    const error = thrown(() => decodeChallenge(concat(negotiate, new Uint8Array(32))));
    expect([error.code, error.status]).toEqual(['MESSAGE_OUT_OF_ORDER', SEC_E.OUT_OF_SEQUENCE]);
  });

  test('X23: what begins like an NTLM message is told by name', () => {
    expect(isNtlmToken(hex('4e544c4d53535000'))).toBe(true);
    expect(isNtlmToken(hex('4e544c4d535350'))).toBe(false);
    expect(isNtlmToken(hex('604806062b0601050502'))).toBe(false);
    expect(describeNtlm(encodeNegotiate({ flags: 1 }))).toBe('NTLM NEGOTIATE');
    expect(describeNtlm(hex('4e544c4d5353500002000000'))).toBe('NTLM CHALLENGE');
    expect(describeNtlm(hex('4e544c4d5353500003000000'))).toBe('NTLM AUTHENTICATE');
    expect(describeNtlm(hex('4e544c4d5353500003000001'))).toBe('NTLM message of unknown type');
    expect(describeNtlm(hex(''))).toBe('not an NTLM message');
    expect(messageName(hex('4e544c4d5353500004000000'))).toBeUndefined();
  });

  test('N1: a name outside the OEM character set cannot be written', () => {
    for (const domain of ['Ω', '\u0085'])
      expect(thrown(() => encodeNegotiate({ flags: NEGOTIATE.OEM_DOMAIN_SUPPLIED, domain })).code).toBe(
        'INVALID_PARAMETER',
      );
    const euro = encodeNegotiate({ flags: NEGOTIATE.OEM_DOMAIN_SUPPLIED, domain: '€' });
    expect(euro.at(-1)).toBe(0x80);
    expect(decodeNegotiate(euro).domain).toBe('€');
  });
});

describe('AV_PAIRs', () => {
  const decode = (list: string) => decodeAvPairs(hex(list), 'test');

  test('Z54: an unknown id is kept, twice if it comes twice', () => {
    const pairs = decode('ff7f0100aa ff7f0100bb 00000000');
    expect(pairs).toEqual([
      { id: 0x7fff, value: hex('aa') },
      { id: 0x7fff, value: hex('bb') },
    ]);
    expect(toHex(encodeAvPairs(pairs))).toBe('ff7f0100aaff7f0100bb00000000');
  });

  test.each(Array.from({ length: 10 }, (_, index) => [index + 1] as const))(
    'Z13: AV_PAIR %i may come only once',
    (id) => {
      const length = id === 6 ? 4 : id === 7 ? 8 : 16;
      const pair = { id, value: new Uint8Array(length) };
      expect(decodeAvPairs(encodeAvPairs([pair]), 'test')).toHaveLength(1);
      const error = thrown(() => decodeAvPairs(encodeAvPairs([pair, pair]), 'test'));
      expect(error.message).toContain('twice');
    },
  );

  test.each([
    ['MsvAvFlags of 2 octets', '0600020000 00 00000000'],
    ['MsvAvTimestamp of 7 octets', '07000700 00000000000000 00000000'],
    ['MsvAvChannelBindings of 15 octets', `0a000f00${'00'.repeat(15)}00000000`],
    ['a name of 3 octets', '01000300 610062 00000000'],
    ['an MsvAvEOL with a value', '00000100aa'],
    ['nothing', ''],
    ['no end', '0100020061 00'],
    ['an end that is cut', '010002006100 000000'],
    ['a pair longer than the list', '0100ff00 6100 00000000'],
  ])('Z19: %s is refused', (_, list) => {
    expect(thrown(() => decode(list)).code).toBe('MALFORMED_TOKEN');
  });

  test('N7: octets behind the end mean nothing', () => {
    expect(decode('010002006100 00000000 deadbeef')).toEqual([{ id: 1, value: encodeUtf16('a') }]);
  });
});

describe('AUTHENTICATE', () => {
  const fields = {
    flags: NEGOTIATE.UNICODE,
    user: 'u',
    domain: 'd',
    workstation: 'w',
    lmResponse: new Uint8Array(0),
    ntResponse: new Uint8Array(0),
    encryptedRandomSessionKey: new Uint8Array(0),
    version: undefined,
  };

  test.each([
    [0, 'none'],
    [24, 'ntlm-v1'],
  ])('Z19: an NtChallengeResponse of %i octets is of kind %s', (length, kind) => {
    expect(
      decodeAuthenticate(encodeAuthenticate({ ...fields, ntResponse: new Uint8Array(length) })).ntResponse.kind,
    ).toBe(kind);
  });

  test.each([1, 23, 25, 43])('Z19: an NtChallengeResponse of %i octets is refused', (length) => {
    const message = encodeAuthenticate({ ...fields, ntResponse: new Uint8Array(length) });
    expect(thrown(() => decodeAuthenticate(message)).code).toBe('MALFORMED_TOKEN');
  });

  test('N9: a response of another version is refused', () => {
    const ntResponse = new Uint8Array(48);
    ntResponse.set([2, 1], 16);
    expect(thrown(() => decodeAuthenticate(encodeAuthenticate({ ...fields, ntResponse }))).message).toContain(
      'version',
    );
  });

  test('N3: names in the OEM character set', () => {
    const message = encodeAuthenticate({ ...fields, flags: NEGOTIATE.OEM, user: 'café' });
    expect(decodeAuthenticate(message)).toMatchObject({ user: 'café', domain: 'd', workstation: 'w' });
  });

  test('N11: without KEY_EXCH the session key is ignored', () => {
    const message = encodeAuthenticate({ ...fields, encryptedRandomSessionKey: new Uint8Array(3) });
    expect(decodeAuthenticate(message).encryptedRandomSessionKey).toHaveLength(0);
  });
});
