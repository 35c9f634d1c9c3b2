/** ChangeAccountPassword by Kerberos (contract L10), against the KDC of a lab. */
import { describe, expect, test } from 'vitest';
import { createSspi } from '../../src/api/index.ts';
import { type Dns, type Host, systemHost } from '../../src/host/index.ts';
import { kerberosPackage } from '../../src/kerberos/index.ts';
import { type Lab, lab } from '../../src/lab/index.ts';
import { createNegotiatePackage, negotiatePackage, ntlmMechanism } from '../../src/negotiate/index.ts';
import { contentOf, ISC_REQ, SECBUFFER, SECPKG_CRED, secBuffer, statusName } from '../../src/sspi/index.ts';

const OLD = 'LabPass1!';
const NEW = 'Pässwörd2€';

/** A machine in the realm, whose DNS knows where the KDC and the server for passwords are. */
function machineIn(realm: Lab): { host: Host; asked: string[] } {
  const asked: string[] = [];
  const dns: Dns = {
    async srv(name) {
      asked.push(name);
      return [{ priority: 0, weight: 0, port: 88, target: 'kdc.lab.example' }];
    },
  };
  return { host: { ...realm.host, dns }, asked };
}

async function change(host: Host, more: object = {}, packageName = 'Kerberos') {
  const sspi = createSspi({ packages: [kerberosPackage, negotiatePackage], host });
  const output = secBuffer(SECBUFFER.CHANGE_PASS_RESPONSE, new Uint8Array(24));
  const result = await sspi.changeAccountPassword({
    packageName,
    domainName: 'LAB.EXAMPLE',
    accountName: 'alice',
    oldPassword: OLD,
    newPassword: NEW,
    output: { buffers: [output] },
    ...more,
  });
  return { ...result, named: statusName(result.status), policy: Buffer.from(contentOf(output)).toString('hex') };
}

/** How a logon with a password ends. */
async function logOn(realm: Lab, user: string, password: string): Promise<string> {
  const authData = realm.identity(user, { mechanism: 'kerberos', password });
  const credential = await kerberosPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: realm.host });
  const context = credential.initiate({ flags: ISC_REQ.CONFIDENTIALITY, targetName: realm.targetName });
  return await context.step().then(
    () => 'on',
    (error) => error.code,
  );
}

describe('ChangeAccountPassword by Kerberos', () => {
  test.each(['Kerberos', 'Negotiate'])(
    'L10: %s finds KDC and server by the DNS; the new password is good',
    async (name) => {
      await using realm = await lab();
      const { host, asked } = machineIn(realm);
      expect((await change(host, {}, name)).named).toBe('SEC_E_OK');
      expect(asked.some((one) => /^_kerberos\._(udp|tcp)\.LAB\.EXAMPLE$/u.test(one))).toBe(true);
      expect(asked.some((one) => /^_kpasswd\._(udp|tcp)\.LAB\.EXAMPLE$/u.test(one))).toBe(true);
      expect([await logOn(realm, 'alice', OLD), await logOn(realm, 'alice', NEW)]).toEqual(['LOGON_DENIED', 'on']);
    },
  );

  test('L10: an account whose password must be changed', async () => {
    await using realm = await lab();
    expect(await logOn(realm, 'mona', OLD)).toBe('ACCOUNT_RESTRICTED');
    expect((await change(machineIn(realm).host, { accountName: 'mona' })).named).toBe('SEC_E_OK');
    expect(await logOn(realm, 'mona', NEW)).toBe('on');
  });

  test('L10: a new one that is not good enough: DOMAIN_PASSWORD_INFORMATION says what would be', async () => {
    await using realm = await lab({ policy: { minPasswordLength: 12 } });
    const { named, error, policy } = await change(machineIn(realm).host);
    expect([named, error?.code]).toEqual(['SEC_E_LOGON_DENIED', 'PASSWORD_CHANGE_REFUSED']);
    // u16 12; u16, u32, i64, i64 of a domain without other rules: little-endian.
    expect(policy).toBe(`0c00${'00'.repeat(22)}`);
    expect(await logOn(realm, 'alice', OLD)).toBe('on');
  });

  test('L10: a wrong old one, somebody unknown', async () => {
    await using realm = await lab();
    const { host } = machineIn(realm);
    expect(await change(host, { oldPassword: 'wrong' })).toMatchObject({ error: { code: 'LOGON_DENIED' } });
    expect(await change(host, { accountName: 'nobody' })).toMatchObject({ error: { code: 'LOGON_DENIED' } });
  });

  test('L10: where there is no DNS nobody can be asked', async () => {
    const { named, error } = await change(systemHost);
    expect([named, error?.code]).toEqual(['SEC_E_NO_AUTHENTICATING_AUTHORITY', 'NO_AUTHENTICATING_AUTHORITY']);
  });

  test('L10, Z11: Negotiate without a mechanism that does it does not do it', () => {
    expect(createNegotiatePackage({ mechanisms: [ntlmMechanism] }).changePassword).toBeUndefined();
  });
});
