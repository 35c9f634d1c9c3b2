/**
 * Who the client is: the name in the ticket, and what the PAC says of the account.
 * @module
 */
import type { ClientAuthorization, ClientIdentity, Secret } from '../sspi/index.ts';
import { type EncTicketPart, formatPrincipal } from './messages/index.ts';

/** What {@link identityOf} knows. */
export interface KnownClient {
  readonly ticket: EncTicketPart;
  readonly authorization: ClientAuthorization | undefined;
  /** A credential cache; belongs to the context. */
  readonly delegated: Secret | undefined;
  readonly identifyOnly: boolean;
}

/** The identity, made anew whenever somebody asks: its secret is a copy, and whoever asks disposes it. */
export function identityOf({ ticket, authorization, delegated, identifyOnly }: KnownClient): () => ClientIdentity {
  const { cname, crealm } = ticket;
  const principal = formatPrincipal(cname, crealm);
  const names =
    authorization === undefined
      ? { domain: crealm, user: formatPrincipal(cname), name: principal }
      : {
          domain: authorization.logonDomain,
          user: authorization.accountName,
          name: `${authorization.logonDomain}\\${authorization.accountName}`,
        };
  return () => ({
    ...names,
    mechanism: 'Kerberos',
    identifyOnly,
    anonymous: false,
    principal,
    authorization,
    delegated: delegated && { kind: 'ccache', ccache: delegated.clone() },
  });
}
