/** A marker password, its hash and keys, through every command and every kind of failure: they come out nowhere. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { fileAccounts } from '../../src/acceptor/file.ts';
import { memoryAccounts, memoryReplayCache } from '../../src/acceptor/index.ts';
import { createSspi, type Sspi } from '../../src/api/index.ts';
import { credsspPackage } from '../../src/credssp/package.ts';
import { md4 } from '../../src/crypto/index.ts';
import { decode, diagnose } from '../../src/explain/index.ts';
import { decodeKeytab, kerberosPackage } from '../../src/kerberos/index.ts';
import { type Lab, lab, type MiddleFault } from '../../src/lab/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { connectNla } from '../../src/rdp/index.ts';
import { schannelPackage } from '../../src/schannel/index.ts';
import { type AuthData, ISC_REQ, SECPKG_CRED, Secret, type SecurityPackage, SspiError } from '../../src/sspi/index.ts';
import { type Ran, sspi, sspiOn } from './command.ts';
import { serving } from './serving.ts';

const CANARY = 'Canary-7f3a-Passw0rd!';
const UTF16 = Buffer.from(CANARY, 'utf16le');

vi.setConfig({ testTimeout: 30_000 }); // whole logons, on machines that have other things to do

let realm: Lab;
let folder = '';
let forms: readonly string[] = [];

beforeAll(async () => {
  const accounts = [
    { user: 'alice', password: CANARY },
    { user: 'dora', password: CANARY, state: 'disabled' },
    { user: 'paula', password: CANARY, isProtected: true },
  ] as const;
  realm = await lab({ server: 'localhost', accounts, listen: true });
  folder = mkdtempSync(join(tmpdir(), 'canary-'));
  const keytabs = [realm.keytab, await realm.kdc.keytab('alice')];
  const keys = keytabs.flatMap((keytab) => decodeKeytab(keytab).map(({ key }) => key.reveal().slice()));
  forms = formsOf([UTF16, Buffer.from(CANARY), md4(UTF16), ...keys, privateKey()]);
});
afterAll(async () => {
  await realm.close();
  rmSync(folder, { recursive: true });
});

/** Of the number in the key of the server's certificate what stands on one line of the PEM. */
function privateKey(): Uint8Array {
  const { privateKey: pem } = realm.certificate;
  const text = typeof pem === 'string' ? pem : Buffer.from(pem.reveal()).toString();
  return Buffer.from(text.replace(/-----[^-]+-----|\s/gu, ''), 'base64').subarray(48, 66);
}

/** Every form in which octets come out: text, hexadecimal, base64 at each of its three offsets, and as `inspect` writes arrays. */
function formsOf(secrets: readonly Uint8Array[]): string[] {
  return [
    CANARY,
    ...secrets.flatMap((secret) => [...hexForms(secret), ...base64Forms(secret), [...secret].join(', ')]),
  ];
}

function hexForms(secret: Uint8Array): string[] {
  const plain = Buffer.from(secret).toString('hex');
  return [plain, plain.toUpperCase(), plain.replace(/..(?=.)/gu, '$& ')];
}

/** What stands in the middle, whatever comes before it. */
function base64Forms(secret: Uint8Array): string[] {
  return [0, 1, 2].map((shift) => {
    const text = Buffer.concat([new Uint8Array(shift), secret]).toString('base64');
    return text.slice(shift === 0 ? 0 : 4, -4);
  });
}

