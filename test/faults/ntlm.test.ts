/** A fault of NTLM that no other test is about, docs/faults.md Z15. */
import { expect, test } from 'vitest';
import { decodeChallenge } from '../../src/ntlm/index.ts';
import {
  acquireServer,
  authenticateByHand,
  expectUnusable,
  failure,
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
