/** The server against clients, and people in between, that bend the rules. */
import { describe, expect, test, vi } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { concat, encodeUtf16, fromHex, md4 } from '../../src/crypto/index.ts';
import {
  AV_ID,
  type AvPair,
  decodeChallenge,
  encodeAvPairs,
  encodeChallenge,
  encodeNegotiate,
  lmV2Response,
  NEGOTIATE,
  ntlmV1ExtendedResponse,
  ntlmV1Response,
  ntowfV1,
  ntowfV2,
  ntProofStr,
  sessionBaseKeyV1,
  sessionBaseKeyV2,
} from '../../src/ntlm/index.ts';
import {
  type AcceptOptions,
  type AcceptorIdentity,
  type Account,
  type AccountQuery,
  ASC_REQ,
  ASC_RET,
  type ChannelBindings,
  hashChannelBindings,
  NTSTATUS,
  type NtlmChallengeResponse,
  type NtlmVerdict,
  SEC_E,
  Secret,
  type SspiError,
} from '../../src/sspi/index.ts';
import { toHex } from '../support/vectors.ts';
import {
  ALICE,
  authenticateByHand,
  EXPORTED_KEY,
  expectUnusable,
  failure,
  fileTime,
  type HandmadeClient,
  logOnByHand,
  NOW,
  OFFERED,
  say,
  startClient,
  startServer,
} from './support.ts';

const withMic: AvPair = { id: AV_ID.FLAGS, value: Uint8Array.of(2, 0, 0, 0) };
const HOUR = 3_600_000;

async function accepted(
  client: HandmadeClient = {},
  identity: Partial<AcceptorIdentity> = {},
  options: Partial<AcceptOptions> = {},
) {
  const server = await startServer(identity, options);
  await logOnByHand(server, client);
  expect(server.state).toBe('established');
  return server;
}

async function refused(
  client: HandmadeClient,
  identity: Partial<AcceptorIdentity> = {},
  options: Partial<AcceptOptions> = {},
): Promise<SspiError> {
  const server = await startServer(identity, options);
  const error = await failure(logOnByHand(server, client));
  expectUnusable(server);
  return error;
}

describe('the MIC', () => {
  test('Z12: one that is announced has to be right', async () => {
    await accepted({ pairs: [withMic], mic: true });
    const error = await refused({ pairs: [withMic], mic: false }); // its place is there, and zero
    expect([error.code, error.status, error.ntStatus]).toEqual([
      'MIC_INVALID',
      SEC_E.LOGON_DENIED,
      NTSTATUS.LOGON_FAILURE,
    ]);
  });

  test('Z12: the announcement cannot be taken back: it is under the proof', async () => {
    const server = await startServer();
    const negotiate = encodeNegotiate({ flags: OFFERED });
    const authenticate = authenticateByHand(negotiate, await say(server, negotiate), { pairs: [withMic], mic: true });
    const at = Buffer.from(authenticate).lastIndexOf(Buffer.from('0600040002000000', 'hex'));
    authenticate[at + 4] = 0;
    expect((await failure(server.step(authenticate))).code).toBe('LOGON_DENIED');
  });

  test('Z13: a second MsvAvFlags does not hide the first', async () => {
    const nothing: AvPair = { id: AV_ID.FLAGS, value: new Uint8Array(4) };
    for (const pairs of [
      [nothing, withMic],
      [withMic, nothing],
    ])
      expect((await refused({ pairs, mic: false })).status).toBe(SEC_E.INVALID_TOKEN);
  });

  test('Z43, N19: who announces none is taken by default, and refused where a MIC is required', async () => {
    await accepted();
    expect((await refused({}, { requireMic: true })).code).toBe('MIC_MISSING');
    await accepted({ pairs: [withMic], mic: true }, { requireMic: true });
  });

  test('Z43: who announces none and did not see our timestamp was lied to', async () => {
    const server = await startServer();
    const negotiate = encodeNegotiate({ flags: OFFERED });
    const challenge = decodeChallenge(await say(server, negotiate));
    const targetInfo = challenge.targetInfo?.filter(({ id }) => id !== AV_ID.TIMESTAMP);
    const authenticate = authenticateByHand(negotiate, encodeChallenge({ ...challenge, targetInfo }));
    expect((await failure(server.step(authenticate))).code).toBe('MIC_MISSING');
  });
});

