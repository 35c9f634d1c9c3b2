/**
 * Keys, checksums and ciphertexts in messages, RFC 4120 5.2.9; and how values get into ciphertexts and out again.
 * @module
 */
import {
  decode,
  encode,
  field,
  int32,
  octetString,
  optional,
  type Schema,
  sequence,
  type TypeOf,
} from '../../der/index.ts';
import type { Random } from '../../host/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { encryptionTypeName, type KerberosKey, usageName } from '../encryption/index.ts';
import { KeyVersion } from './basic-types.ts';

/** EncryptedData. */
export const EncryptedData = sequence({
  etype: field(0, int32),
  kvno: optional(1, KeyVersion),
  cipher: field(2, octetString),
});
export type EncryptedData = TypeOf<typeof EncryptedData>;

/** EncryptionKey. */
export const EncryptionKey = sequence({ keytype: field(0, int32), keyvalue: field(1, octetString) });
export type EncryptionKey = TypeOf<typeof EncryptionKey>;

/** Checksum. */
export const Checksum = sequence({ cksumtype: field(0, int32), checksum: field(1, octetString) });
export type Checksum = TypeOf<typeof Checksum>;

/** What a value is encrypted with. */
export interface Sealing {
  readonly key: KerberosKey;
  /** One of `KEY_USAGE`. */
  readonly usage: number;
  readonly random: Random;
  /** For keys that live long: those of services and users. */
  readonly kvno?: number | undefined;
}

/** Encodes a value and encrypts it. */
export function seal<T>(schema: Schema<T>, value: T, { key, usage, random, kvno }: Sealing): EncryptedData {
  const plaintext = encode(schema, value);
  const cipher = key.encrypt(usage, plaintext, random);
  plaintext.fill(0); // there may be keys in it
  return { etype: key.etype, kvno, cipher };
}

/**
 * Decrypts a value and decodes it.
 * @throws SspiError DECRYPT_FAILURE when it is encrypted with another kind of key, or does not verify; DerError
 */
export function unseal<T>(schema: Schema<T>, { etype, cipher }: EncryptedData, key: KerberosKey, usage: number): T {
  if (etype !== key.etype)
    throw new SspiError('DECRYPT_FAILURE', {
      stage: `Kerberos ${usageName(usage)}`,
      detail: `encrypted with ${encryptionTypeName(etype)}, the key is ${encryptionTypeName(key.etype)}`,
    });
  return decode(schema, key.decrypt(usage, cipher));
}
