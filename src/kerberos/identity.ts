/**
 * Who the client is: the name in the ticket, and what the PAC says of the account.
 * @module
 */
import type { ClientIdentity, Secret } from '../sspi/index.ts';
import { formatPrincipal } from './messages/index.ts';
import type { OpenTicket } from './open-tickets.ts';

/** What {@link identityOf} knows. */
export interface KnownClient {
  readonly ticket: OpenTicket;
  /** A credential cache; belongs to the context. */
  readonly delegated: Secret | undefined;
  readonly identifyOnly: boolean;
}

/** The identity, made anew whenever somebody asks: its secret is a copy, and whoever asks disposes it. */
export function identityOf({ ticket, delegated, identifyOnly }: KnownClient): () => ClientIdentity {
  const { cname, crealm } = ticket.facts;
  const { client: principal } = ticket;
  const authorization = ticket.authorization?.client;
  const names = (): Pick<ClientIdentity, 'domain' | 'user' | 'name'> =>
    authorization === undefined
      ? { domain: crealm, user: formatPrincipal(cname), name: principal }
      : {
          domain: authorization.logonDomain,
          user: authorization.accountName,
          name: `${authorization.logonDomain}\\${authorization.accountName}`,
        };
  return () => ({
    ...names(),
    mechanism: 'Kerberos',
    identifyOnly,
    anonymous: false,
    principal,
    authorization,
    delegated: delegated && { kind: 'ccache', ccache: delegated.clone() },
  });
}