describe('the proof', () => {
  test('Z22: a wrong password is LOGON_DENIED, whatever else is wrong', async () => {
    for (const client of [
      { password: 'wrong' },
      { password: 'wrong', pairs: [withMic] },
      { password: 'wrong', timestamp: new Uint8Array(8) },
      { password: '' },
    ]) {
      const error = await refused(client);
      expect([error.code, error.status, error.ntStatus]).toEqual([
        'LOGON_DENIED',
        SEC_E.LOGON_DENIED,
        NTSTATUS.LOGON_FAILURE,
      ]);
    }
  });

  test('Z22: an unknown user looks the same from outside, in words and in work', async () => {
    const queries: AccountQuery[] = [];
    const source = memoryAccounts([ALICE]);
    const accounts = {
      find(query: AccountQuery): Promise<Account | undefined> {
        queries.push(query);
        return source.find(query);
      },
    };
    const wrong = await refused({ password: 'wrong' }, { accounts });
    const asked = queries.splice(0).length;
    const unknown = await refused({ user: 'nobody' }, { accounts });
    expect(queries).toEqual([
      { user: 'nobody', domain: 'EXAMPLE' },
      { user: 'nobody', domain: '' },
    ]);
    expect(queries).toHaveLength(asked);
    expect({ ...unknown, message: unknown.message }).toEqual({ ...wrong, message: wrong.message });
  });

  test('Z43: the proof counts, a MIC alone does not', async () => {
    // A client that knows no password, but computes a MIC with a session key of its own choice.
    const error = await refused({ password: 'wrong', pairs: [withMic], mic: true });
    expect(error.code).toBe('LOGON_DENIED');
  });

  test('Z43: the response is checked as it came, not as we would write it', async () => {
    const server = await startServer();
    const negotiate = encodeNegotiate({ flags: OFFERED });
    const challenge = await say(server, negotiate);
    // Reserved octets that are not zero, an unknown pair, and octets behind the end.
    const temp = concat(
      fromHex('0101ffffffffffff'),
      fileTime(NOW),
      fromHex('aaaaaaaaaaaaaaaa01020304'),
      fromHex('ff7f0300c0ffee'),
      encodeAvPairs(decodeChallenge(challenge).targetInfo ?? []), // what we sent comes back, and the end of the list
      fromHex('deadbeefdeadbeef'),
    );
    const responseKey = ntowfV2(ntowfV1(encodeUtf16('AlicePass1!')), 'alice', 'EXAMPLE');
    const proof = ntProofStr(responseKey, decodeChallenge(challenge).serverChallenge, temp);
    const authenticate = authenticateByHand(negotiate, challenge, {
      ntResponse: concat(proof, temp),
      sessionKey: new Uint8Array(16),
    });
    expect(await server.step(authenticate)).toMatchObject({ status: SEC_E.OK });
    expect(sessionBaseKeyV2(responseKey, proof)).toHaveLength(16);
  });

  test('N19: a response computed without the domain is tried too', async () => {
    const server = await accepted({ domainOfKey: '' });
    expect(server.query('NAMES').userName).toBe('EXAMPLE\\alice');
    expect((await refused({ domainOfKey: 'OTHER' })).code).toBe('LOGON_DENIED');
  });

  test('Z14: LM and LMv2 responses alone prove nothing', async () => {
    const server = await startServer({ allowNtlmV1: true, allowAnonymous: true });
    const negotiate = encodeNegotiate({ flags: OFFERED });
    const challenge = await say(server, negotiate);
    const { serverChallenge } = decodeChallenge(challenge);
    const responseKey = ntowfV2(ntowfV1(encodeUtf16('AlicePass1!')), 'alice', 'EXAMPLE');
    const lmResponse = lmV2Response(responseKey, serverChallenge, new Uint8Array(8));
    const authenticate = authenticateByHand(negotiate, challenge, { ntResponse: new Uint8Array(0), lmResponse });
    expect((await failure(server.step(authenticate))).code).toBe('LOGON_DENIED');
  });

  test('Z20: an empty password is a password, and not one for all doors', async () => {
    const accounts = memoryAccounts([{ user: 'guest', password: '' }, ALICE]);
    await accepted({ user: 'guest', domain: '', password: '' }, { accounts });
    expect((await refused({ user: 'guest', domain: '', password: 'x' }, { accounts })).code).toBe('LOGON_DENIED');
    expect((await refused({ password: '' }, { accounts })).code).toBe('LOGON_DENIED');
  });

  test('N11: with KEY_EXCH the session key has to be there', async () => {
    const error = await refused({ sessionKey: new Uint8Array(0) });
    expect(error.status).toBe(SEC_E.INVALID_TOKEN);
  });

  test('N11: the session key is the one that the client chose', async () => {
    const server = await accepted();
    expect(server.query('SESSION_KEY').sessionKey.reveal()).toEqual(EXPORTED_KEY);
  });

  test('Z19: names may be long, and may be nothing', async () => {
    const user = 'u'.repeat(20_000);
    await accepted({ user }, { accounts: memoryAccounts([{ domain: 'EXAMPLE', user, password: 'AlicePass1!' }]) });
    expect((await refused({ user: '', domain: '' })).code).toBe('LOGON_DENIED');
  });
});

