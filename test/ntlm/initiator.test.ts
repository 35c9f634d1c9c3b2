/** The client against servers, and people in between, that bend the rules. */
import { describe, expect, test } from 'vitest';
import { encodeUtf16, fromHex } from '../../src/crypto/index.ts';
import {
  AV_ID,
  type AvPair,
  avText,
  avValue,
  type ChallengeMessage,
  decodeAuthenticate,
  decodeChallenge,
  decodeClientChallenge,
  encodeChallenge,
  encodeNegotiate,
  lmV2Response,
  messageIntegrityCode,
  NEGOTIATE,
  ntowfV1,
  ntowfV2,
  rc4k,
  sessionBaseKeyV2,
} from '../../src/ntlm/index.ts';
import {
  type ChannelBindings,
  hashChannelBindings,
  type InitiateOptions,
  ISC_REQ,
  NTSTATUS,
  SEC_E,
} from '../../src/sspi/index.ts';
import { toHex } from '../support/vectors.ts';
import { expectUnusable, failure, fileTime, NOW, OFFERED, say, startClient, startServer } from './support.ts';

const SERVER_CHALLENGE = fromHex('0123456789abcdef');
const SERVER_TIME = fileTime(NOW - 5000);
const CHOSEN = 0xe28a8235;

const pair = (id: number, text: string): AvPair => ({ id, value: encodeUtf16(text) });
const NAMES = [pair(AV_ID.NB_DOMAIN_NAME, 'EXAMPLE'), pair(AV_ID.NB_COMPUTER_NAME, 'SERVER')];
const TIME: AvPair = { id: AV_ID.TIMESTAMP, value: SERVER_TIME };

function challengeOf(changes: Partial<ChallengeMessage> = {}): Uint8Array {
  return encodeChallenge({
    flags: CHOSEN,
    serverChallenge: SERVER_CHALLENGE,
    targetName: 'SERVER',
    targetInfo: [...NAMES, TIME],
    version: undefined,
    ...changes,
  });
}

/** Lets a client answer a CHALLENGE. */
async function answerTo(challenge: Uint8Array, options: Partial<InitiateOptions> = {}) {
  const client = await startClient(options);
  const negotiate = await say(client);
  const authenticate = await say(client, challenge);
  const message = decodeAuthenticate(authenticate);
  const { ntResponse } = message;
  if (ntResponse.kind !== 'ntlm-v2') throw new TypeError('the client answered with something else than NTLMv2');
  return { client, negotiate, authenticate, message, ntResponse, sent: decodeClientChallenge(ntResponse.temp) };
}

async function refusalOf(challenge: Uint8Array, options: Partial<InitiateOptions> = {}) {
  const client = await startClient(options);
  await say(client);
  const error = await failure(client.step(challenge));
  expectUnusable(client);
  return error;
}

