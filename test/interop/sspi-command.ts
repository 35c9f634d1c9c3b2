/** `sspi peer` in this process, one context at a time. */
import { accepting as acceptingAny, objectOf, type Ran, sspi } from '../cli/command.ts';

export { sspi };

/** Runs `sspi peer accept` for one context. */
export function accepting(...args: readonly string[]): Promise<{ port: number; done: Promise<Ran> }> {
  return acceptingAny('--count', '1', ...args);
}

/** The JSON line of a finished context. */
export function verdictOf({ lines, notes }: Ran): Record<string, unknown> {
  if (lines[0] === undefined) throw new Error(`no JSON line: ${notes.join('\n')}`);
  return objectOf(lines[0]);
}
