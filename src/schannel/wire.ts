/**
 * The far end of a TLS engine: a stream that leads nowhere. What is pushed in, OpenSSL reads at once; what OpenSSL writes is
 * kept until somebody takes it.
 * @module
 */
import { Buffer } from 'node:buffer';
import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers';

type Callback = (error: Error | null | undefined) => void;

/** Octets in, octets out, no I/O. */
export class Wire extends Duplex {
  #written: Uint8Array[] = [];
  #length = 0;
  #underWay = 0;
  readonly #left = (): void => {
    this.#underWay--;
  };

  constructor() {
    // The marks only steer back-pressure, which nothing here obeys; low ones keep streams from reserving anything.
    super({ readableHighWaterMark: 1, writableHighWaterMark: 1 });
  }

  override _read(): void {
    // Input comes by push, never on demand.
  }

  /**
   * Takes octets without the detours of streams that wait for something. The runtime's TLS believes in the end of a write one
   * turn of the event loop after its callback, and holds further output back until then: {@link busy}.
   */
  override write(chunk: Uint8Array, encoding?: BufferEncoding | Callback, callback?: Callback): boolean {
    this.#written.push(chunk);
    this.#length += chunk.length;
    const done = typeof encoding === 'function' ? encoding : callback;
    done?.(null);
    this.#underWay++;
    setImmediate(this.#left);
    return true;
  }

  /** Whether a write is not over yet for the runtime. */
  get busy(): boolean {
    return this.#underWay > 0;
  }

  /** How many octets wait to be taken. */
  get pending(): number {
    return this.#length;
  }

  /** Everything that was written since the last call, in memory of its own. */
  takeWritten(): Uint8Array {
    const chunks = this.#written;
    const [only] = chunks;
    const length = this.#length;
    this.#written = [];
    this.#length = 0;
    // The runtime made each chunk for this stream alone; mostly there is only one.
    if (only !== undefined && chunks.length === 1) return new Uint8Array(only.buffer, only.byteOffset, only.length);
    // Not from the pool, which all Buffers share, and not zeroed, as every octet of it is about to be written.
    const taken = Buffer.allocUnsafeSlow(length);
    let at = 0;
    for (const chunk of chunks) {
      taken.set(chunk, at);
      at += chunk.length;
    }
    return new Uint8Array(taken.buffer, taken.byteOffset, length);
  }
}
