/**
 * Channel bindings of a TLS connection: what ties an authentication inside to the connection around it (RFC 5929, RFC 9266).
 * @module
 */
import { concat, sha256, sha384, sha512 } from '../crypto/index.ts';
import { anyValue, decode, objectIdentifier, optional, sequence } from '../der/index.ts';
import { SspiError } from '../sspi/index.ts';
import { decodeCertificate } from './certificate.ts';
import type { TlsEngine } from './engine.ts';

const SHA384_SIGNATURES: ReadonlySet<string> = new Set(['1.2.840.113549.1.1.12', '1.2.840.10045.4.3.3']);
const SHA512_SIGNATURES: ReadonlySet<string> = new Set(['1.2.840.113549.1.1.13', '1.2.840.10045.4.3.4']);
const RSASSA_PSS = '1.2.840.113549.1.1.10';
const SHA384 = '2.16.840.1.101.3.4.2.2';
const SHA512 = '2.16.840.1.101.3.4.2.3';

/** RFC 4055 3.1. Only the hash matters; it is SHA-1 when absent. */
const PssParameters = sequence(
  { hashAlgorithm: optional(0, sequence({ algorithm: objectIdentifier, parameters: optional(anyValue) })) },
  { extensible: true },
);

/**
 * `tls-server-end-point`: the hash of the server's certificate, with the hash function of its signature; MD5 and SHA-1 give way
 * to SHA-256 (RFC 5929 4.1). The RFC leaves open what to do for signatures without a hash function of their own, as Ed25519:
 * SHA-256 here, as other implementations of Windows protocols have it.
 * @param serverCertificate - DER
 * @returns application data for channel bindings, prefix included
 * @see https://www.rfc-editor.org/rfc/rfc5929#section-4
 */
export function tlsServerEndPoint(serverCertificate: Uint8Array): Uint8Array {
  return concat(ascii('tls-server-end-point:'), hashForCertificate(serverCertificate)(serverCertificate));
}

function hashForCertificate(der: Uint8Array): (...parts: Uint8Array[]) => Uint8Array {
  const { algorithm, parameters } = decodeCertificate(der).signatureAlgorithm;
  if (SHA384_SIGNATURES.has(algorithm)) return sha384;
  if (SHA512_SIGNATURES.has(algorithm)) return sha512;
  if (algorithm !== RSASSA_PSS || parameters === undefined) return sha256;
  const hash = decode(PssParameters, parameters).hashAlgorithm?.algorithm;
  return hash === SHA384 ? sha384 : hash === SHA512 ? sha512 : sha256;
}

/**
 * `tls-unique`: the first Finished message of the handshake (RFC 5929 3.1).
 * @throws SspiError UNSUPPORTED_FUNCTION under TLS 1.3, which has no such binding
 */
export function tlsUnique(engine: TlsEngine): Uint8Array {
  const finished = engine.firstFinished;
  if (engine.parameters.protocol === 'TLSv1.3' || finished === undefined)
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'tls-unique', detail: 'there is none under TLS 1.3' });
  return concat(ascii('tls-unique:'), finished);
}

/** `tls-exporter`: keying material for this purpose alone (RFC 9266). Under TLS 1.2 only as good as extended master secret. */
export function tlsExporter(engine: TlsEngine): Uint8Array {
  return concat(ascii('tls-exporter:'), engine.exportKeyingMaterial('EXPORTER-Channel-Binding', new Uint8Array(0), 32));
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
