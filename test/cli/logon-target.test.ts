import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { Interrupted } from '../../src/cli/terminal.ts';
import { decode, readTrace } from '../../src/explain/index.ts';
import { LAB_PASSWORD, type Lab, lab } from '../../src/lab/index.ts';
import { Secret } from '../../src/sspi/index.ts';
import { objectOf, type Ran, sspi, sspiOn } from './command.ts';

vi.setConfig({ testTimeout: 30_000 }); // whole logons, on machines that have other things to do

let realm: Lab;
let folder = '';

beforeAll(async () => {
  realm = await lab({ server: 'localhost', listen: true });
  folder = mkdtempSync(join(tmpdir(), 'logon-'));
});
afterAll(async () => {
  await realm.close();
  rmSync(folder, { recursive: true });
});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const password = (): string => file('pw', `${LAB_PASSWORD}\n`);
const ca = (): string => file('ca.pem', realm.certificate.certificate);

interface Door {
  readonly port: number;
}

/** A logon of alice to what listens on the loopback address. */
function logOn({ port }: Door, ...more: readonly string[]): Promise<Ran> {
  const target = ['--target', `localhost:${port}`, '--timeout', '20'];
  return sspi('logon', ...target, '--user', 'LAB\\alice', '--password-file', password(), ...more);
}

