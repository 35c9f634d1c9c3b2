/**
 * Which encryption types there are, and which are allowed.
 * @module
 */
import { SspiError } from '../../sspi/index.ts';
import { aes128CtsHmacSha1, aes256CtsHmacSha1 } from './aes-sha1.ts';
import { aes128CtsHmacSha256, aes256CtsHmacSha384 } from './aes-sha2.ts';
import type { EncryptionType } from './encryption-type.ts';
import { ETYPE } from './numbers.ts';
import { rc4Hmac } from './rc4.ts';

const TYPES = new Map<number, EncryptionType>(
  [aes128CtsHmacSha1, aes256CtsHmacSha1, aes128CtsHmacSha256, aes256CtsHmacSha384, rc4Hmac].map((type) => [
    type.etype,
    type,
  ]),
);

/**
 * What is offered and taken unless somebody says otherwise, the best liked first. RC4 is not among them: a KDC or a peer that
 * could ask for it would decide how weak the session is (fault Z39).
 */
export const DEFAULT_ENCRYPTION_TYPES: readonly number[] = [
  ETYPE.AES256_CTS_HMAC_SHA1_96,
  ETYPE.AES128_CTS_HMAC_SHA1_96,
  ETYPE.AES256_CTS_HMAC_SHA384_192,
  ETYPE.AES128_CTS_HMAC_SHA256_128,
];

/**
 * The encryption type of a number.
 * @param allowed - the numbers that may be used
 * @throws SspiError ENCRYPTION_TYPE_REFUSED when it is not known or not allowed
 */
export function encryptionType(etype: number, allowed: readonly number[] = DEFAULT_ENCRYPTION_TYPES): EncryptionType {
  const type = allowed.includes(etype) ? TYPES.get(etype) : undefined;
  if (type !== undefined) return type;
  throw new SspiError('ENCRYPTION_TYPE_REFUSED', {
    stage: 'Kerberos encryption type',
    detail: `${encryptionTypeName(etype)}; allowed: ${allowed.map(encryptionTypeName).join(', ')}`,
  });
}

/** Whether a number is an encryption type that there is and that is allowed. */
export function isEncryptionTypeAllowed(etype: number, allowed: readonly number[] = DEFAULT_ENCRYPTION_TYPES): boolean {
  return TYPES.has(etype) && allowed.includes(etype);
}

/** An encryption type for people: `aes256-cts-hmac-sha1-96 (18)`. */
export function encryptionTypeName(etype: number): string {
  const known = TYPES.get(etype)?.name;
  return known === undefined ? `etype ${etype}` : `${known} (${etype})`;
}

/** Names of krb5.conf that are not the names of the types themselves. */
const ALIASES: Readonly<Record<string, readonly number[]>> = {
  aes: [18, 17, 20, 19],
  'aes128-cts': [17],
  'aes256-cts': [18],
  'aes128-sha1': [17],
  'aes256-sha1': [18],
  'aes128-sha2': [19],
  'aes256-sha2': [20],
  rc4: [23],
  'rc4-hmac': [23],
  'arcfour-hmac-md5': [23],
};

/**
 * The numbers of a list of names as krb5.conf has it: names and families between spaces or commas, `-name` takes one away,
 * `DEFAULT` stands for {@link DEFAULT_ENCRYPTION_TYPES}. Names of types that there are not (DES, Camellia) count for nothing.
 */
export function encryptionTypesNamed(list: string): readonly number[] {
  const found: number[] = [];
  for (const word of list.toLowerCase().split(/[\s,]+/)) {
    if (word.startsWith('-')) {
      for (const etype of named(word.slice(1))) if (found.includes(etype)) found.splice(found.indexOf(etype), 1);
    } else {
      for (const etype of named(word.replace(/^\+/, ''))) if (!found.includes(etype)) found.push(etype);
    }
  }
  return found;
}

function named(word: string): readonly number[] {
  if (word === 'default') return DEFAULT_ENCRYPTION_TYPES;
  const exact = [...TYPES.values()].find(({ name }) => name === word);
  if (exact !== undefined) return [exact.etype];
  return Object.hasOwn(ALIASES, word) ? (ALIASES[word] ?? []) : [];
}
