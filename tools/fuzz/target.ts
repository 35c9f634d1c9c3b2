/**
 * What is fuzzed, and what counts as a finding.
 * @module
 */
import { asSspiError } from '../../src/sspi/index.ts';
import type { Chance } from './random.ts';

/** One thing that takes hostile octets. */
export interface Target {
  readonly name: string;
  /**
   * Runs it once with input of its own making.
   * @returns nothing when all is well
   * @throws Finding when it is not
   */
  run(chance: Chance): Promise<void> | void;
}

/** Something that must not happen, with the input that made it happen. */
export class Finding extends Error {
  readonly inputs: readonly Uint8Array[];

  constructor(message: string, inputs: readonly Uint8Array[], cause?: unknown) {
    super(message, { cause });
    this.name = 'Finding';
    this.inputs = inputs;
  }
}

/** Lets an error pass that is one of ours. INTERNAL_ERROR is what the driver makes of one that is not. */
export function judge(error: unknown, inputs: readonly Uint8Array[]): void {
  if (error instanceof Finding) throw error;
  const known = asSspiError(error);
  if (known.code === 'INTERNAL_ERROR')
    throw new Finding(`a raw exception: ${describe(known.cause ?? error)}`, inputs, error);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
