/**
 * What an engine knows and no message shows: that a proof holds, and by which rule credentials are handed over. For whoever has to
 * explain a logon; nothing in it is secret.
 * @module
 */
import type { DelegatedCredentials } from '../sspi/index.ts';
import type { CredentialSource, DelegationRule } from './policy.ts';

/** One such fact. */
export type CredSspFact =
  /** Ours is on its way, or that of the peer holds. */
  | {
      readonly kind: 'binding';
      readonly proof: 'sent' | 'verified';
      /** Hash with a nonce from version 5 on; before that the key itself, which CVE-2018-0886 is about. */
      readonly form: 'hash' | 'key';
      readonly version: number;
    }
  | ({ readonly kind: 'delegation' } & DelegationFact);

/** What a client hands over, and why it may. */
export interface DelegationFact {
  /** What leaves; `none`: an empty password in the name of nobody. */
  readonly delegated: DelegatedCredentials['kind'];
  readonly target: string;
  readonly source: CredentialSource;
  /** By Kerberos or by its certificate. Undefined: it was decided before that could be known. */
  readonly serverAuthenticated: boolean | undefined;
  /** Undefined where no list has to be asked: nothing is handed over, or nothing that could be used elsewhere (contract Y10). */
  readonly rule: DelegationRule | undefined;
}
