/**
 * Keys of accounts as a keytab: what an administrator would export and hand to the service.
 * @module
 */
import { encodeKeytab, type KeytabEntry, NAME_TYPE, type PrincipalName, parsePrincipal } from '../kerberos/index.ts';
import { Secret } from '../sspi/index.ts';
import type { Principal } from './principals.ts';

/**
 * A keytab file with the keys of some accounts: for each under its own name and under the names of all its services.
 * @param now - milliseconds since 1970, for the timestamps
 */
export async function keytabOf(realm: string, principals: readonly Principal[], now: number): Promise<Uint8Array> {
  const entries: KeytabEntry[] = [];
  for (const { user, services, keys } of principals) {
    const names: PrincipalName[] = [
      ...services.map((service) => parsePrincipal(service, NAME_TYPE.SRV_INST).name),
      { nameType: NAME_TYPE.PRINCIPAL, nameString: [user] },
    ];
    for (const etype of keys.encryptionTypes) {
      const key = await keys.of(etype);
      if (key === undefined) continue;
      for (const name of names)
        entries.push({
          name,
          realm,
          timestamp: now,
          kvno: keys.kvno,
          etype,
          key: new Secret(Uint8Array.from(key.reveal().keyvalue)),
        });
    }
  }
  const file = encodeKeytab(entries);
  for (const { key } of entries) key.dispose();
  return file;
}
