/** Who a client may be, and what a server makes of what is almost right. */
import { describe, expect, test, vi } from 'vitest';
import { concat, encodeUtf16, hmacMd5, md4 } from '../../src/crypto/index.ts';
import {
  AV_ID,
  decodeAuthenticate,
  decodeChallenge,
  encodeChallenge,
  encodeNegotiate,
  NEGOTIATE,
  ntlmPackage,
  ntlmV1ExtendedResponse,
  ntowfV1,
  sessionBaseKeyV1,
} from '../../src/ntlm/index.ts';
import {
  type AcceptorIdentity,
  type Account,
  type AccountQuery,
  type ChannelBindings,
  hashChannelBindings,
  NTSTATUS,
  type NtlmVerdict,
  SEC_E,
  SECPKG_CRED,
  Secret,
} from '../../src/sspi/index.ts';
import { toHex } from '../support/vectors.ts';
import {
  acquireClient,
  authenticateByHand,
  failure,
  type HandmadeClient,
  logOnByHand,
  NOW,
  OFFERED,
  say,
  startClient,
  startServer,
  stillHost,
} from './support.ts';

const AUTHENTICATION_ONLY = (OFFERED & ~(NEGOTIATE.SIGN | NEGOTIATE.SEAL | NEGOTIATE.KEY_EXCH)) >>> 0;
const ALICE_HASH = ntowfV1(encodeUtf16('AlicePass1!'));

async function refusal(client: HandmadeClient, identity: Partial<AcceptorIdentity> = {}) {
  return failure(logOnByHand(await startServer(identity), client));
}

describe('anonymous clients', () => {
  const nobody: HandmadeClient = {
    negotiateFlags: AUTHENTICATION_ONLY,
    user: '',
    domain: '',
    ntResponse: new Uint8Array(0),
    lmResponse: new Uint8Array(1),
  };

  test('N18: neither an empty LmChallengeResponse nor one zero octet proves anything, and both are anonymous', async () => {
    for (const lmResponse of [new Uint8Array(0), new Uint8Array(1)]) {
      const server = await startServer({ allowAnonymous: true });
      await logOnByHand(server, { ...nobody, lmResponse });
      expect(server.query('ACCESS_TOKEN')).toMatchObject({ anonymous: true, name: 'NT AUTHORITY\\ANONYMOUS LOGON' });
    }
  });

  test.each([
    ['a name', { user: 'alice' }],
    ['an NTLMv2 response', { ntResponse: undefined }],
    ['an NTLMv1 response', { ntResponse: new Uint8Array(24) }],
    ['an LM response of two zero octets', { lmResponse: new Uint8Array(2) }],
    ['an LM response that is not zero', { lmResponse: Uint8Array.of(7) }],
  ])('N18: whoever sends %s is not anonymous, even where anybody may come in', async (_, changes) => {
    const { ntResponse, ...rest } = { ...nobody, ...changes };
    const client = ntResponse === undefined ? rest : { ...rest, ntResponse };
    const error = await refusal(client, { allowAnonymous: true });
    expect([error.status, error.ntStatus]).toEqual([SEC_E.LOGON_DENIED, NTSTATUS.LOGON_FAILURE]);
  });

  test('N18: whom nobody invited is told LOGON_FAILURE', async () => {
    const error = await refusal(nobody);
    expect(error).toMatchObject({ code: 'ANONYMOUS_REFUSED', ntStatus: NTSTATUS.LOGON_FAILURE });
  });

  test('N18: our own says so in its flags, has no name and writes no MIC', async () => {
    const [client, server] = [
      await startClient({ flags: 0 }, { kind: 'anonymous' }),
      await startServer({ allowAnonymous: true }),
    ];
    const authenticate = await say(client, await say(server, await say(client)));
    const message = decodeAuthenticate(authenticate);
    expect(message.flags & 0x800).toBe(0x800); // NTLMSSP_NEGOTIATE_ANONYMOUS
    expect(message).toMatchObject({
      user: '',
      domain: '',
      lmResponse: new Uint8Array(1),
      ntResponse: { kind: 'none' },
    });
    expect(authenticate.subarray(72, 88)).toEqual(new Uint8Array(16));
    expect(client.query('NAMES')).toEqual({ userName: '' });
  });
});

