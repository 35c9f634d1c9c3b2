/**
 * The provider for browsers and other places without node:crypto, over @noble/hashes and @noble/ciphers:
 * {@link CryptoProvider} says what each function does.
 * @module
 */
import { cbc } from '@noble/ciphers/aes.js';
import { sha1 as nobleSha1 } from '@noble/hashes/legacy.js';
import { pbkdf2Async } from '@noble/hashes/pbkdf2.js';
import { sha256 as nobleSha256, sha384 as nobleSha384, sha512 as nobleSha512 } from '@noble/hashes/sha2.js';
import { AES_BLOCK, checkAesCbc, wholeBlocks } from './aes-cbc.ts';
import type { BlockChain, BlockMode, CryptoProvider, Hash } from './types.ts';

export { md5 } from './md5.ts';
export const sha1: Hash = hashInParts(nobleSha1);
export const sha256: Hash = hashInParts(nobleSha256);
export const sha384: Hash = hashInParts(nobleSha384);
export const sha512: Hash = hashInParts(nobleSha512);

/** As much of a noble hash as is used here. */
interface NobleHash {
  create(): { update(data: Uint8Array): unknown; digest(): Uint8Array };
}

function hashInParts(noble: NobleHash): Hash {
  return (...parts) => {
    const hash = noble.create();
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
}

export const aesCbcEncrypt: BlockMode = (key, iv, data) => {
  checkAesCbc(key, iv);
  return cbc(key, iv, { disablePadding: true }).encrypt(wholeBlocks(data));
};

export const aesCbcDecrypt: BlockMode = (key, iv, data) => {
  checkAesCbc(key, iv);
  return cbc(key, iv, { disablePadding: true }).decrypt(wholeBlocks(data));
};

export const aesCbcEncryption: BlockChain = (key, iv) => {
  checkAesCbc(key, iv);
  let previous = iv;
  return (data) => {
    const blocks = aesCbcEncrypt(key, previous, data);
    if (blocks.length > 0) previous = blocks.slice(-AES_BLOCK);
    return blocks;
  };
};

export const aesCbcDecryption: BlockChain = (key, iv) => {
  checkAesCbc(key, iv);
  let previous = iv;
  return (data) => {
    const blocks = aesCbcDecrypt(key, previous, data);
    if (data.length > 0) previous = data.slice(-AES_BLOCK);
    return blocks;
  };
};

const PBKDF2_HASHES = { sha1: nobleSha1, sha256: nobleSha256, sha384: nobleSha384, sha512: nobleSha512 };

export const pbkdf2: CryptoProvider['pbkdf2'] = (hash, password, salt, iterations, length) =>
  pbkdf2Async(PBKDF2_HASHES[hash], password, salt, { c: iterations, dkLen: length });
