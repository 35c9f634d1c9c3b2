/**
 * Keys from a keytab: how services, and jobs without anybody at the keyboard, log on.
 * @module
 */
import { encryptionType, KerberosKey } from '../encryption/index.ts';
import { decodeKeytab, type KeytabEntry } from '../files/index.ts';
import type { LongTermKeys, WantedKey } from '../kdc/index.ts';
import { type PrincipalName, samePrincipal } from '../messages/index.ts';

/** The keys of a keytab, as a client uses them. */
export class KeytabKeys implements LongTermKeys {
  readonly #entries: readonly KeytabEntry[];

  /** @param octets - of the file. @throws SspiError FILE_MALFORMED */
  constructor(octets: Uint8Array) {
    this.#entries = decodeKeytab(octets);
  }

  /** Who has keys here, each once, in the order of the file. */
  get principals(): readonly { readonly name: PrincipalName; readonly realm: string }[] {
    return this.#entries
      .filter((entry, index) => this.#entries.findIndex((other) => isOf(other, entry.name, entry.realm)) === index)
      .map(({ name, realm }) => ({ name, realm }));
  }

  encryptionTypes(client: PrincipalName, realm: string): readonly number[] {
    return [...new Set(this.#entries.filter((entry) => isOf(entry, client, realm)).map(({ etype }) => etype))];
  }

  async keyFor({ client, realm, etype }: WantedKey): Promise<KerberosKey | undefined> {
    const fitting = this.#entries.filter((entry) => isOf(entry, client, realm) && entry.etype === etype);
    const [newest] = fitting.toSorted((a, b) => b.kvno - a.kvno);
    return newest === undefined ? undefined : new KerberosKey(encryptionType(etype, [etype]), newest.key.reveal());
  }

  dispose(): void {
    for (const { key } of this.#entries) key.dispose();
  }
}

function isOf(entry: KeytabEntry, name: PrincipalName, realm: string): boolean {
  return entry.realm === realm && samePrincipal(entry.name, name);
}
