/** MIT's own clients against the KDC of the lab: what they take for a KDC is one, and what is tested on it is tested on a KDC. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decode } from '../../src/der/index.ts';
import {
  AD_TYPE,
  decodeCredentialCache,
  decodeKeytab,
  decodeLogonInfo,
  decodePac,
  EncTicketPart,
  encryptionType,
  findAuthorizationData,
  groupSids,
  KEY_USAGE,
  KerberosKey,
  PAC_TYPE,
  pacBuffer,
  Ticket,
  unseal,
  userSid,
  verifyServerSignature,
} from '../../src/kerberos/index.ts';
import { type KdcListener, LabKdc, type LabKdcOptions, listenAsKdc } from '../../src/lab/index.ts';

const PASSWORD = 'AlicePass1!';
const SERVICE = 'TERMSRV/server.lab.example';
const ACCOUNTS = [
  { user: 'alice', password: PASSWORD, groups: [1120] },
  { user: 'bob', password: PASSWORD },
  { user: 'dora', password: PASSWORD, state: 'disabled' },
  { user: 'mona', password: PASSWORD, state: 'must-change' },
  { user: 'SERVER$', services: [SERVICE, 'HTTP/server.lab.example'], trustedForDelegation: true },
] as const;

let directory: string;
let stop: (() => Promise<void>)[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sspi-lab-'));
  stop = [];
});

afterEach(async () => {
  for (const end of stop) await end();
  rmSync(directory, { recursive: true, force: true });
});

/** Starts a KDC. */
async function start(options: Partial<LabKdcOptions> = {}): Promise<{ kdc: LabKdc; listener: KdcListener }> {
  const sid = 'S-1-5-21-1004336348-1177238915-682003330';
  const kdc = new LabKdc({ realm: 'LAB.EXAMPLE', sid, accounts: ACCOUNTS, ...options });
  const listener = await listenAsKdc(kdc);
  stop.push(async () => {
    await listener.close();
    kdc.dispose();
  });
  return { kdc, listener };
}

/** The krb5.conf for KDCs, the first one's realm being the default. */
function configure(kdcs: readonly { kdc: LabKdc; listener: KdcListener }[], libdefaults = ''): void {
  const realms = kdcs.map(
    ({ kdc, listener: { host, port, passwordPort } }) =>
      `${kdc.realm} = {\n kdc = ${host}:${port}\n kpasswd_server = ${host}:${passwordPort}\n}`,
  );
  const text = `[libdefaults]
 default_realm = ${kdcs[0]?.kdc.realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 ${libdefaults}
[realms]
${realms.join('\n')}
`;
  writeFileSync(join(directory, 'krb5.conf'), text);
}

/** Runs a command of MIT's; what it says, whichever way it ends. */
function mit(
  command: string,
  args: readonly string[],
  { input = '', cache = 'cc' } = {},
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const env = {
      PATH: process.env['PATH'],
      LC_ALL: 'C',
      KRB5_CONFIG: join(directory, 'krb5.conf'),
      KRB5CCNAME: `FILE:${join(directory, cache)}`,
      KRB5_KTNAME: join(directory, 'keytab'),
      KRB5_TRACE: join(directory, 'trace'),
    };
    const child = execFile(command, args, { env, timeout: 20_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({ code, output: `${stdout}${stderr}` });
    });
    child.stdin?.on('error', () => undefined).end(input); // not every command reads it
  });
}

const kinit = (args: readonly string[], password = PASSWORD, cache = 'cc') =>
  mit('kinit', args, { input: `${password}\n`, cache });