describe('NTLMv1', () => {
  const ntHash = ntowfV1(encodeUtf16('AlicePass1!'));

  async function logOnWithV1(
    identity: Partial<AcceptorIdentity>,
    negotiateFlags: number,
    response: 'plain' | 'extended',
  ) {
    const server = await startServer(identity);
    const negotiate = encodeNegotiate({ flags: negotiateFlags });
    const challenge = await say(server, negotiate);
    const { serverChallenge } = decodeChallenge(challenge);
    const nonce = fromHex('aaaaaaaaaaaaaaaa');
    const ntResponse =
      response === 'plain'
        ? ntlmV1Response(ntHash, serverChallenge)
        : ntlmV1ExtendedResponse(ntHash, serverChallenge, nonce);
    const lmResponse = response === 'plain' ? ntResponse : concat(nonce, new Uint8Array(16));
    await server.step(
      authenticateByHand(negotiate, challenge, { ntResponse, lmResponse, sessionKey: new Uint8Array(16) }),
    );
    return server;
  }

  const AUTHENTICATION_ONLY = OFFERED & ~(NEGOTIATE.SIGN | NEGOTIATE.SEAL | NEGOTIATE.KEY_EXCH);

  test('N17: is refused by default', async () => {
    const error = await failure(logOnWithV1({}, AUTHENTICATION_ONLY, 'extended'));
    expect([error.code, error.status]).toEqual(['WEAK_CRYPTO_REFUSED', SEC_E.LOGON_DENIED]);
  });

  test('N17: is accepted where the configuration says so', async () => {
    const extended = await logOnWithV1({ allowNtlmV1: true }, AUTHENTICATION_ONLY, 'extended');
    expect(extended.query('NAMES').userName).toBe('EXAMPLE\\alice');
    const plain = AUTHENTICATION_ONLY & ~NEGOTIATE.EXTENDED_SESSIONSECURITY;
    const old = await logOnWithV1({ allowNtlmV1: true }, plain, 'plain');
    // 3.4.5.1: without extended session security the KeyExchangeKey is the SessionBaseKey, MD4 of the NT hash.
    expect(toHex(old.query('SESSION_KEY').sessionKey.reveal())).toBe(toHex(md4(ntHash)));
    expect(sessionBaseKeyV1(ntHash)).toEqual(md4(ntHash));
  });

  test('N17: has to be right all the same', async () => {
    // The response for the one form in the place of the other.
    const error = await failure(logOnWithV1({ allowNtlmV1: true }, AUTHENTICATION_ONLY, 'plain'));
    expect(error.code).toBe('LOGON_DENIED');
  });

  test('Z18: cannot carry channel bindings, and is refused where they are required', async () => {
    const identity = { allowNtlmV1: true, channelBindingPolicy: 'required' } as const;
    expect((await failure(logOnWithV1(identity, AUTHENTICATION_ONLY, 'extended'))).code).toBe('BAD_BINDINGS');
  });
});

