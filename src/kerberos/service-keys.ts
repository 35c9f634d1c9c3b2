/**
 * The keys of a service, and which of them opens a ticket: RFC 4120 3.2.3, contract K14.
 * @module
 */
import { sha256, toHex } from '../crypto/index.ts';
import { SspiError } from '../sspi/index.ts';
import {
  DEFAULT_ENCRYPTION_TYPES,
  encryptionType,
  encryptionTypeName,
  isEncryptionTypeAllowed,
  KerberosKey,
} from './encryption/index.ts';
import { printable } from './failures.ts';
import type { KeytabEntry } from './files/index.ts';
import { formatPrincipal, type PrincipalName, parsePrincipal, type Ticket } from './messages/index.ts';

const STAGE = 'Kerberos ticket';

/** What of a keytab's entry is used here. */
export type ServiceKeyEntry = Pick<KeytabEntry, 'name' | 'realm' | 'kvno' | 'etype' | 'key'>;

/** One key of one principal. */
export interface ServiceKey {
  readonly principal: string;
  readonly kvno: number;
  readonly key: KerberosKey;
  /**
   * The first principal with the same key. The name in a ticket is protected by nothing: one account's services are told apart by
   * it, but it must not make a ticket that was presented already look like another one.
   */
  readonly owner: string;
}

/** Options of {@link ServiceKeys}. */
export interface ServiceKeysOptions {
  /** Other names: SPN to principal. */
  readonly aliases?: Readonly<Record<string, string>> | undefined;
  /** Numbers of encryption types that may be used. */
  readonly encryptionTypes?: readonly number[] | undefined;
}

/**
 * A table of keys by the name of the service. Names are compared without regard to case, as Active Directory does: it writes into
 * a ticket what the client typed.
 */
export class ServiceKeys {
  readonly #byName = new Map<string, ServiceKey[]>();
  readonly #keys: KerberosKey[] = [];
  /** Types of keys that are there and not allowed, for the error only. */
  readonly #refused = new Map<string, Set<number>>();

  /**
   * @param entries - stay the caller's
   * @throws SspiError INVALID_PARAMETER for an alias of a principal that has no entry; MALFORMED_TOKEN for a key of wrong length
   */
  constructor(entries: readonly ServiceKeyEntry[], options: ServiceKeysOptions = {}) {
    const { aliases = {}, encryptionTypes = DEFAULT_ENCRYPTION_TYPES } = options;
    const owners = new Map<string, ServiceKey>();
    for (const { realm, name, kvno, etype, key: secret } of entries) {
      const id = idOf(name, realm);
      if (!isEncryptionTypeAllowed(etype, encryptionTypes)) {
        this.#refused.set(id, (this.#refused.get(id) ?? new Set()).add(etype));
        continue;
      }
      const principal = formatPrincipal(name, realm);
      const print = toHex(sha256(Uint8Array.of(etype), secret.reveal()));
      const known = owners.get(print);
      const key = known?.key ?? this.#keep(new KerberosKey(encryptionType(etype, encryptionTypes), secret.reveal()));
      const entry: ServiceKey = { principal, kvno, key, owner: known?.owner ?? principal };
      if (known === undefined) owners.set(print, entry);
      this.#add(id, entry);
    }
    for (const keys of this.#byName.values()) keys.sort((a, b) => b.kvno - a.kvno);
    for (const [alias, principal] of Object.entries(aliases)) this.#alias(alias, principal);
  }

  /** Whether there is no key that may be used. */
  get empty(): boolean {
    return this.#byName.size === 0;
  }

  /**
   * The keys that may open a ticket, the newest first: of its service, its version and its encryption type.
   * @throws SspiError SERVICE_UNKNOWN, SERVICE_KEY_MISSING, KEY_VERSION_UNKNOWN, ENCRYPTION_TYPE_REFUSED; each says what was
   *   asked for and what there is
   */
  forTicket({ sname, realm, encPart: { etype, kvno } }: Ticket): readonly ServiceKey[] {
    const service = (): string => printable(formatPrincipal(sname, realm)); // for errors only
    const id = idOf(sname, realm);
    const ofService = this.#byName.get(id) ?? [];
    const refused = this.#refused.get(id);
    if (refused?.has(etype) === true)
      throw failure('ENCRYPTION_TYPE_REFUSED', `the ticket for ${service()} has ${encryptionTypeName(etype)}`);
    if (ofService.length === 0 && refused === undefined) throw failure('SERVICE_UNKNOWN', service());

    const ofType = ofService.filter(({ key }) => key.etype === etype);
    if (ofType.length === 0) {
      const types = new Set(ofService.map(({ key }) => encryptionTypeName(key.etype)));
      const detail = `${service()}: the ticket has ${encryptionTypeName(etype)}, the keytab ${[...types].join(', ')}`;
      throw failure('SERVICE_KEY_MISSING', detail);
    }

    const ofVersion = ofType.filter((key) => kvno === undefined || isVersion(key.kvno, kvno));
    if (ofVersion.length === 0) {
      const versions = ofType.map((key) => key.kvno).join(', ');
      throw failure('KEY_VERSION_UNKNOWN', `${service()}: the ticket has version ${kvno}, the keytab ${versions}`);
    }
    return ofVersion;
  }

  /** The keys of a realm's KDC, when the service has them: then it can check what a KDC signed for itself. */
  ofKdc(realm: string): readonly ServiceKey[] {
    return this.#byName.get(`krbtgt/${realm}@${realm}`.toLowerCase()) ?? [];
  }

  /** Zeroises all keys. */
  dispose(): void {
    for (const key of this.#keys) key.dispose();
    this.#byName.clear();
  }

  #keep(key: KerberosKey): KerberosKey {
    this.#keys.push(key);
    return key;
  }

  #add(id: string, key: ServiceKey): void {
    const keys = this.#byName.get(id);
    if (keys === undefined) this.#byName.set(id, [key]);
    else keys.push(key);
  }

  /** An alias without a realm is one in the realm of its principal, and the principal may be written without its realm too. */
  #alias(alias: string, principal: string): void {
    const { name, realm } = parsePrincipal(principal);
    const wanted = formatPrincipal(name, realm).toLowerCase();
    let found = false;
    for (const [id, keys] of [...this.#byName]) {
      if (realm === undefined ? !id.startsWith(`${wanted}@`) : id !== wanted) continue;
      found = true;
      const other = parsePrincipal(alias);
      for (const key of keys) this.#add(idOf(other.name, other.realm ?? parsePrincipal(id).realm ?? ''), key);
    }
    if (found) return;
    throw new SspiError('INVALID_PARAMETER', {
      stage: 'Kerberos keytab',
      detail: `no key of '${principal}' to call '${alias}'`,
    });
  }
}

function idOf(name: PrincipalName, realm: string): string {
  return formatPrincipal(name, realm).toLowerCase();
}

/** Old keytabs have room for eight bits of the version. */
function isVersion(inKeytab: number, inTicket: number): boolean {
  return inKeytab === inTicket || (inTicket > 0xff && inKeytab === (inTicket & 0xff));
}

function failure(
  code: 'SERVICE_UNKNOWN' | 'SERVICE_KEY_MISSING' | 'KEY_VERSION_UNKNOWN' | 'ENCRYPTION_TYPE_REFUSED',
  detail: string,
): SspiError {
  return new SspiError(code, { stage: STAGE, detail });
}
