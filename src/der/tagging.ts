/**
 * Tagged types (X.690 8.14), CHOICE (8.13) and values of any type.
 * @module
 */
import { DerError } from './error.ts';
import { Reader } from './reader.ts';
import { type Schema, schemaOf } from './schema.ts';
import { CLASS, CONSTRUCTED, describeTag, tagOf } from './tags.ts';

/** `[number] EXPLICIT Type`: a value with a header of its own around it. */
export function explicit<T>(number: number, schema: Schema<T>): Schema<T> {
  return wrapped(tagOf(CLASS.CONTEXT, number, true), schema);
}

/**
 * `[APPLICATION number] EXPLICIT Type`, as the messages of Kerberos have it: `6E len 30 len ...`.
 * @see {@link applicationImplicit} for the initial token of GSS-API
 */
export function application<T>(number: number, schema: Schema<T>): Schema<T> {
  return wrapped(tagOf(CLASS.APPLICATION, number, true), schema);
}

/** `[number] IMPLICIT Type`: the tag takes the place of the type's own. A CHOICE cannot have one. */
export function implicit<T>(number: number, schema: Schema<T>): Schema<T> {
  return retagged(CLASS.CONTEXT, number, schema);
}

/**
 * `[APPLICATION number] IMPLICIT Type`.
 * @example
 * // InitialContextToken, RFC 2743 3.1: 60 len 06 len oid ... without a SEQUENCE in between
 * applicationImplicit(0, sequence({ thisMech: objectIdentifier, innerContextToken: anyValue }));
 */
export function applicationImplicit<T>(number: number, schema: Schema<T>): Schema<T> {
  return retagged(CLASS.APPLICATION, number, schema);
}

function wrapped<T>(tag: number, schema: Schema<T>): Schema<T> {
  return schemaOf(
    `${describeTag(tag)} ${schema.name}`,
    tag,
    (reader) => reader.read(schema),
    (writer, value) => schema.write(writer, value),
  );
}

function retagged<T>(tagClass: number, number: number, schema: Schema<T>): Schema<T> {
  const [own, ...others] = schema.tags ?? [];
  if (own === undefined || others.length > 0) throw new DerError(`${schema.name} has no tag that could be replaced`);
  const tag = tagOf(tagClass, number, (own & CONSTRUCTED) !== 0);
  return {
    name: `${describeTag(tag)} ${schema.name}`,
    tags: [tag],
    accepts: (found) => found === tag,
    readContents: (reader) => schema.readContents(reader, own),
    write(writer, value) {
      schema.write(writer, value);
      writer.retag(tag);
    },
  };
}

/** One of several types: which, and its value. */
export type ChoiceValue<A extends Alternatives> = {
  readonly [K in keyof A]: { readonly kind: K; readonly value: A[K] extends Schema<infer T> ? T : never };
}[keyof A];

/** The types of a CHOICE by name. */
export type Alternatives = Readonly<Record<string, Schema<unknown>>>;

/**
 * CHOICE. The first octet of a value tells which alternative it is, so no two may start alike.
 * @example
 * const NegotiationToken = choice({ negTokenInit: explicit(0, NegTokenInit), negTokenResp: explicit(1, NegTokenResp) });
 * const token = decode(NegotiationToken, octets);
 * if (token.kind === 'negTokenInit') offer(token.value.mechTypes);
 */
export function choice<const A extends Alternatives>(alternatives: A): Schema<ChoiceValue<A>> {
  const kindOf = new Map<number, string>();
  for (const [kind, schema] of Object.entries(alternatives)) {
    for (const tag of schema.tags ?? []) {
      if (kindOf.has(tag)) throw new DerError(`two alternatives of a CHOICE start with ${describeTag(tag)}`);
      kindOf.set(tag, kind);
    }
    if (schema.tags === undefined) throw new DerError(`${schema.name} cannot be told apart in a CHOICE`);
  }
  const schemaFor = new Map(Object.entries(alternatives));
  const name = `CHOICE of ${[...schemaFor.keys()].join(', ')}`;

  return {
    name,
    tags: [...kindOf.keys()],
    accepts: (tag) => kindOf.has(tag),
    readContents(reader, tag) {
      const kind = kindOf.get(tag) ?? '';
      const schema = schemaFor.get(kind);
      if (schema === undefined) return reader.fail(`${name} expected, not ${describeTag(tag)}`);
      // `kind` is a key of `alternatives`, and the value was read with the schema of that key.
      return { kind, value: schema.readContents(reader, tag) } as ChoiceValue<A>;
    },
    write(writer, { kind, value }) {
      const schema = schemaFor.get(String(kind));
      if (schema === undefined) throw new DerError(`${String(kind)} is no alternative of a ${name}`);
      schema.write(writer, value);
    },
  };
}

/** A value of any type, header included, which is left as it is: a view. It is well-formed at every level. */
export const anyValue: Schema<Uint8Array> = {
  name: 'ANY',
  tags: undefined,
  accepts: () => true,
  readContents(reader, tag) {
    const { start, end } = reader;
    if (tag & CONSTRUCTED) while (reader.position < end) reader.read(anyValue);
    reader.position = end;
    return reader.octets.subarray(start, end);
  },
  write(writer, value) {
    // Octets that are no value would break the message around them.
    const reader = new Reader(value, { maxSize: Number.POSITIVE_INFINITY });
    reader.read(anyValue);
    if (reader.position !== value.length) throw new DerError('ANY takes one whole value');
    writer.put(value);
  },
};
