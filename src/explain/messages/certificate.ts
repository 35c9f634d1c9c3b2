/**
 * A certificate as a tree: whose it is, for which hosts, for how long, with what kind of key.
 * @module
 */
import { decodeUtf16, sha256, toHex } from '../../crypto/index.ts';
import { DerError, decode, generalizedTime } from '../../der/index.ts';
import { asciiText, flagsText, hexText, printable, timeText } from '../text.ts';
import { type ReadField, reasonOf, traceDer } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';
import { BasicConstraints, Certificate, ExtKeyUsage, GeneralNames, type Name, RSAPublicKey } from '../x509.ts';

const ATTRIBUTES: Readonly<Record<string, string>> = {
  '2.5.4.3': 'CN',
  '2.5.4.5': 'serialNumber',
  '2.5.4.6': 'C',
  '2.5.4.7': 'L',
  '2.5.4.8': 'ST',
  '2.5.4.10': 'O',
  '2.5.4.11': 'OU',
  '0.9.2342.19200300.100.1.25': 'DC',
};

const OIDS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.1': 'rsaEncryption',
  '1.2.840.113549.1.1.5': 'sha1WithRSAEncryption',
  '1.2.840.113549.1.1.10': 'RSASSA-PSS',
  '1.2.840.113549.1.1.11': 'sha256WithRSAEncryption',
  '1.2.840.113549.1.1.12': 'sha384WithRSAEncryption',
  '1.2.840.113549.1.1.13': 'sha512WithRSAEncryption',
  '1.2.840.10045.2.1': 'id-ecPublicKey',
  '1.2.840.10045.4.3.2': 'ecdsa-with-SHA256',
  '1.2.840.10045.4.3.3': 'ecdsa-with-SHA384',
  '1.2.840.10045.4.3.4': 'ecdsa-with-SHA512',
  '1.3.101.112': 'Ed25519',
  '1.3.101.113': 'Ed448',
  '2.5.29.14': 'subjectKeyIdentifier',
  '2.5.29.15': 'keyUsage',
  '2.5.29.17': 'subjectAltName',
  '2.5.29.19': 'basicConstraints',
  '2.5.29.31': 'cRLDistributionPoints',
  '2.5.29.32': 'certificatePolicies',
  '2.5.29.35': 'authorityKeyIdentifier',
  '2.5.29.37': 'extKeyUsage',
  '1.3.6.1.5.5.7.1.1': 'authorityInfoAccess',
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.4.1.311.54.1.2': 'Remote Desktop Authentication',
  '1.3.6.1.4.1.311.20.2.2': 'smart card logon',
};

const KEY_USAGE = {
  digitalSignature: 0x80,
  nonRepudiation: 0x40,
  keyEncipherment: 0x20,
  dataEncipherment: 0x10,
  keyAgreement: 0x08,
  keyCertSign: 0x04,
  cRLSign: 0x02,
} as const;

/** @returns subject and fingerprint in one line */
export function describeCertificate(der: Uint8Array, branch: Branch): string {
  const certificate = traceDer({ schema: Certificate, octets: der, branch, dress });
  const fingerprint = `SHA-256 ${toHex(sha256(der))}`;
  branch.value = fingerprint;
  const subject = certificate === undefined ? undefined : guarded(() => nameText(certificate.tbsCertificate.subject));
  if (certificate !== undefined) describeKey(certificate, branch);
  return subject ?? fingerprint;
}

function describeKey(certificate: Certificate, branch: Branch): void {
  const { algorithm, subjectPublicKey } = certificate.tbsCertificate.subjectPublicKeyInfo;
  const place = branch.find('subjectPublicKey');
  if (place === undefined) return;
  const { octets } = subjectPublicKey;
  const kind = oidText(algorithm.algorithm);
  const bits = guarded(() => {
    if (kind === 'rsaEncryption') return decode(RSAPublicKey, octets).modulus.toString(2).length;
    return kind === 'id-ecPublicKey' ? ((octets.length - 1) / 2) * 8 : undefined;
  });
  place.value = `${kind}${bits === undefined ? '' : `, ${bits} bits`}; SHA-256 ${toHex(sha256(octets))}`;
}

function dress({ name, value, branch, before }: ReadField): string | undefined {
  switch (name) {
    case 'issuer':
    case 'subject':
      branch.children = [];
      return guarded(() => nameText(value as Name)); // the field was read with that schema
    case 'validity':
      return undefined;
    case 'notBefore':
    case 'notAfter':
      return value instanceof Uint8Array ? guarded(() => timeText(timeOf(value))) : undefined;
    case 'algorithm':
    case 'extnID':
      return typeof value === 'string' ? oidText(value) : undefined;
    case 'extnValue':
      return value instanceof Uint8Array
        ? guarded(() => extensionText(String(before.get('extnID')), value))
        : undefined;
    case 'signatureValue':
      return '';
    default:
      return undefined;
  }
}

/** What an extension says; the octets of those that nobody asks for. */
function extensionText(oid: string, value: Uint8Array): string {
  switch (oidText(oid)) {
    case 'subjectAltName':
      return decode(GeneralNames, value).map(generalNameText).join(', ');
    case 'extKeyUsage':
      return decode(ExtKeyUsage, value).map(oidText).join(', ');
    case 'keyUsage':
      return flagsText(value[3] ?? 0, KEY_USAGE);
    case 'basicConstraints':
      return decode(BasicConstraints, value).cA === true ? 'CA' : 'not a CA';
    default:
      return hexText(value, 24);
  }
}

function generalNameText(name: Uint8Array): string {
  const content = name.subarray(2);
  switch (name[0]) {
    case 0x81:
      return `mail ${asciiText(content)}`;
    case 0x82:
      return `DNS ${asciiText(content)}`;
    case 0x86:
      return `URI ${asciiText(content)}`;
    case 0x87:
      return `IP ${content.length === 4 ? content.join('.') : toHex(content)}`;
    default:
      return hexText(name, 16);
  }
}

function nameText(name: Name): string {
  const parts = name.flat().map(({ type, value }) => `${ATTRIBUTES[type] ?? type}=${stringText(value)}`);
  return parts.length === 0 ? '(empty)' : parts.join(', ');
}

/** A DirectoryString: the types that occur are ASCII or UTF-8, but for BMPString. */
function stringText(value: Uint8Array): string {
  const long = (value[1] ?? 0) >= 0x80;
  const content = value.subarray(long ? 2 + ((value[1] ?? 0) & 0x7f) : 2);
  if (value[0] !== 0x1e) return printable(new TextDecoder().decode(content));
  return printable(decodeUtf16(Uint8Array.from(content, (_, at) => content[at ^ 1] ?? 0)));
}

const UTC_TIME = 0x17;

/** RFC 5280 4.1.2.5. */
function timeOf(time: Uint8Array): number {
  if (time[0] !== UTC_TIME) return decode(generalizedTime, time);
  const parts = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(asciiText(time.subarray(2)));
  if (parts === null) throw new DerError('UTCTime is not of the form YYMMDDHHMMSSZ');
  const [, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  return Date.UTC(year < 50 ? 2000 + year : 1900 + year, month - 1, day, hour, minute, second);
}

function oidText(oid: string): string {
  return OIDS[oid] ?? oid;
}

/** Certificates come with all sorts of oddities; one that cannot be shown is shown as what is wrong with it. */
function guarded<T>(show: () => T): T | string {
  try {
    return show();
  } catch (error) {
    return `(${reasonOf(error)})`;
  }
}
