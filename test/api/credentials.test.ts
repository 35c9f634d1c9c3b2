/** AcquireCredentialsHandle and FreeCredentialsHandle, contract §2.1, L2, A14; packages, §2.6. */
import { describe, expect, test } from 'vitest';
import { createSspi } from '../../src/api/index.ts';
import { systemHost } from '../../src/host/index.ts';
import {
  AUTH_IDENTITY,
  type AuthData,
  encodeAuthIdentity,
  NEVER,
  SECPKG_CRED,
  Secret,
  SspiError,
} from '../../src/sspi/index.ts';
import { credentialOf, door, forged, initiate, named, present } from './door.ts';
import { ascii, OUTBOUND, recordPackage, scriptedPackage, textOf, tokenPackage } from './toys.ts';

describe('AcquireCredentialsHandle', () => {
  test('A3: the package is found by its name in whatever case', async () => {
    const sspi = door(tokenPackage());
    for (const name of ['TOKENS', 'tokens', 'ToKeNs'])
      expect(named(await sspi.acquireCredentialsHandle({ package: name, ...OUTBOUND }))).toBe('SEC_E_OK');
  });

  test.each(['', 'TOKEN', 'TOKENS ', forged<string>(undefined), forged<string>(7)])(
    'A3: package %j is SEC_E_SECPKG_NOT_FOUND',
    async (name) => {
      const result = await door(tokenPackage()).acquireCredentialsHandle({ package: name, ...OUTBOUND });
      expect(named(result)).toBe('SEC_E_SECPKG_NOT_FOUND');
      expect(result.credential).toBeNull();
      expect(result.error?.code).toBe('PACKAGE_NOT_FOUND');
    },
  );

  test.each([
    [0, SECPKG_CRED.OUTBOUND],
    [1, SECPKG_CRED.INBOUND],
    [2, SECPKG_CRED.OUTBOUND],
    [3, SECPKG_CRED.BOTH],
    [0x12, 0x12],
    [0x10, 0x12],
    [0x11, 0x11],
  ])('A4: fCredentialUse 0x%s reaches the package as 0x%s: 0 is OUTBOUND', async (credentialUse, use) => {
    const toy = tokenPackage();
    expect(named(await door(toy).acquireCredentialsHandle({ package: 'TOKENS', credentialUse }))).toBe('SEC_E_OK');
    expect(toy.acquired[0]?.request.use).toBe(use);
  });

  test.each([0x10000000, 0x80000002, -0x7ffffffe, 0x42, 1.5, Number.NaN, 2 ** 40, forged<number>('2')])(
    'A4: fCredentialUse %s has reserved or unknown bits: SEC_E_INVALID_PARAMETER',
    async (credentialUse) => {
      const toy = tokenPackage();
      const result = await door(toy).acquireCredentialsHandle({ package: 'TOKENS', credentialUse });
      expect(named(result)).toBe('SEC_E_INVALID_PARAMETER');
      expect(toy.acquired).toHaveLength(0);
    },
  );

  test('A4: SECPKG_CRED_DEFAULT is not supported', async () => {
    const result = await door(tokenPackage()).acquireCredentialsHandle({ package: 'TOKENS', credentialUse: 4 });
    expect(named(result)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  });

  test('A4, Z11: PROCESS_POLICY_ONLY never gives a credential', async () => {
    const toy = tokenPackage();
    for (const credentialUse of [0x20, 0x21, 0x32]) {
      const result = await door(toy).acquireCredentialsHandle({ package: 'TOKENS', credentialUse });
      expect([named(result), result.credential]).toEqual(['SEC_E_NO_CREDENTIALS', null]);
    }
    expect(toy.acquired).toHaveLength(0);
  });

  test.each([
    ['alice', 'SEC_E_OK'],
    ['ALICE', 'SEC_E_OK'],
    ['EXAMPLE\\alice', 'SEC_E_OK'],
    ['alice@example', 'SEC_E_OK'],
    ['bob', 'SEC_E_NO_CREDENTIALS'],
    ['OTHER\\alice', 'SEC_E_NO_CREDENTIALS'],
    ['', 'SEC_E_NO_CREDENTIALS'],
    [7, 'SEC_E_INVALID_PARAMETER'],
  ])('A2, Z11: the principal %s beside credentials of EXAMPLE\\alice: %s', async (principal, status) => {
    const sspi = door(tokenPackage());
    const alice = { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: 'AlicePass1!' } as const;
    for (const authData of [
      alice,
      encodeAuthIdentity(alice),
      { kind: 'credssp', spnegoCred: alice } as const,
      { kind: 'credssp-ex', cred: { kind: 'credssp', spnegoCred: alice } } as const,
      { kind: 'keytab', keytab: new Uint8Array(0), principal: 'alice' } as const,
    ].slice(0, String(principal).length > 5 ? 4 : 5)) {
      const request = { package: 'TOKENS', ...OUTBOUND, authData, principal: forged<string>(principal) };
      expect(named(await sspi.acquireCredentialsHandle(request))).toBe(status);
    }
  });

  test('A2: a principal without credentials asks for a store that is not there', async () => {
    const sspi = door(tokenPackage());
    const alone = await sspi.acquireCredentialsHandle({ package: 'TOKENS', principal: 'alice', ...OUTBOUND });
    expect(named(alone)).toBe('SEC_E_NO_CREDENTIALS');
    const authData = { kind: 'identity', user: 'alice', password: 'AlicePass1!' } as const;
    const both = await sspi.acquireCredentialsHandle({ package: 'TOKENS', principal: 'alice', authData, ...OUTBOUND });
    expect(named(both)).toBe('SEC_E_OK');
  });

  test('A7, A9: pvLogonId, pGetKeyFn and pvGetKeyArgument change nothing', async () => {
    const result = await door(tokenPackage()).acquireCredentialsHandle({
      package: 'TOKENS',
      ...OUTBOUND,
      logonId: { lowPart: 999, highPart: 0 },
      getKeyFn: () => undefined,
      getKeyArgument: 'key',
    });
    expect(named(result)).toBe('SEC_E_OK');
  });

  test('A10: the expiry is local time, and NEVER stays what it is', async () => {
    // 2025-01-01T00:00:00Z is FILETIME 133801632000000000; an hour east the clock shows 36,000,000,000 ticks more.
    const sspi = door(tokenPackage({ expiry: 133_801_632_000_000_000n }), recordPackage());
    const soon = await sspi.acquireCredentialsHandle({ package: 'TOKENS', ...OUTBOUND });
    expect(soon.expiry).toBe(133_801_668_000_000_000n);
    const never = await sspi.acquireCredentialsHandle({ package: 'RECORDS', ...OUTBOUND });
    expect(never.expiry).toBe(0x7fffffffffffffffn);
    expect(NEVER).toBe(0x7fffffffffffffffn);
  });

  test('A11: what the package finds wrong comes out as its status', async () => {
    const result = await door(tokenPackage()).acquireCredentialsHandle({
      package: 'TOKENS',
      ...OUTBOUND,
      authData: { kind: 'anonymous' },
    });
    expect(named(result)).toBe('SEC_E_NO_CREDENTIALS');
  });

  test.each<[string, unknown]>([
    ['a number', 7],
    ['a string', 'alice'],
    ['no kind', { user: 'alice' }],
    ['another kind', { kind: 'kerberos' }],
    ['both ANSI and UNICODE', { kind: 'identity', user: 'a', flags: AUTH_IDENTITY.ANSI | AUTH_IDENTITY.UNICODE }],
    ['a user that is no text', { kind: 'identity', user: 7 }],
    ['a user with a NUL', { kind: 'identity', user: 'ali\0ce' }],
    ['an encrypted password', { kind: 'identity', user: 'a', flags: AUTH_IDENTITY.PROCESS_ENCRYPTED }],
    ['a hash without a user', { kind: 'nt-hash', ntHash: new Secret(new Uint8Array(16)) }],
    ['pSpnegoCred of another kind', { kind: 'credssp', spnegoCred: { kind: 'x' } }],
    ['pSpnegoCred with broken flags', { kind: 'credssp', spnegoCred: { kind: 'identity', flags: 3 } }],
    ['a CREDSSP_CRED within a CREDSSP_CRED', { kind: 'credssp', spnegoCred: { kind: 'credssp' } }],
    ['CREDSSP_CRED_EX without Cred', { kind: 'credssp-ex' }],
    ['octets that are no EX2', new Uint8Array(48)],
  ])('A12: %s is SEC_E_UNKNOWN_CREDENTIALS', async (_, authData) => {
    const toy = tokenPackage();
    const result = await door(toy).acquireCredentialsHandle({
      package: 'TOKENS',
      ...OUTBOUND,
      authData: forged<AuthData>(authData),
    });
    expect(named(result)).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    expect(toy.acquired).toHaveLength(0);
  });

  test('A22: a marshalled identity is unpacked, and its copy of the password overwritten', async () => {
    let seen = '';
    let password: unknown;
    const toy = tokenPackage();
    const spy = {
      ...toy,
      acquire: (request: Parameters<typeof toy.acquire>[0]) => {
        const { authData } = request;
        if (authData?.kind === 'identity' && authData.password instanceof Secret) {
          password = authData.password;
          seen = `${authData.domain}\\${authData.user} ${new TextDecoder('utf-16le').decode(authData.password.reveal())}`;
        }
        return toy.acquire(request);
      },
    };
    const authData = encodeAuthIdentity({ kind: 'identity', user: 'alice', domain: 'CORP', password: 'AlicePass1!' });
    const result = await door(spy).acquireCredentialsHandle({ package: 'TOKENS', ...OUTBOUND, authData });
    expect(named(result)).toBe('SEC_E_OK');
    expect(seen).toBe('CORP\\alice AlicePass1!');
    expect(password instanceof Secret && password.disposed).toBe(true);
  });

  test('A8: for CREDSSP a marshalled identity becomes pSpnegoCred', async () => {
    const toy = scriptedPackage({ name: 'CREDSSP' });
    const authData = encodeAuthIdentity({ kind: 'identity', user: 'alice' });
    await door(toy).acquireCredentialsHandle({ package: 'CREDSSP', ...OUTBOUND, authData });
    expect(toy.acquired[0]?.request.authData).toMatchObject({ kind: 'credssp', spnegoCred: { user: 'alice' } });
  });

  test('A11: what a package throws that is no SspiError is SEC_E_INTERNAL_ERROR', async () => {
    const broken = { ...tokenPackage(), acquire: () => Promise.reject(new RangeError('a fault of the package')) };
    const result = await door(broken).acquireCredentialsHandle({ package: 'TOKENS', ...OUTBOUND });
    expect(named(result)).toBe('SEC_E_INTERNAL_ERROR');
  });

  test('A11: an error that calls itself a success is SEC_E_INTERNAL_ERROR', async () => {
    const error = new SspiError('NO_CREDENTIALS', { stage: 'toy', status: 0 });
    const broken = { ...tokenPackage(), acquire: () => Promise.reject(error) };
    const result = await door(broken).acquireCredentialsHandle({ package: 'TOKENS', ...OUTBOUND });
    expect(named(result)).toBe('SEC_E_INTERNAL_ERROR');
    expect(result.credential).toBeNull();
  });
});

describe('FreeCredentialsHandle', () => {
  test('L2, T4: a handle is good once, opaque and frozen, and never used again', async () => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const first = await credentialOf(sspi, 'TOKENS');
    expect(Object.isFrozen(first)).toBe(true);
    expect(named(await sspi.freeCredentialsHandle({ credential: first }))).toBe('SEC_E_OK');
    expect(toy.acquired[0]?.disposed).toBe(1);
    expect(named(await sspi.freeCredentialsHandle({ credential: first }))).toBe('SEC_E_INVALID_HANDLE');
    expect(toy.acquired[0]?.disposed).toBe(1);
    const second = await credentialOf(sspi, 'TOKENS');
    expect(second).not.toEqual(first);
  });

  test('L2, T4: what looks like a handle is none, and one table has nothing to do with another', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const other = door(tokenPackage());
    for (const handle of [{ ...credential }, null, undefined, 0, 'credential', { lower: 0n, upper: 0n }])
      expect(named(await sspi.freeCredentialsHandle({ credential: forged(handle) }))).toBe('SEC_E_INVALID_HANDLE');
    expect(named(await other.freeCredentialsHandle({ credential }))).toBe('SEC_E_INVALID_HANDLE');
    expect(named(await sspi.freeCredentialsHandle({ credential }))).toBe('SEC_E_OK');
  });

  test('A14: contexts go on when their credential is freed, and it is zeroised with the last of them', async () => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const first = await initiate(sspi, { credential });
    const second = await initiate(sspi, { credential });
    await sspi.freeCredentialsHandle({ credential });
    expect(toy.acquired[0]?.disposed).toBe(0);

    const done = await initiate(sspi, { context: first.context, input: ascii('welcome') });
    expect(named(done.result)).toBe('SEC_E_OK');
    await sspi.deleteSecurityContext({ context: first.context });
    expect(toy.acquired[0]?.disposed).toBe(0);
    await sspi.deleteSecurityContext({ context: first.context });
    expect(toy.acquired[0]?.disposed).toBe(0);
    await sspi.deleteSecurityContext({ context: second.context });
    expect(toy.acquired[0]?.disposed).toBe(1);
  });

  test('A14: a first call that fails keeps nothing alive', async () => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    await sspi.acceptSecurityContext({ credential, input: { buffers: [{ type: 2, count: 3, buffer: ascii('bad') }] } });
    expect(toy.acquired[0]?.contexts).toBe(1);
    await sspi.freeCredentialsHandle({ credential });
    expect(toy.acquired[0]?.disposed).toBe(1);
  });

  test('R7: a freed credential starts no context, and is not accepted on later calls', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const { context } = await initiate(sspi, { credential });
    await sspi.freeCredentialsHandle({ credential });
    const first = await sspi.initializeSecurityContext({ credential });
    expect(named(first)).toBe('SEC_E_INVALID_HANDLE');
    const later = await sspi.initializeSecurityContext({ credential, context });
    expect(named(later)).toBe('SEC_E_INVALID_HANDLE');
    const without = await initiate(sspi, { context, input: ascii('welcome') });
    expect(textOf(without.token)).toBe('proof');
  });
});

