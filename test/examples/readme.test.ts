import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/lab/self-signed.ts';

const run = promisify(execFile);

/** The JavaScript in the README, block for block. */
const blocks = [...readFileSync('README.md', 'utf8').matchAll(/^```(?:js|ts)\n(.*?)^```/gms)].map(
  ([, code = '']) => code,
);

/** What a block says it prints: the comments behind `console.log`. */
const printed = (code: string): string[] =>
  [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line = '']) => line);

describe('the README', () => {
  let folder = '';

  beforeAll(() => {
    execFileSync(process.execPath, ['scripts/ready.mjs']);
    folder = mkdtempSync(join(tmpdir(), 'readme-'));
    // As if it were installed: the blocks import the package by its name.
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(resolve('.'), join(folder, 'node_modules/sspi'));
    const { certificate, privateKey } = selfSigned({ key: 'rsa', dnsNames: ['localhost'], now: Date.now() });
    writeFileSync(join(folder, 'cert.pem'), certificate);
    writeFileSync(join(folder, 'key.pem'), String(privateKey));
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true }));

  test('has examples of each door', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(3);
  });

  test.each(blocks.map((code, index) => [index + 1, code] as const))(
    'block %i does what it says',
    async (index, code) => {
      const file = join(folder, `block-${index}.mjs`);
      writeFileSync(file, code);
      const { stdout } = await run(process.execPath, [file], { cwd: folder, timeout: 10_000 });
      expect(stdout.trim().split('\n').sort()).toEqual(printed(code).sort());
    },
  );

  test('names only files that are there', () => {
    const links = [...readFileSync('README.md', 'utf8').matchAll(/\]\(([^)#]+)\)/g)].map(([, path = '']) => path);
    for (const link of links.filter((path) => !path.startsWith('http')))
      expect(readFileSync(link, 'utf8')).not.toBe('');
    expect(links.length).toBeGreaterThan(4);
  });
});
