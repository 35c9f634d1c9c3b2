/**
 * AES in CBC mode with ciphertext stealing, variant CS3 (RFC 3962 5, RFC 2040 8): the ciphertext is as long as the plaintext,
 * and its last two blocks are always exchanged. Kerberos etypes 17 to 20.
 * @module
 */
import { aesCbcDecrypt, aesCbcEncrypt } from '#crypto';
import { AES_BLOCK } from './aes-cbc.ts';
import { OctetsError } from './octets.ts';

/**
 * Encrypts.
 * @param key - 16, 24 or 32 octets
 * @param iv - 16 octets; zeros in Kerberos, whose confounder does the work of it
 * @param data - 16 octets or more
 * @returns as many octets as `data` has
 * @throws OctetsError for other lengths
 * @see https://www.rfc-editor.org/rfc/rfc3962#section-5
 */
export function aesCtsEncrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const last = startOfLastBlock(data);
  const padded = new Uint8Array(last + AES_BLOCK);
  padded.set(data);
  const blocks = aesCbcEncrypt(key, iv, padded);
  if (last === 0) return blocks;

  // The last block comes before the one it chains from, of which only so much remains as the plaintext has in its last block.
  const stolen = new Uint8Array(data.length);
  const previous = last - AES_BLOCK;
  stolen.set(blocks.subarray(0, previous));
  stolen.set(blocks.subarray(last), previous);
  stolen.set(blocks.subarray(previous, previous + data.length - last), last);
  return stolen;
}

/** Decrypts what {@link aesCtsEncrypt} made. */
export function aesCtsDecrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const last = startOfLastBlock(data);
  if (last === 0) return aesCbcDecrypt(key, iv, data);

  const previous = last - AES_BLOCK;
  const finalBlock = data.subarray(previous, last);
  const blocks = new Uint8Array(last + AES_BLOCK);
  blocks.set(data.subarray(0, previous));
  blocks.set(data.subarray(last), previous);
  blocks.set(finalBlock, last);

  // The plaintext was padded with zeros, so the octets missing from the stolen block show in the decrypted final one.
  const stolenLength = data.length - last;
  if (stolenLength < AES_BLOCK) {
    const opened = aesCbcDecrypt(key, new Uint8Array(AES_BLOCK), finalBlock);
    blocks.set(opened.subarray(stolenLength), previous + stolenLength);
  }
  return aesCbcDecrypt(key, iv, blocks).subarray(0, data.length);
}

function startOfLastBlock(data: Uint8Array): number {
  if (data.length < AES_BLOCK) throw new OctetsError(`ciphertext stealing needs 16 octets or more, not ${data.length}`);
  return Math.floor((data.length - 1) / AES_BLOCK) * AES_BLOCK;
}
