import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { claimedIds, definedIds, isDefined, marksOf } from '../../tools/contract/ids.ts';

describe('requirement ids', () => {
  test.each([
    ['R35: short input changes nothing', ['R35']],
    ['R34, R35: two at once', ['R34', 'R35']],
    ['Z13/N9: a slash', ['Z13', 'N9']],
    ['N13-N15: a range', ['N13', 'N14', 'N15']],
    ['N13–N14, S7: a range and one more', ['N13', 'N14', 'S7']],
    ['R67a: a lettered id', ['R67a']],
    ['a name without an id', []],
    ['HTTP2: not an id', []],
    ['seals as in section N14 says', []],
  ])('%s', (title, ids) => {
    expect(claimedIds(title)).toEqual(ids);
  });

  test('are defined by list items and table rows', () => {
    const text =
      '- **R1** `[D]` text R9\n| **R55** | x |\n| E1 | y |\n- V20a hash\n  - **X2** inner\n| id | where |\ntext **Q1** in a line';
    expect([...definedIds(text)]).toEqual(['R1', 'R55', 'E1', 'V20a', 'X2']);
  });

  test('may be marked as in need of no test, behind the id and nowhere else', () => {
    const text =
      '- **R1** (descriptive) `[D]` x\n| **R55** | (descriptive) |\n| E17 (later: kerberos) | y |\n- V20a (later: winrm, http)\n- **R2** (perhaps)';
    expect([...marksOf(text)]).toEqual([
      ['R1', 'descriptive'],
      ['E17', 'later: kerberos'],
      ['V20a', 'later: winrm, http'],
    ]);
    expect([...definedIds(text)]).toEqual(['R1', 'R55', 'E17', 'V20a', 'R2']);
  });

  test('a number stands for its lettered parts', () => {
    const defined = new Set(['R67a', 'R67b', 'X1']);
    expect(isDefined('R67', defined)).toBe(true);
    expect(isDefined('X1', defined)).toBe(true);
    expect(isDefined('R68', defined)).toBe(false);
  });

  test('of the documents: every prefix counts without a gap', () => {
    const ids = [
      ...definedIds(readFileSync('docs/contract.md', 'utf8')),
      ...definedIds(readFileSync('docs/faults.md', 'utf8')),
    ];
    const numbers = new Map<string, Set<number>>();
    for (const id of ids) {
      const prefix = id.slice(0, 1);
      numbers.set(prefix, (numbers.get(prefix) ?? new Set()).add(Number.parseInt(id.slice(1), 10)));
    }
    for (const [prefix, found] of numbers) {
      const highest = Math.max(...found);
      const missing = Array.from({ length: highest }, (_, index) => index + 1).filter((number) => !found.has(number));
      expect(missing, prefix).toEqual([]);
    }
    expect([...numbers.keys()].sort().join('')).toBe('ACEFKLMNPQRSTVXYZ');
  });
});
