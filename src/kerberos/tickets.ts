/**
 * Where the AP exchange gets its tickets from, as far as it has to know.
 * @module
 */
import type { Clock } from '../host/index.ts';
import type { KerberosTicket } from './kdc/index.ts';
import type { PrincipalName, Ticket } from './messages/index.ts';

/** What is asked for. */
export interface TicketRequest {
  readonly service: PrincipalName;
  /** The realm of the service, when it is known. */
  readonly realm?: string | undefined;
  /** User to user: the ticket-granting ticket of the service, with whose session key the ticket is to be encrypted. */
  readonly secondTicket?: Ticket | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The tickets of one client. Whoever gets a ticket disposes it. */
export interface TicketSource {
  /** This machine's clock, put right by the KDC: an authenticator carries the time that the realm goes by. */
  readonly clock: Clock;
  /**
   * A ticket for a service.
   * @throws SspiError KDC_NOT_FOUND and KDC_UNREACHABLE, SPN_UNKNOWN, USER_TO_USER_REQUIRED, LOGON_DENIED, TIME_SKEW, ...
   */
  serviceTicket(request: TicketRequest): Promise<KerberosTicket>;
  /** A ticket-granting ticket for somebody to hand on. @throws as above; KDC_POLICY when the client's own cannot be forwarded */
  forwardedTicket(signal?: AbortSignal): Promise<KerberosTicket>;
  /** The client's own ticket-granting ticket. */
  ticketGrantingTicket(signal?: AbortSignal): Promise<KerberosTicket>;
}
