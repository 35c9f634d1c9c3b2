/**
 * DER primitives and malformed encodings.
 * @module
 */
import {
  anyValue,
  bitString,
  decode,
  encode,
  enumerated,
  generalString,
  integer,
  objectIdentifier,
  octetString,
  type Schema,
  sequenceOf,
} from '../../../src/der/index.ts';
import { type CaseReader, same } from '../case.ts';
import { refused } from '../refusal.ts';
import { type CaseHandler, handlerFor } from '../runner.ts';

/** A value has one encoding, and the encoding one value. */
function bothWays<T>(schema: Schema<T>, fields: CaseReader, value: T): void {
  const octets = fields.hex('hex');
  same('encoded', encode(schema, value), octets);
  same('decoded', decode(schema, octets), value);
}

const integers = handlerFor('op', 'INTEGER', (fields) => bothWays(integer, fields, fields.number('value')));
const enumerations = handlerFor('op', 'ENUMERATED', (fields) => bothWays(enumerated, fields, fields.number('value')));
const identifiers = handlerFor('op', 'OID', (fields) => bothWays(objectIdentifier, fields, fields.text('value')));
const texts = handlerFor('op', 'GeneralString utf-8', (fields) =>
  bothWays(generalString, fields, fields.text('value')),
);

const headers = handlerFor('op', 'OCTET STRING header', (fields) => {
  const length = fields.number('length');
  const header = fields.hex('hex');
  const encoded = encode(octetString, new Uint8Array(length));
  same('header', encoded.subarray(0, encoded.length - length), header);
  same('decoded length', decode(octetString, encoded).length, length);
});

/** One case has a bit set that does not count. It is left to the implementer; X.690 8.6.2.4 lets a sender set it in BER. */
const bits = handlerFor('op', 'BIT STRING', (fields) => {
  const octets = fields.hex('hex');
  const value = { unused: fields.number('unused'), octets: fields.hex('value') };
  const decoded = decode(bitString, octets);
  same('unused bits', decoded.unused, value.unused);
  same('octets', decoded.octets, value.octets);
  const encoded = encode(bitString, value);
  same('decoded again', decode(bitString, encoded).octets, value.octets);
  if (octets.at(-1) !== value.octets.at(-1))
    return 'pinned: bits that do not count are taken from peers, and written as zeros';
  same('encoded', encoded, octets);
  return undefined;
});

/** What an identifier octet announces; anything else is read as any value. */
const schemaOfTag: Readonly<Record<number, Schema<unknown>>> = {
  2: integer,
  4: octetString,
  6: objectIdentifier,
  48: sequenceOf(anyValue),
};

const invalid = handlerFor('op', 'INVALID', (fields) => {
  const octets = fields.hex('hex');
  const schema = schemaOfTag[octets[0] ?? 0] ?? anyValue;
  const { message } = refused(() => decode(fields.text('name').includes('nested') ? nested(64) : schema, octets));
  return `refused: ${message}`;
});

/** SEQUENCE OF SEQUENCE OF ..., so that only a limit can stop the reader. */
function nested(depth: number): Schema<unknown> {
  let schema: Schema<readonly unknown[]> = sequenceOf(anyValue);
  for (let level = 1; level < depth; level++) schema = sequenceOf(schema);
  return schema;
}

export const der: readonly CaseHandler[] = [integers, enumerations, identifiers, texts, headers, bits, invalid];
