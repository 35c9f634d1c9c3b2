/**
 * The keys that there are to check with: those that were given, and those that turn up when messages are opened with them.
 * @module
 */
import { toHex } from '../../crypto/index.ts';
import {
  decodeKeytab,
  type EncryptedData,
  type EncryptionKeyValue,
  ETYPE,
  encryptionType,
  encryptionTypeName,
  formatPrincipal,
  KerberosKey,
  samePrincipal,
} from '../../kerberos/index.ts';
import { ntowfV1 } from '../../ntlm/index.ts';
import { Secret, SspiError } from '../../sspi/index.ts';
import type { KerberosName, Salt } from '../observations.ts';
import { printable } from '../text.ts';

/** Keys, as whoever looks at a conversation has them. None is ever shown. */
export interface GivenKeys {
  /** The user's password. */
  readonly password?: string | Secret | undefined;
  /** The NT hash of it, 16 octets. */
  readonly ntHash?: Secret | undefined;
  /** The content of a keytab: keys of services, of users, of krbtgt. */
  readonly keytab?: Uint8Array | undefined;
  /** ExportedSessionKey of NTLM, or the key that protects the messages of a Kerberos context. */
  readonly sessionKey?: Secret | undefined;
}

/** A key with where it is from. */
export interface RingKey {
  readonly key: KerberosKey;
  readonly origin: 'keytab' | 'password' | 'given' | 'session';
  /** For people: `the keytab's key of HTTP/server@REALM, version 3`. */
  readonly label: string;
  readonly owner?: KerberosName | undefined;
  readonly kvno?: number | undefined;
}

const ALL_TYPES: readonly number[] = Object.values(ETYPE);
/** Keys in all. A keytab of a large service has some dozens. */
const MOST_KEYS = 512;
const MOST_SALTS = 32;
/** PBKDF2 with so many rounds takes a fraction of a second; a capture that asks for more is not believed. */
const MOST_ITERATIONS = 1 << 17;

/** Keys to try. */
export class KeyRing implements Disposable {
  readonly ntHashes: Uint8Array[] = [];
  readonly keys: RingKey[] = [];
  readonly sessionKey: Uint8Array | undefined;
  readonly #password: Secret | undefined;
  readonly #salts: Salt[] = [];
  readonly #derived = new Map<string, RingKey | undefined>();
  /** Session keys by the ciphertext of the ticket that they belong to. */
  readonly #ofTicket = new Map<string, KerberosKey>();

  /** @throws SspiError FILE_MALFORMED, INVALID_PARAMETER */
  constructor({ password, ntHash, keytab, sessionKey }: GivenKeys) {
    if (ntHash !== undefined && ntHash.length !== 16)
      throw new SspiError('INVALID_PARAMETER', { stage: 'NT hash', detail: `${ntHash.length} octets, not 16` });
    this.#password = typeof password === 'string' ? Secret.fromText(password) : password?.clone();
    if (this.#password !== undefined) this.ntHashes.push(ntowfV1(this.#password.reveal()));
    if (ntHash !== undefined) this.ntHashes.push(Uint8Array.from(ntHash.reveal()));
    if (sessionKey !== undefined) this.sessionKey = Uint8Array.from(sessionKey.reveal());
    if (keytab !== undefined) this.#addKeytab(keytab);
    for (const hash of this.ntHashes) this.#add(ETYPE.RC4_HMAC, hash, 'password', 'the key of the password');
    for (const etype of ALL_TYPES)
      if (this.sessionKey?.length === encryptionType(etype, ALL_TYPES).keyLength)
        this.#add(etype, this.sessionKey, 'given', 'the session key given');
  }

  get hasPassword(): boolean {
    return this.#password !== undefined || this.ntHashes.length > 0;
  }

  get hasKeytab(): boolean {
    return this.keys.some(({ origin }) => origin === 'keytab');
  }

  #addKeytab(octets: Uint8Array): void {
    for (const { name, realm, kvno, etype, key } of decodeKeytab(octets)) {
      if (ALL_TYPES.includes(etype) && key.length === encryptionType(etype, ALL_TYPES).keyLength) {
        const label = `the keytab's key of ${printable(formatPrincipal(name, realm))}, version ${kvno}, ${encryptionTypeName(etype)}`;
        this.#add(etype, key.reveal(), 'keytab', label, { name, realm }, kvno);
        // The key of etype 23 is the NT hash: a keytab opens NTLM as well.
        if (etype === ETYPE.RC4_HMAC) this.ntHashes.push(Uint8Array.from(key.reveal()));
      }
      key.dispose();
    }
  }

