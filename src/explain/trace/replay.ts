/**
 * Runs a recorded exchange once more: the same clock, the same random octets, the same answers of everybody else. Whoever does what he
 * did then says what he said then, octet for octet.
 * @module
 */
import { equalInConstantTime, sha256, toHex } from '../../crypto/index.ts';
import { type Files, type Host, systemTimer, type Timer } from '../../host/index.ts';
import { asSspiError, type SecurityContext, SspiError } from '../../sspi/index.ts';
import type { Side } from '../observations.ts';
import { printable } from '../text.ts';
import { readTrace, type Trace, type TraceDraw, type TraceMessage } from './lines.ts';
import { differingParts } from './summary.ts';

/** Where a replay went another way than the recording. */
export type Difference =
  | {
      readonly kind: 'octets';
      /** The first octet that is not the same, from 0 on; the shorter one's length when it is the beginning of the other. */
      readonly offset: number;
      /** The parts of the recorded message that are not the same, in their order. */
      readonly parts: readonly string[];
    }
  /** A message of which only the SHA-256 was recorded has another one. */
  | { readonly kind: 'digest' }
  /** Something was said then, and nothing is said now. */
  | { readonly kind: 'silence' }
  /** Nothing was said then, and something is said now. */
  | { readonly kind: 'speech' }
  /** Something was asked for that was not asked for then. */
  | { readonly kind: 'draw'; readonly detail: string };

/** What a replay comes to. */
export type Replay =
  | {
      readonly kind: 'same';
      /** Messages of our side that were compared. */
      readonly compared: number;
      readonly state: SecurityContext['state'];
      /** How the exchange failed, if it did, then as now. */
      readonly error: SspiError | undefined;
    }
  | {
      readonly kind: 'differs';
      /** The message at which it shows, from 1 on; one more than there are when the recording is over. */
      readonly message: number;
      readonly summary: string;
      readonly difference: Difference;
      /** What our side says to it, if it failed. */
      readonly error: SspiError | undefined;
    };

/** What a replay does not have in the trace. */
export interface ReplayOptions {
  /** Keytabs, credential caches and configuration are read again. */
  readonly files?: Files | undefined;
  readonly timer?: Timer | undefined;
}

/**
 * Replays a trace.
 * @param trace - as a `Recorder` wrote it, with `replayable`
 * @param start - makes the same context as then, of the same credentials, with the host that it is given
 * @throws SspiError FILE_MALFORMED for what is no trace, or none that can be replayed; what `start` throws
 * @example
 * const outcome = await replay(lines.join('\n'), async (host) => {
 *   const credential = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
 *   return credential.initiate({ flags, targetName, host });
 * });
 * if (outcome.kind === 'differs') console.log(outcome.message, outcome.difference);
 */
export async function replay(
  trace: string | Trace,
  start: (host: Host) => SecurityContext | Promise<SecurityContext>,
  options: ReplayOptions = {},
): Promise<Replay> {
  const recorded = typeof trace === 'string' ? readTrace(trace) : trace;
  if (!recorded.header.replayable)
    throw new SspiError('FILE_MALFORMED', { stage: 'trace', detail: 'it was not recorded to be replayed' });
  const past = new Past(recorded.draws, options);
  let context: SecurityContext;
  try {
    context = await start(past.host);
  } catch (error) {
    if (past.divergence === undefined) throw error;
    const summary = recorded.messages[0]?.summary ?? THE_END;
    const difference = { kind: 'draw', detail: past.divergence } as const;
    return { kind: 'differs', message: 1, summary, difference, error: asSspiError(error) };
  }
  try {
    return await run(context, recorded.messages, past);
  } finally {
    context.dispose();
  }
}

const THE_END = 'the end of the recording';

