/**
 * One logon over RDP, with everything on the timeline as it happens.
 * @module
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Host } from '../host/index.ts';
import { type ConnectNlaOptions, connectNla } from '../rdp/index.ts';
import { watchingKdcs } from './kdc-watch.ts';
import { UsageError } from './terminal.ts';
import { stepOf, type TimelineEvent, type TimelineStep } from './timeline.ts';
import { failureVerdict, type Verdict, verdictOf } from './verdict.ts';

/** How it went. */
export interface LogonRun {
  readonly steps: readonly TimelineStep[];
  readonly verdict: Verdict;
  readonly milliseconds: number;
}

/** Who listens. */
export interface LogonListener {
  readonly onStep?: ((step: TimelineStep) => void) | undefined;
  readonly onEvent?: ((event: TimelineEvent) => void) | undefined;
  /** The messages of the mechanisms inside TSRequests as well. */
  readonly inDetail?: boolean | undefined;
}

/** How long the server may take over its goodbye. */
const FAREWELL = 500;

/**
 * Logs on, and hangs up again.
 * @throws the reason of the signal when that is aborted; the UsageError of a listener
 */
export async function runLogon(
  options: ConnectNlaOptions & { readonly platform: Host },
  { onStep, onEvent, inDetail }: LogonListener = {},
): Promise<LogonRun> {
  const started = performance.now();
  const elapsed = (): number => performance.now() - started;
  const steps: TimelineStep[] = [];
  const observe = (event: TimelineEvent): void => {
    onEvent?.(event);
    const step = stepOf(event, inDetail);
    if (step === undefined) return;
    steps.push(step);
    onStep?.(step);
  };
  const platform = watchingKdcs(options.platform, observe, elapsed);
  try {
    const connection = await connectNla({ ...options, platform, observe });
    const milliseconds = Math.round(elapsed());
    await hangUp(connection.stream);
    return { steps, verdict: verdictOf(connection), milliseconds };
  } catch (error) {
    if (options.signal?.aborted === true) throw options.signal.reason;
    if (error instanceof UsageError) throw error; // of a listener, who cannot go on
    return { steps, verdict: failureVerdict(error), milliseconds: Math.round(elapsed()) };
  }
}

/** In order: the other side is not to take it for an attack. */
async function hangUp(stream: Duplex): Promise<void> {
  const closed = once(stream, 'close').catch(() => undefined);
  stream.on('error', () => undefined).resume();
  stream.end();
  const timer = setTimeout(() => stream.destroy(), FAREWELL);
  await closed;
  clearTimeout(timer);
}
