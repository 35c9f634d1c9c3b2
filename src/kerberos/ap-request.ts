/**
 * What a service checks in an AP-REQ: RFC 4120 3.2.3, in its order.
 * @module
 */
import { decode } from '../der/index.ts';
import { NTSTATUS, SEC_E, SspiError } from '../sspi/index.ts';
import { assertUnderstood, readAuthorization } from './authorization.ts';
import { DEFAULT_ENCRYPTION_TYPES, KEY_USAGE, KerberosKey } from './encryption/index.ts';
import { printable, skewText } from './failures.ts';
import {
  AP_OPTIONS,
  type ApReq,
  Authenticator,
  EncTicketPart,
  formatPrincipal,
  millisecondsOf,
  samePrincipal,
  TICKET_FLAGS,
  type Ticket,
} from './messages/index.ts';
import { OpenTicket, type OpenTickets, type TicketFacts, ticketId } from './open-tickets.ts';
import type { ServiceKey, ServiceKeys } from './service-keys.ts';

/** RFC 4120 1.6: the clocks are as good as that. */
export const DEFAULT_MAX_SKEW = 300_000;

/** What the checks are made with. */
export interface ApRequestChecks {
  readonly keys: ServiceKeys;
  /** Tickets that were opened before. */
  readonly tickets?: OpenTickets | undefined;
  /** The session key of our ticket-granting ticket, for tickets of user-to-user authentication. */
  readonly userToUserKey?: KerberosKey | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Milliseconds. */
  readonly maxSkew?: number | undefined;
  readonly encryptionTypes?: readonly number[] | undefined;
}

/** A request that is genuine, of now, and of the client that the ticket was made for. Whether it comes a second time is open. */
export interface ApRequest {
  /** Only what the KDC encrypted for us; nothing of what lay around it in the clear. */
  readonly ticket: OpenTicket;
  /** Keeps the session key; the caller disposes it. */
  readonly hold: { dispose(): void };
  readonly authenticator: Authenticator;
  /** The client's subkey; the caller disposes it. */
  readonly subkey: KerberosKey | undefined;
  /** The client wants to be answered (ap-options). */
  readonly mutualRequired: boolean;
}

/**
 * Opens ticket and authenticator and checks them against each other and the clock, and the PAC in the ticket.
 * @throws SspiError one code for each thing that can be wrong; DerError
 */
export function verifyApRequest(request: ApReq, checks: ApRequestChecks): ApRequest {
  const { encryptionTypes = DEFAULT_ENCRYPTION_TYPES, keys, tickets } = checks;
  const isUserToUser = (request.apOptions & AP_OPTIONS.USE_SESSION_KEY) !== 0;
  const candidates = isUserToUser ? userToUserKeys(request.ticket, checks) : keys.forTicket(request.ticket);

  // What was opened before counts only for a service whose key did it.
  const id = isUserToUser || tickets === undefined ? undefined : ticketId(request.ticket.encPart.cipher);
  const known = id === undefined ? undefined : tickets?.find(id);
  const isKnown = known !== undefined && candidates.some(({ key }) => key === known.serviceKey);
  const { ticket, part } = isKnown
    ? { ticket: known, part: undefined }
    : openTicket(request.ticket, candidates, encryptionTypes);
  const hold = ticket.hold();
  try {
    const authenticator = openAuthenticator(request, ticket.sessionKey);
    assertSameClient(ticket, authenticator);
    assertNow(authenticator, checks);
    assertValidNow(ticket, checks);
    assertUnderstood(authenticator.authorizationData);
    if (part !== undefined) {
      ticket.authorization = readAuthorization(part, ticket.serviceKey, keys.ofKdc(request.ticket.realm));
      if (id !== undefined) tickets?.keep(id, ticket, checks.now);
    }
    const subkey = authenticator.subkey && KerberosKey.from(authenticator.subkey, encryptionTypes);
    const mutualRequired = (request.apOptions & AP_OPTIONS.MUTUAL_REQUIRED) !== 0;
    return { ticket, hold, authenticator, subkey, mutualRequired };
  } catch (error) {
    hold.dispose();
    throw error;
  } finally {
    part?.key.keyvalue.fill(0);
  }
}

type Candidate = Pick<ServiceKey, 'key' | 'owner'>;

