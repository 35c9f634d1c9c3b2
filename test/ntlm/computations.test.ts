import { describe, expect, test } from 'vitest';
import { encodeUtf16 } from '../../src/crypto/index.ts';
import {
  decodeAuthenticate,
  decodeAvPairs,
  decodeChallenge,
  desl,
  encodeClientChallenge,
  keyExchangeKeyV1,
  lmowfV1,
  lmV2Response,
  NtlmMessageSecurity,
  ntlmV1ExtendedResponse,
  ntlmV1Response,
  ntowfV1,
  ntowfV2,
  ntProofStr,
  rc4k,
  sealKey,
  sessionBaseKeyV1,
  sessionBaseKeyV2,
  signatureWithoutIntegrity,
  signKey,
} from '../../src/ntlm/index.ts';
import { upperCase } from '../../src/ntlm/text.ts';
import { hex, number, octets, record, text, toHex, type VectorCase, vectorCases } from '../support/vectors.ts';

const PASSWORD = 'Password';
const SERVER_CHALLENGE = hex('0123456789abcdef');
const CLIENT_CHALLENGE = hex('aaaaaaaaaaaaaaaa');
const RANDOM_SESSION_KEY = hex('55555555555555555555555555555555');
const PLAINTEXT = encodeUtf16('Plaintext');
const [v1, v1Extended, v2] = vectorCases('ntlm-ms-nlmp');
if (!v1 || !v1Extended || !v2) throw new TypeError('ntlm-ms-nlmp.json has three cases');

/** [MS-NLMP] prints one sealed message for each case. */
function sealed(of: VectorCase, exportedSessionKey: Uint8Array, flags = number(of, 'flags')) {
  const data = PLAINTEXT.slice();
  const signature = new NtlmMessageSecurity({ flags, exportedSessionKey, side: 'client' }).seal(data);
  return { data: toHex(data), signature: toHex(signature) };
}

describe('[MS-NLMP] 4.2.2: NTLMv1', () => {
  const ntHash = ntowfV1(encodeUtf16(PASSWORD));
  const lmHash = lmowfV1(PASSWORD);
  const sessionBaseKey = sessionBaseKeyV1(ntHash);
  const lmResponse = ntlmV1Response(lmHash, SERVER_CHALLENGE);
  const keyExchangeKey = (flag: number) =>
    keyExchangeKeyV1({
      flags: (number(v1, 'flags') | flag) >>> 0,
      sessionBaseKey,
      lmResponse,
      lmHash,
      serverChallenge: SERVER_CHALLENGE,
    });

  test('N17: one-way functions and responses', () => {
    expect(toHex(ntHash)).toBe(text(v1, 'ntowfv1'));
    expect(toHex(lmHash)).toBe(text(v1, 'lmowfv1'));
    expect(toHex(ntlmV1Response(ntHash, SERVER_CHALLENGE))).toBe(text(v1, 'nt_response'));
    expect(toHex(lmResponse)).toBe(text(v1, 'lm_response'));
    expect(toHex(desl(lmHash, SERVER_CHALLENGE))).toBe(text(v1, 'lm_response'));
  });

  test.each([
    ['no flag', 0, 'd87262b0cde4b1cb7499becccdf10784', '518822b1b3f350c8958682ecbb3e3cb7'],
    ['REQUEST_NON_NT_SESSION_KEY', 0x400000, 'e52cac67419a9a220000000000000000', '7452ca55c225a1ca04b48fae32cf56fc'],
    ['LM_KEY', 0x80, 'b09e379f7fbecb1eaf0afdcb0383c8a0', '4cd7bb57d697ef9b549f02b8f9b37864'],
  ])('N17: KXKEY and the encrypted session key with %s', (_, flag, expectedKey, expectedEncrypted) => {
    expect(toHex(keyExchangeKey(flag))).toBe(expectedKey);
    expect(toHex(rc4k(keyExchangeKey(flag), RANDOM_SESSION_KEY))).toBe(expectedEncrypted);
  });

  test('N15: a sealed message, with the RandomPad that peers send', () => {
    const wrap = record(v1, 'wrap');
    expect(sealed(v1, RANDOM_SESSION_KEY)).toEqual({
      data: text(wrap, 'sealed'),
      signature: text(wrap, 'signature_interop'),
    });
  });

  test('N15: the RandomPad as the specification prints it is taken too', () => {
    const wrap = record(v1, 'wrap');
    const data = octets(wrap, 'sealed');
    const server = new NtlmMessageSecurity({
      flags: number(v1, 'flags'),
      exportedSessionKey: RANDOM_SESSION_KEY,
      side: 'server',
    });
    server.unseal(octets(wrap, 'signature_as_printed_in_ms_nlmp'), data);
    expect(data).toEqual(PLAINTEXT);
  });
});

describe('[MS-NLMP] 4.2.3: NTLMv1 with client challenge', () => {
  const sessionBaseKey = sessionBaseKeyV1(ntowfV1(encodeUtf16(PASSWORD)));
  const keyExchangeKey = () =>
    keyExchangeKeyV1({
      flags: number(v1Extended, 'flags'),
      sessionBaseKey,
      lmResponse: octets(v1Extended, 'lm_response'),
      serverChallenge: SERVER_CHALLENGE,
    });

  test('N17: response and KXKEY', () => {
    const response = ntlmV1ExtendedResponse(ntowfV1(encodeUtf16(PASSWORD)), SERVER_CHALLENGE, CLIENT_CHALLENGE);
    expect(toHex(response)).toBe(text(v1Extended, 'nt_response'));
    expect(toHex(keyExchangeKey())).toBe(text(v1Extended, 'key_exchange_key'));
  });

  test('N14: 56-bit keys and a sealed message without key exchange', () => {
    const key = keyExchangeKey();
    const wrap = record(v1Extended, 'wrap');
    const flags = number(v1Extended, 'flags');
    expect(toHex(sealKey(flags, key, 'client'))).toBe(text(wrap, 'seal_key'));
    expect(toHex(signKey(flags, key, 'client'))).toBe(text(wrap, 'sign_key'));
    expect(sealed(v1Extended, key)).toEqual({ data: text(wrap, 'sealed'), signature: text(wrap, 'signature') });
  });
});

