import { readFileSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { excerpt, logonLines } from '../../tools/picture/excerpt.ts';
import { terminalSvg, textOfSvg } from '../../tools/picture/svg.ts';

/** What is the same in every run: numbers, keys and where lines break are not. */
function shapeOf(lines: readonly string[]): string {
  return lines
    .join(' ')
    .replaceAll(/SHA256:\S+/gu, 'SHA256:#')
    .replaceAll(/\d+(?:\.\d+)?/gu, '#')
    .replaceAll(/\s+/gu, ' ');
}

test('the picture of the README is of what the command says today (npm run picture draws it anew)', async () => {
  const picture = textOfSvg(readFileSync(new URL('../../docs/logon.svg', import.meta.url), 'utf8'));
  const today = excerpt(await logonLines());
  expect(picture.length).toBeGreaterThan(50);
  expect(shapeOf(picture)).toBe(shapeOf(today.map(stripVTControlCharacters)));
}, 30_000);

test('a picture says what the lines say, whatever is in them', () => {
  const lines = ['\u001b[1ma <b> & "c"\u001b[0m', '', '  two \u001b[32mgreen\u001b[0m words'];
  expect(textOfSvg(terminalSvg(lines, 'a & b'))).toEqual(['a <b> & "c"', '', '  two green words']);
});
