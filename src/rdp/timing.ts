/**
 * How long a logon may take: as a whole, for each message of the peer, and until somebody calls it off.
 * @module
 */
import { SspiError } from '../sspi/index.ts';

/** How long a peer may take. */
export interface Patience {
  /** Milliseconds for everything until the logon is over. Default 30,000. */
  readonly deadline?: number | undefined;
  /** Milliseconds for one message of the peer, however many pieces it comes in. Default 10,000. */
  readonly legTimeout?: number | undefined;
  /** Gives up when it is aborted: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_DEADLINE = 30_000;
const DEFAULT_LEG_TIMEOUT = 10_000;
/** The time that is left to an exchange, and the signal that may cut it short. */
export class Timing {
  readonly #ends: number;
  readonly #legTimeout: number;
  readonly #signal: AbortSignal | undefined;
  readonly #began = performance.now();

  constructor({ deadline = DEFAULT_DEADLINE, legTimeout = DEFAULT_LEG_TIMEOUT, signal }: Patience) {
    this.#ends = this.#began + deadline;
    this.#legTimeout = legTimeout;
    this.#signal = signal;
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return performance.now() - this.#began;
  }

  /** Waits for work that is under way, but not for ever. @throws what `work` throws; as {@link leg} */
  within<T>(stage: string, work: Promise<T>): Promise<T> {
    work.catch(() => undefined); // it may fail when nobody waits any longer
    return this.leg<T>(stage, (resolve, reject) => {
      work.then(resolve, reject);
      return () => undefined;
    });
  }

  /**
   * Runs one leg.
   * @param start - begins the work and returns what stops it again
   * @throws SspiError DEADLINE_EXCEEDED; the signal's reason
   */
  leg<T>(
    stage: string,
    start: (resolve: (value: T) => void, reject: (reason: unknown) => void) => () => void,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const signal = this.#signal;
      const left = this.#ends - performance.now();
      const limit = Math.max(0, Math.min(left, this.#legTimeout));
      let stop: (() => void) | undefined;
      let over = false;
      const settle = (finish: () => void): void => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        stop?.();
        finish();
      };
      const abort = (): void => settle(() => reject(signal?.reason));
      const detail =
        left < this.#legTimeout ? 'the deadline of the whole logon' : `${this.#legTimeout} ms for one message`;
      const timer = setTimeout(
        () => settle(() => reject(new SspiError('DEADLINE_EXCEEDED', { stage, detail }))),
        limit,
      );
      if (signal?.aborted) return abort();
      signal?.addEventListener('abort', abort, { once: true });
      stop = start(
        (value) => settle(() => resolve(value)),
        (reason) => settle(() => reject(reason)),
      );
      if (over) stop();
    });
  }
}
