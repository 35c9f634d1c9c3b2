/**
 * Base64 as people paste it: over several lines, with the alphabet of URLs, without padding.
 * @module
 */

/** @returns undefined when it is not base64 */
export function fromBase64(text: string): Uint8Array | undefined {
  const digits = text
    .replace(/\s/gu, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/={0,2}$/u, '');
  if (digits.length === 0 || digits.length % 4 === 1 || !/^[A-Za-z0-9+/]+$/u.test(digits)) return undefined;
  const binary = atob(digits);
  const octets = new Uint8Array(binary.length);
  for (let i = 0; i < octets.length; i++) octets[i] = binary.charCodeAt(i);
  return octets;
}
