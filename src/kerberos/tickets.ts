/**
 * Where the AP exchange gets its tickets from, as far as it has to know: `ClientCredentials`, or something like it.
 * @module
 */
import type { Clock } from '../host/index.ts';
import type { ServiceTarget } from './credentials/index.ts';
import type { KerberosTicket } from './kdc/index.ts';

/** The tickets of one client. Whoever gets a ticket disposes it. */
export interface TicketSource {
  /** This machine's clock, put right by the KDC: an authenticator carries the time that the realm goes by. */
  readonly kdc: { readonly clock: Clock };
  /**
   * A ticket for a service.
   * @throws SspiError KDC_NOT_FOUND and KDC_UNREACHABLE, SPN_UNKNOWN, USER_TO_USER_REQUIRED, LOGON_DENIED, TIME_SKEW, ...
   */
  ticketFor(target: ServiceTarget): Promise<KerberosTicket>;
  /** The same, when it is there and no KDC has to be asked; undefined otherwise. */
  ticketAtHand(target: ServiceTarget): KerberosTicket | undefined;
  /** A ticket-granting ticket for somebody to hand on. @throws as above; KDC_POLICY when the client's own cannot be forwarded */
  forwardedTicket(signal?: AbortSignal): Promise<KerberosTicket>;
  /** The client's own ticket-granting ticket. */
  grantingTicket(signal?: AbortSignal): Promise<KerberosTicket>;
}
