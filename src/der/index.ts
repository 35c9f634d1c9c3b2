/**
 * DER: a strict reader, a writer, and schemas that say what is read and written.
 * @module
 */
export { DerError, type DerErrorDetails } from './error.ts';
export { type DerFrame, type FrameOptions, frameDer } from './frame.ts';
export { bigInteger, boolean, enumerated, int32, integer, integerBetween, nullValue, uint32 } from './integers.ts';
export type { Lengths } from './length.ts';
export { objectIdentifier } from './object-identifier.ts';
export { type DecodeOptions, type Readable, Reader } from './reader.ts';
export { decode, encode, type Schema, type TypeOf } from './schema.ts';
export {
  type BitString,
  bitString,
  generalizedTime,
  generalString,
  ia5String,
  octetString,
  utf8String,
} from './strings.ts';
export {
  type Fields,
  field,
  type OptionalField,
  optional,
  type RequiredField,
  type SequenceOptions,
  type SequenceValue,
  type SizeConstraint,
  sequence,
  sequenceOf,
  setOf,
} from './structures.ts';
export {
  type Alternatives,
  anyValue,
  application,
  applicationImplicit,
  type ChoiceValue,
  choice,
  explicit,
  implicit,
} from './tagging.ts';
