/**
 * The client's credentials: keys, tickets, and what keeps them.
 * @module
 */
export { ClientCredentials, type ClientCredentialsOptions, type ServiceTarget } from './client-credentials.ts';
export { type CachedTickets, readTickets, writeTickets } from './credential-cache.ts';
export { KeytabKeys } from './keytab-keys.ts';
export { type LogonName, logonName } from './logon-name.ts';
export { NtHashKeys } from './nt-hash-keys.ts';
export { PasswordKeys } from './password-keys.ts';
export { TicketCache, type TicketCacheOptions, type TicketKey } from './ticket-cache.ts';
