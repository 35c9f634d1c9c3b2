/** The `Sspi*` functions on identities, and what the functions that set attributes take. */
import { describe, expect, test } from 'vitest';
import { checkAuthData, frameOf } from '../../src/api/auth-data.ts';
import {
  sspiCompareAuthIdentities,
  sspiCopyAuthIdentity,
  sspiEncodeAuthIdentityAsStrings,
  sspiEncodeStringsAsAuthIdentity,
  sspiExcludePackage,
  sspiFreeAuthIdentity,
  sspiGetTargetHostName,
  sspiIsAuthIdentityEncrypted,
  sspiMarshalAuthIdentity,
  sspiUnmarshalAuthIdentity,
  sspiValidateAuthIdentity,
  sspiZeroAuthIdentity,
} from '../../src/api/auth-identity-functions.ts';
import { openState, sealState } from '../../src/api/packed-context.ts';
import { systemHost } from '../../src/host/index.ts';
import { AUTH_IDENTITY, type AuthIdentity, SEC_E, Secret, SspiError } from '../../src/sspi/index.ts';

const ALICE: AuthIdentity = { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: 'AlicePass1!' };

const made = (result: { readonly authIdentity: AuthIdentity | null }): AuthIdentity => {
  if (result.authIdentity === null) throw new TypeError('no identity');
  return result.authIdentity;
};

const passwordOf = ({ password }: AuthIdentity): string | undefined =>
  password instanceof Secret ? Buffer.from(password.reveal()).toString('utf16le') : password;

describe('texts and identities', () => {
  test('L11: three texts make an identity, and come out again; NULL stays NULL and empty stays empty', () => {
    for (const [user, domain, password] of [
      ['alice', 'EXAMPLE', 'AlicePass1!'],
      ['alice', null, null],
      ['', '', ''],
    ] as const) {
      const identity = made(sspiEncodeStringsAsAuthIdentity(user, domain, password));
      expect(identity.flags).toBe(AUTH_IDENTITY.UNICODE);
      expect(passwordOf(identity)).toBe(password ?? undefined);
      const { status, userName, domainName, packedCredentials } = sspiEncodeAuthIdentityAsStrings(identity);
      expect([status, userName, domainName, packedCredentials]).toEqual([SEC_E.OK, user, domain, password]);
    }
    expect(sspiEncodeAuthIdentityAsStrings(ALICE).packedCredentials).toBe('AlicePass1!');
  });

  test('L11: what is no text and no identity is told so', () => {
    const wrong: unknown = Uint8Array.of(1);
    const given: Parameters<typeof sspiEncodeStringsAsAuthIdentity> = ['alice', null, null];
    Reflect.set(given, 2, wrong);
    expect(sspiEncodeStringsAsAuthIdentity(...given)).toMatchObject({
      status: SEC_E.INVALID_PARAMETER,
      authIdentity: null,
    });
    for (const value of [null, 'alice', { kind: 'anonymous' }]) {
      const holder: { identity: AuthIdentity } = { identity: ALICE };
      Reflect.set(holder, 'identity', value);
      const { identity } = holder;
      expect(sspiValidateAuthIdentity(identity).status).toBe(SEC_E.UNKNOWN_CREDENTIALS);
      expect(sspiEncodeAuthIdentityAsStrings(identity)).toMatchObject({
        status: SEC_E.UNKNOWN_CREDENTIALS,
        userName: null,
        domainName: null,
        packedCredentials: null,
      });
      expect(sspiMarshalAuthIdentity(identity)).toMatchObject({ status: SEC_E.UNKNOWN_CREDENTIALS, byteArray: null });
      expect(sspiCopyAuthIdentity(identity)).toMatchObject({ status: SEC_E.UNKNOWN_CREDENTIALS, authIdentity: null });
    }
    expect(sspiValidateAuthIdentity(ALICE)).toEqual({ status: SEC_E.OK });
  });

  test('L11: octets and back', () => {
    const { byteArray } = sspiMarshalAuthIdentity(ALICE);
    if (byteArray === null) throw new TypeError('no octets');
    const identity = made(sspiUnmarshalAuthIdentity(byteArray));
    expect([identity.user, identity.domain, passwordOf(identity)]).toEqual(['alice', 'EXAMPLE', 'AlicePass1!']);
    expect(sspiUnmarshalAuthIdentity(byteArray.subarray(0, 10)).authIdentity).toBeNull();
  });
});

