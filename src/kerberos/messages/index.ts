/**
 * The messages of Kerberos: RFC 4120 and what was added to it.
 * @module
 */
export * from './ap.ts';
export * from './authorization-data.ts';
export {
  flag,
  KerberosFlags,
  KerberosString,
  KerberosTime,
  type KerberosTimestamp,
  Microseconds,
  millisecondsOf,
  Realm,
  timestampOf,
} from './basic-types.ts';
export * from './change-password.ts';
export * from './encrypted-data.ts';
export * from './fast.ts';
export * from './iakerb.ts';
export * from './kdc.ts';
export * from './kdc-proxy.ts';
export * from './krb-cred.ts';
export * from './krb-error.ts';
export * from './krb-priv.ts';
export * from './krb-safe.ts';
export * from './otp.ts';
export * from './pa-data.ts';
export * from './pkinit.ts';
export * from './principal.ts';
export * from './spake.ts';
export * from './ticket.ts';
export * from './user-to-user.ts';
