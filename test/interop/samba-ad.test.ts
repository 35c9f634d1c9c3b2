/** Kerberos in a real Active Directory domain: Samba's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import type { Dns } from '../../src/host/index.ts';
import { nodeHost } from '../../src/host/node.ts';
import { kerberosPackage } from '../../src/kerberos/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import {
  type AuthData,
  ISC_REQ,
  ISC_RET,
  type KerberosAcceptorSettings,
  type KerberosSettings,
  NTSTATUS,
  SEC_E,
  SECPKG_CRED,
  Secret,
  type SecurityContext,
  SspiError,
} from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import { Ldap } from './ldap.ts';
import { Peers } from './peers.ts';

const IP = '127.0.0.10';
const TARGET = 'TERMSRV/host.example.test';
const LDAP = 'ldap/dc1.example.test';
const SEALED =
  ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.REPLAY_DETECT;
const SIGNED = SEALED & ~ISC_REQ.CONFIDENTIALITY;

const peers = new Peers();
const path = (name: string): string => join(peers.state, 'samba-ad', name);
let kerberos: KerberosSettings;

beforeAll(async () => {
  await peers.must('samba-ad.sh', ['start']);
  kerberos = { configuration: readFileSync(path('krb5.conf'), 'utf8') };
});

afterAll(async () => {
  await peers.run('samba-ad.sh', ['reset']);
  await peers.stop();
});

function identity(
  user: string,
  password: string,
  more: Partial<KerberosSettings> = {},
  packageList?: string,
): AuthData {
  return { kind: 'identity', user, domain: 'EXAMPLE', password, kerberos: { ...kerberos, ...more }, packageList };
}

async function client(authData: AuthData, targetName = TARGET, flags: number = SEALED): Promise<SecurityContext> {
  const credential = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: nodeHost });
  return credential.initiate({ flags, targetName });
}

/** A service with the keytab of svc-host and HOST2$. */
async function service(settings: Partial<KerberosAcceptorSettings> = {}): Promise<SecurityContext> {
  const keytab = readFileSync(path('service.keytab'));
  const authData = { kind: 'kerberos-acceptor', keytab, replayCache: memoryReplayCache(), ...settings } as const;
  const credential = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData, host: nodeHost });
  return credential.accept({ flags: 0 });
}

async function refusal(authData: AuthData, targetName = TARGET): Promise<SspiError> {
  const outcome = await (await client(authData, targetName)).step().then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof SspiError) return outcome;
  throw new Error(`let through, or worse: ${String(outcome)}`);
}

