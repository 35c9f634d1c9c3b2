/**
 * What a TLS channel tells about itself, for Schannel and CredSSP contexts alike (contract §2.3).
 * @module
 */
import {
  type AttributeName,
  type AttributeValues,
  NEVER,
  type Scope,
  SP_PROT,
  SspiError,
  toFileTime,
} from '../sspi/index.ts';
import { tlsServerEndPoint, tlsUnique } from './bindings.ts';
import { validityOf } from './certificate.ts';
import { ALG_ID, cipherSuite } from './cipher-suites.ts';
import type { NegotiatedParameters, TlsEngine } from './engine.ts';
import { keyAlgorithmOf } from './key-algorithm.ts';
import { SCHANNEL_MAX_TOKEN, streamSizes, tlsSizes } from './stream-protection.ts';

/** The attributes that {@link publishTlsAttributes} makes known. */
export const TLS_ATTRIBUTES = [
  'SIZES',
  'LIFESPAN',
  'STREAM_SIZES',
  'KEY_INFO',
  'UNIQUE_BINDINGS',
  'ENDPOINT_BINDINGS',
  'APPLICATION_PROTOCOL',
  'REMOTE_CERT_CONTEXT',
  'LOCAL_CERT_CONTEXT',
  'CONNECTION_INFO',
  'SESSION_INFO',
  'REMOTE_CERTIFICATES',
  'CIPHER_INFO',
  'REMOTE_CERT_CHAIN',
  'KEYING_MATERIAL',
] as const satisfies readonly AttributeName[];

/**
 * Makes the attributes of an engine known whose handshake is over. Values are computed when somebody asks.
 * @param maxToken - cbMaxToken of the package that the context belongs to
 */
export function publishTlsAttributes(scope: Scope, engine: TlsEngine, maxToken: number = SCHANNEL_MAX_TOKEN): void {
  const start = toFileTime(scope.host.clock.now());
  scope.publish('SIZES', () => tlsSizes(engine, maxToken));
  scope.publish('STREAM_SIZES', () => streamSizes(engine));
  scope.publish('LIFESPAN', () => ({ start, expiry: expiryOf(engine) }));
  scope.publish('KEY_INFO', () => keyInfo(engine));
  scope.publish('CIPHER_INFO', () => cipherInfo(engine.parameters));
  scope.publish('CONNECTION_INFO', () => connectionInfo(engine));
  scope.publish('SESSION_INFO', () => ({ reconnect: false, sessionId: engine.sessionId }));
  scope.publish('APPLICATION_PROTOCOL', () => ({ protocol: engine.parameters.applicationProtocol }));
  scope.publish('REMOTE_CERT_CONTEXT', () => ({ certificate: copyOf(engine.peerCertificates[0], 'the peer') }));
  scope.publish('LOCAL_CERT_CONTEXT', () => ({ certificate: copyOf(engine.ownCertificate, 'this side') }));
  scope.publish('REMOTE_CERTIFICATES', () => ({
    certificates: engine.peerCertificates.map((der) => new Uint8Array(der)),
  }));
  scope.publish('REMOTE_CERT_CHAIN', () => ({
    certificates: engine.peerCertificates.map((der) => new Uint8Array(der)),
  }));
  scope.publish('ENDPOINT_BINDINGS', () => ({ applicationData: tlsServerEndPoint(serverCertificate(engine)) }));
  scope.publish('UNIQUE_BINDINGS', () => ({ applicationData: tlsUnique(engine) }));
  scope.publish('KEYING_MATERIAL', () => ({
    export: (label, context, length) => engine.exportKeyingMaterial(label, context, length),
  }));
}

/** When the server's certificate ends, in FILETIME ticks: the expiry of the context (contract R46). */
export function expiryOf(engine: TlsEngine): bigint {
  const certificate = engine.role === 'client' ? engine.peerCertificates[0] : engine.ownCertificate;
  return certificate === undefined ? NEVER : toFileTime(validityOf(certificate).notAfter);
}

