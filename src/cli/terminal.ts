/**
 * How the commands talk to people: colours only where they are wanted, tables that fit 80 columns, one clear line per error.
 * @module
 */
import { SspiError } from '../sspi/index.ts';

/** Where a command writes. */
export interface Terminal {
  /** A line for stdout. */
  out(line: string): void;
  /** A line for stderr. */
  note(line: string): void;
  readonly colours: boolean;
}

/** The process's own streams. Colours only on a terminal, and never against https://no-color.org. */
export function systemTerminal(): Terminal {
  const { env, stdout, stderr } = process;
  const refused = env['NO_COLOR'] !== undefined && env['NO_COLOR'] !== '';
  return {
    out: (line) => void stdout.write(`${line}\n`),
    note: (line) => void stderr.write(`${line}\n`),
    colours: stdout.isTTY === true && !refused && env['TERM'] !== 'dumb',
  };
}

/** Exit codes of every command. */
export const EXIT = {
  /** Everything was as it should be. */
  OK: 0,
  /** A context was not established, or something was not as expected. */
  FAILED: 1,
  /** The command line or a file named on it cannot be used. */
  USAGE: 2,
} as const;

/** Something about the command line that the user can mend. */
export class UsageError extends Error {
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.name = 'UsageError';
    this.hint = hint;
  }
}

/** An error in one line: what failed, where, and what to try. */
export function errorLine(error: unknown): string {
  if (error instanceof UsageError) return `sspi: ${error.message}; ${error.hint}`;
  if (error instanceof SspiError) return `sspi: ${error.message} [${error.code}, ${error.statusName}]; ${error.hint}`;
  return `sspi: ${error instanceof Error ? error.message : String(error)}`;
}

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;

/** Text in a style, where the terminal has styles. */
export function styled(terminal: Terminal, style: keyof typeof STYLES, text: string): string {
  return terminal.colours ? `\u001b[${STYLES[style]}m${text}\u001b[0m` : text;
}

/** A column of a table: numbers stand right. */
export interface Column {
  readonly title: string;
  readonly width: number;
  readonly align?: 'left' | 'right';
}

/** One row, with its last column wrapped under itself when the text is longer than the column is wide. */
export function tableRow(columns: readonly Column[], cells: readonly string[]): string[] {
  const last = columns.length - 1;
  const fixed = columns.slice(0, last).map((column, at) => pad(cells[at] ?? '', column));
  const lines = wrap(cells[last] ?? '', columns[last]?.width ?? 80);
  return lines.map((line, at) =>
    [...(at === 0 ? fixed : fixed.map((cell) => ' '.repeat(cell.length))), line].join(' ').trimEnd(),
  );
}

function pad(text: string, { width, align }: Column): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length > width && line !== '') {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  lines.push(line);
  return lines;
}