describe('the accounts of the domain end as they should', () => {
  test.each([
    ['EXAMPLE\\alice', 'alice', 'AlicePass1!'],
    ['a UPN', 'alice@example.test', 'AlicePass1!'],
    ['a password beyond ASCII', 'carol', 'Pässwörd1€'],
    ['a member of Protected Users', 'protected', 'Protected1!'],
  ])('%s logs on with Kerberos', async (_, user, password) => {
    const initiated = await client(identity(user, password));
    const { initiatorError, acceptorError } = await converse(initiated, await service());
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(initiated.query('NEGOTIATION_PACKAGE').name).toBe('Kerberos');
  });

  test.each([
    ['a wrong password', 'alice', 'nope', 'LOGON_DENIED', NTSTATUS.WRONG_PASSWORD],
    ['nobody', 'nobody', 'nope', 'LOGON_DENIED', NTSTATUS.NO_SUCH_USER],
    ['a disabled account', 'disabled', 'Disabled1!', 'ACCOUNT_RESTRICTED', NTSTATUS.ACCOUNT_DISABLED],
    // KDC_ERR_KEY_EXPIRED is all that Samba's KDC says of it
    ['a password that must be changed', 'mustchange', 'Change1!x', 'ACCOUNT_RESTRICTED', NTSTATUS.PASSWORD_EXPIRED],
  ])('%s: refused by name, and not tried with NTLM', async (_, user, password, code, ntStatus) => {
    const failure = await refusal(identity(user, password));
    expect(failure).toMatchObject({ code, status: SEC_E.LOGON_DENIED });
    expect(failure.ntStatus).toBe(ntStatus);
  });

  test('Z39: a service that has only RC4 is refused, unless RC4 is allowed', async () => {
    const failure = await refusal(identity('alice', 'AlicePass1!'), 'HTTP/rc4.example.test');
    expect(failure.code).toBe('ENCRYPTION_TYPE_UNSUPPORTED');
    expect(failure.detail).toContain('HTTP/rc4.example.test');
    const encryptionTypes = [18, 17, 23];
    const initiated = await client(identity('alice', 'AlicePass1!', { encryptionTypes }), 'HTTP/rc4.example.test');
    const { initiatorError, acceptorError } = await converse(initiated, await service({ encryptionTypes }));
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
  });

  test('S11: a service that nobody has registered', async () => {
    const failure = await refusal(identity('alice', 'AlicePass1!', {}, '!ntlm'), 'TERMSRV/nobody.example.test');
    expect(failure).toMatchObject({ code: 'SPN_UNKNOWN', status: SEC_E.TARGET_UNKNOWN });
    expect(failure.detail).toContain('TERMSRV/nobody.example.test');
  });

  test('a service under the computer account', async () => {
    const initiated = await client(identity('bob', 'BobPass1!'), 'TERMSRV/host2.example.test');
    const { acceptorError } = await converse(initiated, await service());
    expect(acceptorError).toBeUndefined();
  });
});

describe('the PAC of a ticket', () => {
  test('K14: its server signature verifies, and it gives the SIDs, groups and UPN of the user', async () => {
    const accepted = await service({ requirePac: true });
    const { acceptorError } = await converse(await client(identity('alice', 'AlicePass1!')), accepted);
    expect(acceptorError).toBeUndefined();
    const { name, principal, authorization } = accepted.query('ACCESS_TOKEN');
    expect(name).toBe('EXAMPLE\\alice');
    expect(principal).toBe('alice@EXAMPLE.TEST');
    expect(authorization).toMatchObject({
      accountName: 'alice',
      logonDomain: 'EXAMPLE',
      userPrincipalName: 'alice@example.test',
      dnsDomain: 'EXAMPLE.TEST',
    });
    expect(authorization?.sid).toMatch(/^S-1-5-21-\d+-\d+-\d+-\d+$/u);
    const domain = authorization?.sid?.replace(/-\d+$/u, '');
    expect(authorization?.groups).toContain(`${domain}-513`); // Domain Users
    expect(authorization?.groups).toContain('S-1-18-1'); // the KDC has checked the password
  });

  test('the groups of an administrator', async () => {
    const accepted = await service();
    await converse(await client(identity('Administrator', 'AdminPass1!')), accepted);
    const { authorization } = accepted.query('ACCESS_TOKEN');
    expect(authorization?.sid).toMatch(/-500$/u);
    expect(authorization?.groups.some((sid) => sid.endsWith('-512'))).toBe(true); // Domain Admins
  });

  test('K14: a key that is not the one of the ticket', async () => {
    const keytab = readFileSync(path('users.keytab'));
    const aliases = { [TARGET]: 'alice@EXAMPLE.TEST' };
    const { acceptorError } = await converse(
      await client(identity('bob', 'BobPass1!')),
      await service({ keytab, aliases }),
    );
    expect(['TICKET_UNREADABLE', 'KEY_VERSION_UNKNOWN']).toContain(acceptorError?.code);
  });
});

