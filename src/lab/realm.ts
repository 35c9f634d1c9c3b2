/**
 * A lab realm as its KDC sees it: who is in it, whom it trusts, what it allows.
 * @module
 */
import type { Random } from '../host/index.ts';
import { KRB_ERROR_CODE } from '../kerberos/index.ts';
import type { KdcFaults } from './faults.ts';
import type { Principals } from './principals.ts';
import { Refusal } from './refusal.ts';
import type { Trusts } from './trusts.ts';

/** How long tickets are good, how far clocks may be apart, in milliseconds; and what passwords have to be like. */
export interface LabPolicy {
  /** Default 10 hours. */
  readonly maxLifetime: number;
  /** Default 7 days. */
  readonly maxRenewableLifetime: number;
  /** Default 5 minutes. */
  readonly clockSkew: number;
  /** Characters that a new password has at least. Default 7. */
  readonly minPasswordLength: number;
}

/** What holds unless somebody says otherwise: the values of a new Active Directory domain. */
export const DEFAULT_LAB_POLICY: LabPolicy = {
  maxLifetime: 10 * 3_600_000,
  maxRenewableLifetime: 7 * 24 * 3_600_000,
  clockSkew: 5 * 60_000,
  minPasswordLength: 7,
};

/** Protected Users get no more than this ([MS-KILE] 3.3.5.1). */
export const PROTECTED_LIFETIME = 4 * 3_600_000;

/** What the exchanges need to know. */
export interface Realm {
  /** In capitals, usually. */
  readonly name: string;
  /** What NTLM calls the domain. */
  readonly netbiosName: string;
  /** `S-1-5-21-...` */
  readonly sid: string;
  /** Numbers of encryption types that may be used, the best liked first. */
  readonly encryptionTypes: readonly number[];
  readonly principals: Principals;
  readonly trusts: Trusts;
  readonly policy: LabPolicy;
  readonly faults: KdcFaults;
  readonly random: Random;
  /** Milliseconds since 1970, by the KDC's clock. */
  now(): number;
}

/** Whether a name in a request means this realm: in any case of letters, or by its NetBIOS name. */
export function isNameOf(realm: Realm, name: string): boolean {
  return name.toLowerCase() === realm.name.toLowerCase() || name.toLowerCase() === realm.netbiosName.toLowerCase();
}

/** The first encryption type of the client's list that there is a key of. @throws Refusal KDC_ERR_ETYPE_NOSUPP */
export function chosenEncryptionType(realm: Realm, requested: readonly number[], available: readonly number[]): number {
  const chosen = requested.find((etype) => available.includes(etype) && realm.encryptionTypes.includes(etype));
  if (chosen === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_ETYPE_NOSUPP);
  return chosen;
}
