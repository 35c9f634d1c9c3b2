/**
 * The key that CredSSP binds to, out of a certificate (contract X30). Whoever has TLS elsewhere takes it from here: the wrong
 * octets, such as the whole certificate or its SubjectPublicKeyInfo, show as a binding that fails and nothing else.
 * @module
 */
import { anyValue, bitString, decode, implicit, optional, sequence } from '../der/index.ts';

/** RFC 5280 4.1, as far as it is needed: the rest may be whatever it is. */
const Certificate = sequence({
  tbsCertificate: sequence({
    version: optional(0, anyValue),
    serialNumber: anyValue,
    signature: anyValue,
    issuer: anyValue,
    validity: anyValue,
    subject: anyValue,
    subjectPublicKeyInfo: sequence({ algorithm: anyValue, subjectPublicKey: bitString }),
    issuerUniqueID: optional(implicit(1, bitString)),
    subjectUniqueID: optional(implicit(2, bitString)),
    extensions: optional(3, anyValue),
  }),
  signatureAlgorithm: anyValue,
  signatureValue: bitString,
});

/**
 * The content of the SubjectPublicKey BIT STRING, without the octet that counts unused bits. RSA: the DER of an RSAPublicKey; EC: the
 * point; Ed25519: 32 octets.
 * @param certificateDer - the leaf that the TLS server presented
 * @throws DerError when it is not the DER of a certificate
 * @example
 * const publicKey = subjectPublicKey(certificates[0]);
 */
export function subjectPublicKey(certificateDer: Uint8Array): Uint8Array {
  return decode(Certificate, certificateDer).tbsCertificate.subjectPublicKeyInfo.subjectPublicKey.octets;
}
