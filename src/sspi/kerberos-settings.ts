/**
 * How Kerberos finds its KDCs, and what it may do there.
 * @module
 */

/**
 * How a client gets its tickets. Kerberos is not attempted at all, and no time is lost with it, unless one of `kdc`,
 * `configuration` and `dns` tells where KDCs are, or there are tickets already.
 */
export interface KerberosSettings {
  /** Realm of a user without one. Default: what the domain of the user stands for, else `default_realm` of the configuration. */
  readonly realm?: string | undefined;
  /**
   * The KDCs of that realm, in the order in which they are to be asked: `host`, `host:port`, `tcp/host:port`, `udp/host:port`, or
   * the `https://` address of a KDC proxy ([MS-KKDCP]).
   */
  readonly kdc?: string | readonly string[] | undefined;
  /** Text of a krb5.conf: realms, KDCs, domain_realm, capaths, encryption types. */
  readonly configuration?: string | undefined;
  /** Look KDCs up in the DNS (SRV records). Default false, unless the configuration says so. Needs the DNS port of the host. */
  readonly dns?: boolean | undefined;
  /** Numbers of encryption types that may be used. Default: all with AES. 23 (RC4) has to be allowed by its number. */
  readonly encryptionTypes?: readonly number[] | undefined;
  /** Milliseconds for everything that a context has to ask KDCs. Default 10,000. */
  readonly deadline?: number | undefined;
  /**
   * When ISC_REQ.DELEGATE hands the user's ticket-granting ticket on: only to services that the KDC calls fit for it
   * (`ok-as-delegate`, the default), to all, or to none.
   */
  readonly delegation?: 'ok-as-delegate' | 'always' | 'never' | undefined;
  /**
   * User-to-user authentication, for services that have no key of their own but a user who is logged on: ask the service for its
   * ticket-granting ticket first. Default: only when the KDC says that there is no other way.
   */
  readonly userToUser?: 'when-required' | 'always' | 'never' | undefined;
}
