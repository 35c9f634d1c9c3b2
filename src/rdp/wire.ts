/**
 * A conversation over a byte stream: reads one framed message at a time, writes one message per write, and ends by deadline,
 * by abort or by whatever happens to the stream, never by an unhandled event.
 * @module
 */
import type { Duplex } from 'node:stream';
import { type Frame, SspiError } from '../sspi/index.ts';
import { Inbox } from './inbox.ts';
import type { Line } from './logon.ts';
import type { Timing } from './timing.ts';

/** How long a refusal may take to leave before the connection is cut. */
const FAREWELL_TIMEOUT = 1_000;

/** One end of a stream, message by message. */
export class Wire implements Line {
  readonly stream: Duplex;
  readonly #timing: Timing;
  readonly #inbox = new Inbox();
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
    return this.#timing.within(stage, work);
  }

  /** Gives the stream back as it is, with what was read too much. */
  release(): Duplex {
    const rest = this.#inbox.rest();
    if (rest.length > 0) this.stream.unshift(rest);
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
      const message = this.#inbox.cut(frame);
      if (message !== undefined) return message;
      const chunk: unknown = this.stream.read();
      if (chunk === null) return undefined;
      if (!(chunk instanceof Uint8Array))
        throw new SspiError('INVALID_PARAMETER', { stage: 'stream', detail: 'it does not give octets' });
      this.#inbox.keep(chunk);
    }
  }

  #closed(stage: string): SspiError {
    return new SspiError('CONNECTION_CLOSED', { stage, detail: this.#failure?.message, cause: this.#failure });
  }
}
