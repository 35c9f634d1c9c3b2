/**
 * Schemas: an ASN.1 type as a value, from which its TypeScript type follows. And the two functions that use them.
 * @module
 */
import { type DecodeOptions, type Readable, Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** How one ASN.1 type is read and written. */
export interface Schema<T> extends Readable<T> {
  /** The identifier octets with which a value may start; undefined when any will do. */
  readonly tags: readonly number[] | undefined;
  /** Writes a whole value, identifier and length octets included. */
  write(writer: Writer, value: T): void;
}

/**
 * The TypeScript type of a schema's values.
 * @example
 * export const NegoData = sequenceOf(sequence({ negoToken: field(0, octetString) }));
 * export type NegoData = TypeOf<typeof NegoData>; // readonly { readonly negoToken: Uint8Array }[]
 */
export type TypeOf<S> = S extends Schema<infer T> ? T : never;

/** A schema with one tag. */
export function schemaOf<T>(
  name: string,
  tag: number,
  readContents: (reader: Reader, tag: number) => T,
  writeContents: (writer: Writer, value: T) => void,
): Schema<T> {
  return {
    name,
    tags: [tag],
    accepts: (found) => found === tag,
    readContents,
    write(writer, value) {
      const before = writer.size;
      writeContents(writer, value);
      writer.header(tag, before);
    },
  };
}

/**
 * Decodes one value, which must be the whole input.
 * @param octets - they stay the caller's; octet strings in the result are views of them
 * @throws DerError for everything that is not the DER of a value of the type
 * @see https://www.itu.int/rec/T-REC-X.690
 * @example
 * decode(sequence({ version: field(0, integer) }), fromHex('3005a003020106')); // { version: 6 }
 */
export function decode<T>(schema: Schema<T>, octets: Uint8Array, options: DecodeOptions = {}): T {
  const reader = new Reader(octets, options);
  const value = reader.read(schema);
  if (reader.position !== octets.length) reader.fail(`octets behind the ${schema.name}`);
  return value;
}

/** The writer that is not in use, so that not every message needs a new buffer. It is wiped after each. */
let spare: Writer | undefined;

/**
 * Encodes a value.
 * @returns a new array, in DER
 * @throws DerError for a value that the type cannot hold
 * @example
 * encode(sequence({ version: field(0, integer) }), { version: 6 }); // 30 05 a0 03 02 01 06
 */
export function encode<T>(schema: Schema<T>, value: T): Uint8Array {
  const writer = spare ?? new Writer();
  spare = undefined; // whoever encodes within this call gets one of his own
  try {
    schema.write(writer, value);
    return writer.take();
  } finally {
    if (writer.clear()) spare = writer;
  }
}
