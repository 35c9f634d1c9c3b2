/** What a CREDSSP credential is made of, what it refuses, and when its secrets go. */
import { afterEach, describe, expect, test, vi } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { credsspPackage } from '../../src/credssp/package.ts';
import { encodeUtf16 } from '../../src/crypto/index.ts';
import { systemHost } from '../../src/host/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ntlmPackage, ntowfV1 } from '../../src/ntlm/index.ts';
import {
  type AuthData,
  CREDSPP_SUBMIT_TYPE,
  CREDSSP_FLAG_REDIRECT,
  type Credential,
  ISC_REQ,
  SEC_E,
  SECPKG_CRED,
  Secret,
} from '../../src/sspi/index.ts';
import { failure, thrown } from '../ntlm/support.ts';
import { certificates, inbound, outbound, PASSWORD, TARGET } from '../support/credssp.ts';
import { converse } from '../support/loop.ts';

const IDENTITY = { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: PASSWORD } as const;

const acquire = (authData: AuthData, use: number = SECPKG_CRED.OUTBOUND): Promise<Credential> =>
  credsspPackage.acquire({ use, authData, host: systemHost });

afterEach(() => vi.restoreAllMocks());

describe('CREDSSP_CRED', () => {
  test.each([
    CREDSPP_SUBMIT_TYPE.CredsspPasswordCreds,
    CREDSPP_SUBMIT_TYPE.CredsspSubmitBufferBoth,
    CREDSPP_SUBMIT_TYPE.CredsspSubmitBufferBothOld,
    undefined,
  ])('A17: submit type %s holds a password', async (type) => {
    const credential = await acquire({ kind: 'credssp', type, spnegoCred: IDENTITY });
    expect(credential.attributes?.NAMES?.()).toEqual({ userName: 'EXAMPLE\\alice' });
  });

  test('A17: CredsspSchannelCreds and an identity exclude each other', async () => {
    const type = CREDSPP_SUBMIT_TYPE.CredsspSchannelCreds;
    expect(await failure(acquire({ kind: 'credssp', type, spnegoCred: IDENTITY }))).toMatchObject({
      code: 'UNKNOWN_CREDENTIALS',
      stage: 'pAuthData',
    });
    expect((await failure(acquire({ kind: 'credssp', type }))).code).toBe('NO_CREDENTIALS');
  });

  test('A18: the EX form is a CREDSSP_CRED with a version and flags', async () => {
    const cred = { kind: 'credssp', spnegoCred: IDENTITY } as const;
    const ex = (version: number | undefined, flags: number | undefined) =>
      acquire({ kind: 'credssp-ex', version, flags, cred });
    expect((await ex(undefined, undefined)).info.name).toBe('CREDSSP');
    expect((await ex(0, 0)).info.name).toBe('CREDSSP');
    expect((await failure(ex(1, 0))).code).toBe('UNKNOWN_CREDENTIALS');
    for (const flags of [CREDSSP_FLAG_REDIRECT << 1, CREDSSP_FLAG_REDIRECT | 0x100])
      expect((await failure(ex(0, flags))).code).toBe('UNKNOWN_CREDENTIALS');
    expect((await failure(ex(0, CREDSSP_FLAG_REDIRECT))).status).toBe(SEC_E.UNSUPPORTED_FUNCTION);
  });

  test('A15: AUTOLOGON_RESTRICTED leaves fresh credentials alone', async () => {
    const restricted = SECPKG_CRED.OUTBOUND | SECPKG_CRED.AUTOLOGON_RESTRICTED;
    const from = (source: 'fresh' | 'saved' | 'default', use: number) =>
      acquire({ kind: 'credssp', spnegoCred: IDENTITY, options: { source } }, use);
    for (const source of ['saved', 'default'] as const) {
      expect(await failure(from(source, restricted))).toMatchObject({ code: 'NO_CREDENTIALS', stage: 'pAuthData' });
      expect((await from(source, SECPKG_CRED.OUTBOUND)).info.name).toBe('CREDSSP');
    }
    expect((await from('fresh', restricted)).use).toBe(restricted);
  });

  test('Y1: a policy without its lists is refused with the credential, not at the first logon', async () => {
    const broken = Object.assign({ kind: 'credssp', spnegoCred: IDENTITY } as const, {
      options: { policy: Object.assign(JSON.parse('{}')) },
    });
    expect(await failure(acquire(broken))).toMatchObject({ code: 'INVALID_PARAMETER', stage: 'CredSSP policy' });
  });

  test('N18: there is no anonymous logon', async () => {
    const anonymous = acquire({ kind: 'credssp', spnegoCred: { kind: 'anonymous' } });
    expect((await failure(anonymous)).code).toBe('UNKNOWN_CREDENTIALS');
  });

  test.each([
    ['ntlm', ntlmPackage, negotiatePackage],
    ['negotiate', negotiatePackage, ntlmPackage],
  ] as const)('N17, N18: whatever the accounts allow elsewhere, here %s is strict', async (mechanism, used, unused) => {
    const [asked, notAsked] = [vi.spyOn(used, 'acquire'), vi.spyOn(unused, 'acquire')];
    const accounts = memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password: PASSWORD }]);
    await acquire(
      {
        kind: 'credssp',
        schannelCred: { kind: 'schannel', certificates: [certificates.ec] },
        spnegoCred: {
          kind: 'acceptor',
          accounts,
          allowAnonymous: true,
          allowNtlmV1: true,
          allowWeakSessionSecurity: true,
          requireMic: true,
        },
        options: { mechanism },
      },
      SECPKG_CRED.INBOUND,
    );
    expect(asked.mock.calls.map(([{ authData }]) => authData)).toEqual([
      {
        kind: 'acceptor',
        accounts,
        allowAnonymous: false,
        allowNtlmV1: false,
        allowWeakSessionSecurity: false,
        requireMic: true,
      },
    ]);
    if (mechanism === 'ntlm') expect(notAsked).not.toHaveBeenCalled();
  });
});

