/** Faults of NTLM that no other test is about, docs/faults.md Z15 and Z56. */
import { describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { systemHost } from '../../src/host/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { decodeChallenge, ntlmPackage } from '../../src/ntlm/index.ts';
import { SEC_E, SECPKG_CRED, type SecurityContext } from '../../src/sspi/index.ts';
import {
  ALICE,
  acquireServer,
  authenticateByHand,
  expectUnusable,
  failure,
  PROTECTED,
  say,
  startClient,
  thrown,
} from '../ntlm/support.ts';

const computer = (name: string) => ({
  netbiosComputer: name,
  netbiosDomain: 'EXAMPLE',
  dnsComputer: `${name.toLowerCase()}.example.com`,
  dnsDomain: 'example.com',
});

/**
 * CVE-2019-1019: an attacker in the place of FILES hands the exchange to somebody who verifies passwords, and asks for its session
 * key. What the client signed names FILES, and nobody else is to get a key out of it.
 */
test('Z15: an exchange with one server gives another one no session key, not even when both chose the same challenge', async () => {
  // Both hosts count their random octets from the same number, and their clocks stand still at the same time.
  const files = (await acquireServer({ computer: computer('FILES') })).accept({ flags: 0 });
  const other = (await acquireServer({ computer: computer('OTHER') })).accept({ flags: 0 });
  const client = await startClient();

  const negotiate = await say(client);
  const challenge = await say(files, negotiate);
  const ofTheOther = await say(other, negotiate);
  expect(decodeChallenge(ofTheOther).serverChallenge).toEqual(decodeChallenge(challenge).serverChallenge);
  const authenticate = await say(client, challenge);

  // Whoever announces no MIC is held to what it signed: the names of the server that sent it the CHALLENGE.
  const bare = authenticateByHand(negotiate, challenge);
  const again = (await acquireServer({ computer: computer('OTHER') })).accept({ flags: 0 });
  expect(decodeChallenge(await say(again, negotiate)).serverChallenge).toEqual(
    decodeChallenge(challenge).serverChallenge,
  );
  expect((await failure(again.step(bare.slice()))).code).toBe('MIC_MISSING');
  expectUnusable(again);
  const meant = (await acquireServer({ computer: computer('FILES') })).accept({ flags: 0 });
  await say(meant, negotiate);
  await meant.step(bare);
  expect(meant.state).toBe('established');

  expect((await failure(other.step(authenticate.slice()))).code).toBe('MIC_INVALID');
  expectUnusable(other);
  expect(thrown(() => other.query('SESSION_KEY')).code).toBe('INVALID_HANDLE');

  // The server that was meant has it, and it is the client's.
  await files.step(authenticate);
  expect(files.query('SESSION_KEY').sessionKey.reveal()).toEqual(client.query('SESSION_KEY').sessionKey.reveal());
});

/**
 * Servers that kept who had logged on beside a pooled connection gave one user's name to another's requests. Here whoever asks is
 * known by the context alone, however many of them one credential has under way.
 */
describe.each([
  ['NTLM', ntlmPackage],
  ['Negotiate', negotiatePackage],
] as const)('Z56: two users at a time with one credential of %s', (_, mechanism) => {
  const ALICE_AND_BOB = [ALICE, { domain: 'EXAMPLE', user: 'bob', password: 'BobPass1!' }] as const;

  /** Both have had their CHALLENGE; alice is first, bob second. */
  async function underWay() {
    const authData = { kind: 'acceptor', accounts: memoryAccounts([...ALICE_AND_BOB]) } as const;
    const inbound = await mechanism.acquire({ use: SECPKG_CRED.INBOUND, authData, host: systemHost });
    const sides: { client: SecurityContext; server: SecurityContext }[] = [];
    for (const account of ALICE_AND_BOB) {
      const identity = { kind: 'identity', ...account } as const;
      const outbound = await mechanism.acquire({ use: SECPKG_CRED.OUTBOUND, authData: identity, host: systemHost });
      const client = outbound.initiate({ flags: PROTECTED, targetName: 'HTTP/server.example.com' });
      sides.push({ client, server: inbound.accept({ flags: 0 }) });
    }
    const challenges: Uint8Array[] = [];
    for (const { client, server } of sides) challenges.push(await say(server, await say(client)));
    const authenticates: Uint8Array[] = [];
    for (const [at, { client }] of sides.entries()) authenticates.push(await say(client, challenges[at]));
    return { servers: sides.map(({ server }) => server), authenticates };
  }

  test('Z56: step by step, each is who it is', async () => {
    const { servers, authenticates } = await underWay();
    for (const [at, server] of servers.entries()) await say(server, authenticates[at]);
    expect(servers.map((server) => server.query('NAMES').userName)).toEqual(['EXAMPLE\\alice', 'EXAMPLE\\bob']);
  });

  test('Z56: with the AUTHENTICATE of the other nobody is anybody', async () => {
    const { servers, authenticates } = await underWay();
    for (const [at, server] of servers.entries()) {
      const error = await failure(server.step(authenticates[1 - at]));
      expect(error).toMatchObject({ code: 'LOGON_DENIED', status: SEC_E.LOGON_DENIED });
      expectUnusable(server);
    }
  });
});
