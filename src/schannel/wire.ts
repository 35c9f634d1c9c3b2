/**
 * The far end of a TLS engine: a stream that leads nowhere. What is pushed in, OpenSSL reads at once; what OpenSSL writes is
 * kept until somebody takes it.
 * @module
 */
import { Buffer } from 'node:buffer';
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
