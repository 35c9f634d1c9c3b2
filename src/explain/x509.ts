/**
 * X.509 certificates (RFC 5280 4.1), as far as people look at them, and as far as CredSSP and channel bindings take something from
 * them. The room of TLS has all of it too, but needs Node.js; this one has to work in a browser.
 * @module
 */
import { concat, md5, sha256, sha384, sha512 } from '../crypto/index.ts';
import {
  anyValue,
  bigInteger,
  bitString,
  boolean,
  decode,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  optional,
  type Schema,
  sequence,
  sequenceOf,
  setOf,
  type TypeOf,
} from '../der/index.ts';
import { packChannelBindings } from '../sspi/index.ts';

const AlgorithmIdentifier = sequence({ algorithm: objectIdentifier, parameters: optional(anyValue) });
const Attribute = sequence({ type: objectIdentifier, value: anyValue });

/** RDNSequence: the names of subject and issuer. */
export const Name = sequenceOf(setOf(Attribute, { max: 16 }), { max: 64 });
export type Name = TypeOf<typeof Name>;

const Extension = sequence({ extnID: objectIdentifier, critical: optional(boolean), extnValue: octetString });
export const GeneralNames = sequenceOf(anyValue, { max: 256 });
export const ExtKeyUsage = sequenceOf(objectIdentifier, { max: 64 });
export const BasicConstraints = sequence({ cA: optional(boolean), pathLenConstraint: optional(integer) });
/** RFC 8017 A.1.1. */
export const RSAPublicKey = sequence({ modulus: bigInteger, publicExponent: bigInteger });

export const SubjectPublicKeyInfo = sequence({ algorithm: AlgorithmIdentifier, subjectPublicKey: bitString });

export const Certificate = sequence({
  tbsCertificate: sequence({
    version: optional(0, integer),
    serialNumber: bigInteger,
    signature: AlgorithmIdentifier,
    issuer: Name,
    validity: sequence({ notBefore: anyValue, notAfter: anyValue }),
    subject: Name,
    subjectPublicKeyInfo: SubjectPublicKeyInfo,
    issuerUniqueID: optional(implicit(1, bitString)),
    subjectUniqueID: optional(implicit(2, bitString)),
    extensions: optional(explicit(3, sequenceOf(Extension, { max: 64 }))),
  }),
  signatureAlgorithm: AlgorithmIdentifier,
  signatureValue: bitString,
});
export type Certificate = TypeOf<typeof Certificate>;

/** The parts of a certificate that something may have been computed over, the right one and those that it is mistaken for. */
export interface CertificateKey {
  /** Content of the SubjectPublicKey BIT STRING: what CredSSP means by the public key. */
  readonly subjectPublicKey: Uint8Array;
  /** Wrong inputs that occur in the field, by what they are. */
  readonly mistakes: ReadonlyMap<string, Uint8Array>;
}

/** For reading the key without caring for the rest: serial numbers and extensions may be whatever they are. */
const KeyOnly = sequence({
  tbsCertificate: sequence({
    version: optional(0, anyValue),
    serialNumber: anyValue,
    signature: anyValue,
    issuer: anyValue,
    validity: anyValue,
    subject: anyValue,
    subjectPublicKeyInfo: anyValue,
    issuerUniqueID: optional(implicit(1, bitString)),
    subjectUniqueID: optional(implicit(2, bitString)),
    extensions: optional(3, anyValue),
  }),
  signatureAlgorithm: AlgorithmIdentifier,
  signatureValue: bitString,
});

/** @throws DerError when it is not the DER of a certificate */
export function certificateKey(der: Uint8Array): CertificateKey {
  const { subjectPublicKeyInfo } = decode(KeyOnly, der).tbsCertificate;
  const { subjectPublicKey } = decode(SubjectPublicKeyInfo, subjectPublicKeyInfo);
  return {
    subjectPublicKey: subjectPublicKey.octets,
    mistakes: new Map([
      ['the DER of the whole certificate', der],
      ['the SubjectPublicKeyInfo, with its algorithm', subjectPublicKeyInfo],
      [
        'the BIT STRING with its octet of unused bits',
        concat(Uint8Array.of(subjectPublicKey.unused), subjectPublicKey.octets),
      ],
    ]),
  };
}

const SHA384_SIGNATURES = ['1.2.840.113549.1.1.12', '1.2.840.10045.4.3.3'];
const SHA512_SIGNATURES = ['1.2.840.113549.1.1.13', '1.2.840.10045.4.3.4'];
const RSASSA_PSS = '1.2.840.113549.1.1.10';
const HASH_OIDS = { SHA384: '2.16.840.1.101.3.4.2.2', SHA512: '2.16.840.1.101.3.4.2.3' };
const PssParameters: Schema<{ readonly hashAlgorithm?: { readonly algorithm: string } | undefined }> = sequence(
  { hashAlgorithm: optional(0, AlgorithmIdentifier) },
  { extensible: true },
);

/** The hash of `tls-server-end-point` bindings (RFC 5929 4.1) for a server with this certificate. @throws DerError */
export function endPointBindings(der: Uint8Array): Uint8Array {
  const { algorithm, parameters } = decode(KeyOnly, der).signatureAlgorithm;
  const named =
    algorithm === RSASSA_PSS && parameters !== undefined
      ? decode(PssParameters, parameters).hashAlgorithm?.algorithm
      : undefined;
  const hash =
    SHA384_SIGNATURES.includes(algorithm) || named === HASH_OIDS.SHA384
      ? sha384
      : SHA512_SIGNATURES.includes(algorithm) || named === HASH_OIDS.SHA512
        ? sha512
        : sha256;
  const applicationData = concat(new TextEncoder().encode('tls-server-end-point:'), hash(der));
  return md5(packChannelBindings({ applicationData }));
}
