/**
 * Asking several addresses, each a little later than the one before, until one answers.
 * @module
 */
import type { KdcAddress, Timer } from '../../host/index.ts';

/**
 * What an answer is worth: `answer` ends the race; `too-big` asks for TCP; `unavailable` counts when nobody says anything
 * better; `garbage` is none.
 */
export type Verdict = 'answer' | 'too-big' | 'unavailable' | 'garbage';

/** An address that gave no answer, and why. */
export interface Failure {
  readonly address: KdcAddress;
  readonly cause: unknown;
}

/** How a race ended. `reason`: what ended it before all addresses had failed. */
export type RaceOutcome =
  | { readonly reply: Uint8Array; readonly address: KdcAddress; readonly failures: readonly Failure[] }
  | { readonly failures: readonly Failure[]; readonly reason?: unknown };

/** See {@link raceAddresses}. Times in milliseconds. */
export interface RaceOptions {
  addresses(signal: AbortSignal): Promise<readonly KdcAddress[]>;
  send(address: KdcAddress, signal: AbortSignal): Promise<Uint8Array>;
  judge(reply: Uint8Array): Verdict;
  readonly timer: Timer;
  readonly patience: number;
  readonly perTry: number;
  readonly total: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs a race. It ends when its time is over even if the transport does not: nothing here waits for a promise of the transport
 * that was told to abort.
 */
export function raceAddresses(options: RaceOptions): Promise<RaceOutcome> {
  return new Promise((resolve) => new Race(options, resolve).start());
}

/** One attempt under way. */
interface Attempt {
  readonly address: KdcAddress;
  readonly abort: AbortController;
  readonly stopClock: () => void;
  /** Whether another address was asked because this one took too long. */
  isSlow: boolean;
}

class Race {
  readonly #options: RaceOptions;
  readonly #resolve: (outcome: RaceOutcome) => void;
  readonly #whole = new AbortController();
  readonly #running = new Set<Attempt>();
  readonly #failures: Failure[] = [];
  readonly #stopTotal: () => void;
  #waiting: KdcAddress[] = [];
  #second: { reply: Uint8Array; address: KdcAddress } | undefined;
  #stopPatience: () => void = () => undefined;
  #over = false;

  constructor(options: RaceOptions, resolve: (outcome: RaceOutcome) => void) {
    this.#options = options;
    this.#resolve = resolve;
    const { timer, total } = options;
    this.#stopTotal = timer.after(total, () => this.#end({ reason: new Error(`no answer within ${total} ms`) }));
  }

  start(): void {
    const { signal, addresses } = this.#options;
    if (signal?.aborted === true) {
      this.#end({ reason: signal.reason });
      return;
    }
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    addresses(this.#whole.signal).then(
      (found) => {
        this.#waiting = [...found];
        this.#next();
      },
      (reason: unknown) => this.#end({ reason }),
    );
  }

  readonly #onAbort = (): void => this.#end({ reason: this.#options.signal?.reason });

  /** Asks the next address; when there is none left and none under way, the race is lost. */
  #next(): void {
    if (this.#over) return;
    this.#stopPatience();
    const address = this.#waiting.shift();
    if (address === undefined) {
      if (this.#running.size === 0) this.#end(this.#second ?? {});
      return;
    }
    const attempt = this.#ask(address);
    this.#stopPatience = this.#options.timer.after(this.#options.patience, () => {
      attempt.isSlow = true;
      this.#next();
    });
  }

  #ask(address: KdcAddress): Attempt {
    const { timer, perTry, send } = this.#options;
    const abort = new AbortController();
    const silence = new Error(`no answer within ${perTry} ms`);
    const stopClock = timer.after(perTry, () => this.#fail(attempt, silence));
    const attempt: Attempt = { address, abort, stopClock, isSlow: false };
    this.#running.add(attempt);
    send(address, abort.signal).then(
      (reply) => this.#judge(attempt, reply),
      (cause: unknown) => this.#fail(attempt, cause),
    );
    return attempt;
  }

  #judge(attempt: Attempt, reply: Uint8Array): void {
    if (!this.#running.has(attempt)) return; // too late
    const { address } = attempt;
    switch (this.#options.judge(reply)) {
      case 'answer':
        this.#end({ reply, address });
        break;
      case 'unavailable':
        this.#second ??= { reply, address };
        this.#fail(attempt, new Error('KDC_ERR_SVC_UNAVAILABLE'));
        break;
      case 'garbage':
        this.#fail(attempt, new Error('the answer is no message of Kerberos'));
        break;
      case 'too-big':
        if (address.protocol === 'udp') {
          this.#askOverTcp(address);
          this.#drop(attempt);
        } else {
          this.#fail(attempt, new Error('KRB_ERR_RESPONSE_TOO_BIG'));
        }
    }
  }

  /** RFC 4120 7.2.1: the answer does not fit into a datagram. The KDC is there, so it goes first. */
  #askOverTcp({ host, port }: { readonly host: string; readonly port: number }): void {
    this.#waiting = this.#waiting.filter((one) => !(one.protocol === 'tcp' && one.host === host && one.port === port));
    this.#waiting.unshift({ protocol: 'tcp', host, port });
  }

  #fail(attempt: Attempt, cause: unknown): void {
    if (!this.#running.has(attempt)) return;
    this.#failures.push({ address: attempt.address, cause });
    this.#drop(attempt);
  }

  #drop(attempt: Attempt): void {
    this.#running.delete(attempt);
    attempt.stopClock();
    attempt.abort.abort();
    this.#next();
  }

  #end(outcome: { reply: Uint8Array; address: KdcAddress } | { reason?: unknown }): void {
    if (this.#over) return;
    this.#over = true;
    this.#stopTotal();
    this.#stopPatience();
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#whole.abort();
    const winner = 'address' in outcome ? outcome.address : undefined;
    for (const { address, abort, stopClock, isSlow } of this.#running) {
      stopClock();
      abort.abort();
      if (isSlow && address !== winner) this.#failures.push({ address, cause: new Error('no answer') });
    }
    this.#running.clear();
    this.#resolve({ ...outcome, failures: this.#failures });
  }
}
