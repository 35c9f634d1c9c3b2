import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

/** As vitest writes it: as many tests of each kind. */
const report = (passed: number, failed: number, success = failed === 0): string =>
  JSON.stringify({
    success,
    testResults: [
      {
        assertionResults: [
          ...Array.from({ length: passed }, () => ({ status: 'passed' })),
          ...Array.from({ length: failed }, () => ({ status: 'failed' })),
        ],
      },
    ],
  });

describe('the last line of continuous integration', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ci-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function summary(files: Readonly<Record<string, string>>): { line: string; status: number | null } {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const { stdout, status } = spawnSync(process.execPath, ['scripts/ci-summary.mjs', folder], { encoding: 'utf8' });
    return { line: stdout.trim(), status };
  }

  test('sums tests and steps', () => {
    const files = { 'a.json': report(3, 0), 'b.json': report(2, 0), 'check.step': 'passed\n' };
    expect(summary(files)).toEqual({ line: '6 passed, 0 failed', status: 0 });
  });

  test('a failed test fails', () => {
    expect(summary({ 'a.json': report(3, 1) })).toEqual({ line: '3 passed, 1 failed', status: 1 });
  });

  test('a failed step fails', () => {
    expect(summary({ 'a.json': report(3, 0), 'check.step': 'failed\n' })).toEqual({
      line: '3 passed, 1 failed',
      status: 1,
    });
  });

  test('a suite that ran nothing fails', () => {
    expect(summary({ 'a.json': report(3, 0), 'b.json': '{}' })).toEqual({ line: '3 passed, 1 failed', status: 1 });
  });

  test('an error outside of every test fails', () => {
    expect(summary({ 'a.json': report(3, 0, false) })).toEqual({ line: '3 passed, 1 failed', status: 1 });
  });

  test('nothing at all fails', () => {
    expect(summary({})).toEqual({ line: '0 passed, 0 failed', status: 1 });
  });
});
