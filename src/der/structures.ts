/**
 * SEQUENCE, SEQUENCE OF and SET OF (X.690 8.9, 8.10, 8.12).
 * @module
 */
import { DerError } from './error.ts';
import type { Reader } from './reader.ts';
import { encode, type Schema, schemaOf } from './schema.ts';
import { explicit } from './tagging.ts';
import { CLASS, describeTag, NUMBER_MASK, TAG } from './tags.ts';
import type { Writer } from './writer.ts';

/** A field that must be there. */
export interface RequiredField<T> {
  readonly presence: 'required';
  readonly schema: Schema<T>;
}

/** A field that may be absent. */
export interface OptionalField<T> {
  readonly presence: 'optional';
  readonly schema: Schema<T>;
}

/** What a sequence is described by: names and types in the order of the specification. A bare schema is required. */
export type Fields = Readonly<Record<string, Schema<unknown> | RequiredField<unknown> | OptionalField<unknown>>>;

/** The values of a sequence's fields. */
export type SequenceValue<F extends Fields> = Simplify<
  { readonly [K in keyof F as F[K] extends OptionalField<unknown> ? never : K]: FieldValue<F[K]> } & {
    readonly [K in keyof F as F[K] extends OptionalField<unknown> ? K : never]?: FieldValue<F[K]> | undefined;
  }
>;

type FieldValue<F> = F extends { readonly schema: Schema<infer T> } ? T : F extends Schema<infer T> ? T : never;

/** Makes editors show the fields and not how they were put together. */
type Simplify<T> = { [K in keyof T]: T[K] };

/** `name [number] Type`: a required field with an explicit context tag. */
export function field<T>(number: number, schema: Schema<T>): RequiredField<T> {
  return { presence: 'required', schema: explicit(number, schema) };
}

/** `name [number] Type OPTIONAL` with an explicit context tag, or without the number `name Type OPTIONAL`. */
export function optional<T>(number: number, schema: Schema<T>): OptionalField<T>;
export function optional<T>(schema: Schema<T>): OptionalField<T>;
export function optional<T>(...given: [number, Schema<T>] | [Schema<T>]): OptionalField<T> {
  const schema = given.length === 2 ? explicit(given[0], given[1]) : given[0];
  return { presence: 'optional', schema };
}

/** How a sequence is read. */
export interface SequenceOptions {
  /** Passes over fields at the end that are not known, with context tags above all that are: later versions add them. */
  readonly extensible?: true | undefined;
}

interface Entry {
  readonly name: string;
  readonly schema: Schema<unknown>;
  readonly required: boolean;
}

/**
 * SEQUENCE. Fields come in their order, each at most once, and nothing else.
 * @param fields - in wire order
 * @example
 * // EncryptedData, RFC 4120 5.2.9
 * const EncryptedData = sequence({ etype: field(0, int32), kvno: optional(1, uint32), cipher: field(2, octetString) });
 */
export function sequence<const F extends Fields>(fields: F, options: SequenceOptions = {}): Schema<SequenceValue<F>> {
  const entries = Object.entries(fields).map(([name, given]): Entry => {
    const { schema, required } =
      'presence' in given
        ? { schema: given.schema, required: given.presence === 'required' }
        : { schema: given, required: true };
    return { name, schema, required };
  });
  const highestKnown = Math.max(-1, ...entries.flatMap(({ schema }) => (schema.tags ?? []).map(contextNumber)));

  return schemaOf(
    'SEQUENCE',
    TAG.SEQUENCE,
    (reader) => {
      const value = readFields(reader, entries);
      if (options.extensible === true) skipUnknownFields(reader, highestKnown);
      const surplus = reader.peekTag();
      if (surplus !== undefined) reader.fail(`${describeTag(surplus)} is unknown here, repeated or out of order`);
      // Every entry of `fields` was read with its own schema, or is optional and absent: that is what the type says.
      return value as SequenceValue<F>;
    },
    (writer, value) => writeFields(writer, entries, value),
  );
}

