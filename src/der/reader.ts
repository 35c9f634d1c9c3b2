/**
 * A strict reader of DER (X.690 8, 10, 11). Every length is held against the value around it before anything is done with
 * it, so nothing is ever allocated or read on the word of a peer.
 * @module
 */
import { DerError } from './error.ts';
import { type Lengths, readLength } from './length.ts';
import { CONSTRUCTED, describeTag, problemWithTag } from './tags.ts';

/** How strict decoding is. */
export interface DecodeOptions {
  /** `minimal` (the default) is DER; `ber-long` also takes definite lengths in more octets than needed. */
  readonly lengths?: Lengths | undefined;
  /** So many values may be nested in each other. 32 unless told. */
  readonly maxDepth?: number | undefined;
  /** Largest input, in octets. 1 MiB unless told. */
  readonly maxSize?: number | undefined;
}

const DEFAULT_MAX_DEPTH = 32;
const DEFAULT_MAX_SIZE = 1024 * 1024;

/** What can be read: the reading half of a schema. */
export interface Readable<T> {
  /** What the type is called in error messages, for example `INTEGER`. */
  readonly name: string;
  /** Whether a value may start with this identifier octet. */
  accepts(tag: number): boolean;
  /** Reads the contents, all of them, up to the reader's `end`. */
  readContents(reader: Reader, tag: number): T;
}

/** Reads the value of a schema from octets, which belong to the caller: octet strings come out as views of them. */
export class Reader {
  readonly octets: Uint8Array;
  /** The next octet to be read. */
  position = 0;
  /** Where the contents of the value now being read end. */
  end: number;
  /** Where the value now being read starts: its identifier octet. */
  start = 0;

  readonly #lengths: Lengths;
  readonly #maxDepth: number;
  readonly #path: string[] = [];
  #named = 0;
  #depth = 0;

  constructor(octets: Uint8Array, options: DecodeOptions) {
    const { lengths = 'minimal', maxDepth = DEFAULT_MAX_DEPTH, maxSize = DEFAULT_MAX_SIZE } = options;
    if (octets.length > maxSize)
      throw new DerError(`${octets.length} octets, the limit is ${maxSize}`, { kind: 'limit' });
    this.octets = plainView(octets);
    this.end = octets.length;
    this.#lengths = lengths;
    this.#maxDepth = maxDepth;
  }

  /** Reads a value, whose tag must be one of the schema's. */
  read<T>(schema: Readable<T>): T {
    const tag = this.peekTag();
    if (tag === undefined) return this.fail(`${schema.name} expected, but the octets are at an end`);
    if (!schema.accepts(tag)) return this.fail(`${schema.name} expected, not ${describeTag(tag)}`);
    return this.readAs(schema, tag);
  }

  /** Reads a value whose tag was peeked and found right. */
  readAs<T>(schema: Readable<T>, tag: number): T {
    const outerEnd = this.end;
    const outerStart = this.start;
    this.start = this.position;
    this.end = this.#readHeader();
    if (tag & CONSTRUCTED && ++this.#depth > this.#maxDepth)
      return this.fail(`values are nested deeper than ${this.#maxDepth}`, 'limit');

    const value = schema.readContents(this, tag);
    if (this.position !== this.end) return this.fail(`${schema.name} has octets behind its value`);

    if (tag & CONSTRUCTED) this.#depth--;
    this.end = outerEnd;
    this.start = outerStart;
    return value;
  }

  /** Passes over a value without looking inside. */
  skip(): void {
    this.position = this.#readHeader();
  }

  /** The next identifier octet, which stays unread; undefined at the end of the value around. */
  peekTag(): number | undefined {
    return this.position < this.end ? this.octets[this.position] : undefined;
  }

  /** The contents of the value now being read, all of them: a view. */
  takeContents(): Uint8Array {
    const contents = this.octets.subarray(this.position, this.end);
    this.position = this.end;
    return contents;
  }

  /** Gives a name to what is read from here on, for error messages. */
  enter(name: string): void {
    this.#path[this.#named++] = name;
  }

  /** Ends what {@link enter} began. After an error nobody asks any more. */
  leave(): void {
    this.#named--;
  }

  /** @throws DerError */
  fail(message: string, kind: 'malformed' | 'limit' = 'malformed'): never {
    throw new DerError(message, { path: this.#path.slice(0, this.#named), offset: this.position, kind });
  }

  /** Reads identifier and length octets. @returns where the contents end */
  #readHeader(): number {
    const problem = problemWithTag(this.octets[this.position] ?? 0);
    if (problem !== undefined) return this.fail(problem);
    const at = this.position + 1;

    // The short form is by far the most frequent; it is worth not making an object for.
    const first = at < this.end ? (this.octets[at] ?? 0) : 0x80;
    let contents = at + 1;
    let length = first;
    if (first >= 0x80) {
      const long = this.#readLongLength(at);
      contents = long.contents;
      length = long.length;
    }
    if (length > this.end - contents) return this.fail('the value is longer than what is left');
    this.position = contents;
    return contents + length;
  }

  #readLongLength(at: number): { readonly length: number; readonly contents: number } {
    const found = readLength(this.octets, at, this.end, this.#lengths);
    if (found === undefined) return this.fail('the octets are at an end within a length');
    return 'problem' in found ? this.fail(found.problem) : found;
  }
}

/** Views of a Buffer would be Buffers, whose `slice` gives another view where that of a Uint8Array gives a copy. */
function plainView(octets: Uint8Array): Uint8Array {
  if (octets.constructor === Uint8Array) return octets;
  return new Uint8Array(octets.buffer, octets.byteOffset, octets.length);
}
