/**
 * A key of Kerberos, with the keys derived from it.
 * @module
 */
import { equalInConstantTime } from '../../crypto/index.ts';
import type { Random } from '../../host/index.ts';
import { Secret, SspiError } from '../../sspi/index.ts';
import type { EncryptionType, UsageKeys } from './encryption-type.ts';
import { usageName } from './numbers.ts';
import { encryptionType } from './registry.ts';

/** `EncryptionKey` of RFC 4120 5.2.9. */
export interface EncryptionKeyValue {
  readonly keytype: number;
  readonly keyvalue: Uint8Array;
}

/** `Checksum` of RFC 4120 5.2.9. */
export interface ChecksumValue {
  readonly cksumtype: number;
  readonly checksum: Uint8Array;
}

/** Octets, and what was derived of them, for all keys that have them in common. They are zeroised with the last of these keys. */
class Material {
  readonly secret: Secret;
  readonly usages = new Map<number, UsageKeys>();
  #holders = 1;

  constructor(octets: Uint8Array) {
    this.secret = new Secret(octets);
  }

  hold(): this {
    this.#holders++;
    return this;
  }

  release(): void {
    if (--this.#holders > 0) return;
    for (const keys of this.usages.values()) keys.dispose();
    this.usages.clear();
    this.secret.dispose();
  }
}

/**
 * A key and its encryption type. What is derived for a usage is kept, for as long as the key lives: a service opens thousands of
 * tickets with one key, and a client makes its authenticators with one ticket.
 * @example
 * using key = await KerberosKey.fromPassword(encryptionType(18), password.reveal(), salt);
 * const cipher = key.encrypt(KEY_USAGE.PA_ENC_TIMESTAMP, timestamp, host.random);
 */
export class KerberosKey implements Disposable {
  readonly type: EncryptionType;
  readonly #material: Material;
  #disposed = false;

  /**
   * @param octets - copied; what another key is made of is shared with it, see {@link clone}
   * @throws SspiError MALFORMED_TOKEN when they are not as many as the type's keys have
   */
  constructor(type: EncryptionType, octets: Uint8Array | Material) {
    this.type = type;
    if (octets instanceof Material) {
      this.#material = octets.hold();
      return;
    }
    if (octets.length !== type.keyLength)
      throw new SspiError('MALFORMED_TOKEN', {
        stage: 'Kerberos key',
        detail: `${octets.length} octets, ${type.name} has keys of ${type.keyLength}`,
      });
    this.#material = new Material(Uint8Array.from(octets));
  }

  /**
   * A key as messages and files carry it.
   * @param allowed - encryption types that may be used
   * @throws SspiError ENCRYPTION_TYPE_REFUSED, MALFORMED_TOKEN
   */
  static from({ keytype, keyvalue }: EncryptionKeyValue, allowed?: readonly number[]): KerberosKey {
    return new KerberosKey(encryptionType(keytype, allowed), keyvalue);
  }

  /**
   * The key of a password.
   * @param password - UTF-16LE, as a `Secret` of text holds it
   * @param parameters - s2kparams, when a KDC gave any
   */
  static async fromPassword(
    type: EncryptionType,
    password: Uint8Array,
    salt: Uint8Array,
    parameters?: Uint8Array,
  ): Promise<KerberosKey> {
    return KerberosKey.#taking(type, await type.stringToKey(password, salt, parameters));
  }

  /** A new random key: a session key or a subkey. */
  static generate(type: EncryptionType, random: Random): KerberosKey {
    return KerberosKey.#taking(type, random.bytes(type.seedLength));
  }

  static #taking(type: EncryptionType, octets: Uint8Array): KerberosKey {
    const key = new KerberosKey(type, octets);
    octets.fill(0);
    return key;
  }

  get etype(): number {
    return this.type.etype;
  }

  /** The octets themselves, not a copy, as messages carry them. */
  reveal(): EncryptionKeyValue {
    return { keytype: this.etype, keyvalue: this.#octets() };
  }

  /** A second key with the same octets and a life of its own. What was derived for one of the two need not be for the other. */
  clone(): KerberosKey {
    this.#octets(); // a disposed key has no twins
    return new KerberosKey(this.type, this.#material);
  }

  /**
   * Encrypts.
   * @param usage - one of `KEY_USAGE`
   * @param random - gives the confounder
   */
  encrypt(usage: number, plaintext: Uint8Array, random: Random): Uint8Array {
    return this.forUsage(usage).encrypt(random.bytes(this.type.confounderLength), plaintext);
  }

  /** Decrypts and checks. @throws SspiError DECRYPT_FAILURE, which does not tell what was wrong */
  decrypt(usage: number, ciphertext: Uint8Array): Uint8Array {
    const plaintext = this.forUsage(usage).decrypt(ciphertext);
    if (plaintext === undefined) throw new SspiError('DECRYPT_FAILURE', { stage: `Kerberos ${usageName(usage)}` });
    return plaintext;
  }

  /** A checksum over the parts, one after the other, of the kind that goes with the key. */
  checksum(usage: number, ...parts: readonly Uint8Array[]): ChecksumValue {
    const { checksumType } = this.type;
    return { cksumtype: checksumType, checksum: this.forUsage(usage).checksum(checksumType, ...parts) };
  }

  /** Whether a checksum is of a kind that needs this key, and right. Takes the same time wherever it is wrong. */
  verifies(usage: number, { cksumtype, checksum }: ChecksumValue, ...parts: readonly Uint8Array[]): boolean {
    if (!this.type.checksumTypes.includes(cksumtype)) return false;
    return equalInConstantTime(this.forUsage(usage).checksum(cksumtype, ...parts), checksum);
  }

  /** The pseudo-random function of the encryption type. */
  prf(input: Uint8Array): Uint8Array {
    return this.type.prf(this.#octets(), input);
  }

  /** The key in one of its usages, for what encrypts many messages. It ends with this key. */
  forUsage(usage: number): UsageKeys {
    const octets = this.#octets(); // also for a usage that is kept: a disposed key must not work
    const { usages } = this.#material;
    let keys = usages.get(usage);
    if (keys === undefined) {
      keys = this.type.forUsage(octets, usage);
      usages.set(usage, keys);
    }
    return keys;
  }

  /** Ends this key. With the last of its clones the octets are zeroised, and all keys derived from them. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#material.release();
  }

  /** As `Secret` has it: nothing comes out of a disposed key, also when it has twins that live. */
  #octets(): Uint8Array {
    if (this.#disposed) throw new TypeError('this KerberosKey was disposed');
    return this.#material.secret.reveal();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