describe('sspi logon --target: logged on, exit code 0', () => {
  test('X23, Y7: by NTLM without SPNEGO where no KDC is known, and why', async () => {
    await using server = await realm.nla();
    const { code, lines, notes } = await logOn(server);
    const text = lines.join('\n');
    expect([code, notes]).toEqual([0, []]);
    expect(lines[0]).toBe(`Logon to localhost port ${server.port} by ntlm: no KDC is known (--kdc, --krb5-conf)`);
    expect(text).toContain('LOGGED ON as LAB\\alice by NTLM, CredSSP 6');
    expect(text).toContain('NOT trusted: self-signed');
    expect(text).toMatch(/password to TERMSRV\/localhost, allowed by\n +allowFreshNtlmOnly 'TERMSRV\/\*'/u);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    const logon = await server.next();
    expect(logon).toMatchObject({ kind: 'accepted', session: { credentials: { kind: 'password', user: 'alice' } } });
  });

  test('S10, Y6: by Kerberos with a KDC and a CA', async () => {
    await using server = await realm.nla();
    const conf = file('krb5.conf', realm.krb5Conf);
    const { code, lines } = await logOn(server, '--krb5-conf', conf, '--ca', ca());
    const text = lines.join('\n');
    expect([code, text]).toEqual([0, expect.stringContaining('LOGGED ON as alice@LAB.EXAMPLE by Kerberos')]);
    expect(text).toContain('TERMSRV/localhost, authenticated by Kerberos and certificate');
    expect(text).toMatch(/<- +\d+ KDC +AS-REP: a ticket$/mu);
  });

  test('a user principal name and the address of the KDC', async () => {
    await using server = await realm.nla();
    const kdc = `tcp/127.0.0.1:${realm.listener?.port}`;
    const target = ['--target', `rdp://localhost:${server.port}/`, '--password-file', password()];
    const { code, lines } = await sspi('logon', ...target, '--user', 'alice@LAB.EXAMPLE', '--kdc', kdc);
    expect([code, lines.join('\n')]).toEqual([0, expect.stringContaining('by Kerberos')]);
  });

  test('keys of a keytab', async () => {
    await using server = await realm.nla();
    const keytab = file('alice.keytab', await realm.kdc.keytab('alice'));
    const conf = file('krb5.conf', realm.krb5Conf);
    const target = ['--target', `localhost:${server.port}`, '--keytab', keytab, '--krb5-conf', conf];
    const { code, lines } = await sspi('logon', ...target, '--user', 'alice@LAB.EXAMPLE');
    const text = lines.join('\n');
    expect([code, text]).toEqual([0, expect.stringContaining('LOGGED ON as alice@LAB.EXAMPLE by Kerberos')]);
    expect(text).toMatch(/^ {2}delegated {2}nothing$/mu); // there is no password to delegate
  });

  test('Y9, Y10: --no-delegate and --restricted-admin hand nothing over', async () => {
    await using server = await realm.nla({ restrictedAdmin: true });
    for (const option of ['--no-delegate', '--restricted-admin']) {
      const { code, lines } = await logOn(server, option);
      expect([option, code]).toEqual([option, 0]);
      expect(lines.join('\n')).toMatch(/^ {2}delegated {2}nothing$/mu);
      const logon = await server.next();
      if (logon.kind === 'refused') throw logon.error;
      const { credentials } = logon.session;
      const given = credentials.kind === 'password' ? credentials.password.length : 0;
      expect(given).toBe(0);
    }
  });

  test('the password from a question that nobody sees', async () => {
    await using server = await realm.nla();
    const asked: string[] = [];
    const askSecret = async (question: string): Promise<Secret> => {
      asked.push(question);
      return Secret.fromText(LAB_PASSWORD);
    };
    const target = ['--target', `localhost:${server.port}`, '--user', 'alice', '--domain', 'LAB'];
    const { code } = await sspiOn({ askSecret }, 'logon', ...target);
    expect([code, asked]).toEqual([0, ['Password of LAB\\alice: ']]);
  });

  test('as JSON: the same facts in one document', async () => {
    await using server = await realm.nla();
    const { code, lines } = await logOn(server, '--json');
    expect([code, lines.length]).toEqual([0, 1]);
    expect(objectOf(lines[0])).toMatchObject({
      ok: true,
      target: { host: 'localhost', port: server.port },
      verdict: { ok: true, exitCode: 0, name: 'LAB\\alice', mechanism: 'NTLM', version: 6, delegated: 'password' },
      steps: expect.arrayContaining([
        expect.objectContaining({ step: 'X.224', direction: 'sent', octets: 19 }),
        expect.objectContaining({ step: 'CredSSP', direction: 'sent', what: 'TSRequest v6 {authInfo}' }),
      ]),
    });
  });

  test('--trace: a recording for its owner alone, which decodes and verifies with the password', async () => {
    await using server = await realm.nla();
    const trace = join(folder, 'trace.jsonl');
    expect((await logOn(server, '--trace', trace)).code).toBe(0);
    expect(statSync(trace).mode & 0o077).toBe(0);
    const { header, messages: recorded } = readTrace(readFileSync(trace, 'utf8'));
    expect(header).toMatchObject({ replayable: false, about: { command: 'logon', mechanism: 'ntlm' } });
    expect(recorded.map(({ from, summary }) => `${from}: ${summary}`).slice(0, 2)).toEqual([
      'client: TSRequest v6 {negoToken: NTLM NEGOTIATE}',
      expect.stringMatching(/^server: TSRequest v6 \{negoToken: NTLM CHALLENGE/u),
    ]);
    const certificate = realm.certificate.certificate;
    const { checks, messages } = await decode(readFileSync(trace), { password: LAB_PASSWORD, certificate });
    expect(checks.filter(({ outcome }) => outcome !== 'verified')).toEqual([]);
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['certificate', 'NTProofStr', 'MIC', 'pubKeyAuth binding', 'authInfo']),
    );
    expect(messages.map(({ summary }) => summary)).toEqual(
      expect.arrayContaining(['X.224 Connection Request, offers SSL, HYBRID, HYBRID_EX', 'TSRequest v6 {authInfo}']),
    );
  });
});

