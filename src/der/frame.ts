/**
 * Where a message ends, as far as it has arrived: DER in a stream is framed by its own header (contract X4, F6).
 * @module
 */
import { DerError } from './error.ts';
import { type Lengths, readLength } from './length.ts';
import { problemWithTag } from './tags.ts';

/** How far a frame may go. */
export interface FrameOptions {
  /** Largest value with its header, in octets. */
  readonly maxLength: number;
  /** `minimal` unless told. */
  readonly lengths?: Lengths | undefined;
}

/** How many octets at the start are one whole value, or how many more are needed at least. */
export type DerFrame = { readonly whole: number } | { readonly missing: number };

/**
 * Finds the end of the first value.
 * @param octets - from the start of a value; what follows it does not matter
 * @throws DerError when these octets cannot become a value, or only one larger than `maxLength`
 * @example
 * frameDer(Uint8Array.of(0x30, 0x03, 0x02), { maxLength: 65_536 }); // { missing: 2 }
 */
export function frameDer(octets: Uint8Array, options: FrameOptions): DerFrame {
  const { maxLength, lengths = 'minimal' } = options;
  const [tag] = octets;
  if (tag === undefined) return { missing: 2 };
  const problem = problemWithTag(tag);
  if (problem !== undefined) throw new DerError(problem, { offset: 0 });
  const header = readLength(octets, 1, octets.length, lengths);
  if (header === undefined) return { missing: missingHeader(octets) };
  if ('problem' in header) throw new DerError(header.problem, { offset: 1 });

  const whole = header.contents + header.length;
  if (whole > maxLength) throw new DerError(`a value of ${whole} octets, the limit is ${maxLength}`, { kind: 'limit' });
  return whole <= octets.length ? { whole } : { missing: whole - octets.length };
}

/** The rest of the length octets; what they announce is not known yet. */
function missingHeader(octets: Uint8Array): number {
  const first = octets[1];
  return first === undefined ? 1 : 2 + (first & 0x7f) - octets.length;
}
