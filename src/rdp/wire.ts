/**
 * A conversation over a byte stream: reads one framed message at a time, writes one message per write, and ends by deadline,
 * by abort or by whatever happens to the stream, never by an unhandled event.
 * @module
 */
import type { Duplex } from 'node:stream';
import { type Frame, SspiError } from '../sspi/index.ts';

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
/** How long a refusal may take to leave before the connection is cut. */
const FAREWELL_TIMEOUT = 1_000;

/** The time that is left to an exchange, and the signal that may cut it short. */
export class Timing {
  readonly #ends: number;
  readonly #legTimeout: number;
  readonly #signal: AbortSignal | undefined;

  constructor({ deadline = DEFAULT_DEADLINE, legTimeout = DEFAULT_LEG_TIMEOUT, signal }: Patience) {
    this.#ends = performance.now() + deadline;
    this.#legTimeout = legTimeout;
    this.#signal = signal;
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

/** One end of a stream, message by message. */
export class Wire {
  readonly stream: Duplex;
  readonly #timing: Timing;
  #buffer: Uint8Array = new Uint8Array(0);
  #length = 0;
  #failure: Error | undefined;
  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
  };

  constructor(stream: Duplex, timing: Timing) {
    this.stream = stream;
    this.#timing = timing;
    stream.on('error', this.#onError);
  }

  /**
   * Reads one message.
   * @param frame - finds the end of a message; throws for what can be none, before it is all there
   * @throws SspiError CONNECTION_CLOSED, DEADLINE_EXCEEDED, and what `frame` throws; the signal's reason
   */
  read(stage: string, frame: (octets: Uint8Array) => Frame): Promise<Uint8Array> {
    return this.#timing.leg<Uint8Array>(stage, (resolve, reject) => {
      const { stream } = this;
      const closed = (): void => reject(this.#closed(stage));
      const attempt = (): void => {
        try {
          const message = this.#next(frame);
          if (message !== undefined) resolve(message);
          else if (stream.destroyed || stream.readableEnded) closed();
        } catch (error) {
          reject(error);
        }
      };
      stream.on('readable', attempt).on('end', closed).on('close', closed);
      attempt();
      return () => stream.off('readable', attempt).off('end', closed).off('close', closed);
    });
  }

  /** Writes `message` with one write: behind TLS, one record as far as it fits one (contract X4). */
  write(stage: string, message: Uint8Array): Promise<void> {
    return this.#timing.leg<void>(stage, (resolve, reject) => {
      const { stream } = this;
      const closed = (): void => reject(this.#closed(stage));
      if (stream.destroyed || !stream.writable) {
        closed();
        return () => undefined;
      }
      stream.on('close', closed);
      stream.write(message, (error) => (error ? closed() : resolve()));
      return () => stream.off('close', closed);
    });
  }

  /** Waits for work of our own, but not for ever: an account source may hang. @throws what `work` throws; as `read` */
  within<T>(stage: string, work: Promise<T>): Promise<T> {
    return this.#timing.leg<T>(stage, (resolve, reject) => {
      work.then(resolve, reject);
      return () => undefined;
    });
  }

  /** Gives the stream back as it is, with what was read too much. */
  release(): Duplex {
    if (this.#length > 0) this.stream.unshift(this.#buffer.slice(0, this.#length));
    this.#length = 0;
    this.stream.off('error', this.#onError);
    return this.stream;
  }

  /**
   * Cuts the connection, after a last word if there is one. Never fails.
   *
   * The last word is followed by an orderly end, and the peer gets a moment to read it: closing a socket on input that nobody
   * has read makes the kernel reset the connection, and the peer would lose the reason it was refused.
   */
  async end(lastWord?: Uint8Array): Promise<void> {
    const { stream } = this;
    if (lastWord !== undefined && lastWord.length > 0 && !stream.destroyed && stream.writable) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, FAREWELL_TIMEOUT);
        const done = (): void => {
          clearTimeout(timer);
          resolve();
        };
        stream.once('end', done).once('close', done);
        stream.end(lastWord);
        stream.resume();
      });
    }
    stream.destroy(); // the error listener stays: what a dying socket still reports interests nobody
  }

  /** A whole message of what has come, if there is one. */
  #next(frame: (octets: Uint8Array) => Frame): Uint8Array | undefined {
    for (;;) {
      const message = this.#cut(frame);
      if (message !== undefined) return message;
      const chunk: unknown = this.stream.read();
      if (chunk === null) return undefined;
      this.#keep(chunk);
    }
  }

  /** Grows by doubling: a peer that sends octet by octet must not cost a copy of everything for each. */
  #keep(chunk: unknown): void {
    if (!(chunk instanceof Uint8Array))
      throw new SspiError('INVALID_PARAMETER', { stage: 'stream', detail: 'it does not give octets' });
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#buffer.length, 512));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }

  #cut(frame: (octets: Uint8Array) => Frame): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    const found = frame(this.#buffer.subarray(0, this.#length));
    if ('missing' in found) return undefined;
    const message = this.#buffer.slice(0, found.whole);
    this.#buffer.copyWithin(0, found.whole, this.#length);
    this.#length -= found.whole;
    return message;
  }

  #closed(stage: string): SspiError {
    return new SspiError('CONNECTION_CLOSED', { stage, detail: this.#failure?.message, cause: this.#failure });
  }
}