describe('flags', () => {
  test.each([
    ['SIGN', NEGOTIATE.SIGN],
    ['SEAL', NEGOTIATE.SEAL],
    ['128', NEGOTIATE.KEY_128],
    ['KEY_EXCH', NEGOTIATE.KEY_EXCH],
    ['EXTENDED_SESSIONSECURITY', NEGOTIATE.EXTENDED_SESSIONSECURITY],
  ])('Z16: an AUTHENTICATE that lost %s on its way is refused', async (_, flag) => {
    const error = await refused({ authenticateFlags: (0xe2888235 & ~flag) >>> 0 });
    expect(error.status).toBe(SEC_E.SECURITY_QOS_FAILED);
  });

  test.each([
    ['SIGN', NEGOTIATE.SIGN],
    ['SEAL', NEGOTIATE.SEAL],
    ['KEY_EXCH', NEGOTIATE.KEY_EXCH],
  ])('Z16: an AUTHENTICATE that gained %s on its way is refused', async (_, flag) => {
    const error = await refused({ negotiateFlags: 0xa2088207, authenticateFlags: (0xa2888205 | flag) >>> 0 });
    expect(error.status).toBe(SEC_E.SECURITY_QOS_FAILED);
  });

  test('Z54: an unknown flag does no harm, nor do flags that say nothing about protection', async () => {
    await accepted({
      negotiateFlags: OFFERED | 0x1d0c4100,
      authenticateFlags: (0xe2888235 | 0x3000 | 0x1d0c4100) >>> 0,
    });
  });

  test.each([
    ['128', NEGOTIATE.KEY_128],
    ['EXTENDED_SESSIONSECURITY', NEGOTIATE.EXTENDED_SESSIONSECURITY],
  ])('N20: a client without %s is refused at once, unless weak session security is allowed', async (_, flag) => {
    const negotiate = encodeNegotiate({ flags: (OFFERED & ~flag) >>> 0 });
    const error = await failure((await startServer()).step(negotiate));
    expect([error.code, error.status]).toEqual(['WEAK_CRYPTO_REFUSED', SEC_E.UNSUPPORTED_FUNCTION]);
    await accepted({ negotiateFlags: (OFFERED & ~flag) >>> 0 }, { allowWeakSessionSecurity: true });
  });

  test('N20: who only authenticates needs no 128 bits', async () => {
    await accepted({ negotiateFlags: NEGOTIATE.UNICODE | NEGOTIATE.NTLM });
  });

  test('N6: UNICODE wins, OEM will do, neither is refused', async () => {
    const flagsFor = async (flags: number) =>
      decodeChallenge(await say(await startServer(), encodeNegotiate({ flags }))).flags & 3;
    expect(await flagsFor(NEGOTIATE.UNICODE | NEGOTIATE.OEM)).toBe(NEGOTIATE.UNICODE);
    expect(await flagsFor(NEGOTIATE.OEM)).toBe(NEGOTIATE.OEM);
    expect((await failure(flagsFor(NEGOTIATE.NTLM))).status).toBe(SEC_E.INVALID_TOKEN);
    await accepted({ negotiateFlags: NEGOTIATE.OEM });
  });

  test('N6: LM_KEY is never agreed to', async () => {
    const challenge = decodeChallenge(
      await say(await startServer(), encodeNegotiate({ flags: OFFERED | NEGOTIATE.LM_KEY })),
    );
    expect(challenge.flags & NEGOTIATE.LM_KEY).toBe(0);
  });
});

