/**
 * Reads fields of fixed layout from the front, writing each down as a branch. Stops at the first octet that is not there.
 * @module
 */
import { counted, hexText } from './text.ts';
import type { Branch } from './tree.ts';

/** Thrown by a {@link Cursor} that has written down why; caught by {@link reading}, never seen outside. */
class EndOfOctets extends Error {}

/** A place in octets, with the branch that describes them. */
export class Cursor {
  readonly octets: Uint8Array;
  readonly branch: Branch;
  /** The offset of `octets` in the message. */
  readonly base: number;
  at = 0;

  constructor(octets: Uint8Array, branch: Branch, base = branch.offset) {
    this.octets = octets;
    this.branch = branch;
    this.base = base;
  }

  get left(): number {
    return this.octets.length - this.at;
  }

  /** A field of octets. */
  take(name: string, length: number, value: (octets: Uint8Array) => string | undefined = hexText): Uint8Array {
    const octets = this.pass(name, length);
    this.branch.add(name, this.base + this.at - length, length, value(octets));
    return octets;
  }

  /** A field of octets that gets parts. */
  open(name: string, length: number): Cursor {
    const octets = this.pass(name, length);
    const start = this.base + this.at - length;
    return new Cursor(octets, this.branch.add(name, start, length), start);
  }

  /** Octets without a branch of their own. */
  pass(name: string, length: number): Uint8Array {
    if (length > this.left) {
      this.branch.note('TRUNCATED', `${name}: ${counted(length - this.left, 'octet')} missing`);
      throw new EndOfOctets();
    }
    const octets = this.octets.subarray(this.at, this.at + length);
    this.at += length;
    return octets;
  }

  /** A number, the highest octet first. */
  number(name: string, length: 1 | 2 | 3 | 4, value: (number: number) => string = String): number {
    const at = this.at;
    const number = bigEndian(this.pass(name, length));
    this.branch.add(name, this.base + at, length, value(number));
    return number;
  }

  /** A number, the lowest octet first. */
  little(name: string, length: 2 | 4, value: (number: number) => string = String): number {
    const at = this.at;
    const number = bigEndian(this.pass(name, length).toReversed());
    this.branch.add(name, this.base + at, length, value(number));
    return number;
  }

  /** A vector behind its length, as TLS has them. */
  vector(
    name: string,
    lengthOctets: 1 | 2 | 3,
    value: (octets: Uint8Array) => string | undefined = hexText,
  ): Uint8Array {
    const length = bigEndian(this.pass(name, lengthOctets));
    return this.take(name, length, value);
  }

  /** A vector that gets parts. */
  openVector(name: string, lengthOctets: 1 | 2 | 3): Cursor {
    const length = bigEndian(this.pass(name, lengthOctets));
    return this.open(name, length);
  }

  /** Everything that is left. */
  rest(name: string, value?: (octets: Uint8Array) => string | undefined): Uint8Array {
    return this.take(name, this.left, value);
  }
}

/** The value of octets, the highest first. */
export function bigEndian(octets: Uint8Array): number {
  let number = 0;
  for (const octet of octets) number = number * 256 + octet;
  return number;
}

/** A list of numbers of two octets each. */
export function pairsOf(octets: Uint8Array): number[] {
  const found: number[] = [];
  for (let at = 0; at + 1 < octets.length; at += 2) found.push(bigEndian(octets.subarray(at, at + 2)));
  return found;
}

/** Runs a decoder up to its end or to that of the octets, which has been noted then. @returns whether it came to its end */
export function reading(decode: () => void): boolean {
  try {
    decode();
    return true;
  } catch (error) {
    if (error instanceof EndOfOctets) return false;
    throw error;
  }
}
