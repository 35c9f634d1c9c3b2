import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { fileAccounts } from '../../src/acceptor/file.ts';
import { encodeUtf16, md4 } from '../../src/crypto/index.ts';
import { SspiError } from '../../src/sspi/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'sspi-accounts-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function write(content: string | Uint8Array): string {
  const path = join(folder, `accounts-${files++}`);
  writeFileSync(path, content);
  return path;
}

async function hashOf(path: string, domain: string, user: string): Promise<Uint8Array | undefined> {
  const account = await fileAccounts(path).find({ domain, user });
  return account?.secret.kind === 'nt-hash' ? account.secret.ntHash.reveal() : undefined;
}

const hash = (password: string): Uint8Array => md4(encodeUtf16(password));

describe('a file of accounts', () => {
  const path = write(
    '# the lab\r\nEXAMPLE:alice:AlicePass1!\n\n:carol:Pässwörd1€\nEXAMPLE:bob:a:b: c \nEXAMPLE:empty:\n',
  );

  test.each([
    ['EXAMPLE', 'alice', 'AlicePass1!'],
    ['', 'carol', 'Pässwörd1€'],
    ['EXAMPLE', 'bob', 'a:b: c '],
    ['EXAMPLE', 'empty', ''],
  ])('Z20: %s\\%s', async (domain, user, password) => {
    expect(await hashOf(path, domain, user)).toEqual(hash(password));
  });

  test('Z20: who is not in it is nobody', async () => {
    expect(await fileAccounts(path).find({ domain: 'EXAMPLE', user: 'mallory' })).toBeUndefined();
    expect(await fileAccounts(write('')).find({ domain: '', user: '' })).toBeUndefined();
  });

  test('it is read anew each time', async () => {
    const changing = write('EXAMPLE:alice:one\n');
    const accounts = fileAccounts(changing);
    writeFileSync(changing, 'EXAMPLE:alice:two\n');
    const account = await accounts.find({ domain: 'EXAMPLE', user: 'alice' });
    expect(account?.secret.kind === 'nt-hash' && account.secret.ntHash.reveal()).toEqual(hash('two'));
  });

  test.each([
    ['missing', () => join(folder, 'nowhere')],
    ['a folder', () => folder],
    ['not UTF-8', () => write(Uint8Array.of(0x3a, 0x61, 0x3a, 0xff))],
    ['without a password', () => write('EXAMPLE:alice\n')],
    ['without a domain', () => write('alice\n')],
    ['without a user', () => write('EXAMPLE::secret\n')],
    ['with an account twice', () => write('EXAMPLE:alice:secret\nexample:ALICE:other\n')],
  ])('Z20: a file that is %s means an error, and it tells no password', async (_, file) => {
    const error: unknown = await fileAccounts(file())
      .find({ domain: 'EXAMPLE', user: 'alice' })
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SspiError);
    expect(String(error)).not.toContain('secret');
  });
});