describe('who the server says it is', () => {
  const challengeOf = async (identity: Partial<AcceptorIdentity>) =>
    decodeChallenge(await say(await startServer(identity), encodeNegotiate({ flags: OFFERED })));

  test('N2, N7: a member of a domain', async () => {
    const computer = {
      netbiosComputer: 'WEB',
      netbiosDomain: 'EXAMPLE',
      dnsComputer: 'web.example.com',
      dnsDomain: 'example.com',
      dnsTree: 'example.com',
    };
    const { flags, targetName, targetInfo } = await challengeOf({ computer });
    expect(targetName).toBe('EXAMPLE');
    expect(flags & 0x30000).toBe(0x10000); // TARGET_TYPE_DOMAIN, and not TARGET_TYPE_SERVER
    expect(
      targetInfo?.map(({ id, value }) => [id, id === 7 ? toHex(value) : Buffer.from(value).toString('utf16le')]),
    ).toEqual([
      [2, 'EXAMPLE'],
      [1, 'WEB'],
      [4, 'example.com'],
      [3, 'web.example.com'],
      [5, 'example.com'],
      [7, toHex(fileTime(NOW))],
    ]);
  });

  test('N2, N7: a stand-alone server', async () => {
    const { flags, targetName, targetInfo } = await challengeOf({
      computer: { netbiosComputer: 'BOX', netbiosDomain: 'box' },
    });
    expect(targetName).toBe('BOX');
    expect(flags & 0x30000).toBe(0x20000); // TARGET_TYPE_SERVER
    expect(targetInfo?.map(({ id }) => id)).toEqual([2, 1, 7]);
  });
});

