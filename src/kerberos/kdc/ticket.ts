/**
 * A ticket, and what its owner knows about it: the session key above all. RFC 4120 calls the two together credentials.
 * @module
 */
import type { KerberosKey } from '../encryption/index.ts';
import {
  type AuthorizationData,
  formatPrincipal,
  type HostAddresses,
  type PrincipalName,
  TICKET_FLAGS,
  type Ticket,
} from '../messages/index.ts';

/** What a {@link KerberosTicket} is made of. Times in milliseconds since 1970. */
export interface KerberosTicketFields {
  readonly client: PrincipalName;
  readonly clientRealm: string;
  readonly server: PrincipalName;
  readonly serverRealm: string;
  /** For the service: only it can read the inside. */
  readonly ticket: Ticket;
  /** Becomes the ticket's own: it is disposed with it. */
  readonly sessionKey: KerberosKey;
  /** Bits of `TICKET_FLAGS`. */
  readonly flags: number;
  readonly authTime: number;
  readonly startTime: number;
  readonly endTime: number;
  readonly renewTill?: number | undefined;
  readonly addresses?: HostAddresses | undefined;
  readonly authorizationData?: AuthorizationData | undefined;
  /** Encrypted with the session key of this ticket of the service, and not with a key of its own. */
  readonly secondTicket?: Ticket | undefined;
}

/** A ticket with its session key. Whoever gets one disposes it. */
export class KerberosTicket implements KerberosTicketFields, Disposable {
  readonly client: PrincipalName;
  readonly clientRealm: string;
  readonly server: PrincipalName;
  readonly serverRealm: string;
  readonly ticket: Ticket;
  readonly sessionKey: KerberosKey;
  readonly flags: number;
  readonly authTime: number;
  readonly startTime: number;
  readonly endTime: number;
  readonly renewTill: number | undefined;
  readonly addresses: HostAddresses | undefined;
  readonly authorizationData: AuthorizationData | undefined;
  readonly secondTicket: Ticket | undefined;

  constructor(fields: KerberosTicketFields) {
    this.client = fields.client;
    this.clientRealm = fields.clientRealm;
    this.server = fields.server;
    this.serverRealm = fields.serverRealm;
    this.ticket = fields.ticket;
    this.sessionKey = fields.sessionKey;
    this.flags = fields.flags;
    this.authTime = fields.authTime;
    this.startTime = fields.startTime;
    this.endTime = fields.endTime;
    this.renewTill = fields.renewTill;
    this.addresses = fields.addresses;
    this.authorizationData = fields.authorizationData;
    this.secondTicket = fields.secondTicket;
  }

  /** Whether a flag of `TICKET_FLAGS` is set. */
  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  /** The realm whose KDC takes this ticket, when it is a ticket-granting ticket: the last part of `krbtgt/REALM`. */
  get grantsIn(): string | undefined {
    return grantedRealm(this.server);
  }

  /** Whether it is good for at least this much longer, and good already. */
  isGood(now: number, skew: number, margin = 0): boolean {
    return this.startTime <= now + skew && this.endTime > now + margin && !this.has(TICKET_FLAGS.INVALID);
  }

  /** Whether the KDC will exchange it for a fresh one. */
  isRenewable(now: number): boolean {
    return this.has(TICKET_FLAGS.RENEWABLE) && this.renewTill !== undefined && this.renewTill > now;
  }

  /** A second one, with a key and a life of its own. */
  clone(): KerberosTicket {
    return new KerberosTicket({ ...this, sessionKey: this.sessionKey.clone() });
  }

  /** For people. */
  get description(): string {
    return `${formatPrincipal(this.server, this.serverRealm)} for ${formatPrincipal(this.client, this.clientRealm)}`;
  }

  /** Zeroises the session key. */
  dispose(): void {
    this.sessionKey.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** The realm of `krbtgt/REALM`; undefined for other names. */
export function grantedRealm({ nameString }: PrincipalName): string | undefined {
  return nameString.length === 2 && nameString[0] === 'krbtgt' ? nameString[1] : undefined;
}
