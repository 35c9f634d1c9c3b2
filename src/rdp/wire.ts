/**
 * A conversation over a byte stream: reads one framed message at a time, writes one message per write, and ends by deadline,
 * by abort or by whatever happens to the stream, never by an unhandled event.
 * @module
 */
import type { Duplex } from 'node:stream';
import { type Frame, SspiError } from '../sspi/index.ts';
import type { Line } from './logon.ts';
import type { Timing } from './timing.ts';

/** How long a refusal may take to leave before the connection is cut. */
const FAREWELL_TIMEOUT = 1_000;

/** One end of a stream, message by message. */
export class Wire implements Line {
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
