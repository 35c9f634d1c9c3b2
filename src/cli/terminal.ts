/**
 * How the commands talk to people: colours only where they are wanted, one clear line per error, questions whose answers nobody
 * sees. The environment and the process's streams are read in `main.ts`, nowhere else.
 * @module
 */
import { type Secret, SspiError } from '../sspi/index.ts';
import { EXIT } from './exit-codes.ts';

/** Where a command writes, and whom it asks. */
export interface Terminal {
  /** A line for stdout. */
  out(line: string): void;
  /** A line for stderr. */
  note(line: string): void;
  readonly colours: boolean;
  /** Asks for something that is not shown. Absent: there is nobody to ask. @throws Interrupted */
  readonly askSecret?: ((question: string) => Promise<Secret>) | undefined;
  /**
   * From now on Ctrl-C and SIGTERM call `handler`, instead of ending the process; the second time they end it all the same.
   * @returns what stops that. Absent: nobody can interrupt.
   */
  readonly onInterrupt?: ((handler: (reason: Interrupted) => void) => () => void) | undefined;
}

/** Something about the command line that the user can mend. */
export class UsageError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = 'UsageError';
    this.hint = hint;
  }
}

/** The user, or the system, wants the command to end. */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(exitCode: number = EXIT.INTERRUPTED) {
    super('interrupted');
    this.name = 'Interrupted';
    this.exitCode = exitCode;
  }
}

/** An error in one line: what failed, where, and what to try. */
export function errorLine(error: unknown): string {
  if (error instanceof UsageError) return `sspi: ${error.message}; ${error.hint}`;
  if (error instanceof SspiError) return `sspi: ${error.message} [${error.code}, ${error.statusName}]; ${error.hint}`;
  return `sspi: ${error instanceof Error ? error.message : String(error)}`;
}

/** A value as JSON in which a peer's words cannot move the cursor either: control and format characters are escaped, all of them. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' ? character : escaped(character),
  );
}

function escaped(character: string): string {
  return [...Array(character.length).keys()]
    .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`)
    .join('');
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
/** What a text can look like. */
export type Style = keyof typeof STYLES;

/** Text in a style, where the terminal has styles. */
export function styled(terminal: Terminal, style: Style, text: string): string {
  return terminal.colours ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
}

/** Runs `work` with a signal that is aborted, with an {@link Interrupted}, when somebody interrupts the command. */
export async function interruptible<T>(terminal: Terminal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = terminal.onInterrupt?.((reason) => controller.abort(reason));
  try {
    return await work(controller.signal);
  } finally {
    stop?.();
  }
}
