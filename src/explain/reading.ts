/**
 * One message that is being decoded: from whom, in which conversation, how deep in other messages; and where what is found goes.
 * @module
 */
import type { Fact, Observation, Side } from './observations.ts';

/** Messages within messages within messages: as many as any protocol here has, and some more. */
const DEEPEST = 10;

/** What the decoders of all protocols are given. */
export class Reading {
  /** From 1 on, in the order of the input. */
  readonly index: number;
  readonly depth: number;
  readonly #message: { from: Side | undefined };
  readonly #observations: Observation[];
  readonly #facts: Fact[];

  constructor(index: number, from: Side | undefined, around?: Reading) {
    this.index = index;
    this.depth = around === undefined ? 0 : around.depth + 1;
    this.#message = around === undefined ? { from } : around.#message;
    this.#observations = around === undefined ? [] : around.#observations;
    this.#facts = around === undefined ? [] : around.#facts;
  }

  /** For a message within this one; undefined when that would be too deep. */
  inside(): Reading | undefined {
    return this.depth < DEEPEST ? new Reading(this.index, undefined, this) : undefined;
  }

  get from(): Side | undefined {
    return this.#message.from;
  }

  /** Some messages only ever come from one side. What the input said counts more. */
  suggest(from: Side): void {
    this.#message.from ??= from;
  }

  observe(observation: Observation): void {
    this.#observations.push(observation);
  }

  fact(fact: Fact): void {
    this.#facts.push(fact);
  }

  get observations(): readonly Observation[] {
    return this.#observations;
  }

  get facts(): readonly Fact[] {
    return this.#facts;
  }
}