describe('[MS-NLMP] 4.2.4: NTLMv2', () => {
  const responseKey = ntowfV2(ntowfV1(encodeUtf16(PASSWORD)), 'User', 'Domain');
  const temp = encodeClientChallenge({
    timestamp: new Uint8Array(8),
    clientChallenge: CLIENT_CHALLENGE,
    avPairs: decodeAvPairs(octets(v2, 'target_info'), 'target_info'),
  });
  const proof = ntProofStr(responseKey, SERVER_CHALLENGE, temp);

  test('N8, N9: from the password to the session key', () => {
    expect(toHex(responseKey)).toBe(text(v2, 'ntowfv2'));
    expect(toHex(temp)).toBe(text(v2, 'temp'));
    expect(toHex(proof)).toBe(text(v2, 'nt_proof_str'));
    expect(toHex(lmV2Response(responseKey, SERVER_CHALLENGE, CLIENT_CHALLENGE))).toBe(text(v2, 'lm_response'));
    const sessionBaseKey = sessionBaseKeyV2(responseKey, proof);
    expect(toHex(sessionBaseKey)).toBe(text(v2, 'session_base_key'));
    expect(toHex(rc4k(sessionBaseKey, RANDOM_SESSION_KEY))).toBe(text(v2, 'encrypted_session_key'));
  });

  test('N13, N14: keys and a sealed message, with and without key exchange', () => {
    const wrap = record(v2, 'wrap');
    const flags = number(v2, 'flags');
    expect(toHex(sealKey(flags, RANDOM_SESSION_KEY, 'client'))).toBe(text(wrap, 'seal_key'));
    expect(toHex(signKey(flags, RANDOM_SESSION_KEY, 'client'))).toBe(text(wrap, 'sign_key'));
    expect(sealed(v2, RANDOM_SESSION_KEY)).toEqual({ data: text(wrap, 'sealed'), signature: text(wrap, 'signature') });
    const withoutExchange = (flags & ~0x40000000) >>> 0;
    expect(sealed(v2, RANDOM_SESSION_KEY, withoutExchange).signature).toBe(text(wrap, 'signature_without_key_exch'));
  });

  test('N3: the published AUTHENTICATE has its payload at 72 and no MIC', () => {
    const message = decodeAuthenticate(octets(v2, 'authenticate_message'));
    expect(message).toMatchObject({ user: 'User', domain: 'Domain', workstation: 'COMPUTER', mic: undefined });
    expect(message.ntResponse.kind === 'ntlm-v2' && toHex(message.ntResponse.proof)).toBe(text(v2, 'nt_proof_str'));
    expect(toHex(message.encryptedRandomSessionKey)).toBe(text(v2, 'encrypted_session_key'));
    const challenge = decodeChallenge(octets(v2, 'challenge_message'));
    // It has a TargetName although REQUEST_TARGET is not set, and 2.2.1.2 says to ignore it then.
    expect(challenge).toMatchObject({ targetName: undefined, serverChallenge: SERVER_CHALLENGE });
    expect(challenge.version).toEqual({ major: 6, minor: 0, build: 6000, revision: 15 });
  });
});

const computations: Record<string, (of: VectorCase) => Uint8Array> = {
  ntowfv1: (of) => ntowfV1(encodeUtf16(text(of, 'password'))),
  ntowfv1_raw_utf16: (of) => ntowfV1(octets(of, 'password_utf16le')),
  lmowfv1: (of) => lmowfV1(text(of, 'password')),
  ntowfv2: (of) => ntowfV2(ntowfV1(encodeUtf16(text(of, 'password'))), text(of, 'user'), text(of, 'domain')),
  ntowfv2_from_hash: (of) => ntowfV2(octets(of, 'nt_hash'), text(of, 'user'), text(of, 'domain')),
  sealkey: (of) => sealKey(number(of, 'flags'), octets(of, 'session_key'), side(of)),
  signkey: (of) => signKey(number(of, 'flags'), octets(of, 'session_key'), side(of)),
  signature_always_sign_only: signatureWithoutIntegrity,
};

function side(of: VectorCase): 'client' | 'server' {
  return text(of, 'side') === 'client' ? 'client' : 'server';
}

describe('one-way functions and keys', () => {
  test.each(vectorCases('ntlm-hashes-keys').map((one, index) => [index, text(one, 'op'), one] as const))(
    'N8, N13: case %i, %s',
    (_, operation, one) => {
      const compute = computations[operation];
      expect(compute && toHex(compute(one))).toBe(text(one, 'output'));
    },
  );

  test.each([
    ['straße', 'STRAßE'], // one unit stays one unit: no SS
    ['ñandú', 'ÑANDÚ'],
    ['ÿ', 'Ÿ'],
    ['ᾳ\u1f80', 'ᾼ\u1f88'], // iota subscript has a capital of its own
    ['\ud801\udc28', '\ud801\udc28'], // beyond 16 bits nothing is changed
  ])('N8: %s in upper case', (name, expected) => {
    expect(upperCase(name)).toBe(expected);
  });
});