describe('what the client writes', () => {
  test('N10, Z14, Z54: a server with a clock gets its own time back, a MIC, and no LMv2 response', async () => {
    const challenge = challengeOf();
    const { negotiate, authenticate, message, ntResponse, sent } = await answerTo(challenge);
    expect(toHex(sent.timestamp)).toBe(toHex(SERVER_TIME));
    expect(avValue(sent.avPairs, 6)).toEqual(fromHex('02000000')); // MsvAvFlags: there is a MIC
    expect(message.lmResponse).toEqual(new Uint8Array(24));
    const responseKey = ntowfV2(ntowfV1(encodeUtf16('AlicePass1!')), 'alice', 'EXAMPLE');
    const exported = rc4k(sessionBaseKeyV2(responseKey, ntResponse.proof), message.encryptedRandomSessionKey);
    expect(message.mic).toEqual(messageIntegrityCode(exported, negotiate, challenge, authenticate));
  });

  test('N10: a server without a clock gets our time, an LMv2 response and no MIC', async () => {
    const { message, sent } = await answerTo(challengeOf({ targetInfo: NAMES }));
    expect(toHex(sent.timestamp)).toBe(toHex(fileTime(NOW)));
    expect(avValue(sent.avPairs, AV_ID.FLAGS)).toBeUndefined();
    expect(message.mic).toBeUndefined();
    const responseKey = ntowfV2(ntowfV1(encodeUtf16('AlicePass1!')), 'alice', 'EXAMPLE');
    expect(message.lmResponse).toEqual(lmV2Response(responseKey, SERVER_CHALLENGE, sent.clientChallenge));
  });

  test("N10: the server's pairs go back as they came, unknown ones too, with ours behind them", async () => {
    const unknown = { id: 0x7ffe, value: fromHex('c0ffee') };
    const { sent } = await answerTo(challengeOf({ targetInfo: [...NAMES, unknown, TIME] }));
    expect(sent.avPairs.map(({ id }) => id)).toEqual([2, 1, 0x7ffe, 7, 6, 10, 9]);
    expect(avValue(sent.avPairs, 0x7ffe)).toEqual(unknown.value);
  });

  test('N10: target name and channel bindings', async () => {
    const channelBindings: ChannelBindings = { applicationData: new TextEncoder().encode('tls-server-end-point:abc') };
    const { sent } = await answerTo(challengeOf(), { targetName: 'HTTP/web.example.com', channelBindings });
    expect(avText(sent.avPairs, AV_ID.TARGET_NAME)).toBe('HTTP/web.example.com');
    expect(avValue(sent.avPairs, AV_ID.CHANNEL_BINDINGS)).toEqual(hashChannelBindings(channelBindings));
  });

  test('N10: without target and bindings both pairs are there, empty and zero', async () => {
    const { sent } = await answerTo(challengeOf(), { targetName: undefined });
    expect(avText(sent.avPairs, AV_ID.TARGET_NAME)).toBe('');
    expect(avValue(sent.avPairs, AV_ID.CHANNEL_BINDINGS)).toEqual(new Uint8Array(16));
  });

  test('N10: a target name from an untrusted source is marked', async () => {
    const { sent } = await answerTo(challengeOf(), { flags: ISC_REQ.UNVERIFIED_TARGET_NAME });
    expect(avValue(sent.avPairs, 6)).toEqual(fromHex('06000000')); // MIC, and SPN from an untrusted source
  });

  test('N3: version and MIC have their room, the payload comes at 88', async () => {
    const { authenticate, message } = await answerTo(challengeOf());
    expect(toHex(authenticate.subarray(64, 72))).toBe('0a0063450000000f');
    expect(message.micAt).toBe(72);
    expect(new DataView(authenticate.buffer).getUint32(32, true)).toBe(88); // DomainNameBufferOffset
    const { message: silent, authenticate: octets } = await answerTo(
      challengeOf({ flags: CHOSEN & ~NEGOTIATE.VERSION }),
    );
    expect([silent.version, silent.micAt]).toEqual([undefined, 72]);
    expect(toHex(octets.subarray(64, 72))).toBe('0000000000000000');
  });

  test('N6: a server that knows only the OEM character set is answered in it', async () => {
    const flags = ((CHOSEN & ~NEGOTIATE.UNICODE) | NEGOTIATE.OEM) >>> 0;
    const { message } = await answerTo(challengeOf({ flags }));
    expect(message).toMatchObject({ flags: 0xe2888236, user: 'alice', domain: 'EXAMPLE' });
  });
});

