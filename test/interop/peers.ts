/** Starts the peers of `scripts/peers/` and talks to them. Each test file has a state directory of its own. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('../../scripts/peers/', import.meta.url));

/** The accounts that every peer knows. */
export const ALICE = { domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' } as const;
export const CAROL = { domain: '', user: 'carol', password: 'Pässwörd1€' } as const;

/** A state directory for the scripts, and what runs in it. */
export class Peers {
  readonly state = mkdtempSync(join(tmpdir(), 'sspi-interop-'));
  readonly #children: ChildProcessWithoutNullStreams[] = [];

  /** Runs a script to its end. Its output and exit code: never an exception for a code other than 0. */
  run(
    script: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<{ code: number; output: string }> {
    return new Promise((resolve) => {
      const options = { env: this.#environment(env), timeout: 55_000 };
      execFile(join(directory, script), args, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
        resolve({ code, output: `${stdout}${stderr}` });
      });
    });
  }

  /** Runs a script that must succeed. */
  async must(script: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
    const { code, output } = await this.run(script, args, env);
    if (code !== 0) throw new Error(`${script} ${args.join(' ')}: exit ${code}\n${output}`);
    return output;
  }

  /** Starts a script that goes on running; it is ended with the others. */
  start(script: string, args: readonly string[], env: Record<string, string> = {}): LineProcess {
    const child = spawn(join(directory, script), args, { env: this.#environment(env) });
    this.#children.push(child);
    return new LineProcess(child);
  }

  /** Writes a file that a peer is to read. */
  file(name: string, content: string): string {
    const path = join(this.state, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  }

  /** Reads a file that a peer has made. */
  read(name: string): string {
    return readFileSync(join(this.state, name), 'utf8');
  }

  /** Ends what was started and removes the state. */
  async stop(): Promise<void> {
    for (const child of this.#children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    }
    rmSync(this.state, { recursive: true, force: true });
  }

  #environment(env: Record<string, string>): NodeJS.ProcessEnv {
    return { ...process.env, PEER_STATE: this.state, ...env };
  }
}

/** A process that speaks in lines. */
export class LineProcess {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting: ((line: string) => void)[] = [];
  readonly #lines: string[] = [];
  #errors = '';
  #rest = '';

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => this.#take(text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors += text;
    });
    child.stdin.on('error', () => undefined);
  }

  /** The next line of stdout. */
  async line(): Promise<string> {
    const ready = this.#lines.shift();
    if (ready !== undefined) return ready;
    const ended = once(this.#child, 'close').then(() => {
      throw new Error(`the peer ended: ${this.#errors}`);
    });
    return Promise.race([new Promise<string>((resolve) => this.#waiting.push(resolve)), ended]);
  }

  /** Sends a line and waits for the answer. */
  ask(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    return this.line();
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#lines.push(line);
      else waiting(line);
    }
  }
}

/** A TCP port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  server.close();
  await once(server, 'close');
  return port;
}
