/**
 * `npx tsx tools/errors/main.ts [--check]`: writes docs/errors anew, or only says whether it agrees with the table of causes.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorPages } from './pages.ts';

const folder = fileURLToPath(new URL('../../docs/errors/', import.meta.url));
const pages = errorPages();
mkdirSync(folder, { recursive: true });
const present = readdirSync(folder);

if (process.argv.includes('--check')) {
  const stale = [...pages].filter(
    ([name, text]) => !present.includes(name) || readFileSync(folder + name, 'utf8') !== text,
  );
  const surplus = present.filter((name) => !pages.has(name));
  for (const name of [...stale.map(([name]) => name), ...surplus])
    console.error(`docs/errors/${name} does not agree with the table of causes`);
  process.exitCode = stale.length + surplus.length === 0 ? 0 : 1;
} else {
  for (const name of present) if (!pages.has(name)) rmSync(folder + name);
  for (const [name, text] of pages) writeFileSync(folder + name, text);
}
