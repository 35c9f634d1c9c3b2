/**
 * The provider over node:crypto: {@link CryptoProvider} says what each function does.
 *
 * What leaves here are plain `Uint8Array`s. A `Buffer` is one by type, but its `slice` gives a view where that of a
 * `Uint8Array` gives a copy, and wiping a key must not depend on which of the two somebody got.
 * @module
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hash as hashAtOnce,
  type KeyObject,
  pbkdf2 as nodePbkdf2,
} from 'node:crypto';
import process from 'node:process';
import { checkAesCbc, wholeBlocks } from './aes-cbc.ts';
import { MD5_NATIVE_FROM, md5 as shortMd5 } from './md5.ts';
import type { BlockChain, BlockMode, CryptoProvider, Hash } from './types.ts';

export const md5: Hash = (...parts) => (lengthOf(parts) < MD5_NATIVE_FROM ? shortMd5(...parts) : nativeMd5(...parts));
const nativeMd5 = nativeHash('md5');
export const sha1: Hash = nativeHash('sha1');
export const sha256: Hash = nativeHash('sha256');
export const sha384: Hash = nativeHash('sha384');
export const sha512: Hash = nativeHash('sha512');

/** Up to so many octets, copying the parts together and hashing at once is faster than making a hash object (1.2 us). */
const JOIN_UP_TO = 2048;
const joined = new Uint8Array(JOIN_UP_TO);

function nativeHash(name: string): Hash {
  return (...parts) => {
    const [only] = parts;
    if (parts.length === 1 && only !== undefined) return plain(hashAtOnce(name, only, 'buffer'));
    if (lengthOf(parts) <= JOIN_UP_TO) return hashJoined(name, parts);
    const hash = createHash(name);
    for (const part of parts) hash.update(part);
    return plain(hash.digest());
  };
}

function hashJoined(name: string, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  try {
    for (const part of parts) {
      joined.set(part, length);
      length += part.length;
    }
    return plain(hashAtOnce(name, joined.subarray(0, length), 'buffer'));
  } finally {
    joined.fill(0, 0, length); // a part may be a key
  }
}

/**
 * From Node.js 23 on a cipher takes 13 us to start with a key of octets, and 2 us with a key object, which takes 1.5 us to
 * make. Before, octets are the faster way.
 */
const prefersKeyObjects = Number.parseInt(process.versions.node, 10) >= 23;

function cipherKey(key: Uint8Array): Uint8Array | KeyObject {
  return prefersKeyObjects ? createSecretKey(key) : key;
}

export const aesCbcEncrypt: BlockMode = (key, iv, data) => {
  const bits = checkAesCbc(key, iv);
  return plain(createCipheriv(`aes-${bits}-cbc`, cipherKey(key), iv).setAutoPadding(false).update(wholeBlocks(data)));
};

export const aesCbcDecrypt: BlockMode = (key, iv, data) => {
  const bits = checkAesCbc(key, iv);
  return plain(createDecipheriv(`aes-${bits}-cbc`, cipherKey(key), iv).setAutoPadding(false).update(wholeBlocks(data)));
};

export const aesCbcEncryption: BlockChain = (key, iv) => {
  const cipher = createCipheriv(`aes-${checkAesCbc(key, iv)}-cbc`, cipherKey(key), iv).setAutoPadding(false);
  return (data) => plain(cipher.update(wholeBlocks(data)));
};

export const aesCbcDecryption: BlockChain = (key, iv) => {
  const decipher = createDecipheriv(`aes-${checkAesCbc(key, iv)}-cbc`, cipherKey(key), iv).setAutoPadding(false);
  return (data) => plain(decipher.update(wholeBlocks(data)));
};

export const pbkdf2: CryptoProvider['pbkdf2'] = (hash, password, salt, iterations, length) =>
  new Promise((resolve, reject) => {
    nodePbkdf2(password, salt, iterations, length, hash, (error, key) => {
      if (error === null) resolve(plain(key));
      else reject(error);
    });
  });

function lengthOf(parts: readonly Uint8Array[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
