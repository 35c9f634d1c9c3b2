/**
 * NDR, as far as PACs need it: type serialization version 1 ([MS-RPCE] 2.2.6), little-endian, 32-bit pointers.
 *
 * What a pointer points to stands behind the structure, in the order of the pointers; whoever reads a structure reads its fixed
 * part first and then what was pointed to.
 * @module
 */
import { decodeUtf16, encodeUtf16 } from '../../crypto/index.ts';
import { invalidPac } from './invalid.ts';
import { sidOctets, sidText } from './sid.ts';

/** Version 1, little-endian, 8 octets of header, filler. */
const COMMON_HEADER = Uint8Array.of(0x01, 0x10, 0x08, 0x00, 0xcc, 0xcc, 0xcc, 0xcc);
const HEADERS = 16;
/** Referent identifiers as Windows gives them. */
const FIRST_REFERENT = 0x0002_0000;

/** The fixed part of RPC_UNICODE_STRING: how many octets of text there are, and whether the pointer points anywhere. */
export interface StringHeader {
  readonly length: number;
  readonly present: boolean;
}

/** Reads one serialized structure. */
export class NdrReader {
  readonly #octets: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  #at = HEADERS;

  /** Checks the headers. @throws SspiError PAC_INVALID, as everything here */
  constructor(octets: Uint8Array) {
    if (octets.length < HEADERS || COMMON_HEADER.subarray(0, 4).some((octet, index) => octets[index] !== octet))
      throw invalidPac('no NDR of version 1');
    this.#octets = octets;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.length);
    const length = this.#view.getUint32(8, true);
    // The last padding is not always there.
    if (length > ((octets.length - HEADERS + 7) & ~7)) throw invalidPac('NDR is longer than its buffer');
    this.#end = Math.min(octets.length, HEADERS + length);
  }

  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1, 1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2, 2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4, 4), true);
  }

  /** Two longs, as FILETIME is one: aligned to four octets. */
  fileTime(): bigint {
    return this.#view.getBigUint64(this.#take(8, 4), true);
  }

  /** A hyper: aligned to eight octets. */
  i64(): bigint {
    return this.#view.getBigInt64(this.#take(8, 8), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8, 8), true);
  }

  /** A view. */
  octets(length: number): Uint8Array {
    const start = this.#take(length, 1);
    return this.#octets.subarray(start, start + length);
  }

  /** Whether a pointer points anywhere. */
  pointer(): boolean {
    return this.u32() !== 0;
  }

  /** The element count in front of a conformant array, which must be the count told elsewhere, and fit into what is left. */
  conformance(count: number, elementSize: number): void {
    if (this.u32() !== count) throw invalidPac('an array has another length than it should');
    if (count * elementSize > this.left) throw invalidPac('an array is longer than what is left');
  }

  /** An array behind a pointer. Its count must be zero where there is none. */
  array<T>(present: boolean, count: number, elementSize: number, read: () => T): T[] {
    const elements: T[] = [];
    if (!present) {
      if (count !== 0) throw invalidPac('an array is missing');
      return elements;
    }
    this.conformance(count, elementSize);
    for (let i = 0; i < count; i++) elements.push(read());
    return elements;
  }

  stringHeader(): StringHeader {
    const length = this.u16();
    const maximum = this.u16();
    const present = this.pointer();
    if (length > maximum || length % 2 !== 0) throw invalidPac('a text has a length that it cannot have');
    if (!present && length > 0) throw invalidPac('a text is missing');
    return { length, present };
  }

  /** The text behind a {@link StringHeader}: a conformant varying array of UTF-16 units. */
  string({ length, present }: StringHeader): string {
    if (!present) return '';
    const maximum = this.u32();
    const offset = this.u32();
    const units = this.u32();
    if (offset !== 0 || units > maximum || 2 * units !== length)
      throw invalidPac('a text has a length that it cannot have');
    return decodeUtf16(this.octets(length));
  }

  /** A text with a zero at its end ([string] wchar_t *). */
  terminatedString(): string {
    const maximum = this.u32();
    const offset = this.u32();
    const units = this.u32();
    if (offset !== 0 || units > maximum || units === 0) throw invalidPac('a text has a length that it cannot have');
    const text = decodeUtf16(this.octets(2 * units));
    if (text.indexOf('\0') !== units - 1) throw invalidPac('a text does not end with its zero');
    return text.slice(0, -1);
  }

  /** A RPC_SID behind a pointer. */
  sid(): string {
    const count = this.u32();
    const octets = this.octets(8);
    if (octets[1] !== count) throw invalidPac('a SID has two lengths');
    const rest = this.octets(4 * count);
    const whole = new Uint8Array(8 + rest.length);
    whole.set(octets);
    whole.set(rest, 8);
    const text = sidText(whole);
    if (text === undefined) throw invalidPac('not a SID');
    return text;
  }

  #take(length: number, alignment: number): number {
    const start = HEADERS + Math.ceil((this.#at - HEADERS) / alignment) * alignment;
    if (start + length > this.#end) throw invalidPac('the octets are at an end');
    this.#at = start + length;
    return start;
  }
}

/** Writes one serialized structure. */
export class NdrWriter {
  #octets = new Uint8Array(512);
  #length = HEADERS;
  #referent = FIRST_REFERENT;

  u8(value: number): this {
    this.#octets[this.#reserve(1, 1)] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#reserve(2, 2);
    this.#view().setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.#reserve(4, 4);
    this.#view().setUint32(at, value, true);
    return this;
  }

  fileTime(value: bigint): this {
    const at = this.#reserve(8, 4);
    this.#view().setBigUint64(at, value, true);
    return this;
  }

  octets(value: Uint8Array): this {
    const at = this.#reserve(value.length, 1);
    this.#octets.set(value, at);
    return this;
  }

  pointer(present: boolean): this {
    return this.u32(present ? this.referent() : 0);
  }

  /** The value of a pointer that is written later. Windows gives them out depth first. */
  referent(): number {
    const value = this.#referent;
    this.#referent += 4;
    return value;
  }

  /** @param spare - octets that the buffer has behind the text; Windows leaves room for a zero in some places */
  stringHeader(text: string, spare = 0): this {
    return this.u16(2 * text.length)
      .u16(2 * text.length + spare)
      .pointer(true);
  }

  string(text: string, spare = 0): this {
    return this.u32(text.length + spare / 2)
      .u32(0)
      .u32(text.length)
      .octets(encodeUtf16(text));
  }

  sid(text: string): this {
    const octets = sidOctets(text);
    if (octets === undefined) throw invalidPac(`${text} is not a SID`);
    return this.u32(octets[1] ?? 0).octets(octets);
  }

  /** The structure with its headers, padded to eight octets. */
  take(): Uint8Array {
    this.#reserve(0, 8);
    const taken = this.#octets.slice(0, this.#length);
    taken.set(COMMON_HEADER);
    new DataView(taken.buffer).setUint32(8, this.#length - HEADERS, true);
    return taken;
  }

  #view(): DataView {
    return new DataView(this.#octets.buffer);
  }

  #reserve(length: number, alignment: number): number {
    const start = HEADERS + Math.ceil((this.#length - HEADERS) / alignment) * alignment;
    if (start + length > this.#octets.length) {
      const larger = new Uint8Array(2 * (start + length));
      larger.set(this.#octets);
      this.#octets = larger;
    }
    this.#length = start + length;
    return start;
  }
}
