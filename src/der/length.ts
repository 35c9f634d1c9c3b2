/**
 * Length octets (X.690 8.1.3, 10.1): definite, and in as few octets as possible unless the peer is known to write others.
 * @module
 */

/**
 * `minimal` is DER. `ber-long` also takes definite lengths written in more octets than they need, as some CredSSP peers send
 * them (contract X9).
 */
export type Lengths = 'minimal' | 'ber-long';

/** More octets of length than any encoder writes: 64-bit ones pad to eight. */
const MOST_LENGTH_OCTETS = 8;

/**
 * Reads the length octets at `at`.
 * @param end - octets from here on are not there
 * @returns the length, and where the contents start; undefined when the length octets are not all there; or what is wrong
 *   with them, whatever may follow
 */
export function readLength(
  octets: Uint8Array,
  at: number,
  end: number,
  lengths: Lengths,
): { readonly length: number; readonly contents: number } | { readonly problem: string } | undefined {
  if (at >= end) return undefined;
  const first = octets[at] ?? 0;
  if (first < 0x80) return { length: first, contents: at + 1 };
  if (first === 0x80) return { problem: 'indefinite length' };
  const count = first & 0x7f;
  if (count > MOST_LENGTH_OCTETS) return { problem: `length in ${count} octets` };

  let length = 0;
  for (let i = 1; i <= count; i++) {
    if (at + i >= end) return undefined;
    const octet = octets[at + i] ?? 0;
    if (i === 1 && octet === 0 && lengths === 'minimal') return { problem: 'length is not minimal' };
    length = length * 256 + octet;
  }
  if (length < 0x80 && lengths === 'minimal') return { problem: 'length is not minimal' };
  // Beyond 2^53 the number is not exact any more, and far beyond any limit.
  return { length, contents: at + 1 + count };
}
