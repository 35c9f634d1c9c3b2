import { describe, expect, test } from 'vitest';
import { decode, encode, generalString, objectIdentifier } from '../../src/der/index.ts';
import {
  decodeNegTokenInit,
  decodeNegTokenResp,
  describeSpnego,
  detectToken,
  encodeHint,
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  MechTypeList,
  NEG_STATE,
  OID,
  oidName,
} from '../../src/negotiate/index.ts';
import { SspiError } from '../../src/sspi/index.ts';
import { hex, octets, record, text, toHex, vectorCases } from '../support/vectors.ts';

const [listCase] = vectorCases('spnego', 'MechTypeList');
const [initCase] = vectorCases('spnego', 'NegTokenInit');
const [init2Case] = vectorCases('spnego', 'NegTokenInit2');
const [respCase] = vectorCases('spnego', 'NegTokenResp');
const [oidCase] = vectorCases('spnego', 'OID');
if (!listCase || !initCase || !init2Case || !respCase || !oidCase) throw new TypeError('spnego.json lacks a kind');

const KERBEROS_AND_NTLM = ['1.2.840.113554.1.2.2', '1.3.6.1.4.1.311.2.2.10'];

/** [MS-SPNG] 4: the annotated dump, NEGOEX as optimistic mechanism. */
const NEGOEX_DUMP = hex(`
  60 82 01 5d 06 06 2b 06 01 05 05 02 a0 82 01 51
  30 82 01 4d a0 1a 30 18 06 0a 2b 06 01 04 01 82
  37 02 02 1e 06 0a 2b 06 01 04 01 82 37 02 02 0a
  a2 82 01 01 04 81 fe 4e 45 47 4f 45 58 54 53 01
  00 00 00 00 00 00 00 60 00 00 00 70 00 00 00 cf
  fa 11 76 5e 12 59 9a 34 7d 76 68 52 bf ce 70 97
  45 87 10 bb 82 42 b4 c7 df ba d2 da 89 7a a3 11
  a7 d8 68 46 34 30 95 25 62 dc 13 c5 54 f2 01 00
  00 00 00 00 00 00 00 60 00 00 00 01 00 00 00 00
  00 00 00 00 00 00 00 5c 33 53 0d ea f9 0d 4d b2
  ec 4a e3 78 6e c3 08 4e 45 47 4f 45 58 54 53 03
  00 00 00 01 00 00 00 40 00 00 00 8e 00 00 00 cf
  fa 11 76 5e 12 59 9a 34 7d 76 68 52 bf ce 70 5c
  33 53 0d ea f9 0d 4d b2 ec 4a e3 78 6e c3 08 40
  00 00 00 4e 00 00 00 30 4c a0 4a 30 48 30 2a 80
  28 30 26 31 24 30 22 06 03 55 04 03 13 1b 58 4d
  4c 50 72 6f 76 69 64 65 72 20 49 6e 74 65 72 6d
  65 64 69 61 74 65 20 43 41 30 1a 80 18 30 16 31
  14 30 12 06 03 55 04 03 13 0b 58 4d 4c 50 72 6f
  76 69 64 65 72 a3 2a 30 28 a0 26 1b 24 6e 6f 74
  5f 64 65 66 69 6e 65 64 5f 69 6e 5f 52 46 43 34
  31 37 38 40 70 6c 65 61 73 65 5f 69 67 6e 6f 72
  65`);

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SspiError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('SPNEGO messages: published encodings', () => {
  test('S6: MechTypeList is the bare SEQUENCE OF that the MIC covers', () => {
    expect(toHex(encodeMechTypeList(KERBEROS_AND_NTLM))).toBe(text(listCase, 'hex'));
    expect(decode(MechTypeList, octets(listCase, 'hex'))).toEqual(listCase['oids']);
  });

  test('S2: NegTokenInit with every field', () => {
    const init = decodeNegTokenInit(octets(initCase, 'hex'));
    const fields = record(initCase, 'fields');
    expect(init.mechTypes).toEqual(fields['mech_types']);
    expect(toHex(init.mechTypeList)).toBe(text(listCase, 'hex'));
    expect(toHex(init.mechToken ?? new Uint8Array(0))).toBe(fields['mech_token']);
    expect(toHex(init.mechListMIC ?? new Uint8Array(0))).toBe(fields['mech_list_mic']);
    expect(init.hints).toBeUndefined();
  });

  test('S2: NegTokenInit is written as published, but for reqFlags, which we never send', () => {
    const init = decodeNegTokenInit(octets(initCase, 'hex'));
    // a1 04 03 02 00 04 is reqFlags; without it the three lengths around it are 6 less
    const expected = text(initCase, 'hex')
      .replace('a10403020004', '')
      .replace('603d', '6037')
      .replace('a0333031', 'a02d302b');
    expect(toHex(encodeNegTokenInit(init))).toBe(expected);
  });

  test('S2: NegTokenInit2 has hints at 3 and the MIC at 4', () => {
    const init = decodeNegTokenInit(octets(init2Case, 'hex'));
    const fields = record(init2Case, 'fields');
    expect(init.mechTypes).toEqual(KERBEROS_AND_NTLM);
    expect(decode(generalString, init.hints?.hintName ?? new Uint8Array(0))).toBe(fields['hint_name']);
    expect(new TextDecoder().decode(init.hints?.hintAddress)).toBe(fields['hint_address_ascii']);
    expect(toHex(init.mechListMIC ?? new Uint8Array(0))).toBe(fields['mech_list_mic']);
  });

  test('S4: NegTokenResp both ways', () => {
    const resp = decodeNegTokenResp(octets(respCase, 'hex'));
    const fields = record(respCase, 'fields');
    expect(resp.negState).toBe(fields['neg_state']);
    expect(toHex(resp.mechListMIC ?? new Uint8Array(0))).toBe(fields['mech_list_mic']);
    expect(resp.supportedMech).toBeUndefined();
    expect(resp.responseToken).toBeUndefined();
    expect(toHex(encodeNegTokenResp(resp))).toBe(text(respCase, 'hex'));
  });

  test('S1: every object identifier that is used', () => {
    const pairs = oidCase['pairs'];
    if (!Array.isArray(pairs)) throw new TypeError('pairs');
    for (const [dotted, encoded] of pairs as [string, string][]) {
      const oid = dotted.split(' ')[0] ?? '';
      expect(toHex(encode(objectIdentifier, oid))).toBe(encoded);
      expect(Object.values<string>(OID)).toContain(oid);
      expect(oidName(oid)).not.toBe(oid);
    }
  });

  test('S2: the hint of a server is written as Windows writes it', () => {
    const captured = vectorCases('spnego', 'capture').find(
      ({ name }) => name === 'initial_context_token_neg_token_init2',
    );
    const tokens = captured?.['tokens'];
    const token: unknown = Array.isArray(tokens) ? tokens[0] : undefined;
    if (typeof token !== 'string') throw new TypeError('tokens');
    const { mechTypes } = decodeNegTokenInit(hex(token));
    expect(mechTypes.map(oidName)).toEqual(['NEGOEX', 'MS-Kerberos', 'Kerberos', 'Kerberos U2U', 'NTLM']);
    expect(toHex(encodeHint(mechTypes))).toBe(token);
  });

  test('Z30: NEGOEX is passed over by its DER length, whatever is inside', () => {
    const { mechTypes, mechToken } = decodeNegTokenInit(NEGOEX_DUMP);
    expect(mechTypes).toEqual([OID.NEGOEX, OID.NTLM]);
    expect(mechToken?.length).toBe(254);
    const scrambled = NEGOEX_DUMP.slice();
    scrambled.fill(0xff, 55, 200); // message lengths and vectors of NEGOEX
    expect(decodeNegTokenInit(scrambled).mechTypes).toEqual([OID.NEGOEX, OID.NTLM]);
    expect(describeSpnego(scrambled)).toBe('NegTokenInit2 [NEGOEX, NTLM] {254 octets}');
  });
});

