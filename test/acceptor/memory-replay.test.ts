import { describe, expect, test } from 'vitest';
import { type MemoryReplayCacheOptions, memoryReplayCache } from '../../src/acceptor/index.ts';

const NOW = Date.UTC(2026, 0, 15, 12);
const MINUTE = 60_000;

function cacheAt(time: number, options: Partial<MemoryReplayCacheOptions> = {}) {
  const clock = { time, now: () => clock.time };
  return { clock, cache: memoryReplayCache({ clock, ...options }) };
}

describe('replay claims in memory', () => {
  test('Z40: a key is to be had once', async () => {
    const { cache } = cacheAt(NOW);
    expect(await cache.claim('a', NOW + MINUTE)).toBe('fresh');
    expect(await cache.claim('a', NOW + MINUTE)).toBe('replayed');
    expect(await cache.claim('b', NOW + MINUTE)).toBe('fresh');
    expect(cache.size).toBe(2);
  });

  test('Z40: whatever expiry it is claimed with', async () => {
    const { cache } = cacheAt(NOW);
    await cache.claim('a', NOW + MINUTE);
    expect(await cache.claim('a', NOW + 5 * MINUTE)).toBe('replayed');
    expect(await cache.claim('a', NOW)).toBe('replayed');
  });

  test('Z40: of a hundred at once one gets it', async () => {
    const { cache } = cacheAt(NOW);
    const verdicts = await Promise.all(Array.from({ length: 100 }, () => cache.claim('a', NOW + MINUTE)));
    expect(verdicts.filter((verdict) => verdict === 'fresh')).toHaveLength(1);
  });

  test('Z51: a claim is kept until its time is over, and then it is forgotten', async () => {
    const { cache, clock } = cacheAt(NOW);
    await cache.claim('a', NOW + MINUTE);
    clock.time = NOW + MINUTE - 1;
    expect(await cache.claim('a', NOW + MINUTE)).toBe('replayed');
    clock.time = NOW + MINUTE + 10_000;
    expect(await cache.claim('b', NOW + 2 * MINUTE)).toBe('fresh');
    expect(cache.size).toBe(1);
  });

  test('a full cache refuses rather than forgets', async () => {
    const { cache, clock } = cacheAt(NOW, { maxClaims: 2 });
    await cache.claim('a', NOW + MINUTE);
    await cache.claim('b', NOW + 2 * MINUTE);
    await expect(cache.claim('c', NOW + MINUTE)).rejects.toMatchObject({ code: 'REPLAY_CACHE_UNAVAILABLE' });
    expect(await cache.claim('a', NOW + MINUTE)).toBe('replayed');
    clock.time = NOW + 1.5 * MINUTE;
    expect(await cache.claim('c', NOW + 2 * MINUTE)).toBe('fresh');
  });

  test('its memory is bounded by what may still be repeated', async () => {
    const { cache, clock } = cacheAt(NOW);
    for (let second = 0; second < 3600; second++) {
      clock.time = NOW + second * 1000;
      await cache.claim(`${second}`, clock.time + 10 * MINUTE);
    }
    expect(cache.size).toBeLessThanOrEqual(611);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('%f is no time', async (expiresAt) => {
    await expect(cacheAt(NOW).cache.claim('a', expiresAt)).rejects.toMatchObject({ code: 'INVALID_PARAMETER' });
  });

  test.each([0, -1, 1.5, Number.NaN])('%f is no number of claims', (maxClaims) => {
    expect(() => memoryReplayCache({ maxClaims })).toThrow(expect.objectContaining({ code: 'INVALID_PARAMETER' }));
  });
});