describe('extended protection', () => {
  const channelBindings: ChannelBindings = { applicationData: new TextEncoder().encode('tls-server-end-point:0123') };
  const right: AvPair = { id: AV_ID.CHANNEL_BINDINGS, value: hashChannelBindings(channelBindings) };
  const other: AvPair = { id: AV_ID.CHANNEL_BINDINGS, value: new Uint8Array(16).fill(1) };
  const none: AvPair = { id: AV_ID.CHANNEL_BINDINGS, value: new Uint8Array(16) };
  const ALLOW = ASC_REQ.ALLOW_MISSING_BINDINGS;

  // policy, whether the server has bindings, its flags, what the client sends, and what becomes of it
  test.each([
    ['never', true, 0, other, true],
    ['never', true, 0, undefined, true],
    ['when-supported', true, 0, right, true],
    ['when-supported', true, 0, other, false],
    ['when-supported', true, 0, none, true],
    ['when-supported', true, 0, undefined, true],
    ['when-supported', false, 0, other, true],
    ['required', true, 0, right, true],
    ['required', true, 0, other, false],
    ['required', true, 0, none, false],
    ['required', true, 0, undefined, false],
    ['required', false, 0, none, false],
    ['required', false, 0, undefined, false],
    ['required', false, 0, other, true],
    [undefined, true, 0, right, true],
    [undefined, true, 0, other, false],
    [undefined, true, 0, none, false],
    [undefined, true, ALLOW, none, true],
    [undefined, true, ALLOW, other, false],
    [undefined, false, 0, none, true],
    [undefined, false, 0, undefined, true],
  ] as const)('Z18, N19: policy %s, server has bindings: %s, flags %i', async (policy, has, flags, sent, welcome) => {
    const client = { pairs: sent === undefined ? [] : [sent] };
    const options = { flags, channelBindings: has ? channelBindings : undefined };
    if (welcome) {
      await accepted(client, { channelBindingPolicy: policy }, options);
      return;
    }
    const error = await refused(client, { channelBindingPolicy: policy }, options);
    expect([error.code, error.status, error.ntStatus]).toEqual([
      'BAD_BINDINGS',
      SEC_E.BAD_BINDINGS,
      NTSTATUS.BAD_BINDINGS,
    ]);
  });

  test('Z52: bindings given to our own client reach our own server', async () => {
    for (const [mine, welcome] of [
      [channelBindings, true],
      [{ applicationData: new Uint8Array(3) }, false],
    ] as const) {
      const [client, server] = [
        await startClient({ channelBindings: mine }),
        await startServer({}, { channelBindings }),
      ];
      const authenticate = await say(client, await say(server, await say(client)));
      if (welcome) expect(await server.step(authenticate)).toMatchObject({ status: SEC_E.OK });
      else expect((await failure(server.step(authenticate))).code).toBe('BAD_BINDINGS');
    }
  });

  const target = (name: string): AvPair => ({ id: AV_ID.TARGET_NAME, value: encodeUtf16(name) });
  const untrusted: AvPair = { id: 6, value: Uint8Array.of(4, 0, 0, 0) };
  const constrained: AvPair = { id: 6, value: Uint8Array.of(1, 0, 0, 0) };

  test.each([
    ['the right one in other case', [target('http/WEB.example.com')], true],
    ['another one', [target('cifs/web.example.com')], false],
    ['an empty one', [target('')], false],
    ['none', [], false],
    ['one from an untrusted source', [untrusted, target('HTTP/web.example.com')], false],
    ['one of a constrained account', [constrained, target('HTTP/web.example.com')], true],
  ])('Z18: a list of services against %s', async (_, pairs, welcome) => {
    const identity = { targetNames: ['HTTP/web.example.com', 'HTTP/web'] };
    if (welcome) await accepted({ pairs }, identity);
    else {
      const error = await refused({ pairs }, identity);
      expect([error.code, error.status]).toEqual(['TARGET_NAME_REFUSED', SEC_E.WRONG_PRINCIPAL]);
    }
  });

  test('N19: a target from an untrusted source counts as absent', async () => {
    const query = async (pairs: AvPair[]) => (await accepted({ pairs })).query('CLIENT_SPECIFIED_TARGET').targetName;
    expect(await query([target('HTTP/web')])).toBe('HTTP/web');
    expect(await query([untrusted, target('HTTP/web')])).toBe('');
    expect(await query([])).toBe('');
  });
});

describe('time', () => {
  test.each([
    [0, undefined, true],
    [36 * HOUR, undefined, true],
    [36 * HOUR + 1, undefined, false],
    [-36 * HOUR - 1, undefined, false],
    [HOUR, HOUR / 2, false],
    [-HOUR / 4, HOUR / 2, true],
    [400 * 24 * HOUR, Number.POSITIVE_INFINITY, true],
  ])('Z23, N19: a response that is %i ms old, with a limit of %s', async (age, maxResponseAge, welcome) => {
    const client = { timestamp: fileTime(NOW - age) };
    if (welcome) await accepted(client, { maxResponseAge });
    else {
      const error = await refused(client, { maxResponseAge });
      expect([error.code, error.status]).toEqual(['TIME_SKEW', SEC_E.LOGON_DENIED]);
    }
  });

  test('Z23: a time beyond all calendars is refused, not misread', async () => {
    expect((await refused({ timestamp: new Uint8Array(8).fill(0xff) })).code).toBe('TIME_SKEW');
    expect((await refused({ timestamp: new Uint8Array(8) })).code).toBe('TIME_SKEW');
  });
});

