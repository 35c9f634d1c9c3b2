/**
 * `npm run contract [-- --report FILE ...]`: which tests hold which requirement. The ids are those of docs/contract.md and
 * docs/faults.md; tests carry them at the head of their names. Without a report, the tests are run first.
 *
 * An id that needs no test is marked so in its document: `(descriptive)` when it demands nothing, `(later: ROOM)` when what it
 * demands belongs to a room that is not there yet.
 *
 * Exits 1 when a test claims an id that does not exist, when a test that claims one fails, and when an id has neither test nor mark.
 * @module
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { definedIds, isDefined, marksOf } from './ids.ts';
import { type NamedTest, readReport } from './report.ts';

const { values } = parseArgs({ options: { report: { type: 'string', multiple: true } } });
const reports = values.report ?? [runTests()];

const documents = ['docs/contract.md', 'docs/faults.md'].map((path) => readFileSync(path, 'utf8'));
const defined = new Set(documents.flatMap((text) => [...definedIds(text)]));
const marks = new Map(documents.flatMap((text) => [...marksOf(text)]));
const testsOf = new Map<string, NamedTest[]>();
for (const test of reports.flatMap(readReport)) {
  for (const id of test.ids) testsOf.set(id, [...(testsOf.get(id) ?? []), test]);
}

const ids = [...new Set([...defined, ...testsOf.keys()])].sort(inOrder);
const unknown = ids.filter((id) => !isDefined(id, defined));
const failing = ids.filter((id) => testsOf.get(id)?.some((test) => !test.passed));
const untested = ids.filter((id) => defined.has(id) && !hasTest(id));
const excused = untested.filter((id) => marks.has(id));
const missing = untested.filter((id) => !marks.has(id));

for (const id of ids) {
  const tests = testsOf.get(id) ?? [];
  if (tests.length === 0) continue;
  const state = failing.includes(id) ? 'FAILING' : unknown.includes(id) ? 'UNKNOWN' : 'passed';
  const files = [...new Set(tests.map(({ file }) => relative('.', file)))];
  console.log(`${id.padEnd(5)} ${state.padEnd(8)} ${String(tests.length).padStart(3)} ${files.join(' ')}`);
}
console.log('');
for (const mark of new Set(excused.map((id) => marks.get(id))))
  console.log(`${mark}: ${excused.filter((id) => marks.get(id) === mark).join(' ')}`);
console.log(`no test: ${missing.join(' ')}`);
for (const id of unknown) console.log(`unknown id ${id}: ${testsOf.get(id)?.[0]?.name}`);
for (const id of failing) {
  for (const test of testsOf.get(id) ?? []) if (!test.passed) console.log(`failing ${id}: ${test.name}`);
}
const descriptive = excused.filter((id) => marks.get(id) === 'descriptive').length;
console.log(
  `${defined.size} ids: ${defined.size - untested.length} with tests, ${descriptive} descriptive, ` +
    `${excused.length - descriptive} for later, ${missing.length} without; ` +
    `${failing.length} failing, ${unknown.length} unknown`,
);
process.exitCode = unknown.length + failing.length + missing.length === 0 ? 0 : 1;

/** An id counts as tested through the number that it is a part of, R67 covers R67a; and through its parts, if all of them are. */
function hasTest(id: string): boolean {
  if (testsOf.has(id) || testsOf.has(id.replace(/[a-z]$/, ''))) return true;
  const parts = [...defined].filter((part) => part !== id && part.replace(/[a-z]$/, '') === id);
  return parts.length > 0 && parts.every((part) => testsOf.has(part));
}

/** Letter, then number, then the letter behind. */
function inOrder(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

function runTests(): string {
  const path = 'build/contract.json';
  mkdirSync('build', { recursive: true });
  // Its exit status does not matter here: the report tells which tests failed, and whether they carry an id.
  const { error } = spawnSync('vitest', ['run', '--reporter=json', `--outputFile.json=${path}`], { stdio: 'ignore' });
  if (error !== undefined) throw error;
  return path;
}
