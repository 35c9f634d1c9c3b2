/**
 * The server's side of Kerberos: RFC 4121 4.1 around RFC 4120 3.2, with the rules of [MS-KILE] 3.4.5.
 * @see https://www.rfc-editor.org/rfc/rfc4120#section-3.2.3
 * @module
 */
import { sha256, toHex } from '../crypto/index.ts';
import { decode, encode } from '../der/index.ts';
import type { Random } from '../host/index.ts';
import {
  type AcceptOptions,
  ASC_REQ,
  asSspiError,
  type ClientIdentity,
  type Exchange,
  type KerberosAcceptorSettings,
  type ReplayCache,
  type Scope,
  type Secret,
  SspiError,
  toFileTime,
} from '../sspi/index.ts';
import {
  assertProtection,
  checkChannelBindings,
  checkTarget,
  checkTransited,
  clientTarget,
  readChecksum,
} from './acceptor-policy.ts';
import { type ApRequest, DEFAULT_MAX_SKEW, verifyApRequest } from './ap-request.ts';
import { decodeDelegation } from './delegation.ts';
import { CHECKSUM_TYPE, KEY_USAGE, KerberosKey } from './encryption/index.ts';
import { acceptorFlags, establish } from './established.ts';
import { encodeRefusal } from './failures.ts';
import { encodeGssToken, GSS_FLAG, type GssToken, TOKEN_ID } from './gss/index.ts';
import { identityOf } from './identity.ts';
import type { KerberosTicket } from './kdc/index.ts';
import {
  AP_OPTIONS,
  ApRep,
  ApReq,
  EncApRepPart,
  KerbTgtReply,
  KerbTgtRequest,
  seal,
  unseal,
} from './messages/index.ts';
import type { OpenTickets } from './open-tickets.ts';
import type { ServiceKeys } from './service-keys.ts';
import type { TicketSource } from './tickets.ts';
import { openToken, traceToken } from './tokens.ts';

/** What a service is made of. */
export interface Service {
  readonly settings: KerberosAcceptorSettings;
  readonly keys: ServiceKeys;
  readonly tickets: OpenTickets;
  /** Whose ticket-granting ticket is handed out for user-to-user authentication. */
  readonly userToUser: TicketSource | undefined;
}

const STAGE = 'Kerberos AP-REQ';
const EMPTY = new Uint8Array(0);

/** The conversation: AP-REQ, AP-REP if the client wants one; before it TGT-REQ and TGT-REP when there is no key of our own. */
export async function* accept(service: Service, options: AcceptOptions, scope: Scope, first: Uint8Array): Exchange {
  let token = received(scope, first);
  let userToUserKey: KerberosKey | undefined;
  if (isForAnotherKey(service, token)) {
    // RFC 4120 3.2.3: a client that did not know is told, and comes again.
    const failure = new SspiError('USER_TO_USER_REQUIRED', { stage: STAGE, detail: 'this service has no keytab' });
    const answer = refusal(scope, token, failure);
    if (answer === undefined) throw failure;
    token = received(scope, yield { token: answer });
  }
  if (token.tokenId === TOKEN_ID.TGT_REQ) {
    const { ticket, sessionKey } = await handOutTicket(service, scope, token);
    userToUserKey = sessionKey;
    const reply = encode(KerbTgtReply, { pvno: 5, msgType: 17, ticket });
    token = received(scope, yield { token: sent(scope, token, TOKEN_ID.TGT_REP, reply) });
  }

  // A client with a wrong clock may come a second time with ours, if this service is one of that kind.
  let accepted: Accepted;
  try {
    accepted = await judge(service, options, scope, token, userToUserKey);
  } catch (error) {
    const failure = asSspiError(error);
    const recover = failure.code === 'TIME_SKEW' && service.settings.skewRecovery === true;
    const answer = refusal(scope, token, failure, recover);
    if (!recover || answer === undefined) throw failure.withToken(answer);
    token = received(scope, yield { token: answer });
    accepted = await judge(service, options, scope, token, userToUserKey).catch((again: unknown) => {
      throw asSspiError(again).withToken(refusal(scope, token, asSspiError(again)));
    });
  }
  const { request, flags, target, identity } = accepted;
  const { authenticator, ticket } = request;
  const { facts, sessionKey, client: clientName } = ticket;

  // Without an answer both sides number their messages from the client's number on, and use its key.
  const receiveSequence = authenticator.seqNumber ?? 0;
  let sendSequence = receiveSequence;
  let key = request.subkey ?? scope.own(sessionKey.clone());
  let reply: Uint8Array = EMPTY;
  const answers = (flags & GSS_FLAG.MUTUAL) !== 0;
  if (answers) {
    // 3.2.4: that we could read the authenticator proves who we are. The key that we add makes it ours as much as the client's.
    const random = drawOnce(scope.host.random, 4 + key.type.seedLength + sessionKey.type.confounderLength);
    sendSequence = randomSequence(random);
    key = scope.own(KerberosKey.generate(key.type, random));
    const { ctime, cusec } = authenticator;
    const part = { ctime, cusec, subkey: key.reveal(), seqNumber: sendSequence };
    const encPart = seal(EncApRepPart, part, { key: sessionKey, usage: KEY_USAGE.AP_REP, random });
    reply = sent(scope, token, TOKEN_ID.AP_REP, encode(ApRep, { pvno: 5, msgType: 15, encPart }));
  }
  if ((flags & GSS_FLAG.DCE_STYLE) !== 0) {
    // [MS-KILE] 3.4.5.1: the client shows that it could read our number, before it sends any message.
    assertThirdLeg(received(scope, yield { token: reply }), sessionKey, sendSequence);
    reply = EMPTY;
  }

  const messages = establish(scope, {
    flags,
    role: 'acceptor',
    key,
    acceptorSubkey: answers,
    sendSequence,
    receiveSequence,
    start: facts.starttime ?? facts.authtime,
    end: facts.endtime,
    clientName,
    targetName: target,
    client: identity,
  });
  return { token: reply, flags: acceptorFlags(flags, options.flags), expiry: toFileTime(facts.endtime), messages };
}