describe('what the client does not accept', () => {
  test.each([
    ['MsvAvFlags, SPN unverified', { id: 6, value: fromHex('04000000') }],
    ['MsvAvFlags, constrained', { id: 6, value: fromHex('01000000') }],
    ['MsvAvFlags, all of them', { id: 6, value: fromHex('ffffffff') }],
    ['MsvAvChannelBindings', { id: AV_ID.CHANNEL_BINDINGS, value: fromHex('ee'.repeat(16)) }],
    ['MsvAvTargetName', pair(AV_ID.TARGET_NAME, 'cifs/evil')],
    ['MsvAvSingleHost', { id: AV_ID.SINGLE_HOST, value: new Uint8Array(48) }],
  ])('N10, Z13: %s in the CHALLENGE is dropped: it is ours to write', async (_, planted) => {
    const { sent } = await answerTo(challengeOf({ targetInfo: [planted, ...NAMES, TIME] }));
    expect(sent.avPairs.map(({ id }) => id)).toEqual([2, 1, 7, 6, 10, 9]);
    expect(avValue(sent.avPairs, 6)).toEqual(fromHex('02000000'));
    expect(avText(sent.avPairs, AV_ID.TARGET_NAME)).toBe('HTTP/server.example.com');
    expect(avValue(sent.avPairs, AV_ID.CHANNEL_BINDINGS)).toEqual(new Uint8Array(16));
  });

  test('Z13: a CHALLENGE with a pair twice is refused', async () => {
    const error = await refusalOf(challengeOf({ targetInfo: [...NAMES, TIME, TIME] }));
    expect(error.status).toBe(SEC_E.INVALID_TOKEN);
  });

  test.each([
    ['SIGN', NEGOTIATE.SIGN, 'INTEGRITY_REQUIRED'],
    ['SEAL', NEGOTIATE.SEAL, 'INTEGRITY_REQUIRED'],
    ['EXTENDED_SESSIONSECURITY', NEGOTIATE.EXTENDED_SESSIONSECURITY, 'WEAK_CRYPTO_REFUSED'],
    ['KEY_EXCH', NEGOTIATE.KEY_EXCH, 'WEAK_CRYPTO_REFUSED'],
    ['128', NEGOTIATE.KEY_128, 'WEAK_CRYPTO_REFUSED'],
  ])('Z16, N20: a CHALLENGE without %s, which the caller needs, is refused', async (_, flag, code) => {
    expect((await refusalOf(challengeOf({ flags: (CHOSEN & ~flag) >>> 0 }))).code).toBe(code);
  });

  test('Z16: who only authenticates needs none of them', async () => {
    const flags = NEGOTIATE.UNICODE | NEGOTIATE.NTLM | NEGOTIATE.TARGET_INFO;
    const { client, message } = await answerTo(challengeOf({ flags, targetInfo: [] }), { flags: 0 });
    expect(client.state).toBe('established');
    expect(message.flags).toBe(flags);
  });

  test('Z16: what the server adds to our offer we do not take', async () => {
    const { message } = await answerTo(challengeOf({ flags: 0xffffffff }), { flags: 0 });
    // The offer without signing, and TARGET_INFO.
    expect(message.flags.toString(16)).toBe('a2888205');
  });

  test('N6: neither UNICODE nor OEM', async () => {
    const error = await refusalOf(challengeOf({ flags: CHOSEN & ~NEGOTIATE.UNICODE }));
    expect(error.status).toBe(SEC_E.INVALID_TOKEN);
  });

  test.each([
    ['computer', [NAMES[0]]],
    ['domain', [NAMES[1]]],
    ['both', []],
  ])('N7: without the NetBIOS name of the %s there is no protection to be had', async (_, some) => {
    const targetInfo = [...some, TIME].filter((one) => one !== undefined);
    const error = await refusalOf(challengeOf({ targetInfo }));
    expect([error.code, error.ntStatus]).toEqual(['LOGON_DENIED', NTSTATUS.LOGON_FAILURE]);
  });

  test('P4, N12, N16: datagram contexts are not among the capabilities, of a client or a server', async () => {
    const error = await failure((await startClient({ flags: 0x400 })).step()); // ISC_REQ_DATAGRAM
    expect(error.status).toBe(SEC_E.UNSUPPORTED_FUNCTION);
    const negotiate = await say(await startClient());
    const server = await startServer({}, { flags: 0x400 }); // ASC_REQ_DATAGRAM
    expect((await failure(server.step(negotiate))).status).toBe(SEC_E.UNSUPPORTED_FUNCTION);
  });

  test('N16: whoever is offered or offers DATAGRAM does not get it', async () => {
    expect((await answerTo(challengeOf({ flags: CHOSEN | 0x40 }))).message.flags & 0x40).toBe(0);
    const offer = encodeNegotiate({ flags: OFFERED | 0x40 });
    expect(decodeChallenge(await say(await startServer(), offer)).flags & 0x40).toBe(0);
  });
});
