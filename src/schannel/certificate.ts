/**
 * X.509 certificates (RFC 5280 4.1), as far as TLS, CredSSP and the evaluation of chains look into them.
 * @module
 */
import {
  anyValue,
  bitString,
  DerError,
  decode,
  generalizedTime,
  implicit,
  integer,
  objectIdentifier,
  optional,
  sequence,
  type TypeOf,
} from '../der/index.ts';
import { remembered } from './remembered.ts';

const AlgorithmIdentifier = sequence({ algorithm: objectIdentifier, parameters: optional(anyValue) });

/** What is of no interest to everybody stays undecoded: a serial number that is not DER must not end a handshake. */
const TBSCertificate = sequence({
  version: optional(0, integer),
  serialNumber: anyValue,
  signature: AlgorithmIdentifier,
  issuer: anyValue,
  validity: sequence({ notBefore: anyValue, notAfter: anyValue }),
  subject: anyValue,
  subjectPublicKeyInfo: sequence({ algorithm: AlgorithmIdentifier, subjectPublicKey: bitString }),
  issuerUniqueID: optional(implicit(1, bitString)),
  subjectUniqueID: optional(implicit(2, bitString)),
  extensions: optional(3, anyValue),
});

const Certificate = sequence({
  tbsCertificate: TBSCertificate,
  signatureAlgorithm: AlgorithmIdentifier,
  signatureValue: bitString,
});

/** A certificate taken apart. Octets are views of the DER. */
export type Certificate = TypeOf<typeof Certificate>;

/** @throws DerError when it is not the DER of a certificate */
export const decodeCertificate: (certificateDer: Uint8Array) => Certificate = remembered((der) =>
  decode(Certificate, der),
);

/**
 * The content of the SubjectPublicKey BIT STRING, without the octet that counts unused bits: what CredSSP binds to. RSA: the
 * DER of an RSAPublicKey; EC: the point; Ed25519: 32 octets (contract X30; faults Z8, Z49).
 * @param certificateDer - the leaf that the TLS server presented
 * @returns a view of `certificateDer`
 * @throws DerError when it is not the DER of a certificate
 */
export function subjectPublicKey(certificateDer: Uint8Array): Uint8Array {
  return decodeCertificate(certificateDer).tbsCertificate.subjectPublicKeyInfo.subjectPublicKey.octets;
}

/** From when until when a certificate is valid, in milliseconds since 1970; both ends belong to it. */
export const validityOf: (certificateDer: Uint8Array) => { readonly notBefore: number; readonly notAfter: number } =
  remembered((der) => {
    const { notBefore, notAfter } = decodeCertificate(der).tbsCertificate.validity;
    return { notBefore: timeOf(notBefore), notAfter: timeOf(notAfter) };
  });

const UTC_TIME = 0x17;

/** RFC 5280 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
function timeOf(time: Uint8Array): number {
  if (time[0] !== UTC_TIME) return decode(generalizedTime, time);
  const text = String.fromCharCode(...time.subarray(2));
  const parts = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (parts === null) throw new DerError('UTCTime is not of the form YYMMDDHHMMSSZ');
  const [, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  return Date.UTC(year < 50 ? 2000 + year : 1900 + year, month - 1, day, hour, minute, second);
}
