/**
 * Kerberos without native code: RFC 4120, 4121, 3961, 3962, 8009, 4757, [MS-KILE], [MS-PAC].
 * @module
 */
export * from './credentials/index.ts';
export * from './encryption/index.ts';
export * from './files/index.ts';
export * from './gss/index.ts';
export { KERBEROS_INFO } from './info.ts';
export * from './kdc/index.ts';
export * from './messages/index.ts';
export * from './pac/index.ts';
export { kerberosPackage, userToUserPackage } from './package.ts';
export { type ServiceKey, type ServiceKeyEntry, ServiceKeys, type ServiceKeysOptions } from './service-keys.ts';
export { type Target, targetOf } from './target.ts';
export type { TicketSource } from './tickets.ts';
