/**
 * Tickets, RFC 4120 5.3.
 * @module
 */
import {
  application,
  field,
  int32,
  octetString,
  optional,
  sequence,
  sequenceOf,
  type TypeOf,
} from '../../der/index.ts';
import { AuthorizationData } from './authorization-data.ts';
import { flag, KerberosFlags, KerberosTime, pvno, Realm } from './basic-types.ts';
import { EncryptedData, EncryptionKey } from './encrypted-data.ts';
import { PrincipalName } from './principal.ts';

/** TicketFlags, 5.3; RFC 6112; RFC 6806. */
export const TICKET_FLAGS = {
  FORWARDABLE: flag(1),
  FORWARDED: flag(2),
  PROXIABLE: flag(3),
  PROXY: flag(4),
  MAY_POSTDATE: flag(5),
  POSTDATED: flag(6),
  INVALID: flag(7),
  RENEWABLE: flag(8),
  INITIAL: flag(9),
  PRE_AUTHENT: flag(10),
  HW_AUTHENT: flag(11),
  TRANSITED_POLICY_CHECKED: flag(12),
  OK_AS_DELEGATE: flag(13),
  ENC_PA_REP: flag(15),
  ANONYMOUS: flag(16),
} as const;

/** HostAddress, 5.2.5. */
export const HostAddress = sequence({ addrType: field(0, int32), address: field(1, octetString) });
export type HostAddress = TypeOf<typeof HostAddress>;

/** HostAddresses, 5.2.5. */
export const HostAddresses = sequenceOf(HostAddress);
export type HostAddresses = TypeOf<typeof HostAddresses>;

/** Ticket. */
export const Ticket = application(
  1,
  sequence({
    tktVno: field(0, pvno),
    realm: field(1, Realm),
    sname: field(2, PrincipalName),
    encPart: field(3, EncryptedData), // EncTicketPart
  }),
);
export type Ticket = TypeOf<typeof Ticket>;

/** TransitedEncoding: 1 is DOMAIN-X500-COMPRESS. */
export const TransitedEncoding = sequence({ trType: field(0, int32), contents: field(1, octetString) });
export type TransitedEncoding = TypeOf<typeof TransitedEncoding>;

/** EncTicketPart: what only the service can read, and only the KDC can have written. */
export const EncTicketPart = application(
  3,
  sequence({
    flags: field(0, KerberosFlags),
    key: field(1, EncryptionKey),
    crealm: field(2, Realm),
    cname: field(3, PrincipalName),
    transited: field(4, TransitedEncoding),
    authtime: field(5, KerberosTime),
    starttime: optional(6, KerberosTime),
    endtime: field(7, KerberosTime),
    renewTill: optional(8, KerberosTime),
    caddr: optional(9, HostAddresses),
    authorizationData: optional(10, AuthorizationData),
  }),
);
export type EncTicketPart = TypeOf<typeof EncTicketPart>;
