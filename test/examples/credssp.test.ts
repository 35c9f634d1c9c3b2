import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/lab/self-signed.ts';

/** What a process prints, line by line as JSON, and how it ends. */
class Talker {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(script: string, args: readonly string[]) {
    this.#process = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error('no output');
    this.#lines = createInterface(stdout)[Symbol.asyncIterator]();
  }

  async next(): Promise<unknown> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : JSON.parse(value);
  }

  async exit(): Promise<number | null> {
    if (this.#process.exitCode === null) await once(this.#process, 'exit');
    return this.#process.exitCode;
  }

  stop(): void {
    this.#process.kill();
  }
}

describe('the loop of the reference page, as two processes over TCP', () => {
  let folder = '';
  const file = (name: string): string => join(folder, name);

  beforeAll(() => {
    execFileSync(process.execPath, ['scripts/ready.mjs']);
    folder = mkdtempSync(join(tmpdir(), 'examples-'));
    const { certificate, privateKey } = selfSigned({
      key: 'ec',
      dnsNames: ['127.0.0.1'],
      addresses: ['127.0.0.1'],
      now: Date.now(),
    });
    writeFileSync(file('cert.pem'), certificate);
    writeFileSync(file('key.pem'), String(privateKey));
    writeFileSync(file('password'), 'AlicePass1!\n');
    writeFileSync(file('wrong'), 'BobPass2?\n');
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true }));

  async function meet(
    password: string,
    frameSize: number,
  ): Promise<{ client: unknown[]; server: unknown[]; exits: unknown[] }> {
    const account = ['EXAMPLE', 'alice'];
    const server = new Talker('examples/credssp-server.mjs', [
      '0',
      file('cert.pem'),
      file('key.pem'),
      ...account,
      file('password'),
      String(frameSize),
    ]);
    const { port } = (await server.next()) as { port: number };
    const client = new Talker('examples/credssp-client.mjs', [
      '127.0.0.1',
      String(port),
      ...account,
      file(password),
      file('cert.pem'),
      String(frameSize),
    ]);
    try {
      const said = {
        client: [await client.next(), await client.next()],
        server: [await server.next(), await server.next()],
      };
      return { ...said, exits: [await client.exit(), await server.exit()] };
    } finally {
      client.stop();
      server.stop();
    }
  }

  test.each([65_536, 100, 1])('R34, R35, R70: tokens in frames of %i octets', async (frameSize) => {
    const { client, server, exits } = await meet('password', frameSize);
    expect(server).toEqual([
      {
        status: 'SEC_E_OK',
        client: 'EXAMPLE\\alice',
        delegated: { kind: 'password', domain: 'EXAMPLE', user: 'alice' },
      },
      { message: 'Hello from the client' },
    ]);
    expect(client).toEqual([{ status: 'SEC_E_OK', package: 'NTLM' }, { answer: 'echo: Hello from the client' }]);
    expect(exits).toEqual([0, 0]);
  });

  test('R59, C13: a wrong password reaches the client as a reason', async () => {
    const { client, server, exits } = await meet('wrong', 65_536);
    expect(client[0]).toMatchObject({ call: 'InitializeSecurityContext', status: 'SEC_E_LOGON_DENIED' });
    expect(server[0]).toMatchObject({ call: 'AcceptSecurityContext', status: 'SEC_E_LOGON_DENIED' });
    expect(exits).toEqual([1, 1]);
  });
});
