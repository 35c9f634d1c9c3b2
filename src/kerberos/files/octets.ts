/**
 * Reading and writing the big-endian structures of keytabs and credential caches.
 * @module
 */
import { SspiError } from '../../sspi/index.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads from the front. Every length is held against what is left before anything is done with it. */
export class OctetReader {
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #stage: string;
  #at = 0;

  /** @param stage - for errors */
  constructor(octets: Uint8Array, stage: string) {
    this.#octets = octets;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    this.#stage = stage;
  }

  get left(): number {
    return this.#octets.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  i32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  /** The next octets: a view. */
  octets(length: number): Uint8Array {
    const start = this.#take(length);
    return this.#octets.subarray(start, start + length);
  }

  /** UTF-8 text. */
  text(length: number): string {
    const octets = this.octets(length);
    try {
      return utf8.decode(octets);
    } catch {
      return this.fail('a name is not UTF-8');
    }
  }

  /** A reader for the next octets alone. */
  part(length: number): OctetReader {
    return new OctetReader(this.octets(length), this.#stage);
  }

  /** @throws SspiError FILE_MALFORMED */
  fail(detail: string): never {
    throw new SspiError('FILE_MALFORMED', { stage: this.#stage, detail });
  }

  #take(length: number): number {
    if (length > this.left) this.fail(`${length} octets wanted, ${this.left} left (octet ${this.#at})`);
    const start = this.#at;
    this.#at += length;
    return start;
  }
}

/** Writes to the end. */
export class OctetWriter {
  #octets = new Uint8Array(512);
  #length = 0;

  u8(value: number): this {
    return this.#number(1, (view, at) => view.setUint8(at, value));
  }

  u16(value: number): this {
    return this.#number(2, (view, at) => view.setUint16(at, value));
  }

  u32(value: number): this {
    return this.#number(4, (view, at) => view.setUint32(at, value));
  }

  octets(value: Uint8Array): this {
    const start = this.#reserve(value.length);
    this.#octets.set(value, start);
    return this;
  }

  /** What was written, in an array of its own. The writer's is wiped: there are keys in it. */
  take(): Uint8Array {
    const taken = this.#octets.slice(0, this.#length);
    this.#octets.fill(0);
    this.#length = 0;
    return taken;
  }

  #number(size: number, set: (view: DataView, at: number) => void): this {
    const start = this.#reserve(size);
    set(new DataView(this.#octets.buffer), start);
    return this;
  }

  #reserve(length: number): number {
    const start = this.#length;
    if (start + length > this.#octets.length) {
      const larger = new Uint8Array(2 * (start + length));
      larger.set(this.#octets.subarray(0, start));
      this.#octets.fill(0);
      this.#octets = larger;
    }
    this.#length = start + length;
    return start;
  }
}
