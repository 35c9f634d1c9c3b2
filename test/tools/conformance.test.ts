/** docs/conformance.md against the contract, the tests and the code: what it names has to be there, and what is there to be named. */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { securityFunctionTable } from '../../src/api/index.ts';
import { ASC_REQ, ASC_RET, ISC_REQ, ISC_RET, SEC_E, SEC_I, SECPKG_ATTR, SECPKG_CRED } from '../../src/index.ts';
import { claimedIds, definedIds, isDefined, marksOf } from '../../tools/contract/ids.ts';
import { table } from '../contract/support.ts';

const page = readFileSync('docs/conformance.md', 'utf8');
const contract = readFileSync('docs/contract.md', 'utf8');
const defined = new Set([...definedIds(contract), ...definedIds(readFileSync('docs/faults.md', 'utf8'))]);

/** A table of the page. */
interface Table {
  readonly heading: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function tablesOf(markdown: string): readonly Table[] {
  const tables: { heading: string; columns: readonly string[]; rows: (readonly string[])[] }[] = [];
  let heading = '';
  let open: (typeof tables)[number] | undefined;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
    if (!line.startsWith('|')) {
      open = undefined;
      continue;
    }
    const cells = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (cells.every((cell) => /^-+$/.test(cell))) continue;
    if (open === undefined) {
      open = { heading, columns: cells, rows: [] };
      tables.push(open);
    } else open.rows.push(cells);
  }
  return tables;
}

const tables = tablesOf(page);

/** The table under a heading. */
function under(heading: string): Table {
  const found = tables.filter((one) => one.heading === heading);
  expect([heading, found.length]).toEqual([heading, 1]);
  return found[0] ?? { heading, columns: [], rows: [] };
}

const IDS = '[A-Z][0-9]+[a-z]?(?:(?:, |-)[A-Z][0-9]+[a-z]?)*';
const FILE = '[a-z0-9-]+(?:/[a-z0-9-]+)+';
/** `R35, R36: api/buffers, credssp/package`. */
const PROOF = `${IDS}: ${FILE}(?:, ${FILE})*`;

/** Every claim of the page: an id and a file that carries it. */
const claims = [...page.matchAll(new RegExp(PROOF, 'g'))].flatMap(([proof]) => {
  const [, files = ''] = proof.split(': ');
  return claimedIds(proof).flatMap((id) => files.split(', ').map((file): [string, string] => [id, file]));
});

