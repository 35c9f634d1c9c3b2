/**
 * A vitest run, as far as requirement ids go.
 * @module
 */
import { readFileSync } from 'node:fs';
import { claimedIds } from './ids.ts';

/** One test and the ids that it or a suite around it claims. */
export interface NamedTest {
  readonly name: string;
  readonly file: string;
  readonly passed: boolean;
  readonly ids: readonly string[];
}

interface VitestReport {
  readonly success: boolean;
  readonly testResults: readonly {
    readonly name: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly ancestorTitles: readonly string[];
      readonly title: string;
      readonly status: string;
    }[];
  }[];
}

/** Reads vitest's JSON report. @throws when the run had no tests: an empty run proves nothing */
export function readReport(path: string): NamedTest[] {
  // The form is vitest's own; a report of another form fails on the first access.
  const report: VitestReport = JSON.parse(readFileSync(path, 'utf8'));
  const tests = report.testResults.flatMap((file) =>
    file.assertionResults.map(({ ancestorTitles, title, status }) => {
      const titles = [...ancestorTitles, title];
      const ids = [...new Set(titles.flatMap(claimedIds))];
      return { name: titles.join(' > '), file: file.name, passed: status === 'passed', ids };
    }),
  );
  if (tests.length === 0) throw new Error(`${path}: no tests ran`);
  return tests;
}
