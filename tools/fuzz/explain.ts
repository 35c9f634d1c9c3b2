/**
 * What explains captures to people, and what replays them: it gets octets from anywhere, and is asked when something is wrong with
 * them.
 * @module
 */
import { decode, Recorder, type Replay, replay } from '../../src/explain/index.ts';
import type { Host } from '../../src/host/index.ts';
import type { SecurityContext } from '../../src/sspi/index.ts';
import { converse } from '../lab/converse.ts';
import { NOW } from './exchanges.ts';
import { mutate } from './mutate.ts';
import type { Chance } from './random.ts';
import { Finding, judge, type Target } from './target.ts';

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

/** Both sides of an exchange, each with a host of its own. */
export interface Sides {
  client(host: Host): SecurityContext | Promise<SecurityContext>;
  server(host: Host): SecurityContext;
  /** For both while they are recorded; with the way to a KDC, if there is one. Default: chance. */
  readonly host?: Host | undefined;
}

/**
 * A trace that somebody changed, read and replayed. It may be refused, or go another way; what it may not is fail otherwise. One that
 * nobody changed is the same again.
 */
export async function replayTarget(name: string, sides: Sides, chance: Chance): Promise<Target> {
  const lines = await recorded(sides, chance);
  const client = (host: Host): SecurityContext | Promise<SecurityContext> => sides.client(host);
  const untouched = await replay(lines.join('\n'), client);
  if (untouched.kind !== 'same') throw new Finding(`${name}: not the same without interference`, octetsOf(lines));
  return {
    name,
    async run(chance) {
      const text = changed(lines, chance);
      try {
        assertKnown(await replay(text, client), [utf8.encode(text)]);
      } catch (error) {
        judge(error, [utf8.encode(text)]);
      }
    },
  };
}

async function recorded(sides: Sides, chance: Chance): Promise<string[]> {
  const lines: string[] = [];
  const host = sides.host ?? chance.host(NOW);
  const recorder = new Recorder({ host, write: (line) => lines.push(line), replayable: true });
  recorder.begin();
  const [client, server] = [await sides.client(recorder.host), sides.server(host)];
  try {
    await converse(recorder.watch(client), server);
  } finally {
    client.dispose();
    server.dispose();
  }
  return lines;
}

/** Something that was not drawn then is INTERNAL_ERROR to the context that asked for it, and the replay says so. */
function assertKnown(outcome: Replay, inputs: readonly Uint8Array[]): void {
  if (outcome.kind === 'differs' && outcome.difference.kind === 'draw') return;
  if (outcome.error !== undefined) judge(outcome.error, inputs);
}

/** A line less, twice or elsewhere; octets of a message or of chance; or just any octet of the text. */
function changed(lines: readonly string[], chance: Chance): string {
  const at = chance.below(lines.length);
  const line = lines[at] ?? '';
  switch (chance.below(5)) {
    case 0:
      return lines.toSpliced(at, 1).join('\n');
    case 1:
      return lines.toSpliced(chance.below(lines.length + 1), 0, line).join('\n');
    case 2:
      return new TextDecoder().decode(mutate(utf8.encode(lines.join('\n')), chance, octetsOf(lines)));
    case 3:
      return lines
        .with(
          at,
          line.replace(/\d+/u, () => chance.pick(NUMBERS)),
        )
        .join('\n');
    default:
      return lines.with(at, withOtherOctets(line, chance)).join('\n');
  }
}

/** Numbers at which parsers and calendars break. */
const NUMBERS = ['-1', '0', '0.5', '1e999', '8640000000000001', '9007199254740993', '-8640000000000001'] as const;

/** A message, also of a KDC, whose size fits, so that the exchange gets to see it. */
function withOtherOctets(line: string, chance: Chance): string {
  return line.replace(/"(octets|answer)":"([0-9a-f]*)"/u, (_, name: string, digits: string) => {
    const before = Uint8Array.from(Buffer.from(digits, 'hex'));
    const octets = mutate(before, chance, [before]);
    return `"${name}":"${Buffer.from(octets).toString('hex')}","size":${octets.length}`;
  });
}

const utf8 = new TextEncoder();

function octetsOf(lines: readonly string[]): Uint8Array[] {
  return lines.map((line) => utf8.encode(line));
}
