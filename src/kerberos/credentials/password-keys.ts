/**
 * Keys from a password.
 * @module
 */
import { toHex } from '../../crypto/index.ts';
import type { Secret } from '../../sspi/index.ts';
import { encryptionType, KerberosKey } from '../encryption/index.ts';
import type { LongTermKeys, WantedKey } from '../kdc/index.ts';

/** Keys kept: a logon needs one or two. */
const MOST_KEYS = 8;

/** A password. What was made of it is kept, since that takes thousands of rounds of a hash. */
export class PasswordKeys implements LongTermKeys {
  readonly #password: Secret;
  readonly #keys = new Map<string, Promise<KerberosKey>>();
  #disposed = false;

  /** @param password - UTF-16LE, as a `Secret` of text holds it; copied */
  constructor(password: Secret) {
    this.#password = password.clone();
  }

  encryptionTypes(): undefined {
    return undefined;
  }

  async keyFor({ etype, salt, parameters }: WantedKey): Promise<KerberosKey> {
    const id = `${etype} ${toHex(salt)} ${parameters === undefined ? '' : toHex(parameters)}`;
    let made = this.#keys.get(id);
    if (made === undefined) {
      made = KerberosKey.fromPassword(encryptionType(etype, [etype]), this.#password.reveal(), salt, parameters);
      if (this.#keys.size >= MOST_KEYS) this.#forget();
      this.#keys.set(id, made);
      made.catch(() => this.#keys.delete(id));
    }
    const key = await made;
    try {
      return key.clone();
    } finally {
      if (this.#disposed) key.dispose();
    }
  }

  dispose(): void {
    this.#disposed = true;
    this.#password.dispose();
    this.#forget();
  }

  #forget(): void {
    for (const made of this.#keys.values()) {
      made.then(
        (key) => key.dispose(),
        () => undefined,
      );
    }
    this.#keys.clear();
  }
}
