/**
 * `npm run bench [-- --json] [--only NAME]`: the figures, each with its bar and how far it is from it. Ratios compare what ran in
 * turns within this run; absolute numbers are those of the machine that it ran on.
 * @module
 */
import { cpus, loadavg } from 'node:os';
import { distance, type Figure, round } from './figure.ts';
import { credsspHandshake, ntlmHandshake } from './handshakes.ts';
import { kerberos } from './kerberos.ts';
import { contextMemory } from './memory.ts';
import { ntlmSeal, stream } from './throughput.ts';

const json = process.argv.includes('--json');
const only = process.argv.includes('--only') ? process.argv[process.argv.indexOf('--only') + 1] : undefined;
const benchmarks: Readonly<Record<string, () => Promise<Figure | readonly Figure[]> | Figure>> = {
  'credssp-rsa': () => credsspHandshake('rsa'),
  'credssp-ec': () => credsspHandshake('ec'),
  ntlm: ntlmHandshake,
  'ntlm-seal': ntlmSeal,
  kerberos,
  stream,
  memory: contextMemory,
};

const figures: Figure[] = [];
for (const [name, benchmark] of Object.entries(benchmarks)) {
  if (only !== undefined && name !== only) continue;
  const found = [await benchmark()].flat();
  figures.push(...found);
  if (!json) for (const figure of found) print(figure);
}
if (figures.length === 0) {
  console.error(`there are: ${Object.keys(benchmarks).join(', ')}`);
  process.exit(2);
}
if (json) {
  const rows = figures.map((figure) => ({
    ...figure,
    value: round(figure.value),
    ofBar: round(distance(figure)),
    detail: Object.fromEntries(Object.entries(figure.detail).map(([name, value]) => [name, round(value)])),
  }));
  console.log(
    JSON.stringify({ node: process.version, processor: cpus()[0]?.model, load: loadavg(), figures: rows }, null, 2),
  );
}
process.exit(0);

function print(figure: Figure): void {
  const { name, value, unit, bar, better, detail, missing } = figure;
  const sign = better === 'more' ? '>=' : '<=';
  console.log(
    `${name}\n    ${round(value)} ${unit}   bar ${sign} ${bar} ${unit}   ${round(distance(figure))} of the bar`,
  );
  for (const [what, number] of Object.entries(detail)) console.log(`    ${what}: ${round(number)}`);
  if (missing !== undefined) console.log(`    MISSING: ${missing}`);
}
