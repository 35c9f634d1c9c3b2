/**
 * What Kerberos takes beside names and passwords: keytabs, credential caches, where the KDCs are, what a service demands.
 * @module
 */
import type { AuthIdentity, ChannelBindingPolicy } from './credentials.ts';
import type { ReplayCache } from './replay.ts';
import type { Secret } from './secret.ts';

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

/** A name and its keys in a keytab. Kerberos only. */
export interface KeytabIdentity {
  readonly kind: 'keytab';
  /** `user@REALM`, or `user` alone; absent: the first principal in the keytab. */
  readonly principal?: string | undefined;
  /** Octets of the file. They stay the caller's: the credential makes its own copy. */
  readonly keytab: Uint8Array | Secret;
  readonly kerberos?: KerberosSettings | undefined;
  readonly packageList?: string | undefined;
}

/** Tickets that somebody else got. Kerberos only. */
export interface CredentialCacheIdentity {
  readonly kind: 'ccache';
  /** Octets of the file, format 3 or 4. They stay the caller's: the credential makes its own copy. */
  readonly ccache: Uint8Array | Secret;
  readonly kerberos?: KerberosSettings | undefined;
  readonly packageList?: string | undefined;
}

/** What a service that takes Kerberos has, and demands. */
export interface KerberosAcceptorSettings {
  /** Octets of the keytab file. They stay the caller's: the credential makes its own copy. */
  readonly keytab?: Uint8Array | Secret | undefined;
  /**
   * Where the authenticators that were seen are kept: `memoryReplayCache()`, or one that all processes of the service share. There
   * is no default, and no service without: it would let in whoever repeats what he overheard (fault Z51).
   */
  readonly replayCache: ReplayCache;
  /**
   * Other names of the service: SPN to principal of the keytab. All SPNs of an account in Active Directory have one key, but a
   * keytab may hold it under one name only.
   */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  /** Service names that a client may ask for, case-insensitive; absent: every principal of the keytab and every alias. */
  readonly targetNames?: readonly string[] | undefined;
  readonly channelBindingPolicy?: ChannelBindingPolicy | undefined;
  /** How far the clocks may differ, in milliseconds. Default 5 minutes. */
  readonly maxSkew?: number | undefined;
  /** Numbers of encryption types that may be used. Default: all with AES. 23 (RC4) has to be allowed by its number. */
  readonly encryptionTypes?: readonly number[] | undefined;
  /** Refuse tickets without PAC: every ticket of Active Directory has one. Default false. Whatever PAC there is must verify. */
  readonly requirePac?: boolean | undefined;
  /**
   * Give a client whose clock is wrong a second try with the time of this machine, as Windows servers do ([MS-KILE] 3.4.5). The
   * exchange goes on then, where otherwise it ends with TIME_SKEW. Default false.
   */
  readonly skewRecovery?: boolean | undefined;
  /** Whose ticket-granting ticket to hand out for user-to-user authentication. Absent: there is none. */
  readonly userToUser?: AuthIdentity | KeytabIdentity | CredentialCacheIdentity | undefined;
}

/** The server's side of Kerberos, alone or in Negotiate. */
export interface KerberosAcceptorIdentity extends KerberosAcceptorSettings {
  readonly kind: 'kerberos-acceptor';
  readonly packageList?: string | undefined;
}