test('N10: without a timestamp of the server the place of the MIC stays zero', async () => {
  const [client, server] = [await startClient(), await startServer()];
  const challenge = decodeChallenge(await say(server, await say(client)));
  const targetInfo = challenge.targetInfo?.filter(({ id }) => id !== AV_ID.TIMESTAMP);
  const authenticate = await say(client, encodeChallenge({ ...challenge, targetInfo }));
  expect(authenticate.subarray(72, 88)).toEqual(new Uint8Array(16));
});

describe('channel bindings and targets', () => {
  const channelBindings: ChannelBindings = { applicationData: new TextEncoder().encode('tls-server-end-point:x') };

  test('Z18: a hash is a hash as soon as one octet of it is not zero', async () => {
    const almost = hashChannelBindings(channelBindings).slice();
    for (const value of [Uint8Array.from({ length: 16 }, (_, at) => (at === 15 ? 1 : 0)), almost.fill(0, 0, 8)]) {
      const server = await startServer({}, { channelBindings });
      const error = await failure(logOnByHand(server, { pairs: [{ id: AV_ID.CHANNEL_BINDINGS, value }] }));
      expect(error).toMatchObject({
        code: 'BAD_BINDINGS',
        status: SEC_E.BAD_BINDINGS,
        ntStatus: NTSTATUS.BAD_BINDINGS,
      });
      expect(error.message).toContain('another channel');
    }
  });

  test('N19: no name is no target, whatever the list of the server says', async () => {
    for (const targetNames of [[''], ['', 'HTTP/other']]) {
      const error = await refusal({}, { targetNames });
      expect(error).toMatchObject({ code: 'TARGET_NAME_REFUSED', ntStatus: NTSTATUS.ACCESS_DENIED });
      expect(error.message).toContain('did not say which');
    }
    const wrong = await refusal(
      { pairs: [{ id: AV_ID.TARGET_NAME, value: encodeUtf16('HTTP/web') }] },
      { targetNames: ['HTTP/other'] },
    );
    expect(wrong.message).not.toContain('did not say which');
  });

  test('Z23: MaxLifetime is met by exactly as much', async () => {
    const maxResponseAge = 60_000;
    const at = (milliseconds: number): HandmadeClient => {
      const timestamp = new Uint8Array(8);
      new DataView(timestamp.buffer).setBigUint64(0, BigInt(milliseconds) * 10_000n + 116_444_736_000_000_000n, true);
      return { timestamp };
    };
    for (const age of [-60_000, 60_000]) {
      const server = await startServer({ maxResponseAge });
      await logOnByHand(server, at(NOW - age));
      expect(server.state).toBe('established');
    }
    for (const age of [-60_001, 60_001])
      expect(await refusal(at(NOW - age), { maxResponseAge })).toMatchObject({
        code: 'TIME_SKEW',
        ntStatus: NTSTATUS.LOGON_FAILURE,
      });
  });
});

