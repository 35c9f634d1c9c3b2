/**
 * The client's side of Kerberos: RFC 4121 4.1 around RFC 4120 3.2, with the rules of [MS-KILE] 3.2.5.8.
 * @see https://www.rfc-editor.org/rfc/rfc4120#section-3.2.2
 * @module
 */
import { encodeUtf16 } from '../crypto/index.ts';
import { DerError, decode, encode } from '../der/index.ts';
import {
  asSspiError,
  type Exchange,
  hashChannelBindings,
  type InitiateOptions,
  ISC_REQ,
  type KerberosSettings,
  type Leg,
  type Scope,
  SEC_E,
  SspiError,
  toFileTime,
} from '../sspi/index.ts';
import { type Deadline, startDeadline } from './deadline.ts';
import { encodeDelegation } from './delegation.ts';
import { CHECKSUM_TYPE, DEFAULT_ENCRYPTION_TYPES, KEY_USAGE, KerberosKey } from './encryption/index.ts';
import { establish, gssFlagsOf, initiatorFlags } from './established.ts';
import { refusalOf } from './failures.ts';
import {
  encodeAuthenticatorChecksum,
  encodeGssToken,
  GSS_FLAG,
  GSS_MECHANISM,
  type GssToken,
  TOKEN_ID,
} from './gss/index.ts';
import { type ApRequest, type KerberosTicket, makeApRequest } from './kdc/index.ts';
import {
  AD_TYPE,
  AP_OPTIONS,
  AP_OPTIONS_DATA,
  ApRep,
  AuthorizationData,
  EncApRepPart,
  formatPrincipal,
  KerbTgtReply,
  KerbTgtRequest,
  KRB_ERROR_CODE,
  KrbError,
  millisecondsOf,
  seal,
  TICKET_FLAGS,
  type Ticket,
  unseal,
} from './messages/index.ts';
import { type Target, targetOf } from './target.ts';
import type { TicketSource } from './tickets.ts';
import { openToken, traceToken } from './tokens.ts';

/** Who logs on. */
export interface ClientLogon {
  readonly tickets: TicketSource;
  readonly settings: KerberosSettings;
  /** A time that no authenticator of this client had yet, at or after the one given. Milliseconds with a fraction. */
  uniqueTime(now: number): number;
}

const STAGE = 'Kerberos AP-REP';
const DEFAULT_DEADLINE = 10_000;

