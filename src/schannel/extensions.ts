/**
 * What the extensions and the subject of a certificate say (RFC 5280 4.1.2.6, 4.2).
 * @module
 */
import {
  anyValue,
  bitString,
  boolean,
  decode,
  integer,
  objectIdentifier,
  octetString,
  optional,
  sequence,
  sequenceOf,
} from '../der/index.ts';
import { decodeCertificate } from './certificate.ts';
import { remembered } from './remembered.ts';

const OID = {
  COMMON_NAME: '2.5.4.3',
  KEY_USAGE: '2.5.29.15',
  SUBJECT_ALT_NAME: '2.5.29.17',
  BASIC_CONSTRAINTS: '2.5.29.19',
  EXTENDED_KEY_USAGE: '2.5.29.37',
} as const;

/** Bits of the first octet of keyUsage. */
export const KEY_USAGE = {
  DIGITAL_SIGNATURE: 0x80,
  KEY_ENCIPHERMENT: 0x20,
  KEY_AGREEMENT: 0x08,
  KEY_CERT_SIGN: 0x04,
} as const;

const Extension = sequence({ extnID: objectIdentifier, critical: optional(boolean), extnValue: octetString });
const Extensions = sequenceOf(Extension, { min: 1, max: 64 });
const BasicConstraints = sequence({ cA: optional(boolean), pathLenConstraint: optional(integer) });
const ExtKeyUsage = sequenceOf(objectIdentifier, { min: 1, max: 64 });
const GeneralNames = sequenceOf(anyValue, { max: 1024 });

/** What of the extensions matters here. */
export interface CertificateExtensions {
  /** basicConstraints says that this is a CA. */
  readonly ca: boolean;
  readonly pathLength: number | undefined;
  /** Bits of {@link KEY_USAGE}; undefined: any. */
  readonly keyUsage: number | undefined;
  /** Object identifiers; undefined: any. */
  readonly extendedKeyUsage: readonly string[] | undefined;
  /** dNSName. */
  readonly dns: readonly string[];
  /** iPAddress, 4 or 16 octets. */
  readonly addresses: readonly Uint8Array[];
  /** A critical extension that is not known here: whoever does not understand it must not use the certificate. */
  readonly unknownCritical: boolean;
}

/** @throws DerError when the certificate or an extension that matters is not DER */
export const extensionsOf: (certificateDer: Uint8Array) => CertificateExtensions = remembered((certificateDer) => {
  const { extensions } = decodeCertificate(certificateDer).tbsCertificate;
  const list = extensions === undefined ? [] : decode(Extensions, extensions);
  const valueFor = new Map(list.map(({ extnID, extnValue }) => [extnID, extnValue]));
  const understood: ReadonlySet<string> = new Set(Object.values(OID));

  const constraints = optionally(valueFor.get(OID.BASIC_CONSTRAINTS), (value) => decode(BasicConstraints, value));
  const alternatives = optionally(valueFor.get(OID.SUBJECT_ALT_NAME), (value) => decode(GeneralNames, value)) ?? [];
  return {
    ca: constraints?.cA === true,
    pathLength: constraints?.pathLenConstraint,
    keyUsage: optionally(valueFor.get(OID.KEY_USAGE), (value) => decode(bitString, value).octets[0] ?? 0),
    extendedKeyUsage: optionally(valueFor.get(OID.EXTENDED_KEY_USAGE), (value) => decode(ExtKeyUsage, value)),
    dns: alternatives.filter((name) => name[0] === DNS_NAME).map((name) => asciiOf(contentsOf(name))),
    addresses: alternatives.filter((name) => name[0] === IP_ADDRESS).map(contentsOf),
    unknownCritical: list.some(({ extnID, critical }) => critical === true && !understood.has(extnID)),
  };
});

/** Tags of the GeneralNames that a host can be compared with. */
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

function optionally<T>(value: Uint8Array | undefined, read: (value: Uint8Array) => T): T | undefined {
  return value === undefined ? undefined : read(value);
}

// ----------------------------------------------------------------------------------------------------------------- names

const AttributeTypeAndValue = sequence({ type: objectIdentifier, value: anyValue });
const RelativeDistinguishedName = sequenceOf(AttributeTypeAndValue, { max: 64 });
const RDNSequence = sequenceOf(anyValue, { max: 256 });

/** The attributes of a distinguished name in their order, as object identifier and text. */
export function attributesOf(name: Uint8Array): readonly { readonly type: string; readonly text: string }[] {
  return decode(RDNSequence, name).flatMap((set) => {
    // A SET OF is a SEQUENCE OF under another tag.
    const asSequence = new Uint8Array(set);
    asSequence[0] = 0x30;
    return decode(RelativeDistinguishedName, asSequence).map(({ type, value }) => ({ type, text: textOf(value) }));
  });
}

/** CommonName of the subject. */
export function commonNamesOf(certificateDer: Uint8Array): readonly string[] {
  const { subject } = decodeCertificate(certificateDer).tbsCertificate;
  return attributesOf(subject)
    .filter(({ type }) => type === OID.COMMON_NAME)
    .map(({ text }) => text);
}

const BMP_STRING = 0x1e;
const UTF8_STRING = 0x0c;

/** DirectoryString. TeletexString is read as Latin-1, as everybody does. */
function textOf(value: Uint8Array): string {
  const contents = contentsOf(value);
  if (value[0] === UTF8_STRING) return new TextDecoder().decode(contents);
  if (value[0] === BMP_STRING) return new TextDecoder('utf-16be').decode(contents);
  return asciiOf(contents);
}

function asciiOf(octets: Uint8Array): string {
  return String.fromCharCode(...octets.subarray(0, 1024));
}

/** What stands behind identifier and length of a value that was found to be well-formed. */
function contentsOf(value: Uint8Array): Uint8Array {
  const first = value[1] ?? 0;
  return value.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
}
