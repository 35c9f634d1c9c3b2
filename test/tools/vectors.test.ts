import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { same } from '../../tools/vectors/case.ts';
import { handlers } from '../../tools/vectors/handlers/index.ts';
import { type CaseHandler, runFile, vectorFiles } from '../../tools/vectors/runner.ts';

describe('known answers', () => {
  // PKINIT has vectors before there is code for its keys.
  const files = vectorFiles(['test/vectors']).filter((file) => !file.includes('kerberos-fast-pkinit'));

  test('there are files', () => {
    expect(files.length).toBeGreaterThanOrEqual(11);
  });

  test.each(files)('%s: every case of it passes', async (file) => {
    const { cases } = await runFile(file, handlers);
    expect(cases.filter(({ state }) => state !== 'passed')).toEqual([]);
    expect(cases.length).toBeGreaterThan(0);
  });
});

describe('the runner', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vectors-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const double: CaseHandler = {
    kind: 'double',
    applies: (value) => value['op'] === 'double',
    check: (fields) => same('output', fields.number('input') * 2, fields.number('output')),
  };

  async function states(cases: unknown): Promise<string[]> {
    const file = join(folder, 'case.json');
    writeFileSync(file, JSON.stringify({ title: 'a title', cases }));
    return (await runFile(file, [double])).cases.map(({ state }) => state);
  }

  test('passes what compares', async () => {
    expect(await states([{ op: 'double', input: 2, output: 4, source: 'arithmetic' }])).toEqual(['passed']);
  });

  test('fails what differs', async () => {
    expect(await states([{ op: 'double', input: 2, output: 5 }])).toEqual(['failed']);
  });

  test('does not cover a kind without a handler', async () => {
    expect(await states([{ op: 'treble', input: 2, output: 6 }])).toEqual(['not covered']);
  });

  test('does not cover a case with a field that was not compared', async () => {
    expect(await states([{ op: 'double', input: 2, output: 4, half: 1 }])).toEqual(['not covered']);
  });

  test('fails a file that is not of the form', async () => {
    const file = join(folder, 'other.json');
    writeFileSync(file, '[1, 2]');
    expect((await runFile(file, [double])).cases.map(({ state }) => state)).toEqual(['failed']);
  });
});
