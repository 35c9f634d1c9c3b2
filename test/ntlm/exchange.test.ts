/** Both roles against each other. */
import { describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { fromHex } from '../../src/crypto/index.ts';
import { decodeAuthenticate, decodeChallenge, decodeNegotiate, NEGOTIATE } from '../../src/ntlm/index.ts';
import {
  ASC_REQ,
  ASC_RET,
  type ExchangeEvent,
  ISC_REQ,
  ISC_RET,
  NEVER,
  SEC_E,
  SEC_I,
  Secret,
  type SecurityContext,
  toFileTime,
} from '../../src/sspi/index.ts';
import { toHex } from '../support/vectors.ts';
import { ALICE, acquireServer, failure, NOW, PROTECTED, say, startClient, startServer, thrown } from './support.ts';

async function logOn(client: SecurityContext, server: SecurityContext) {
  const negotiate = await say(client);
  const challenge = await say(server, negotiate);
  const last = await client.step(challenge);
  if (!('token' in last)) throw new TypeError('no token');
  const end = await server.step(last.token);
  if (!('token' in end)) throw new TypeError('no token');
  return { negotiate, challenge, authenticate: last.token, client: last, server: end };
}

const MESSAGE = new TextEncoder().encode('GET / HTTP/1.1');
const SIGNED = ISC_RET.INTEGRITY | ISC_RET.REPLAY_DETECT | ISC_RET.SEQUENCE_DETECT;
const ASC_SIGNED = ASC_RET.INTEGRITY | ASC_RET.REPLAY_DETECT | ASC_RET.SEQUENCE_DETECT;

describe('flags', () => {
  test.each([
    ['nothing', 0, 0xa2088207, 0, 0],
    ['INTEGRITY', ISC_REQ.INTEGRITY, 0xe2088217, SIGNED, ASC_SIGNED],
    ['REPLAY_DETECT', ISC_REQ.REPLAY_DETECT, 0xe2088217, SIGNED, ASC_SIGNED],
    ['SEQUENCE_DETECT', ISC_REQ.SEQUENCE_DETECT, 0xe2088217, SIGNED, ASC_SIGNED],
    [
      'CONFIDENTIALITY',
      ISC_REQ.CONFIDENTIALITY,
      0xe2088237,
      SIGNED | ISC_RET.CONFIDENTIALITY,
      ASC_SIGNED | ASC_RET.CONFIDENTIALITY,
    ],
    [
      'what FreeRDP asks for inside CredSSP',
      ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY | ISC_REQ.USE_SESSION_KEY,
      0xe2088237,
      SIGNED | ISC_RET.CONFIDENTIALITY | ISC_RET.USE_SESSION_KEY,
      ASC_SIGNED | ASC_RET.CONFIDENTIALITY,
    ],
    ['IDENTIFY', ISC_REQ.IDENTIFY, 0xa2188207, ISC_RET.IDENTIFY, ASC_RET.IDENTIFY],
    ['CONNECTION', ISC_REQ.CONNECTION, 0xa2088207, ISC_RET.CONNECTION, 0],
  ])('N5, Z55: %s', async (_, requested, offered, initiatorGot, acceptorGot) => {
    const [client, server] = [await startClient({ flags: requested }), await startServer()];
    const exchange = await logOn(client, server);
    expect(decodeNegotiate(exchange.negotiate).flags.toString(16)).toBe(offered.toString(16));
    expect(exchange.client).toMatchObject({ status: SEC_E.OK, flags: initiatorGot, expiry: NEVER });
    expect(exchange.server).toMatchObject({ status: SEC_E.OK, flags: acceptorGot, expiry: NEVER });
    expect(client.query('FLAGS').flags).toBe(initiatorGot);
    expect(server.query('FLAGS').flags).toBe(acceptorGot);

    const [ours, theirs] = [client.messages, server.messages];
    if (ours.kind !== 'token' || theirs.kind !== 'token') throw new TypeError('not a token mechanism');
    expect([ours.integrity, theirs.integrity]).toEqual(Array(2).fill((initiatorGot & ISC_RET.INTEGRITY) !== 0));
    expect([ours.confidentiality, theirs.confidentiality]).toEqual(
      Array(2).fill((initiatorGot & ISC_RET.CONFIDENTIALITY) !== 0),
    );
    if (ours.integrity) theirs.verify(MESSAGE, ours.sign(MESSAGE));
    if (!ours.confidentiality) return;
    expect(theirs.unwrap(ours.wrap(MESSAGE))).toEqual(MESSAGE);
    expect(ours.unwrap(theirs.wrap(MESSAGE))).toEqual(MESSAGE);
  });

  test('N6, N11: of what the client offers the server takes what it can do', async () => {
    const { challenge, authenticate } = await logOn(await startClient(), await startServer());
    // UNICODE without OEM, TARGET_TYPE_SERVER, TARGET_INFO; no LM_KEY.
    expect(decodeChallenge(challenge).flags.toString(16)).toBe('e28a8235');
    expect(decodeAuthenticate(authenticate).flags.toString(16)).toBe('e2888235');
    expect(decodeAuthenticate(authenticate).encryptedRandomSessionKey).toHaveLength(16);
  });

  test('N11: a session key is exchanged only for messages that will be protected', async () => {
    const { challenge, authenticate } = await logOn(await startClient({ flags: 0 }), await startServer());
    expect(decodeChallenge(challenge).flags & NEGOTIATE.KEY_EXCH).toBe(0);
    expect(decodeAuthenticate(authenticate).encryptedRandomSessionKey).toHaveLength(0);
  });

  test('Z17: a server says what it needs', async () => {
    const demands = { flags: ASC_REQ.CONFIDENTIALITY | ASC_REQ.INTEGRITY };
    await logOn(await startClient(), await startServer({}, demands));
    for (const flags of [0, ISC_REQ.INTEGRITY]) {
      const server = await startServer({}, demands);
      const error = await failure(server.step(await say(await startClient({ flags }))));
      expect([error.code, error.status]).toEqual(['INTEGRITY_REQUIRED', SEC_E.SECURITY_QOS_FAILED]);
    }
    for (const flag of [ASC_REQ.INTEGRITY, ASC_REQ.REPLAY_DETECT, ASC_REQ.SEQUENCE_DETECT]) {
      const server = await startServer({}, { flags: flag });
      expect((await failure(server.step(await say(await startClient({ flags: 0 }))))).code).toBe('INTEGRITY_REQUIRED');
    }
  });
});

describe('attributes', () => {
  test('N21, Q7: what can be asked, by both sides', async () => {
    const [client, server] = [await startClient(), await startServer()];
    await logOn(client, server);
    for (const context of [client, server]) {
      expect(context.query('SIZES')).toEqual({ maxToken: 2888, maxSignature: 16, blockSize: 0, securityTrailer: 16 });
      expect(context.query('NAMES')).toEqual({ userName: 'EXAMPLE\\alice' });
      expect(context.query('NATIVE_NAMES')).toEqual({
        clientName: 'EXAMPLE\\alice',
        serverName: 'HTTP/server.example.com',
      });
      expect(context.query('CLIENT_SPECIFIED_TARGET')).toEqual({ targetName: 'HTTP/server.example.com' });
      expect(context.query('LIFESPAN')).toEqual({ start: toFileTime(NOW), expiry: NEVER });
      expect(context.query('KEY_INFO')).toMatchObject({ keySize: 128, encryptAlgorithmName: 'RSADSI RC4' });
      expect(context.query('PACKAGE_INFO').name).toBe('NTLM');
    }
    expect(server.query('ACCESS_TOKEN')).toEqual({
      domain: 'EXAMPLE',
      user: 'alice',
      name: 'EXAMPLE\\alice',
      mechanism: 'NTLM',
      identifyOnly: false,
      anonymous: false,
    });
    expect(thrown(() => client.query('ACCESS_TOKEN')).code).toBe('UNSUPPORTED_FUNCTION');
    expect(thrown(() => client.query('STREAM_SIZES')).code).toBe('UNSUPPORTED_FUNCTION');
  });

  test('N13: both sides have the same session key, each query a copy of its own', async () => {
    const [client, server] = [await startClient(), await startServer()];
    await logOn(client, server);
    const { sessionKey } = client.query('SESSION_KEY');
    expect(sessionKey).toHaveLength(16);
    expect(toHex(server.query('SESSION_KEY').sessionKey.reveal())).toBe(toHex(sessionKey.reveal()));
    sessionKey.dispose();
    expect(toHex(client.query('SESSION_KEY').sessionKey.reveal())).toBe(
      toHex(server.query('SESSION_KEY').sessionKey.reveal()),
    );
  });

  test('Z29: before the end nothing but the package is known', async () => {
    const client = await startClient();
    await client.step();
    expect(client.query('PACKAGE_INFO').rpcId).toBe(10);
    for (const name of ['SIZES', 'NAMES', 'SESSION_KEY', 'FLAGS'] as const)
      expect(thrown(() => client.query(name)).code).toBe('CONTEXT_NOT_ESTABLISHED');
    expect(thrown(() => client.messages).code).toBe('CONTEXT_NOT_ESTABLISHED');
  });

  test('N5: an identity that may only be looked at', async () => {
    const server = await startServer();
    await logOn(await startClient({ flags: ISC_REQ.IDENTIFY }), server);
    expect(server.query('ACCESS_TOKEN').identifyOnly).toBe(true);
  });

  test('the observer is told of every message, once', async () => {
    const events: ExchangeEvent[] = [];
    const observe = (event: ExchangeEvent): void => void events.push(event);
    await logOn(await startClient({ observe }), await startServer());
    expect(events.map(({ direction, message }) => `${direction} ${message}`)).toEqual([
      'sent NTLM NEGOTIATE',
      'received NTLM CHALLENGE',
      'sent NTLM AUTHENTICATE',
    ]);
    expect(events[0]).toMatchObject({ protocol: 'NTLM', size: 40 });
  });
});

describe('names', () => {
  const accounts = memoryAccounts([
    { domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' },
    { domain: 'example.com', user: 'bob', password: '' },
    { user: 'José', password: 'Pässwörd1€' },
  ]);

  test.each([
    ['other case', { user: 'ALICE', domain: 'Example', password: 'AlicePass1!' }, 'EXAMPLE\\alice'],
    ['DOMAIN\\user in one', { user: 'EXAMPLE\\alice', password: 'AlicePass1!' }, 'EXAMPLE\\alice'],
    ['no domain', { user: 'alice', password: 'AlicePass1!' }, 'EXAMPLE\\alice'],
    ['user@domain and an empty password', { user: 'bob@EXAMPLE.com', password: '' }, 'example.com\\bob'],
    ['letters beyond ASCII', { user: 'JOSÉ', domain: '', password: 'Pässwörd1€' }, 'José'],
  ])('N8, N19: %s', async (_, names, expected) => {
    const server = await startServer({ accounts });
    await logOn(await startClient({}, { kind: 'identity', ...names }), server);
    expect(server.query('NAMES').userName).toBe(expected);
  });

  test('Z25: a password that looks like a hash is a password', async () => {
    for (const [password, ntHash] of [
      // MD4 of these texts in UTF-16LE, by OpenSSL.
      ['8846f7eaee8fb117ad06bdd830b7586c', 'c2f06b8c5ee5d1b1b3060434e55af270'],
      ['aad3b435b51404eeaad3b435b51404ee:31d6cfe0d16ae931b73c59d7e0c089c0', 'b43587f4e073659a91d36d8e48b4a008'],
    ] as const) {
      const accountOf = (hash: string) => memoryAccounts([{ user: 'eve', ntHash: new Secret(fromHex(hash)) }]);
      for (const accounts of [accountOf(ntHash), memoryAccounts([{ user: 'eve', password }])]) {
        const server = await startServer({ accounts });
        await logOn(await startClient({}, { kind: 'identity', user: 'eve', password }), server);
        expect(server.state).toBe('established');
      }
      // The hash that the text spells is not that of the account.
      const spelt = await startServer({ accounts: accountOf(password.slice(-32)) });
      const refused = logOn(await startClient({}, { kind: 'identity', user: 'eve', password }), spelt);
      expect((await failure(refused)).code).toBe('LOGON_DENIED');
    }
  });
});

describe('order of messages', () => {
  test('N22: an AUTHENTICATE or CHALLENGE in the place of a NEGOTIATE is out of sequence', async () => {
    const { challenge, authenticate } = await logOn(await startClient(), await startServer());
    for (const message of [challenge, authenticate]) {
      const server = await startServer();
      const error = await failure(server.step(message));
      expect([error.code, error.status]).toEqual(['MESSAGE_OUT_OF_ORDER', SEC_E.OUT_OF_SEQUENCE]);
    }
    const client = await startClient();
    await client.step();
    expect((await failure(client.step(authenticate))).status).toBe(SEC_E.OUT_OF_SEQUENCE);
  });

  test('N22: other octets are no token', async () => {
    for (const octets of [new Uint8Array(0), new Uint8Array(100), new TextEncoder().encode('NTLMSSQ\0')]) {
      expect((await failure((await startServer()).step(octets))).status).toBe(SEC_E.INVALID_TOKEN);
      const client = await startClient();
      await client.step();
      expect((await failure(client.step(octets))).status).toBe(SEC_E.INVALID_TOKEN);
    }
  });

  test('N22: the client speaks first', async () => {
    const { challenge } = await logOn(await startClient(), await startServer());
    expect((await failure((await startClient()).step(challenge))).status).toBe(SEC_E.OUT_OF_SEQUENCE);
  });

  test('Z24: a context is good for one logon', async () => {
    const [client, server] = [await startClient(), await startServer()];
    const { authenticate, challenge, negotiate } = await logOn(client, server);
    for (const message of [authenticate, negotiate])
      expect((await failure(server.step(message))).code).toBe('CONTEXT_FINISHED');
    expect((await failure(client.step(challenge))).code).toBe('CONTEXT_FINISHED');
  });

  test('Z23: a response is good for one challenge', async () => {
    const { negotiate, authenticate } = await logOn(await startClient(), await startServer());
    // The acceptors of one credential share a host here whose random numbers go on.
    const credential = await acquireServer();
    await say(credential.accept({ flags: 0 }), negotiate);
    const second = credential.accept({ flags: 0 });
    await say(second, negotiate);
    expect((await failure(second.step(authenticate))).code).toBe('LOGON_DENIED');
  });

  test('R68: a context that failed gives the same error again', async () => {
    const wrong = { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: 'Wrong' } as const;
    const [client, server] = [await startClient({}, wrong), await startServer()];
    const challenge = await say(server, await say(client));
    const error = await failure(server.step(await say(client, challenge)));
    const again = await failure(server.step(new Uint8Array(0)));
    expect([again.code, again.status, again.ntStatus]).toEqual([error.code, error.status, error.ntStatus]);
    expect(server.state).toBe('failed');
  });

  test('a context that is deleted while its accounts are looked up ends with INVALID_HANDLE', async () => {
    const source = memoryAccounts([ALICE]);
    const [client, server] = [
      await startClient(),
      await startServer({
        accounts: {
          find: async (query) => {
            server.dispose();
            return source.find(query);
          },
        },
      }),
    ];
    const error = await failure(server.step(await say(client, await say(server, await say(client)))));
    expect([error.code, error.status]).toEqual(['INVALID_HANDLE', SEC_E.INVALID_HANDLE]);
    expect(server.state).toBe('disposed');
  });

  test('the caller may use his buffers again as soon as a step is over', async () => {
    const [client, server] = [await startClient(), await startServer()];
    const negotiate = await say(client);
    const challenge = await say(server, negotiate);
    negotiate.fill(0);
    const authenticate = await say(client, challenge);
    challenge.fill(0);
    expect(await server.step(authenticate)).toMatchObject({ status: SEC_E.OK });
    authenticate.fill(0);
    const [ours, theirs] = [client.messages, server.messages];
    if (ours.kind !== 'token' || theirs.kind !== 'token') throw new TypeError('not a token mechanism');
    expect(theirs.unwrap(ours.wrap(MESSAGE))).toEqual(MESSAGE);
    expect(server.query('NAMES').userName).toBe('EXAMPLE\\alice');
  });

  test('N12: the exchange goes on in between with CONTINUE_NEEDED', async () => {
    const [client, server] = [await startClient({ flags: PROTECTED }), await startServer()];
    const first = await client.step();
    expect(first).toMatchObject({ status: SEC_I.CONTINUE_NEEDED, consumed: 0 });
    expect(await server.step('token' in first ? first.token : undefined)).toMatchObject({
      status: SEC_I.CONTINUE_NEEDED,
      consumed: 40,
    });
  });
});
