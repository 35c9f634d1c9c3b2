/**
 * Measuring against a neighbour: the candidates take turns within one run, so that whatever else the machine does meets all of
 * them, and medians are reported.
 * @module
 */

/** How much work was done in how long. */
export interface Measured {
  readonly work: number;
  readonly milliseconds: number;
}

/** Does some work. @returns how much: handshakes, octets, ...; and how long it took, where not all that was done is to count */
export type Work = () => Promise<number | Measured> | number | Measured;

/** Seconds for which each candidate runs before anything is counted: until then much of it is interpreted. */
const WARM_UP = 5;

/**
 * Warms every candidate up, then runs them in turns.
 * @returns for each candidate the median of its rates, in work per second
 */
export async function rates<Name extends string>(
  rounds: number,
  candidates: Readonly<Record<Name, Work>>,
): Promise<Record<Name, number>> {
  const names = namesOf(candidates);
  const found = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (const name of names) {
    const started = performance.now();
    while (performance.now() - started < WARM_UP * 1000) await candidates[name]();
  }
  for (let round = 0; round < rounds; round++) {
    for (const name of names) {
      const started = performance.now();
      const done = await candidates[name]();
      const elapsed = performance.now() - started;
      const { work, milliseconds } = typeof done === 'number' ? { work: done, milliseconds: elapsed } : done;
      found.get(name)?.push((work / milliseconds) * 1000);
    }
  }
  return record(names, (name) => median(found.get(name) ?? []));
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

function namesOf<Name extends string>(candidates: Readonly<Record<Name, Work>>): Name[] {
  // The keys of an object literal with this type are exactly its names.
  return Object.keys(candidates) as Name[];
}

function record<Name extends string>(names: readonly Name[], value: (name: Name) => number): Record<Name, number> {
  // Every name gets its value.
  return Object.fromEntries(names.map((name) => [name, value(name)])) as Record<Name, number>;
}
