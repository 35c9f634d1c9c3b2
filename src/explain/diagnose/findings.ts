/**
 * Causes with the evidence for them, as it comes together.
 * @module
 */
import type { CauseCode } from './causes.ts';

/** How sure it is. `certain`: a peer said so, or a check showed it. */
export type Likelihood = 'certain' | 'likely' | 'possible';

const WEIGHT: Readonly<Record<Likelihood, number>> = { certain: 100, likely: 10, possible: 1 };

/** What speaks for one cause. */
export interface Suspicion {
  readonly code: CauseCode;
  readonly likelihood: Likelihood;
  readonly evidence: readonly string[];
}

/** Collects what speaks for which cause. */
export class Suspicions {
  readonly #found = new Map<CauseCode, { weight: number; likelihood: Likelihood; evidence: string[] }>();

  /** @param evidence - why, in words that hold no secret; undefined when only another cause speaks for it */
  add(code: CauseCode, likelihood: Likelihood, evidence: string): void {
    const known = this.#found.get(code);
    if (known === undefined) {
      this.#found.set(code, { weight: WEIGHT[likelihood], likelihood, evidence: [evidence] });
      return;
    }
    known.weight += WEIGHT[likelihood];
    if (WEIGHT[likelihood] > WEIGHT[known.likelihood]) known.likelihood = likelihood;
    if (!known.evidence.includes(evidence)) known.evidence.push(evidence);
  }

  /** The best founded first; among equals in the order in which they turned up. */
  ranked(): Suspicion[] {
    return [...this.#found]
      .toSorted(([, a], [, b]) => b.weight - a.weight)
      .map(([code, { likelihood, evidence }]) => ({ code, likelihood, evidence: evidence.slice(0, 8) }));
  }
}
