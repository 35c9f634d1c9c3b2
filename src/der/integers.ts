/**
 * INTEGER and ENUMERATED (X.690 8.3, 8.4), BOOLEAN (8.2, 11.1) and NULL (8.8).
 * @module
 */
import { DerError } from './error.ts';
import type { Reader } from './reader.ts';
import { type Schema, schemaOf } from './schema.ts';
import { TAG } from './tags.ts';
import type { Writer } from './writer.ts';

/** Seven octets hold every safe integer. */
const MOST_NUMBER_OCTETS = 7;

/** INTEGER as a number. Refuses what a number cannot hold exactly: use {@link bigInteger} for more. */
export const integer: Schema<number> = integerType(
  'INTEGER',
  TAG.INTEGER,
  Number.MIN_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER,
);

/** ENUMERATED. */
export const enumerated: Schema<number> = integerType('ENUMERATED', TAG.ENUMERATED, -0x80000000, 0x7fffffff);

/** INTEGER (-2147483648..2147483647): the Int32 of RFC 4120 5.2.4. */
export const int32: Schema<number> = integerBetween(-0x80000000, 0x7fffffff);

/** INTEGER (0..4294967295): the UInt32 of RFC 4120 5.2.4. */
export const uint32: Schema<number> = integerBetween(0, 0xffffffff);

/** INTEGER (least..most). Both bounds are safe integers and belong to the range. */
export function integerBetween(least: number, most: number): Schema<number> {
  return integerType(`INTEGER (${least}..${most})`, TAG.INTEGER, least, most);
}

function integerType(name: string, tag: number, least: number, most: number): Schema<number> {
  return schemaOf(
    name,
    tag,
    (reader) => {
      const value = readNumber(reader, name);
      return value >= least && value <= most ? value : reader.fail(`${name} is out of range`);
    },
    (writer, value) => {
      // Written so that NaN is refused as well.
      if (!(Number.isInteger(value) && value >= least && value <= most))
        throw new DerError(`${name} cannot hold ${value}`);
      writeNumber(writer, value);
    },
  );
}

function readNumber(reader: Reader, name: string): number {
  const { octets, position, end } = reader;
  checkMinimal(reader, name);
  if (end - position > MOST_NUMBER_OCTETS) return reader.fail(`${name} of ${end - position} octets`);
  let value = ((octets[position] ?? 0) << 24) >> 24; // the first octet bears the sign
  for (let at = position + 1; at < end; at++) value = value * 256 + (octets[at] ?? 0);
  reader.position = end;
  return value;
}

/** X.690 8.3.2: at least one octet, and the first nine bits are not all the same. */
function checkMinimal(reader: Reader, name: string): void {
  const { octets, position, end } = reader;
  if (position === end) reader.fail(`${name} without octets`);
  if (end - position === 1) return;
  const first = octets[position] ?? 0;
  const second = octets[position + 1] ?? 0;
  if ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80)) reader.fail(`${name} is not minimal`);
}

function writeNumber(writer: Writer, value: number): void {
  // Division and not shifts: the value may have more than 32 bits.
  for (let rest = value; ; ) {
    const next = Math.floor(rest / 256);
    const octet = rest - next * 256;
    writer.octet(octet);
    if ((next === 0 && octet < 0x80) || (next === -1 && octet >= 0x80)) return;
    rest = next;
  }
}

/** INTEGER of any size as a bigint: serial numbers, RSA moduli. */
export const bigInteger: Schema<bigint> = schemaOf(
  'INTEGER',
  TAG.INTEGER,
  (reader) => {
    checkMinimal(reader, 'INTEGER');
    const contents = reader.takeContents();
    let hex = '';
    for (const octet of contents) hex += octet.toString(16).padStart(2, '0');
    return BigInt.asIntN(8 * contents.length, BigInt(`0x${hex}`));
  },
  (writer, value) => {
    // As many octets as the two's complement needs: its length comes from the digits, one more for the sign when it must be.
    const magnitude = value < 0n ? -value - 1n : value;
    const length = Math.floor(magnitude.toString(16).length / 2) + 1;
    const hex = BigInt.asUintN(8 * length, value)
      .toString(16)
      .padStart(2 * length, '0');
    const octets = new Uint8Array(length);
    for (let i = 0; i < length; i++) octets[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
    const surplus = length > 1 && (octets[0] ?? 0) >>> 7 === (octets[1] ?? 0) >>> 7 && isSignOnly(octets[0] ?? 0);
    writer.put(surplus ? octets.subarray(1) : octets);
  },
);

function isSignOnly(octet: number): boolean {
  return octet === 0x00 || octet === 0xff;
}

/** BOOLEAN: FF is true and 00 is false, nothing else (X.690 11.1). */
export const boolean: Schema<boolean> = schemaOf(
  'BOOLEAN',
  TAG.BOOLEAN,
  (reader) => {
    const contents = reader.takeContents();
    const [octet] = contents;
    if (contents.length !== 1 || (octet !== 0x00 && octet !== 0xff)) return reader.fail('BOOLEAN is neither 00 nor FF');
    return octet === 0xff;
  },
  (writer, value) => writer.octet(value ? 0xff : 0x00),
);

/** NULL. */
export const nullValue: Schema<null> = schemaOf(
  'NULL',
  TAG.NULL,
  (reader) => (reader.position === reader.end ? null : reader.fail('NULL with contents')),
  () => undefined,
);
