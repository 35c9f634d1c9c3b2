/**
 * What a client checks before it believes an answer: RFC 4120 3.1.5 and 3.3.4. That the answer can be decrypted shows that it is
 * from the KDC; only these checks show that it is the answer to this question (faults Z41, Z50).
 * @module
 */
import { SspiError } from '../../sspi/index.ts';
import { KerberosKey } from '../encryption/index.ts';
import {
  type AsRep,
  type EncKdcRepPart,
  formatPrincipal,
  KDC_OPTIONS,
  type KdcReqBody,
  type PrincipalName,
  samePrincipal,
  type TgsRep,
  TICKET_FLAGS,
} from '../messages/index.ts';
import type { KdcClock } from './clock.ts';
import { grantedRealm, KerberosTicket } from './ticket.ts';

/** What both kinds of answers are held against. */
export interface Expectation {
  readonly stage: string;
  readonly body: KdcReqBody;
  readonly service: PrincipalName;
  readonly client: PrincipalName;
  readonly clientRealm: string;
  readonly clock: KdcClock;
  readonly clockSkew: number;
}

const { FORWARDED, PROXY, POSTDATED, INVALID, INITIAL, ANONYMOUS } = TICKET_FLAGS;

/**
 * An AS-REP as a ticket, RFC 4120 3.1.5.
 * @throws SspiError KDC_REPLY_MISMATCH, ENCRYPTION_TYPE_REFUSED, TICKET_EXPIRED, TICKET_NOT_YET_VALID
 */
export function ticketOfAsReply(reply: AsRep, part: EncKdcRepPart, expected: Expectation): KerberosTicket {
  const { stage, body, service, client, clientRealm, clock, clockSkew } = expected;
  const canonicalized = (body.kdcOptions & KDC_OPTIONS.CANONICALIZE) !== 0;
  checkNonce(part, expected);
  checkTicketNames(reply, part, stage);

  // RFC 6806 6: only who asked for canonicalisation may be given another name. For services it is another name of the realm.
  if (!canonicalized) {
    if (!samePrincipal(reply.cname, client) || reply.crealm !== clientRealm)
      throw mismatch(stage, `a ticket for ${formatPrincipal(reply.cname, reply.crealm)}`);
    if (part.srealm !== body.realm) throw mismatch(stage, `a ticket of realm ${part.srealm}`);
  }
  const granted = grantedRealm(part.sname);
  const isRenamed =
    canonicalized && grantedRealm(service) !== undefined && granted?.toLowerCase() === part.srealm.toLowerCase();
  if (!samePrincipal(part.sname, service) && !isRenamed)
    throw mismatch(stage, `a ticket to ${formatPrincipal(part.sname, part.srealm)}`);

  if ((part.flags & INITIAL) === 0) throw mismatch(stage, 'the ticket is not an initial one');
  checkFlags(part.flags & (FORWARDED | PROXY | ANONYMOUS), stage);
  if ((part.caddr?.length ?? 0) > 0) throw mismatch(stage, 'the ticket is bound to addresses');

  // The answer is fresh, because of the nonce, and from the KDC: so this is its time.
  if (Math.abs(part.authtime - clock.now()) > clockSkew / 2) clock.adopt(part.authtime);
  return ticketOf(reply, part, expected);
}

/** What a TGS-REP is held against besides. */
export interface TgsExpectation extends Expectation {
  /** What was shown to the KDC. */
  readonly grantingTicket: KerberosTicket;
}

/**
 * A TGS-REP as a ticket, RFC 4120 3.3.4. It may be a referral: a ticket-granting ticket for another realm instead of the service
 * (RFC 6806 8).
 * @throws SspiError as {@link ticketOfAsReply}
 */
