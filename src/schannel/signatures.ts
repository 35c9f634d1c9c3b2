/**
 * Whether one certificate was signed with the key of another.
 * @module
 */
import { X509Certificate } from 'node:crypto';
import { decodeCertificate } from './certificate.ts';
import { remembered } from './remembered.ts';

/** Signatures with MD2, MD4, MD5 or SHA-1: certificates with such signatures have been forged. */
const BROKEN_ALGORITHMS: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.2',
  '1.2.840.113549.1.1.3',
  '1.2.840.113549.1.1.4',
  '1.2.840.113549.1.1.5',
  '1.3.14.3.2.29',
  '1.2.840.10040.4.3',
  '1.2.840.10045.4.1',
]);

/** Verdicts on the signature of a certificate, by issuer: they never change, and OpenSSL takes 0.1 ms to load a certificate. */
const verdictsOn = remembered((certificate) => remembered((issuer) => verify(certificate, issuer)));

/**
 * Whether `issuer`'s key made the signature of `certificate`, with an algorithm that still means something.
 * @param certificate - DER
 * @param issuer - DER
 */
export function isSignedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
  return verdictsOn(certificate)(issuer);
}

function verify(certificate: Uint8Array, issuer: Uint8Array): boolean {
  if (BROKEN_ALGORITHMS.has(decodeCertificate(certificate).signatureAlgorithm.algorithm)) return false;
  try {
    return new X509Certificate(certificate).verify(new X509Certificate(issuer).publicKey);
  } catch {
    return false; // OpenSSL cannot read one of them, or does not know the algorithm
  }
}
