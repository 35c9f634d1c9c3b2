/**
 * DNS, as a port.
 * @module
 */

/** An SRV record, RFC 2782. */
export interface SrvRecord {
  /** The lowest goes first. */
  readonly priority: number;
  /** Among those of one priority: how often this one, compared with the others. */
  readonly weight: number;
  readonly port: number;
  /** A host name; `.` or nothing says that there is no such service. */
  readonly target: string;
}

/** Asks the DNS. */
export interface Dns {
  /**
   * The SRV records of a name, in any order; none when there is no such name.
   * @throws when the DNS cannot be asked
   */
  srv(name: string, signal: AbortSignal): Promise<readonly SrvRecord[]>;
}