export function ticketOfTgsReply(reply: TgsRep, part: EncKdcRepPart, expected: TgsExpectation): KerberosTicket {
  const { stage, body, service, client, clientRealm, grantingTicket } = expected;
  checkNonce(part, expected);
  checkTicketNames(reply, part, stage);
  if (!samePrincipal(reply.cname, client) || reply.crealm !== clientRealm)
    throw mismatch(stage, `a ticket for ${formatPrincipal(reply.cname, reply.crealm)}`);
  if (part.srealm.toLowerCase() !== body.realm.toLowerCase()) throw mismatch(stage, `a ticket of realm ${part.srealm}`);
  if (!samePrincipal(part.sname, service) && !isReferral(part, service, body.kdcOptions))
    throw mismatch(stage, `a ticket to ${formatPrincipal(part.sname, part.srealm)}`);

  const asked = (body.kdcOptions & KDC_OPTIONS.FORWARDED) !== 0 ? FORWARDED : 0;
  if (asked !== 0 && (part.flags & FORWARDED) === 0) throw mismatch(stage, 'the ticket is not forwarded');
  checkFlags(part.flags & (FORWARDED | PROXY | ANONYMOUS) & ~(asked | grantingTicket.flags), stage);
  if ((part.caddr?.length ?? 0) > 0 && (asked !== 0 || (grantingTicket.addresses?.length ?? 0) === 0))
    throw mismatch(stage, 'the ticket is bound to addresses');
  return ticketOf(reply, part, expected);
}

/**
 * A ticket-granting ticket for another realm counts as an answer when referrals were asked for, or when the way to a third
 * realm was (RFC 4120 3.3.1). The ticket for the realm that was asked itself would lead nowhere.
 */
function isReferral(part: EncKdcRepPart, service: PrincipalName, kdcOptions: number): boolean {
  const to = grantedRealm(part.sname);
  const isAllowed = (kdcOptions & KDC_OPTIONS.CANONICALIZE) !== 0 || grantedRealm(service) !== undefined;
  return isAllowed && to !== undefined && to !== part.srealm;
}

function checkNonce(part: EncKdcRepPart, { stage, body }: Expectation): void {
  if (part.nonce !== body.nonce) throw mismatch(stage, 'the nonce is another one');
}

/** Name and realm stand in the open beside the ticket, where anybody could write: those that were encrypted count. */
function checkTicketNames({ ticket }: AsRep | TgsRep, part: EncKdcRepPart, stage: string): void {
  if (!samePrincipal(ticket.sname, part.sname) || ticket.realm !== part.srealm)
    throw mismatch(stage, `the ticket says ${formatPrincipal(ticket.sname, ticket.realm)}`);
}

function checkFlags(unwanted: number, stage: string): void {
  if (unwanted !== 0) throw mismatch(stage, `flags 0x${(unwanted >>> 0).toString(16)} were not asked for`);
}

function ticketOf(reply: AsRep | TgsRep, part: EncKdcRepPart, expected: Expectation): KerberosTicket {
  const { stage, body, clock, clockSkew } = expected;
  checkFlags(part.flags & (INVALID | POSTDATED), stage);
  const startTime = part.starttime ?? part.authtime;
  const { endtime, renewTill } = part;
  const now = clock.now();
  if (endtime <= startTime || endtime > body.till + clockSkew)
    throw mismatch(stage, 'the end time is not what was asked for');
  if (body.rtime !== undefined && renewTill !== undefined && renewTill > body.rtime + clockSkew)
    throw mismatch(stage, 'the ticket is renewable for longer than was asked for');
  if (endtime <= now - clockSkew) throw outside('TICKET_EXPIRED', stage, now - endtime);
  if (startTime > now + clockSkew) throw outside('TICKET_NOT_YET_VALID', stage, startTime - now);
  const sessionKey = KerberosKey.from(part.key, body.etype);
  part.key.keyvalue.fill(0); // the key has a copy, and this one nobody would wipe
  return new KerberosTicket({
    client: reply.cname,
    clientRealm: reply.crealm,
    server: part.sname,
    serverRealm: part.srealm,
    ticket: reply.ticket,
    sessionKey,
    flags: part.flags,
    authTime: part.authtime,
    startTime,
    endTime: endtime,
    renewTill,
    addresses: part.caddr,
  });
}

function outside(code: 'TICKET_EXPIRED' | 'TICKET_NOT_YET_VALID', stage: string, by: number): SspiError {
  return new SspiError(code, { stage, detail: `by ${Math.round(by / 1000)} s` });
}

function mismatch(stage: string, detail: string): SspiError {
  return new SspiError('KDC_REPLY_MISMATCH', { stage, detail });
}
