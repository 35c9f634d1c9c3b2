/**
 * `npm run check`: everything about the code that a machine can judge without running it. Every step runs even when an earlier
 * one failed, so that one run shows all there is to mend.
 */
import { spawnSync } from 'node:child_process';

const steps = [
  ['format and lint', 'biome', ['check', '--error-on-warnings', '.']],
  ['types', 'tsc', ['--noEmit', '-p', 'tsconfig.json']],
  ['floors of the house', 'depcruise', ['src']],
  ['dead code', 'knip', []],
  ['subpaths', process.execPath, ['scripts/check-subpaths.mjs']],
  ['package', 'publint', ['--strict']],
  ['types as published', 'attw', ['--profile', 'esm-only', '--pack', '.']],
];

let failed = 0;
for (const [what, command, args] of steps) {
  const started = Date.now();
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const seconds = `${((Date.now() - started) / 1000).toFixed(1)} s`;
  console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${what} (${seconds})`);
  if (status === 0) continue;
  failed++;
  console.log(`${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}`);
}
process.exitCode = failed === 0 ? 0 : 1;
