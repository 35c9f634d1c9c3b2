/**
 * SPAKE pre-authentication, RFC 9588 4.
 * @module
 */
import {
  choice,
  explicit,
  field,
  int32,
  octetString,
  optional,
  sequence,
  sequenceOf,
  type TypeOf,
} from '../../der/index.ts';
import { EncryptedData } from './encrypted-data.ts';

const extensible = { extensible: true } as const;

/** SPAKESecondFactor. */
export const SpakeSecondFactor = sequence({ type: field(0, int32), data: optional(1, octetString) });
export type SpakeSecondFactor = TypeOf<typeof SpakeSecondFactor>;

/** SPAKESupport, 4.2. */
export const SpakeSupport = sequence({ groups: field(0, sequenceOf(int32)) }, extensible);

/** SPAKEChallenge, 4.3. */
export const SpakeChallenge = sequence(
  { group: field(0, int32), pubkey: field(1, octetString), factors: field(2, sequenceOf(SpakeSecondFactor)) },
  extensible,
);

/** SPAKEResponse, 4.4. */
export const SpakeResponse = sequence({ pubkey: field(0, octetString), factor: field(1, EncryptedData) }, extensible);

/** PA-SPAKE, 4.1. */
export const PaSpake = choice({
  support: explicit(0, SpakeSupport),
  challenge: explicit(1, SpakeChallenge),
  response: explicit(2, SpakeResponse),
  encdata: explicit(3, EncryptedData),
});
export type PaSpake = TypeOf<typeof PaSpake>;
