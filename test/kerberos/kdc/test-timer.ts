/** Time that passes when the test says so. */
import type { Clock, Timer } from '../../../src/host/index.ts';

export class TestTimer implements Clock, Timer {
  #now = 0;
  readonly #due = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  after(milliseconds: number, callback: () => void): () => void {
    const entry = { at: this.#now + milliseconds, callback };
    this.#due.add(entry);
    return () => this.#due.delete(entry);
  }

  /** How many call-backs are still to come. */
  get pending(): number {
    return this.#due.size;
  }

  /** Lets time pass, and promises settle after each call-back. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settled();
    for (;;) {
      const [next] = [...this.#due].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#due.delete(next);
      this.#now = next.at;
      next.callback();
      await settled();
    }
    this.#now = end;
  }
}

/** Lets all promises that can settle do so. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
