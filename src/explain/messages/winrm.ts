/**
 * Encrypted messages of WinRM ([MS-WSMV] 2.2.9.1): a multipart body whose parts are the original's type and length, and the
 * encrypted octets behind the length of their header.
 * @module
 */
import { Cursor, reading as run } from '../cursor.ts';
import type { Reading } from '../reading.ts';
import { asciiText, counted } from '../text.ts';
import type { Branch } from '../tree.ts';
import type { DescribeInside } from './inside.ts';

/** Exchange, and the examples of the specification, write a space in between. */
const BOUNDARY = /^-- ?Encrypted Boundary/iu;
const DASH = 0x2d;
const MOST_PARTS = 256;

/** What the part before says of an encrypted one. */
interface Announced {
  /** Media type, `application/` and all. */
  readonly protocol: string;
  /** Octets of plaintext. */
  readonly length: number;
}

/** Of a record of TLS: type, version, length; and the most that may follow (RFC 5246 6.2.3). */
const RECORD_HEADER = 5;
const LARGEST_RECORD = 16_384 + 2048;

/** Whether a body begins like that. */
export function isWinRm(octets: Uint8Array): boolean {
  return octets[0] === DASH && BOUNDARY.test(latin1(octets.subarray(0, 32)));
}

/** @returns one line about it */
export function describeWinRm(octets: Uint8Array, branch: Branch, reading: Reading, inside: DescribeInside): string {
  const cursor = new Cursor(octets, branch);
  let announced: Announced = { protocol: '', length: 0 };
  let plaintext = 0;
  let parts = 0;
  let isClosed = false;
  run(() => {
    while (cursor.left > 0 && parts++ < MOST_PARTS) {
      const line = lineAt(octets, cursor.at);
      if (!BOUNDARY.test(line.text)) {
        branch.note('MALFORMED', `no boundary at octet ${cursor.at}`);
        return;
      }
      const isEnd = /Boundary-- *$/iu.test(line.text);
      cursor.take(isEnd ? 'closing boundary' : 'boundary', line.length, asciiText);
      if (isEnd) {
        isClosed = true;
        if (cursor.left > 0) branch.note('MALFORMED', `${counted(cursor.left, 'octet')} behind the closing boundary`);
        return;
      }
      const headers = headerLines(cursor);
      const type = headers.get('content-type') ?? '';
      if (/^application\/octet-stream/iu.test(type)) {
        encryptedPart(cursor, announced, reading, inside);
      } else {
        const length = Number(/Length=(\d+)/iu.exec(headers.get('originalcontent') ?? '')?.[1] ?? 0);
        announced = { protocol: type.split(';')[0] ?? '', length };
        plaintext += length;
      }
    }
  });
  if (!isClosed && branch.notes.length === 0) branch.note('TRUNCATED', 'there is no closing boundary');
  return `WinRM ${announced.protocol.replace(/^application\//iu, '')} (${counted(plaintext, 'octet')} of plaintext)`;
}

/** The headers of a part: lines that begin with white space and have a colon, until something else comes. */
function headerLines(cursor: Cursor): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (;;) {
    const line = lineAt(cursor.octets, cursor.at);
    const found = /^[\t ]*(Content-Type|OriginalContent) *: *(.*)$/iu.exec(line.text);
    if (found === null) return headers;
    const [, name = '', value = ''] = found;
    cursor.take(name, line.length, () => asciiText(bytesOf(value)));
    headers.set(name.toLowerCase(), value);
  }
}

/** `L`, a header of L octets, data as long as it is. */
function encryptedPart(cursor: Cursor, announced: Announced, reading: Reading, inside: DescribeInside): void {
  const isTls = /CredSSP/iu.test(announced.protocol);
  const end = isTls ? endOfRecords(cursor.octets, cursor.at + 4) : endOfToken(cursor, announced.length);
  const part = cursor.open('encrypted', end - cursor.at);
  const headerLength = part.little('header length', 4);
  const sealed = part.octets.subarray(4);
  if (headerLength > sealed.length)
    part.branch.note(
      'MALFORMED',
      `a header of ${counted(headerLength, 'octet')} in ${counted(sealed.length, 'octet')}`,
    );
  if (announced.length > sealed.length)
    part.branch.note(
      'MALFORMED',
      `${counted(announced.length, 'octet')} of plaintext in ${counted(sealed.length, 'octet')}`,
    );
  if (isTls) {
    // Header and data are one TLS record, or several, cut at a place that means nothing (contract F18).
    inside(sealed, part.branch.add('TLS', part.base + 4, sealed.length), reading);
    return;
  }
  if (headerLength > sealed.length) return;
  const header = part.take('header', headerLength);
  const data = part.rest('data', (octets) => counted(octets.length, 'octet'));
  reading.observe({ kind: 'sealed-message', header, data, branch: part.branch });
}

/**
 * Behind the records that begin at `from`. They say how long they are, so that nothing in the ciphertext is taken for a boundary
 * (contract F17); and no record begins as a boundary does. What is no record, or is cut, goes up to the next boundary.
 */
function endOfRecords(octets: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const [type = 0, major = 0, , high = 0, low = 0] = octets.subarray(at, at + RECORD_HEADER);
    const next = at + RECORD_HEADER + high * 256 + low;
    const isRecord = type >= 20 && type <= 23 && major === 3 && next - at <= RECORD_HEADER + LARGEST_RECORD;
    if (!isRecord || next > octets.length) return boundaryBehind(octets, at);
    at = next;
  }
}

/** Behind a header and its data, which are never shorter than the plaintext was (contract F17, F22). */
function endOfToken(cursor: Cursor, plaintext: number): number {
  const { octets, at } = cursor;
  const [a = 0, b = 0, c = 0, d = 0] = octets.subarray(at, at + 4);
  const shortest = at + 4 + a + b * 2 ** 8 + c * 2 ** 16 + d * 2 ** 24 + plaintext;
  // Lengths that cannot be true tell nothing.
  return findBoundary(octets, shortest) ?? boundaryBehind(octets, at);
}

/** The next boundary, or the end. */
function boundaryBehind(octets: Uint8Array, from: number): number {
  return findBoundary(octets, from) ?? octets.length;
}

function findBoundary(octets: Uint8Array, from: number): number | undefined {
  for (let at = from; at + 20 <= octets.length; at++) {
    if (octets[at] !== DASH || octets[at + 1] !== DASH || octets[at + 2] === DASH) continue;
    if (BOUNDARY.test(latin1(octets.subarray(at, at + 24)))) return at;
  }
  return undefined;
}

/** The text of a line, and its length with the line end. */
function lineAt(octets: Uint8Array, at: number): { readonly text: string; readonly length: number } {
  const longest = Math.min(octets.length, at + 512);
  let end = at;
  while (end < longest && octets[end] !== 0x0a) end++;
  const text = latin1(octets.subarray(at, end)).replace(/\r$/u, '');
  return { text, length: Math.min(octets.length, end + 1) - at };
}

function latin1(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets) text += String.fromCharCode(octet);
  return text;
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
