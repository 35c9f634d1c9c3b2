/**
 * KRB-CRED, RFC 4120 5.8: tickets handed on, with the keys that go with them.
 * @module
 */
import { application, field, optional, sequence, sequenceOf, type TypeOf } from '../../der/index.ts';
import { KerberosFlags, KerberosTime, lenientUInt32, Microseconds, messageType, pvno, Realm } from './basic-types.ts';
import { EncryptedData, EncryptionKey } from './encrypted-data.ts';
import { MESSAGE_TYPE } from './kdc.ts';
import { PrincipalName } from './principal.ts';
import { HostAddress, HostAddresses, Ticket } from './ticket.ts';

/** More tickets than anybody hands on. */
const MOST_TICKETS = 64;

/** KRB-CRED. */
export const KrbCred = application(
  22,
  sequence({
    pvno: field(0, pvno),
    msgType: field(1, messageType(MESSAGE_TYPE.KRB_CRED)),
    tickets: field(2, sequenceOf(Ticket, { max: MOST_TICKETS })),
    encPart: field(3, EncryptedData), // EncKrbCredPart
  }),
);
export type KrbCred = TypeOf<typeof KrbCred>;

/** KrbCredInfo: of one ticket. */
export const KrbCredInfo = sequence({
  key: field(0, EncryptionKey),
  prealm: optional(1, Realm),
  pname: optional(2, PrincipalName),
  flags: optional(3, KerberosFlags), // TICKET_FLAGS
  authtime: optional(4, KerberosTime),
  starttime: optional(5, KerberosTime),
  endtime: optional(6, KerberosTime),
  renewTill: optional(7, KerberosTime),
  srealm: optional(8, Realm),
  sname: optional(9, PrincipalName),
  caddr: optional(10, HostAddresses),
});
export type KrbCredInfo = TypeOf<typeof KrbCredInfo>;

/** EncKrbCredPart: one KrbCredInfo for each ticket, in their order. */
export const EncKrbCredPart = application(
  29,
  sequence({
    ticketInfo: field(0, sequenceOf(KrbCredInfo, { max: MOST_TICKETS })),
    nonce: optional(1, lenientUInt32),
    timestamp: optional(2, KerberosTime),
    usec: optional(3, Microseconds),
    sAddress: optional(4, HostAddress),
    rAddress: optional(5, HostAddress),
  }),
);
export type EncKrbCredPart = TypeOf<typeof EncKrbCredPart>;
