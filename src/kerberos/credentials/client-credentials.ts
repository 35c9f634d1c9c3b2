/**
 * A client and where its tickets come from: all that an initiator of Kerberos needs.
 * @module
 */
import { sha256, toHex } from '../../crypto/index.ts';
import { encode } from '../../der/index.ts';
import { type Secret, SspiError } from '../../sspi/index.ts';
import {
  askForPasswordChange,
  CHANGE_PASSWORD_SERVICE,
  forwardTicket,
  type KdcClient,
  type KerberosTicket,
  type LongTermKeys,
  type PreAuthentication,
  passwordRefusal,
  type RealmNetwork,
  type RealmSettings,
  renewTicket,
  requestInitialTicket,
  requestServiceTicket,
} from '../kdc/index.ts';
import {
  CHANGE_PASSWORD_RESULT,
  type ChangePasswordResult,
  formatPrincipal,
  type PrincipalName,
  Ticket,
  ticketGrantingService,
} from '../messages/index.ts';
import { writeTickets } from './credential-cache.ts';
import { TicketCache, type TicketKey } from './ticket-cache.ts';

/** What {@link ClientCredentials} are made of. */
export interface ClientCredentialsOptions {
  readonly kdc: KdcClient;
  readonly client: PrincipalName;
  readonly realm: string;
  /** With what to log on; disposed with the credentials. Absent: with the tickets given, as long as they last. */
  readonly keys?: LongTermKeys | undefined;
  /** Tickets that are there already; they become the credentials' own. All must be the client's. */
  readonly tickets?: readonly KerberosTicket[] | undefined;
  /** The ways to prove who the client is, the best liked first. Default: the encrypted timestamp. */
  readonly preAuthentication?: readonly PreAuthentication[] | undefined;
  /** What krb5.conf says: realms of hosts, and ways between realms. */
  readonly settings?: RealmSettings | undefined;
  /** Shared with other credentials. Default: one of its own, which is disposed with the credentials. */
  readonly cache?: TicketCache | undefined;
  /** Tells apart those who share a cache and reach KDCs another way: nobody waits for what is asked for on the other's. */
  readonly way?: string | undefined;
}

/** Which service a ticket is for. */
export interface ServiceTarget {
  readonly service: PrincipalName;
  /** The realm of the service, when the caller knows. Absent: what krb5.conf says about its host, or what KDCs say. */
  readonly realm?: string | undefined;
  /** User-to-user: the ticket-granting ticket of the service. */
  readonly secondTicket?: Ticket | undefined;
  readonly signal?: AbortSignal | undefined;
}

const STAGE = 'Kerberos credentials';

/**
 * The credentials of one client. All contexts that are started from them share their tickets, and ask the KDC once for each.
 * @example
 * const credentials = new ClientCredentials({ kdc, client: parsePrincipal('alice').name, realm: 'EXAMPLE.COM', keys });
 * const ticket = await credentials.ticketFor({ service: parsePrincipal('HTTP/www.example.com').name });
 */
export class ClientCredentials {
  readonly #options: ClientCredentialsOptions;
  readonly #cache: TicketCache;
  readonly #owner: string;

