/**
 * The client/server exchange, RFC 4120 5.5.
 * @module
 */
import { application, field, optional, sequence, type TypeOf } from '../../der/index.ts';
import { AuthorizationData } from './authorization-data.ts';
import {
  flag,
  KerberosFlags,
  KerberosTime,
  lenientUInt32,
  Microseconds,
  messageType,
  pvno,
  Realm,
} from './basic-types.ts';
import { Checksum, EncryptedData, EncryptionKey } from './encrypted-data.ts';
import { MESSAGE_TYPE } from './kdc.ts';
import { PrincipalName } from './principal.ts';
import { Ticket } from './ticket.ts';

/** APOptions. */
export const AP_OPTIONS = { USE_SESSION_KEY: flag(1), MUTUAL_REQUIRED: flag(2) } as const;

/** AP-REQ, 5.5.1. */
export const ApReq = application(
  14,
  sequence({
    pvno: field(0, pvno),
    msgType: field(1, messageType(MESSAGE_TYPE.AP_REQ)),
    apOptions: field(2, KerberosFlags),
    ticket: field(3, Ticket),
    authenticator: field(4, EncryptedData), // Authenticator
  }),
);
export type ApReq = TypeOf<typeof ApReq>;

/** Authenticator, 5.5.1: proves that the client has the session key, now. */
export const Authenticator = application(
  2,
  sequence({
    authenticatorVno: field(0, pvno),
    crealm: field(1, Realm),
    cname: field(2, PrincipalName),
    cksum: optional(3, Checksum),
    cusec: field(4, Microseconds),
    ctime: field(5, KerberosTime),
    subkey: optional(6, EncryptionKey),
    seqNumber: optional(7, lenientUInt32),
    authorizationData: optional(8, AuthorizationData),
  }),
);
export type Authenticator = TypeOf<typeof Authenticator>;

/** AP-REP, 5.5.2. */
export const ApRep = application(
  15,
  sequence({
    pvno: field(0, pvno),
    msgType: field(1, messageType(MESSAGE_TYPE.AP_REP)),
    encPart: field(2, EncryptedData), // EncAPRepPart
  }),
);
export type ApRep = TypeOf<typeof ApRep>;

/** EncAPRepPart, 5.5.2: proves that the service could read the authenticator. */
export const EncApRepPart = application(
  27,
  sequence({
    ctime: field(0, KerberosTime),
    cusec: field(1, Microseconds),
    subkey: optional(2, EncryptionKey),
    seqNumber: optional(3, lenientUInt32),
  }),
);
export type EncApRepPart = TypeOf<typeof EncApRepPart>;
