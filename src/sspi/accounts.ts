/**
 * Where a server gets what it needs to check a logon. Implementations live in `src/acceptor/`; an application may bring its own.
 * A server without one refuses everybody.
 * @module
 */
import type { Secret } from './secret.ts';

/** Whom a client says it is. Names are as the client wrote them; comparing them is the source's business. */
export interface AccountQuery {
  readonly user: string;
  readonly domain: string;
}

/** What proves an account's password. */
export type AccountSecret =
  /** UTF-16LE octets of the password; an empty password is a password. */
  | { readonly kind: 'password'; readonly password: Secret }
  /** 16 octets: MD4 of the UTF-16LE password. */
  | { readonly kind: 'nt-hash'; readonly ntHash: Secret };

/** An account as the source knows it. */
export interface Account {
  readonly user: string;
  readonly domain: string;
  readonly secret: AccountSecret;
  /** Set when the account may not log on although the password is right: an NTSTATUS such as STATUS_ACCOUNT_DISABLED. */
  readonly restriction?: number | undefined;
}

/** Finds accounts with their secrets. */
export interface AccountSource {
  /**
   * @returns the account, or undefined when there is none of that name
   * @throws when it could not be looked up; the logon is refused then
   */
  find(query: AccountQuery): Promise<Account | undefined>;
}

/** What an NTLM response is checked against, when somebody else does the checking (pass-through authentication). */
export interface NtlmChallengeResponse extends AccountQuery {
  readonly workstation: string;
  readonly serverChallenge: Uint8Array;
  readonly ntResponse: Uint8Array;
  readonly lmResponse: Uint8Array;
}

/** The verdict of an {@link NtlmVerifier}. */
export type NtlmVerdict =
  | { readonly kind: 'verified'; readonly user: string; readonly domain: string; readonly sessionBaseKey: Secret }
  | { readonly kind: 'refused'; readonly ntStatus: number };

/** Checks NTLM responses without giving away the secret: a domain controller behind a secure channel, for example. */
export interface NtlmVerifier {
  verify(response: NtlmChallengeResponse): Promise<NtlmVerdict>;
}
