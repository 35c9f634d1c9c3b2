/**
 * `npm run vectors -- FILE|DIR [...] [--verbose]`: runs known-answer files and tells, per file, how many cases passed, failed
 * and are not covered. Exits 0 only when all cases of all files passed.
 * @module
 */
import { existsSync } from 'node:fs';
import { handlers } from './handlers/index.ts';
import { runFile, vectorFiles } from './runner.ts';

const verbose = process.argv.includes('--verbose');
const paths = process.argv.slice(2).filter((argument) => argument !== '--verbose');

if (paths.length === 0) {
  console.error('usage: npm run vectors -- FILE|DIR [FILE|DIR...] [--verbose]');
  process.exit(2);
}
const missing = paths.filter((path) => !existsSync(path));
if (missing.length > 0) {
  console.error(`no such file or folder: ${missing.join(', ')}`);
  process.exit(2);
}

const total = { passed: 0, failed: 0, 'not covered': 0 };
console.log('passed  failed  not covered');
for (const file of vectorFiles(paths)) {
  const { cases } = await runFile(file, handlers);
  const count = (state: keyof typeof total): number => {
    const found = cases.filter((one) => one.state === state).length;
    total[state] += found;
    return found;
  };
  const row = [count('passed'), count('failed'), count('not covered')];
  console.log(`${String(row[0]).padStart(6)}  ${String(row[1]).padStart(6)}  ${String(row[2]).padStart(11)}  ${file}`);
  for (const { name, state, detail } of cases) {
    if (state !== 'passed' || (verbose && detail !== undefined)) console.log(`          ${state}: ${name}: ${detail}`);
  }
}
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total['not covered']} not covered`);
process.exitCode = total.passed > 0 && total.failed === 0 && total['not covered'] === 0 ? 0 : 1;
