import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { FrameSocket } from '../../src/cli/frames.ts';
import { selfSigned } from '../../src/lab/self-signed.ts';
import { accepting, objectOf, sspi } from './command.ts';

const directory = mkdtempSync(join(tmpdir(), 'sspi-peer-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

const accounts = file('accounts', '# lab\nEXAMPLE:alice:AlicePass1!\n:carol:P\u00e4ss:w\u00f6rd\u20ac\n');
const right = file('right', 'AlicePass1!\n');
const wrong = file('wrong', 'wrong\n');

/** One exchange between the two commands. */
async function both(
  protocol: string,
  password: string,
  initiate: string[] = [],
  accept: string[] = [],
  user = 'alice',
) {
  const { port, done } = await accepting('--protocol', protocol, '--accounts', accounts, '--count', '1', ...accept);
  const domain = user === 'alice' ? 'EXAMPLE' : '';
  const who = ['--user', user, '--domain', domain, '--password-file', password];
  const client = await sspi('peer', 'initiate', '--protocol', protocol, '--port', String(port), ...who, ...initiate);
  const server = await done;
  return { client, server, said: objectOf(client.lines[0]), heard: objectOf(server.lines[0]) };
}

describe('sspi peer, both roles', () => {
  test.each([
    ['ntlm', 'W,S,M', ''],
    ['negotiate', 'W,S,M', ''],
    ['credssp', 'W,M', '--delegate'],
  ])('R70, M1, M14: %s: a context, and each kind of message answered in kind', async (protocol, kinds, more) => {
    const extra = more === '' ? [] : [more];
    const { client, server, said, heard } = await both(protocol, right, [
      '--data',
      'h\u00e9llo',
      '--kinds',
      kinds,
      ...extra,
    ]);
    expect(said).toMatchObject({ ok: true, principal: 'EXAMPLE\\alice', mechanism: 'NTLM' });
    expect(said['data']).toEqual(kinds.split(',').map(() => 'echo:h\u00e9llo'));
    expect(heard).toMatchObject({ ok: true, protocol, principal: 'EXAMPLE\\alice', target: 'TERMSRV/127.0.0.1' });
    expect(heard['sessionKey']).toMatch(/^[0-9a-f]{32}$/u);
    expect(said['sessionKey']).toBe(heard['sessionKey']);
    expect([client.code, server.code]).toEqual([0, 0]);
  });

  test.each([2, 3, 4, 5, 6])(
    'X14: credssp at version %i, with the credentials that were delegated',
    async (version) => {
      const versions = ['--min-version', '2', '--max-version', String(version)];
      const { said, heard } = await both('credssp', right, ['--delegate', ...versions], versions);
      const credential = { kind: 'password', domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' };
      expect(heard).toMatchObject({ ok: true, version, credential });
      expect(said).toMatchObject({ ok: true, version });
    },
  );

  test('R21, C15: without --delegate nothing is delegated', async () => {
    const { heard } = await both('credssp', right);
    expect(heard).toMatchObject({ ok: true, credential: { kind: 'none' } });
  });

  test('M1: a message of several TLS records', async () => {
    const text = 'x'.repeat(40_000);
    const { said } = await both('credssp', right, ['--data', text]);
    expect(said['data']).toEqual([`echo:${text}`]);
  });

  test('N8: a password with colons and letters that are not ASCII', async () => {
    const { heard } = await both('negotiate', file('carol', 'P\u00e4ss:w\u00f6rd\u20ac\r\n'), [], [], 'carol');
    expect(heard).toMatchObject({ ok: true, principal: 'carol' });
  });

  test.each(['ntlm', 'negotiate', 'credssp'])(
    'Z22: %s: a wrong password, and exit code 1 on both sides',
    async (protocol) => {
      const { client, server, said, heard } = await both(protocol, wrong, ['--data', 'never sent']);
      expect(heard).toMatchObject({ ok: false, code: 'LOGON_DENIED', ntStatus: '0xc000006d' });
      expect(said).toMatchObject({ ok: false, status: 'SEC_E_LOGON_DENIED' });
      expect([client.code, server.code]).toEqual([1, 1]);
    },
  );

  test('Y6, R22: with --ca the server has to be the one that the certificate is for', async () => {
    const { certificate, privateKey } = selfSigned({
      key: 'ec',
      dnsNames: ['localhost'],
      addresses: ['127.0.0.1'],
      now: Date.now(),
    });
    const pem = file('server.pem', certificate);
    const cert = ['--cert', pem, '--key', file('server.key', String(privateKey))];
    expect((await both('credssp', right, ['--ca', pem, '--tls-max', '1.2'], cert)).said).toMatchObject({ ok: true });
    const other = selfSigned({ key: 'ec', dnsNames: ['localhost'], now: Date.now() });
    const { said } = await both('credssp', right, ['--ca', file('other.pem', other.certificate)], cert);
    expect(said).toMatchObject({ ok: false, code: 'MUTUAL_AUTH_FAILED' });
  });

  test('N19, Z18: channel bindings of another channel', async () => {
    const { heard } = await both('ntlm', right, ['--channel-bindings', 'aa'], ['--channel-bindings', 'bb']);
    expect(heard).toMatchObject({ ok: false, code: 'BAD_BINDINGS' });
  });

  test('R35: tokens that come in pieces, and frames that do', async () => {
    const { port, done } = await accepting('--protocol', 'credssp', '--accounts', accounts, '--count', '1');
    const relay = createServer((near) => {
      const far = connect(port, '127.0.0.1');
      // Towards the server every frame is cut in two: the context asks for the rest. Back, octet by octet.
      const frames = new FrameSocket(near);
      const forward = async (): Promise<void> => {
        for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) {
          const half = frame[0] === 0x51 || frame.length < 2 ? frame.length : frame.length >> 1;
          for (const part of [frame.subarray(0, half), frame.subarray(half)]) {
            if (part.length === 0 && frame.length > 0) continue;
            const header = Buffer.alloc(4);
            header.writeUInt32BE(part.length);
            far.write(Buffer.concat([header, part]));
          }
        }
        far.end();
      };
      void forward().catch(() => undefined);
      far.on('data', (chunk) => {
        for (const octet of chunk) near.write(Uint8Array.of(octet));
      });
      far.on('end', () => near.end());
      near.on('error', () => undefined);
      far.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(relay, 'listening');
    const address = relay.address();
    const relayed = typeof address === 'object' && address !== null ? address.port : 0;
    const who = ['--user', 'alice', '--domain', 'EXAMPLE', '--password-file', right, '--delegate'];
    const client = await sspi('peer', 'initiate', '--protocol', 'credssp', '--port', String(relayed), ...who);
    expect(objectOf(client.lines[0])).toMatchObject({ ok: true });
    expect(objectOf((await done).lines[0])).toMatchObject({ ok: true });
    relay.close();
  });
});

describe('sspi peer accept and peers that do not behave', () => {
  async function against(protocol: string, talk: (frames: FrameSocket) => Promise<void> | void) {
    const { port, done } = await accepting('--protocol', protocol, '--accounts', accounts, '--count', '1');
    const frames = new FrameSocket(connect(port, '127.0.0.1'));
    await talk(frames);
    const ran = await done;
    return { ...ran, verdict: objectOf(ran.lines[0]) };
  }

  test('R58: octets that are no token', async () => {
    const { verdict, code } = await against('ntlm', (frames) => frames.write(new TextEncoder().encode('hello')));
    expect(verdict).toMatchObject({ ok: false, code: 'MALFORMED_TOKEN' });
    expect(code).toBe(1);
  });

  test('C4: an empty first token', async () => {
    const { verdict } = await against('credssp', (frames) => frames.write());
    expect(verdict).toMatchObject({ ok: false });
  });

  test('C17: a frame that is too large is refused at its header', async () => {
    const { port, done } = await accepting('--protocol', 'ntlm', '--accounts', accounts, '--count', '1');
    const socket = connect(port, '127.0.0.1');
    socket.write(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
    const { lines } = await done;
    expect(objectOf(lines[0])).toMatchObject({ ok: false, code: 'TOKEN_TOO_LARGE' });
    socket.destroy();
  });

  test('R68: a client that hangs up leaves no context', async () => {
    const { verdict } = await against('negotiate', (frames) => frames.end());
    expect(verdict).toMatchObject({ ok: false, code: 'CONNECTION_CLOSED' });
  });
});

describe('sspi, command lines that cannot be used', () => {
  const accept = ['peer', 'accept', '--port', '0'];
  test.each([
    ['no package', [...accept, '--accounts', accounts], /--protocol/u],
    ['an unknown package', [...accept, '--protocol', 'kerberos5', '--accounts', accounts], /kerberos5/u],
    [
      'a port that is none',
      ['peer', 'accept', '--protocol', 'ntlm', '--port', '70000', '--accounts', accounts],
      /70000/u,
    ],
    ['a file that is not there', [...accept, '--protocol', 'ntlm', '--accounts', '/nowhere'], /--accounts/u],
    ['accounts that are none', [...accept, '--protocol', 'ntlm', '--accounts', file('broken', 'alice\n')], /line 1/u],
    [
      'a certificate without a key',
      [...accept, '--protocol', 'credssp', '--accounts', accounts, '--cert', accounts],
      /belong together/u,
    ],
    ['no command', ['nonsense'], /nonsense/u],
  ])('%s: exit code 2 and one clear line', async (_, args, expected) => {
    const { code, notes, lines } = await sspi(...args);
    expect(code).toBe(2);
    expect(notes.join('\n')).toMatch(expected);
    expect(notes.join('\n')).not.toMatch(/\bat .*\.ts:\d/u);
    expect(lines).toEqual([]);
  });

  test('--help is no mistake', async () => {
    const { code, lines } = await sspi('peer', 'accept', '--help');
    expect(code).toBe(0);
    expect(lines.join('\n')).toContain('--tls-min');
  });

  test('a server that is not there: one JSON line, exit code 1', async () => {
    const who = ['--user', 'alice', '--password-file', right];
    const { code, lines } = await sspi('peer', 'initiate', '--protocol', 'ntlm', '--port', '1', ...who);
    expect(objectOf(lines[0])).toMatchObject({ ok: false, code: 'CONNECTION_CLOSED' });
    expect(code).toBe(1);
  });
});
