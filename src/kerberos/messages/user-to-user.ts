/**
 * The user-to-user exchange: the client asks the service for its TGT, and gets a ticket encrypted with the session key of that
 * (draft-swift-win2k-krb-user2user, contract K12).
 * @module
 */
import { field, optional, sequence, type TypeOf } from '../../der/index.ts';
import { messageType, pvno, Realm } from './basic-types.ts';
import { MESSAGE_TYPE } from './kdc.ts';
import { PrincipalName } from './principal.ts';
import { Ticket } from './ticket.ts';

/** KERB-TGT-REQUEST: no APPLICATION tag around it. */
export const KerbTgtRequest = sequence({
  pvno: field(0, pvno),
  msgType: field(1, messageType(MESSAGE_TYPE.TGT_REQ)),
  serverName: optional(2, PrincipalName),
  realm: optional(3, Realm),
});
export type KerbTgtRequest = TypeOf<typeof KerbTgtRequest>;

/** KERB-TGT-REPLY. */
export const KerbTgtReply = sequence({
  pvno: field(0, pvno),
  msgType: field(1, messageType(MESSAGE_TYPE.TGT_REP)),
  ticket: field(2, Ticket),
});
export type KerbTgtReply = TypeOf<typeof KerbTgtReply>;
