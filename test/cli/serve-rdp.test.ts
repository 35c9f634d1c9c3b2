import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { lab } from '../../src/lab/index.ts';
import { objectOf, sspi } from './command.ts';
import { serving } from './serving.ts';

const PASSWORD = 'Serve-Passw0rd!';
vi.setConfig({ testTimeout: 30_000 }); // whole logons, on machines that have other things to do

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'serve-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const accounts = (): string => file('accounts', `EXAMPLE:alice:${PASSWORD}\n`);

function logOn(port: number, password: string, ...more: readonly string[]) {
  const target = ['--target', `localhost:${port}`, '--user', 'EXAMPLE\\alice', '--timeout', '20'];
  return sspi('logon', ...target, '--password-file', file('pw', password), ...more);
}

describe('sspi serve rdp', () => {
  test('C14: who came, by which mechanism, and what kind of credentials; ends by Ctrl-C', async () => {
    const door = await serving('--accounts', accounts());
    expect((await logOn(door.port, PASSWORD)).code).toBe(0);
    expect(await door.line(1)).toMatch(
      /^\S+Z 127\.0\.0\.1:\d+ LOGGED ON EXAMPLE\\alice by NTLM, CredSSP 6, delegated: password; client=.*, \d+ ms$/u,
    );
    expect((await logOn(door.port, 'wrong')).code).toBe(1);
    expect(await door.line(2)).toMatch(
      / REFUSED EXAMPLE\\alice: LOGON_DENIED STATUS_LOGON_FAILURE, NTLM AUTHENTICATE: /u,
    );
    door.interrupt();
    expect(await door.done).toBe(0);
    expect(door.lines.join('\n')).not.toContain(PASSWORD);
  });

  test('as JSON lines', async () => {
    const door = await serving('--accounts', accounts(), '--json', '--count', '2', '--max-version', '5');
    expect(objectOf(await door.line(0))).toEqual({ listening: { host: '127.0.0.1', port: door.port } });
    await logOn(door.port, PASSWORD);
    await logOn(door.port, 'wrong');
    expect(await door.done).toBe(0); // --count
    expect(objectOf(door.lines[1])).toMatchObject({
      ok: true,
      name: 'EXAMPLE\\alice',
      domain: 'EXAMPLE',
      user: 'alice',
      mechanism: 'NTLM',
      version: 5,
      delegated: 'password',
      restrictedAdmin: false,
      protocols: ['SSL', 'HYBRID', 'HYBRID_EX'],
      claimed: 'EXAMPLE\\alice',
      tls: expect.stringMatching(/^TLSv1\.3 TLS_/u),
      clientVersion: expect.stringMatching(/^10\.0 build \d+/u),
    });
    expect(objectOf(door.lines[2])).toMatchObject({
      ok: false,
      code: 'LOGON_DENIED',
      ntStatus: 'STATUS_LOGON_FAILURE',
      claimed: 'EXAMPLE\\alice',
    });
    expect(door.lines.join('\n')).not.toContain(PASSWORD);
  });

  test('Kerberos with a keytab', async () => {
    await using realm = await lab({ server: 'localhost', listen: true });
    const door = await serving('--keytab', file('keytab', realm.keytab), '--count', '1');
    const conf = file('krb5.conf', realm.krb5Conf);
    const alice = ['--user', 'alice@LAB.EXAMPLE', '--krb5-conf', conf];
    expect((await logOn(door.port, 'LabPass1!', ...alice)).code).toBe(0);
    expect(await door.line(1)).toContain('LOGGED ON LAB\\alice by Kerberos');
    expect(await door.done).toBe(0);
  });

  test('C17: whoever says something else, or nothing, is a line and no more', async () => {
    const door = await serving('--accounts', accounts(), '--timeout', '1');
    const rude = connect(door.port, '127.0.0.1');
    rude.write('GET / HTTP/1.0\r\n\r\n\u001b[2J');
    await once(rude, 'close');
    expect(await door.line(1)).toContain('REFUSED somebody: NOT_RDP');
    const silent = connect(door.port, '127.0.0.1');
    await once(silent, 'close');
    expect(await door.line(2)).toContain('REFUSED somebody: DEADLINE_EXCEEDED');
    expect(door.lines.join('\n')).not.toContain('\u001b');
    door.interrupt();
    expect(await door.done).toBe(0);
  });

  test('C17: who comes beyond the limit is turned away; the end does not wait for who is silent', async () => {
    const door = await serving('--accounts', accounts(), '--limit', '1');
    const first = connect(door.port, '127.0.0.1');
    await once(first, 'connect');
    const second = connect(door.port, '127.0.0.1').on('error', () => undefined);
    await once(second, 'close');
    expect(first.closed).toBe(false);
    expect(await door.line(1)).toContain('TOO_MANY_CONNECTIONS');
    door.interrupt(143);
    expect(await door.done).toBe(0);
    if (!first.closed)
      await once(
        first.on('error', () => undefined),
        'close',
      );
    expect(door.lines).toHaveLength(2);
  });

  test.each<[string, readonly string[]]>([
    ['nobody could log on', []],
    ['--cert and --key belong together', ['--accounts', '/dev/null', '--cert', 'a']],
    ['--keytab: /nowhere: there is no such file', ['--keytab', '/nowhere']],
    ['cannot listen', ['--accounts', '/dev/null', '--host', '192.0.2.1']],
    ['--tls-min is above --tls-max', ['--accounts', '/dev/null', '--tls-min', '1.3', '--tls-max', '1.2']],
    ['one DOMAIN:user:password per line', ['--accounts', import.meta.filename]],
  ])('2: %s: %j', async (expected, args) => {
    const { code, notes } = await sspi('serve', 'rdp', '--port', '0', ...args);
    expect([code, notes]).toEqual([2, [expect.stringContaining(expected)]]);
  });
});
