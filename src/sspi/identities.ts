/**
 * Who a client is: a name with a password or its hash, or nobody.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/ns-sspi-sec_winnt_auth_identity_exw
 * @module
 */
import type { KerberosSettings } from './kerberos-settings.ts';
import type { Secret } from './secret.ts';

/** Bits of `SEC_WINNT_AUTH_IDENTITY.Flags` (contract A20). */
export const AUTH_IDENTITY = {
  ANSI: 0x1,
  UNICODE: 0x2,
  MARSHALLED: 0x4,
  ONLY: 0x8,
  PROCESS_ENCRYPTED: 0x10,
  SYSTEM_PROTECTED: 0x20,
  USER_PROTECTED: 0x40,
  SYSTEM_ENCRYPTED: 0x80,
  RESERVED: 0x10000,
  NULL_USER: 0x20000,
  NULL_DOMAIN: 0x40000,
  ID_PROVIDER: 0x80000,
} as const;

/**
 * `SEC_WINNT_AUTH_IDENTITY`, `_EX` and the content of `_EX2`: a name and a password. An absent field and an empty string are
 * two things, as NULL and "" are in C.
 */
export interface AuthIdentity {
  readonly kind: 'identity';
  readonly user?: string | undefined;
  readonly domain?: string | undefined;
  /** Text, or UTF-16LE octets in a `Secret`, which then stays the caller's: the credential makes its own copy. */
  readonly password?: string | Secret | undefined;
  /** Bits of {@link AUTH_IDENTITY}. */
  readonly flags?: number | undefined;
  /** `PackageList`: Negotiate's sub-packages in a comma list, `!name` excludes; for example `!ntlm` (contract A21). */
  readonly packageList?: string | undefined;
  /** Without it, and without anything else that tells where KDCs are, Kerberos is not attempted. */
  readonly kerberos?: KerberosSettings | undefined;
}

/** A name and the NT hash of its password: a kind of its own, never guessed from the form of a password (fault Z25). */
export interface NtHashIdentity {
  readonly kind: 'nt-hash';
  readonly user: string;
  readonly domain?: string | undefined;
  /** 16 octets. */
  readonly ntHash: Secret;
  readonly packageList?: string | undefined;
  /** Kerberos takes the hash for a key of RC4, which `encryptionTypes` has to allow. */
  readonly kerberos?: KerberosSettings | undefined;
}

/** Log on as nobody. NTLM only, and only where both sides ask for it. */
export interface AnonymousIdentity {
  readonly kind: 'anonymous';
}
