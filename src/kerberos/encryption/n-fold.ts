/**
 * n-fold, RFC 3961 5.1: stretches or shrinks octets to a wanted length so that every input bit counts about equally. Kerberos
 * makes cipher blocks of short constants with it.
 * @module
 */

/** Each copy of the input is rotated by so many bits more than the one before it. */
const ROTATION = 13;

/**
 * Folds `input` to `length` octets.
 *
 * Copies of the input, each rotated to the right by 13 bits more, are laid end to end until they fill a whole number of
 * outputs; those are added with end-around carry. Whole numbers say this best, and it is done once for each constant.
 * @param input - one octet or more
 * @param length - octets wanted, one or more
 * @see https://www.rfc-editor.org/rfc/rfc3961#section-5.1
 * @example
 * nFold(new TextEncoder().encode('012345'), 8); // be072631276b1955
 */
export function nFold(input: Uint8Array, length: number): Uint8Array {
  const inputBits = 8 * input.length;
  const outputBits = BigInt(8 * length);
  const copies = leastCommonMultiple(input.length, length) / input.length;
  const value = toNumber(input);

  let laid = 0n;
  for (let copy = 0; copy < copies; copy++)
    laid = (laid << BigInt(inputBits)) | rotateRight(value, (ROTATION * copy) % inputBits, inputBits);

  const mask = (1n << outputBits) - 1n;
  let sum = 0n;
  for (let rest = laid; rest > 0n; rest >>= outputBits) {
    sum += rest & mask;
    if (sum > mask) sum = (sum & mask) + 1n;
  }
  return toOctets(sum, length);
}

function rotateRight(value: bigint, by: number, width: number): bigint {
  const low = value & ((1n << BigInt(by)) - 1n);
  return (value >> BigInt(by)) | (low << BigInt(width - by));
}

function leastCommonMultiple(a: number, b: number): number {
  let [divisor, rest] = [a, b];
  while (rest > 0) [divisor, rest] = [rest, divisor % rest];
  return (a / divisor) * b;
}

function toNumber(octets: Uint8Array): bigint {
  let value = 0n;
  for (const octet of octets) value = (value << 8n) | BigInt(octet);
  return value;
}

function toOctets(value: bigint, length: number): Uint8Array {
  const octets = new Uint8Array(length);
  let rest = value;
  for (let at = length - 1; at >= 0; at--, rest >>= 8n) octets[at] = Number(rest & 0xffn);
  return octets;
}
