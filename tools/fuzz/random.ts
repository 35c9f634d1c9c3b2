/**
 * Chance that can be repeated: the same seed gives the same inputs.
 * @module
 */
import type { Host } from '../../src/host/index.ts';

/** A small generator of pseudo-random numbers (mulberry32). Fit for fuzzing and for nothing else. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, not including, `limit`. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  octet(): number {
    return this.below(256);
  }

  octets(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.octet());
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    const found = list[this.below(list.length)];
    if (found === undefined) throw new RangeError('nothing to pick from');
    return found;
  }

  /** A generator of its own, so that one target's use of chance does not change another's. */
  fork(): Chance {
    return new Chance(this.below(0xffffffff));
  }

  /** A host whose clock stands still and whose random octets are these. */
  host(now: number): Host {
    return { clock: { now: () => now }, random: { bytes: (length) => this.octets(length) } };
  }
}
