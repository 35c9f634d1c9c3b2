/**
 * The clock of the KDC. A machine whose clock is wrong can still log on: a KDC says what time it is, and from then on everything
 * for that realm goes by its time.
 * @module
 */
import type { Clock } from '../../host/index.ts';

/** This machine's clock, put right by what KDCs said. */
export class KdcClock implements Clock {
  readonly #own: Clock;
  #offset = 0;

  constructor(own: Clock) {
    this.#own = own;
  }

  /** Milliseconds since 1970, as the KDC counts them. */
  now(): number {
    return this.#own.now() + this.#offset;
  }

  /** Milliseconds that the KDC is ahead of this machine. */
  get offset(): number {
    return this.#offset;
  }

  /** Milliseconds that a time is ahead of this machine's own clock. */
  skewOf(time: number): number {
    return time - this.#own.now();
  }

  /** Goes by this time from now on. */
  adopt(time: number): void {
    this.#offset = this.skewOf(time);
  }
}

/** A skew for people: `the KDC is 412 s ahead of this machine`. */
export function skewText(skew: number): string {
  return `the KDC is ${Math.round(Math.abs(skew) / 1000)} s ${skew < 0 ? 'behind' : 'ahead of'} this machine`;
}
