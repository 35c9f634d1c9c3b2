/**
 * Makes a fresh clone ready for the command that follows: installs the packages and builds `dist` when either is missing or
 * stale. Says one line for each thing that it does, and nothing when there is nothing to do. Only Node's own modules here:
 * this runs before anything is installed.
 *
 *     node scripts/ready.mjs             packages and build
 *     node scripts/ready.mjs --packages  packages only: tools run from src
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);

/** The installed tree, as npm notes it down, holds exactly what the lock file asks for (packages of other platforms aside). */
function packagesAreInstalled() {
  if (!existsSync('node_modules/.package-lock.json')) return false;
  const wanted = JSON.parse(readFileSync('package-lock.json', 'utf8')).packages;
  const installed = JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    if (found === undefined) return entry.optional === true || entry.peer === true;
    return found.version === entry.version && found.integrity === entry.integrity;
  });
}

/** One hash over the name, size and time of everything that the build reads. */
function sourceStamp() {
  const hash = createHash('sha256');
  const add = (path) => {
    const { size, mtimeMs } = statSync(path);
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  };
  for (const name of ['package.json', 'tsconfig.json', 'tsconfig.build.json']) add(name);
  const files = readdirSync('src', { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const path of files.map((entry) => join(entry.parentPath, entry.name)).sort()) add(path);
  return hash.digest('hex');
}

function run(what, command, args) {
  const started = Date.now();
  process.stderr.write(`${what} ...`);
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (status === 0) {
    process.stderr.write(` ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
    return;
  }
  process.stderr.write(` failed\n${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}\n`);
  process.exit(1);
}

/** Builds beside `dist` and swaps, so that a process that is just reading `dist` never meets half of it. */
function build(stamp) {
  const fresh = `build/dist-${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  run('building dist', process.execPath, [
    'node_modules/typescript/bin/tsc',
    '-p',
    'tsconfig.build.json',
    '--outDir',
    fresh,
  ]);
  writeFileSync(join(fresh, '.stamp'), stamp);
  for (let attempt = 1; !swap(fresh); attempt++) {
    // Somebody else builds at the same time. Whose build is in place does not matter, if it is of these sources.
    if (builtStamp() === stamp) break;
    if (attempt === 5) throw new Error('dist changes all the time: is something else building?');
  }
  rmSync(fresh, { recursive: true, force: true });
}

/** @returns whether it worked: another process may do the same at the same time */
function swap(fresh) {
  const old = `build/old-${process.pid}`;
  try {
    if (existsSync('dist')) renameSync('dist', old);
    renameSync(fresh, 'dist');
    return true;
  } catch {
    return false;
  } finally {
    rmSync(old, { recursive: true, force: true });
  }
}

function builtStamp() {
  return existsSync('dist/.stamp') ? readFileSync('dist/.stamp', 'utf8') : undefined;
}

if (!packagesAreInstalled())
  run('installing packages (npm ci)', 'npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
if (!process.argv.includes('--packages')) {
  const stamp = sourceStamp();
  if (builtStamp() !== stamp) build(stamp);
}
