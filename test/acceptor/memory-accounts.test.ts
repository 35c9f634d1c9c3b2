import { describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { NTSTATUS, Secret, SspiError } from '../../src/sspi/index.ts';

// Published NT hashes: of 'password', and of nothing.
const HASH = '8846f7eaee8fb117ad06bdd830b7586c';
const EMPTY_HASH = '31d6cfe0d16ae931b73c59d7e0c089c0';

const accounts = memoryAccounts([
  { domain: 'EXAMPLE', user: 'alice', password: 'password' },
  { domain: 'example.com', user: 'Alice', password: '' },
  {
    domain: 'EXAMPLE',
    user: 'bob',
    ntHash: Uint8Array.from(Buffer.from(HASH, 'hex')),
    restriction: NTSTATUS.ACCOUNT_DISABLED,
  },
  { user: 'carol', password: Secret.fromText('password') },
  { domain: '', user: 'dave@example.org', password: 'x' },
  { domain: 'EXAMPLE', user: 'carol', password: 'other' },
]);

async function find(domain: string, user: string) {
  const account = await accounts.find({ domain, user });
  if (account === undefined) return undefined;
  if (account.secret.kind !== 'nt-hash') throw new TypeError('only hashes are kept');
  const hash = Buffer.from(account.secret.ntHash.reveal()).toString('hex');
  return { name: `${account.domain}\\${account.user}`, hash };
}

describe('look-up', () => {
  test.each([
    ['EXAMPLE', 'alice', 'EXAMPLE\\alice'],
    ['example', 'ALICE', 'EXAMPLE\\alice'],
    ['Example.COM', 'alice', 'example.com\\Alice'],
    ['', 'alice@EXAMPLE', 'EXAMPLE\\alice'],
    ['', 'ALICE@example.com', 'example.com\\Alice'],
    ['', 'bob', 'EXAMPLE\\bob'], // the only one of that name
    ['', 'carol', '\\carol'], // the local one before that of a domain
    ['', 'dave@example.org', '\\dave@example.org'],
    ['UNKNOWN', 'carol', '\\carol'], // a domain that nobody knows: the local account
    ['EXAMPLE', 'carol', 'EXAMPLE\\carol'],
  ])('N19: %s\\%s is %s', async (domain, user, expected) => {
    expect((await find(domain, user))?.name).toBe(expected);
  });

  test.each([
    ['', 'alice'], // there are two
    ['UNKNOWN', 'alice'],
    ['EXAMPLE', 'dave@example.org'],
    ['', 'alice@nowhere'],
    ['', '@EXAMPLE'],
    ['', ''],
    ['EXAMPLE', ''],
    ['__proto__', 'constructor'],
  ])('N19: %s\\%s is nobody', async (domain, user) => {
    expect(await find(domain, user)).toBeUndefined();
  });

  test('Z20: passwords become NT hashes, an empty one as well', async () => {
    expect((await find('EXAMPLE', 'alice'))?.hash).toBe(HASH);
    expect((await find('EXAMPLE', 'bob'))?.hash).toBe(HASH);
    expect((await find('', 'carol'))?.hash).toBe(HASH);
    expect((await find('example.com', 'alice'))?.hash).toBe(EMPTY_HASH);
  });

  test('T7: a restriction goes with the account', async () => {
    expect((await accounts.find({ domain: '', user: 'bob' }))?.restriction).toBe(NTSTATUS.ACCOUNT_DISABLED);
  });
});

describe('the list', () => {
  test.each([
    ['no user', [{ user: '', password: 'x' }]],
    ['no secret', [{ user: 'x' }]],
    ['two secrets', [{ user: 'x', password: 'x', ntHash: new Uint8Array(16) }]],
    ['a hash of 15 octets', [{ user: 'x', ntHash: new Uint8Array(15) }]],
    [
      'the same account twice',
      [
        { user: 'x', password: 'x' },
        { domain: '', user: 'X', password: 'y' },
      ],
    ],
  ])('Z20: %s is refused', (_, list) => {
    expect(() => memoryAccounts(list)).toThrow(SspiError);
  });

  test('the secrets given stay the caller’s', async () => {
    const [password, ntHash] = [Secret.fromText('password'), Buffer.alloc(16, 7)];
    const source = memoryAccounts([
      { user: 'a', password },
      { user: 'b', ntHash },
    ]);
    source.dispose();
    expect(password.disposed).toBe(false);
    expect(ntHash).toEqual(Buffer.alloc(16, 7));
  });

  test('Z20: emptied accounts refuse everybody by an error', async () => {
    const source = memoryAccounts([{ user: 'a', password: 'x' }]);
    const account = await source.find({ user: 'a', domain: '' });
    source.dispose();
    await expect(source.find({ user: 'a', domain: '' })).rejects.toThrow(SspiError);
    expect(account?.secret.kind === 'nt-hash' && account.secret.ntHash.disposed).toBe(true);
  });
});
