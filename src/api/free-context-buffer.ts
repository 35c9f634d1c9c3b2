/**
 * FreeContextBuffer (contract L3).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-freecontextbuffer
 * @module
 */
import { SEC_E } from '../sspi/index.ts';
import type { Environment } from './environment.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `freeContextBuffer` takes. */
export interface FreeContextBufferParameters {
  /** `pvContextBuffer`: a token of ALLOCATE_MEMORY, octets in an attribute's value, or the value or list as a whole. */
  readonly contextBuffer: unknown;
}

/**
 * Overwrites octets that were allocated for the caller with zeros. What this library did not allocate is left alone, and that
 * is no mistake.
 */
export async function freeContextBuffer(
  environment: Environment,
  parameters: FreeContextBufferParameters,
): Promise<Outcome> {
  try {
    const { contextBuffer } = requireParameters(parameters);
    free(environment, contextBuffer);
    if (typeof contextBuffer === 'object' && contextBuffer !== null && !(contextBuffer instanceof Uint8Array)) {
      for (const member of Object.values(contextBuffer)) {
        for (const octets of Array.isArray(member) ? member : [member]) free(environment, octets);
      }
    }
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}

function free({ allocated }: Environment, octets: unknown): void {
  if (octets instanceof Uint8Array && allocated.delete(octets)) octets.fill(0);
}