describe('SPNEGO messages: captures', () => {
  for (const capture of vectorCases('spnego', 'capture')) {
    const tokens = capture['tokens'];
    if (!Array.isArray(tokens)) throw new TypeError('tokens');
    test(`S4: ${text(capture, 'name')} decodes, and is written the same`, () => {
      for (const token of tokens as string[]) {
        const received = hex(token);
        if (detectToken(received) === 'spnego-resp') {
          expect(toHex(encodeNegTokenResp(decodeNegTokenResp(received)))).toBe(token);
          continue;
        }
        const init = decodeNegTokenInit(received);
        expect(toHex(encodeMechTypeList(init.mechTypes))).toBe(toHex(init.mechTypeList));
        if (init.hints === undefined) expect(toHex(encodeNegTokenInit(init))).toBe(token);
      }
    });
  }

  test('S5: the fallback from Kerberos to NTLM, message by message', () => {
    const capture = vectorCases('spnego', 'capture').find(({ name }) => name === 'gssapi_negotiate_ntlm_fallback');
    const tokens = (capture?.['tokens'] ?? []) as string[];
    expect(tokens.map((token) => describeSpnego(hex(token)))).toEqual([
      'NegTokenInit [Kerberos, NTLM] {Kerberos AP-REQ}',
      'NegTokenResp request-mic [NTLM]',
      'NegTokenResp accept-incomplete {NTLM NEGOTIATE}',
      'NegTokenResp accept-incomplete {NTLM NEGOTIATE}', // the recording has it twice
      'NegTokenResp accept-incomplete {NTLM CHALLENGE}',
      'NegTokenResp accept-incomplete {NTLM AUTHENTICATE}, mechListMIC',
      'NegTokenResp accept-completed, mechListMIC',
    ]);
  });
});

