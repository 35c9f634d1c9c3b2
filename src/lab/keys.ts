/**
 * The long-term keys of an account: made of its password, or random.
 * @module
 */
import type { Random } from '../host/index.ts';
import { encryptionType, KerberosKey } from '../kerberos/index.ts';
import { Secret } from '../sspi/index.ts';

const utf8 = new TextEncoder();

/** Keys of one account, one for each encryption type, all of one version. */
export class AccountKeys implements Disposable {
  readonly encryptionTypes: readonly number[];
  readonly kvno: number;
  /** What goes into the keys beside the password; undefined for random ones. */
  readonly salt: string | undefined;
  readonly #keyOf: (etype: number) => Promise<KerberosKey>;
  readonly #keys = new Map<number, Promise<KerberosKey>>();
  readonly #password: Secret | undefined;

  /** Keys of a password, each made when it is first needed: string-to-key takes its time. */
  static ofPassword(password: string, salt: string, encryptionTypes: readonly number[], kvno: number): AccountKeys {
    return new AccountKeys(encryptionTypes, kvno, { password: Secret.fromText(password), salt });
  }

  /** Keys that nobody can type. */
  static random(random: Random, encryptionTypes: readonly number[], kvno: number): AccountKeys {
    return new AccountKeys(encryptionTypes, kvno, { random });
  }

  private constructor(
    encryptionTypes: readonly number[],
    kvno: number,
    source: { readonly password: Secret; readonly salt: string } | { readonly random: Random },
  ) {
    this.encryptionTypes = encryptionTypes;
    this.kvno = kvno;
    if ('random' in source) {
      this.#keyOf = async (etype) => KerberosKey.generate(encryptionType(etype, encryptionTypes), source.random);
      return;
    }
    const { password, salt } = source;
    this.salt = salt;
    this.#password = password;
    this.#keyOf = async (etype) => {
      const type = encryptionType(etype, encryptionTypes);
      return await KerberosKey.fromPassword(type, password.reveal(), utf8.encode(salt));
    };
  }

  /** The key of a type; it stays this object's. Undefined when the account has none of the type. */
  async of(etype: number): Promise<KerberosKey | undefined> {
    if (!this.encryptionTypes.includes(etype)) return undefined;
    const made = this.#keys.get(etype) ?? this.#keyOf(etype);
    this.#keys.set(etype, made);
    return await made;
  }

  /** Zeroises them. */
  dispose(): void {
    this.#password?.dispose();
    for (const made of this.#keys.values())
      made.then(
        (key) => key.dispose(),
        () => undefined, // there is no key then
      );
    this.#keys.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
