/**
 * Tickets that a service has opened. A client shows the same ticket with every connection for hours; to decrypt it and to verify
 * its PAC takes longer than everything else in an AP exchange, and gives the same each time.
 * @module
 */
import { sha256, toHex } from '../crypto/index.ts';
import type { Authorization } from './authorization.ts';
import type { KerberosKey } from './encryption/index.ts';
import type { EncTicketPart } from './messages/index.ts';

/** What a ticket says, without its key, which is a {@link KerberosKey}, and without what the PAC says, which is verified. */
export type TicketFacts = Omit<EncTicketPart, 'key' | 'authorizationData' | 'caddr'>;

/** A ticket that was opened, with its session key. The key lives as long as somebody holds the ticket. */
export class OpenTicket {
  readonly facts: TicketFacts;
  readonly sessionKey: KerberosKey;
  /** What opened it. */
  readonly serviceKey: KerberosKey;
  /** Who has that key: see `ServiceKey`. */
  readonly owner: string;
  /** The client as text, with its realm. */
  readonly client: string;
  /** What there was to be verified in it; undefined as long as nobody has. */
  authorization: Authorization | undefined;
  #holders = 0;

  constructor(given: Pick<OpenTicket, 'facts' | 'sessionKey' | 'serviceKey' | 'owner' | 'client'>) {
    this.facts = given.facts;
    this.sessionKey = given.sessionKey;
    this.serviceKey = given.serviceKey;
    this.owner = given.owner;
    this.client = given.client;
  }

  /** Holds the ticket until what comes back is disposed. */
  hold(): { dispose(): void } {
    this.#holders++;
    let isHeld = true;
    return {
      dispose: () => {
        if (!isHeld) return;
        isHeld = false;
        if (--this.#holders === 0) this.sessionKey.dispose();
      },
    };
  }
}

/** Octets of a session key for each, and what a PAC says: a megabyte or so. */
const DEFAULT_CAPACITY = 1024;

/** The tickets that were shown last. They say nothing of whether a ticket is still good, nor of whose it is. */
export class OpenTickets {
  readonly #capacity: number;
  /** In the order of their last use. */
  readonly #tickets = new Map<string, { readonly ticket: OpenTicket; readonly hold: { dispose(): void } }>();

  constructor(capacity: number = DEFAULT_CAPACITY) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#tickets.size;
  }

  /** A ticket by its ciphertext, which nobody can make who does not have the key. */
  find(id: string): OpenTicket | undefined {
    const found = this.#tickets.get(id);
    if (found === undefined) return undefined;
    this.#tickets.delete(id);
    this.#tickets.set(id, found);
    return found.ticket;
  }

  /**
   * Keeps a ticket that was verified in every respect. The ones that were not used for longest go when there are too many, or when
   * they have ended.
   * @param now - milliseconds since 1970
   */
  keep(id: string, ticket: OpenTicket, now: number): void {
    if (this.#tickets.has(id)) return;
    this.#tickets.set(id, { ticket, hold: ticket.hold() });
    for (const [oldest, { ticket: one, hold }] of this.#tickets) {
      if (this.#tickets.size <= this.#capacity && one.facts.endtime > now) return;
      hold.dispose();
      this.#tickets.delete(oldest);
    }
  }

  /** Lets go of all. */
  dispose(): void {
    for (const { hold } of this.#tickets.values()) hold.dispose();
    this.#tickets.clear();
  }
}

/** What a ticket is found by. */
export function ticketId(cipher: Uint8Array): string {
  return toHex(sha256(cipher));
}