describe('SPNEGO messages: hostile and odd input', () => {
  const messages: readonly (readonly [string, Uint8Array, (octets: Uint8Array) => unknown])[] = [
    ['NegTokenInit', octets(initCase, 'hex'), decodeNegTokenInit],
    ['NegTokenInit2', octets(init2Case, 'hex'), decodeNegTokenInit],
    ['NegTokenResp', octets(respCase, 'hex'), decodeNegTokenResp],
  ];

  test.each(messages)('Z42: every cut of %s is malformed', (_, message, read) => {
    for (let cut = 0; cut < message.length; cut++)
      expect(
        codeOf(() => read(message.subarray(0, cut))),
        `${cut} octets`,
      ).toBe('MALFORMED_TOKEN');
  });

  test.each(messages)('Z42: octets behind %s are refused', (_, message, read) => {
    expect(codeOf(() => read(Uint8Array.of(...message, 0)))).toBe('MALFORMED_TOKEN');
  });

  test.each(messages)('Z42: every flipped bit of %s gives a value or a typed error', (_, message, read) => {
    const outcomes = new Set<string>();
    for (let at = 0; at < message.length; at++) {
      for (let bit = 1; bit < 256; bit <<= 1) {
        const flipped = message.slice();
        flipped[at] = (flipped[at] ?? 0) ^ bit;
        outcomes.add(codeOf(() => read(flipped)));
      }
    }
    expect([...outcomes].sort()).toEqual(['MALFORMED_TOKEN', 'no error']);
  });

  test('Z42: indefinite lengths and lengths beyond the end are refused', () => {
    expect(codeOf(() => decodeNegTokenResp(hex('a180 3080 a0030a0100 0000 0000')))).toBe('MALFORMED_TOKEN');
    expect(codeOf(() => decodeNegTokenResp(hex('a184ffffffff3000')))).toBe('MALFORMED_TOKEN');
  });

  test('S4: lengths longer than needed are taken from peers, and refused where strictness is asked for', () => {
    const long = hex('a1820007 3005 a0030a0100');
    expect(decodeNegTokenResp(long).negState).toBe(NEG_STATE.ACCEPT_COMPLETED);
    expect(codeOf(() => decodeNegTokenResp(long, { lengths: 'minimal' }))).toBe('MALFORMED_TOKEN');
  });

  test('S6: a list with a long length stays as it was sent, for the MIC', () => {
    const list = '30810906072b060104018f1f';
    const token = hex(`601a 06062b0601050502 a010 300e a00c ${list}`);
    expect(toHex(decodeNegTokenInit(token).mechTypeList)).toBe(list);
  });

  test('S2: a first message without mechanisms is malformed', () => {
    expect(codeOf(() => decodeNegTokenInit(hex('600c06062b0601050502a0023000')))).toBe('MALFORMED_TOKEN');
    expect(codeOf(() => decodeNegTokenInit(hex('601006062b0601050502a0063004a0023000')))).toBe('MALFORMED_TOKEN');
  });

  test('S2: more mechanisms than anybody has are refused', () => {
    const offering = (count: string, oids: string): Uint8Array => hex(`60${count}${oids}`);
    const thirtyTwo = offering('70 06062b0601050502 a066 3064 a062 3060', '06012a'.repeat(32));
    const thirtyThree = offering('73 06062b0601050502 a069 3067 a065 3063', '06012a'.repeat(33));
    expect(decodeNegTokenInit(thirtyTwo).mechTypes.length).toBe(32);
    expect(codeOf(() => decodeNegTokenInit(thirtyThree))).toBe('MALFORMED_TOKEN');
  });

  test('S4: a negState that is none is malformed', () => {
    expect(codeOf(() => decodeNegTokenResp(hex('a1073005a0030a0104')))).toBe('MALFORMED_TOKEN');
    expect(codeOf(() => decodeNegTokenResp(hex('a1073005a0030a01ff')))).toBe('MALFORMED_TOKEN');
  });

  test('S2: reqFlags of any form are ignored', () => {
    const { mechTypes } = decodeNegTokenInit(hex(text(initCase, 'hex').replace('a10403020004', 'a10402020004')));
    expect(mechTypes).toEqual(KERBEROS_AND_NTLM);
  });

  test('S2: two MICs in one first message are malformed', () => {
    const doubled = hex(
      text(initCase, 'hex')
        .replace('a306040401010101', 'a306040401010101a406040401010101')
        .replace('603d', '6045')
        .replace('a0333031', 'a03b3039'),
    );
    expect(codeOf(() => decodeNegTokenInit(doubled))).toBe('MALFORMED_TOKEN');
  });

  test('S2: fields that a later version adds are passed over', () => {
    expect(decodeNegTokenResp(hex('a10c300aa0030a0101a403040155')).negState).toBe(NEG_STATE.ACCEPT_INCOMPLETE);
  });

  test('S2: the framing of another mechanism is not SPNEGO', () => {
    const kerberos = hex('6013 06092a864886f712010202 a006 3004 a002 3000');
    expect(() => decodeNegTokenInit(kerberos)).toThrow('framed for 1.2.840.113554.1.2.2');
  });

  test('Z27: a mechListMIC that is a copy of the responseToken is absent, any other stays', () => {
    const same = encodeNegTokenResp({ negState: 1, responseToken: hex('0102'), mechListMIC: hex('0102') });
    expect(decodeNegTokenResp(same).mechListMIC).toBeUndefined();
    expect(toHex(decodeNegTokenResp(same).responseToken ?? new Uint8Array(0))).toBe('0102');
    const other = encodeNegTokenResp({ negState: 1, responseToken: hex('0102'), mechListMIC: hex('0103') });
    expect(toHex(decodeNegTokenResp(other).mechListMIC ?? new Uint8Array(0))).toBe('0103');
    const longer = encodeNegTokenResp({ negState: 1, responseToken: hex('01'), mechListMIC: hex('0102') });
    expect(toHex(decodeNegTokenResp(longer).mechListMIC ?? new Uint8Array(0))).toBe('0102');
  });
});

