/** Runs `sspi` in this process, as the command line would, and listens to what it prints. */
import { run } from '../../src/cli/program.ts';

/** A finished command. */
export interface Ran {
  readonly code: number;
  /** stdout, line by line. */
  readonly lines: readonly string[];
  /** stderr. */
  readonly notes: readonly string[];
}

/** Runs a command to its end. */
export async function sspi(...args: readonly string[]): Promise<Ran> {
  const lines: string[] = [];
  const notes: string[] = [];
  const code = await run(args, { out: (line) => lines.push(line), note: (line) => notes.push(line), colours: false });
  return { code, lines, notes };
}

/** Runs `sspi peer accept --port 0` with more options, for one context. */
export async function accepting(...args: readonly string[]): Promise<{ port: number; done: Promise<Ran> }> {
  const lines: string[] = [];
  const notes: string[] = [];
  return new Promise((resolve, reject) => {
    const out = (line: string): void => {
      const message: unknown = JSON.parse(line);
      if (typeof message === 'object' && message !== null && 'listening' in message)
        resolve({ port: Number(message.listening), done });
      else lines.push(line);
    };
    const done = run(['peer', 'accept', '--port', '0', '--count', '1', ...args], {
      out,
      note: (line) => notes.push(line),
      colours: false,
    }).then((code) => ({ code, lines, notes }));
    done.then((ran) => reject(new Error(`it ended before it listened: ${ran.notes.join('\n')}`)), reject);
  });
}

/** The JSON line of a finished context. */
export function verdictOf({ lines, notes }: Ran): Record<string, unknown> {
  const [line] = lines;
  if (line === undefined) throw new Error(`no JSON line: ${notes.join('\n')}`);
  const parsed: unknown = JSON.parse(line);
  if (typeof parsed !== 'object' || parsed === null) throw new Error(line);
  return { ...parsed };
}
