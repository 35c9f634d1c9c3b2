/**
 * From what is granted to a ticket that only its recipient can read.
 * @module
 */
import { type AuthorizationData, EncTicketPart, KEY_USAGE, KerberosKey, seal, type Ticket } from '../kerberos/index.ts';
import { type PacContents, signedPac } from './privileges.ts';
import type { Realm } from './realm.ts';
import type { Recipient } from './recipient.ts';
import { type Grant, ticketPartOf } from './ticket.ts';

/**
 * Makes the ticket.
 * @param pac - undefined: a ticket without
 * @param authorizationData - of the client (RFC 4120 3.3.3); stands behind the PAC
 */
export async function issueTicket(
  realm: Realm,
  grant: Grant,
  recipient: Recipient,
  pac: PacContents | undefined,
  authorizationData: AuthorizationData = [],
): Promise<Ticket> {
  const bare = ticketPartOf(grant);
  const withOthers = authorizationData.length === 0 ? bare : { ...bare, authorizationData };
  const signed = pac === undefined ? [] : ((await signedPac(realm, pac, recipient, withOthers)) ?? []);
  const all = [...signed, ...authorizationData];
  const part: EncTicketPart = { ...bare, authorizationData: all.length === 0 ? undefined : all };

  const { faults, random } = realm;
  const { key, kvno, name } = recipient;
  const encPart = seal(EncTicketPart, faults.forgeTicket?.(part) ?? part, {
    key: faults.wrongKey === 'ticket' ? KerberosKey.generate(key.type, random) : key,
    usage: KEY_USAGE.TICKET,
    random,
    kvno,
  });
  return { tktVno: 5, realm: realm.name, sname: name, encPart };
}
