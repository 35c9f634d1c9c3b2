/** Runs `sspi` in this process and listens to what it prints. */
import { run } from '../../src/cli/program.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

/** A finished command. */
export interface Ran {
  readonly code: number;
  /** stdout, line by line. */
  readonly lines: readonly string[];
  /** stderr. */
  readonly notes: readonly string[];
}

/** Runs a command line to its end. */
export async function sspi(...args: readonly string[]): Promise<Ran> {
  return await sspiOn({}, ...args);
}

/** The same on a terminal that can do more. */
export async function sspiOn(terminal: Partial<Terminal>, ...args: readonly string[]): Promise<Ran> {
  const lines: string[] = [];
  const notes: string[] = [];
  const out = (line: string): number => lines.push(line);
  const code = await run(args, { out, note: (line) => notes.push(line), colours: false, ...terminal });
  return { code, lines, notes };
}

/** Runs `sspi peer accept --port 0` with more options: the port, and the command's end. */
export async function accepting(...args: readonly string[]): Promise<{ port: number; done: Promise<Ran> }> {
  const lines: string[] = [];
  const notes: string[] = [];
  return new Promise((resolve, reject) => {
    const out = (line: string): void => {
      const { listening } = objectOf(line);
      if (listening === undefined) lines.push(line);
      else resolve({ port: Number(listening), done });
    };
    const terminal = { out, note: (line: string) => notes.push(line), colours: false };
    const done = run(['peer', 'accept', '--port', '0', ...args], terminal).then((code) => ({ code, lines, notes }));
    done.then((ran) => reject(new Error(`it ended before it listened: ${ran.notes.join('\n')}`)), reject);
  });
}

/** A JSON line as an object. */
export function objectOf(line: string | undefined): Record<string, unknown> {
  const parsed: unknown = JSON.parse(line ?? 'null');
  if (typeof parsed !== 'object' || parsed === null) throw new Error(`not a JSON object: ${line}`);
  return { ...parsed };
}
