/**
 * A writer of DER that works from back to front: when a header is written its length is known, and nothing is ever moved.
 * @module
 */

const INITIAL_SIZE = 1024;
/** A larger buffer is not kept for the next message. */
const LARGEST_SPARE = 16 * 1024;

/** Collects octets from the last to the first. */
export class Writer {
  #octets = new Uint8Array(INITIAL_SIZE);
  #start = INITIAL_SIZE;

  /** How many octets there are by now. */
  get size(): number {
    return this.#octets.length - this.#start;
  }

  /** Puts one octet in front. */
  octet(value: number): void {
    if (this.#start === 0) this.#grow(1);
    this.#octets[--this.#start] = value;
  }

  /** Puts octets in front. */
  put(part: Uint8Array): void {
    if (this.#start < part.length) this.#grow(part.length);
    this.#start -= part.length;
    this.#octets.set(part, this.#start);
  }

  /** Puts identifier and length octets in front of all that was written since `size` was `before`. */
  header(tag: number, before: number): void {
    const length = this.size - before;
    if (length < 0x80) {
      this.octet(length);
    } else {
      let count = 0;
      for (let rest = length; rest > 0; rest = Math.floor(rest / 256), count++) this.octet(rest & 0xff);
      this.octet(0x80 | count);
    }
    this.octet(tag);
  }

  /** Gives the value that was written last another tag. */
  retag(tag: number): void {
    this.#octets[this.#start] = tag;
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    return this.#octets.slice(this.#start);
  }

  /** Wipes what was written, which may be secret. @returns whether the writer is fit to be used again */
  clear(): boolean {
    this.#octets.fill(0, this.#start);
    this.#start = this.#octets.length;
    return this.#octets.length <= LARGEST_SPARE;
  }

  #grow(by: number): void {
    const { size } = this;
    const larger = new Uint8Array(Math.max(2 * this.#octets.length, size + by));
    larger.set(this.#octets.subarray(this.#start), larger.length - size);
    this.#octets.fill(0, this.#start);
    this.#start = larger.length - size;
    this.#octets = larger;
  }
}
