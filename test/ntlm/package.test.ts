import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { encodeUtf16 } from '../../src/crypto/index.ts';
import { ntlmPackage, ntowfV1 } from '../../src/ntlm/index.ts';
import {
  type AcceptorIdentity,
  AUTH_IDENTITY,
  type AuthData,
  type Credential,
  ISC_REQ,
  NEVER,
  SEC_E,
  SECPKG_CRED,
  Secret,
} from '../../src/sspi/index.ts';
import {
  ALICE,
  ALICE_IDENTITY,
  acquireClient,
  acquireServer,
  failure,
  PROTECTED,
  say,
  startServer,
  stillHost,
  thrown,
} from './support.ts';

const acquire = (use: number, authData?: AuthData): Promise<Credential> =>
  ntlmPackage.acquire({ use, authData, host: stillHost() });

const OUTBOUND = SECPKG_CRED.OUTBOUND;
const INBOUND = SECPKG_CRED.INBOUND;
const acceptor: AcceptorIdentity = { kind: 'acceptor', accounts: memoryAccounts([ALICE]) };

/** Logs a credential on to a server that knows alice. */
async function logOn(credential: Credential): Promise<string> {
  const [client, server] = [credential.initiate({ flags: PROTECTED }), await startServer()];
  await server.step(await say(client, await say(server, await say(client))));
  return server.query('NAMES').userName;
}

test('P4: what the package says of itself', () => {
  expect(ntlmPackage.info).toEqual({
    name: 'NTLM',
    comment: 'NTLM Security Package',
    capabilities: 0x82b37,
    version: 1,
    rpcId: 10,
    maxToken: 2888,
  });
});

describe('acquire', () => {
  test('A1, A16: takes what can be used, says what for, and checks no password', async () => {
    for (const [asked, authData, use] of [
      [OUTBOUND, ALICE_IDENTITY, OUTBOUND],
      [0, ALICE_IDENTITY, 0], // the reference page calls 0 outbound (A4, E2)
      [SECPKG_CRED.BOTH, ALICE_IDENTITY, OUTBOUND],
      [OUTBOUND, { kind: 'anonymous' }, OUTBOUND],
      [INBOUND, acceptor, INBOUND],
      [SECPKG_CRED.BOTH, acceptor, INBOUND],
    ] as const) {
      const credential = await acquire(asked, authData);
      expect(credential).toMatchObject({ info: ntlmPackage.info, use, expiry: NEVER });
    }
  });

  test.each([
    ['nothing, outbound', OUTBOUND, undefined],
    ['nothing, inbound', INBOUND, undefined],
    ['an identity, inbound', INBOUND, ALICE_IDENTITY],
    ['accounts, outbound', OUTBOUND, acceptor],
    ['no password', OUTBOUND, { kind: 'identity', user: 'alice' }],
    ['no user', OUTBOUND, { kind: 'identity', password: 'x' }],
    ['an empty user: anonymous is said in so many words', OUTBOUND, { kind: 'identity', user: '', password: '' }],
    ['a domain without a user', OUTBOUND, { kind: 'identity', user: 'EXAMPLE\\', password: 'x' }],
  ] as const)('A11: NO_CREDENTIALS for %s', async (_, use, authData) => {
    expect((await failure(acquire(use, authData))).status).toBe(SEC_E.NO_CREDENTIALS);
  });

  test('Z56: NO_CREDENTIALS for a server whose verifier is none', async () => {
    for (const accounts of [{}, undefined, null, { find: 'x' }, { verify: 1 }]) {
      const broken = Object.assign({}, acceptor, { accounts });
      expect((await failure(acquire(INBOUND, broken))).code).toBe('NO_CREDENTIALS');
    }
  });

  test.each([
    ['a credential of another package', { kind: 'schannel' }],
    ['a password of half a character', { kind: 'identity', user: 'alice', password: new Secret(new Uint8Array(3)) }],
    [
      'both character sets',
      { ...ALICE_IDENTITY, kind: 'identity', user: 'a', flags: AUTH_IDENTITY.ANSI | AUTH_IDENTITY.UNICODE },
    ],
    ['a hash of 15 octets', { kind: 'nt-hash', user: 'alice', ntHash: new Secret(new Uint8Array(15)) }],
  ] as const)('A12: UNKNOWN_CREDENTIALS for %s', async (_, authData) => {
    expect((await failure(acquire(OUTBOUND, authData))).status).toBe(SEC_E.UNKNOWN_CREDENTIALS);
  });

  test('A4: reserved bits are refused', async () => {
    expect((await failure(acquire(OUTBOUND | 0x40000000, ALICE_IDENTITY))).status).toBe(SEC_E.INVALID_PARAMETER);
  });

  test('A4: a credential does what it is for', async () => {
    expect(thrown(() => credentials[0]?.accept({ flags: 0 })).status).toBe(SEC_E.NO_CREDENTIALS);
    expect(thrown(() => credentials[1]?.initiate({ flags: 0 })).status).toBe(SEC_E.NO_CREDENTIALS);
  });
});