/** Whether a client expects a key of the service's own, where there is none but that of its user's ticket. */
function isForAnotherKey({ keys, userToUser }: Service, { tokenId, message }: GssToken): boolean {
  if (tokenId !== TOKEN_ID.AP_REQ || !keys.empty || userToUser === undefined) return false;
  return (decode(ApReq, message).apOptions & AP_OPTIONS.USE_SESSION_KEY) === 0;
}

interface Accepted {
  readonly request: ApRequest;
  /** Bits of `GSS_FLAG`: what the client offers and what our caller asks for. */
  readonly flags: number;
  readonly target: string;
  readonly identity: () => ClientIdentity;
}

/** Everything that is checked, and at the end the claim: nobody fills the cache who would not have been let in. */
async function judge(
  { settings, keys, tickets }: Service,
  options: AcceptOptions,
  scope: Scope,
  token: GssToken,
  userToUserKey: KerberosKey | undefined,
): Promise<Accepted> {
  if (token.tokenId !== TOKEN_ID.AP_REQ)
    throw new SspiError('UNEXPECTED_MESSAGE', { stage: STAGE, detail: 'another message was expected' });
  const { encryptionTypes, maxSkew = DEFAULT_MAX_SKEW } = settings;
  const message = decode(ApReq, token.message);
  const now = scope.host.clock.now();
  const request = verifyApRequest(message, { keys, tickets, userToUserKey, now, maxSkew, encryptionTypes });
  const { ticket } = request;
  scope.own(request.hold);
  if (request.subkey !== undefined) scope.own(request.subkey);

  const checksum = readChecksum(request);
  const flags = flagsOf(checksum.flags, request, options.flags);
  assertProtection(flags, options.flags);
  checkChannelBindings(checksum.bindings, request, options, settings.channelBindingPolicy);
  const target = clientTarget(request, message.ticket);
  checkTarget(target, settings.targetNames);

  if (ticket.authorization?.hasPac !== true && settings.requirePac === true)
    throw new SspiError('PAC_INVALID', { stage: 'Kerberos PAC', detail: 'there is none, and this service wants one' });
  checkTransited(ticket, message.ticket.realm);

  let delegated: Secret | undefined;
  if (checksum.delegation !== undefined) {
    const { cname: client, crealm: clientRealm } = ticket.facts;
    const { subkey } = request;
    const { sessionKey } = ticket;
    delegated = scope.own(
      decodeDelegation(checksum.delegation, { sessionKey, subkey, client, clientRealm, encryptionTypes }),
    );
  }

  await claim(settings.replayCache, request, message, maxSkew);
  const identity = identityOf({ ticket, delegated, identifyOnly: (flags & GSS_FLAG.IDENTIFY) !== 0 });
  return { request, flags, target, identity };
}

/**
 * Without the checksum of GSS-API no flag is set, but a client that wants an answer says so in ap-options as well. What our caller
 * wants of the order of messages we can see to by ourselves.
 */
function flagsOf(offered: number, { authenticator, mutualRequired }: ApRequest, requested: number): number {
  let flags = offered;
  if (authenticator.cksum?.cksumtype !== CHECKSUM_TYPE.GSS && mutualRequired) flags |= GSS_FLAG.MUTUAL;
  if ((requested & ASC_REQ.SEQUENCE_DETECT) !== 0) flags |= GSS_FLAG.SEQUENCE;
  if ((requested & ASC_REQ.REPLAY_DETECT) !== 0) flags |= GSS_FLAG.REPLAY;
  if ((flags & GSS_FLAG.DCE_STYLE) !== 0) flags |= GSS_FLAG.MUTUAL;
  return flags;
}

