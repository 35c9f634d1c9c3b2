/**
 * Reading the C structures that callers hand over as octets: little-endian, with offsets and lengths that may point anywhere.
 * Every access is checked against the octets that are really there.
 * @module
 */
import { SspiError, type SspiErrorCode } from './errors.ts';

/** A structure, and what to say when it is not what it claims to be. */
export class StructureReader {
  readonly octets: Uint8Array;
  readonly #name: string;
  readonly #code: SspiErrorCode;
  readonly #view: DataView;

  /**
   * @param name - the SDK's name of the structure, for the error
   * @param code - under which code a malformed structure is reported
   */
  constructor(octets: Uint8Array, name: string, code: SspiErrorCode) {
    this.octets = octets;
    this.#name = name;
    this.#code = code;
    this.#view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  }

  u16(at: number): number {
    this.#require(at, 2);
    return this.#view.getUint16(at, true);
  }

  u32(at: number): number {
    this.#require(at, 4);
    return this.#view.getUint32(at, true);
  }

  /** A 64-bit pointer that was packed into an offset. Nothing that fits here needs more than 32 bits. */
  offset64(at: number): number {
    if (this.u32(at + 4) !== 0) throw this.malformed(`the offset at ${at} is beyond every bound`);
    return this.u32(at);
  }

  /** A view of `length` octets at `offset`, both as the structure gives them. */
  slice(offset: number, length: number): Uint8Array {
    this.#require(offset, length);
    return this.octets.subarray(offset, offset + length);
  }

  malformed(detail: string): SspiError {
    return new SspiError(this.#code, { stage: this.#name, detail });
  }

  // Both numbers are at most 32 bits wide, so their sum is exact: no wrap-around to be afraid of (fault Z19).
  #require(offset: number, length: number): void {
    if (offset + length > this.octets.length)
      throw this.malformed(`octets ${offset} to ${offset + length} are wanted, there are ${this.octets.length}`);
  }
}
