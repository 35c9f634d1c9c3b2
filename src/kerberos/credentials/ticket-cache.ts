/**
 * Tickets that are there already. A hundred connections that are opened at once to one service ask the KDC once.
 * @module
 */
import type { Clock } from '../../host/index.ts';
import { SspiError } from '../../sspi/index.ts';
import type { KerberosTicket } from '../kdc/index.ts';
import type { PrincipalName } from '../messages/index.ts';

/** What a ticket is kept under. Whose it is comes first: a cache that many share never gives one the ticket of another. */
export interface TicketKey {
  /** The client as text, with its realm. */
  readonly owner: string;
  readonly service: PrincipalName;
  /** The realm of the service when it was named; else the one that KDCs found. */
  readonly realm?: string | undefined;
  /** Tells apart what has the same name otherwise: user-to-user tickets. */
  readonly variant?: string | undefined;
  /** How KDCs are reached. What is there is good for all ways; what is under way is so on one of them. */
  readonly way?: string | undefined;
}

/** Options of a {@link TicketCache}. */
export interface TicketCacheOptions {
  readonly clock: Clock;
  /** Most tickets. The one that was not used for longest goes first. Default 256. */
  readonly capacity?: number | undefined;
  /** A ticket that ends within this time, in milliseconds, is not given out any more. Default 60,000. */
  readonly margin?: number | undefined;
  /** How far clocks may be apart, in milliseconds. Default 300,000. */
  readonly clockSkew?: number | undefined;
}

/** Tickets by client and service. */
export class TicketCache {
  readonly #options: Required<{ [K in keyof TicketCacheOptions]: NonNullable<TicketCacheOptions[K]> }>;
  /** In the order of their last use. */
  readonly #tickets = new Map<string, KerberosTicket>();
  readonly #flights = new Map<string, Flight>();
  #disposed = false;

  constructor({ clock, capacity = 256, margin = 60_000, clockSkew = 300_000 }: TicketCacheOptions) {
    this.#options = { clock, capacity, margin, clockSkew };
  }

  /** A ticket that is there and good, as a copy for the caller to dispose. */
  find(key: TicketKey): KerberosTicket | undefined {
    const id = idOf(key);
    const ticket = this.#tickets.get(id);
    if (ticket === undefined) return undefined;
    const { clock, margin, clockSkew } = this.#options;
    const now = clock.now();
    if (ticket.endTime <= now) this.remove(key);
    if (!ticket.isGood(now, clockSkew, margin)) return undefined;
    this.#tickets.delete(id);
    this.#tickets.set(id, ticket); // used just now
    return ticket.clone();
  }

  /**
   * A ticket that is there, or else a new one. However many ask for the same at once, `acquire` runs once; when none of them
   * waits any longer it is aborted.
   * @param acquire - gets a ticket, which becomes the cache's
   * @returns a copy for the caller to dispose
   */
  async get(
    key: TicketKey,
    acquire: (signal: AbortSignal) => Promise<KerberosTicket>,
    signal?: AbortSignal,
  ): Promise<KerberosTicket> {
    if (this.#disposed) throw disposed();
    const found = this.find(key);
    if (found !== undefined) return found;
    const id = `${key.way ?? ''} ${idOf(key)}`;
    let flight = this.#flights.get(id);
    if (flight === undefined) {
      flight = new Flight(acquire, (ticket) => {
        if (this.#flights.get(id) === flight) this.#flights.delete(id);
        if (ticket !== undefined && !this.#disposed) this.put(key, ticket.clone());
      });
      this.#flights.set(id, flight);
    }
    return await flight.join(signal);
  }

  /** Keeps a ticket, which becomes the cache's. */
  put(key: TicketKey, ticket: KerberosTicket): void {
    const id = idOf(key);
    this.#tickets.get(id)?.dispose();
    this.#tickets.delete(id);
    this.#tickets.set(id, ticket);
    for (const [oldest, least] of this.#tickets) {
      if (this.#tickets.size <= this.#options.capacity) break;
      this.#tickets.delete(oldest);
      least.dispose();
    }
  }

  /** A ticket that ended, or is about to, and can still be renewed; as a copy for the caller to dispose. */
  findRenewable(key: TicketKey): KerberosTicket | undefined {
    const ticket = this.#tickets.get(idOf(key));
    const now = this.#options.clock.now();
    return ticket !== undefined && ticket.endTime > now && ticket.isRenewable(now) ? ticket.clone() : undefined;
  }

  /** Forgets a ticket. */
  remove(key: TicketKey): void {
    const id = idOf(key);
    this.#tickets.get(id)?.dispose();
    this.#tickets.delete(id);
  }

  /** All tickets of an owner, as copies for the caller to dispose. */
  of(owner: string): readonly KerberosTicket[] {
    const mark = `[${JSON.stringify(owner)},`;
    return [...this.#tickets].filter(([id]) => id.startsWith(mark)).map(([, ticket]) => ticket.clone());
  }

  get size(): number {
    return this.#tickets.size;
  }

  /** Zeroises all keys, and ends what is under way. */
  dispose(): void {
    this.#disposed = true;
    for (const flight of this.#flights.values()) flight.abort(disposed());
    this.#flights.clear();
    for (const ticket of this.#tickets.values()) ticket.dispose();
    this.#tickets.clear();
  }
}

/** JSON tells where one part ends and the next begins: no name can be made up that reads like two. */
function idOf({ owner, service, realm, variant }: TicketKey): string {
  return JSON.stringify([owner, service.nameString, realm ?? '', variant ?? '']);
}

function disposed(): SspiError {
  return new SspiError('INVALID_HANDLE', { stage: 'Kerberos ticket cache', detail: 'it was disposed' });
}

/** A ticket that is being got, and those who wait for it. */
class Flight {
  readonly #abort = new AbortController();
  readonly #waiting = new Set<{ take(ticket: KerberosTicket): void; fail(reason: unknown): void }>();
  #onEnd: (ticket: KerberosTicket | undefined) => void;

  constructor(
    acquire: (signal: AbortSignal) => Promise<KerberosTicket>,
    onEnd: (ticket: KerberosTicket | undefined) => void,
  ) {
    this.#onEnd = onEnd;
    acquire(this.#abort.signal).then(
      (ticket) => this.#land(ticket),
      (reason: unknown) => this.abort(reason),
    );
  }

  join(signal: AbortSignal | undefined): Promise<KerberosTicket> {
    return new Promise<KerberosTicket>((resolve, reject) => {
      const leave = (): void => waiter.fail(signal?.reason);
      const end = (): void => {
        signal?.removeEventListener('abort', leave);
        this.#waiting.delete(waiter);
      };
      const waiter = {
        take: (ticket: KerberosTicket): void => {
          end();
          resolve(ticket.clone());
        },
        fail: (reason: unknown): void => {
          end();
          reject(reason);
          if (this.#waiting.size === 0) this.abort(reason);
        },
      };
      this.#waiting.add(waiter);
      if (signal?.aborted === true) leave();
      else signal?.addEventListener('abort', leave, { once: true });
    });
  }

  #land(ticket: KerberosTicket): void {
    this.#end(ticket);
    for (const waiter of [...this.#waiting]) waiter.take(ticket);
    ticket.dispose();
  }

  abort(reason: unknown): void {
    this.#end(undefined);
    this.#abort.abort(reason);
    for (const waiter of [...this.#waiting]) waiter.fail(reason);
  }

  #end(ticket: KerberosTicket | undefined): void {
    const onEnd = this.#onEnd;
    this.#onEnd = () => undefined;
    onEnd(ticket);
  }
}
