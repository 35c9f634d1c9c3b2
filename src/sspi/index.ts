/**
 * The vocabulary of SSPI: status codes, flags, buffers, attributes, credentials, and the shape of a security package.
 * @module
 */
export * from './accounts.ts';
export * from './application-protocols.ts';
export * from './attributes.ts';
export * from './auth-identity.ts';
export * from './buffers.ts';
export * from './channel-bindings.ts';
export * from './credential-attributes.ts';
export * from './credentials.ts';
export * from './delegation.ts';
export * from './errors.ts';
export * from './exchange.ts';
export * from './flags.ts';
export * from './identities.ts';
export * from './kerberos.ts';
export * from './kerberos-settings.ts';
export * from './ntstatus.ts';
export * from './package.ts';
export * from './package-info.ts';
export * from './packed-logon.ts';
export * from './remote-guard.ts';
export * from './replay.ts';
export * from './schannel-cred.ts';
export * from './sec-channel-bindings.ts';
export * from './secret.ts';
export * from './status.ts';
export * from './target-name.ts';
export * from './timestamps.ts';