describe('accounts', () => {
  test('T7: a restriction is told to who knows the password, and to nobody else', async () => {
    const accounts = memoryAccounts([{ ...ALICE, restriction: NTSTATUS.ACCOUNT_DISABLED }]);
    const error = await refused({}, { accounts });
    expect([error.code, error.status, error.ntStatus]).toEqual([
      'ACCOUNT_RESTRICTED',
      SEC_E.LOGON_DENIED,
      NTSTATUS.ACCOUNT_DISABLED,
    ]);
    expect((await refused({ password: 'wrong' }, { accounts })).ntStatus).toBe(NTSTATUS.LOGON_FAILURE);
  });

  const source = (find: () => Account | undefined) => ({ find: async () => find() });
  const account = (secret: Account['secret']): Account => ({ user: 'alice', domain: 'EXAMPLE', secret });

  test.each([
    [
      'throws',
      source(() => {
        throw new Error('no connection');
      }),
    ],
    [
      'has a hash of the wrong length',
      source(() => account({ kind: 'nt-hash', ntHash: new Secret(new Uint8Array(15)) })),
    ],
    [
      'has a hash that was wiped',
      source(() => {
        const ntHash = new Secret(new Uint8Array(16));
        ntHash.dispose();
        return account({ kind: 'nt-hash', ntHash });
      }),
    ],
    [
      'has a password that was wiped',
      source(() => {
        const password = Secret.fromText('x');
        password.dispose();
        return account({ kind: 'password', password });
      }),
    ],
  ])('Z20: a source that %s means refusal, never acceptance', async (_, accounts) => {
    const error = await refused({}, { accounts });
    expect([error.code, error.status]).toEqual(['NO_AUTHENTICATING_AUTHORITY', SEC_E.NO_AUTHENTICATING_AUTHORITY]);
    // Nor does the all-zero hash open anything.
    expect((await refused({ password: '' }, { accounts })).code).toBe('NO_AUTHENTICATING_AUTHORITY');
  });

  test('a source may give passwords instead of hashes', async () => {
    const accounts = source(() => account({ kind: 'password', password: Secret.fromText('AlicePass1!') }));
    await accepted({}, { accounts });
  });
});

describe('somebody else verifies', () => {
  const responseKey = ntowfV2(ntowfV1(encodeUtf16('AlicePass1!')), 'alice', 'EXAMPLE');

  /** What a domain controller does. */
  async function controller({ serverChallenge, ntResponse }: NtlmChallengeResponse): Promise<NtlmVerdict> {
    const proof = ntProofStr(responseKey, serverChallenge, ntResponse.subarray(16));
    if (toHex(proof) !== toHex(ntResponse.subarray(0, 16)))
      return { kind: 'refused', ntStatus: NTSTATUS.WRONG_PASSWORD };
    return {
      kind: 'verified',
      user: 'Alice',
      domain: 'EXAMPLE',
      sessionBaseKey: new Secret(sessionBaseKeyV2(responseKey, proof)),
    };
  }

  test('N19: the verifier gets what the client sent, and its session key is used', async () => {
    const verify = vi.fn(controller);
    const server = await accepted({ pairs: [withMic], mic: true }, { accounts: { verify } });
    expect(server.query('NAMES').userName).toBe('EXAMPLE\\Alice');
    expect(verify.mock.calls[0]?.[0]).toMatchObject({ user: 'alice', domain: 'EXAMPLE', workstation: 'LAPTOP' });
    expect((await refused({ pairs: [withMic] }, { accounts: { verify } })).code).toBe('MIC_INVALID');
    expect((await refused({ password: 'wrong' }, { accounts: { verify } })).code).toBe('LOGON_DENIED');
  });

  test.each([
    [NTSTATUS.LOGON_FAILURE, 'LOGON_DENIED', SEC_E.LOGON_DENIED],
    [NTSTATUS.NO_SUCH_USER, 'LOGON_DENIED', SEC_E.LOGON_DENIED],
    [NTSTATUS.ACCOUNT_LOCKED_OUT, 'ACCOUNT_RESTRICTED', SEC_E.LOGON_DENIED],
    [NTSTATUS.NO_LOGON_SERVERS, 'NO_AUTHENTICATING_AUTHORITY', SEC_E.NO_AUTHENTICATING_AUTHORITY],
    [0, 'ACCOUNT_RESTRICTED', SEC_E.INTERNAL_ERROR],
  ])('T7: a verdict of %i is passed on', async (ntStatus, code, status) => {
    const accounts = { verify: async (): Promise<NtlmVerdict> => ({ kind: 'refused', ntStatus }) };
    const error = await refused({}, { accounts });
    expect([error.code, error.status, error.ntStatus]).toEqual([code, status, ntStatus]);
  });

  test('Z20: a verifier that fails, or gives no usable key, means refusal', async () => {
    const wiped = new Secret(new Uint8Array(16));
    wiped.dispose();
    const verdicts: (() => NtlmVerdict)[] = [
      () => {
        throw new Error('timeout');
      },
      () => ({ kind: 'verified', user: 'alice', domain: 'EXAMPLE', sessionBaseKey: new Secret(new Uint8Array(0)) }),
      () => ({ kind: 'verified', user: 'alice', domain: 'EXAMPLE', sessionBaseKey: wiped }),
    ];
    for (const verdict of verdicts)
      expect((await refused({}, { accounts: { verify: async () => verdict() } })).code).toBe(
        'NO_AUTHENTICATING_AUTHORITY',
      );
  });
});

