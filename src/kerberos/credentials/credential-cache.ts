/**
 * Tickets out of credential caches and into them: what `kinit` got for us, and what we get for `klist`, `kvno` and `curl`.
 * @module
 */
import { DerError, decode, encode } from '../../der/index.ts';
import { Secret, SspiError } from '../../sspi/index.ts';
import { encryptionType, isEncryptionTypeAllowed, KerberosKey } from '../encryption/index.ts';
import {
  type CachedCredential,
  type CachePrincipal,
  decodeCredentialCache,
  encodeCredentialCache,
} from '../files/index.ts';
import { KerberosTicket } from '../kdc/index.ts';
import { samePrincipal, Ticket } from '../messages/index.ts';

/** What a file holds, as far as it is of use. */
export interface CachedTickets {
  readonly owner: CachePrincipal;
  /** How far the clock of the KDC is ahead, in milliseconds; 0 when the file does not say. */
  readonly kdcOffset: number;
  /** For the caller to dispose. */
  readonly tickets: readonly KerberosTicket[];
}

/**
 * Reads a credential cache. What belongs to somebody else than its owner is left out (a file that several programs write may
 * hold anything), and so is what has a session key of a type that is not allowed.
 * @throws SspiError FILE_MALFORMED
 */
export function readTickets(octets: Uint8Array, allowed: readonly number[]): CachedTickets {
  const { defaultPrincipal, kdcOffset = 0, credentials } = decodeCredentialCache(octets);
  const tickets: KerberosTicket[] = [];
  try {
    for (const credential of credentials) {
      const isOwn = isSame(credential.client, defaultPrincipal);
      if (isOwn && isEncryptionTypeAllowed(credential.etype, allowed)) tickets.push(ticketOf(credential));
    }
    return { owner: defaultPrincipal, kdcOffset, tickets };
  } catch (error) {
    for (const ticket of tickets) ticket.dispose();
    if (!(error instanceof DerError)) throw error;
    throw new SspiError('FILE_MALFORMED', { stage: 'credential cache', detail: error.message, cause: error });
  } finally {
    for (const { key } of credentials) key.dispose();
  }
}

function isSame(a: CachePrincipal, b: CachePrincipal): boolean {
  return a.realm === b.realm && samePrincipal(a.name, b.name);
}

function ticketOf(credential: CachedCredential): KerberosTicket {
  const { client, server, etype, key, authtime = 0, starttime, endtime = 0, renewTill, flags } = credential;
  const { addresses, authorizationData, ticket, secondTicket } = credential;
  return new KerberosTicket({
    client: client.name,
    clientRealm: client.realm,
    server: server.name,
    serverRealm: server.realm,
    ticket: decode(Ticket, ticket),
    secondTicket: secondTicket.length === 0 ? undefined : decode(Ticket, secondTicket),
    sessionKey: new KerberosKey(encryptionType(etype, [etype]), key.reveal()),
    flags,
    authTime: authtime,
    startTime: starttime ?? authtime,
    endTime: endtime,
    renewTill,
    addresses: addresses.length === 0 ? undefined : addresses,
    authorizationData: authorizationData.length === 0 ? undefined : authorizationData,
  });
}

/** Writes a credential cache, format 4. There are keys in the octets: wipe them, and let nobody else read the file. */
export function writeTickets({ owner, kdcOffset, tickets }: CachedTickets): Uint8Array {
  const credentials = tickets.map(credentialOf);
  try {
    return encodeCredentialCache({
      version: 4,
      kdcOffset: kdcOffset === 0 ? undefined : kdcOffset,
      defaultPrincipal: owner,
      credentials,
      settings: [],
    });
  } finally {
    for (const { key } of credentials) key.dispose();
  }
}

function credentialOf(ticket: KerberosTicket): CachedCredential {
  const { client, clientRealm, server, serverRealm, sessionKey, secondTicket } = ticket;
  return {
    client: { name: client, realm: clientRealm },
    server: { name: server, realm: serverRealm },
    etype: sessionKey.etype,
    key: new Secret(Uint8Array.from(sessionKey.reveal().keyvalue)),
    authtime: ticket.authTime,
    starttime: ticket.startTime,
    endtime: ticket.endTime,
    renewTill: ticket.renewTill,
    isSessionKey: secondTicket !== undefined,
    flags: ticket.flags,
    addresses: ticket.addresses ?? [],
    authorizationData: ticket.authorizationData ?? [],
    ticket: encode(Ticket, ticket.ticket),
    secondTicket: secondTicket === undefined ? new Uint8Array(0) : encode(Ticket, secondTicket),
  };
}
