/**
 * What MD4 (RFC 1320) and MD5 (RFC 1321) have in common: 64-octet blocks of little-endian words, four words of state, padding
 * with a one bit and the length. Only the compression function differs.
 * @module
 */
import type { Hash, Mac } from './types.ts';

/** Folds one block of sixteen words into the four words of state. */
type Compress = (state: Int32Array, words: Int32Array) => void;

const BLOCK = 64;
/** So many octets have 2^32 bits, as many as the low word of the length can tell. */
const LOW_WORD_OCTETS = 2 ** 29;

/**
 * Makes a hash function, and HMAC (RFC 2104) over it, of a compression function.
 *
 * They work in scratch arrays that are made once: allocating them for every call would cost as much as hashing a block. They
 * are wiped before each return, for what is hashed may be a key.
 */
export function littleEndianHash(compress: Compress): { readonly hash: Hash; readonly hmac: Mac } {
  const state = new Int32Array(4);
  const words = new Int32Array(16); // zero wherever nothing was absorbed yet
  let filled = 0; // octets in `words`
  let hashed = 0; // octets in the blocks before

  function start(): void {
    state[0] = 0x67452301;
    state[1] = 0xefcdab89;
    state[2] = 0x98badcfe;
    state[3] = 0x10325476;
    hashed = 0;
  }

  function absorb(part: Uint8Array): void {
    const { length } = part;
    for (let at = 0; at < length; ) {
      let to = filled;
      if ((to & 3) === 0) {
        // Whole words, as far as the block and the part go.
        for (const end = Math.min(length - 3, at + BLOCK - to); at < end; at += 4, to += 4)
          words[to >>> 2] =
            (part[at] ?? 0) | ((part[at + 1] ?? 0) << 8) | ((part[at + 2] ?? 0) << 16) | ((part[at + 3] ?? 0) << 24);
      }
      if (to < BLOCK && at < length) putOctet(part[at++] ?? 0, to++);
      filled = to;
      if (to === BLOCK) nextBlock();
    }
  }

  function putOctet(octet: number, to: number): void {
    words[to >>> 2] = (words[to >>> 2] ?? 0) | (octet << ((to & 3) << 3));
  }

  function nextBlock(): void {
    compress(state, words);
    words.fill(0);
    filled = 0;
    hashed += BLOCK;
  }

  /** Pads and hashes what is left: `state` is the digest then. */
  function finish(): void {
    const length = hashed + filled;
    putOctet(0x80, filled);
    if (filled >= BLOCK - 8) nextBlock();
    words[14] = length << 3;
    words[15] = Math.floor(length / LOW_WORD_OCTETS);
    nextBlock();
  }

  function takeDigest(): Uint8Array {
    const digest = new Uint8Array(16);
    for (let i = 0; i < 16; i++) digest[i] = (state[i >>> 2] ?? 0) >>> ((i & 3) << 3);
    return digest;
  }

  /** Also after an error, so that it can do no harm to the next hash. */
  function wipe(): void {
    state.fill(0);
    words.fill(0);
    filled = 0;
  }

  const hash: Hash = (...parts) => {
    try {
      start();
      for (const part of parts) absorb(part);
      finish();
      return takeDigest();
    } finally {
      wipe();
    }
  };

  /** Starts with a block of the key, every octet of it XORed with the same. */
  function startKeyed(keyWords: Int32Array, pad: number): void {
    start();
    for (let i = 0; i < 16; i++) words[i] = (keyWords[i] ?? 0) ^ pad;
    nextBlock();
  }

  const keyWords = new Int32Array(16);
  const inner = new Int32Array(4);
  const hmac: Mac = (key, ...parts) => {
    try {
      absorbKey(key.length > BLOCK ? hash(key) : key);
      startKeyed(keyWords, 0x36363636);
      for (const part of parts) absorb(part);
      finish();

      inner.set(state);
      startKeyed(keyWords, 0x5c5c5c5c);
      words.set(inner);
      filled = 16;
      finish();
      return takeDigest();
    } finally {
      wipe();
      keyWords.fill(0);
      inner.fill(0);
    }
  };

  function absorbKey(key: Uint8Array): void {
    for (let i = 0; i < key.length; i++)
      keyWords[i >>> 2] = (keyWords[i >>> 2] ?? 0) | ((key[i] ?? 0) << ((i & 3) << 3));
  }

  return { hash, hmac };
}