  constructor(options: ClientCredentialsOptions) {
    const { kdc, client, realm, tickets = [], cache } = options;
    this.#options = options;
    this.#owner = formatPrincipal(client, realm);
    this.#cache = cache ?? new TicketCache({ clock: kdc.clock, clockSkew: kdc.policy.clockSkew });
    for (const ticket of tickets) {
      if (formatPrincipal(ticket.client, ticket.clientRealm) !== this.#owner)
        throw new SspiError('INVALID_PARAMETER', {
          stage: STAGE,
          detail: `${ticket.description} is not of ${this.#owner}`,
        });
      this.#keep(ticket);
    }
  }

  /** The client as it was named when it logged on, with its realm. */
  get owner(): string {
    return this.#owner;
  }

  get kdc(): KdcClient {
    return this.#options.kdc;
  }

  /**
   * The same client with the same keys and tickets, which reaches KDCs another way. It lives as long as the credentials that it was
   * made of, and is not disposed by itself.
   * @param way - a name of that way
   */
  through(network: RealmNetwork, way: string): ClientCredentials {
    const kdc = { ...this.kdc, network };
    return new ClientCredentials({ ...this.#options, kdc, way, cache: this.#cache, tickets: undefined });
  }

  /**
   * A ticket-granting ticket of the client's realm, for the caller to dispose.
   * @throws SspiError NO_CREDENTIALS when there is neither a ticket nor a key; what logging on throws
   */
  async grantingTicket(signal?: AbortSignal): Promise<KerberosTicket> {
    return await givenUp(() => this.#cache.get(this.#grantingKey, (within) => this.#logOn(within), signal));
  }

  /**
   * A ticket for a service, for the caller to dispose.
   * @throws SspiError SPN_UNKNOWN and whatever else keeps KDCs from giving one; what {@link grantingTicket} throws
   */
  async ticketFor(target: ServiceTarget): Promise<KerberosTicket> {
    const { signal } = target;
    const key = this.#keyOf(target);
    return await givenUp(() => this.#cache.get(key, (within) => this.#askFor({ ...target, signal: within }), signal));
  }

  /** A ticket for a service that is there already, for the caller to dispose. Undefined: {@link ticketFor} would ask a KDC. */
  ticketAtHand(target: ServiceTarget): KerberosTicket | undefined {
    return this.#cache.find(this.#keyOf(target));
  }

  #keyOf({ service, realm, secondTicket }: ServiceTarget): TicketKey {
    const { way } = this.#options;
    return { owner: this.#owner, service, realm, variant: variantOf(secondTicket), way };
  }

  /**
   * A ticket-granting ticket for a service to use in the client's name, for the caller to dispose.
   * @throws SspiError KDC_POLICY when the client's own is not forwardable
   */
  async forwardedTicket(signal?: AbortSignal): Promise<KerberosTicket> {
    const grantingTicket = await this.grantingTicket(signal);
    try {
      return await forwardTicket(this.kdc, grantingTicket, signal);
    } finally {
      grantingTicket.dispose();
    }
  }

  /**
   * Changes the client's password. The credentials themselves go on with the old one: make new ones.
   * @param newPassword - UTF-16LE, as a `Secret` of text holds it; stays the caller's
   * @throws SspiError NO_CREDENTIALS without the old password; PASSWORD_CHANGE_REFUSED with the reason
   */
  async changePassword(newPassword: Secret, signal?: AbortSignal): Promise<void> {
    const result = await this.askForPasswordChange(newPassword, signal);
    if (result.code !== CHANGE_PASSWORD_RESULT.SUCCESS) throw passwordRefusal(result);
  }

  /** As {@link changePassword}, for those who want to know what the server says of the new password. */
  async askForPasswordChange(newPassword: Secret, signal?: AbortSignal): Promise<ChangePasswordResult> {
    const ticket = await this.#initialTicket(CHANGE_PASSWORD_SERVICE, signal);
    try {
      return await askForPasswordChange(this.kdc, { ticket, newPassword, signal });
    } finally {
      ticket.dispose();
    }
  }

  /** All tickets there are as a credential cache file, format 4. There are keys in it. */
  toCredentialCache(): Uint8Array {
    const tickets = this.#cache.of(this.#owner);
    try {
      const distinct = [...new Map(tickets.map((ticket) => [identityOf(ticket), ticket])).values()];
      distinct.sort((a, b) => Number(b.grantsIn === b.clientRealm) - Number(a.grantsIn === a.clientRealm));
      const [first] = distinct;
      const owner = { name: first?.client ?? this.#options.client, realm: first?.clientRealm ?? this.#options.realm };
      return writeTickets({ owner, kdcOffset: this.kdc.clock.offset, tickets: distinct });
    } finally {
      for (const ticket of tickets) ticket.dispose();
    }
  }

  /** Zeroises keys and tickets. */
  dispose(): void {
    this.#options.keys?.dispose();
    if (this.#options.cache === undefined) this.#cache.dispose();
  }

  get #grantingKey(): TicketKey {
    const { realm, way } = this.#options;
    return { owner: this.#owner, service: ticketGrantingService(realm), realm, way };
  }

  /** Under its name alone as well, for those who do not say which realm they mean. */
  #keep(ticket: KerberosTicket): void {
    const { server: service, serverRealm: realm, secondTicket } = ticket;
    const key: TicketKey = { owner: this.#owner, service, variant: variantOf(secondTicket) };
    this.#cache.put(key, ticket.clone());
    this.#cache.put({ ...key, realm }, ticket);
  }

  /** A renewed ticket where that is possible, since it needs no key; else a new one. */
  async #logOn(signal: AbortSignal): Promise<KerberosTicket> {
    const old = this.#cache.findRenewable(this.#grantingKey);
    try {
      if (old !== undefined) return await renewTicket(this.kdc, old, signal);
    } catch (error) {
      if (this.#options.keys === undefined) throw error;
    } finally {
      old?.dispose();
    }
    return await this.#initialTicket(undefined, signal);
  }

  async #initialTicket(service: PrincipalName | undefined, signal: AbortSignal | undefined): Promise<KerberosTicket> {
    const { client, realm, keys, preAuthentication } = this.#options;
    if (keys === undefined)
      throw new SspiError('NO_CREDENTIALS', { stage: STAGE, detail: `no good ticket of ${this.#owner}, and no key` });
    return await requestInitialTicket(this.kdc, { client, realm, keys, service, preAuthentication, signal });
  }

  async #askFor(target: ServiceTarget): Promise<KerberosTicket> {
    try {
      return await this.#askOnce(target);
    } catch (error) {
      // The KDC counts otherwise than we did, or has a new key: a fresh ticket-granting ticket settles it.
      const isStale =
        error instanceof SspiError && (error.code === 'TICKET_EXPIRED' || error.code === 'TICKET_UNREADABLE');
      if (!isStale || this.#options.keys === undefined) throw error;
      this.#cache.remove(this.#grantingKey);
      return await this.#askOnce(target);
    }
  }

  async #askOnce({ service, realm, secondTicket, signal }: ServiceTarget): Promise<KerberosTicket> {
    const { settings } = this.#options;
    const target = realm ?? settings?.realmOfHost(service.nameString[1] ?? '');
    const grantingTicket = this.#ticketOfRealm(target) ?? (await this.grantingTicket(signal));
    try {
      const { ticket, way } = await requestServiceTicket(this.kdc, {
        grantingTicket,
        service,
        realm: target,
        secondTicket,
        path: (from, to) => settings?.path(from, to),
        signal,
      });
      for (const step of way) this.#keepStep(step);
      return ticket;
    } finally {
      grantingTicket.dispose();
    }
  }

  /** A ticket-granting ticket of another realm, from an earlier walk there. */
  #ticketOfRealm(realm: string | undefined): KerberosTicket | undefined {
    if (realm === undefined || realm === this.#options.realm) return undefined;
    return this.#cache.find({ owner: this.#owner, service: ticketGrantingService(realm) });
  }

  #keepStep(ticket: KerberosTicket): void {
    this.#cache.put({ owner: this.#owner, service: ticket.server }, ticket);
  }
}

function identityOf({ server, serverRealm, secondTicket }: KerberosTicket): string {
  return JSON.stringify([server.nameString, serverRealm, variantOf(secondTicket)]);
}

/** Tells user-to-user tickets apart: those for one and the same ticket of the service are the same. */
function variantOf(secondTicket: Ticket | undefined): string | undefined {
  return secondTicket === undefined ? undefined : toHex(sha256(encode(Ticket, secondTicket)));
}

/** Reports a caller's own signal as what it is for the exchange: its deadline. */
async function givenUp<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof SspiError) throw error;
    throw new SspiError('DEADLINE_EXCEEDED', { stage: STAGE, detail: 'the caller gave up', cause: error });
  }
}
