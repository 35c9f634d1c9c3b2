/** Exchanges that were recorded between other implementations, followed from the password to the last checksum. */
import { describe, expect, test } from 'vitest';
import { encodeUtf16 } from '../../src/crypto/index.ts';
import {
  AV_ID,
  avFlags,
  avText,
  avValue,
  decodeAuthenticate,
  decodeChallenge,
  decodeNegotiate,
  messageIntegrityCode,
  NtlmMessageSecurity,
  ntowfV1,
  ntowfV2,
  ntProofStr,
  rc4k,
  sealKey,
  sessionBaseKeyV2,
  signKey,
} from '../../src/ntlm/index.ts';
import { type AcceptorIdentity, fromFileTime } from '../../src/sspi/index.ts';
import { recordedRequests } from '../support/transcripts.ts';
import { hex, number, octets, text, toHex, type VectorCase, vectorCases } from '../support/vectors.ts';
import { acquireServer, failure, say } from './support.ts';

const captures = vectorCases('ntlm-captures');

/** What follows from the password and the three messages. */
function follow(one: VectorCase) {
  const [negotiate, challenge, authenticate] = [
    octets(one, 'negotiate'),
    octets(one, 'challenge'),
    octets(one, 'authenticate'),
  ];
  const message = decodeAuthenticate(authenticate);
  const { ntResponse } = message;
  if (ntResponse.kind !== 'ntlm-v2') throw new TypeError('not NTLMv2');
  const { serverChallenge } = decodeChallenge(challenge);
  const responseKey = ntowfV2(ntowfV1(encodeUtf16(text(one, 'password'))), message.user, message.domain);
  const proof = ntProofStr(responseKey, serverChallenge, ntResponse.temp);
  const sessionBaseKey = sessionBaseKeyV2(responseKey, proof);
  const encrypted = message.encryptedRandomSessionKey;
  const exported = encrypted.length === 0 ? sessionBaseKey : rc4k(sessionBaseKey, encrypted);
  return {
    negotiate,
    challenge,
    authenticate,
    message,
    ntResponse,
    serverChallenge,
    responseKey,
    proof,
    sessionBaseKey,
    exported,
  };
}

describe.each(captures)('$name', (one) => {
  const found = follow(one);

  test('N1, N2, N3: the messages are read', () => {
    expect(decodeNegotiate(found.negotiate).flags).toBe(number(one, 'negotiate_flags'));
    expect(decodeChallenge(found.challenge).flags).toBe(number(one, 'challenge_flags'));
    expect(toHex(found.serverChallenge)).toBe(text(one, 'server_challenge'));
    const { flags, user, domain, workstation, lmResponse, encryptedRandomSessionKey } = found.message;
    expect(flags).toBe(number(one, 'authenticate_flags'));
    expect([user, domain, workstation]).toEqual([text(one, 'user'), text(one, 'domain'), text(one, 'workstation')]);
    expect(toHex(lmResponse)).toBe(text(one, 'lm_response'));
    expect(toHex(encryptedRandomSessionKey)).toBe(text(one, 'encrypted_random_session_key'));
    const { clientChallenge, timestamp, avPairs } = found.ntResponse.clientChallenge;
    expect(toHex(found.ntResponse.octets)).toBe(text(one, 'nt_response'));
    expect([toHex(clientChallenge), toHex(timestamp)]).toEqual([text(one, 'client_challenge'), text(one, 'timestamp')]);
    expect(avPairs.map(({ id, value }) => [id, toHex(value)])).toEqual(one['av_pairs']);
  });

  test('N8, N9, N11: NTProofStr and session keys follow from the password', () => {
    expect(toHex(found.responseKey)).toBe(text(one, 'ntowfv2'));
    expect(toHex(found.proof)).toBe(text(one, 'nt_proof_str'));
    expect(toHex(found.proof)).toBe(toHex(found.ntResponse.proof));
    expect(toHex(found.sessionBaseKey)).toBe(text(one, 'session_base_key'));
    expect(toHex(found.exported)).toBe(text(one, 'exported_session_key'));
  });

  test('N12: there is a MIC exactly where the client announces one, and it verifies', () => {
    const { mic } = found.message;
    const announced = (avFlags(found.ntResponse.clientChallenge.avPairs) & 2) !== 0;
    expect(mic === undefined).toBe(!announced);
    expect('mic' in one).toBe(announced);
    if (mic === undefined) return;
    const { negotiate, challenge, authenticate, exported } = found;
    expect(toHex(mic)).toBe(text(one, 'mic'));
    expect(toHex(messageIntegrityCode(exported, negotiate, challenge, authenticate))).toBe(text(one, 'mic'));
  });

  test('N13: the keys of both directions', () => {
    const { flags } = found.message;
    const keys = (['client', 'server'] as const).flatMap((side) => [
      toHex(signKey(flags, found.exported, side)),
      toHex(sealKey(flags, found.exported, side)),
    ]);
    const names = ['client_sign_key', 'client_seal_key', 'server_sign_key', 'server_seal_key'];
    expect(keys).toEqual(names.map((name) => text(one, name)));
  });
});