describe('kinit and kvno against the KDC of the lab', () => {
  test.each([
    ['aes256-cts-hmac-sha1-96', 18],
    ['aes128-cts-hmac-sha1-96', 17],
    ['aes256-cts-hmac-sha384-192', 20],
    ['aes128-cts-hmac-sha256-128', 19],
  ])('K7, K8, K9: %s', async (name, etype) => {
    const started = await start();
    configure([started], `permitted_enctypes = ${name}`);
    expect(await kinit(['alice'])).toMatchObject({ code: 0 });
    expect(await mit('kvno', [SERVICE])).toEqual({ code: 0, output: `${SERVICE}@LAB.EXAMPLE: kvno = 2\n` });
    const listed = (await mit('klist', ['-e'])).output;
    expect(listed).toContain('Default principal: alice@LAB.EXAMPLE');
    expect(listed).toMatch(
      new RegExp(`${SERVICE}@LAB.EXAMPLE\\s+renew until [^,]+, Etype \\(skey, tkt\\): ${name}, ${name}`),
    );

    const pac = await pacInCache(started.kdc, etype);
    expect(userSid(pac)).toBe('S-1-5-21-1004336348-1177238915-682003330-1104');
    expect(groupSids(pac)).toContain('S-1-5-21-1004336348-1177238915-682003330-1120');
  });

  test('RC4, in a realm that has it', async () => {
    const started = await start({ encryptionTypes: [18, 23] });
    configure([started], 'permitted_enctypes = aes rc4\n allow_rc4 = true');
    expect(await kinit(['alice'])).toMatchObject({ code: 0 });
    expect(await mit('kvno', ['-e', 'arcfour-hmac', SERVICE])).toMatchObject({ code: 0 });
    expect((await mit('klist', ['-e'])).output).toContain('arcfour-hmac');
  });

  test('UDP first, and TCP for what is too large; TCP alone', async () => {
    const started = await start();
    configure([started], 'udp_preference_limit = 20000');
    expect(await kinit(['alice'])).toMatchObject({ code: 0 });
    expect(readTrace()).toContain('dgram');
    expect(readTrace()).toContain('Request or response is too big for UDP; retrying with TCP');
    configure([started], 'udp_preference_limit = 1');
    expect(await kinit(['alice'])).toMatchObject({ code: 0 });
    expect(await mit('kvno', [SERVICE])).toMatchObject({ code: 0 });
  });

  test('forwardable, renewable; renewed', async () => {
    configure([await start()]);
    expect(await kinit(['-f', '-r', '2d', 'alice'])).toMatchObject({ code: 0 });
    expect((await mit('klist', ['-f'])).output).toMatch(/renew until .*Flags: FRIA/);
    expect(await kinit(['-R'])).toMatchObject({ code: 0, output: '' });
    expect((await mit('klist', ['-f'])).output).toMatch(/renew until .*Flags: FRA/);
    expect(await mit('kvno', [SERVICE])).toMatchObject({ code: 0 });
    expect((await mit('klist', ['-f'])).output).toMatch(/TERMSRV.*\n.*Flags: FRAO?T/);
  });

  test('K12: user-to-user', async () => {
    configure([await start()]);
    await kinit(['bob'], PASSWORD, 'bob');
    await kinit(['alice']);
    expect(await mit('kvno', ['--u2u', `FILE:${join(directory, 'bob')}`, 'bob@LAB.EXAMPLE'])).toMatchObject({
      code: 0,
    });
    expect((await mit('kvno', ['bob@LAB.EXAMPLE'], { cache: 'bob' })).output).toContain('user2user');
  });

  test('K9: a service of another realm, by referral and by the path', async () => {
    const other = await start({
      realm: 'OTHER.EXAMPLE',
      sid: 'S-1-5-21-1-2-3',
      accounts: [{ user: 'WWW$', services: ['HTTP/www.other.example'] }],
    });
    const here = await start();
    here.kdc.trust(other.kdc);
    configure([here, other]);
    await kinit(['alice']);
    expect(await mit('kvno', ['HTTP/www.other.example'])).toMatchObject({ code: 0 });
    expect((await mit('klist', [])).output).toContain('Ticket server: HTTP/www.other.example@OTHER.EXAMPLE');
    expect(readTrace()).toContain('krbtgt/OTHER.EXAMPLE@LAB.EXAMPLE');
    await kinit(['alice']);
    expect(await mit('kvno', ['HTTP/www.other.example@OTHER.EXAMPLE'])).toMatchObject({ code: 0 });
  });

  test('RFC 6806 5: an enterprise name', async () => {
    configure([
      await start({ accounts: [{ user: 'alice', password: PASSWORD, userPrincipalName: 'a@corp.example' }] }),
    ]);
    expect(await kinit(['-E', '-C', 'a@corp.example'])).toMatchObject({ code: 0 });
    expect((await mit('klist', [])).output).toContain('Default principal: alice@LAB.EXAMPLE');
  });

  test('the keytab of an account: MIT reads it, logs on with it', async () => {
    const { kdc, listener } = await start();
    configure([{ kdc, listener }]);
    const file = join(directory, 'keytab');
    writeFileSync(file, await kdc.keytab('SERVER$', 'bob'), { mode: 0o600 });
    expect((await mit('klist', ['-k', file])).output).toContain(`2 ${SERVICE}@LAB.EXAMPLE`);
    expect(await kinit(['-k', '-t', file, 'bob'])).toMatchObject({ code: 0 });
    // kvno opens the ticket with the key of the service.
    expect(await mit('kvno', ['-k', file, SERVICE])).toEqual({
      code: 0,
      output: `${SERVICE}@LAB.EXAMPLE: kvno = 2, keytab entry valid\n`,
    });
  });

  test("K14, Z33: MIT's library verifies the PAC, and delegates a forwarded ticket", async () => {
    const { kdc, listener } = await start();
    configure([{ kdc, listener }]);
    writeFileSync(join(directory, 'keytab'), await kdc.keytab('SERVER$'), { mode: 0o600 });
    await kinit(['-f', 'alice']);
    const { output } = await mit(fileURLToPath(new URL('gss-pac.py', import.meta.url)), [`${SERVICE}@LAB.EXAMPLE`]);
    expect(JSON.parse(output)).toMatchObject({
      name: 'alice@LAB.EXAMPLE',
      authenticated: {
        'urn:mspac:logon-info': true,
        'urn:mspac:client-info': true,
        'urn:mspac:upn-dns-info': true,
        'urn:mspac:server-checksum': true,
        'urn:mspac:privsvr-checksum': true,
      },
      delegated: 'alice@LAB.EXAMPLE',
    });
  });

  test.each([
    ['a wrong password', ['alice'], 'wrong', 'Password incorrect'],
    ['a user that is not there', ['nobody'], PASSWORD, 'not found in Kerberos database'],
    ['a disabled account', ['dora'], PASSWORD, 'credentials have been revoked'],
    ['an account whose password must be changed', ['mona'], PASSWORD, 'Password expired.  You must change it now.'],
  ])('K11: %s', async (_, args, password, said) => {
    configure([await start()]);
    const { code, output } = await kinit(args, password);
    expect(code).not.toBe(0);
    expect(output).toContain(said);
  });

  test('K11: a service that is not there; clocks that differ', async () => {
    const started = await start();
    configure([started], 'kdc_timesync = 0');
    await kinit(['alice']);
    expect((await mit('kvno', ['HTTP/nowhere.lab.example'])).output).toContain('Server not found in Kerberos database');
    started.kdc.faults = { clockAhead: 3_600_000 };
    expect((await mit('kvno', [SERVICE])).output).toContain('Clock skew too great');
  });
});

