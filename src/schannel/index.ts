/**
 * TLS as a security package, and what CredSSP needs of it.
 * @module
 */
export { expiryOf, publishTlsAttributes, TLS_ATTRIBUTES } from './attributes.ts';
export { tlsExporter, tlsServerEndPoint, tlsUnique } from './bindings.ts';
export { subjectPublicKey } from './certificate.ts';
export { type ClientHandshakeOptions, clientHandshake, type Handshaken } from './client.ts';
export { acquireTls, type ClientOptions, type ServerOptions, type TlsCredential } from './credential.ts';
export { type HandshakeLeg, type NegotiatedParameters, TlsEngine } from './engine.ts';
export { type EvaluationOptions, evaluateCertificate, SERVER_USAGES } from './evaluation.ts';
export { schannelPackage } from './package.ts';
export { frameRecords } from './records.ts';
export { serverHandshake } from './server.ts';
export { SessionCache, type SessionOwner } from './session-cache.ts';
export { streamProtection, streamSizes } from './stream-protection.ts';
export { type TrustAnchors, trustAnchors } from './trust-anchors.ts';
export { assertTrusted, evaluateServer, isTrusted } from './verdict.ts';
