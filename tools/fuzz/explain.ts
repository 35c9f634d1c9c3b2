/**
 * What explains captures to people: it gets octets from anywhere, and is asked when something is wrong with them.
 * @module
 */
import { decode } from '../../src/explain/index.ts';
import { mutate } from './mutate.ts';
import { judge, type Target } from './target.ts';

/** Any octets as a capture. */
export function explainTarget(corpus: readonly Uint8Array[]): Target {
  return {
    name: 'octets explained',
    async run(chance) {
      const input = mutate(chance.pick(corpus), chance, corpus);
      try {
        await decode(input);
      } catch (error) {
        judge(error, [input]);
      }
    },
  };
}