describe('kpasswd against the server for password changes of the lab, RFC 3244', () => {
  const kpasswd = (user: string, ...lines: readonly string[]) =>
    mit('kpasswd', [user], { input: lines.map((line) => `${line}\n`).join('') });

  test('the own password: MIT changes it, and logs on with the new one only', async () => {
    configure([await start()]);
    expect(await kpasswd('alice', PASSWORD, 'Pässwörd2€', 'Pässwörd2€')).toMatchObject({
      code: 0,
      output: expect.stringContaining('Password changed.'),
    });
    expect((await kinit(['alice'])).output).toContain('Password incorrect');
    expect(await kinit(['alice'], 'Pässwörd2€')).toMatchObject({ code: 0 });
  });

  test('a wrong old one', async () => {
    configure([await start()]);
    expect((await kpasswd('alice', 'wrong')).output).toContain('Preauthentication failed getting initial ticket');
  });

  test("one that is too short: MIT reads our rules as Windows' own", async () => {
    configure([await start({ policy: { minPasswordLength: 9 } })]);
    const { code, output } = await kpasswd('alice', PASSWORD, 'Short1!x', 'Short1!x');
    expect(code).not.toBe(0);
    expect(output).toContain('Password change rejected');
    expect(output).toContain('at least 9 characters');
    expect(await kinit(['alice'])).toMatchObject({ code: 0 });
  });

  test('who must change it: kinit does so by itself', async () => {
    configure([await start()]);
    const { code, output } = await mit('kinit', ['mona'], { input: `${PASSWORD}\nChanged1!\nChanged1!\n` });
    expect([code, output]).toEqual([0, expect.stringContaining('You must change it now')]);
    expect(await kinit(['mona'], 'Changed1!')).toMatchObject({ code: 0 });
  });

  test('an administrator sets the password of somebody else, with a ticket that he has', async () => {
    const started = await start({
      accounts: [...ACCOUNTS, { user: 'root', password: PASSWORD, groups: [512] }],
    });
    configure([started]);
    // The C library has the function, and no tool of Debian's calls it but this binding's door to it.
    await mit('kinit', ['-S', 'kadmin/changepw', 'root'], { input: `${PASSWORD}\n` });
    const { code, output } = await mit(fileURLToPath(new URL('set-password.py', import.meta.url)), [
      'bob@LAB.EXAMPLE',
      'Given1!x',
    ]);
    expect([code, output]).toEqual([0, '0 \n']);
    expect(await kinit(['bob'], 'Given1!x')).toMatchObject({ code: 0 });
    await mit('kinit', ['-S', 'kadmin/changepw', 'alice'], { input: `${PASSWORD}\n` });
    const refused = await mit(fileURLToPath(new URL('set-password.py', import.meta.url)), [
      'bob@LAB.EXAMPLE',
      'Taken1!x',
    ]);
    expect(refused.output).toMatch(/^5 /u); // KRB5_KPASSWD_ACCESSDENIED
  });
});

function readTrace(): string {
  return readFileSync(join(directory, 'trace'), 'utf8');
}

/** What the PAC says in the ticket for the service that MIT's tools have put into the cache. */
async function pacInCache(kdc: LabKdc, etype: number) {
  const { credentials } = decodeCredentialCache(readFileSync(join(directory, 'cc')));
  const cached = credentials.find(({ server }) => server.name.nameString[0] === 'TERMSRV');
  const entry = decodeKeytab(await kdc.keytab(SERVICE)).find((one) => one.etype === etype);
  if (cached === undefined || entry === undefined) throw new Error('no ticket, or no key');
  const key = new KerberosKey(encryptionType(etype), entry.key.reveal());
  const part = unseal(EncTicketPart, decode(Ticket, cached.ticket).encPart, key, KEY_USAGE.TICKET);
  const [octets = new Uint8Array(0)] = findAuthorizationData(part.authorizationData, AD_TYPE.WIN2K_PAC);
  const pac = decodePac(octets);
  verifyServerSignature(pac, key);
  return decodeLogonInfo(pacBuffer(pac, PAC_TYPE.LOGON_INFO) ?? new Uint8Array(0));
}
