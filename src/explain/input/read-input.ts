/**
 * What an input is: a capture, a recording, text that stands for octets, or the octets themselves.
 * @module
 */

import { readPackets } from './capture-input.ts';
import { readCapture } from './captures.ts';
import { cutMessages } from './framing.ts';
import { isJsonLines, readJsonLines } from './json-lines.ts';
import { type Found, MOST_PIECES, type Piece } from './piece.ts';
import { readText } from './text-input.ts';

/** Finds the messages of an input. Never throws for what is in it. */
export function readInput(input: Uint8Array | string): Found {
  if (typeof input === 'string') return readWritten(input);
  const capture = readCapture(input);
  if (capture !== undefined) return readPackets(capture);
  const text = textOf(input);
  return text === undefined ? readOctets(input) : readWritten(text);
}

function readWritten(text: string): Found {
  const plain = text.replace(/^\u{feff}/u, '');
  return isJsonLines(plain) ? readJsonLines(plain) : readText(plain);
}

function readOctets(octets: Uint8Array): Found {
  const { messages } = cutMessages(octets, true);
  const pieces = messages.map(
    (message, order): Piece => ({ conversation: '1', from: undefined, octets: message, order }),
  );
  const notes =
    pieces.length > MOST_PIECES ? [{ code: 'LIMIT', text: `only the first ${MOST_PIECES} messages` } as const] : [];
  return { container: 'octets', pieces: pieces.slice(0, MOST_PIECES), notes };
}

/** Text is what consists of printable ASCII and white space; every message has other octets near its beginning. */
function textOf(octets: Uint8Array): string | undefined {
  if (octets[0] === 0xff && octets[1] === 0xfe) return new TextDecoder('utf-16le').decode(octets.subarray(2));
  const start = octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf ? 3 : 0;
  for (let at = start; at < octets.length; at++) {
    const octet = octets[at] ?? 0;
    const isPrintable = octet >= 0x20 || octet === 0x09 || octet === 0x0a || octet === 0x0d;
    if (!isPrintable || octet === 0x7f) return undefined;
    // JSON may hold any UTF-8; hexadecimal and base64 do not.
  }
  return new TextDecoder().decode(octets.subarray(start));
}