/** An authenticator that is of now will not be of now any more when its claim is forgotten. */
async function claim(cache: ReplayCache, request: ApRequest, message: ApReq, maxSkew: number): Promise<void> {
  const { ticket, authenticator } = request;
  let verdict: 'fresh' | 'replayed';
  try {
    verdict = await cache.claim(claimKey(request, message), authenticator.ctime + 2 * maxSkew);
  } catch (error) {
    if (error instanceof SspiError && error.code === 'REPLAY_CACHE_UNAVAILABLE') throw error;
    throw new SspiError('REPLAY_CACHE_UNAVAILABLE', { stage: STAGE, cause: error });
  }
  if (verdict === 'fresh') return;
  throw new SspiError('REPLAY_DETECTED', { stage: STAGE, detail: `an authenticator of ${ticket.client}` });
}

/**
 * What an authenticator is known by: who made it for whom and when, and its own octets (RFC 4120 3.2.3, contract K14). A hash, so
 * that nobody can read in the cache who logs on where.
 */
function claimKey(
  { ticket: { owner, client }, authenticator }: ApRequest,
  { authenticator: { cipher } }: ApReq,
): string {
  const { ctime, cusec } = authenticator;
  return toHex(sha256(encoder.encode(JSON.stringify([owner, client, ctime, cusec])), cipher));
}

const encoder = new TextEncoder();

/** 30 bits: some peers take the number for a signed one. */
function randomSequence(random: Random): number {
  const octets = random.bytes(4);
  return new DataView(octets.buffer, octets.byteOffset).getUint32(0) >>> 2;
}

/** So many random octets at once, to be handed out in pieces: asking three times costs three times. */
function drawOnce(random: Random, length: number): Random {
  const octets = random.bytes(length);
  let at = 0;
  return {
    bytes(count) {
      at += count;
      return octets.slice(at - count, at);
    },
  };
}

function assertThirdLeg(token: GssToken, key: KerberosKey, sequence: number): void {
  if (token.tokenId !== TOKEN_ID.AP_REP)
    throw new SspiError('UNEXPECTED_MESSAGE', {
      stage: 'Kerberos AP-REP',
      detail: 'the third leg of DCE style was expected',
    });
  const { encPart } = decode(ApRep, token.message);
  const { seqNumber } = unseal(EncApRepPart, encPart, key, KEY_USAGE.AP_REP);
  if (seqNumber !== sequence)
    throw new SspiError('MESSAGE_ALTERED', {
      stage: 'Kerberos AP-REP',
      detail: 'the third leg has another sequence number',
    });
}

/**
 * A client that wants to be answered is told what kind of failure it was, and nothing more. One that cannot be understood gets no
 * answer ([MS-KILE] 3.4.5).
 */
function refusal(scope: Scope, token: GssToken, failure: SspiError, recover = false): Uint8Array | undefined {
  const request = token.tokenId === TOKEN_ID.AP_REQ ? decodable(token.message) : undefined;
  if (request === undefined || (request.apOptions & AP_OPTIONS.MUTUAL_REQUIRED) === 0) return undefined;
  const { realm, sname } = request.ticket;
  const error = encodeRefusal(failure, { now: scope.host.clock.now(), realm, sname }, recover);
  return sent(scope, token, TOKEN_ID.KRB_ERROR, error);
}

function decodable(message: Uint8Array): ApReq | undefined {
  try {
    return decode(ApReq, message);
  } catch {
    return undefined;
  }
}

/** draft-swift-win2k-krb-user2user: our ticket-granting ticket is no secret, only its session key is. */
async function handOutTicket({ userToUser }: Service, scope: Scope, token: GssToken): Promise<KerberosTicket> {
  decode(KerbTgtRequest, token.message);
  if (userToUser === undefined)
    throw new SspiError('UNSUPPORTED_FUNCTION', {
      stage: 'Kerberos TGT-REQ',
      detail: 'no user is logged on for user-to-user authentication',
    });
  return scope.own(await userToUser.grantingTicket());
}

function received(scope: Scope, octets: Uint8Array): GssToken {
  const token = openToken(octets, STAGE);
  traceToken(scope, 'received', token.tokenId, octets);
  return token;
}

/** Frames an answer like the question: with the same mechanism, or not at all. */
function sent(scope: Scope, { mechanism }: GssToken, tokenId: number, message: Uint8Array): Uint8Array {
  const octets = mechanism === undefined ? message : encodeGssToken(mechanism, tokenId, message);
  traceToken(scope, 'sent', tokenId, octets);
  return octets;
}
