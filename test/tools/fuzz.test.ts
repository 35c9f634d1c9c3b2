import { describe, expect, test } from 'vitest';
import { DerError } from '../../src/der/index.ts';
import { SspiError } from '../../src/sspi/index.ts';
import { mutate } from '../../tools/fuzz/mutate.ts';
import { Chance } from '../../tools/fuzz/random.ts';
import { Finding, judge } from '../../tools/fuzz/target.ts';
import { targets } from '../../tools/fuzz/targets.ts';

describe('the fuzzer', () => {
  const samples = [Uint8Array.of(0x30, 3, 2, 1, 5), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)];
  const inputs = (seed: number): Uint8Array[] => {
    const chance = new Chance(seed);
    return Array.from({ length: 200 }, () => mutate(chance.pick(samples), chance, samples));
  };

  test('makes the same inputs of the same seed, and others of another', () => {
    expect(inputs(1)).toEqual(inputs(1));
    expect(inputs(1)).not.toEqual(inputs(2));
  });

  test('leaves its samples as they are', () => {
    inputs(3);
    expect(samples).toEqual([Uint8Array.of(0x30, 3, 2, 1, 5), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]);
  });

  test('lets our errors pass and no others', () => {
    expect(() => judge(new SspiError('MALFORMED_TOKEN', { stage: 'test' }), [])).not.toThrow();
    expect(() => judge(new DerError('test'), [])).not.toThrow();
    expect(() => judge(new RangeError('offset is out of bounds'), [])).toThrow(Finding);
    expect(() => judge(new SspiError('INTERNAL_ERROR', { stage: 'test' }), [])).toThrow(Finding);
  });

  test('finds nothing in a short run over every target', async () => {
    const chance = new Chance(7);
    const all = await targets(chance.fork());
    expect(all.length).toBeGreaterThan(30);
    for (const target of all) for (let times = 0; times < 10; times++) await target.run(chance);
  }, 20_000);
});
