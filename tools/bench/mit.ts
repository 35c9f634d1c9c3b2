/**
 * MIT's C library as a neighbour to measure against: a realm of its own, and a process that does the work on command.
 * @module
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Measured } from './rounds.ts';

const run = promisify(execFile);
const KDC = fileURLToPath(new URL('../../scripts/peers/mit-kdc.sh', import.meta.url));
const WORKER = fileURLToPath(new URL('mit-gss.py', import.meta.url));
const SERVICE = 'TERMSRV@host.example.test';

/** MIT's library at work. */
export class Mit {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #end: () => Promise<void>;
  #errors = '';

  private constructor(child: ChildProcessWithoutNullStreams, end: () => Promise<void>) {
    this.#child = child;
    this.#end = end;
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stdin.on('error', () => undefined); // told by the lines that end
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
  }

  /**
   * Starts a KDC and the process.
   * @param keytab - of the services that others' AP-REQs are for
   * @throws Error that says what is missing
   */
  static async start(keytab: Uint8Array): Promise<Mit> {
    const state = mkdtempSync(join(tmpdir(), 'sspi-bench-'));
    const [kdc, other, admin, passwords] = await freePorts(4);
    const env = {
      ...process.env,
      PEER_STATE: state,
      MIT_KDC_PORT: String(kdc),
      MIT_KDC_PORT2: String(other),
      MIT_KADMIN_PORT: String(admin),
      MIT_KPASSWD_PORT: String(passwords),
    };
    const end = async (): Promise<void> => {
      await run(KDC, ['stop'], { env });
      rmSync(state, { recursive: true, force: true });
    };
    try {
      await run(KDC, ['start'], { env, timeout: 60_000 });
      const realm = join(state, 'mit-kdc');
      const others = join(state, 'others.keytab');
      writeFileSync(others, keytab, { mode: 0o600 });
      const child = spawn('/usr/bin/python3', [WORKER, 'alice', 'AlicePass1!', SERVICE, others], {
        env: {
          ...env,
          KRB5_CONFIG: join(realm, 'krb5.conf'),
          KRB5_KTNAME: `FILE:${join(realm, 'service.keytab')}`,
          KRB5RCACHENAME: 'none:', // its own is a file, and would make it slower than it is
        },
      });
      const mit = new Mit(child, end);
      await mit.#line();
      return mit;
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** Does what the process understands, for example `initiate 500`. */
  async work(command: string): Promise<Measured> {
    this.#child.stdin.write(`${command}\n`);
    return measuredIn(await this.#line());
  }

  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#end();
  }

  async #line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done === true) throw new Error(`python3-gssapi: ${this.#errors.trim().split('\n').at(-1) ?? 'it ended'}`);
    return value;
  }
}

function measuredIn(line: string): Measured {
  const told: unknown = JSON.parse(line);
  if (typeof told !== 'object' || told === null || !('work' in told) || !('milliseconds' in told))
    throw new Error(`not a measurement: ${line}`);
  return { work: Number(told.work), milliseconds: Number(told.milliseconds) };
}

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer().on('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  return servers.map((server) => {
    const address = server.address();
    server.close();
    if (typeof address !== 'object' || address === null) throw new Error('a server without port');
    return address.port;
  });
}
