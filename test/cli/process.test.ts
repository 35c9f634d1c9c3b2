/** `sspi` as a process: its exit codes, its streams, its signals. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Lab, lab } from '../../src/lab/index.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
let realm: Lab;
let folder = '';
beforeAll(async () => {
  realm = await lab();
  folder = mkdtempSync(join(tmpdir(), 'process-'));
});
afterAll(async () => {
  await realm.close();
  rmSync(folder, { recursive: true });
});

interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly said: { out: string; err: string };
  /** The exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
}

function start(...args: readonly string[]): Running {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], { stdio: 'pipe' });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.err += text;
  });
  const ended = once(child, 'close').then(([code, signal]: unknown[]) =>
    typeof code === 'number' ? code : (signal as NodeJS.Signals | null),
  );
  return { child, said, ended };
}

async function until(running: Running, pattern: RegExp): Promise<void> {
  while (!pattern.test(running.said.out)) await once(running.child.stdout, 'data');
}

const password = (): string => {
  const path = join(folder, 'pw');
  writeFileSync(path, 'LabPass1!');
  return path;
};

describe('sspi as a process', () => {
  test('141: whoever reads has seen enough, and there is no stack trace', async () => {
    const running = start('logon');
    await until(running, /\n/u);
    running.child.stdout.destroy();
    expect(await running.ended).toBe(141);
    expect(running.said.err).toBe('');
  }, 30_000);

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s while the server is silent: %i, and one line',
    async (signal, code) => {
      const { port } = await realm.stranger('silent');
      const running = start('logon', '--target', `localhost:${port}`, '--user', 'alice', '--password-file', password());
      await until(running, /X\.224/u);
      running.child.kill(signal);
      expect(await running.ended).toBe(code);
      expect(running.said.err).toBe('sspi: interrupted\n');
    },
    30_000,
  );

  test('SIGTERM ends serve rdp in order, with somebody at the door', async () => {
    const accounts = join(folder, 'accounts');
    writeFileSync(accounts, 'LAB:alice:LabPass1!\n');
    const running = start('serve', 'rdp', '--accounts', accounts, '--port', '0');
    await until(running, /listening on 127\.0\.0\.1 port \d+\n/u);
    running.child.kill('SIGTERM');
    expect(await running.ended).toBe(0);
    expect(running.said.err).toBe('');
  }, 30_000);

  test('the password from standard input', async () => {
    await using server = await realm.nla();
    const running = start('logon', '--target', `localhost:${server.port}`, '--user', 'LAB\\alice', '--password-stdin');
    running.child.stdin.end('LabPass1!\n');
    expect([await running.ended, running.said.err]).toEqual([0, '']);
    expect(running.said.out).toContain('LOGGED ON as LAB\\alice');
    expect(running.said.out).not.toContain('\u001b');
  }, 30_000);

  test('2: no terminal to ask', async () => {
    const running = start('logon', '--target', 'localhost', '--user', 'alice');
    running.child.stdin.end();
    expect(await running.ended).toBe(2);
    expect(running.said.err).toMatch(/^sspi: there is no password, and no terminal to ask for it; [^\n]+\n$/u);
  }, 30_000);

  test.runIf(process.platform === 'linux')(
    '9: a disk that is full is not all well',
    async () => {
      const full = openSync('/dev/full', 'w');
      const child = spawn(process.execPath, ['--import', 'tsx', MAIN, '--version'], {
        stdio: ['ignore', full, 'pipe'],
      });
      const [code] = await once(child, 'close');
      closeSync(full);
      expect(code).toBe(9);
    },
    30_000,
  );
});