function leaksIn(...outputs: readonly unknown[]): string[] {
  const texts = outputs.map(
    (one) =>
      typeof one === 'string'
        ? one
        : inspect(one, {
            depth: Number.POSITIVE_INFINITY,
            showHidden: true,
            maxArrayLength: null,
            maxStringLength: null,
            breakLength: Number.POSITIVE_INFINITY,
          }).replace(/\s+/gu, ' '), // long arrays are written in columns
  );
  return texts.flatMap((text) => {
    const form = forms.find((one) => text.includes(one));
    return form === undefined
      ? []
      : [`${form.slice(0, 12)}... in ${text.slice(Math.max(0, text.indexOf(form) - 200), text.indexOf(form))}`];
  });
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const said = ({ lines, notes }: Ran): string => [...lines, ...notes].join('\n');

test('the forms are found where they are', () => {
  expect(leaksIn(`x${CANARY}`)).toHaveLength(1);
  expect(leaksIn({ deep: [{ password: UTF16 }] })).toHaveLength(1);
  expect(leaksIn({ key: new Uint8Array(md4(UTF16)) })).toHaveLength(1);
  expect(leaksIn(Buffer.concat([Buffer.from('a'), UTF16]).toString('base64'))).toHaveLength(1);
  expect(leaksIn(Object.assign(new Error('a'), { cause: new Error(CANARY) }))).toHaveLength(1);
  expect(leaksIn(realm.certificate)).toHaveLength(1);
  expect(leaksIn({ keytab: realm.keytab })).toHaveLength(1);
  expect(leaksIn('nothing', {})).toEqual([]);
});

describe('commands', () => {
  const proofs = (): readonly (readonly [string, readonly string[]])[] => {
    const conf = file('krb5.conf', realm.krb5Conf);
    const pw = ['--password-file', file('pw', CANARY)];
    return [
      ['password', ['--user', 'LAB\\alice', ...pw]],
      ['hash', ['--user', 'LAB\\alice', '--nt-hash-file', file('hash', Buffer.from(md4(UTF16)).toString('hex'))]],
      ['Kerberos', ['--user', 'alice@LAB.EXAMPLE', ...pw, '--krb5-conf', conf]],
      ['disabled', ['--user', 'LAB\\dora', ...pw]],
      ['protected', ['--user', 'LAB\\paula', ...pw]],
      ['nobody', ['--user', 'LAB\\nobody', ...pw, '--krb5-conf', conf]],
      ['the password as the name', ['--user', 'LAB\\alice', '--password-file', file('other', `not ${CANARY}`)]],
    ];
  };

  test('logon: right and refused, as text, in full, as JSON, and the trace', async () => {
    await using server = await realm.nla();
    const trace = join(folder, 'trace.jsonl');
    for (const [name, proof] of proofs())
      for (const form of ['--explain', '--json']) {
        const ran = await sspi('logon', '--target', `localhost:${server.port}`, ...proof, form, '--trace', trace);
        expect([name, leaksIn(said(ran), readFileSync(trace, 'utf8'))]).toEqual([name, []]);
        expect(ran.lines.length).toBeGreaterThan(0);
      }
  });

  test.each<MiddleFault>([
    'swapped-certificate',
    'stripped-mic',
    'old-version',
    'struck-kerberos',
    'replayed',
    'oversize',
    'reset',
  ])('logon: %s', async (fault) => {
    await using server = await realm.nla();
    await using middle = await realm.middle(server, fault);
    for (const [, proof] of proofs().slice(0, 3)) {
      const ran = await sspi('logon', '--target', `localhost:${middle.port}`, '--timeout', '20', ...proof, '--explain');
      expect(leaksIn(said(ran))).toEqual([]);
    }
  });

  test('logon: strangers, and a question', async () => {
    const askSecret = async (): Promise<Secret> => Secret.fromText(CANARY);
    for (const kind of ['echo', 'https', 'rdp-without-nla', 'rdp-standard'] as const) {
      const { port } = await realm.stranger(kind);
      const target = ['--target', `localhost:${port}`, '--user', 'alice', '--explain'];
      expect(leaksIn(said(await sspiOn({ askSecret }, 'logon', ...target)))).toEqual([]);
    }
  });

  test('files that are taken for others', async () => {
    const secret = file('pw', `${CANARY}\n`);
    const hash = file('hash', Buffer.from(md4(UTF16)).toString('hex'));
    const to = ['logon', '--target', 'localhost:1', '--user', 'alice'];
    const runs = [
      [...to, '--nt-hash-file', secret],
      [...to, '--keytab', secret, '--kdc', '127.0.0.1:1'],
      [...to, '--ccache', secret, '--kdc', '127.0.0.1:1'],
      [...to, '--keytab', hash, '--kdc', '127.0.0.1:1'],
      [...to, '--password-file', secret, '--policy', secret],
      [...to, '--password-file', secret, '--policy', file('policy.json', JSON.stringify({ [CANARY]: [] }))],
      [...to, '--password-file', secret, '--krb5-conf', secret],
      [...to, '--password-file', secret, '--ca', secret],
      ['serve', 'rdp', '--port', '0', '--count', '1', '--accounts', secret],
      [
        'serve',
        'rdp',
        '--port',
        '0',
        '--count',
        '1',
        '--accounts',
        file('broken', `EXAMPLE:alice:${CANARY}\n${CANARY}\n`),
      ],
      ['peer', 'accept', '--protocol', 'ntlm', '--port', '0', '--accounts', secret],
      ['peer', 'accept', '--protocol', 'kerberos', '--port', '0', '--count', '1', '--keytab', secret],
      ['decode', '--nt-hash-file', secret, '/dev/null'],
      ['decode', '--keytab', secret, '/dev/null'],
      ['decode', '--session-key-file', secret, '/dev/null'],
    ];
    for (const args of runs) {
      const ran = await sspi(...args);
      expect([args.slice(0, 8).join(' '), leaksIn(said(ran))]).toEqual([args.slice(0, 8).join(' '), []]);
      expect(ran.code).not.toBe(0);
    }
  });

  test('a certificate whose key is in the wrong file', async () => {
    const { privateKey: pem } = realm.certificate;
    const key = file('key.pem', typeof pem === 'string' ? pem : pem.reveal());
    const accounts = file('accounts', `LAB:alice:${CANARY}\n`);
    const door = await serving('--accounts', accounts, '--cert', key, '--key', key, '--count', '1');
    const ran = await sspi(
      'logon',
      '--target',
      `localhost:${door.port}`,
      '--user',
      'alice',
      '--password-file',
      file('pw', CANARY),
    );
    await door.done;
    expect(leaksIn(said(ran), door.lines.join('\n'))).toEqual([]);
  });

  test('serve rdp: who came and who did not, as text and as JSON', async () => {
    const accounts = file('accounts', `LAB:alice:${CANARY}\n`);
    const keytab = file('keytab', realm.keytab);
    for (const form of [[], ['--json']]) {
      const door = await serving('--accounts', accounts, '--keytab', keytab, ...form);
      for (const [, proof] of proofs()) await sspi('logon', '--target', `localhost:${door.port}`, ...proof);
      door.interrupt();
      await door.done;
      expect(door.lines.length).toBe(proofs().length + 1);
      expect(leaksIn(door.lines.join('\n'))).toEqual([]);
    }
  });

  test('decode: the trace of a logon with every key there is', async () => {
    await using server = await realm.nla();
    const trace = join(folder, 'trace.jsonl');
    const [, [, hash] = ['', []], [, kerberos] = ['', []]] = proofs();
    for (const proof of [hash, kerberos]) {
      await sspi('logon', '--target', `localhost:${server.port}`, ...proof, '--trace', trace);
      for (const keys of [
        ['--password-file', file('pw', CANARY)],
        ['--nt-hash-file', file('hash', Buffer.from(md4(UTF16)).toString('hex'))],
        ['--keytab', file('keytab', realm.keytab)],
      ]) {
        const ran = await sspi('decode', ...keys, trace);
        const json = await sspi('decode', '--json', ...keys, trace);
        expect(leaksIn(said(ran), said(json))).toEqual([]);
      }
    }
  });
});

describe('replay', () => {
  test('a logon recorded to be run again, and run again: right, and with another password', async () => {
    await using server = await realm.nla();
    const trace = join(folder, 'replayable.jsonl');
    const user = ['--user', 'LAB\\alice'];
    const right = ['--password-file', file('pw', CANARY)];
    const logon = await sspi(
      'logon',
      '--target',
      `localhost:${server.port}`,
      ...user,
      ...right,
      '--trace',
      trace,
      '--replayable',
    );
    const same = await sspi('replay', ...user, ...right, trace);
    const other = await sspi('replay', ...user, '--password-file', file('other', `not ${CANARY}`), trace);
    expect([logon.code, same.code, other.code]).toEqual([0, 0, 1]);
    expect(leaksIn(readFileSync(trace, 'utf8'), ...[logon, same, other].map(said))).toEqual([]);
  });
});

describe('objects', () => {
  test('sspi/lab: the lab and everything that it starts', async () => {
    await using server = await realm.nla();
    const middle = await realm.middle(server, 'swapped-certificate');
    const stranger = await realm.stranger('echo');
    expect(leaksIn(realm, realm.kdc, realm.listener, realm.identity('alice'), server, middle, stranger)).toEqual([]);
    expect(leaksIn(JSON.stringify(realm))).toEqual([]);
  });

  test('sspi/rdp: both ends of a logon, their streams, and what is thrown', async () => {
    for (const mechanism of ['kerberos', 'ntlm'] as const) {
      await using server = await realm.nla();
      const events: unknown[] = [];
      const options = {
        host: 'localhost',
        port: server.port,
        rootStore: [realm.certificate.certificate],
        platform: realm.host,
        observe: (event: unknown) => void events.push(event),
      };
      const client = await connectNla({ ...options, identity: realm.identity('alice', { mechanism }) });
      const accepted = await server.next();
      expect(leaksIn(client, accepted, events)).toEqual([]);
      client.stream.destroy();
      const error = await connectNla({ ...options, identity: realm.identity('dora', { mechanism }) }).catch(
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(SspiError);
      expect(leaksIn(error, diagnose(error), await server.next())).toEqual([]);
    }
  });

  const keytabOf = async (): Promise<Uint8Array> => await realm.kdc.keytab('alice');
  const outbound: readonly (readonly [string, SecurityPackage, () => AuthData | Promise<AuthData>])[] = [
    ['NTLM, text', ntlmPackage, () => ({ kind: 'identity', user: 'alice', domain: 'LAB', password: CANARY })],
    ['NTLM, secret', ntlmPackage, () => realm.identity('alice', { mechanism: 'ntlm' })],
    [
      'NTLM, hash',
      ntlmPackage,
      () => ({ kind: 'nt-hash', user: 'alice', domain: 'LAB', ntHash: new Secret(md4(UTF16)) }),
    ],
    ['Negotiate', negotiatePackage, () => realm.identity('alice')],
    ['Negotiate, NTLM', negotiatePackage, () => realm.identity('alice', { mechanism: 'ntlm' })],
    ['Kerberos', kerberosPackage, () => realm.identity('alice', { mechanism: 'kerberos' })],
    [
      'Kerberos, keytab',
      kerberosPackage,
      async () => ({
        kind: 'keytab',
        principal: 'alice@LAB.EXAMPLE',
        keytab: await keytabOf(),
        kerberos: { configuration: realm.krb5Conf },
      }),
    ],
    ['CREDSSP', credsspPackage, () => realm.credsspClient('alice')],
  ];

  test.each(outbound)('credentials and contexts of a client: %s', async (_, securityPackage, authData) => {
    const { host } = realm;
    const credential = await securityPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: await authData(), host });
    const context = credential.initiate({
      flags: ISC_REQ.CONFIDENTIALITY | ISC_REQ.DELEGATE,
      targetName: realm.targetName,
      host,
    });
    expect(leaksIn(credential, context)).toEqual([]);
    const step = await context.step();
    expect(leaksIn(credential, context, step)).toEqual([]);
    const error = await context.step(new TextEncoder().encode('no token')).catch((reason: unknown) => reason);
    expect(leaksIn(context, error)).toEqual([]);
    context.dispose();
    credential.dispose();
    expect(leaksIn(credential, context)).toEqual([]);
  });

  test.each<[string, SecurityPackage, () => AuthData]>([
    ['NTLM', ntlmPackage, () => realm.acceptor()],
    ['Negotiate', negotiatePackage, () => realm.acceptor()],
    [
      'Kerberos',
      kerberosPackage,
      () => ({ kind: 'kerberos-acceptor', keytab: realm.keytab, replayCache: memoryReplayCache() }),
    ],
    ['Schannel', schannelPackage, () => ({ kind: 'schannel', certificates: [realm.certificate] })],
    ['CREDSSP', credsspPackage, () => realm.credsspServer()],
  ])('credentials and contexts of a server: %s', async (_, securityPackage, authData) => {
    const { host } = realm;
    const credential = await securityPackage.acquire({ use: SECPKG_CRED.INBOUND, authData: authData(), host });
    const context = credential.accept({ flags: 0, host });
    expect(leaksIn(credential, context)).toEqual([]);
    const error = await context.step(new TextEncoder().encode('no token')).catch((reason: unknown) => reason);
    expect(leaksIn(credential, context, error)).toEqual([]);
  });

  test('sspi: handles, results and the table of functions', async () => {
    const packages = [credsspPackage, negotiatePackage, kerberosPackage, ntlmPackage, schannelPackage];
    const api: Sspi = createSspi({ packages, host: realm.host });
    const acquired = await api.acquireCredentialsHandle({
      package: 'Negotiate',
      credentialUse: SECPKG_CRED.OUTBOUND,
      authData: realm.identity('alice'),
    });
    expect(leaksIn(api, acquired)).toEqual([]);
  });

  test('accounts', async () => {
    const source = memoryAccounts([{ user: 'alice', domain: 'LAB', password: CANARY }]);
    const found = await source.find({ user: 'alice', domain: 'LAB' });
    const path = file('accounts', `LAB:alice:${CANARY}\nbroken ${CANARY}\n`);
    const error = await fileAccounts(path)
      .find({ user: 'a', domain: '' })
      .catch((reason: unknown) => reason);
    expect(leaksIn(source, found, error)).toEqual([]);
  });

  test('an explanation', async () => {
    await using server = await realm.nla();
    const octets: string[] = [];
    const { stream } = await connectNla({
      host: 'localhost',
      stream: createConnection(server.port, '127.0.0.1'),
      identity: realm.identity('alice', { mechanism: 'ntlm' }),
      platform: realm.host,
      observe: (event) => {
        if (event.kind === 'message')
          octets.push(JSON.stringify({ octets: Buffer.from(event.octets).toString('hex') }));
      },
    });
    stream.destroy();
    const explanation = await decode(octets.join('\n'), { password: CANARY, keytab: realm.keytab });
    expect(explanation.messages.length).toBeGreaterThan(3);
    expect(leaksIn(explanation)).toEqual([]);
  });
});