describe('GSS-NTLMSSP inside SPNEGO, without a negotiated VERSION', () => {
  const one = vectorCases('spnego', 'capture').find(({ name }) => name === 'gssapi_negotiate_ntlm_fallback');
  const tokens = Array.isArray(one?.['tokens']) ? one['tokens'].map((token) => hex(String(token))) : [];
  const [negotiate, challenge, authenticate] = [tokens[3], tokens[4], tokens[5]].map((token) => responseToken(token));
  if (!negotiate || !challenge || !authenticate) throw new TypeError('the capture has three NTLM messages');

  /** The OCTET STRING in a NegTokenResp that is an NTLM message. */
  function responseToken(token: Uint8Array = new Uint8Array(0)): Uint8Array {
    const at = Buffer.from(token).indexOf('NTLMSSP');
    const [high = 0, low = 0] = token.subarray(at - 2, at);
    const length = high === 0x04 || high === 0x81 ? low : high * 256 + low;
    return token.slice(at, at + length);
  }

  const message = decodeAuthenticate(authenticate);
  const { ntResponse } = message;
  if (ntResponse.kind !== 'ntlm-v2') throw new TypeError('not NTLMv2');
  const responseKey = ntowfV2(ntowfV1(encodeUtf16('VagrantPass1')), message.user, message.domain);
  const proof = ntProofStr(responseKey, decodeChallenge(challenge).serverChallenge, ntResponse.temp);
  const exportedSessionKey = rc4k(sessionBaseKeyV2(responseKey, proof), message.encryptedRandomSessionKey);

  test('N3, N12: the MIC stands where the Version would be, and verifies', () => {
    expect(toHex(proof)).toBe(toHex(ntResponse.proof));
    expect(message.micAt).toBe(64);
    const mic = messageIntegrityCode(exportedSessionKey, negotiate, challenge, authenticate, message.micAt);
    expect(toHex(mic)).toBe('8efe464238c4f33a354672be53db70ae');
    expect(toHex(message.mic ?? new Uint8Array(0))).toBe(toHex(mic));
  });

  test('S6, S7: the mechListMIC of either side is the first signature of that side', () => {
    const mechTypeList = hex('301706092a864886f712010202060a2b06010401823702020a');
    const sign = (side: 'client' | 'server') =>
      toHex(new NtlmMessageSecurity({ flags: message.flags, exportedSessionKey, side }).sign(mechTypeList));
    expect(toHex(tokens[5] ?? new Uint8Array(0)).endsWith(sign('client'))).toBe(true);
    expect(toHex(tokens[6] ?? new Uint8Array(0)).endsWith(sign('server'))).toBe(true);
  });
});

