/**
 * Whether one certificate was signed with the key of another.
 * @module
 */
import { X509Certificate } from 'node:crypto';
import { sha256, toHex } from '../crypto/index.ts';
import { decodeCertificate } from './certificate.ts';

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

/** Verdicts by the hashes of both certificates: they never change, and loading a certificate costs 0.1 ms. */
const verdicts = new Map<string, boolean>();
const MOST_VERDICTS = 512;

/**
 * Whether `issuer`'s key made the signature of `certificate`, with an algorithm that still means something.
 * @param certificate - DER
 * @param issuer - DER
 */
export function isSignedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
  if (BROKEN_ALGORITHMS.has(decodeCertificate(certificate).signatureAlgorithm.algorithm)) return false;
  const key = `${toHex(sha256(certificate))} ${toHex(sha256(issuer))}`;
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const verdict = verify(certificate, issuer);
  const [oldest] = verdicts.keys();
  if (verdicts.size >= MOST_VERDICTS && oldest !== undefined) verdicts.delete(oldest);
  verdicts.set(key, verdict);
  return verdict;
}

function verify(certificate: Uint8Array, issuer: Uint8Array): boolean {
  try {
    return new X509Certificate(certificate).verify(new X509Certificate(issuer).publicKey);
  } catch {
    return false; // OpenSSL cannot read one of them, or does not know the algorithm
  }
}
