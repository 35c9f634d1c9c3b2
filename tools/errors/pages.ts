/**
 * The pages of docs/errors, made of the table of causes.
 * @module
 */
import { CAUSES, CAUSES_OF_ERROR, type CauseCode } from '../../src/explain/index.ts';
import { ERROR_CATALOGUE, type SspiErrorCode } from '../../src/sspi/index.ts';

/** File names in docs/errors and what is to be in them. */
export function errorPages(): ReadonlyMap<string, string> {
  const pages = new Map<string, string>([['README.md', index()]]);
  for (const code of codesOf(CAUSES)) pages.set(`${code}.md`, page(code));
  return pages;
}

function index(): string {
  return `${[
    '# Why a logon fails',
    '',
    'What `diagnose()` and `sspi decode` call the causes, and under which codes the errors of this library lead to them. These pages are made of the',
    'table in `src/explain/diagnose/causes.ts` by `npx tsx tools/errors/main.ts`.',
    '',
    '| cause | what it is |',
    '|---|---|',
    ...codesOf(CAUSES).map((code) => `| [${code}](${code}.md) | ${CAUSES[code].title} |`),
    '',
    '## Errors of this library',
    '',
    '| `SspiError.code` | what happened | likely causes |',
    '|---|---|---|',
    ...codesOf(CAUSES_OF_ERROR).map((code) => `| ${code} | ${ERROR_CATALOGUE[code].what} | ${causesOf(code)} |`),
  ].join('\n')}\n`;
}

function causesOf(code: SspiErrorCode): string {
  return CAUSES_OF_ERROR[code].map(([cause]) => `[${cause}](${cause}.md)`).join(', ');
}

function page(code: CauseCode): string {
  const { title, explanation, signs, tryThis } = CAUSES[code];
  const errors = codesOf(CAUSES_OF_ERROR).filter((error) => CAUSES_OF_ERROR[error].some(([cause]) => cause === code));
  return `${[
    `# ${code}`,
    '',
    `**${title.charAt(0).toUpperCase()}${title.slice(1)}.**`,
    '',
    explanation,
    '',
    '## How it shows',
    '',
    ...signs.map((sign) => `- ${sign}`),
    '',
    '## What to try',
    '',
    ...tryThis.map((one, at) => `${at + 1}. ${one}`),
    ...(errors.length === 0
      ? []
      : [
          '',
          '## Errors of this library that lead here',
          '',
          ...errors.map((error) => `- \`${error}\`: ${ERROR_CATALOGUE[error].what}`),
        ]),
    '',
    '[All causes](README.md)',
  ].join('\n')}\n`;
}

/** The keys of a table that has no others than its type says. */
function codesOf<T extends object>(table: T): (keyof T)[] {
  return Object.keys(table) as (keyof T)[]; // the tables are literals
}