/** The conversation: AP-REQ, and AP-REP when the server is to prove itself; before it TGT-REQ and TGT-REP for user to user. */
export async function* initiate(
  logon: ClientLogon,
  options: InitiateOptions,
  scope: Scope,
  first: Uint8Array,
): Exchange {
  if (first.length > 0)
    throw new SspiError('MESSAGE_OUT_OF_ORDER', { stage: 'Kerberos AP-REQ', detail: 'the client speaks first' });
  if ((options.flags & (ISC_REQ.DATAGRAM | ISC_REQ.NULL_SESSION)) !== 0)
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'Kerberos AP-REQ', detail: 'datagrams, anonymous clients' });

  // 3.2.2: a ticket for the service. Whatever KDCs do, it ends within the deadline.
  const target = targetOf(options.targetName);
  let tickets = yield* obtainTickets(logon, options, scope, target, logon.settings.userToUser === 'always');
  const wanted = gssFlagsOf(options.flags);
  const sendSequence = randomSequence(scope);
  const build = ({ ticket, flags, delegation, isUserToUser }: Tickets, time: number): ApRequest => {
    const bindings = options.channelBindings && hashChannelBindings(options.channelBindings);
    const checksum = encodeAuthenticatorChecksum({ flags, bindings, delegation });
    const unique = logon.uniqueTime(time);
    return makeApRequest({
      ticket,
      usage: KEY_USAGE.AP_REQ_AUTHENTICATOR,
      checksum: { cksumtype: CHECKSUM_TYPE.GSS, checksum },
      apOptions:
        ((flags & GSS_FLAG.MUTUAL) === 0 ? 0 : AP_OPTIONS.MUTUAL_REQUIRED) |
        (isUserToUser ? AP_OPTIONS.USE_SESSION_KEY : 0),
      sequenceNumber: sendSequence,
      authorizationData: authorizationData(ticket, options),
      clock: { now: () => unique },
      random: scope.host.random,
    });
  };
  let request = build(tickets, logon.tickets.kdc.clock.now());
  scope.own(request.subkey);
  const isDceStyle = (wanted & GSS_FLAG.DCE_STYLE) !== 0;
  const frame = (): Uint8Array => {
    const ofUsers = tickets.isUserToUser ? GSS_MECHANISM.USER_TO_USER : GSS_MECHANISM.KERBEROS;
    return sent(scope, isDceStyle ? undefined : ofUsers, TOKEN_ID.AP_REQ, request.message);
  };

  // Without an answer the server is not authenticated, and both sides go on from our number with our key.
  let key = request.subkey;
  let receiveSequence = sendSequence;
  let acceptorSubkey = false;
  let token = frame();
  if ((wanted & GSS_FLAG.MUTUAL) !== 0) {
    let answer = received(scope, yield { token });

    // A service whose key is only that of a ticket may say so, once (RFC 4120 3.2.3, KRB_AP_ERR_USER_TO_USER_REQUIRED).
    if (!tickets.isUserToUser && wantsUserToUser(answer, logon.settings)) {
      tickets = yield* obtainTickets(logon, options, scope, target, true);
      request = build(tickets, logon.tickets.kdc.clock.now());
      key = scope.own(request.subkey);
      answer = received(scope, yield { token: frame() });
    }

    // A server may tell us its time and let us try again, once ([MS-KILE] 3.2.5.8).
    const retryAt = answer.tokenId === TOKEN_ID.KRB_ERROR ? refusedUntil(answer, tickets.ticket, scope) : undefined;
    if (retryAt !== undefined) {
      request = build(tickets, retryAt);
      key = scope.own(request.subkey);
      answer = received(scope, yield { token: frame() });
    }

    // 3.2.5: only who could read our authenticator knows its time.
    const reply = verifyReply(answer, request, tickets.ticket, logon.settings);
    if (reply.subkey !== undefined) {
      key = scope.own(reply.subkey);
      acceptorSubkey = true;
    }
    receiveSequence = reply.sequence;
    token = isDceStyle ? thirdLeg(request, tickets.ticket.sessionKey, reply.sequence, scope) : new Uint8Array(0);
  }

  const { ticket, flags } = tickets;
  const messages = establish(scope, {
    flags,
    role: 'initiator',
    key,
    acceptorSubkey,
    sendSequence,
    receiveSequence,
    start: ticket.startTime,
    end: ticket.endTime,
    clientName: formatPrincipal(ticket.client, ticket.clientRealm),
    targetName: target.text,
  });
  return { token, flags: initiatorFlags(flags, options.flags), expiry: toFileTime(ticket.endTime), messages };
}

interface Tickets {
  readonly ticket: KerberosTicket;
  /** Bits of `GSS_FLAG`: what the caller asks for, and whether a ticket is handed on. */
  readonly flags: number;
  /** A KRB-CRED. */
  readonly delegation: Uint8Array | undefined;
  readonly isUserToUser: boolean;
}

/** The ticket for the service, and one to hand on when that is wanted and allowed. */
async function* obtainTickets(
  logon: ClientLogon,
  options: InitiateOptions,
  scope: Scope,
  target: Target,
  onlyUserToUser: boolean,
): AsyncGenerator<Leg, Tickets, Uint8Array> {
  const { tickets, settings } = logon;
  const { service, realm } = target;
  const limit = Math.min(settings.deadline ?? DEFAULT_DEADLINE, options.limits?.deadline ?? Number.POSITIVE_INFINITY);
  const start = (): Deadline => scope.own(startDeadline(limit, scope.host.timer));
  let deadline: Deadline | undefined; // runs when somebody has to be waited for
  const ask = async (secondTicket?: Ticket): Promise<KerberosTicket> => {
    const wanted = { service, realm, secondTicket };
    const atHand = tickets.ticketAtHand(wanted);
    if (atHand !== undefined) return atHand;
    deadline ??= start();
    return await deadline.within(tickets.ticketFor({ ...wanted, signal: deadline.signal }));
  };

  let ticket = onlyUserToUser ? undefined : await ask().catch(orUserToUser(settings));
  const isUserToUser = ticket === undefined;
  if (ticket === undefined) {
    deadline?.dispose();
    deadline = undefined; // the time of the service is not that of the KDC
    ticket = await ask(yield* askForTicket(scope, target));
  }
  scope.own(ticket);

  let delegation: Uint8Array | undefined;
  if (mayDelegate(ticket, options, settings)) {
    deadline ??= start();
    delegation = await forwarded(tickets, ticket, scope, deadline).catch(noDelegation);
  }
  deadline?.dispose();
  const flags = gssFlagsOf(options.flags) | (delegation === undefined ? 0 : GSS_FLAG.DELEG);
  return { ticket, flags, delegation, isUserToUser };
}

