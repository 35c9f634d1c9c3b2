/**
 * What explains captures to people: it gets octets from anywhere, and is asked when something is wrong with them.
 * @module
 */
import { decode, Recorder, replay } from '../../src/explain/index.ts';
import type { Host } from '../../src/host/index.ts';
import type { SecurityContext } from '../../src/sspi/index.ts';
import { converse } from '../lab/converse.ts';
import { mutate } from './mutate.ts';
import type { Chance } from './random.ts';
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

/** A trace that somebody changed, and the client that it is of once more. */
export async function traceTarget(
  client: (host: Host) => SecurityContext,
  server: SecurityContext,
  host: Host,
): Promise<Target> {
  const lines: string[] = [];
  const recorder = new Recorder({ host, write: (line) => lines.push(line), replayable: true });
  recorder.begin();
  const recorded = recorder.watch(client(recorder.host));
  await converse(recorded, server);
  const trace = new TextEncoder().encode(lines.join('\n'));
  return {
    name: 'trace replayed',
    async run(chance: Chance) {
      const input = mutate(trace, chance, [trace]);
      try {
        await replay(new TextDecoder().decode(input), client);
      } catch (error) {
        judge(error, [input]);
      }
    },
  };
}