const credentials = [await acquireClient(), await acquireServer()];

describe('secrets', () => {
  test('A20: the password may be text or octets, which stay the caller’s', async () => {
    expect(await logOn(await acquireClient())).toBe('EXAMPLE\\alice');
    const password = Secret.fromText('AlicePass1!');
    const credential = await acquireClient({ kind: 'identity', user: 'alice', domain: 'EXAMPLE', password });
    expect(password.disposed).toBe(false);
    password.dispose();
    expect(await logOn(credential)).toBe('EXAMPLE\\alice');
  });

  test('Z25: an NT hash is given as what it is', async () => {
    const ntHash = new Secret(Buffer.from(ntowfV1(encodeUtf16('AlicePass1!')))); // a Buffer's slice is not a copy
    const octets = Buffer.from(ntHash.reveal());
    const credential = await acquireClient({ kind: 'nt-hash', user: 'alice', domain: 'EXAMPLE', ntHash });
    expect(Buffer.from(ntHash.reveal())).toEqual(octets);
    ntHash.dispose();
    expect(await logOn(credential)).toBe('EXAMPLE\\alice');
  });

  test('A14: contexts that are under way outlive their credential; new ones there are none', async () => {
    const credential = await acquireClient();
    const [client, server] = [credential.initiate({ flags: PROTECTED }), await startServer()];
    const negotiate = await say(client);
    credential.dispose();
    expect(thrown(() => credential.initiate({ flags: 0 })).status).toBe(SEC_E.INVALID_HANDLE);
    await server.step(await say(client, await say(server, negotiate)));
    expect(server.state).toBe('established');
  });

  test('A14: with its last context the secret goes', async () => {
    const credential = await acquireClient();
    const [first, second] = [credential.initiate({ flags: PROTECTED }), credential.initiate({ flags: PROTECTED })];
    const [one, two] = [await say(first), await say(second)];
    credential.dispose();
    first.dispose();
    first.dispose(); // counts once
    const server = await startServer();
    expect(await say(second, await say(server, two))).toHaveProperty('length');
    expect(one).toHaveLength(40);
    expect(second.state).toBe('established');
  });

  test('nothing secret is shown', async () => {
    const credential = await acquireClient();
    const client = credential.initiate({ flags: PROTECTED });
    await say(client, await say(await startServer(), await say(client)));
    for (const thing of [credential, client, client.messages, await acquireServer()]) {
      const shown = inspect(thing, { depth: 10, showHidden: true });
      expect(shown).not.toContain('AlicePass1!');
      expect(shown).not.toMatch(/Uint8Array\(16\)/);
    }
  });

  test('keys are wiped with the context', async () => {
    const client = (await acquireClient()).initiate({ flags: PROTECTED });
    await say(client, await say(await startServer(), await say(client)));
    const { messages } = client;
    if (messages.kind !== 'token') throw new TypeError('not a token mechanism');
    client.dispose();
    expect(thrown(() => messages.sign(new Uint8Array(1))).code).toBe('INVALID_HANDLE');
    expect(thrown(() => client.query('SESSION_KEY')).code).toBe('INVALID_HANDLE');
  });
});

test('N18: NULL_SESSION asks for an anonymous logon whatever the credential is', async () => {
  const [client, server] = [
    (await acquireClient()).initiate({ flags: ISC_REQ.NULL_SESSION }),
    await startServer({ allowAnonymous: true }),
  ];
  await server.step(await say(client, await say(server, await say(client))));
  expect(server.query('ACCESS_TOKEN').anonymous).toBe(true);
});