/**
 * Whether a service asks for a ticket from user to user, and our user does not rule that out. Nobody vouches for the error, and nothing
 * is lost by it: the KDC makes a ticket only for a ticket-granting ticket of the very service that we want.
 */
function wantsUserToUser({ tokenId, message }: GssToken, { userToUser }: KerberosSettings): boolean {
  if (tokenId !== TOKEN_ID.KRB_ERROR || userToUser === 'never') return false;
  const { errorCode } = decode(KrbError, message);
  return errorCode === KRB_ERROR_CODE.KRB_AP_ERR_USER_TO_USER_REQUIRED;
}

/** A service without a key of its own is reached another way, unless the user does not want that. */
function orUserToUser({ userToUser }: KerberosSettings): (error: unknown) => undefined {
  return (error) => {
    if (asSspiError(error).code === 'USER_TO_USER_REQUIRED' && userToUser !== 'never') return undefined;
    throw error;
  };
}

/** A service is trusted with the user's own ticket when the KDC says so, or the user's settings do. */
function mayDelegate(ticket: KerberosTicket, { flags }: InitiateOptions, { delegation }: KerberosSettings): boolean {
  if ((flags & ISC_REQ.DELEGATE) === 0 || delegation === 'never') return false;
  return delegation === 'always' || ticket.has(TICKET_FLAGS.OK_AS_DELEGATE);
}

async function forwarded(
  tickets: TicketSource,
  { sessionKey }: KerberosTicket,
  { host }: Scope,
  deadline: Deadline,
): Promise<Uint8Array> {
  const ticket = await deadline.within(tickets.forwardedTicket(deadline.signal));
  try {
    return encodeDelegation(ticket, sessionKey, tickets.kdc.clock.now(), host.random);
  } finally {
    ticket.dispose();
  }
}

/** What cannot be handed on is not handed on; the flags say so. Only a fault of ours is one. */
function noDelegation(error: unknown): undefined {
  if (asSspiError(error).code === 'INTERNAL_ERROR') throw error;
  return undefined;
}

/** draft-swift-win2k-krb-user2user: the service sends its ticket-granting ticket, and the KDC makes one for its session key. */
async function* askForTicket(scope: Scope, { service, realm }: Target): AsyncGenerator<Leg, Ticket, Uint8Array> {
  const message = encode(KerbTgtRequest, { pvno: 5, msgType: 16, serverName: service, realm });
  const token = sent(scope, GSS_MECHANISM.USER_TO_USER, TOKEN_ID.TGT_REQ, message);
  const answer = received(scope, yield { token });
  if (answer.tokenId === TOKEN_ID.KRB_ERROR)
    throw refusalOf(decode(KrbError, answer.message), scope.host.clock.now(), 'Kerberos TGT-REP').failure;
  if (answer.tokenId !== TOKEN_ID.TGT_REP) throw unexpected('Kerberos TGT-REP');
  return decode(KerbTgtReply, answer.message).ticket;
}

/**
 * What of the client goes to the service under the authenticator's protection: the name that it asked for, and whether it knows of
 * channel bindings.
 */
function authorizationData(ticket: KerberosTicket, { channelBindings, flags }: InitiateOptions): AuthorizationData {
  const apOptions =
    (channelBindings === undefined ? 0 : AP_OPTIONS_DATA.CBT) |
    ((flags & ISC_REQ.UNVERIFIED_TARGET_NAME) === 0 ? 0 : AP_OPTIONS_DATA.UNVERIFIED_TARGET_NAME);
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, apOptions, true);
  const target = encodeUtf16(formatPrincipal(ticket.server, ticket.serverRealm));
  const relevant: AuthorizationData = [
    ...(apOptions === 0 ? [] : [{ adType: AD_TYPE.AP_OPTIONS, adData: octets }]),
    { adType: AD_TYPE.TARGET_PRINCIPAL, adData: target },
  ];
  return [{ adType: AD_TYPE.IF_RELEVANT, adData: encode(AuthorizationData, relevant) }];
}