function serverCertificate(engine: TlsEngine): Uint8Array {
  return present(engine.role === 'client' ? engine.peerCertificates[0] : engine.ownCertificate, 'the server');
}

/** Engines share the arrays of certificates; what goes out belongs to who asked. */
function copyOf(certificate: Uint8Array | undefined, whose: string): Uint8Array {
  return new Uint8Array(present(certificate, whose));
}

/** Schannel's answer for a certificate that is not there is SEC_E_NO_CREDENTIALS. */
function present(certificate: Uint8Array | undefined, whose: string): Uint8Array {
  if (certificate !== undefined) return certificate;
  throw new SspiError('NO_CREDENTIALS', { stage: 'TLS attributes', detail: `${whose} presented no certificate` });
}

const VERSIONS = {
  TLSv1: { number: 0x0301, client: SP_PROT.TLS1_0_CLIENT, server: SP_PROT.TLS1_0_SERVER },
  'TLSv1.1': { number: 0x0302, client: SP_PROT.TLS1_1_CLIENT, server: SP_PROT.TLS1_1_SERVER },
  'TLSv1.2': { number: 0x0303, client: SP_PROT.TLS1_2_CLIENT, server: SP_PROT.TLS1_2_SERVER },
  'TLSv1.3': { number: 0x0304, client: SP_PROT.TLS1_3_CLIENT, server: SP_PROT.TLS1_3_SERVER },
} as const;

function connectionInfo(engine: TlsEngine): AttributeValues['CONNECTION_INFO'] {
  const { protocol, cipherSuite: name, ephemeralKey } = engine.parameters;
  const suite = cipherSuite(name);
  const isStatic = suite.exchange === 'RSA';
  const isFiniteField = suite.exchange === 'DHE' || ephemeralKey?.type === 'DH';
  return {
    protocol: VERSIONS[protocol][engine.role],
    cipher: suite.cipherAlgorithm,
    cipherStrength: suite.cipherLength,
    hash: suite.hashAlgorithm,
    hashStrength: suite.hashAlgorithm === 0 ? 0 : suite.hashLength,
    exchange: isStatic ? ALG_ID.RSA_KEYX : isFiniteField ? ALG_ID.DH_EPHEM : ALG_ID.ECDH_EPHEM,
    exchangeStrength: isStatic ? keyAlgorithmOf(serverCertificate(engine)).bits : (ephemeralKey?.bits ?? 0),
  };
}

function cipherInfo({ protocol, cipherSuite: name }: NegotiatedParameters): AttributeValues['CIPHER_INFO'] {
  const suite = cipherSuite(name);
  const hasMac = suite.hashAlgorithm !== 0;
  return {
    protocol: VERSIONS[protocol].number,
    cipherSuite: suite.number,
    cipherSuiteName: name,
    cipherName: suite.cipher === 'CHACHA20' ? 'CHACHA20_POLY1305' : suite.cipher,
    cipherLength: suite.cipherLength,
    cipherBlockLength: suite.blockLength,
    hashName: hasMac ? suite.hash : '',
    hashLength: hasMac ? suite.hashLength : 0,
    exchangeName: { ECDHE: 'ECDH', DHE: 'DH', RSA: 'RSA', none: '' }[suite.exchange ?? 'none'],
    certificateName: suite.signature ?? '',
  };
}

function keyInfo(engine: TlsEngine): AttributeValues['KEY_INFO'] {
  const suite = cipherSuite(engine.parameters.cipherSuite);
  const { name, algorithm } = keyAlgorithmOf(serverCertificate(engine));
  return {
    signatureAlgorithmName: name,
    encryptAlgorithmName: suite.cipher,
    keySize: suite.cipherLength,
    signatureAlgorithm: algorithm,
    encryptAlgorithm: suite.cipherAlgorithm,
  };
}