  #add(
    etype: number,
    octets: Uint8Array,
    origin: RingKey['origin'],
    label: string,
    owner?: KerberosName,
    kvno?: number,
  ): RingKey | undefined {
    if (this.keys.length >= MOST_KEYS) return undefined;
    const ringKey = { key: new KerberosKey(encryptionType(etype, ALL_TYPES), octets), origin, label, owner, kvno };
    this.keys.push(ringKey);
    return ringKey;
  }

  /** A key that was found in a message; undefined when it is of a type that nobody has. */
  addSession(
    { keytype, keyvalue }: EncryptionKeyValue,
    label: string,
    ticket?: EncryptedData,
  ): KerberosKey | undefined {
    if (!ALL_TYPES.includes(keytype) || keyvalue.length !== encryptionType(keytype, ALL_TYPES).keyLength)
      return undefined;
    const added = this.#add(keytype, keyvalue, 'session', label);
    if (added !== undefined && ticket !== undefined) this.#ofTicket.set(ticketId(ticket), added.key);
    return added?.key;
  }

  sessionKeyOf(ticket: EncryptedData): KerberosKey | undefined {
    return this.#ofTicket.get(ticketId(ticket));
  }

  remember(salts: readonly Salt[]): void {
    for (const salt of salts)
      if (this.#salts.length < MOST_SALTS && !this.#salts.some((known) => sameSalt(known, salt)))
        this.#salts.push(salt);
  }

  /** Keys of a user for an encryption type: of the keytab, and those that the password makes with the salts that are known. */
  async ofUser(etype: number, client: KerberosName): Promise<readonly RingKey[]> {
    const found = this.keys.filter(
      ({ key, origin }) => key.etype === etype && (origin === 'password' || origin === 'keytab'),
    );
    if (this.#password === undefined || etype === ETYPE.RC4_HMAC) return found;
    // Without ETYPE-INFO2 the salt is realm and name one after the other (RFC 4120 4).
    const byDefault = {
      etype,
      salt: new TextEncoder().encode(client.realm + client.name.nameString.join('')),
      parameters: undefined,
    };
    for (const salt of [...this.#salts.filter((one) => one.etype === etype && one.salt !== undefined), byDefault]) {
      const derived = await this.#derive(this.#password, salt);
      if (derived !== undefined) found.push(derived);
    }
    return [...new Set(found)];
  }

  async #derive(password: Secret, { etype, salt = new Uint8Array(0), parameters }: Salt): Promise<RingKey | undefined> {
    const id = `${etype} ${toHex(salt)} ${parameters === undefined ? '' : toHex(parameters)}`;
    if (this.#derived.has(id)) return this.#derived.get(id);
    this.#derived.set(id, undefined);
    const iterations =
      parameters?.length === 4 ? new DataView(parameters.buffer, parameters.byteOffset).getUint32(0) : 4096;
    if (!ALL_TYPES.includes(etype) || iterations > MOST_ITERATIONS || this.#derived.size > 2 * MOST_SALTS)
      return undefined;
    try {
      const key = await KerberosKey.fromPassword(encryptionType(etype, ALL_TYPES), password.reveal(), salt, parameters);
      const derived: RingKey = { key, origin: 'password', label: 'the key of the password' };
      this.keys.push(derived);
      this.#derived.set(id, derived);
      return derived;
    } catch (error) {
      if (error instanceof SspiError) return undefined; // parameters that no KDC sends
      throw error;
    }
  }

  /** Keys that should open what is encrypted for a service. */
  ofService({ name, realm }: KerberosName, etype: number, kvno: number | undefined): readonly RingKey[] {
    return this.keys.filter(
      (one) =>
        one.origin === 'keytab' &&
        one.key.etype === etype &&
        one.owner !== undefined &&
        one.owner.realm === realm &&
        samePrincipal(one.owner.name, name) &&
        (kvno === undefined || one.kvno === undefined || (kvno & 0xff) === (one.kvno & 0xff)),
    );
  }

  /** Keys of the ticket-granting service: they check what KDCs sign for each other. */
  get ofKdc(): readonly KerberosKey[] {
    return this.keys.filter(({ owner }) => owner?.name.nameString[0] === 'krbtgt').map(({ key }) => key);
  }

  dispose(): void {
    this.#password?.dispose();
    this.sessionKey?.fill(0);
    for (const hash of this.ntHashes) hash.fill(0);
    for (const { key } of this.keys) key.dispose();
    this.#ofTicket.clear();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Ciphertexts begin with a random confounder: their first octets are name enough. */
function ticketId({ cipher }: EncryptedData): string {
  return toHex(cipher.subarray(0, 48));
}

function sameSalt(a: Salt, b: Salt): boolean {
  const text = ({ etype, salt, parameters }: Salt): string =>
    `${etype} ${salt && toHex(salt)} ${parameters && toHex(parameters)}`;
  return text(a) === text(b);
}
