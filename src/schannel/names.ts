/**
 * Names in certificates: whether one is for a host (RFC 6125, RFC 2818 3.1), and whether two distinguished names are the same.
 * @module
 */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { decodeCertificate } from './certificate.ts';
import { attributesOf, commonNamesOf, extensionsOf } from './extensions.ts';
import { remembered } from './remembered.ts';

/**
 * Whether a certificate is for `host`. DNS names of the subjectAltName count, and iPAddress ones for a host that is an address;
 * the CommonName of the subject only where there is no DNS name, as on Windows.
 *
 * A wildcard stands for one whole label, the leftmost, and only in front of at least two others.
 * @throws DerError when the certificate is malformed
 */
export function matchesHost(certificateDer: Uint8Array, host: string): boolean {
  const { dns, addresses } = extensionsOf(certificateDer);
  if (isIP(host) !== 0) {
    const wanted = addressOctets(host);
    return addresses.some((address) => sameOctets(address, wanted));
  }
  const wanted = canonicalHost(host);
  const candidates = dns.length > 0 ? dns : commonNamesOf(certificateDer);
  return wanted !== '' && candidates.some((name) => matchesPattern(canonicalHost(name), wanted));
}

function matchesPattern(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host;
  const parent = pattern.slice(1);
  const label = host.slice(0, host.length - parent.length);
  const labelsOfParent = parent.split('.').length - 1;
  return labelsOfParent >= 2 && host.endsWith(parent) && label !== '' && !label.includes('.');
}

/** A host name as DNS and TLS have it: in ASCII (RFC 5890), without a final dot; case makes no difference. */
export function canonicalHost(name: string): string {
  const ascii = /^[\x21-\x7e]*$/.test(name) ? name : domainToASCII(name);
  return ascii.toLowerCase().replace(/\.$/, '');
}

/** An IP address in the form of iPAddress: 4 or 16 octets in network order. */
function addressOctets(address: string): Uint8Array {
  if (isIP(address) === 4) return Uint8Array.from(address.split('.'), Number);
  // The URL parser knows every way of writing an IPv6 address, and gives all of them one form. A zone is local to this machine.
  const [plain = ''] = address.split('%');
  const [head = '', tail] = new URL(`http://[${plain}]`).hostname.slice(1, -1).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  const groups = [...before, ...zeros, ...after].map((group) => Number.parseInt(group, 16));
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The subject of a certificate, in a form in which equal names are equal. */
export const subjectOf: (certificateDer: Uint8Array) => string = remembered((der) =>
  canonicalName(decodeCertificate(der).tbsCertificate.subject),
);

/** The issuer of a certificate, in the same form. */
export const issuerOf: (certificateDer: Uint8Array) => string = remembered((der) =>
  canonicalName(decodeCertificate(der).tbsCertificate.issuer),
);

/** String types, case and runs of blanks do not count (RFC 5280 7.1). */
function canonicalName(name: Uint8Array): string {
  const attributes = attributesOf(name).map(({ type, text }) => [type, text.trim().replace(/\s+/g, ' ').toLowerCase()]);
  return JSON.stringify(attributes);
}

/** Not for secrets: stops at the first difference. */
export function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}