describe('the handle', () => {
  test('R27, R7: flags, target and role are looked at before anything is made', async () => {
    const [client, server] = [await outbound(), await inbound()];
    expect(thrown(() => client.initiate({ flags: ISC_REQ.DATAGRAM })).code).toBe('UNSUPPORTED_FUNCTION');
    expect(thrown(() => client.initiate({ flags: 0, targetName: 'TERMSRV/' })).code).toBe('TARGET_UNKNOWN');
    expect(thrown(() => server.initiate({ flags: 0 })).code).toBe('NO_CREDENTIALS');
    expect(thrown(() => client.accept({ flags: 0 }))).toMatchObject({
      code: 'NO_CREDENTIALS',
      stage: 'CredSSP credential',
    });
    expect(client.initiate({ flags: 0 }).role).toBe('initiator');
    for (const credential of [client, server]) credential.dispose();
    expect(thrown(() => client.initiate({ flags: 0 })).code).toBe('INVALID_HANDLE');
    expect(thrown(() => server.accept({ flags: 0 })).code).toBe('INVALID_HANDLE');
  });

  test('L8: without Kerberos there is nobody to tell of a KDC proxy', async () => {
    const settings = { proxyServer: 'https://proxy.example.test/KdcProxy' };
    for (const [mechanism, stage] of [
      ['ntlm', 'CredSSP credential'],
      ['negotiate', 'Negotiate credential'],
    ] as const) {
      const credential = await outbound({ options: { mechanism } });
      expect(thrown(() => credential.setKdcProxy?.(settings))).toMatchObject({ code: 'UNSUPPORTED_FUNCTION', stage });
    }
  });

  test('R21: an NT hash logs on where nothing is delegated', async () => {
    const ntHash = new Secret(ntowfV1(encodeUtf16(PASSWORD)));
    const credential = await outbound({ identity: { kind: 'nt-hash', user: 'alice', domain: 'EXAMPLE', ntHash } });
    expect(thrown(() => credential.initiate({ flags: ISC_REQ.DELEGATE, targetName: TARGET })).code).toBe(
      'NO_CREDENTIALS',
    );
    const [client, server] = [
      credential.initiate({ flags: 0, targetName: TARGET }),
      (await inbound()).accept({ flags: 0 }),
    ];
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(server.query('CREDS')).toEqual({ kind: 'none' });
    expect(server.query('NAMES').userName).toBe('EXAMPLE\\alice');
  });

  test('A14, A20: the password is a copy, which goes with the handle and its last context', async () => {
    const password = Secret.fromText(PASSWORD);
    const clone = vi.spyOn(password, 'clone');
    const credential = await outbound({ identity: { ...IDENTITY, password } });
    password.dispose();
    const copies = clone.mock.results.map(({ value }): unknown => value).filter((value) => value instanceof Secret);
    const alive = (): number => copies.filter((copy) => !copy.disposed).length;
    expect(alive()).toBeGreaterThan(0);
    const before = alive();
    const contexts = [1, 2].map(() => credential.initiate({ flags: ISC_REQ.DELEGATE, targetName: TARGET }));
    credential.dispose();
    credential.dispose();
    contexts[0]?.dispose();
    contexts[0]?.dispose();
    expect(alive()).toBe(before);
    const server = (await inbound()).accept({ flags: 0 });
    if (contexts[1] === undefined) throw new TypeError('two contexts');
    const { acceptorError } = await converse(contexts[1], server);
    expect(acceptorError).toBeUndefined();
    expect(server.query('CREDS')).toMatchObject({ kind: 'password', user: 'alice' });
    contexts[1].dispose();
    expect(alive()).toBe(0);
  });

  test('A14: so does that of a handle that nobody used', async () => {
    const password = Secret.fromText(PASSWORD);
    const clone = vi.spyOn(password, 'clone');
    (await outbound({ identity: { ...IDENTITY, password } })).dispose();
    const copies = clone.mock.results.map(({ value }): unknown => value).filter((value) => value instanceof Secret);
    expect(copies.map((copy) => copy.disposed)).toEqual(copies.map(() => true));
    expect(copies.length).toBeGreaterThan(0);
    expect(password.disposed).toBe(false);
  });
});
