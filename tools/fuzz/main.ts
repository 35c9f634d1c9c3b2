/**
 * `npm run fuzz [-- --seconds N] [--seed N] [--target TEXT]`: mutations of real tokens against every decoder and both sides of
 * every exchange.
 *
 * The same seed gives the same inputs, but for what TLS draws by itself. Fails on an exception that is not ours, an unhandled
 * rejection, an exchange that agreed on something it should not have, and memory that grows. What failed is printed in
 * hexadecimal and kept under build/fuzz.
 * @module
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { toHex } from '../../src/crypto/index.ts';
import { Chance } from './random.ts';
import { Finding, type Target } from './target.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
    target: { type: 'string', default: '' },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0) || !Number.isInteger(seed)) {
  console.error('usage: npm run fuzz [-- --seconds N] [--seed N] [--target TEXT]');
  process.exit(2);
}

/** Octets that the heap may have grown by when the run is over and rubbish was collected. */
const HEAP_TOLERANCE = 24 * 1024 * 1024;
/** The share of the time after which caches are filled, and memory is looked at for the first time. */
const WARM_UP = 0.2;
const SLICE = 100;
const MOST_FINDINGS = 20;

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const findings: Finding[] = [];
process.on('unhandledRejection', (reason) => report('unhandled rejection', new Finding(String(reason), [], reason)));
process.on('uncaughtException', (error) => report('uncaught exception', new Finding(String(error), [], error)));

interface Lane {
  readonly target: Target;
  readonly chance: Chance;
  runs: number;
  milliseconds: number;
}

const chance = new Chance(seed);
const all = await targets(chance.fork());
const lanes: Lane[] = all
  .map((target) => ({ target, chance: chance.fork(), runs: 0, milliseconds: 0 }))
  .filter(({ target }) => target.name.toLowerCase().includes(values.target.toLowerCase()));
if (lanes.length === 0) {
  console.error(`no target is called so; there are: ${all.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const started = performance.now();
const elapsed = (): number => (performance.now() - started) / 1000;
let before: NodeJS.MemoryUsage | undefined;
while (elapsed() < seconds && findings.length < MOST_FINDINGS) {
  for (const lane of lanes) {
    await runFor(lane, Math.min(SLICE, (seconds * 1000) / lanes.length / 4));
    if (elapsed() >= seconds) break;
  }
  if (before === undefined && elapsed() > seconds * WARM_UP) before = await settledMemory();
}
const after = await settledMemory();

console.log('    runs   runs/s  target');
for (const { target, runs, milliseconds } of lanes) {
  const rate = Math.round((runs / milliseconds) * 1000);
  console.log(`${String(runs).padStart(8)} ${String(rate).padStart(8)}  ${target.name}`);
}
const mebibytes = (octets: number): string => (octets / 1024 / 1024).toFixed(1);
const base = before ?? after;
console.log(
  `\nheap ${mebibytes(base.heapUsed)} -> ${mebibytes(after.heapUsed)} MiB, ` +
    `RSS ${mebibytes(base.rss)} -> ${mebibytes(after.rss)} MiB, seed ${seed}, ${elapsed().toFixed(0)} s`,
);
const grown = after.heapUsed + after.external - base.heapUsed - base.external;
if (grown > HEAP_TOLERANCE) report('memory', new Finding(`${mebibytes(grown)} MiB more than after the warm-up`, []));
const total = lanes.reduce((sum, { runs }) => sum + runs, 0);
console.log(`${total} runs, ${findings.length} findings`);
process.exit(findings.length === 0 && total > 0 ? 0 : 1);

async function runFor(lane: Lane, milliseconds: number): Promise<void> {
  const from = performance.now();
  let now = from;
  do {
    try {
      await lane.target.run(lane.chance);
    } catch (error) {
      const finding = error instanceof Finding ? error : new Finding(`the target itself: ${String(error)}`, [], error);
      report(lane.target.name, finding);
      if (findings.length >= MOST_FINDINGS) break;
    }
    lane.runs++;
    now = performance.now();
  } while (now - from < milliseconds);
  lane.milliseconds += now - from;
}

/** Memory after rubbish was collected; sockets let go of theirs a turn later. */
async function settledMemory(): Promise<NodeJS.MemoryUsage> {
  for (let times = 0; times < 3; times++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  }
  return process.memoryUsage();
}

function report(name: string, finding: Finding): void {
  findings.push(finding);
  const inputs = finding.inputs.map(toHex);
  const stack = finding.cause instanceof Error ? `\n${finding.cause.stack}` : '';
  console.error(`FINDING in ${name}: ${finding.message}${stack}`);
  for (const hex of inputs) console.error(`  ${hex}`);
  mkdirSync('build/fuzz', { recursive: true });
  const file = `build/fuzz/${name.replace(/[^A-Za-z0-9]+/g, '-')}-${seed}-${findings.length}.json`;
  writeFileSync(file, JSON.stringify({ target: name, seed, message: finding.message, inputs }, null, 1));
}
