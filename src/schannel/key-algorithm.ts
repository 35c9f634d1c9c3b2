/**
 * What kind of key a certificate holds.
 * @module
 */
import { bigInteger, decode, sequence } from '../der/index.ts';
import { decodeCertificate } from './certificate.ts';
import { ALG_ID } from './cipher-suites.ts';

/** A public key, described. */
export interface KeyAlgorithm {
  readonly name: 'RSA' | 'ECDSA' | 'Ed25519' | 'Ed448' | 'DSA' | 'unknown';
  /** 0 when it is not known. */
  readonly bits: number;
  /** ALG_ID; 0 when Windows has none. */
  readonly algorithm: number;
}

/** RFC 8017 A.1.1. */
const RSAPublicKey = sequence({ modulus: bigInteger, publicExponent: bigInteger });

/** @throws DerError when the certificate is malformed */
export function keyAlgorithmOf(certificateDer: Uint8Array): KeyAlgorithm {
  const { algorithm, subjectPublicKey } = decodeCertificate(certificateDer).tbsCertificate.subjectPublicKeyInfo;
  const { octets } = subjectPublicKey;
  switch (algorithm.algorithm) {
    case '1.2.840.113549.1.1.1':
    case '1.2.840.113549.1.1.10':
      return { name: 'RSA', bits: decode(RSAPublicKey, octets).modulus.toString(2).length, algorithm: ALG_ID.RSA_SIGN };
    case '1.2.840.10045.2.1': // the point is 04 | X | Y
      return { name: 'ECDSA', bits: ((octets.length - 1) / 2) * 8, algorithm: ALG_ID.ECDSA };
    case '1.3.101.112':
      return { name: 'Ed25519', bits: 256, algorithm: 0 };
    case '1.3.101.113':
      return { name: 'Ed448', bits: 456, algorithm: 0 };
    case '1.2.840.10040.4.1':
      return { name: 'DSA', bits: 0, algorithm: 0x2200 };
    default:
      return { name: 'unknown', bits: 0, algorithm: 0 };
  }
}
