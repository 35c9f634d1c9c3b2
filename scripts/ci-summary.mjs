/**
 * The last line of `.ci/run`: `N passed, N failed`, summed over a folder of vitest reports (`*.json`: every test counts) and of
 * steps (`*.step`: one word). A suite that ran no test counts as failed: silence must not look like success.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? 'build/ci';
let passed = 0;
let failed = 0;

for (const name of readdirSync(folder).sort()) {
  const text = readFileSync(join(folder, name), 'utf8');
  if (name.endsWith('.step')) {
    if (text.trim() === 'passed') passed++;
    else failed++;
  } else if (name.endsWith('.json')) {
    const report = JSON.parse(text);
    const tests = (report.testResults ?? []).flatMap((file) => file.assertionResults);
    const passedTests = tests.filter((test) => test.status === 'passed').length;
    passed += passedTests;
    failed += tests.length - passedTests;
    // A file that could not be loaded, an error outside every test, or no test at all: vitest says "not successful".
    if (tests.length === 0 || (report.success !== true && passedTests === tests.length)) failed++;
  }
}

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