describe('delegation', () => {
  test('Y6: to a service that is trusted for it, and on from there', async () => {
    const accepted = await service();
    const initiated = await client(identity('alice', 'AlicePass1!'), TARGET, SEALED | ISC_REQ.DELEGATE);
    await converse(initiated, accepted);
    expect(initiated.query('FLAGS').flags & ISC_RET.DELEGATE).not.toBe(0);
    const { delegated } = accepted.query('ACCESS_TOKEN');
    if (delegated === undefined) throw new TypeError('nothing was delegated');
    const ldap = await Ldap.open(IP);
    const second = await client({ ...delegated, kerberos }, LDAP);
    expect(await ldap.bind(second, true)).toMatchObject({ resultCode: 0 });
    expect(await ldap.search('DC=example,DC=test', 'sAMAccountName', 'alice', ['cn'])).toHaveLength(1);
    ldap.close();
  });

  test('Y6: and not to another', async () => {
    const initiated = await client(
      identity('alice', 'AlicePass1!'),
      'TERMSRV/host2.example.test',
      SEALED | ISC_REQ.DELEGATE,
    );
    await converse(initiated, await service());
    expect(initiated.query('FLAGS').flags & ISC_RET.DELEGATE).toBe(0);
  });
});

describe('LDAP with GSS-SPNEGO', () => {
  test.each([
    ['sealed', SEALED, true],
    ['signed', SIGNED, false],
  ] as const)('K5: a bind, and an entry read, %s', async (_, flags, isSealed) => {
    const ldap = await Ldap.open(IP);
    const context = await client(identity('alice', 'AlicePass1!'), LDAP, flags);
    expect(await ldap.bind(context, isSealed)).toEqual({ resultCode: 0, message: '' });
    expect(context.query('NEGOTIATION_PACKAGE').name).toBe('Kerberos');
    const entries = await ldap.search('DC=example,DC=test', 'sAMAccountName', 'bob', [
      'sAMAccountName',
      'memberOf',
      'objectClass',
    ]);
    expect(entries).toMatchObject([
      { name: 'CN=bob,CN=Users,DC=example,DC=test', attributes: { sAMAccountName: ['bob'] } },
    ]);
    const everybody = await ldap.search('DC=example,DC=test', 'objectClass', 'user', ['*']);
    expect(everybody.length).toBeGreaterThan(8);
    ldap.close();
  });

  test('K5: without SPNEGO around it, which Samba takes as well', async () => {
    const ldap = await Ldap.open(IP);
    const credential = await kerberosPackage.acquire({
      use: SECPKG_CRED.OUTBOUND,
      authData: identity('alice', 'AlicePass1!'),
      host: nodeHost,
    });
    expect(await ldap.bind(credential.initiate({ flags: SEALED, targetName: LDAP }), true)).toMatchObject({
      resultCode: 0,
    });
    expect(await ldap.search('DC=example,DC=test', 'sAMAccountName', 'alice', ['cn'])).toHaveLength(1);
    ldap.close();
  });
});

describe('password changes, RFC 3244', () => {
  test('L10: Samba changes it, by what the DNS says; or says why not', async () => {
    const dns: Dns = {
      srv: async (name) => [{ priority: 0, weight: 0, port: name.startsWith('_kpasswd.') ? 464 : 88, target: IP }],
    };
    const change = async (newPassword: string) =>
      await kerberosPackage.changePassword?.({
        domain: 'EXAMPLE.TEST',
        user: 'bob',
        oldPassword: Secret.fromText('BobPass1!'),
        newPassword: Secret.fromText(newPassword),
        host: { ...nodeHost, dns },
      });
    await expect(change('Bob')).rejects.toMatchObject({
      code: 'PASSWORD_CHANGE_REFUSED',
      ntStatus: NTSTATUS.PASSWORD_RESTRICTION,
      detail: expect.stringContaining('at least 7 characters'),
    });
    expect(await change('Anöther2€')).toEqual({ kind: 'changed' });
    const { acceptorError } = await converse(await client(identity('bob', 'Anöther2€')), await service());
    expect(acceptorError).toBeUndefined();
    expect(await refusal(identity('bob', 'BobPass1!'))).toMatchObject({ code: 'LOGON_DENIED' });
  });
});
