/**
 * OBJECT IDENTIFIER (X.690 8.19) in dotted form.
 * @module
 */
import { DerError } from './error.ts';
import type { Reader } from './reader.ts';
import { type Schema, schemaOf } from './schema.ts';
import { TAG } from './tags.ts';

/** More than any that exists has; it also bounds the work on large arcs. */
const MOST_OCTETS = 128;

const DOTTED = /^[0-2](?:\.(?:0|[1-9]\d*))+$/;

/** OBJECT IDENTIFIER, for example `1.2.840.113554.1.2.2`. Arcs may be of any size: those under 2.25 have 128 bits. */
export const objectIdentifier: Schema<string> = schemaOf(
  'OBJECT IDENTIFIER',
  TAG.OBJECT_IDENTIFIER,
  (reader) => {
    if (reader.position === reader.end) return reader.fail('OBJECT IDENTIFIER without octets');
    if (reader.end - reader.position > MOST_OCTETS) return reader.fail('OBJECT IDENTIFIER is too long', 'limit');
    // The first number is two arcs in one: 40 times the first, which is 0, 1 or 2, and the second.
    const first = readNumber(reader);
    let dotted = first < 80 ? `${first < 40 ? 0 : 1}.${Number(first) % 40}` : `2.${BigInt(first) - 80n}`;
    while (reader.position < reader.end) dotted += `.${readNumber(reader)}`;
    return dotted;
  },
  (writer, value) => writer.put(known.get(value) ?? remember(value, contentsOf(value))),
);

/** Programs write the same few again and again. */
const known = new Map<string, Uint8Array>();
const MOST_KNOWN = 64;

function remember(dotted: string, contents: Uint8Array): Uint8Array {
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(dotted, contents);
  return contents;
}

/** Reads seven bits of each octet, as long as the eighth is set. */
function readNumber(reader: Reader): number | bigint {
  const { octets, end } = reader;
  if (octets[reader.position] === 0x80) return reader.fail('OBJECT IDENTIFIER is not minimal');
  let value: number | bigint = 0;
  while (reader.position < end) {
    const octet: number = octets[reader.position++] ?? 0;
    const bits = octet & 0x7f;
    if (typeof value === 'number' && value < 2 ** 46) value = value * 128 + bits;
    else value = BigInt(value) * 128n + BigInt(bits);
    if (octet < 0x80) return value;
  }
  return reader.fail('OBJECT IDENTIFIER ends within a number');
}

function contentsOf(dotted: string): Uint8Array {
  // Three decimal digits are hardly ever less than an octet: no need to read a text that cannot fit.
  const arcs = dotted.length <= 3 * MOST_OCTETS && DOTTED.test(dotted) ? dotted.split('.').map(BigInt) : [];
  const [first, second, ...rest] = arcs;
  if (first === undefined || second === undefined || (first < 2n && second >= 40n))
    throw new DerError('not an OBJECT IDENTIFIER in dotted form');
  const octets = [first * 40n + second, ...rest].flatMap(base128);
  if (octets.length > MOST_OCTETS) throw new DerError('OBJECT IDENTIFIER is too long', { kind: 'limit' });
  return Uint8Array.from(octets);
}

function base128(value: bigint): number[] {
  const octets = [Number(value & 0x7fn)];
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) octets.unshift(0x80 | Number(rest & 0x7fn));
  return octets;
}
