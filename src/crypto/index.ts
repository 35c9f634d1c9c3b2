/**
 * Cryptography: the platform's own behind one interface, and what platforms no longer offer.
 * @module
 */
export * from '#crypto';
export { aesCtsDecrypt, aesCtsEncrypt } from './aes-cts.ts';
export { equalInConstantTime } from './constant-time.ts';
export { crc32 } from './crc32.ts';
export { desEcbEncrypt, expandDesKey56 } from './des.ts';
export { hmacMd5, hmacSha1, hmacSha256, hmacSha384, hmacSha512 } from './hmac.ts';
export { md4 } from './md4.ts';
export { concat, decodeUtf16, encodeUtf16, fromHex, OctetsError, toHex } from './octets.ts';
export { Rc4 } from './rc4.ts';
export type { BlockMode, CryptoProvider, Hash, Mac, Pbkdf2Hash } from './types.ts';
