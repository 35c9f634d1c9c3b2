/**
 * OCTET STRING (X.690 8.7), BIT STRING (8.6), character strings (8.23) and GeneralizedTime (11.7). Always in primitive form,
 * as DER wants it.
 * @module
 */
import { DerError } from './error.ts';
import { type Schema, schemaOf } from './schema.ts';
import { TAG } from './tags.ts';
import type { Writer } from './writer.ts';

/** OCTET STRING. Decoded, it is a view of the input. */
export const octetString: Schema<Uint8Array> = schemaOf(
  'OCTET STRING',
  TAG.OCTET_STRING,
  (reader) => reader.takeContents(),
  (writer, value) => writer.put(value),
);

/** The value of a BIT STRING: the first bit is the highest one of the first octet. */
export interface BitString {
  /** How many bits at the end of the last octet do not count: 0 to 7. */
  readonly unused: number;
  readonly octets: Uint8Array;
}

/** BIT STRING. The bits that do not count are written as zeros, and come out as zeros whatever was sent. */
export const bitString: Schema<BitString> = schemaOf(
  'BIT STRING',
  TAG.BIT_STRING,
  (reader) => {
    const contents = reader.takeContents();
    const unused = contents[0] ?? reader.fail('BIT STRING without octets');
    const octets = contents.subarray(1);
    if (unused > 7 || (unused > 0 && octets.length === 0)) return reader.fail('BIT STRING with too many unused bits');
    return { unused, octets: withoutUnusedBits(octets, unused) };
  },
  (writer, { unused, octets }) => {
    if (!(Number.isInteger(unused) && unused >= 0 && unused <= 7) || (unused > 0 && octets.length === 0))
      throw new DerError(`BIT STRING of ${octets.length} octets cannot have ${unused} unused bits`);
    writer.put(withoutUnusedBits(octets, unused));
    writer.octet(unused);
  },
);

function withoutUnusedBits(octets: Uint8Array, unused: number): Uint8Array {
  const last = octets[octets.length - 1] ?? 0;
  const counting = last & (0xff << unused);
  if (counting === last) return octets;
  const copy = Uint8Array.from(octets);
  copy[copy.length - 1] = counting;
  return copy;
}

// A byte order mark is a character here, not a hint: it must come out as it went in.
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

/** UTF8String. */
export const utf8String: Schema<string> = textType('UTF8String', TAG.UTF8_STRING);

/**
 * GeneralString. The standard has it switch between character sets by escape sequences, which nobody does: Kerberos
 * implementations put UTF-8 in it, or ASCII (RFC 4120 5.2.1).
 */
export const generalString: Schema<string> = textType('GeneralString', TAG.GENERAL_STRING);

/** IA5String: ASCII. */
export const ia5String: Schema<string> = textType('IA5String', TAG.IA5_STRING, true);

function textType(name: string, tag: number, asciiOnly = false): Schema<string> {
  return schemaOf(
    name,
    tag,
    (reader) => {
      const contents = reader.takeContents();
      const ascii = asciiText(contents);
      if (ascii !== undefined) return ascii;
      if (asciiOnly) return reader.fail(`${name} with octets above 7F`);
      try {
        return utf8Decoder.decode(contents);
      } catch {
        return reader.fail(`${name} is not UTF-8`);
      }
    },
    (writer, value) => {
      // TextEncoder would quietly write U+FFFD for half a surrogate pair.
      if (/\p{Surrogate}/u.test(value)) throw new DerError(`${name} cannot hold half a surrogate pair`);
      const octets = utf8Encoder.encode(value);
      if (asciiOnly && octets.length !== value.length) throw new DerError(`${name} cannot hold characters above 7F`);
      writer.put(octets);
    },
  );
}

/** Names are short and mostly ASCII: for those a call of TextDecoder is the larger part of the work. */
function asciiText(octets: Uint8Array): string | undefined {
  let text = '';
  for (const octet of octets) {
    if (octet > 0x7f) return undefined;
    text += String.fromCharCode(octet);
  }
  return text;
}

/**
 * GeneralizedTime as milliseconds since 1970, in the one form that Kerberos has: `YYYYMMDDHHMMSSZ` (RFC 4120 5.2.3). Writing
 * cuts off the fraction of a second.
 *
 * Digit by digit, since a ticket holds five of them and regular expressions took more time than deciphering it.
 */
export const generalizedTime: Schema<number> = schemaOf(
  'GeneralizedTime',
  TAG.GENERALIZED_TIME,
  (reader) => {
    const contents = reader.takeContents();
    if (contents.length !== 15 || contents[14] !== 0x5a || !contents.subarray(0, 14).every(isDigit))
      return reader.fail('GeneralizedTime is not of the form YYYYMMDDHHMMSSZ');
    const year = twoDigits(contents, 0) * 100 + twoDigits(contents, 2);
    const month = twoDigits(contents, 4) - 1;
    const day = twoDigits(contents, 6);
    const [hour, minute, second] = [twoDigits(contents, 8), twoDigits(contents, 10), twoDigits(contents, 12)];
    // Date.UTC takes years below 100 for others; the calendar is the same again after 400 years.
    const time = Date.UTC(year + 400, month, day) - MILLISECONDS_IN_400_YEARS;
    // A day that does not exist has moved to another one.
    const date = new Date(time);
    if (hour > 23 || minute > 59 || second > 59 || date.getUTCDate() !== day || date.getUTCMonth() !== month)
      return reader.fail('GeneralizedTime is no date');
    return time + ((hour * 60 + minute) * 60 + second) * 1000;
  },
  (writer, value) => {
    const date = new Date(value);
    const year = date.getUTCFullYear();
    if (!(year >= 0 && year <= 9999)) throw new DerError(`GeneralizedTime cannot hold ${value} ms`); // NaN as well
    writer.octet(0x5a);
    for (const part of [
      date.getUTCSeconds(),
      date.getUTCMinutes(),
      date.getUTCHours(),
      date.getUTCDate(),
      date.getUTCMonth() + 1,
    ])
      putTwoDigits(writer, part);
    putTwoDigits(writer, year % 100);
    putTwoDigits(writer, Math.floor(year / 100));
  },
);

const MILLISECONDS_IN_400_YEARS = 146_097 * 86_400_000;
const ZERO = 0x30;

function isDigit(octet: number): boolean {
  return octet >= ZERO && octet <= ZERO + 9;
}

function twoDigits(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) - ZERO) * 10 + ((octets[at + 1] ?? 0) - ZERO);
}

function putTwoDigits(writer: Writer, value: number): void {
  writer.octet(ZERO + (value % 10));
  writer.octet(ZERO + Math.floor(value / 10));
}
