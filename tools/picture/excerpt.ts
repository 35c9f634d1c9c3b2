/**
 * The part of `sspi logon` that fits a picture: the first logon whole, of the logons that must fail some of each group, and the end.
 * @module
 */
import { stripVTControlCharacters as plain } from 'node:util';
import { run } from '../../src/cli/program.ts';

const ELLIPSIS = '\u001b[2m...\u001b[0m';
/** Logons that must fail, of each group. */
const OF_EACH_GROUP = 2;

/** Runs `sspi logon` and gives its lines, with colours. @throws Error when an outcome was not as expected */
export async function logonLines(): Promise<string[]> {
  const lines: string[] = [];
  const say = (text: string): void => void lines.push(...text.split('\n'));
  const code = await run(['logon'], { out: say, note: say, colours: true });
  if (code !== 0) throw new Error(`sspi logon ended with ${code}:\n${lines.join('\n')}`);
  return lines;
}

/** Chooses the lines. */
export function excerpt(lines: readonly string[]): string[] {
  const first = lines.slice(0, indexOf(lines, /^2\. /u) - 1);
  const table = lines.slice(indexOf(lines, /^4\. /u), indexOf(lines, /^logon over RDP by Kerberos:/u) - 1);
  const end = lines.slice(indexOf(lines, /^logon over RDP by Kerberos:/u));
  return ['\u001b[1m$ npx sspi logon\u001b[0m', ...first, '', ELLIPSIS, '', ...someOf(table), '', ...end];
}

function someOf(table: readonly string[]): string[] {
  const chosen: string[] = [];
  let rows = 0;
  for (const line of table) {
    const text = plain(line);
    if (/^ok /u.test(text)) rows++;
    else if (/^\S/u.test(text)) rows = 0; // a heading, a group
    if (rows <= OF_EACH_GROUP) chosen.push(line);
    else if (rows === OF_EACH_GROUP + 1 && /^ok /u.test(text)) chosen.push(ELLIPSIS);
  }
  return chosen;
}

function indexOf(lines: readonly string[], pattern: RegExp): number {
  const found = lines.findIndex((line) => pattern.test(plain(line)));
  if (found < 0) throw new Error(`no line is ${pattern}`);
  return found;
}
