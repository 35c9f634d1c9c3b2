/**
 * One-time passwords, RFC 6560 4. Its module has IMPLICIT tags, unlike all others.
 * @module
 */
import {
  anyValue,
  implicit,
  int32,
  type OptionalField,
  objectIdentifier,
  octetString,
  optional,
  type Schema,
  sequence,
  sequenceOf,
  type TypeOf,
  utf8String,
} from '../../der/index.ts';
import { KerberosFlags, KerberosString, KerberosTime } from './basic-types.ts';
import { EncryptedData } from './encrypted-data.ts';

const extensible = { extensible: true } as const;

/** `name [number] IMPLICIT Type OPTIONAL`. */
function implicitOptional<T>(number: number, schema: Schema<T>): OptionalField<T> {
  return optional(implicit(number, schema));
}

/** AlgorithmIdentifier, RFC 5280 4.1.1.2. */
export const AlgorithmIdentifier = sequence({ algorithm: objectIdentifier, parameters: optional(anyValue) });
export type AlgorithmIdentifier = TypeOf<typeof AlgorithmIdentifier>;

/** OTP-TOKENINFO, 4.1. */
export const OtpTokenInfo = sequence(
  {
    flags: implicit(0, KerberosFlags),
    otpVendor: implicitOptional(1, utf8String),
    otpChallenge: implicitOptional(2, octetString),
    otpLength: implicitOptional(3, int32),
    otpFormat: implicitOptional(4, int32),
    otpTokenId: implicitOptional(5, octetString),
    otpAlgId: implicitOptional(6, utf8String), // AnyURI
    supportedHashAlg: implicitOptional(7, sequenceOf(AlgorithmIdentifier)),
    iterationCount: implicitOptional(8, int32),
  },
  extensible,
);
export type OtpTokenInfo = TypeOf<typeof OtpTokenInfo>;

/** PA-OTP-CHALLENGE, 4.1. */
export const PaOtpChallenge = sequence(
  {
    nonce: implicit(0, octetString),
    otpService: implicitOptional(1, utf8String),
    otpTokenInfo: implicit(2, sequenceOf(OtpTokenInfo)),
    salt: implicitOptional(3, KerberosString),
    s2kparams: implicitOptional(4, octetString),
  },
  extensible,
);
export type PaOtpChallenge = TypeOf<typeof PaOtpChallenge>;

/** PA-OTP-REQUEST, 4.2. */
export const PaOtpRequest = sequence(
  {
    flags: implicit(0, KerberosFlags),
    nonce: implicitOptional(1, octetString),
    encData: implicit(2, EncryptedData), // PA-OTP-ENC-REQUEST
    hashAlg: implicitOptional(3, AlgorithmIdentifier),
    iterationCount: implicitOptional(4, int32),
    otpValue: implicitOptional(5, octetString),
    otpPin: implicitOptional(6, utf8String),
    otpChallenge: implicitOptional(7, octetString),
    otpTime: implicitOptional(8, KerberosTime),
    otpCounter: implicitOptional(9, octetString),
    otpFormat: implicitOptional(10, int32),
    otpTokenId: implicitOptional(11, octetString),
    otpAlgId: implicitOptional(12, utf8String),
    otpVendor: implicitOptional(13, utf8String),
  },
  extensible,
);
export type PaOtpRequest = TypeOf<typeof PaOtpRequest>;

/** PA-OTP-ENC-REQUEST, 4.2. */
export const PaOtpEncRequest = sequence({ nonce: implicit(0, octetString) }, extensible);
export type PaOtpEncRequest = TypeOf<typeof PaOtpEncRequest>;
