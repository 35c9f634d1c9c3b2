/** What verifying a logon costs, counted where the work is done, docs/faults.md Z22. */
import { expect, test, vi } from 'vitest';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { type Account, SECPKG_CRED, Secret } from '../../src/sspi/index.ts';
import { acquireClient, failure, say, stillHost } from '../ntlm/support.ts';

const work = vi.hoisted(() => ({ md4: 0, hmacMd5: 0 }));

vi.mock('../../src/crypto/index.ts', async (original) => {
  const crypto = await original<typeof import('../../src/crypto/index.ts')>();
  return {
    ...crypto,
    md4: (octets: Uint8Array) => {
      work.md4 += 1;
      return crypto.md4(octets);
    },
    hmacMd5: (key: Uint8Array, ...octets: Uint8Array[]) => {
      work.hmacMd5 += 1;
      return crypto.hmacMd5(key, ...octets);
    },
  };
});

const ALICE = { user: 'alice', domain: 'EXAMPLE' };

test.each<[string, () => Account['secret']]>([
  ['passwords', () => ({ kind: 'password', password: Secret.fromText('AlicePass1!') })],
  ['hashes', () => ({ kind: 'nt-hash', ntHash: new Secret(new Uint8Array(16)) })],
])(
  'Z22: where the accounts have %s, an unknown user costs the server as much as a wrong password',
  async (_, secret) => {
    const server = await ntlmPackage.acquire({
      use: SECPKG_CRED.INBOUND,
      authData: {
        kind: 'acceptor',
        accounts: { find: async ({ user }) => (user === 'alice' ? { ...ALICE, secret: secret() } : undefined) },
      },
      host: stillHost(),
    });
    const costOf = async (user: string) => {
      const credential = await acquireClient({ kind: 'identity', ...ALICE, user, password: 'wrong' });
      const [client, context] = [credential.initiate({ flags: 0 }), server.accept({ flags: 0 })];
      const authenticate = await say(client, await say(context, await say(client)));
      Object.assign(work, { md4: 0, hmacMd5: 0 });
      expect((await failure(context.step(authenticate))).code).toBe('LOGON_DENIED');
      return { ...work };
    };
    const known = await costOf('alice');
    expect(known.md4).toBeGreaterThan(0);
    expect(known.hmacMd5).toBeGreaterThan(0);
    expect(await costOf('nobody')).toEqual(known);
  },
);
