/**
 * A self-signed certificate (RFC 5280), made of our own DER schemas: Node.js can sign but makes no X.509. For the lab, and for
 * `serve rdp` and `peer accept` without `--cert`; a server that matters has a certificate of a CA.
 * @module
 */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  anyValue,
  bigInteger,
  bitString,
  boolean,
  encode,
  explicit,
  ia5String,
  implicit,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  optional,
  sequence,
  sequenceOf,
  utf8String,
} from '../der/index.ts';
import type { CertificateWithKey } from '../sspi/index.ts';

const OID = {
  commonName: '2.5.4.3',
  subjectAltName: '2.5.29.17',
  extendedKeyUsage: '2.5.29.37',
  serverAuthentication: '1.3.6.1.5.5.7.3.1',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
} as const;

const EcdsaAlgorithm = sequence({ algorithm: objectIdentifier });
const RsaAlgorithm = sequence({ algorithm: objectIdentifier, parameters: nullValue });
const AttributeTypeAndValue = sequence({ type: objectIdentifier, value: utf8String });
const Extension = sequence({ extnID: objectIdentifier, critical: boolean, extnValue: octetString });
const KeyPurposes = sequenceOf(objectIdentifier);
const DnsName = implicit(2, ia5String);
const IpAddress = implicit(7, octetString);
const GeneralNames = sequenceOf(anyValue);

/** RFC 5280 4.1.2. `signature` repeats the algorithm; names, times and key come encoded. */
const TBSCertificate = sequence({
  version: explicit(0, integer),
  serialNumber: bigInteger,
  signature: anyValue,
  issuer: anyValue,
  validity: sequence({ notBefore: anyValue, notAfter: anyValue }),
  subject: anyValue,
  subjectPublicKeyInfo: anyValue,
  extensions: optional(3, sequenceOf(Extension)),
});

/** RFC 5280 4.1. */
const Certificate = sequence({ tbsCertificate: anyValue, signatureAlgorithm: anyValue, signatureValue: bitString });

const SET = 0x31;
const UTC_TIME = 0x17;
const DAY = 86_400_000;

/** What the certificate says. */
export interface SelfSignedOptions {
  /** `ec` is P-256. Some old RDP clients read RSA keys only. */
  readonly key: 'rsa' | 'ec';
  /** The first one is the common name, too. */
  readonly dnsNames: readonly [string, ...string[]];
  /** IPv4. */
  readonly addresses?: readonly string[];
  /** Milliseconds since 1970; valid from a day before until 30 days after. */
  readonly now: number;
}

/** Makes a key pair and a certificate for it. */
export function selfSigned({ key, dnsNames, addresses = [], now }: SelfSignedOptions): CertificateWithKey {
  const pair = newKeyPair(key);
  const algorithm =
    key === 'rsa'
      ? encode(RsaAlgorithm, { algorithm: OID.sha256WithRsa, parameters: null })
      : encode(EcdsaAlgorithm, { algorithm: OID.ecdsaWithSha256 });
  const name = commonName(dnsNames[0]);
  const alternatives = [
    ...dnsNames.map((dnsName) => encode(DnsName, dnsName)),
    ...addresses.map((address) => encode(IpAddress, Uint8Array.from(address.split('.'), Number))),
  ];
  const tbsCertificate = encode(TBSCertificate, {
    version: 2, // v3
    serialNumber: BigInt(`0x01${randomBytes(8).toString('hex')}`),
    signature: algorithm,
    issuer: name,
    validity: { notBefore: utcTime(now - DAY), notAfter: utcTime(now + 30 * DAY) },
    subject: name,
    subjectPublicKeyInfo: pair.publicKey,
    extensions: [
      { extnID: OID.subjectAltName, critical: false, extnValue: encode(GeneralNames, alternatives) },
      { extnID: OID.extendedKeyUsage, critical: false, extnValue: encode(KeyPurposes, [OID.serverAuthentication]) },
    ],
  });
  const octets = sign('sha256', tbsCertificate, pair.privateKey);
  const signatureValue = { unused: 0, octets };
  const certificate = encode(Certificate, { tbsCertificate, signatureAlgorithm: algorithm, signatureValue });
  return { certificate: pem('CERTIFICATE', certificate), privateKey: pair.privateKey };
}

function newKeyPair(key: 'rsa' | 'ec'): { privateKey: string; publicKey: Uint8Array } {
  const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const;
  const publicKeyEncoding = { type: 'spki', format: 'der' } as const;
  return key === 'rsa'
    ? generateKeyPairSync('rsa', { modulusLength: 2048, privateKeyEncoding, publicKeyEncoding })
    : generateKeyPairSync('ec', { namedCurve: 'P-256', privateKeyEncoding, publicKeyEncoding });
}

function commonName(value: string): Uint8Array {
  const set = shortValue(SET, encode(AttributeTypeAndValue, { type: OID.commonName, value }));
  return encode(sequenceOf(anyValue), [set]);
}

/** RFC 5280 4.1.2.5: UTCTime through the year 2049. */
function utcTime(milliseconds: number): Uint8Array {
  const text = `${new Date(milliseconds).toISOString().slice(2, 19).replace(/[-:T]/gu, '')}Z`;
  return shortValue(UTC_TIME, new TextEncoder().encode(text));
}

function shortValue(tag: number, contents: Uint8Array): Uint8Array {
  return Uint8Array.of(tag, contents.length, ...contents);
}

function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/gu) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
