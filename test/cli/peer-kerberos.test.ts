import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LAB_PASSWORD, lab } from '../../src/lab/index.ts';
import { accepting, objectOf, sspi } from './command.ts';

const directory = mkdtempSync(join(tmpdir(), 'sspi-peer-kerberos-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const accounts = file('accounts', `LAB:alice:${LAB_PASSWORD}\n`);
const right = file('right', LAB_PASSWORD);
const wrong = file('wrong', 'not the password');

describe('sspi peer, Kerberos', () => {
  test.each([
    ['kerberos', 'W,S,M'],
    ['negotiate', 'W,S,M'],
    ['credssp', 'W,M'],
  ])(
    'K1, K10: %s: tickets of a KDC on loopback, mutual, each kind of message answered in kind',
    async (protocol, kinds) => {
      await using realm = await lab({ listen: true });
      const keytab = file(`${protocol}.keytab`, realm.keytab);
      const krb5Conf = file(`${protocol}.conf`, realm.krb5Conf);
      const service = ['--protocol', protocol, '--keytab', keytab, '--accounts', accounts, '--count', '1'];
      const { port, done } = await accepting(...service);
      const who = ['--user', 'alice', '--domain', 'LAB', '--password-file', right, '--krb5-conf', krb5Conf];
      const what = ['--target', realm.targetName, '--data', 'hello', '--kinds', kinds];
      const client = await sspi('peer', 'initiate', '--protocol', protocol, '--port', String(port), ...who, ...what);
      const server = await done;
      const [said, heard] = [objectOf(client.lines[0]), objectOf(server.lines[0])];
      expect(said).toMatchObject({ ok: true, data: kinds.split(',').map(() => 'echo:hello') });
      expect(String(said['mechanism']).toLowerCase()).toBe('kerberos');
      expect(heard).toMatchObject({ ok: true, protocol, principal: expect.stringMatching(/alice/iu) });
      expect(said['sessionKey']).toBe(heard['sessionKey']);
      expect([client.code, server.code]).toEqual([0, 0]);
    },
  );

  test('K11: a wrong password is named by the KDC, and nothing reaches the service', async () => {
    await using realm = await lab({ listen: true });
    const { port, done } = await accepting(
      '--protocol',
      'kerberos',
      '--keytab',
      file('keytab', realm.keytab),
      '--count',
      '1',
    );
    const who = ['--user', 'alice', '--domain', 'LAB', '--password-file', wrong];
    const where = ['--port', String(port), '--krb5-conf', file('conf', realm.krb5Conf), '--target', realm.targetName];
    const client = await sspi('peer', 'initiate', '--protocol', 'kerberos', ...who, ...where);
    expect(client.code).toBe(1);
    expect(objectOf(client.lines[0])).toMatchObject({ ok: false });
    expect(client.lines[0]).toContain('KDC_ERR_PREAUTH_FAILED');
    expect((await done).code).toBe(1);
  });

  test('K7: without keytab, or without a KDC to ask, it says what is missing', async () => {
    const accept = await sspi('peer', 'accept', '--protocol', 'kerberos', '--port', '0');
    expect(accept.code).toBe(2);
    expect(accept.notes.join()).toContain('--keytab');
    const who = ['--user', 'alice', '--domain', 'LAB', '--password-file', right, '--port', '1'];
    const initiate = await sspi('peer', 'initiate', '--protocol', 'kerberos', ...who);
    expect(initiate.code).not.toBe(0);
    expect([...initiate.notes, ...initiate.lines].join()).toMatch(/KDC|credential/u);
  });
});