/** The ids at the head of the titles in a file of tests; what `test.each` fills in comes later in a title. */
const carried = new Map<string, ReadonlySet<string>>();
function idsIn(path: string): ReadonlySet<string> {
  const known = carried.get(path);
  if (known !== undefined) return known;
  const titles = [...readFileSync(path, 'utf8').matchAll(/(['"`])([A-Z][0-9].*?)\1/g)].map(([, , title = '']) => title);
  const ids = new Set(titles.flatMap(claimedIds));
  carried.set(path, ids);
  return ids;
}

const codeOf = (cell = ''): string => cell.replaceAll('`', '');

describe('docs/conformance.md', () => {
  test('names files that exist, and that carry the id named beside them', () => {
    expect(claims.length).toBeGreaterThan(300);
    const wrong = claims.filter(([id, file]) => {
      const path = `test/${file}.test.ts`;
      return !existsSync(path) || !idsIn(path).has(id);
    });
    expect(wrong).toEqual([]);
  });

  test('names ids of the contract and of the faults, and no others', () => {
    const named = [...page.matchAll(/\b[A-Z][0-9]+[a-z]?\b/g)].map(([id]) => id);
    expect(named.filter((id) => !isDefined(id, defined))).toEqual([]);
  });

  test('leaves out no requirement of the functions', () => {
    const marks = marksOf(contract);
    const named = new Set([
      ...[...page.matchAll(/\b[A-Z][0-9]+[a-z]?\b/g)].map(([id]) => id),
      ...claims.map(([id]) => id),
    ]);
    const demanded = [...definedIds(contract)].filter((id) => /^[RACQMLPTE]\d/.test(id) && !marks.has(id));
    expect(demanded.length).toBeGreaterThan(170);
    expect(demanded.filter((id) => !named.has(id))).toEqual([]);
  });

  test('has a state and a proof in each row; without proof is only what is not here', () => {
    const proved = tables.filter(({ columns }) => columns.at(-1) === 'proof');
    expect(proved.length).toBeGreaterThan(18);
    for (const { heading, columns, rows } of proved)
      for (const row of rows) {
        expect([heading, row]).toEqual([heading, expect.objectContaining({ length: columns.length })]);
        const [proof = '', state = ''] = row.toReversed();
        if (columns.at(-2) === 'state') expect(state).toMatch(/^(done|differs|not here)(: .+)?$/);
        if (proof === '–') expect([row[0], state]).toEqual([row[0], expect.stringMatching(/^not here/)]);
        else expect(proof).toMatch(new RegExp(`^${PROOF}(?:; ${PROOF})*$`));
      }
  });

  test('links to what there is', () => {
    for (const [, target = ''] of page.matchAll(/\]\(([^)#]+)\)/g))
      expect([target, existsSync(new URL(target, new URL('../../docs/', import.meta.url)))]).toEqual([target, true]);
  });

  test.each([
    ['Request flags: ISC_REQ', 'ISC_REQ', ISC_REQ],
    ['Returned flags: ISC_RET', 'ISC_RET', ISC_RET],
    ['Request flags: ASC_REQ', 'ASC_REQ', ASC_REQ],
    ['Returned flags: ASC_RET', 'ASC_RET', ASC_RET],
    ['Use: SECPKG_CRED', 'SECPKG_CRED', SECPKG_CRED],
  ])('%s: each flag once, with its number', (heading, prefix, flags) => {
    const expected = Object.entries(flags).map(([name, value]) => [`${prefix}_${name}`, `0x${value.toString(16)}`]);
    expect(under(heading).rows.map(([name, value]) => [name, value])).toEqual(expected);
  });

  test('Functions: each member of the table once, in its order', () => {
    const functions = Object.entries(securityFunctionTable(table())).filter(([, member]) => member !== null);
    const expected = functions
      .map(([name]) => name.charAt(0).toUpperCase() + name.slice(1))
      .filter((name) => name !== 'Version');
    const order = [...under('Functions').rows.map(([name = '']) => name)];
    expect(order).toEqual(expected);
  });

  /** The codes that the contract lists for a function: rows and items R47 to R67c, the lines of A11 and C9. */
  const listed = (ids: RegExp): string[] => {
    const lines = contract.split('\n').filter((line) => ids.test(line));
    const first = (line: string): string[] => [...line.matchAll(/`(SEC_[EI]_[A-Z_]+)`/g)].map(([, name = '']) => name);
    return lines.flatMap((line) => (/\*\*(A11|C9)\*\*/.test(line) ? first(line) : first(line).slice(0, 1)));
  };

  test.each([
    ['Return codes: InitializeSecurityContext', /^(?:- |\| )\**R(?:4[7-9]|5[03-9]|6[0-6]|67[abc]?)\**(?=[\s*])/, 22],
    ['Return codes: AcquireCredentialsHandle', /^- \*\*A11\*\*/, 7],
    ['Return codes: AcceptSecurityContext', /^- \*\*C9\*\*/, 13],
  ])('%s: each that the contract lists, once', (heading, ids, count) => {
    const names = under(heading).rows.map(([name = '']) => name);
    expect(names).toHaveLength(count);
    expect(names.toSorted()).toEqual(listed(ids).toSorted());
    const known = [
      ...Object.keys(SEC_E).map((name) => `SEC_E_${name}`),
      ...Object.keys(SEC_I).map((name) => `SEC_I_${name}`),
    ];
    expect(known).toEqual(expect.arrayContaining(names));
  });

  test('names no status that does not exist', () => {
    const named = [...page.matchAll(/\bSEC_([EI])_([A-Z_]+)\b/g)];
    const unknown = named.filter(([, space, name = '']) => !Object.hasOwn(space === 'E' ? SEC_E : SEC_I, name));
    expect(unknown.map(([name]) => name)).toEqual([]);
  });

  test('QueryContextAttributes: each attribute in one row, with its number', () => {
    const rows = under('QueryContextAttributes (CredSSP)').rows;
    const numberOf = (text: string): number => Number(text);
    for (const [name, value] of Object.entries(SECPKG_ATTR)) {
      const found = rows.filter(([names = '']) => codeOf(names).split(', ').includes(name));
      expect([name, found.length]).toEqual([name, 1]);
      const numbers = (found[0]?.[1] ?? '').split(/, (?:and )?/).map(numberOf);
      expect([name, numbers]).toEqual([name, expect.arrayContaining([value])]);
    }
  });

  test('Errata: each once', () => {
    const errata = [...definedIds(contract)].filter((id) => /^E\d/.test(id));
    expect(under('Errata, as they were decided').rows.map(([id]) => id)).toEqual(errata);
  });
});
