/**
 * Malformed input must meet a typed error: never a raw exception, never silence.
 * @module
 */
import { DerError } from '../../src/der/index.ts';
import { SspiError } from '../../src/sspi/index.ts';
import { Mismatch } from './case.ts';

/** Runs a decoder on malformed input. @returns the typed error that it threw */
export function refused(decode: () => unknown): SspiError | DerError {
  try {
    decode();
  } catch (error) {
    if (error instanceof SspiError || error instanceof DerError) return error;
    throw new Mismatch(`a raw exception: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  throw new Mismatch('malformed input was accepted');
}
