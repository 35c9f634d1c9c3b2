/**
 * The far end of a TLS engine: a stream that leads nowhere. What is pushed in, OpenSSL reads at once; what OpenSSL writes is
 * kept until somebody takes it.
 * @module
 */
import { Duplex } from 'node:stream';

/** Octets in, octets out, no I/O. */
export class Wire extends Duplex {
  #written: Uint8Array[] = [];
  #length = 0;

  constructor() {
    // The marks only steer back-pressure, which nothing here obeys; low ones keep streams from reserving anything.
    super({ readableHighWaterMark: 1, writableHighWaterMark: 1 });
  }

  override _read(): void {
    // Input comes by push, never on demand.
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.#keep(chunk);
    done();
  }

  override _writev(chunks: { chunk: Uint8Array }[], done: () => void): void {
    for (const { chunk } of chunks) this.#keep(chunk);
    done();
  }

  #keep(chunk: Uint8Array): void {
    this.#written.push(chunk);
    this.#length += chunk.length;
  }

  /** How many octets wait to be taken. */
  get pending(): number {
    return this.#length;
  }

  /** Everything that was written since the last call, in memory of its own. */
  takeWritten(): Uint8Array {
    const taken = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#written) {
      taken.set(chunk, at);
      at += chunk.length;
    }
    this.#written = [];
    this.#length = 0;
    return taken;
  }
}
