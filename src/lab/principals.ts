/**
 * The accounts of a lab realm as its KDC looks them up.
 * @module
 */
import type { Random } from '../host/index.ts';
import { CHANGE_PASSWORD_SERVICE, formatPrincipal, NAME_TYPE, type PrincipalName } from '../kerberos/index.ts';
import { SspiError } from '../sspi/index.ts';
import type { LabAccount, LabAccountState } from './account.ts';
import { AccountKeys } from './keys.ts';

/** An account with its keys. */
export interface Principal {
  readonly user: string;
  /** Undefined: the keys are random. */
  readonly password: string | undefined;
  readonly fullName: string;
  readonly userPrincipalName: string;
  /** Relative identifiers: of the account, and of its groups. */
  readonly rid: number;
  readonly groups: readonly number[];
  readonly services: readonly string[];
  readonly state: LabAccountState;
  readonly isProtected: boolean;
  readonly preAuthentication: boolean;
  readonly trustedForDelegation: boolean;
  readonly keys: AccountKeys;
}

/** What the accounts take from their realm. */
export interface PrincipalsOptions {
  readonly realm: string;
  readonly accounts: readonly LabAccount[];
  readonly encryptionTypes: readonly number[];
  readonly random: Random;
}

/** Well-known relative identifiers ([MS-DTYP] 2.4.2.4). */
export const RID = {
  KRBTGT: 502,
  DOMAIN_ADMINS: 512,
  DOMAIN_USERS: 513,
  DOMAIN_COMPUTERS: 515,
  PROTECTED_USERS: 525,
} as const;

const FIRST_RID = 1104;
const RC4_HMAC = 23;

/** All accounts. Names are compared without regard to case, as Active Directory does. */
export class Principals implements Disposable {
  /** The ticket-granting service: an account like the others. */
  readonly krbtgt: Principal;
  /**
   * The service that changes passwords. Active Directory gives it the keys of `krbtgt`; then its tickets, which whoever must change
   * his password gets as well, could be shown for ticket-granting ones (CVE-2022-2031 of Samba).
   */
  readonly changePassword: Principal;
  readonly #realm: string;
  readonly #byUser = new Map<string, Principal>();
  readonly #byService = new Map<string, Principal>();
  readonly #byUserPrincipalName = new Map<string, Principal>();
  #revision = 0;

  /** @throws SspiError INVALID_PARAMETER for a name that comes twice */
  constructor({ realm, accounts, encryptionTypes, random }: PrincipalsOptions) {
    this.#realm = realm;
    let nextRid = FIRST_RID;
    for (const account of accounts) {
      const rid = account.rid ?? nextRid++;
      this.#add(principalOf({ ...account, rid }, realm, encryptionTypes, random));
    }
    this.krbtgt = principalOf({ user: 'krbtgt', rid: RID.KRBTGT }, realm, encryptionTypes, random);
    this.changePassword = principalOf({ user: 'kadmin', rid: RID.KRBTGT }, realm, encryptionTypes, random);
  }

  #add(principal: Principal): void {
    put(this.#byUser, principal.user, principal);
    put(this.#byUserPrincipalName, principal.userPrincipalName, principal);
    for (const service of principal.services) put(this.#byService, service, principal);
  }

  /** A client by the name it logs on with: `alice`, or as an enterprise name `alice@suffix` (RFC 6806 5). */
  client({ nameType, nameString }: PrincipalName): Principal | undefined {
    const [name, ...more] = nameString;
    if (name === undefined) return undefined;
    if (more.length > 0) return this.#byService.get(fold(formatPrincipal({ nameType, nameString })));
    if (nameType === NAME_TYPE.ENTERPRISE)
      return (
        this.#byUserPrincipalName.get(fold(name)) ?? (name.includes('@') ? undefined : this.#byUser.get(fold(name)))
      );
    return this.#byUser.get(fold(name));
  }

  /** A service by its SPN. The account's own name will do, too. */
  service(name: PrincipalName): Principal | undefined {
    return this.#byService.get(fold(name.nameString.join('/'))) ?? this.client(name);
  }

  /** Gives an account another password, and with it new keys of the next version. Whoever had to change it need not any more. */
  setPassword(account: Principal, password: string): void {
    const { user, userPrincipalName, services, state, keys } = account;
    const { encryptionTypes, kvno } = keys;
    const changed: Principal = {
      ...account,
      password,
      state: state === 'must-change' ? 'right' : state,
      keys: AccountKeys.ofPassword(password, saltOf(user, this.#realm), encryptionTypes, kvno + 1),
    };
    this.#byUser.set(fold(user), changed);
    this.#byUserPrincipalName.set(fold(userPrincipalName), changed);
    for (const service of services) this.#byService.set(fold(service), changed);
    keys.dispose();
    this.#revision++;
  }

  /** Another one whenever a password was changed. */
  get revision(): number {
    return this.#revision;
  }

  /** Every account that was given, without the services of the KDC itself. */
  get all(): Iterable<Principal> {
    return this.#byUser.values();
  }

  dispose(): void {
    this.krbtgt.keys.dispose();
    this.changePassword.keys.dispose();
    for (const { keys } of this.all) keys.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}

function principalOf(
  account: LabAccount & { readonly rid: number },
  realm: string,
  ofRealm: readonly number[],
  random: Random,
): Principal {
  const { user, password, rid, services = [], isProtected = false, kvno = 2 } = account;
  if (user === '') throw refused('an account has no user name');
  // Protected Users have no RC4 keys, whatever the account says.
  const etypes = (account.encryptionTypes ?? ofRealm).filter((etype) => !(isProtected && etype === RC4_HMAC));
  return {
    user,
    password,
    fullName: account.fullName ?? user,
    userPrincipalName: account.userPrincipalName ?? `${user}@${realm.toLowerCase()}`,
    rid,
    groups: [
      user.endsWith('$') ? RID.DOMAIN_COMPUTERS : RID.DOMAIN_USERS,
      ...(isProtected ? [RID.PROTECTED_USERS] : []),
      ...(account.groups ?? []),
    ],
    services,
    state: account.state ?? 'right',
    isProtected,
    preAuthentication: account.preAuthentication ?? true,
    trustedForDelegation: account.trustedForDelegation ?? false,
    keys:
      password === undefined
        ? AccountKeys.random(random, etypes, kvno)
        : AccountKeys.ofPassword(password, saltOf(user, realm), etypes, kvno),
  };
}

/** `kadmin/changepw`, whose tickets are got with the old password only. */
export function isPasswordService({ nameString: [first, second, ...more] }: PrincipalName): boolean {
  const [service, instance] = CHANGE_PASSWORD_SERVICE.nameString;
  return more.length === 0 && first === service && second === instance;
}

/** [MS-KILE] 3.1.1.2: realm and name; for computers `host` and the DNS name that their own name makes. */
function saltOf(user: string, realm: string): string {
  if (!user.endsWith('$')) return `${realm}${user}`;
  return `${realm}host${user.slice(0, -1).toLowerCase()}.${realm.toLowerCase()}`;
}

function put(map: Map<string, Principal>, name: string, principal: Principal): void {
  if (map.has(fold(name))) throw refused(`${name} comes twice`);
  map.set(fold(name), principal);
}

function fold(name: string): string {
  return name.toLowerCase();
}

function refused(detail: string): SspiError {
  return new SspiError('INVALID_PARAMETER', { stage: 'lab accounts', detail });
}
