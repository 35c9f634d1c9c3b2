/**
 * Files of Kerberos: keytabs, credential caches, krb5.conf. Octets and texts in, values out; nobody opens a file here.
 * @module
 */
export {
  type CachedCredential,
  type CachePrincipal,
  type CacheSetting,
  type CredentialCache,
  decodeCredentialCache,
  encodeCredentialCache,
} from './credential-cache.ts';
export { decodeKeytab, encodeKeytab, type KeytabEntry } from './keytab.ts';
export { type Krb5Configuration, type LibDefaults, parseKrb5Conf, type RealmConfiguration } from './krb5-conf.ts';
export { type Includes, readIncludes } from './profile.ts';