describe('anonymous clients', () => {
  const anonymous = { kind: 'anonymous' } as const;

  test('N18: are refused unless the server allows them in so many words', async () => {
    for (const flags of [0, ASC_REQ.ALLOW_NULL_SESSION]) {
      const [client, server] = [await startClient({ flags: 0 }, anonymous), await startServer({}, { flags })];
      const error = await failure(server.step(await say(client, await say(server, await say(client)))));
      expect([error.code, error.status]).toEqual(['ANONYMOUS_REFUSED', SEC_E.LOGON_DENIED]);
    }
  });

  test('N18: where they are allowed they get no key and no protection', async () => {
    const [client, server] = [await startClient({ flags: 0 }, anonymous), await startServer({ allowAnonymous: true })];
    const end = await server.step(await say(client, await say(server, await say(client))));
    expect(end).toMatchObject({ status: SEC_E.OK, flags: ASC_RET.NULL_SESSION });
    expect(server.query('ACCESS_TOKEN')).toMatchObject({ anonymous: true, user: 'ANONYMOUS LOGON' });
    expect(server.messages).toMatchObject({ integrity: false, confidentiality: false });
    for (const context of [client, server]) expect(() => context.query('SESSION_KEY')).toThrow('SESSION_KEY');
  });

  test('N18: a client that needs protection cannot be anonymous', async () => {
    expect((await failure((await startClient({}, anonymous)).step())).code).toBe('INTEGRITY_REQUIRED');
  });

  const byHand: HandmadeClient = {
    user: '',
    domain: '',
    ntResponse: new Uint8Array(0),
    lmResponse: new Uint8Array(1),
    sessionKey: new Uint8Array(16),
  };

  test.each([
    ['protection', {}, { flags: ASC_REQ.INTEGRITY }, 'INTEGRITY_REQUIRED'],
    ['a MIC', { requireMic: true }, {}, 'MIC_MISSING'],
    ['channel bindings', { channelBindingPolicy: 'required' }, {}, 'BAD_BINDINGS'],
    ['a service', { targetNames: ['HTTP/web'] }, {}, 'TARGET_NAME_REFUSED'],
  ] as const)('N18: nor may he come in where %s is required', async (_, identity, options, code) => {
    expect((await refused(byHand, { allowAnonymous: true, ...identity }, options)).code).toBe(code);
  });

  test('N18: an LmChallengeResponse that is not empty is no anonymous logon', async () => {
    const error = await refused({ ...byHand, lmResponse: Uint8Array.of(1) }, { allowAnonymous: true });
    expect(error.code).toBe('LOGON_DENIED');
  });
});
