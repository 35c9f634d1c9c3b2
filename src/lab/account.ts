/**
 * What an account of a lab realm is, as whoever sets up the realm writes it down.
 *
 * As in Active Directory everything that has a key is an account: people, computers, and the services that run on them under
 * service principal names (SPNs).
 * @module
 */

/**
 * What the account's logons come to:
 * - `right`: nothing stands against it.
 * - `disabled`, `locked`, `expired`: refused, whatever the password.
 * - `must-change`: refused when the password is right, until it is changed.
 */
export type LabAccountState = 'right' | 'disabled' | 'locked' | 'expired' | 'must-change';

/** An account, as it is given. */
export interface LabAccount {
  /** The name before the `@` or behind the backslash (sAMAccountName). Those of computers end in `$`. */
  readonly user: string;
  /** Absent: random keys that nobody can type, as computers have them. */
  readonly password?: string | undefined;
  /** For people. */
  readonly fullName?: string | undefined;
  /** Default: `user@realm`, in lower case. Another suffix is possible; the client asks for it as an enterprise name. */
  readonly userPrincipalName?: string | undefined;
  /** Names of services that have the account's key, for example `TERMSRV/server.lab.example`. */
  readonly services?: readonly string[] | undefined;
  /** Default `right`. */
  readonly state?: LabAccountState | undefined;
  /** A member of Protected Users: no NTLM, no RC4, no tickets that can be forwarded, four hours and not more ([MS-KILE] 3.3.5.1). */
  readonly isProtected?: boolean | undefined;
  /** Numbers of encryption types that the account has keys of. Default: those of the realm. */
  readonly encryptionTypes?: readonly number[] | undefined;
  /** Whether the password has to be proved before a ticket is given. Default true. */
  readonly preAuthentication?: boolean | undefined;
  /** Services: the KDC tells clients that they may hand their tickets on to it (`ok-as-delegate`). Default false. */
  readonly trustedForDelegation?: boolean | undefined;
  /** Groups of the domain beside Domain Users, by their relative identifiers. */
  readonly groups?: readonly number[] | undefined;
  /** Relative identifier of the account. Default: the next one that is free, from 1104 on. */
  readonly rid?: number | undefined;
  /** Version of its keys. Default 2, because with 1 a version that is forgotten goes unnoticed. */
  readonly kvno?: number | undefined;
}
