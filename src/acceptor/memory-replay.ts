/**
 * Replay claims in memory: for a service that runs in one process, and the reference for every other implementation.
 * @module
 */
import { type Clock, systemHost } from '../host/index.ts';
import { type ReplayCache, SspiError } from '../sspi/index.ts';

/** What {@link memoryReplayCache} may be told. */
export interface MemoryReplayCacheOptions {
  /** Claims that are remembered at once. Default 1,000,000: about 100 MB, and 1,600 logons a second for ten minutes. */
  readonly maxClaims?: number | undefined;
  /** Tells when a claim may be forgotten. Has to be the clock of the acceptor. */
  readonly clock?: Clock | undefined;
}

/** A {@link ReplayCache} that can be looked at. */
export interface MemoryReplayCache extends ReplayCache {
  /** Claims remembered now. */
  readonly size: number;
}

const DEFAULT_MAX_CLAIMS = 1_000_000;
/** Claims are forgotten in bundles of this many milliseconds; so each is kept that much longer at most. */
const BUNDLE = 10_000;

/**
 * Makes a replay cache in the memory of this process. A full cache refuses: to forget a claim early would let a replay in.
 *
 * A restart forgets all claims. RFC 4120 3.2.3 wants a service to refuse everybody for the skew after that, unless its protocol
 * stops replays by itself, as CredSSP does with pubKeyAuth. Several processes need a cache that they share.
 * @throws SspiError INVALID_PARAMETER when `maxClaims` is not a positive whole number
 * @example
 * const authData = { kind: 'kerberos-acceptor', keytab, replayCache: memoryReplayCache() } as const;
 */
export function memoryReplayCache(options: MemoryReplayCacheOptions = {}): MemoryReplayCache {
  const { maxClaims = DEFAULT_MAX_CLAIMS, clock = systemHost.clock } = options;
  if (!Number.isSafeInteger(maxClaims) || maxClaims < 1)
    throw new SspiError('INVALID_PARAMETER', {
      stage: 'replay cache',
      detail: 'maxClaims is not a positive whole number',
    });

  // One set for each span of expiry: a whole set is dropped when its span is over, and no claim is looked at twice.
  const bundles = new Map<number, Set<string>>();
  let size = 0;

  const sweep = (now: number): void => {
    for (const [span, claims] of bundles) {
      if ((span + 1) * BUNDLE > now) continue;
      size -= claims.size;
      bundles.delete(span);
    }
  };

  return {
    get size() {
      return size;
    },
    // Nothing is awaited between the question and the claim, so nobody comes in between. `async` turns what is thrown into a
    // rejection.
    async claim(key: string, expiresAt: number): Promise<'fresh' | 'replayed'> {
      if (!Number.isFinite(expiresAt))
        throw new SspiError('INVALID_PARAMETER', { stage: 'replay cache', detail: 'expiresAt is not a time' });
      sweep(clock.now());
      for (const claims of bundles.values()) if (claims.has(key)) return 'replayed';
      if (size >= maxClaims)
        throw new SspiError('REPLAY_CACHE_UNAVAILABLE', {
          stage: 'replay cache',
          detail: `${size} claims, it is full`,
        });
      const span = Math.floor(expiresAt / BUNDLE);
      const claims = bundles.get(span) ?? new Set();
      bundles.set(span, claims.add(key));
      size++;
      return 'fresh';
    },
  };
}