describe('sspi logon --target: refused, by classes of exit codes', () => {
  test('1: a wrong password, with what to try and where to read on', async () => {
    await using server = await realm.nla();
    const { code, lines } = await logOn(server, '--password-file', file('bad', 'wrong'));
    const text = lines.join('\n');
    expect(code).toBe(1);
    expect(text).toMatch(/^FAILED after \d+ ms: WRONG_PASSWORD \(likely\)$/mu);
    expect(text).toMatch(/^ {2}error {6}PEER_REFUSED, SEC_E_LOGON_DENIED, STATUS_LOGON_FAILURE$/mu);
    expect(text).toContain('docs/errors/WRONG_PASSWORD.md');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  test('1: a disabled account; as JSON with its diagnosis', async () => {
    await using server = await realm.nla();
    const { code, lines } = await logOn(server, '--user', 'LAB\\dora', '--json');
    expect(code).toBe(1);
    expect(objectOf(lines[0])).toMatchObject({
      ok: false,
      verdict: {
        ok: false,
        exitCode: 1,
        ntStatus: 'STATUS_ACCOUNT_DISABLED',
        diagnosis: { causes: expect.toSatisfy(([first]) => first.code === 'ACCOUNT_DISABLED') },
      },
    });
  });

  test('3: nobody listens; somebody listens and is silent', async () => {
    const silent = await realm.stranger('silent');
    const { code, lines } = await logOn(silent, '--timeout', '1');
    expect([code, lines.join('\n')]).toEqual([3, expect.stringContaining('SERVER_UNREACHABLE')]);
    await silent.close();
    const closed = await logOn(silent);
    expect([closed.code, closed.lines.join('\n')]).toEqual([3, expect.stringContaining('ECONNREFUSED')]);
  });

  test.each([
    ['echo', 'NOT_THE_PROTOCOL'],
    ['https', 'NOT_THE_PROTOCOL'],
    ['rdp-without-nla', 'RDP_SECURITY_MISMATCH'],
    ['rdp-standard', 'RDP_SECURITY_MISMATCH'],
  ] as const)('4: %s', async (kind, cause) => {
    const { code, lines } = await logOn(await realm.stranger(kind));
    expect([code, lines.join('\n')]).toEqual([4, expect.stringContaining(cause)]);
  });

  test('5: a certificate that is not the one of --ca', async () => {
    await using server = await realm.nla();
    await using other = await lab();
    const { code, lines } = await logOn(server, '--ca', file('other.pem', other.certificate.certificate));
    expect([code, lines.join('\n')]).toEqual([5, expect.stringContaining('CERTIFICATE_UNTRUSTED')]);
  });

  test('6: a server of version 2; a policy that allows nothing', async () => {
    await using old = await realm.nla({ credssp: { minVersion: 2, maxVersion: 2 } });
    const refused = await logOn(old);
    expect([refused.code, refused.lines.join('\n')]).toEqual([6, expect.stringContaining('CREDSSP_VERSION_REFUSED')]);
    const allowed = await logOn(old, '--min-version', '2');
    expect([allowed.code, allowed.lines.join('\n')]).toEqual([0, expect.stringContaining('CredSSP 2')]);
    await using server = await realm.nla();
    const policy = file('policy.json', '{"denyFresh": ["TERMSRV/*"]}');
    const denied = await logOn(server, '--policy', policy);
    expect([denied.code, denied.lines.join('\n')]).toEqual([6, expect.stringContaining('DELEGATION_POLICY')]);
  });

  test('7: Kerberos only, and no KDC answers; nobody has this SPN', async () => {
    await using server = await realm.nla();
    const kerberos = ['--mechanism', 'kerberos', '--timeout', '5'];
    const down = await logOn(server, ...kerberos, '--kdc', '127.0.0.1:1');
    expect([down.code, down.lines.join('\n')]).toEqual([7, expect.stringContaining('KDC_UNREACHABLE')]);
    const conf = file('krb5.conf', realm.krb5Conf);
    const unknown = await logOn(server, ...kerberos, '--krb5-conf', conf, '--spn', 'TERMSRV/nowhere.example');
    expect([unknown.code, unknown.lines.join('\n')]).toEqual([7, expect.stringContaining('SPN_UNKNOWN')]);
  });

  test('8: somebody in between sends four megabytes', async () => {
    await using server = await realm.nla();
    const { code, lines } = await logOn(await realm.middle(server, 'oversize'));
    expect([code, lines.join('\n')]).toEqual([8, expect.stringContaining('LIMIT_REACHED')]);
  });

  test('130: interrupted while the server is silent', async () => {
    const { port } = await realm.stranger('silent');
    const onInterrupt = (handler: (reason: Interrupted) => void): (() => void) => {
      const timer = setTimeout(() => handler(new Interrupted()), 100);
      return () => clearTimeout(timer);
    };
    const target = ['--target', `localhost:${port}`, '--user', 'alice', '--password-file', password()];
    const { code, notes } = await sspiOn({ onInterrupt }, 'logon', ...target);
    expect([code, notes]).toEqual([130, ['sspi: interrupted']]);
  });

  test('130: interrupted at the question', async () => {
    const askSecret = (): Promise<never> => Promise.reject(new Interrupted());
    const { code, notes } = await sspiOn({ askSecret }, 'logon', '--target', 'localhost', '--user', 'alice');
    expect([code, notes]).toEqual([130, ['sspi: interrupted']]);
  });
});

describe('sspi logon: a command line that cannot be used, exit code 2 and one line', () => {
  const usage = async (...args: readonly string[]): Promise<string> => {
    const { code, lines, notes } = await sspi('logon', ...args);
    expect([code, lines]).toEqual([2, []]);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/^sspi: [^\n]+$/u);
    return notes[0] ?? '';
  };
  const to = ['--target', 'localhost', '--user', 'alice'];

  test.each<[string, readonly string[], string]>([
    ['another scheme', ['--target', 'https://localhost', '--user', 'a'], 'https:// is not served'],
    ['no port', ['--target', 'localhost:99999', '--user', 'a'], 'no port 99999'],
    ['no user', ['--target', 'localhost', '--password-file', '/dev/null'], 'who logs on?'],
    ['a backslash too many', ['--target', 'localhost', '--user', 'a\\b\\c'], 'is no name'],
    ['two domains', ['--target', 'localhost', '--user', 'a\\b', '--domain', 'c'], 'given twice'],
    ['two proofs', [...to, '--keytab', 'a', '--password-file', 'b'], '--password-file and --keytab exclude each other'],
    [
      'a file that is not there',
      [...to, '--password-file', '/nowhere/pw'],
      '--password-file: /nowhere/pw: there is no such file',
    ],
    ['nobody to ask', to, 'no terminal to ask'],
    ['a certificate', [...to, '--cert', 'me.pem', '--key', 'me.key'], 'PKINIT) is not there yet'],
    ['Kerberos without a KDC', [...to, '--mechanism', 'kerberos', '--password-file', '/dev/null'], 'no KDC is known'],
    ['NTLM with a keytab', [...to, '--mechanism', 'ntlm', '--keytab', '/dev/null'], 'is for Kerberos'],
    [
      'a trace that cannot be written',
      [...to, '--trace', '/nowhere/trace'],
      '--trace: /nowhere/trace: there is no such file or directory',
    ],
    ['a file that is no keytab', [...to, '--keytab', import.meta.filename, '--kdc', '127.0.0.1:1'], 'keytab'],
    ['a file that is no cache', [...to, '--ccache', import.meta.filename, '--kdc', '127.0.0.1:1'], 'credential cache'],
    [
      'a file that is no CA',
      [...to, '--password-file', '/dev/null', '--ca', import.meta.filename],
      'does not hold a certificate',
    ],
    [
      'a KDC that is none',
      [...to, '--password-file', '/dev/null', '--domain', 'LAB', '--kdc', 'nonsense://x'],
      'nonsense',
    ],
    ['versions', [...to, '--password-file', '/dev/null', '--min-version', '6', '--max-version', '5'], 'is above'],
    ['no target', ['--user', 'alice'], '--user needs --target'],
    ['no target', ['--no-delegate'], '--no-delegate needs --target'],
  ])('%s: %j', async (_, args, expected) => {
    expect(await usage(...args)).toContain(expected);
  });

  test.runIf(process.platform === 'linux')('a trace for which there is no room', async () => {
    const { code, notes } = await logOn(await realm.stranger('echo'), '--trace', '/dev/full');
    expect([code, notes]).toEqual([2, [expect.stringContaining('--trace: no space is left there')]]);
  });

  test('a password in the address is not repeated', async () => {
    const note = await usage('--target', 'rdp://alice:Geheim!@localhost', '--user', 'alice');
    expect(note).toContain('an address holds no user name, and never a password');
    expect(note).not.toContain('Geheim');
  });

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['an unknown list', '{"allow": ["*"]}'],
    ['no list', '{"allowFresh": "*"}'],
  ])('a policy that is %s', async (_, content) => {
    expect(await usage(...to, '--policy', file('policy.json', content))).toContain('--policy: ');
  });

  test.each([
    ['--nt-hash-file', 'zz'],
    ['--nt-hash-file', '00'],
  ])('%s with %s, which is not shown', async (option, content) => {
    const note = await usage(...to, option, file('hash', content));
    expect(note).toContain('32 hexadecimal digits');
  });
});
