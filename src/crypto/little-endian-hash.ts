/**
 * What MD4 (RFC 1320) and MD5 (RFC 1321) have in common: 64-octet blocks of little-endian words, four words of state, padding
 * with a one bit and the length. Only the compression function differs.
 * @module
 */

/** Folds one block of sixteen words into the four words of state. */
type Compress = (state: Int32Array, words: Int32Array) => void;

/** Bits in the low word of the length, octets: 2^32 / 8. */
const LOW_WORD_OCTETS = 2 ** 29;

/**
 * Makes a hash function of a compression function.
 *
 * It works in scratch arrays that are made once: allocating them for every call would cost as much as hashing a block. They
 * are wiped before each return, for what is hashed may be a key.
 */
export function littleEndianHash(compress: Compress): (...parts: readonly Uint8Array[]) => Uint8Array {
  const state = new Int32Array(4);
  const words = new Int32Array(16); // zero wherever nothing was absorbed yet
  let filled = 0; // octets in `words`

  function absorb(part: Uint8Array): void {
    const { length } = part;
    let at = 0;
    while (at < length) {
      if (filled === 0 && length - at >= 64) {
        for (let i = 0; i < 16; i++, at += 4)
          words[i] =
            (part[at] ?? 0) | ((part[at + 1] ?? 0) << 8) | ((part[at + 2] ?? 0) << 16) | ((part[at + 3] ?? 0) << 24);
        filled = 64;
      } else {
        const end = Math.min(length, at + 64 - filled);
        for (; at < end; at++, filled++) putOctet(part[at] ?? 0);
      }
      if (filled === 64) nextBlock();
    }
  }

  function putOctet(octet: number): void {
    const index = filled >>> 2;
    words[index] = (words[index] ?? 0) | (octet << ((filled & 3) << 3));
  }

  function nextBlock(): void {
    compress(state, words);
    words.fill(0);
    filled = 0;
  }

  function pad(length: number): void {
    putOctet(0x80);
    if (filled >= 56) nextBlock();
    words[14] = length << 3;
    words[15] = Math.floor(length / LOW_WORD_OCTETS);
    nextBlock();
  }

  return (...parts) => {
    state[0] = 0x67452301;
    state[1] = 0xefcdab89;
    state[2] = 0x98badcfe;
    state[3] = 0x10325476;
    let length = 0;
    for (const part of parts) {
      absorb(part);
      length += part.length;
    }
    pad(length);

    const digest = new Uint8Array(16);
    for (let i = 0; i < 16; i++) digest[i] = (state[i >>> 2] ?? 0) >>> ((i & 3) << 3);
    state.fill(0);
    return digest;
  };
}
