/**
 * Every door that package.json promises leads somewhere: each path in `exports`, `imports` and `bin` exists after a build, and
 * each entry point can be imported and gives out something.
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));

const pathsIn = (entry) => (typeof entry === 'string' ? [entry] : Object.values(entry).flatMap(pathsIn));
const missing = [manifest.exports, manifest.imports, manifest.bin].flatMap(pathsIn).filter((path) => !existsSync(path));

const empty = [];
for (const subpath of Object.keys(manifest.exports)) {
  if (subpath.endsWith('.json')) continue;
  const specifier = manifest.name + subpath.slice(1);
  try {
    if (Object.keys(await import(specifier)).length === 0) empty.push(`${specifier} exports nothing`);
  } catch (error) {
    empty.push(`${specifier}: ${error.message}`);
  }
}

for (const path of missing) console.error(`package.json names ${path}, which is not there`);
for (const line of empty) console.error(line);
process.exitCode = missing.length + empty.length === 0 ? 0 : 1;
