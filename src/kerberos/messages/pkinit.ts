/**
 * PKINIT, RFC 4556 3.2, RFC 8636, RFC 8070: what Kerberos puts into CMS messages and around them.
 * @module
 */
import {
  anyValue,
  bitString,
  choice,
  explicit,
  field,
  implicit,
  int32,
  objectIdentifier,
  octetString,
  optional,
  sequence,
  sequenceOf,
  type TypeOf,
} from '../../der/index.ts';
import { KerberosTime, lenientUInt32, Microseconds } from './basic-types.ts';
import { Checksum, EncryptionKey } from './encrypted-data.ts';
import { AlgorithmIdentifier } from './otp.ts';

const extensible = { extensible: true } as const;

/** KDFAlgorithmId, RFC 8636 6. */
export const KdfAlgorithmId = sequence({ kdfId: field(0, objectIdentifier) }, extensible);

/** PKAuthenticator, 3.2.1; with freshnessToken (RFC 8070) and paChecksum2 (RFC 8636 4). */
export const PkAuthenticator = sequence(
  {
    cusec: field(0, Microseconds),
    ctime: field(1, KerberosTime),
    nonce: field(2, lenientUInt32),
    paChecksum: optional(3, octetString), // SHA-1 over the KDC-REQ-BODY
    freshnessToken: optional(4, octetString),
    paChecksum2: optional(
      5,
      sequence({ checksum: field(0, octetString), algorithmIdentifier: field(1, AlgorithmIdentifier) }, extensible),
    ),
  },
  extensible,
);
export type PkAuthenticator = TypeOf<typeof PkAuthenticator>;

/** AuthPack, 3.2.1: the contents of the client's SignedData. */
export const AuthPack = sequence(
  {
    pkAuthenticator: field(0, PkAuthenticator),
    clientPublicValue: optional(1, anyValue), // SubjectPublicKeyInfo
    supportedCmsTypes: optional(2, sequenceOf(AlgorithmIdentifier)),
    clientDhNonce: optional(3, octetString),
    supportedKdfs: optional(4, sequenceOf(KdfAlgorithmId)),
  },
  extensible,
);
export type AuthPack = TypeOf<typeof AuthPack>;

/** DHRepInfo, 3.2.3. */
export const DhRepInfo = sequence(
  {
    dhSignedData: implicit(0, octetString),
    serverDhNonce: optional(1, octetString),
    kdf: optional(2, KdfAlgorithmId),
  },
  extensible,
);
export type DhRepInfo = TypeOf<typeof DhRepInfo>;

/** PA-PK-AS-REP, 3.2.3. */
export const PaPkAsRep = choice({ dhInfo: explicit(0, DhRepInfo), encKeyPack: implicit(1, octetString) });
export type PaPkAsRep = TypeOf<typeof PaPkAsRep>;

/** KDCDHKeyInfo, 3.2.3.1: the contents of the KDC's SignedData. */
export const KdcDhKeyInfo = sequence(
  {
    subjectPublicKey: field(0, bitString),
    nonce: field(1, lenientUInt32),
    dhKeyExpiration: optional(2, KerberosTime),
  },
  extensible,
);
export type KdcDhKeyInfo = TypeOf<typeof KdcDhKeyInfo>;

/** ReplyKeyPack, 3.2.3.2. */
export const ReplyKeyPack = sequence({ replyKey: field(0, EncryptionKey), asChecksum: field(1, Checksum) }, extensible);
export type ReplyKeyPack = TypeOf<typeof ReplyKeyPack>;

/** OtherInfo, RFC 8636 4: what the KDF binds the key to. */
export const OtherInfo = sequence({
  algorithmId: AlgorithmIdentifier,
  partyUInfo: field(0, octetString), // KRB5PrincipalName of the client
  partyVInfo: field(1, octetString), // KRB5PrincipalName of the KDC
  suppPubInfo: optional(2, octetString), // PkinitSuppPubInfo
});
export type OtherInfo = TypeOf<typeof OtherInfo>;

/** PkinitSuppPubInfo, RFC 8636 4. */
export const PkinitSuppPubInfo = sequence(
  { enctype: field(0, int32), asReq: field(1, octetString), pkAsRep: field(2, octetString) },
  extensible,
);
export type PkinitSuppPubInfo = TypeOf<typeof PkinitSuppPubInfo>;
