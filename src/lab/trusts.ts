/**
 * Trust between lab realms: the keys of `krbtgt/OTHER@REALM`, and the way to realms that are further away (RFC 4120 1.2).
 * @module
 */
import type { AccountKeys } from './keys.ts';

/** A realm next door. */
export interface Trust {
  readonly realm: string;
  /** Both sides know them: what this realm issues for the other is encrypted with `outgoing`, what comes back with `incoming`. */
  readonly outgoing: AccountKeys;
  readonly incoming: AccountKeys;
  /** The realms that are next door to that one. */
  readonly beyond: Trusts;
}

/** The trusts of one realm. */
export class Trusts {
  readonly #realm: string;
  readonly #byRealm = new Map<string, Trust>();

  /** @param realm - whose trusts they are */
  constructor(realm: string) {
    this.#realm = realm.toLowerCase();
  }

  add(trust: Trust): void {
    this.#byRealm.set(trust.realm.toLowerCase(), trust);
  }

  /** The realm next door of that name. */
  direct(realm: string): Trust | undefined {
    return this.#byRealm.get(realm.toLowerCase());
  }

  /** The realm next door that is on the shortest way to another one. */
  towards(realm: string): Trust | undefined {
    const wanted = realm.toLowerCase();
    if (wanted === this.#realm) return undefined;
    const seen = new Set<Trusts>([this]);
    let edge = [...this.#byRealm.values()].map((first) => ({ first, at: first }));
    while (edge.length > 0) {
      const found = edge.find(({ at }) => at.realm.toLowerCase() === wanted);
      if (found !== undefined) return found.first;
      edge = edge.flatMap(({ first, at }) => {
        if (seen.has(at.beyond)) return [];
        seen.add(at.beyond);
        return [...at.beyond.#byRealm.values()].map((next) => ({ first, at: next }));
      });
    }
    return undefined;
  }

  /**
   * The way to the realm whose DNS domain a host is in: the longest name of a realm that the host's name ends in. Undefined for
   * hosts of this realm, and of realms that cannot be reached.
   */
  towardsHost(host: string): Trust | undefined {
    for (let domain = host.toLowerCase(); domain !== ''; domain = domain.split('.').slice(1).join('.')) {
      if (domain === this.#realm) return undefined;
      const trust = this.towards(domain);
      if (trust !== undefined) return trust;
    }
    return undefined;
  }

  /** Zeroises the keys of what this realm issues; those of the other direction are the other realm's. */
  dispose(): void {
    for (const { outgoing } of this.#byRealm.values()) outgoing.dispose();
    this.#byRealm.clear();
  }
}
