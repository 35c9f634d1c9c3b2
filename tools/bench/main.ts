/**
 * `npm run bench [-- --json]`: the figures, each with its bar and how far it is from it. Ratios compare what ran in turns within this
 * run; absolute numbers are those of the machine that it ran on.
 * @module
 */
import { cpus } from 'node:os';
import { distance, type Figure, round } from './figure.ts';
import { credsspHandshake, ntlmHandshake } from './handshakes.ts';
import { contextMemory } from './memory.ts';
import { ntlmSeal, stream } from './throughput.ts';

const json = process.argv.includes('--json');
const benchmarks: readonly (() => Promise<Figure> | Figure)[] = [
  () => credsspHandshake('rsa'),
  () => credsspHandshake('ec'),
  ntlmHandshake,
  ntlmSeal,
  stream,
  contextMemory,
];

const figures: Figure[] = [];
for (const benchmark of benchmarks) {
  const figure = await benchmark();
  figures.push(figure);
  if (!json) print(figure);
}
if (json) {
  const rows = figures.map((figure) => ({
    ...figure,
    value: round(figure.value),
    ofBar: round(distance(figure)),
    detail: Object.fromEntries(Object.entries(figure.detail).map(([name, value]) => [name, round(value)])),
  }));
  console.log(JSON.stringify({ node: process.version, processor: cpus()[0]?.model, figures: rows }, null, 2));
}
process.exit(0);

function print(figure: Figure): void {
  const { name, value, unit, bar, better, detail } = figure;
  const sign = better === 'more' ? '>=' : '<=';
  console.log(
    `${name}\n    ${round(value)} ${unit}   bar ${sign} ${bar} ${unit}   ${round(distance(figure))} of the bar`,
  );
  for (const [what, number] of Object.entries(detail)) console.log(`    ${what}: ${round(number)}`);
}
