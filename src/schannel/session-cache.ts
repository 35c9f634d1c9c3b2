/**
 * Sessions to go back to, for a TLS client that may resume them. The reference page names five conditions (contract R14): the same
 * target, not expired, the same process, the same logon session, the same credential handle.
 *
 * Nothing here uses it yet: CredSSP must not resume ([MS-CSSP] 3.1.5, R15), and Schannel does not, because a session that Node.js
 * resumes has no certificate that could be judged.
 * @module
 */

/** What has to be the same, in identities and not in looks. */
export interface SessionOwner {
  /** pszTargetName; case does not matter. */
  readonly targetName: string;
  /** The application process, as whatever stands for it. */
  readonly process: unknown;
  readonly logonSession: unknown;
  readonly credential: object;
}

interface Entry<Session> extends SessionOwner {
  readonly session: Session;
  readonly expiry: number;
}

/** Finds a session only for whom it was made. The oldest give way when there are too many. */
export class SessionCache<Session> {
  readonly #capacity: number;
  /** By target name, the newest last. */
  readonly #entries = new Map<string, Entry<Session>[]>();
  #size = 0;

  constructor(capacity = 256) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#size;
  }

  /** @param expiry - milliseconds since 1970, from which on the session is not to be used */
  store(owner: SessionOwner, session: Session, expiry: number): void {
    this.#drop(owner, (entry) => isOwner(entry, owner));
    const key = owner.targetName.toLowerCase();
    this.#entries.set(key, [...(this.#entries.get(key) ?? []), { ...owner, session, expiry }]);
    this.#size++;
    const [oldest] = this.#entries.values();
    const [first] = oldest ?? [];
    if (this.#size > this.#capacity && first !== undefined) this.#drop(first, (entry) => entry === first);
  }

  /** @param now - milliseconds since 1970 */
  find(owner: SessionOwner, now: number): Session | undefined {
    this.#drop(owner, (entry) => entry.expiry <= now);
    return this.#entries.get(owner.targetName.toLowerCase())?.find((entry) => isOwner(entry, owner))?.session;
  }

  #drop({ targetName }: SessionOwner, condition: (entry: Entry<Session>) => boolean): void {
    const key = targetName.toLowerCase();
    const before = this.#entries.get(key) ?? [];
    const after = before.filter((entry) => !condition(entry));
    this.#size -= before.length - after.length;
    if (after.length === 0) this.#entries.delete(key);
    else this.#entries.set(key, after);
  }
}

function isOwner(entry: SessionOwner, { process, logonSession, credential }: SessionOwner): boolean {
  return entry.process === process && entry.logonSession === logonSession && entry.credential === credential;
}
