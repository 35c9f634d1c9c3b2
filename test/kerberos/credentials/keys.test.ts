/** Where the client's own key comes from. */
import { describe, expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/crypto/index.ts';
import { KeytabKeys, logonName, NtHashKeys, PasswordKeys } from '../../../src/kerberos/credentials/index.ts';
import { encodeKeytab, type KeytabEntry } from '../../../src/kerberos/files/index.ts';
import { NAME_TYPE, parsePrincipal } from '../../../src/kerberos/messages/index.ts';
import { Secret, SspiError } from '../../../src/sspi/index.ts';

const client = parsePrincipal('alice').name;
const realm = 'EXAMPLE.COM';
const utf8 = new TextEncoder();

describe('password', () => {
  /** RFC 3962, appendix B: iteration count 1200, password "password", salt "ATHENA.MIT.EDUraeburn". */
  const wanted = {
    client,
    realm,
    etype: 18,
    salt: utf8.encode('ATHENA.MIT.EDUraeburn'),
    parameters: fromHex('000004b0'),
  };
  const KEY = '55a6ac740ad17b4846941051e1e8b0a7548d93b0ab30a8bc3ff16280382b8c2a';

  test('the key of RFC 3962, from a password that stays the own one', async () => {
    const secret = Secret.fromText('password');
    const keys = new PasswordKeys(secret);
    secret.dispose();
    expect(toHex((await keys.keyFor(wanted)).reveal().keyvalue)).toBe(KEY);
    expect(keys.encryptionTypes()).toBeUndefined();
  });

  test('asked twice at once it is made once; each key is a copy', async () => {
    const keys = new PasswordKeys(Secret.fromText('password'));
    const [a, b] = await Promise.all([keys.keyFor(wanted), keys.keyFor(wanted)]);
    a.dispose();
    expect(toHex(b.reveal().keyvalue)).toBe(KEY);
    keys.dispose();
    expect(toHex(b.reveal().keyvalue)).toBe(KEY);
  });

  test('parameters out of bounds are a typed error, every time', async () => {
    const keys = new PasswordKeys(Secret.fromText('password'));
    for (let i = 0; i < 2; i++)
      await expect(keys.keyFor({ ...wanted, parameters: fromHex('ffffffff') })).rejects.toMatchObject({
        code: 'MALFORMED_TOKEN',
      });
  });

  test('many salts do not fill the memory', async () => {
    const keys = new PasswordKeys(Secret.fromText('password'));
    const parameters = fromHex('00000001');
    for (let i = 0; i < 30; i++) await keys.keyFor({ ...wanted, parameters, salt: Uint8Array.of(i) });
    expect(toHex((await keys.keyFor(wanted)).reveal().keyvalue)).toBe(KEY);
  });

  test('after dispose there is no password', async () => {
    const keys = new PasswordKeys(Secret.fromText('password'));
    keys.dispose();
    await expect(keys.keyFor(wanted)).rejects.toThrow('disposed');
  });
});

describe('keytab', () => {
  function entry(name: string, kvno: number, etype: number, octet: number): KeytabEntry {
    const length = etype === 17 ? 16 : 32;
    return {
      name: parsePrincipal(name).name,
      realm,
      timestamp: 0,
      kvno,
      etype,
      key: new Secret(new Uint8Array(length).fill(octet)),
    };
  }
  const file = encodeKeytab([
    entry('alice', 1, 18, 1),
    entry('alice', 3, 18, 3),
    entry('alice', 2, 18, 2),
    entry('alice', 3, 17, 4),
    entry('bob', 9, 18, 9),
  ]);
  const wanted = { client, realm, etype: 18, salt: new Uint8Array(0), parameters: undefined };

  test('the newest key of the client counts', async () => {
    const keys = new KeytabKeys(file);
    expect((await keys.keyFor(wanted))?.reveal().keyvalue[0]).toBe(3);
    expect((await keys.keyFor({ ...wanted, etype: 17 }))?.reveal().keyvalue[0]).toBe(4);
    expect(keys.encryptionTypes(client, realm)).toEqual([18, 17]);
  });

  test('somebody else has none', async () => {
    const keys = new KeytabKeys(file);
    expect(await keys.keyFor({ ...wanted, realm: 'OTHER.COM' })).toBeUndefined();
    expect(await keys.keyFor({ ...wanted, etype: 20 })).toBeUndefined();
    expect(keys.encryptionTypes(parsePrincipal('carol').name, realm)).toEqual([]);
  });

  test('it tells whose keys it has', () => {
    expect(new KeytabKeys(file).principals.map(({ name }) => name.nameString[0])).toEqual(['alice', 'bob']);
  });

  test('a file that is none is refused', () => {
    expect(() => new KeytabKeys(fromHex('0501'))).toThrow(SspiError);
  });
});

describe('NT hash', () => {
  test('is the key of etype 23 and of no other', async () => {
    const keys = new NtHashKeys(new Secret(fromHex('8846f7eaee8fb117ad06bdd830b7586c')));
    const wanted = { client, realm, salt: new Uint8Array(0), parameters: undefined };
    expect(keys.encryptionTypes()).toEqual([23]);
    expect(toHex((await keys.keyFor({ ...wanted, etype: 23 }))?.reveal().keyvalue ?? new Uint8Array(0))).toBe(
      '8846f7eaee8fb117ad06bdd830b7586c',
    );
    expect(await keys.keyFor({ ...wanted, etype: 18 })).toBeUndefined();
  });

  test('has 16 octets', () => {
    expect(() => new NtHashKeys(new Secret(new Uint8Array(15)))).toThrow('16 octets');
  });
});

describe('names that people log on with', () => {
  test.each([
    ['alice', 'EXAMPLE.COM', undefined, NAME_TYPE.PRINCIPAL, ['alice'], 'EXAMPLE.COM'],
    ['alice', 'EXAMPLE', undefined, NAME_TYPE.PRINCIPAL, ['alice'], 'EXAMPLE'],
    ['alice', undefined, 'DEFAULT.COM', NAME_TYPE.PRINCIPAL, ['alice'], 'DEFAULT.COM'],
    ['alice', '', 'DEFAULT.COM', NAME_TYPE.PRINCIPAL, ['alice'], 'DEFAULT.COM'],
    ['alice@EXAMPLE.COM', undefined, 'DEFAULT.COM', NAME_TYPE.PRINCIPAL, ['alice'], 'EXAMPLE.COM'],
    ['alice@example.com', undefined, undefined, NAME_TYPE.ENTERPRISE, ['alice@example.com'], 'EXAMPLE.COM'],
    ['alice@mail.example', 'CORP.COM', undefined, NAME_TYPE.ENTERPRISE, ['alice@mail.example'], 'CORP.COM'],
    ['HTTP/www', 'EXAMPLE.COM', undefined, NAME_TYPE.SRV_INST, ['HTTP', 'www'], 'EXAMPLE.COM'],
  ])('%s, %s', (user, domain, defaultRealm, nameType, nameString, expected) => {
    expect(logonName(user, domain, defaultRealm)).toEqual({ name: { nameType, nameString }, realm: expected });
  });

  test.each(['', '/', 'a//b', '@', 'alice@'])('refused: %j', (user) => {
    expect(() => logonName(user, 'R')).toThrow(SspiError);
  });

  test('without a realm there is nobody to ask', () => {
    expect(() => logonName('alice')).toThrow('no realm');
  });
});
