/**
 * Whom a ticket is for: the key that it is encrypted with, and what goes with it.
 * @module
 */
import { type KerberosKey, KRB_ERROR_CODE, type PrincipalName, ticketGrantingService } from '../kerberos/index.ts';
import type { AccountKeys } from './keys.ts';
import type { Principal } from './principals.ts';
import { chosenEncryptionType, type Realm } from './realm.ts';
import { Refusal } from './refusal.ts';
import type { Trust } from './trusts.ts';

/** See the module. */
export interface Recipient {
  readonly name: PrincipalName;
  readonly key: KerberosKey;
  /** Version of the key; session keys have none. */
  readonly kvno: number | undefined;
  /** Encryption types that it knows, and that session keys may be of. */
  readonly encryptionTypes: readonly number[];
  /** Whether the ticket grants others: it is for a KDC. */
  readonly grants: boolean;
  readonly trustedForDelegation: boolean;
}

/** This realm's own ticket-granting service. What types clients have does not matter: they never open its tickets. */
export async function ticketGranting(realm: Realm): Promise<Recipient> {
  const { keys } = realm.principals.krbtgt;
  return await ofKdc(realm, keys, ticketGrantingService(realm.name));
}

/** The ticket-granting service of the realm next door: a referral. */
export async function ticketGrantingOf(realm: Realm, trust: Trust): Promise<Recipient> {
  return await ofKdc(realm, trust.outgoing, ticketGrantingService(trust.realm));
}

async function ofKdc(realm: Realm, keys: AccountKeys, name: PrincipalName): Promise<Recipient> {
  const { encryptionTypes } = realm;
  const etype = chosenEncryptionType(realm, encryptionTypes, keys.encryptionTypes);
  const key = await present(keys, etype);
  return { name, key, kvno: keys.kvno, encryptionTypes, grants: true, trustedForDelegation: true };
}

/** An account with a key. @param requested - encryption types that the client offers */
export async function account(
  realm: Realm,
  name: PrincipalName,
  { keys, trustedForDelegation }: Principal,
  requested: readonly number[],
): Promise<Recipient> {
  const { encryptionTypes, kvno } = keys;
  const key = await present(keys, chosenEncryptionType(realm, requested, encryptionTypes));
  return { name, key, kvno, encryptionTypes, grants: false, trustedForDelegation };
}

/** A user who is logged on: the key is the session key of his ticket-granting ticket (RFC 4120 3.3.3, ENC-TKT-IN-SKEY). */
export function loggedOnUser(realm: Realm, name: PrincipalName, sessionKey: KerberosKey): Recipient {
  const { encryptionTypes } = realm;
  return { name, key: sessionKey, kvno: undefined, encryptionTypes, grants: false, trustedForDelegation: false };
}

async function present(keys: AccountKeys, etype: number): Promise<KerberosKey> {
  const key = await keys.of(etype);
  if (key === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_NULL_KEY);
  return key;
}
