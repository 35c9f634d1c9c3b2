/**
 * TLS as a security package, and what CredSSP needs of it.
 * @module
 */
export { subjectPublicKey } from './certificate.ts';
export { acquireTls, type ClientOptions, type ServerOptions, type TlsCredential } from './credential.ts';
export { type HandshakeLeg, type NegotiatedParameters, TlsEngine } from './engine.ts';
export { frameRecords } from './records.ts';
export { streamProtection, streamSizes } from './stream-protection.ts';