describe('packages', () => {
  test('P1: EnumerateSecurityPackages lists what there is, QuerySecurityPackageInfo one of it', async () => {
    const sspi = door(tokenPackage(), recordPackage());
    const { status, packages } = await sspi.enumerateSecurityPackages();
    expect(status).toBe(0);
    expect(packages.map(({ name }) => name)).toEqual(['TOKENS', 'RECORDS']);
    const { packageInfo } = await sspi.querySecurityPackageInfo({ packageName: 'tokens' });
    expect(packageInfo).toEqual({
      name: 'TOKENS',
      comment: 'TOKENS of the tests',
      capabilities: 0x13,
      version: 1,
      rpcId: 0xffff,
      maxToken: 64,
    });
    const unknown = await sspi.querySecurityPackageInfo({ packageName: 'Kerberos' });
    expect(named(unknown)).toBe('SEC_E_SECPKG_NOT_FOUND');
    expect(unknown.packageInfo).toBeNull();
  });

  test('P1: what a caller does to the list does not reach the packages', async () => {
    const toy = tokenPackage();
    const { packages } = await door(toy).enumerateSecurityPackages();
    Object.assign(present(packages[0]), { name: 'changed' });
    expect(toy.info.name).toBe('TOKENS');
  });

  test('P4: Schannel also goes by its long name', async () => {
    const sspi = door(scriptedPackage({ name: 'Schannel' }));
    const { packageInfo } = await sspi.querySecurityPackageInfo({
      packageName: 'Microsoft Unified Security Protocol Provider',
    });
    expect(packageInfo?.name).toBe('Schannel');
  });

  test('two packages of one name are a mistake at once', () => {
    expect(() => createSspi({ packages: [tokenPackage(), tokenPackage()], host: systemHost })).toThrow(SspiError);
  });

  test('R7: a credential of another package is SEC_E_INVALID_HANDLE on a later call', async () => {
    const sspi = door(tokenPackage(), recordPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const other = await credentialOf(sspi, 'RECORDS');
    const { context } = await initiate(sspi, { credential });
    const output = { buffers: [{ type: 2, count: 64, buffer: new Uint8Array(64) }] };
    const input = { buffers: [{ type: 2, count: 7, buffer: ascii('welcome') }] };
    const result = await sspi.initializeSecurityContext({ credential: other, context, input, output });
    expect(named(result)).toBe('SEC_E_INVALID_HANDLE');
    expect(result.context).toBe(context);
  });
});
