/**
 * FAST, RFC 6113 5.4: pre-authentication inside a tunnel.
 * @module
 */
import { choice, explicit, field, int32, octetString, optional, sequence, type TypeOf } from '../../der/index.ts';
import { flag, KerberosFlags, KerberosTime, lenientUInt32, Microseconds, Realm } from './basic-types.ts';
import { Checksum, EncryptedData, EncryptionKey } from './encrypted-data.ts';
import { KdcReqBody } from './kdc.ts';
import { MethodData } from './pa-data.ts';
import { PrincipalName } from './principal.ts';

const extensible = { extensible: true } as const;

/** armor-type. */
export const FAST_ARMOR_TYPE = { AP_REQUEST: 1 } as const;

/** FastOptions: bits 0 to 15 are critical. */
export const FAST_OPTIONS = { HIDE_CLIENT_NAMES: flag(1), KDC_FOLLOW_REFERRALS: flag(16) } as const;

/** KrbFastArmor. */
export const KrbFastArmor = sequence({ armorType: field(0, int32), armorValue: field(1, octetString) }, extensible);
export type KrbFastArmor = TypeOf<typeof KrbFastArmor>;

/** KrbFastArmoredReq, 5.4.2. */
export const KrbFastArmoredReq = sequence(
  {
    armor: optional(0, KrbFastArmor),
    reqChecksum: field(1, Checksum),
    encFastReq: field(2, EncryptedData), // KrbFastReq
  },
  extensible,
);
export type KrbFastArmoredReq = TypeOf<typeof KrbFastArmoredReq>;

/** PA-FX-FAST-REQUEST. */
export const PaFxFastRequest = choice({ armoredData: explicit(0, KrbFastArmoredReq) });
export type PaFxFastRequest = TypeOf<typeof PaFxFastRequest>;

/** KrbFastReq. */
export const KrbFastReq = sequence(
  { fastOptions: field(0, KerberosFlags), padata: field(1, MethodData), reqBody: field(2, KdcReqBody) },
  extensible,
);
export type KrbFastReq = TypeOf<typeof KrbFastReq>;

/** KrbFastArmoredRep, 5.4.3. */
export const KrbFastArmoredRep = sequence({ encFastRep: field(0, EncryptedData) }, extensible); // KrbFastResponse
export type KrbFastArmoredRep = TypeOf<typeof KrbFastArmoredRep>;

/** PA-FX-FAST-REPLY. */
export const PaFxFastReply = choice({ armoredData: explicit(0, KrbFastArmoredRep) });
export type PaFxFastReply = TypeOf<typeof PaFxFastReply>;

/** KrbFastFinished. */
export const KrbFastFinished = sequence(
  {
    timestamp: field(0, KerberosTime),
    usec: field(1, Microseconds),
    crealm: field(2, Realm),
    cname: field(3, PrincipalName),
    ticketChecksum: field(4, Checksum),
  },
  extensible,
);
export type KrbFastFinished = TypeOf<typeof KrbFastFinished>;

/** KrbFastResponse. */
export const KrbFastResponse = sequence(
  {
    padata: field(0, MethodData),
    strengthenKey: optional(1, EncryptionKey),
    finished: optional(2, KrbFastFinished),
    nonce: field(3, lenientUInt32),
  },
  extensible,
);
export type KrbFastResponse = TypeOf<typeof KrbFastResponse>;
