/**
 * What Kerberos takes beside names and passwords: keytabs, credential caches, what a service demands.
 * @module
 */
import type { ChannelBindingPolicy } from './channel-bindings.ts';
import type { AuthIdentity } from './identities.ts';
import type { KerberosSettings } from './kerberos-settings.ts';
import type { ReplayCache } from './replay.ts';
import type { Secret } from './secret.ts';

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
