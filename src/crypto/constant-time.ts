/**
 * Comparing what a peer must not be able to guess bit by bit.
 * @module
 */

/**
 * Whether two arrays hold the same octets. Takes the same time wherever they differ; only the lengths, which are no secret,
 * decide how long it takes.
 */
export function equalInConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
