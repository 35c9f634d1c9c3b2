/**
 * The AS and TGS exchanges, RFC 4120 5.4.
 * @module
 */
import { application, choice, field, int32, optional, sequence, sequenceOf, type TypeOf } from '../../der/index.ts';
import { flag, KerberosFlags, KerberosTime, lenientUInt32, messageType, pvno, Realm } from './basic-types.ts';
import { EncryptedData, EncryptionKey } from './encrypted-data.ts';
import { MethodData } from './pa-data.ts';
import { PrincipalName } from './principal.ts';
import { HostAddresses, Ticket } from './ticket.ts';

/** msg-type of all messages (7.5.7). */
export const MESSAGE_TYPE = {
  AS_REQ: 10,
  AS_REP: 11,
  TGS_REQ: 12,
  TGS_REP: 13,
  AP_REQ: 14,
  AP_REP: 15,
  TGT_REQ: 16,
  TGT_REP: 17,
  KRB_SAFE: 20,
  KRB_PRIV: 21,
  KRB_CRED: 22,
  KRB_ERROR: 30,
} as const;

/** KDCOptions, 5.4.1; RFC 6806; [MS-SFU] 2.2.3. */
export const KDC_OPTIONS = {
  FORWARDABLE: flag(1),
  FORWARDED: flag(2),
  PROXIABLE: flag(3),
  PROXY: flag(4),
  ALLOW_POSTDATE: flag(5),
  POSTDATED: flag(6),
  RENEWABLE: flag(8),
  CNAME_IN_ADDL_TKT: flag(14),
  CANONICALIZE: flag(15),
  REQUEST_ANONYMOUS: flag(16),
  DISABLE_TRANSITED_CHECK: flag(26),
  RENEWABLE_OK: flag(27),
  ENC_TKT_IN_SKEY: flag(28),
  RENEW: flag(30),
  VALIDATE: flag(31),
} as const;

/** KDC-REQ-BODY. */
export const KdcReqBody = sequence({
  kdcOptions: field(0, KerberosFlags),
  cname: optional(1, PrincipalName), // in AS-REQ only
  realm: field(2, Realm), // of the server, in AS-REQ also of the client
  sname: optional(3, PrincipalName),
  from: optional(4, KerberosTime),
  till: field(5, KerberosTime),
  rtime: optional(6, KerberosTime),
  nonce: field(7, lenientUInt32),
  etype: field(8, sequenceOf(int32)), // in order of preference
  addresses: optional(9, HostAddresses),
  encAuthorizationData: optional(10, EncryptedData), // AuthorizationData
  additionalTickets: optional(11, sequenceOf(Ticket)),
});
export type KdcReqBody = TypeOf<typeof KdcReqBody>;

/** AS-REQ. */
export const AsReq = application(10, kdcReq(MESSAGE_TYPE.AS_REQ));
export type AsReq = TypeOf<typeof AsReq>;

/** TGS-REQ. */
export const TgsReq = application(12, kdcReq(MESSAGE_TYPE.TGS_REQ));
export type TgsReq = TypeOf<typeof TgsReq>;

/** KDC-REQ: numbered from 1 on. */
function kdcReq(type: number) {
  return sequence({
    pvno: field(1, pvno),
    msgType: field(2, messageType(type)),
    padata: optional(3, MethodData),
    reqBody: field(4, KdcReqBody),
  });
}

/** AS-REP. */
export const AsRep = application(11, kdcRep(MESSAGE_TYPE.AS_REP));
export type AsRep = TypeOf<typeof AsRep>;

/** TGS-REP. */
export const TgsRep = application(13, kdcRep(MESSAGE_TYPE.TGS_REP));
export type TgsRep = TypeOf<typeof TgsRep>;

/** KDC-REP. */
function kdcRep(type: number) {
  return sequence({
    pvno: field(0, pvno),
    msgType: field(1, messageType(type)),
    padata: optional(2, MethodData),
    crealm: field(3, Realm),
    cname: field(4, PrincipalName),
    ticket: field(5, Ticket),
    encPart: field(6, EncryptedData), // EncKDCRepPart
  });
}

/** LastReq: lr-type and lr-value. */
export const LastReq = sequenceOf(sequence({ lrType: field(0, int32), lrValue: field(1, KerberosTime) }));
export type LastReq = TypeOf<typeof LastReq>;

const encKdcRepPart = sequence({
  key: field(0, EncryptionKey),
  lastReq: field(1, LastReq),
  nonce: field(2, lenientUInt32),
  keyExpiration: optional(3, KerberosTime),
  flags: field(4, KerberosFlags), // TICKET_FLAGS
  authtime: field(5, KerberosTime),
  starttime: optional(6, KerberosTime),
  endtime: field(7, KerberosTime),
  renewTill: optional(8, KerberosTime),
  srealm: field(9, Realm),
  sname: field(10, PrincipalName),
  caddr: optional(11, HostAddresses),
  encryptedPaData: optional(12, MethodData), // RFC 6806 11
});

/** EncKDCRepPart: what a KDC tells the client alone. */
export type EncKdcRepPart = TypeOf<typeof encKdcRepPart>;

/** EncASRepPart. */
export const EncAsRepPart = application(25, encKdcRepPart);

/** EncTGSRepPart. */
export const EncTgsRepPart = application(26, encKdcRepPart);

/** Either: old KDCs tag the part of an AS-REP like that of a TGS-REP, and 5.4.2 wants clients to bear it. */
export const AnyEncKdcRepPart = choice({ encAsRepPart: EncAsRepPart, encTgsRepPart: EncTgsRepPart });
