/** `sspi logon` against servers that are not ours, and clients that are not ours against `sspi serve rdp`. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/lab/index.ts';
import type { Ran } from '../cli/command.ts';
import { serving } from '../cli/serving.ts';
import { ALICE, freePort, Peers } from './peers.ts';
import { sspi } from './sspi-command.ts';

const peers = new Peers();
let shadow = 0;
let env: Record<string, string> = {};
const servers: Server[] = [];

beforeAll(async () => {
  shadow = await freePort();
  env = { FREERDP_SHADOW_PORT: String(shadow) };
  await peers.must('freerdp-shadow.sh', ['start'], env);
});
afterAll(async () => {
  for (const server of servers) server.close();
  await peers.run('xfreerdp-auth.sh', ['stop']);
  await peers.run('freerdp-shadow.sh', ['stop'], env);
  await peers.stop();
});

async function listening(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a TCP server that listens has one
  return port;
}

function logOn(port: number, password: string = ALICE.password, ...more: readonly string[]): Promise<Ran> {
  const who = ['--user', `${ALICE.domain}\\${ALICE.user}`, '--password-file', peers.file('pw', password)];
  return sspi('logon', '--target', `127.0.0.1:${port}`, '--timeout', '5', ...who, ...more);
}

function verdict({ lines }: Ran): string {
  return lines.find((line) => /^(?:LOGGED ON|FAILED)/u.test(line)) ?? 'none';
}

describe('sspi logon --target against freerdp-shadow-cli', () => {
  test('F1, X14: right password: 0', async () => {
    const ran = await logOn(shadow);
    expect(verdict(ran)).toMatch(/^LOGGED ON as EXAMPLE\\alice by NTLM, CredSSP 6, in \d+ ms$/u);
    expect(ran.code).toBe(0);
    const text = ran.lines.join('\n');
    expect(text).toMatch(/confirm: HYBRID$/mu);
    expect(text).toContain('NOT trusted: self-signed');
    expect(text).toContain("the peer's proof holds");
  });

  test('--replayable: what was said to FreeRDP is said again, octet for octet, to nobody', async () => {
    const trace = peers.file('trace.jsonl', '');
    const ran = await logOn(shadow, ALICE.password, '--trace', trace, '--replayable');
    expect(ran.code).toBe(0);
    const who = ['--user', `${ALICE.domain}\\${ALICE.user}`, '--password-file'];
    const same = await sspi('replay', trace, ...who, peers.file('pw', ALICE.password));
    // NEGOTIATE, AUTHENTICATE with the proof, and the credentials, of which the trace has the SHA-256.
    expect(same.lines).toEqual([expect.stringContaining('3 messages of ours, octet for octet')]);
    expect(same.code).toBe(0);
    const other = await sspi('replay', trace, ...who, peers.file('pw', 'wrong'));
    expect(other.code).toBe(1);
    expect(other.lines.join('\n')).toContain('NTProofStr');
  });

  test('with its certificate as the CA: authenticated by it', async () => {
    const certificate = peers.read('freerdp-shadow/home/.config/freerdp/shadow/shadow.crt');
    const ran = await logOn(shadow, ALICE.password, '--ca', peers.file('ca.pem', certificate));
    expect([ran.code, ran.lines.join('\n')]).toEqual([0, expect.stringContaining('authenticated by certificate')]);
  });

  // It hangs up without a word: what that means is told by what it had heard until then.
  test('Z22: wrong password: 1, and that is what it most likely is', async () => {
    const ran = await logOn(shadow, 'not the password');
    expect([ran.code, verdict(ran)]).toEqual([1, expect.stringMatching(/WRONG_PASSWORD \(likely\)$/u)]);
  });

  test('X14: pinned at version 2 by the client, which is allowed to: 0', async () => {
    const ran = await logOn(shadow, ALICE.password, '--max-version', '2', '--min-version', '2');
    expect([ran.code, verdict(ran)]).toEqual([0, expect.stringContaining('CredSSP 2')]);
  });
});

describe('sspi logon --target against whatever listens', () => {
  test('an unreachable port: 3', async () => {
    const ran = await logOn(await freePort());
    expect([ran.code, verdict(ran)]).toEqual([3, expect.stringContaining('SERVER_UNREACHABLE')]);
  });

  test('a plain TCP echo server: 4', async () => {
    const ran = await logOn(await listening(createServer((socket) => void socket.pipe(socket))));
    expect([ran.code, verdict(ran)]).toEqual([4, expect.stringContaining('NOT_THE_PROTOCOL')]);
  });

  test('an HTTPS server: 4', async () => {
    const { certificate: cert, privateKey } = selfSigned({ key: 'ec', dnsNames: ['localhost'], now: Date.now() });
    if (typeof privateKey !== 'string') throw new Error('a key in PEM was expected');
    const ran = await logOn(await listening(createHttpsServer({ cert, key: privateKey })));
    expect([ran.code, verdict(ran)]).toEqual([4, expect.stringContaining('NOT_THE_PROTOCOL')]);
  });

  test('Y18, Z1: an NLA server at version 2: 6, unless that is allowed', async () => {
    const accounts = peers.file('accounts', `EXAMPLE:alice:${ALICE.password}\n`);
    const door = await serving('--accounts', accounts, '--min-version', '2', '--max-version', '2');
    const refused = await logOn(door.port);
    expect([refused.code, verdict(refused)]).toEqual([6, expect.stringContaining('CREDSSP_VERSION_REFUSED')]);
    expect((await logOn(door.port, ALICE.password, '--min-version', '2')).code).toBe(0);
    door.interrupt();
    expect(await door.done).toBe(0);
  });

  test('a silent server: 3, when the time is over', async () => {
    const started = performance.now();
    const port = await listening(createServer((socket) => void socket.on('error', () => undefined).resume()));
    const ran = await logOn(port, ALICE.password, '--timeout', '1');
    expect([ran.code, verdict(ran)]).toEqual([3, expect.stringContaining('SERVER_UNREACHABLE')]);
    expect(performance.now() - started).toBeLessThan(3_000);
  });
});

describe('clients that are not ours against sspi serve rdp', () => {
  const accounts = (): string => peers.file('accounts', `EXAMPLE:alice:${ALICE.password}\n`);

  test('C14: xfreerdp, right and wrong password', async () => {
    const door = await serving('--accounts', accounts(), '--json', '--count', '2');
    const client = (password: string) =>
      peers.run('xfreerdp-auth.sh', ['127.0.0.1', String(door.port), ALICE.user, ALICE.domain, password]);
    await client(ALICE.password);
    const wrong = await client('not the password');
    expect(wrong.code).toBe(134); // its code for STATUS_LOGON_FAILURE
    expect(await door.done).toBe(0);
    expect(JSON.parse(door.lines[1] ?? '')).toMatchObject({
      ok: true,
      name: 'EXAMPLE\\alice',
      mechanism: 'NTLM',
      version: 6,
      delegated: 'password',
      cookie: 'alice',
    });
    expect(JSON.parse(door.lines[2] ?? '')).toMatchObject({
      ok: false,
      code: 'LOGON_DENIED',
      claimed: 'EXAMPLE\\alice',
    });
    expect(door.lines.join('\n')).not.toContain(ALICE.password);
  });

  test('impacket, right and wrong password', async () => {
    const door = await serving('--accounts', accounts(), '--json', '--count', '2', '--min-version', '2');
    const client = (password: string) =>
      peers.run('impacket-rdp-check.sh', ['127.0.0.1', String(door.port), ALICE.user, ALICE.domain, password]);
    expect(await client(ALICE.password)).toMatchObject({ code: 0, output: expect.stringContaining('Access Granted') });
    expect((await client('not the password')).code).toBe(1);
    expect(await door.done).toBe(0);
    expect(JSON.parse(door.lines[1] ?? '')).toMatchObject({ ok: true, name: 'EXAMPLE\\alice', version: 2 });
    expect(JSON.parse(door.lines[2] ?? '')).toMatchObject({ ok: false, code: 'LOGON_DENIED' });
  });
});

describe('sspi logon on a terminal', () => {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  const script = fileURLToPath(new URL('terminal.py', import.meta.url));
  interface Seen {
    readonly seen: string;
    /** The echo was off while the question was open. */
    readonly hidden: boolean;
    /** It is on again. */
    readonly echoes: boolean;
    readonly code: number;
  }
  async function onTerminal(answer: string, port: number, env: Record<string, string> = {}): Promise<Seen> {
    const command = [process.execPath, '--import', 'tsx', main, 'logon', '--target', `127.0.0.1:${port}`];
    const args = [script, 'Password of', answer, ...command, '--user', `${ALICE.domain}\\${ALICE.user}`];
    const { stdout } = await promisify(execFile)('python3', args, { env: { ...process.env, TERM: 'xterm', ...env } });
    return JSON.parse(stdout);
  }

  test('asks for the password without showing it, and is in colours', async () => {
    const { seen, ...rest } = await onTerminal(`wrong\\x15${ALICE.password}x\\x7f\\r`, shadow);
    expect(rest).toEqual({ hidden: true, echoes: true, code: 0 });
    expect(seen).toContain('Password of EXAMPLE\\alice: ');
    expect(seen).toContain('\u001b[32mLOGGED ON as EXAMPLE\\alice');
    expect(seen).not.toContain(ALICE.password);
  });

  test('NO_COLOR: without colours', async () => {
    const { seen, code } = await onTerminal(`${ALICE.password}\\r`, shadow, { NO_COLOR: '1' });
    expect([code, seen.includes('LOGGED ON'), seen.includes('\u001b')]).toEqual([0, true, false]);
  });

  test('130: Ctrl-C at the question, and the terminal is as before', async () => {
    const { seen, ...rest } = await onTerminal('Geheim\\x03', shadow);
    expect(rest).toEqual({ hidden: true, echoes: true, code: 130 });
    expect(seen).toContain('sspi: interrupted');
    expect(seen).not.toContain('Geheim');
  });
});
