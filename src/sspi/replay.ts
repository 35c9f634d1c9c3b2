/**
 * Where a Kerberos acceptor keeps the authenticators that it has seen (RFC 4120 3.2.3). Implementations live in `src/acceptor/`;
 * a service of several machines brings one that they share.
 * @module
 */

/**
 * Claims of authenticators, each to be had once.
 *
 * All acceptors of one service principal, on whatever machine, have to ask the same cache: an authenticator that one of them took
 * is a replay for every other.
 */
export interface ReplayCache {
  /**
   * Claims a key, in one step: of any number of calls with the same key, at the same time or one after the other, exactly one
   * gets `fresh`.
   * @param key - printable text of at most 128 characters, the same for the same authenticator; nobody can be recognised in it
   * @param expiresAt - milliseconds since 1970: until then the claim has to be remembered
   * @throws when it cannot be told, because the cache is full or out of reach; the logon is refused then
   */
  claim(key: string, expiresAt: number): Promise<'fresh' | 'replayed'>;
}
