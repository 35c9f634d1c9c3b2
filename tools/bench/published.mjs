/**
 * Lets the benchmarks measure what users run: what they import from `src/*.ts` comes from `dist/*.js`, as `tsc` has emitted it.
 * `tsx`, which runs TypeScript for our tools, names every inner closure each time one is made, and that costs the code with the
 * most of them several percent.
 *
 *     node --import tsx --import ./tools/bench/published.mjs tools/bench/main.ts
 */
import { register } from 'node:module';

/** Runs in a thread of its own, before the hooks of `tsx`. */
const hook = `
let root;
export function initialize(url) { root = url; }
export function resolve(specifier, context, next) {
  if (specifier === '#crypto') return next(root + 'dist/crypto/node.js', context);
  const url = specifier.startsWith('.') && context.parentURL !== undefined ? new URL(specifier, context.parentURL).href : '';
  const source = root + 'src/';
  if (!url.startsWith(source)) return next(specifier, context);
  return next(root + 'dist/' + url.slice(source.length).replace(/\\.ts$/u, '.js'), context);
}`;

register(`data:text/javascript,${encodeURIComponent(hook)}`, { data: new URL('../../', import.meta.url).href });