describe.each(['freerdp2-ntlm-v6', 'impacket-ntlm-v2'])('recorded CredSSP exchange %s', (name) => {
  const messages = recordedRequests(name)
    .slice(0, 3)
    .map(({ octets: request }) => ntlmMessage(request));
  const [negotiate, challenge, authenticate] = messages;
  if (!negotiate || !challenge || !authenticate) throw new TypeError('the recording has three NTLM messages');

  /** The NTLM message in a TSRequest reaches as far as its last field does. */
  function ntlmMessage(request: Uint8Array): Uint8Array {
    const from = request.subarray(Buffer.from(request).indexOf('NTLMSSP'));
    const view = new DataView(from.buffer, from.byteOffset);
    const fields =
      [
        [16, 24],
        [12, 40],
        [12, 20, 28, 36, 44, 52],
      ][(from[8] ?? 0) - 1] ?? [];
    const ends = fields.map((at) => view.getUint16(at, true) + view.getUint32(at + 4, true));
    const fixed = from[8] === 1 ? ((view.getUint32(12, true) & 0x2000000) === 0 ? 32 : 40) : 0;
    return from.slice(0, Math.max(fixed, ...ends));
  }

  test('N9, N12: NTProofStr and MIC follow from the password', () => {
    const message = decodeAuthenticate(authenticate);
    const { ntResponse } = message;
    if (ntResponse.kind !== 'ntlm-v2') throw new TypeError('not NTLMv2');
    expect([message.domain, message.user]).toEqual(['EXAMPLE', 'alice']);
    const responseKey = ntowfV2(ntowfV1(encodeUtf16('AlicePass1!')), message.user, message.domain);
    const proof = ntProofStr(responseKey, decodeChallenge(challenge).serverChallenge, ntResponse.temp);
    expect(toHex(proof)).toBe(toHex(ntResponse.proof));
    const exported = rc4k(sessionBaseKeyV2(responseKey, proof), message.encryptedRandomSessionKey);
    expect(message.mic === undefined).toBe(name === 'impacket-ntlm-v2'); // impacket 0.10 announces none and sends none
    if (message.mic === undefined) return;
    expect(toHex(messageIntegrityCode(exported, negotiate, challenge, authenticate))).toBe(toHex(message.mic));
  });

  /** Our acceptor in the place of the recorded one: same names, same nonce, same time. */
  const logOnAgain = async (identity: Partial<AcceptorIdentity> = {}) => {
    const { serverChallenge, targetInfo = [] } = decodeChallenge(challenge);
    const time = (avValue(targetInfo, AV_ID.TIMESTAMP) ?? new Uint8Array(8)).slice();
    const now = fromFileTime(new DataView(time.buffer).getBigUint64(0, true));
    const host = { clock: { now: () => now }, random: { bytes: () => serverChallenge.slice() } };
    const text = (id: number): string => avText(targetInfo, id) ?? '';
    const computer = {
      netbiosComputer: text(AV_ID.NB_COMPUTER_NAME),
      netbiosDomain: text(AV_ID.NB_DOMAIN_NAME),
      dnsComputer: avText(targetInfo, AV_ID.DNS_COMPUTER_NAME),
      dnsDomain: avText(targetInfo, AV_ID.DNS_DOMAIN_NAME),
      dnsTree: avText(targetInfo, AV_ID.DNS_TREE_NAME),
    };
    const server = (await acquireServer({ computer, ...identity })).accept({ flags: 0, host });
    await say(server, negotiate);
    await server.step(authenticate);
    return server;
  };

  test('Z43, N19: our acceptor takes the client that announces no MIC, unless one is required', async () => {
    if (name === 'freerdp2-ntlm-v6') {
      // Its MIC is over the CHALLENGE of FreeRDP, and ours is another.
      expect((await failure(logOnAgain())).code).toBe('MIC_INVALID');
      return;
    }
    const server = await logOnAgain();
    expect(server.query('NAMES').userName).toBe('EXAMPLE\\alice');
    expect((await failure(logOnAgain({ requireMic: true }))).code).toBe('MIC_MISSING');
    // Z15: the names under the proof are those of the server that it was meant for.
    const elsewhere = { netbiosComputer: 'OTHER', netbiosDomain: 'EXAMPLE' };
    expect((await failure(logOnAgain({ computer: elsewhere }))).code).toBe('MIC_MISSING');
  });
});