describe('copies', () => {
  test('L11: a copy has a password of its own', () => {
    const password = Secret.fromText('AlicePass1!');
    const original: AuthIdentity = { ...ALICE, password };
    const copy = made(sspiCopyAuthIdentity(original));
    expect(sspiFreeAuthIdentity(original)).toEqual({ status: SEC_E.OK });
    expect([password.disposed, passwordOf(copy)]).toEqual([true, 'AlicePass1!']);
    expect(copy).toMatchObject({ user: 'alice', domain: 'EXAMPLE' });
    expect(passwordOf(made(sspiCopyAuthIdentity(ALICE)))).toBe('AlicePass1!');
    expect(made(sspiCopyAuthIdentity({ kind: 'identity', user: 'alice' }))).toEqual({
      kind: 'identity',
      user: 'alice',
    });
  });

  test('L11: a text cannot be overwritten, and nothing needs no wiping', () => {
    expect(sspiZeroAuthIdentity(ALICE).status).toBe(SEC_E.UNSUPPORTED_FUNCTION);
    expect(sspiZeroAuthIdentity(null).status).toBe(SEC_E.OK);
    expect(sspiZeroAuthIdentity({ kind: 'identity', user: 'alice' }).status).toBe(SEC_E.OK);
  });

  test('L11: a package is excluded in the list of the copy', () => {
    expect(made(sspiExcludePackage(ALICE, 'NTLM')).packageList).toBe('!NTLM');
    expect(made(sspiExcludePackage({ ...ALICE, packageList: 'Kerberos' }, 'NTLM')).packageList).toBe('Kerberos,!NTLM');
    for (const name of ['', '!NTLM', 'a,b', 'a b', ' NTLM'])
      expect(sspiExcludePackage(ALICE, name)).toMatchObject({ status: SEC_E.INVALID_PARAMETER, authIdentity: null });
  });
});

describe('comparison', () => {
  const compare = (one: AuthIdentity | null, other: AuthIdentity | null): [number, boolean, boolean] => {
    const { status, sameSuppliedUser, sameSuppliedIdentity } = sspiCompareAuthIdentities(one, other);
    return [status, sameSuppliedUser, sameSuppliedIdentity];
  };
  const secret = (password: string): AuthIdentity => ({ ...ALICE, password: Secret.fromText(password) });

  test.each([
    ['the same', ALICE, { ...ALICE }, true, true],
    ['another case', ALICE, { ...ALICE, user: 'ALICE', domain: 'example' }, true, true],
    ['text and secret', ALICE, secret('AlicePass1!'), true, true],
    ['another password', secret('a'), secret('b'), true, false],
    ['a password in another case', ALICE, { ...ALICE, password: 'ALICEPASS1!' }, true, false],
    ['no password on one side', ALICE, { ...ALICE, password: undefined }, true, false],
    ['no password at all', { ...ALICE, password: undefined }, { ...ALICE, password: undefined }, true, true],
    ['another user', ALICE, { ...ALICE, user: 'bob' }, false, false],
    ['another domain', ALICE, { ...ALICE, domain: 'OTHER' }, false, false],
    ['no domain', ALICE, { ...ALICE, domain: undefined }, false, false],
    ['NULL and NULL', null, null, true, true],
    ['NULL and somebody', null, ALICE, false, false],
    ['somebody and NULL', ALICE, null, false, false],
  ] as const)('L11: %s', (_, one, other, user, identity) => {
    expect(compare(one, other)).toEqual([SEC_E.OK, user, identity]);
  });

  test('L11: comparing wipes neither side', () => {
    const one = secret('AlicePass1!');
    compare(one, ALICE);
    compare(ALICE, one);
    expect(passwordOf(one)).toBe('AlicePass1!');
  });
});

test('L11: identities that Windows has encrypted', () => {
  const encrypted = (flags: number | undefined) => sspiIsAuthIdentityEncrypted({ ...ALICE, flags });
  for (const flags of [
    AUTH_IDENTITY.PROCESS_ENCRYPTED,
    AUTH_IDENTITY.SYSTEM_PROTECTED,
    AUTH_IDENTITY.USER_PROTECTED,
    AUTH_IDENTITY.SYSTEM_ENCRYPTED,
  ])
    expect(encrypted(flags | AUTH_IDENTITY.UNICODE)).toBe(true);
  for (const flags of [undefined, 0, AUTH_IDENTITY.UNICODE, AUTH_IDENTITY.ANSI]) expect(encrypted(flags)).toBe(false);
});

test('R2: the host of a target name', () => {
  expect(sspiGetTargetHostName('TERMSRV/host.example.test:3389')).toEqual({
    status: SEC_E.OK,
    hostName: 'host.example.test',
  });
  expect(sspiGetTargetHostName('TERMSRV/')).toMatchObject({ status: SEC_E.TARGET_UNKNOWN, hostName: null });
});