function readFields(reader: Reader, entries: readonly Entry[]): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  for (const { name, schema, required } of entries) {
    const tag = reader.peekTag();
    if (tag !== undefined && schema.accepts(tag)) {
      reader.enter(name);
      value[name] = reader.readAs(schema, tag);
      reader.leave();
    } else if (required) {
      reader.enter(name);
      reader.fail(`${schema.name} is missing`);
    }
  }
  return value;
}

/** Contract X9. Their tags must go on ascending, so that a known field cannot come a second time, nor an unknown one. */
function skipUnknownFields(reader: Reader, highestKnown: number): void {
  let highest = highestKnown;
  for (let tag = reader.peekTag(); tag !== undefined; tag = reader.peekTag()) {
    const number = contextNumber(tag);
    if (number <= highest) return;
    reader.skip();
    highest = number;
  }
}

/** The number of a context tag, -1 for any other. */
function contextNumber(tag: number): number {
  return (tag & CLASS.MASK) === CLASS.CONTEXT ? tag & NUMBER_MASK : -1;
}

function writeFields(writer: Writer, entries: readonly Entry[], values: Readonly<Record<string, unknown>>): void {
  for (let i = entries.length - 1; i >= 0; i--) {
    const entry = entries[i];
    if (entry === undefined) continue;
    const value = values[entry.name];
    if (value !== undefined) entry.schema.write(writer, value);
    else if (entry.required) throw new DerError(`${entry.schema.name} is missing`, { path: [entry.name] });
  }
}

/** How many elements a SEQUENCE OF or SET OF may have. */
export interface SizeConstraint {
  /** 0 unless told. */
  readonly min?: number | undefined;
  /** 4096 unless told: every element takes many times its octets of memory. */
  readonly max?: number | undefined;
}

const DEFAULT_MAX_ELEMENTS = 4096;

/** SEQUENCE OF. */
export function sequenceOf<T>(element: Schema<T>, size: SizeConstraint = {}): Schema<readonly T[]> {
  const name = 'SEQUENCE OF';
  return schemaOf(
    name,
    TAG.SEQUENCE,
    (reader) => readElements(reader, name, element, size),
    (writer, elements) => {
      checkSize(name, elements.length, size);
      for (const value of elements.toReversed()) element.write(writer, value);
    },
  );
}

/**
 * SET OF. Written in the order of its encodings (X.690 11.6); read in any, because certificates in the field break that rule
 * and nothing rests on it.
 */
export function setOf<T>(element: Schema<T>, size: SizeConstraint = {}): Schema<readonly T[]> {
  const name = 'SET OF';
  return schemaOf(
    name,
    TAG.SET,
    (reader) => readElements(reader, name, element, size),
    (writer, elements) => {
      checkSize(name, elements.length, size);
      const encodings = elements.map((value) => encode(element, value));
      for (const encoding of encodings.sort(inOrder).reverse()) writer.put(encoding);
    },
  );
}

function readElements<T>(reader: Reader, name: string, element: Schema<T>, size: SizeConstraint): readonly T[] {
  const { min = 0, max = DEFAULT_MAX_ELEMENTS } = size;
  const elements: T[] = [];
  while (reader.position < reader.end) {
    if (elements.length >= max) return reader.fail(`${name} with more than ${max} elements`, 'limit');
    elements.push(reader.read(element));
  }
  return elements.length >= min ? elements : reader.fail(`${name} with less than ${min} elements`);
}

function checkSize(name: string, length: number, { min = 0, max = DEFAULT_MAX_ELEMENTS }: SizeConstraint): void {
  if (length < min || length > max) throw new DerError(`${name} with ${length} elements, not ${min} to ${max}`);
}

/** No encoding is the beginning of another, so the first difference decides. */
function inOrder(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((octet, index) => octet !== b[index]);
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
