/**
 * `diagnose`: why did it fail? Ranked causes with the evidence for each.
 * @module
 */
import type { Explanation } from '../decode.ts';
import { CAUSES, type CauseCode, pageOf } from './causes.ts';
import { type Likelihood, Suspicions } from './findings.ts';
import { suspectConversation } from './of-conversation.ts';
import { suspectError } from './of-error.ts';

/** A cause, and why it is thought of. */
export interface Cause {
  /** Stays the same: switch on it. */
  readonly code: CauseCode;
  readonly likelihood: Likelihood;
  /** In one clause. */
  readonly title: string;
  /** What was seen that speaks for it. Holds nothing secret. */
  readonly evidence: readonly string[];
  readonly tryThis: readonly string[];
  /** Where it is explained, from the root of the package. */
  readonly page: string;
}

/** Causes, the best founded first; none when nothing tells of a failure. */
export interface Diagnosis {
  readonly causes: readonly Cause[];
}

/**
 * Tells what an error or a conversation speaks for.
 * @param subject - what a function of this library threw, or what {@link decode} gave; both when there are both
 * @example
 * try { await connectNla(options); }
 * catch (error) { const [best] = diagnose(error).causes; console.error(best?.code, best?.tryThis); }
 */
export function diagnose(...subject: readonly unknown[]): Diagnosis {
  const found = new Suspicions();
  for (const one of subject) {
    if (isExplanation(one)) suspectConversation(found, one);
    else suspectError(found, one);
  }
  return {
    causes: found.ranked().map(({ code, likelihood, evidence }) => {
      const { title, tryThis } = CAUSES[code];
      return { code, likelihood, title, evidence, tryThis, page: pageOf(code) };
    }),
  };
}

function isExplanation(subject: unknown): subject is Explanation {
  return typeof subject === 'object' && subject !== null && 'messages' in subject && 'checks' in subject;
}