describe('detectToken', () => {
  test.each([
    ['4e544c4d5353500001000000', 'ntlm'],
    ['4e544c4d53535001', 'unknown'],
    ['4e544c', 'unknown'],
    [text(initCase, 'hex'), 'spnego-init'],
    [toHex(NEGOEX_DUMP), 'spnego-init'],
    ['603d06062b0601050503', 'unknown'],
    [text(respCase, 'hex'), 'spnego-resp'],
    ['6082055e06092a864886f71201020201006e82054d', 'kerberos'],
    ['6e82054d30820549', 'kerberos-ap-req'],
    ['a0', 'unknown'],
    ['60', 'unknown'],
    ['', 'unknown'],
  ])('X23: %s is %s', (token, kind) => {
    expect(detectToken(hex(token))).toBe(kind);
  });
});

describe('describeSpnego', () => {
  test.each([
    ['a1153013a0030a0103a10c060a2b06010401823702020a', 'NegTokenResp request-mic [NTLM]'],
    ['a1073005a0030a0102', 'NegTokenResp reject'],
    ['a1023000', 'NegTokenResp'],
    ['a1053003a20104', 'malformed SPNEGO token, 7 octets'],
    ['a1063004a2020400', 'NegTokenResp {empty}'],
    ['6e00', 'Kerberos AP-REQ'],
    ['600d06092a864886f7120102020300', 'Kerberos KRB-ERROR'],
    ['4e544c4d5353500003000000', 'NTLM AUTHENTICATE'],
    ['0102', '2 octets'],
  ])('X23: %s is "%s"', (token, line) => {
    expect(describeSpnego(hex(token))).toBe(line);
  });
});
