/**
 * DeleteSecurityContext (contract L1, R73).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-deletesecuritycontext
 * @module
 */
import { SEC_E, SspiError } from '../sspi/index.ts';
import type { Environment } from './environment.ts';
import type { CtxtHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `deleteSecurityContext` takes. */
export interface DeleteSecurityContextParameters {
  /** `phContext`. */
  readonly context: CtxtHandle;
}

/** Zeroises a context. Calls on it that are under way fail with SEC_E_INVALID_HANDLE; deleting it twice is no mistake. */
export async function deleteSecurityContext(
  environment: Environment,
  parameters: DeleteSecurityContextParameters,
): Promise<Outcome> {
  try {
    const { context } = requireParameters(parameters);
    const entry = environment.contexts.find(context);
    if (entry === undefined) throw new SspiError('INVALID_HANDLE', { stage: 'context handle' });
    entry.delete();
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}
