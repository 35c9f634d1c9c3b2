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
const BOUNDARY = /^-- ?Encrypted Boundary/u;
const DASH = 0x2d;
const MOST_PARTS = 256;

/** Whether a body begins like that. */
export function isWinRm(octets: Uint8Array): boolean {
  return octets[0] === DASH && BOUNDARY.test(latin1(octets.subarray(0, 32)));
}

/** @returns one line about it */
export function describeWinRm(octets: Uint8Array, branch: Branch, reading: Reading, inside: DescribeInside): string {
  const cursor = new Cursor(octets, branch);
  let protocol = '';
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
      const isEnd = /Boundary-- *$/u.test(line.text);
      cursor.take(isEnd ? 'closing boundary' : 'boundary', line.length, asciiText);
      if (isEnd) {
        isClosed = true;
        if (cursor.left > 0) branch.note('MALFORMED', `${counted(cursor.left, 'octet')} behind the closing boundary`);
        return;
      }
      const headers = headerLines(cursor);
      const type = headers.get('content-type') ?? '';
      if (type.startsWith('application/octet-stream')) {
        encryptedPart(cursor, protocol, reading, inside);
      } else {
        protocol = type.split(';')[0] ?? '';
        plaintext += Number(/Length=(\d+)/iu.exec(headers.get('originalcontent') ?? '')?.[1] ?? 0);
      }
    }
  });
  if (!isClosed && branch.notes.length === 0) branch.note('TRUNCATED', 'there is no closing boundary');
  return `WinRM ${protocol.replace(/^application\//u, '')} (${counted(plaintext, 'octet')} of plaintext)`;
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

/** `L`, a header of L octets, data up to the next boundary. */
function encryptedPart(cursor: Cursor, protocol: string, reading: Reading, inside: DescribeInside): void {
  const start = cursor.at;
  const end = boundaryBehind(cursor.octets, start);
  const part = cursor.open('encrypted', end - start);
  const headerLength = part.little('header length', 4);
  const sealed = part.octets.subarray(4);
  if (/CredSSP/iu.test(protocol)) {
    // Header and data are one TLS record, or several, cut at a place that means nothing (contract F18).
    inside(sealed, part.branch.add('TLS', part.base + 4, sealed.length), reading);
    return;
  }
  const header = part.take('header', headerLength);
  const data = part.rest('data', (octets) => counted(octets.length, 'octet'));
  reading.observe({ kind: 'sealed-message', header, data, branch: part.branch });
}

/** The next boundary. One in the ciphertext by chance is one time in 2^160. */
function boundaryBehind(octets: Uint8Array, from: number): number {
  for (let at = from; at + 20 <= octets.length; at++) {
    if (octets[at] !== DASH || octets[at + 1] !== DASH || octets[at + 2] === DASH) continue;
    if (BOUNDARY.test(latin1(octets.subarray(at, at + 24)))) return at;
  }
  return octets.length;
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
