/**
 * What has come and is not taken yet: a message may come in pieces, and more than one at once.
 * @module
 */
import type { Frame } from '../sspi/index.ts';

/** Octets, until they make a message. */
export class Inbox {
  #buffer: Uint8Array = new Uint8Array(0);
  #length = 0;

  /** Grows by doubling: a peer that sends octet by octet must not cost a copy of everything for each. */
  keep(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, 2 * this.#buffer.length, 512));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }

  /**
   * Takes a whole message, if one is there.
   * @throws what `frame` throws
   */
  cut(frame: (octets: Uint8Array) => Frame): Uint8Array | undefined {
    if (this.#length === 0) return undefined;
    const found = frame(this.#buffer.subarray(0, this.#length));
    if ('missing' in found) return undefined;
    const message = this.#buffer.slice(0, found.whole);
    this.#buffer.copyWithin(0, found.whole, this.#length);
    this.#length -= found.whole;
    return message;
  }

  /** Takes everything. */
  rest(): Uint8Array {
    const rest = this.#buffer.slice(0, this.#length);
    this.#length = 0;
    return rest;
  }
}