async function run(context: SecurityContext, messages: readonly TraceMessage[], past: Past): Promise<Replay> {
  const own = context.role === 'initiator' ? 'client' : 'server';
  let compared = 0;
  let failure: SspiError | undefined;
  const say = async (input?: Uint8Array): Promise<Uint8Array> => {
    try {
      const step = await context.step(input);
      return 'token' in step ? step.token : EMPTY;
    } catch (error) {
      failure = asSspiError(error);
      return failure.token ?? EMPTY;
    }
  };
  const differs = (index: number, difference: Difference): Replay => {
    const detail = past.divergence;
    return {
      kind: 'differs',
      message: index + 1,
      summary: messages[index]?.summary ?? THE_END,
      difference: detail === undefined ? difference : { kind: 'draw', detail },
      error: failure,
    };
  };

  let said: Uint8Array = own === 'client' ? await say() : EMPTY;
  for (const [index, message] of messages.entries()) {
    if (message.from === own) {
      const difference = said.length === 0 ? ({ kind: 'silence' } as const) : compare(message, said);
      if (difference !== undefined || past.divergence !== undefined)
        return differs(index, difference ?? { kind: 'silence' });
      compared++;
      said = EMPTY;
    } else {
      if (said.length > 0) return differs(index, { kind: 'speech' });
      if (!('octets' in message.content)) {
        // The credentials that the peer sealed were left out. What came before them was compared; more cannot be.
        if (messages.slice(index).some(({ from }) => from === own)) throw notReplayable(index + 1);
        break;
      }
      said = await say(message.content.octets);
    }
  }
  if (said.length > 0) return differs(messages.length, { kind: 'speech' });
  if (past.divergence !== undefined) return differs(messages.length, { kind: 'silence' });
  return { kind: 'same', compared, state: context.state, error: failure };
}

const EMPTY = new Uint8Array(0);

function compare({ content, from }: TraceMessage, said: Uint8Array): Difference | undefined {
  if ('sha256' in content) return content.sha256 === toHex(sha256(said)) ? undefined : { kind: 'digest' };
  return compareOctets(content.octets, said, from);
}

function compareOctets(recorded: Uint8Array, said: Uint8Array, from: Side): Difference | undefined {
  if (equalInConstantTime(recorded, said)) return undefined;
  const shorter = Math.min(recorded.length, said.length);
  let offset = 0;
  while (offset < shorter && recorded[offset] === said[offset]) offset++;
  return { kind: 'octets', offset, parts: differingParts(recorded, said, from) };
}

function notReplayable(message: number): SspiError {
  return new SspiError('FILE_MALFORMED', { stage: 'trace', detail: `message ${message} of the peer was left out` });
}

/** The world as it was. */
class Past {
  readonly host: Host;
  /** What was asked for that had not been asked for then; the first of it. */
  divergence: string | undefined;
  readonly #clock: number[];
  readonly #random: Uint8Array[];
  readonly #kdc: (TraceDraw & { readonly kind: 'kdc' })[];
  readonly #dns: (TraceDraw & { readonly kind: 'dns' })[];
  #now = 0;

  constructor(draws: readonly TraceDraw[], { files, timer = systemTimer }: ReplayOptions) {
    this.#clock = draws.flatMap((draw) => (draw.kind === 'clock' ? draw.values : []));
    this.#random = draws.flatMap((draw) => (draw.kind === 'random' ? [draw.octets] : []));
    this.#kdc = draws.filter((draw) => draw.kind === 'kdc');
    this.#dns = draws.filter((draw) => draw.kind === 'dns');
    this.host = {
      clock: { now: () => this.#time() },
      random: { bytes: (length) => this.#octets(length) },
      kdcTransport: { exchange: async ({ message }) => this.#answer(message) },
      dns: { srv: async (name) => this.#records(name) },
      files,
      timer,
    };
  }

  /** After the last reading time stands still. */
  #time(): number {
    this.#now = this.#clock.shift() ?? this.#now;
    return this.#now;
  }

  #octets(length: number): Uint8Array {
    const octets = this.#random.shift();
    if (octets?.length === length) return octets.slice();
    throw this.#diverge(
      octets === undefined
        ? `${length} more random octets than then`
        : `${length} random octets, where it were ${octets.length}`,
    );
  }

  #answer(message: Uint8Array): Uint8Array {
    const exchange = this.#kdc.shift();
    if (exchange === undefined) throw this.#diverge('a question to a KDC that was not asked then');
    const difference = compareOctets(exchange.request, message, 'client');
    if (difference?.kind === 'octets')
      throw this.#diverge(`another question to ${printable(exchange.to)}: not the same ${difference.parts.join(', ')}`);
    if (exchange.answer instanceof Uint8Array) return exchange.answer;
    throw new Error(printable(exchange.answer.failed));
  }

  #records(name: string): (TraceDraw & { readonly kind: 'dns' })['records'] {
    const asked = this.#dns.shift();
    if (asked?.name === name) return asked.records;
    throw this.#diverge(`a question to the DNS for ${printable(name)}`);
  }

  #diverge(detail: string): SspiError {
    this.divergence ??= detail;
    return new SspiError('INTERNAL_ERROR', { stage: 'replay', detail });
  }
}