describe('pAuthData', () => {
  const code = (authData: unknown): string => {
    try {
      checkAuthData(authData);
    } catch (error) {
      if (error instanceof SspiError) return `${error.code} ${error.stage}`;
      throw error;
    }
    return 'taken';
  };

  test.each([
    [undefined, 'taken'],
    [null, 'taken'],
    [ALICE, 'taken'],
    [{ kind: 'anonymous' }, 'taken'],
    [{ kind: 'nt-hash', user: 'alice', ntHash: new Secret(new Uint8Array(16)) }, 'taken'],
    [{ kind: 'credssp' }, 'taken'],
    [{ kind: 'credssp', spnegoCred: ALICE }, 'taken'],
    [{ kind: 'credssp-ex', cred: { kind: 'credssp', spnegoCred: ALICE } }, 'taken'],
    ['alice', 'refused'],
    [{}, 'refused'],
    [{ kind: 7 }, 'refused'],
    [{ kind: 'toString' }, 'refused'],
    [{ kind: 'nt-hash', user: 'alice', ntHash: new Uint8Array(16) }, 'refused'],
    [{ kind: 'nt-hash', ntHash: new Secret(new Uint8Array(16)) }, 'refused'],
    [{ kind: 'credssp', spnegoCred: { kind: 'nobody' } }, 'refused'],
    [{ kind: 'credssp', spnegoCred: { kind: 'credssp' } }, 'refused'],
    [{ kind: 'credssp', spnegoCred: { kind: 'credssp-ex' } }, 'refused'],
    [{ kind: 'credssp', spnegoCred: { kind: 'nt-hash', user: 'alice' } }, 'refused'],
    [{ kind: 'credssp-ex' }, 'refused'],
    [{ kind: 'credssp-ex', cred: null }, 'refused'],
    [{ kind: 'credssp-ex', cred: { kind: 'credssp', spnegoCred: 'alice' } }, 'refused'],
  ])('A12, A16: %o is %s', (authData, expected) => {
    expect(code(authData)).toBe(expected === 'taken' ? 'taken' : 'UNKNOWN_CREDENTIALS pAuthData');
  });

  test('R23: an identity that a buffer brings takes the place of the one so far; what surrounds it stays', () => {
    const bob: AuthIdentity = { kind: 'identity', user: 'bob', password: 'BobPass1!' };
    expect(frameOf('NTLM', { ...ALICE, packageList: '!ntlm' })(bob)).toMatchObject({
      user: 'bob',
      packageList: '!ntlm',
    });
    expect(frameOf('NTLM', ALICE)({ ...bob, packageList: 'kerberos' })).toMatchObject({ packageList: 'kerberos' });
    expect(frameOf('CREDSSP', undefined)(bob)).toMatchObject({ kind: 'credssp', spnegoCred: { user: 'bob' } });
    const options = { maxVersion: 5 };
    const schannelCred = { kind: 'schannel', certificates: [], rootStore: ['root'] } as const;
    const cred = { kind: 'credssp', schannelCred, spnegoCred: ALICE, options } as const;
    const framed = frameOf('CREDSSP', { kind: 'credssp-ex', version: 0, flags: 0, cred })(bob);
    expect(framed).toMatchObject({ kind: 'credssp-ex', version: 0, cred: { options, spnegoCred: { user: 'bob' } } });
    expect(framed).toMatchObject({ cred: { schannelCred: { certificates: undefined, rootStore: ['root'] } } });
    expect(JSON.stringify(framed, (_, value: unknown) => (typeof value === 'bigint' ? 0 : value))).not.toContain(
      'AlicePass1!',
    );
  });
});

describe('packed contexts', () => {
  const key = new Uint8Array(32).fill(7);

  test('L6: what was sealed is opened with the same key for the same package, at every length', () => {
    for (let length = 0; length <= 33; length++) {
      const state = Uint8Array.from({ length }, (_, at) => at + 1);
      const packed = sealState(state, key, 'NTLM', systemHost);
      expect(openState(packed, new Secret(key.slice()), 'NTLM')).toEqual(state);
      expect(packed.length % 16).toBe(8);
    }
  });

  test('L6: any octet changed, any cut, another key or package: not ours', () => {
    const packed = sealState(Uint8Array.of(1, 2, 3), key, 'NTLM', systemHost);
    const refused = expect.objectContaining({ code: 'NOT_OWNER', stage: 'pPackedContext' });
    for (let at = 0; at < packed.length; at++) {
      const changed = packed.slice();
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => openState(changed, key, 'NTLM')).toThrow(refused);
      expect(() => openState(packed.subarray(0, at), key, 'NTLM')).toThrow(refused);
    }
    expect(() => openState(packed, key, 'Kerberos')).toThrow(refused);
    expect(() => openState(packed, new Uint8Array(32).fill(8), 'NTLM')).toThrow(refused);
  });

  test('L6: a key has at least 32 octets, and is there', () => {
    const disposed = new Secret(new Uint8Array(32));
    disposed.dispose();
    for (const wrong of [new Uint8Array(31), disposed, 'k'.repeat(32), undefined])
      expect(() => sealState(key, wrong, 'NTLM', systemHost)).toThrow(
        expect.objectContaining({ code: 'INVALID_PARAMETER', stage: 'key' }),
      );
    expect(() => openState('packed', key, 'NTLM')).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETER' }));
  });
});
