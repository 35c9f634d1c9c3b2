/**
 * Identifier octets (X.690 8.1.2). A tag is one octet here: class, constructed bit and number. Numbers above 30, which take
 * more octets, occur in no protocol of this library and are refused.
 * @module
 */
import { DerError } from './error.ts';

/** Identifier octets of the universal types. */
export const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OBJECT_IDENTIFIER: 0x06,
  ENUMERATED: 0x0a,
  UTF8_STRING: 0x0c,
  IA5_STRING: 0x16,
  GENERALIZED_TIME: 0x18,
  GENERAL_STRING: 0x1b,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/** Class bits. */
export const CLASS = { APPLICATION: 0x40, CONTEXT: 0x80, MASK: 0xc0 } as const;

/** Set when the contents are values themselves. */
export const CONSTRUCTED = 0x20;

/** The part of an identifier octet that is the number; all ones announces a longer number. */
export const NUMBER_MASK = 0x1f;

/** What is wrong with an identifier octet, whatever the type expected; undefined when nothing is. */
export function problemWithTag(tag: number): string | undefined {
  if ((tag & NUMBER_MASK) === NUMBER_MASK) return 'tag number above 30';
  // Universal tag 0 ends values of indefinite length, which DER does not have.
  if ((tag & ~CONSTRUCTED) === 0) return 'tag 0';
  return undefined;
}

/** The identifier octet of a class and number. @throws DerError for a number that does not fit */
export function tagOf(tagClass: number, number: number, constructed: boolean): number {
  if (!Number.isInteger(number) || number < 0 || number >= NUMBER_MASK)
    throw new DerError(`tag numbers go from 0 to 30, not ${number}`);
  return tagClass | (constructed ? CONSTRUCTED : 0) | number;
}

/** A tag for people: `[3]`, `[APPLICATION 14]`, `tag 0x30`. */
export function describeTag(tag: number): string {
  const number = tag & NUMBER_MASK;
  if ((tag & CLASS.MASK) === CLASS.CONTEXT) return `[${number}]`;
  if ((tag & CLASS.MASK) === CLASS.APPLICATION) return `[APPLICATION ${number}]`;
  return `tag 0x${tag.toString(16).padStart(2, '0')}`;
}
