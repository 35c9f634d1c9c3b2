/**
 * Accounts in memory: for tests, the lab, and servers with a handful of users.
 * @module
 */
import { encodeUtf16, md4 } from '../crypto/index.ts';
import { type Account, type AccountQuery, type AccountSource, Secret, SspiError } from '../sspi/index.ts';

/** One account. Give a password or the hash of one; an empty password is a password. */
export interface MemoryAccount {
  /** NetBIOS or DNS name of the domain; absent or empty for a local account. */
  readonly domain?: string | undefined;
  readonly user: string;
  /** Text, or UTF-16LE octets. */
  readonly password?: string | Secret | undefined;
  /** 16 octets: MD4 of the UTF-16LE password. */
  readonly ntHash?: Uint8Array | Secret | undefined;
  /** An NTSTATUS such as `NTSTATUS.ACCOUNT_DISABLED`: told to the client when its password is right. */
  readonly restriction?: number | undefined;
}

/** An {@link AccountSource} that can be emptied. */
export interface MemoryAccounts extends AccountSource {
  /** Zeroises all hashes. Every look-up fails afterwards, and with it every logon. */
  dispose(): void;
}

/**
 * Makes a source of accounts. Passwords are hashed at once; only the hashes are kept.
 *
 * Names are compared without regard to case. How a query finds an account:
 * - `DOMAIN` and `user`: the account of that domain. In a domain that no account belongs to: the local account of that name,
 *   as Windows does with domains that it does not know ([MS-NLMP] note 78).
 * - no domain and `user@domain`: the account of that domain, or the local account that is called exactly so.
 * - no domain and `user`: the local account; else the only account of that name, if there is one and not more.
 * @throws SspiError INVALID_PARAMETER when an account has no user name, not exactly one secret, or comes twice
 * @example
 * const accounts = memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' }]);
 * const authData = { kind: 'acceptor', accounts } as const;
 */
export function memoryAccounts(list: readonly MemoryAccount[]): MemoryAccounts {
  const domains = new Map<string, Map<string, Account>>();
  const users = new Map<string, Account | 'several'>();
  const secrets: Secret[] = [];
  let disposed = false;

  for (const given of list) {
    const { user, domain = '', restriction } = given;
    if (user === '') throw refused('an account has no user name');
    const ntHash = hashOf(given);
    secrets.push(ntHash);
    const account: Account = { user, domain, secret: { kind: 'nt-hash', ntHash }, restriction };
    const members = domains.get(fold(domain)) ?? new Map<string, Account>();
    domains.set(fold(domain), members);
    if (members.has(fold(user))) throw refused('an account comes twice');
    members.set(fold(user), account);
    users.set(fold(user), users.has(fold(user)) ? 'several' : account);
  }

  const inDomain = (domain: string, user: string): Account | undefined => domains.get(fold(domain))?.get(fold(user));

  const withoutDomain = (name: string): Account | undefined => {
    const local = inDomain('', name);
    if (local !== undefined) return local;
    const at = name.lastIndexOf('@');
    if (at > 0) return inDomain(name.slice(at + 1), name.slice(0, at));
    const only = users.get(fold(name));
    return only === 'several' ? undefined : only;
  };

  return {
    async find({ user, domain }: AccountQuery): Promise<Account | undefined> {
      if (disposed) throw new SspiError('INVALID_HANDLE', { stage: 'accounts', detail: 'they were disposed' });
      if (domain === '') return withoutDomain(user);
      return domains.has(fold(domain)) ? inDomain(domain, user) : inDomain('', user);
    },
    dispose(): void {
      disposed = true;
      for (const secret of secrets) secret.dispose();
    },
  };
}

function hashOf({ password, ntHash }: MemoryAccount): Secret {
  if ((password === undefined) === (ntHash === undefined))
    throw refused('an account needs either a password or an NT hash');
  if (ntHash !== undefined) {
    const octets = ntHash instanceof Secret ? ntHash.reveal() : ntHash;
    if (octets.length !== 16) throw refused('an NT hash has 16 octets');
    return new Secret(new Uint8Array(octets)); // a copy, which the slice of a Buffer is not
  }
  if (password instanceof Secret) return new Secret(md4(password.reveal()));
  const octets = encodeUtf16(password ?? '');
  const hash = new Secret(md4(octets));
  octets.fill(0);
  return hash;
}

/** One form for all ways to write a name. */
function fold(name: string): string {
  return name.toLowerCase();
}

function refused(detail: string): SspiError {
  return new SspiError('INVALID_PARAMETER', { stage: 'accounts', detail });
}
