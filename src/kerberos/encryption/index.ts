/**
 * Encryption types of Kerberos: RFC 3961, 3962, 4757, 8009.
 * @module
 */
export type { EncryptionType, UsageKeys } from './encryption-type.ts';
export { type ChecksumValue, type EncryptionKeyValue, KerberosKey } from './key.ts';
export { CHECKSUM_TYPE, ETYPE, KEY_USAGE, usageName } from './numbers.ts';
export { combineKeys, prfPlus } from './prf-plus.ts';
export {
  DEFAULT_ENCRYPTION_TYPES,
  encryptionType,
  encryptionTypeName,
  encryptionTypesNamed,
  isEncryptionTypeAllowed,
} from './registry.ts';
export { utf8OfUtf16 } from './string-to-key.ts';
