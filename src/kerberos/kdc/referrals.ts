/**
 * From a ticket-granting ticket of the client's realm to a ticket for a service in any realm: RFC 4120 1.2 and 3.3.1, RFC 6806 8.
 *
 * When the realm of the service is known, tickets for the realms on the way are asked for one after the other; KDCs may shorten
 * the way. When it is not, the client's own KDC is asked, and refers to the realm where the service is.
 * @module
 */
import { SspiError } from '../../sspi/index.ts';
import {
  formatPrincipal,
  KDC_OPTIONS,
  type PrincipalName,
  samePrincipal,
  TICKET_FLAGS,
  type Ticket,
  ticketGrantingService,
} from '../messages/index.ts';
import type { KdcClient } from './client.ts';
import { exchangeTicket } from './tgs.ts';
import { grantedRealm, type KerberosTicket } from './ticket.ts';

/** What is asked for. */
export interface ServiceTicketRequest {
  /** The ticket-granting ticket to begin with: of the client's realm, or of one nearer to the service. */
  readonly grantingTicket: KerberosTicket;
  readonly service: PrincipalName;
  /** The realm of the service, when it is known. */
  readonly realm?: string | undefined;
  /** User-to-user: the ticket-granting ticket of the service. */
  readonly secondTicket?: Ticket | undefined;
  /** The realms between two, as krb5.conf has them under [capaths]. */
  readonly path?: ((from: string, to: string) => readonly string[] | undefined) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was found. All tickets are the caller's. */
export interface ServiceTicket {
  readonly ticket: KerberosTicket;
  /** The ticket-granting tickets of the realms on the way, in order. */
  readonly way: readonly KerberosTicket[];
}

/**
 * Gets a ticket for a service.
 * @throws SspiError as `exchangeTicket`; TOO_MANY_REFERRALS when KDCs send us round and round
 */
export async function requestServiceTicket(client: KdcClient, request: ServiceTicketRequest): Promise<ServiceTicket> {
  const way: KerberosTicket[] = [];
  try {
    const ticket = await follow(client, request, way);
    return { ticket, way };
  } catch (error) {
    for (const ticket of way) ticket.dispose();
    throw error;
  }
}

async function follow(
  client: KdcClient,
  request: ServiceTicketRequest,
  way: KerberosTicket[],
): Promise<KerberosTicket> {
  const { service, signal } = request;
  let grantingTicket = request.grantingTicket;
  const visited = new Set([grantingTicket.grantsIn]);
  for (;;) {
    const wanted = nextWanted(grantingTicket, request);
    const ticket = await exchangeTicket(client, {
      grantingTicket,
      service: wanted,
      options: wanted === service ? optionsFor(client, request, grantingTicket) : KDC_OPTIONS.CANONICALIZE,
      secondTicket: wanted === service ? request.secondTicket : undefined,
      signal,
    });
    if (wanted === service && samePrincipal(ticket.server, service)) return ticket;

    // A realm that was there before would send us round for ever (fault Z41).
    way.push(ticket);
    const realm = ticket.grantsIn;
    if (visited.has(realm) || way.length > client.policy.maxReferrals)
      throw new SspiError('TOO_MANY_REFERRALS', {
        stage: 'Kerberos referrals',
        detail: `${[...visited, realm].join(' > ')} for ${formatPrincipal(service, request.realm)}`,
      });
    visited.add(realm);
    grantingTicket = ticket;
  }
}

/** The service itself, or a ticket-granting ticket of the next realm on the way to it. */
function nextWanted(grantingTicket: KerberosTicket, { service, realm, path }: ServiceTicketRequest): PrincipalName {
  const here = grantingTicket.grantsIn;
  if (realm === undefined || here === undefined || here === realm || grantedRealm(service) === realm) return service;
  const between = path?.(grantingTicket.clientRealm, realm) ?? [];
  const next = between[between.indexOf(here) + 1] ?? realm; // not on the path: at its beginning
  return ticketGrantingService(next === here ? realm : next);
}

function optionsFor(
  { policy }: KdcClient,
  { secondTicket }: ServiceTicketRequest,
  grantingTicket: KerberosTicket,
): number {
  const forwardable = policy.forwardable && grantingTicket.has(TICKET_FLAGS.FORWARDABLE) ? KDC_OPTIONS.FORWARDABLE : 0;
  return KDC_OPTIONS.CANONICALIZE | forwardable | (secondTicket === undefined ? 0 : KDC_OPTIONS.ENC_TKT_IN_SKEY);
}