function userToUserKeys({ encPart }: Ticket, { userToUserKey }: ApRequestChecks): readonly Candidate[] {
  if (userToUserKey?.etype === encPart.etype) return [{ key: userToUserKey, owner: 'user-to-user' }];
  throw new SspiError('SERVICE_KEY_MISSING', { stage: 'Kerberos ticket', detail: 'it is a user-to-user ticket' });
}

function openTicket(
  { encPart, sname, realm }: Ticket,
  candidates: readonly Candidate[],
  encryptionTypes: readonly number[],
) {
  for (const { key: serviceKey, owner } of candidates) {
    const plaintext = serviceKey.forUsage(KEY_USAGE.TICKET).decrypt(encPart.cipher);
    if (plaintext === undefined) continue;
    const part = decode(EncTicketPart, plaintext);
    const ticket = new OpenTicket({
      facts: factsOf(part),
      sessionKey: KerberosKey.from(part.key, encryptionTypes),
      serviceKey,
      owner,
      client: formatPrincipal(part.cname, part.crealm),
    });
    return { ticket, part };
  }
  // Nothing is known of whoever sent this: to the service it is a refused logon.
  throw new SspiError('TICKET_UNREADABLE', {
    stage: 'Kerberos ticket',
    detail: printable(formatPrincipal(sname, realm)),
    status: SEC_E.LOGON_DENIED,
    ntStatus: NTSTATUS.LOGON_FAILURE,
  });
}

/** What is kept of a ticket when the plaintext goes, and the key in it. */
function factsOf(part: EncTicketPart): TicketFacts {
  const { flags, crealm, cname, transited, authtime, starttime, endtime, renewTill } = part;
  const { trType, contents } = transited;
  return {
    flags,
    crealm,
    cname,
    transited: { trType, contents: contents.slice() },
    authtime,
    starttime,
    endtime,
    renewTill,
  };
}

function openAuthenticator({ authenticator: { etype, cipher } }: ApReq, sessionKey: KerberosKey): Authenticator {
  const usable = etype === sessionKey.etype;
  const plaintext = usable ? sessionKey.forUsage(KEY_USAGE.AP_REQ_AUTHENTICATOR).decrypt(cipher) : undefined;
  if (plaintext !== undefined) return decode(Authenticator, plaintext);
  throw new SspiError('AUTHENTICATOR_INVALID', { stage: 'Kerberos authenticator' });
}

/** A ticket is good for the client that the KDC made it for. Addresses in it are not looked at: networks translate them. */
function assertSameClient({ facts: { cname, crealm }, client }: OpenTicket, authenticator: Authenticator): void {
  if (samePrincipal(cname, authenticator.cname) && crealm === authenticator.crealm) return;
  throw new SspiError('PRINCIPAL_MISMATCH', {
    stage: 'Kerberos authenticator',
    detail: `the ticket is of ${client}`,
    ntStatus: NTSTATUS.LOGON_FAILURE,
  });
}

/** What was made long ago may have been overheard long ago, and the replay cache has forgotten it. */
function assertNow({ ctime, cusec }: Authenticator, { now, maxSkew = DEFAULT_MAX_SKEW }: ApRequestChecks): void {
  const ahead = millisecondsOf(ctime, cusec) - now;
  if (Math.abs(ahead) <= maxSkew) return;
  throw new SspiError('TIME_SKEW', {
    stage: 'Kerberos authenticator',
    detail: `${skewText(ahead, 'the clock of the client is')}, ${maxSkew / 1000} s are allowed`,
  });
}

function assertValidNow({ facts }: OpenTicket, { now, maxSkew = DEFAULT_MAX_SKEW }: ApRequestChecks): void {
  const { authtime, starttime = authtime, endtime, flags } = facts;
  const stage = 'Kerberos ticket';
  if ((flags & TICKET_FLAGS.INVALID) !== 0)
    throw new SspiError('TICKET_NOT_YET_VALID', { stage, detail: 'it is postdated, and no KDC has validated it' });
  if (starttime - now > maxSkew)
    throw new SspiError('TICKET_NOT_YET_VALID', {
      stage,
      detail: `valid from ${iso(starttime)}, here it is ${iso(now)}`,
    });
  if (now - endtime > maxSkew)
    throw new SspiError('TICKET_EXPIRED', { stage, detail: `valid until ${iso(endtime)}, here it is ${iso(now)}` });
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
