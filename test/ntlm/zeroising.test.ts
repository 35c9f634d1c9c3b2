/** Keys live as long as somebody needs them, and not a moment longer. */
import { describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { encodeUtf16 } from '../../src/crypto/index.ts';
import { NtlmCredential } from '../../src/ntlm/credential.ts';
import { ntowfV1, ntowfV2 } from '../../src/ntlm/index.ts';
import { ExtendedSessionSecurity, LegacySessionSecurity } from '../../src/ntlm/session-security.ts';
import { ISC_REQ, SECPKG_CRED, Secret, type SecurityContext } from '../../src/sspi/index.ts';
import { ALICE, acquireServer, PROTECTED, say, startServer, stillHost, thrown } from './support.ts';

const ALWAYS_ZERO = new Uint8Array(16);

/** A credential for both roles, and the one secret that it keeps. */
function both(): { credential: NtlmCredential; responseKey: Secret } {
  const responseKey = new Secret(ntowfV2(ntowfV1(encodeUtf16('AlicePass1!')), 'alice', 'EXAMPLE'));
  const credential = new NtlmCredential({
    use: SECPKG_CRED.BOTH,
    host: stillHost(),
    client: { kind: 'account', user: 'alice', domain: 'EXAMPLE', responseKey },
    server: {
      identity: { kind: 'acceptor', accounts: memoryAccounts([ALICE]) },
      decoyHash: new Uint8Array(16).fill(0xdd),
    },
  });
  return { credential, responseKey };
}

describe('the secret of a credential', () => {
  test('A14: goes with the handle when no context needs it', () => {
    const { credential, responseKey } = both();
    expect(responseKey.disposed).toBe(false);
    credential.dispose();
    expect(responseKey.disposed).toBe(true);
  });

  test('A14: goes with the last context, of either role, and each of them counts once', () => {
    const { credential, responseKey } = both();
    const contexts: SecurityContext[] = [
      credential.initiate({ flags: 0 }),
      credential.accept({ flags: 0 }),
      credential.initiate({ flags: ISC_REQ.NULL_SESSION }),
    ];
    credential.dispose();
    expect(thrown(() => credential.accept({ flags: 0 }))).toMatchObject({ code: 'INVALID_HANDLE', stage: 'NTLM' });
    for (const context of contexts) {
      expect(responseKey.disposed).toBe(false);
      context.dispose();
      context.dispose();
    }
    expect(responseKey.disposed).toBe(true);
  });

  test('A14: contexts that end before the handle take nothing with them', async () => {
    const { credential, responseKey } = both();
    credential.initiate({ flags: 0 }).dispose();
    expect(responseKey.disposed).toBe(false);
    const [client, server] = [credential.initiate({ flags: PROTECTED }), await startServer()];
    await server.step(await say(client, await say(server, await say(client))));
    client.dispose();
    expect([responseKey.disposed, server.state]).toEqual([false, 'established']);
  });
});

test('L8: a client credential tells whose it is; a server has no name of its own', async () => {
  expect(both().credential.attributes.NAMES?.()).toEqual({ userName: 'EXAMPLE\\alice' });
  expect((await acquireServer()).attributes).toEqual({});
});

describe('the keys of messages', () => {
  test('A14: are wiped with the context, with and without extended session security', () => {
    const [signing, sealing, legacy] = [0x51, 0x52, 0x53].map((octet) => new Uint8Array(16).fill(octet));
    if (signing === undefined || sealing === undefined || legacy === undefined) throw new TypeError('three keys');
    for (const security of [new ExtendedSessionSecurity(signing, sealing, true), new LegacySessionSecurity(legacy)])
      security.dispose();
    expect([signing, sealing, legacy]).toEqual([ALWAYS_ZERO, ALWAYS_ZERO, ALWAYS_ZERO]);
  });
});
