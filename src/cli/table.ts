/**
 * Tables that fit 80 columns.
 * @module
 */

/** A column of a table: numbers stand right. */
export interface Column {
  readonly title: string;
  readonly width: number;
  readonly align?: 'left' | 'right';
}

/** One row. A text that is longer than its column is wide goes on below. */
export function tableRow(columns: readonly Column[], cells: readonly string[]): string[] {
  const wrapped = columns.map((column, at) => wrap(cells[at] ?? '', column.width));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    columns
      .map((column, at) => pad(wrapped[at]?.[line] ?? '', column))
      .join(' ')
      .trimEnd(),
  );
}

/** The titles of a table. */
export function titleRow(columns: readonly Column[]): string {
  return columns
    .map((column) => pad(column.title, column))
    .join(' ')
    .trimEnd();
}

function pad(text: string, { width, align }: Column): string {
  return align === 'right' ? text.padStart(width) : text.padEnd(width);
}

/** Breaks a text at spaces, and a word that fits no line at a joint, or where the line ends. Lines of the text stay lines. */
export function wrap(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, width));
}

function wrapLine(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (longer.length <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (line.length > width) {
      const joint = Math.max(line.lastIndexOf('_', width - 1), line.lastIndexOf('/', width - 1)) + 1;
      const at = joint > 0 ? joint : width;
      lines.push(line.slice(0, at));
      line = line.slice(at);
    }
  }
  lines.push(line);
  return lines;
}
