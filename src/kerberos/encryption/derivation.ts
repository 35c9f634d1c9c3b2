/**
 * Key derivation of the simplified profile, RFC 3961 5.1 and 5.3: DR and DK.
 * @module
 */
import { aesCbcEncrypt, aesCbcEncryption } from '../../crypto/index.ts';
import { nFold } from './n-fold.ts';

/** A block cipher in CBC mode from a zero initialisation vector, whole blocks only. */
export type BlockEncryption = (key: Uint8Array, blocks: Uint8Array) => Uint8Array;

/** What is derived for a usage: the last octet of the constant. */
export const PURPOSE = { CHECKSUM: 0x99, ENCRYPTION: 0xaa, INTEGRITY: 0x55 } as const;

/** `usage | purpose`: the well-known constant of RFC 3961 5.3. */
export function usageConstant(usage: number, purpose: number): Uint8Array {
  const constant = new Uint8Array(5);
  new DataView(constant.buffer).setUint32(0, usage);
  constant[4] = purpose;
  return constant;
}

/**
 * DR(Key, Constant) = k-truncate(E(Key, Constant) | E(Key, E(Key, Constant)) | ...).
 *
 * Encrypting a block and then what came out of it is what CBC does with blocks of zeros: the whole is one call.
 * @param folded - the constant, n-folded to a block
 * @param length - octets wanted
 */
export function deriveRandom(
  encrypt: BlockEncryption,
  key: Uint8Array,
  folded: Uint8Array,
  length: number,
): Uint8Array {
  const block = folded.length;
  const blocks = new Uint8Array(Math.ceil(length / block) * block);
  blocks.set(folded);
  return encrypt(key, blocks).subarray(0, length);
}

const AES_BLOCK = 16;
const ZERO_IV = new Uint8Array(AES_BLOCK);

/** DK(Key, Constant) with AES, whose random-to-key is the identity. */
export function deriveAesKey(key: Uint8Array, constant: Uint8Array): Uint8Array {
  return deriveRandom(encryptBlocks, key, nFold(constant, AES_BLOCK), key.length);
}

/**
 * Ke and Ki of a usage with AES: two of {@link deriveAesUsageKey}, for which the cipher begins once with the key. What its chain
 * would add to the second constant is added to it before.
 */
export function deriveAesCipherKeys(
  key: Uint8Array,
  usage: number,
): { readonly ke: Uint8Array; readonly ki: Uint8Array } {
  const encrypt = aesCbcEncryption(key, ZERO_IV);
  const length = key.length;
  const blocks = new Uint8Array(Math.ceil(length / AES_BLOCK) * AES_BLOCK);
  blocks.set(foldedUsageConstant(usage, PURPOSE.ENCRYPTION));
  const first = encrypt(blocks);
  blocks.set(foldedUsageConstant(usage, PURPOSE.INTEGRITY));
  const chained = first.subarray(first.length - AES_BLOCK);
  for (let i = 0; i < AES_BLOCK; i++) blocks[i] = (blocks[i] ?? 0) ^ (chained[i] ?? 0);
  const second = encrypt(blocks);
  blocks.fill(0);
  return { ke: first.subarray(0, length), ki: second.subarray(0, length) };
}

/** DK(Key, usage | purpose) with AES. */
export function deriveAesUsageKey(key: Uint8Array, usage: number, purpose: number): Uint8Array {
  return deriveRandom(encryptBlocks, key, foldedUsageConstant(usage, purpose), key.length);
}

const encryptBlocks: BlockEncryption = (key, blocks) => aesCbcEncrypt(key, ZERO_IV, blocks);

/** Usages that protocols know are small numbers; only those are kept, so that the store stays small. */
const HIGHEST_KEPT_USAGE = 255;
const foldedConstants = new Map<number, Uint8Array>();

/** Every context derives keys with the same few constants, and folding one takes longer than encrypting it. */
function foldedUsageConstant(usage: number, purpose: number): Uint8Array {
  const id = usage * 256 + purpose;
  const kept = foldedConstants.get(id);
  if (kept !== undefined) return kept;
  const constant = nFold(usageConstant(usage, purpose), AES_BLOCK);
  if (usage <= HIGHEST_KEPT_USAGE) foldedConstants.set(id, constant);
  return constant;
}