/** 30 bits: some peers take the number for a signed one. */
function randomSequence({ host }: Scope): number {
  const octets = host.random.bytes(4);
  return new DataView(octets.buffer, octets.byteOffset).getUint32(0) >>> 2;
}

/**
 * The time with which the server wants us to come again. Nobody vouches for it: an authenticator for another time than one of the
 * ticket's could be kept until it is of use to somebody.
 * @throws SspiError what the server refuses, when it does not invite us
 */
function refusedUntil(answer: GssToken, ticket: KerberosTicket, { host }: Scope): number {
  const { failure, retryAt } = refusalOf(decode(KrbError, answer.message), host.clock.now(), STAGE);
  if (retryAt === undefined || retryAt < ticket.startTime || retryAt > ticket.endTime) throw failure;
  return retryAt;
}

interface Reply {
  readonly subkey: KerberosKey | undefined;
  readonly sequence: number;
}

function verifyReply(
  answer: GssToken,
  { timestamp }: ApRequest,
  { sessionKey }: KerberosTicket,
  settings: KerberosSettings,
): Reply {
  if (answer.tokenId === TOKEN_ID.KRB_ERROR)
    throw refusalOf(decode(KrbError, answer.message), millisecondsOf(timestamp.time, timestamp.usec), STAGE).failure;
  if (answer.tokenId !== TOKEN_ID.AP_REP) throw unexpected(STAGE);
  const { ctime, cusec, subkey, seqNumber = 0 } = openReply(decode(ApRep, answer.message), sessionKey);
  if (ctime !== timestamp.time || cusec !== timestamp.usec) throw notAuthenticated('it answers another AP-REQ');
  return {
    subkey: subkey && KerberosKey.from(subkey, settings.encryptionTypes ?? DEFAULT_ENCRYPTION_TYPES),
    sequence: seqNumber,
  };
}

function openReply({ encPart }: ApRep, sessionKey: KerberosKey): EncApRepPart {
  try {
    return unseal(EncApRepPart, encPart, sessionKey, KEY_USAGE.AP_REP);
  } catch (error) {
    if (error instanceof DerError) throw error;
    throw notAuthenticated('it was not made with the key of the ticket');
  }
}

/** Contract R64, K10: whoever answered is not the service that we asked for. */
function notAuthenticated(detail: string): SspiError {
  return new SspiError('MUTUAL_AUTH_FAILED', { stage: STAGE, detail, status: SEC_E.WRONG_PRINCIPAL });
}

/** [MS-KILE] 3.4.5.1: an AP-REP of our own, with the server's number. */
function thirdLeg({ timestamp }: ApRequest, key: KerberosKey, seqNumber: number, scope: Scope): Uint8Array {
  const { random } = scope.host;
  const part = { ctime: timestamp.time, cusec: timestamp.usec, seqNumber };
  const encPart = seal(EncApRepPart, part, { key, usage: KEY_USAGE.AP_REP, random });
  return sent(scope, undefined, TOKEN_ID.AP_REP, encode(ApRep, { pvno: 5, msgType: 15, encPart }));
}

function unexpected(stage: string): SspiError {
  return new SspiError('UNEXPECTED_MESSAGE', { stage, detail: 'another message was expected' });
}

function received(scope: Scope, octets: Uint8Array): GssToken {
  const token = openToken(octets, STAGE);
  traceToken(scope, 'received', token.tokenId, octets);
  return token;
}

/** In the frame of a mechanism; without one in DCE style ([MS-KILE] 3.4.5.1). */
function sent(scope: Scope, mechanism: string | undefined, tokenId: number, message: Uint8Array): Uint8Array {
  const octets = mechanism === undefined ? message : encodeGssToken(mechanism, tokenId, message);
  traceToken(scope, 'sent', tokenId, octets);
  return octets;
}
