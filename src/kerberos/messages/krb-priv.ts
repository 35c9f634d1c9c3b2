/**
 * KRB-PRIV, RFC 4120 5.7: encrypted messages outside GSS-API. Password changes use them.
 * @module
 */
import { application, field, octetString, optional, sequence, type TypeOf } from '../../der/index.ts';
import { KerberosTime, lenientUInt32, Microseconds, messageType, pvno } from './basic-types.ts';
import { EncryptedData } from './encrypted-data.ts';
import { MESSAGE_TYPE } from './kdc.ts';
import { HostAddress } from './ticket.ts';

/** KRB-PRIV. */
export const KrbPriv = application(
  21,
  sequence({
    pvno: field(0, pvno),
    msgType: field(1, messageType(MESSAGE_TYPE.KRB_PRIV)),
    encPart: field(3, EncryptedData), // EncKrbPrivPart; there is no number 2
  }),
);
export type KrbPriv = TypeOf<typeof KrbPriv>;

/** EncKrbPrivPart. */
export const EncKrbPrivPart = application(
  28,
  sequence({
    userData: field(0, octetString),
    timestamp: optional(1, KerberosTime),
    usec: optional(2, Microseconds),
    seqNumber: optional(3, lenientUInt32),
    sAddress: field(4, HostAddress),
    rAddress: optional(5, HostAddress),
  }),
);
export type EncKrbPrivPart = TypeOf<typeof EncKrbPrivPart>;
