import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CAUSES, pageOf } from '../../src/explain/index.ts';
import { errorPages } from '../../tools/errors/pages.ts';

const folder = new URL('../../docs/errors/', import.meta.url);

describe('docs/errors', () => {
  test('has a page for each cause and no other', () => {
    expect(readdirSync(folder).sort()).toEqual([...errorPages().keys()].sort());
    for (const code of Object.keys(CAUSES)) expect(readdirSync(folder)).toContain(`${code}.md`);
    expect(pageOf('CLOCK_SKEW')).toBe('docs/errors/CLOCK_SKEW.md');
  });

  test.each([...errorPages()])('%s agrees with the table (npx tsx tools/errors/main.ts)', (name, text) => {
    expect(readFileSync(new URL(name, folder), 'utf8')).toBe(text);
  });

  test('each cause says what it is, how it shows and what to try', () => {
    for (const { title, explanation, signs, tryThis } of Object.values(CAUSES)) {
      expect(title).toMatch(/^[a-zA-Z].*[^.]$/);
      expect(explanation.length).toBeGreaterThan(40);
      expect(signs.length).toBeGreaterThan(0);
      expect(tryThis.length).toBeGreaterThan(0);
    }
  });
});
