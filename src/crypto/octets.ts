/**
 * Small change: joining octets, hexadecimal, UTF-16LE.
 * @module
 */

/**
 * Octets of a length or form that cannot be used. Where octets come from a peer this is the peer's fault: the driver reports
 * it as a malformed token.
 */
export class OctetsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OctetsError';
  }
}

/**
 * Joins octets.
 * @param parts - in order; none are changed
 * @returns a new array, even for a single part
 */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const HEX_OF: readonly string[] = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));

/** Octets as hexadecimal digits in lower case, two each. */
export function toHex(octets: Uint8Array): string {
  let hex = '';
  for (const octet of octets) hex += HEX_OF[octet];
  return hex;
}

/**
 * Hexadecimal digits as octets.
 * @param hex - upper or lower case, two digits for each octet, nothing else between them
 * @throws OctetsError for an odd number of digits, or anything that is not a digit
 */
export function fromHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0)
    throw new OctetsError(`hexadecimal text needs two digits for each octet, and has ${hex.length}`);
  const octets = new Uint8Array(hex.length / 2);
  for (let i = 0; i < octets.length; i++) octets[i] = (digitAt(hex, 2 * i) << 4) | digitAt(hex, 2 * i + 1);
  return octets;
}

function digitAt(hex: string, index: number): number {
  const code = hex.charCodeAt(index);
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20; // lower case
  if (letter >= 0x61 && letter <= 0x66) return letter - 0x61 + 10;
  // The character itself stays out of the message: the text may be a key with a slip of the pen in it.
  throw new OctetsError(`not a hexadecimal digit at position ${index}`);
}

/**
 * Text as UTF-16LE without mark or terminator: the form in which Windows protocols carry names and passwords.
 *
 * Code units go over as they are. A password is hashed unit by unit, and those of machine accounts are random units that are
 * not always Unicode.
 */
export function encodeUtf16(text: string): Uint8Array {
  const octets = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    octets[2 * i] = unit; // the array keeps the low 8 bits
    octets[2 * i + 1] = unit >>> 8;
  }
  return octets;
}

/** So many units are turned into text at once: each is an argument of a call, and calls bear only so many. */
const UNITS_AT_ONCE = 4096;

/**
 * UTF-16LE as text, code units as they are: the reverse of {@link encodeUtf16}.
 * @throws OctetsError for an odd number of octets
 */
export function decodeUtf16(octets: Uint8Array): string {
  if (octets.length % 2 !== 0) throw new OctetsError(`UTF-16 text has an odd number of octets: ${octets.length}`);
  let text = '';
  for (let start = 0; start < octets.length; start += 2 * UNITS_AT_ONCE) {
    const end = Math.min(start + 2 * UNITS_AT_ONCE, octets.length);
    const units: number[] = [];
    for (let i = start; i < end; i += 2) units.push((octets[i] ?? 0) | ((octets[i + 1] ?? 0) << 8));
    text += String.fromCharCode(...units);
  }
  return text;
}