describe('accounts', () => {
  const alice: Account = {
    user: 'alice',
    domain: 'EXAMPLE',
    secret: { kind: 'nt-hash', ntHash: new Secret(ALICE_HASH) },
  };
  const local: Account = { ...alice, domain: 'SERVER' };

  const finding = (answer: (query: AccountQuery) => Account | undefined) =>
    vi.fn(async (query: AccountQuery): Promise<Account | undefined> => answer(query));

  test('N19: without a domain in the response, the account may be that of the domain or the server’s own', async () => {
    for (const [find, name] of [
      [finding(({ domain }) => (domain === 'EXAMPLE' ? alice : undefined)), 'EXAMPLE\\alice'],
      [finding(({ domain }) => (domain === '' ? local : undefined)), 'SERVER\\alice'],
      [finding(({ domain }) => (domain === '' ? local : alice)), 'SERVER\\alice'],
    ] as const) {
      const server = await startServer({ accounts: { find } });
      await logOnByHand(server, { domainOfKey: '' });
      expect(server.query('NAMES').userName).toBe(name);
      expect(find.mock.calls.map(([{ domain }]) => domain)).toEqual(['EXAMPLE', '']);
    }
  });

  test('N19: nobody is looked up twice under the same name', async () => {
    const find = finding(() => alice);
    expect((await refusal({ domain: '', password: 'wrong' }, { accounts: { find } })).code).toBe('LOGON_DENIED');
    expect(find).toHaveBeenCalledTimes(1);
  });

  test('Z22: what stands in for the hash of an unknown user opens no door, even to who guesses it', async () => {
    const decoy = new Uint8Array(16).fill(0x44);
    const host = { ...stillHost(), random: { bytes: (length: number) => new Uint8Array(length).fill(0x44) } };
    const credential = await ntlmPackage.acquire({
      use: SECPKG_CRED.INBOUND,
      authData: { kind: 'acceptor', accounts: { find: async () => undefined } },
      host,
    });
    const ghost = await acquireClient({ kind: 'nt-hash', user: 'ghost', domain: 'EXAMPLE', ntHash: new Secret(decoy) });
    const [client, server] = [ghost.initiate({ flags: 0 }), credential.accept({ flags: 0 })];
    const error = await failure(server.step(await say(client, await say(server, await say(client)))));
    expect(error.code).toBe('LOGON_DENIED');
  });

  test('N17: of an NTLMv1 response that somebody else verifies, the session key is the KeyExchangeKey', async () => {
    const sessionBaseKey = sessionBaseKeyV1(ALICE_HASH);
    const verify = async (): Promise<NtlmVerdict> => ({
      kind: 'verified',
      user: 'alice',
      domain: 'EXAMPLE',
      sessionBaseKey: new Secret(sessionBaseKey.slice()),
    });
    const server = await startServer({ allowNtlmV1: true, accounts: { verify } });
    const negotiate = encodeNegotiate({ flags: AUTHENTICATION_ONLY });
    const challenge = await say(server, negotiate);
    const { serverChallenge } = decodeChallenge(challenge);
    const nonce = new Uint8Array(8).fill(0xaa);
    const ntResponse = ntlmV1ExtendedResponse(ALICE_HASH, serverChallenge, nonce);
    const lmResponse = concat(nonce, new Uint8Array(16));
    await server.step(authenticateByHand(negotiate, challenge, { ntResponse, lmResponse }));
    // 3.4.5.1 KXKEY with extended session security, of MD4 of the NT hash.
    const expected = hmacMd5(md4(ALICE_HASH), serverChallenge, nonce);
    expect(toHex(server.query('SESSION_KEY').sessionKey.reveal())).toBe(toHex(expected));
  });
});

describe('names and secrets of a client', () => {
  const acquire = (authData: Parameters<typeof acquireClient>[0]) => acquireClient(authData);

  test('N8: DOMAIN\\user is taken apart only where no domain stands beside it', async () => {
    const nameOf = async (user: string, domain?: string) =>
      (await acquire({ kind: 'identity', user, domain, password: 'x' })).attributes?.NAMES?.().userName;
    expect(await nameOf('EXAMPLE\\alice')).toBe('EXAMPLE\\alice');
    expect(await nameOf('A\\alice', 'EXAMPLE')).toBe('EXAMPLE\\A\\alice');
    expect(await nameOf('alice@example.test')).toBe('alice@example.test');
  });

  test('A12: an NT hash is a Secret that was not disposed', async () => {
    const disposed = new Secret(new Uint8Array(16));
    disposed.dispose();
    for (const ntHash of [disposed, new Uint8Array(16)]) {
      const authData = Object.assign(
        { kind: 'nt-hash', user: 'alice', ntHash: new Secret(new Uint8Array(16)) } as const,
        {
          ntHash,
        },
      );
      const error = await failure(ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: stillHost() }));
      expect(error).toMatchObject({ code: 'UNKNOWN_CREDENTIALS', status: SEC_E.UNKNOWN_CREDENTIALS });
    }
  });
});
