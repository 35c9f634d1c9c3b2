/**
 * KRB-SAFE, RFC 4120 5.6: signed messages outside GSS-API.
 * @module
 */
import { application, field, octetString, optional, sequence, type TypeOf } from '../../der/index.ts';
import { KerberosTime, lenientUInt32, Microseconds, messageType, pvno } from './basic-types.ts';
import { Checksum } from './encrypted-data.ts';
import { MESSAGE_TYPE } from './kdc.ts';
import { HostAddress } from './ticket.ts';

/** KRB-SAFE-BODY: what the checksum covers. */
export const KrbSafeBody = sequence({
  userData: field(0, octetString),
  timestamp: optional(1, KerberosTime),
  usec: optional(2, Microseconds),
  seqNumber: optional(3, lenientUInt32),
  sAddress: field(4, HostAddress),
  rAddress: optional(5, HostAddress),
});
export type KrbSafeBody = TypeOf<typeof KrbSafeBody>;

/** KRB-SAFE. */
export const KrbSafe = application(
  20,
  sequence({
    pvno: field(0, pvno),
    msgType: field(1, messageType(MESSAGE_TYPE.KRB_SAFE)),
    safeBody: field(2, KrbSafeBody),
    cksum: field(3, Checksum),
  }),
);
export type KrbSafe = TypeOf<typeof KrbSafe>;
