/**
 * AES in CBC mode with ciphertext stealing, variant CS3 (RFC 3962 5, RFC 2040 8): the ciphertext is as long as the plaintext,
 * and its last two blocks are always exchanged. Kerberos etypes 17 to 20.
 * @module
 */
import { aesCbcDecryption, aesCbcEncrypt } from '#crypto';
import { AES_BLOCK } from './aes-cbc.ts';
import { OctetsError } from './octets.ts';

/**
 * Encrypts.
 * @param key - 16, 24 or 32 octets
 * @param iv - 16 octets; zeros in Kerberos, whose confounder does the work of it
 * @param data - 16 octets or more
 * @param room - octets of zeros to leave behind the ciphertext, for a checksum that goes there
 * @returns as many octets as `data` has, and the room
 * @throws OctetsError for other lengths
 * @see https://www.rfc-editor.org/rfc/rfc3962#section-5
 */
export function aesCtsEncrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array, room = 0): Uint8Array {
  const last = startOfLastBlock(data);
  const blocks = aesCbcEncrypt(key, iv, padded(data, last + AES_BLOCK));
  const stolen = new Uint8Array(data.length + room);
  if (last === 0) {
    stolen.set(blocks);
    return stolen;
  }
  // The last block comes before the one it chains from, of which only so much remains as the plaintext has in its last block.
  const previous = last - AES_BLOCK;
  stolen.set(blocks.subarray(0, previous));
  stolen.set(blocks.subarray(last), previous);
  stolen.set(blocks.subarray(previous, previous + data.length - last), last);
  return stolen;
}

function padded(data: Uint8Array, length: number): Uint8Array {
  if (data.length === length) return data;
  const blocks = new Uint8Array(length);
  blocks.set(data);
  return blocks;
}

/**
 * Decrypts what {@link aesCtsEncrypt} made.
 *
 * The octets that are missing from the stolen block show when the block before it is decrypted. To begin with a key takes longer
 * than the whole of a short message, so there is one chain: what it adds to the two blocks that are not in their places is added
 * once more, which takes it away, and then what should have been added.
 */
export function aesCtsDecrypt(key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const last = startOfLastBlock(data);
  const decrypt = aesCbcDecryption(key, iv);
  if (last === 0) return decrypt(data);

  const previous = last - AES_BLOCK;
  const opened = decrypt(data.subarray(0, last));
  const plaintext = new Uint8Array(data.length);
  plaintext.set(opened);

  // The plaintext was padded with zeros: the block that it was added to is there where it ends.
  const stolenBlock = new Uint8Array(AES_BLOCK);
  for (let i = 0; i < AES_BLOCK; i++) {
    const padding = (opened[previous + i] ?? 0) ^ chained(data, iv, previous, i);
    const known = data[last + i];
    stolenBlock[i] = known ?? padding;
    if (known !== undefined) plaintext[last + i] = padding ^ known;
  }
  const block = decrypt(stolenBlock);
  for (let i = 0; i < AES_BLOCK; i++)
    plaintext[previous + i] = (block[i] ?? 0) ^ (data[previous + i] ?? 0) ^ chained(data, iv, previous, i);
  return plaintext;
}

/** An octet of the ciphertext block in front of another one, or of the initialisation vector. */
function chained(data: Uint8Array, iv: Uint8Array, start: number, i: number): number {
  return (start === 0 ? iv[i] : data[start - AES_BLOCK + i]) ?? 0;
}

function startOfLastBlock(data: Uint8Array): number {
  if (data.length < AES_BLOCK) throw new OctetsError(`ciphertext stealing needs 16 octets or more, not ${data.length}`);
  return Math.floor((data.length - 1) / AES_BLOCK) * AES_BLOCK;
}
