/**
 * Values as text for people: short, on one line, and harmless on a terminal whatever a peer wrote.
 * @module
 */
import { toHex } from '../crypto/index.ts';
import { fromFileTime, NEVER } from '../sspi/index.ts';

/** More of a text than this is of no use on a screen. */
const LONGEST_TEXT = 300;
/** Octets of hexadecimal. A hash, a nonce and a key identifier are whole. */
const LONGEST_HEX = 32;

/**
 * Text of a peer: control characters, and those that turn the direction of writing, are shown as their numbers, so that no name
 * can move the cursor or hide a part of itself.
 */
export function printable(text: string): string {
  const whole = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}... (${text.length} characters)` : text;
  return whole.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** Octets: all of them when they are few, else the first and how many there are. */
export function hexText(octets: Uint8Array, longest = LONGEST_HEX): string {
  if (octets.length === 0) return '(empty)';
  if (octets.length <= longest) return toHex(octets);
  return `${toHex(octets.subarray(0, longest))}... (${octets.length} octets)`;
}

/** What stands in place of a secret. */
export function secretText(octets: { readonly length: number }): string {
  return octets.length === 0 ? '(empty)' : `(${counted(octets.length, 'octet')}, not shown)`;
}

/** `1 octet`, `2 octets`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** A number with all its digits: `0xc000006d`. */
export function hexNumber(value: number, digits = 8): string {
  return `0x${value.toString(16).padStart(digits, '0')}`;
}

/** Milliseconds since 1970. */
export function timeText(milliseconds: number): string {
  const date = new Date(milliseconds);
  if (Number.isNaN(date.getTime())) return `${milliseconds} ms`;
  return date.toISOString().replace('.000Z', 'Z').replace('T', ' ');
}

/** FILETIME ticks. */
export function fileTimeText(ticks: bigint): string {
  if (ticks >= NEVER) return 'never';
  return ticks === 0n ? 'none' : timeText(fromFileTime(ticks));
}

/** The names of the bits that are set, and the rest as a number. */
export function flagsText(value: number, names: Readonly<Record<string, number>>): string {
  const found = Object.entries(names).filter(([, bit]) => bit !== 0 && (value & bit) >>> 0 === bit >>> 0);
  const known = found.reduce((sum, [, bit]) => (sum | bit) >>> 0, 0);
  const rest = (value & ~known) >>> 0;
  const parts = found.map(([name]) => name);
  if (rest !== 0) parts.push(hexNumber(rest, 1));
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** The name of a number in a table, with the number behind it. */
export function namedNumber(value: number, names: Readonly<Record<string, number>>): string {
  const found = Object.entries(names).find(([, number]) => number === value);
  return found === undefined ? String(value) : `${found[0]} (${value})`;
}

/** ASCII, as far as it is. */
export function asciiText(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets.subarray(0, LONGEST_TEXT + 1)) text += String.fromCharCode(octet);
  return printable(text);
}
