/**
 * RevertSecurityContext (contract L5).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-revertsecuritycontext
 * @module
 */
import { SEC_E, SspiError } from '../sspi/index.ts';
import { type Environment, findContext } from './environment.ts';
import type { CtxtHandle } from './handles.ts';
import { currentImpersonation } from './impersonation.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `revertSecurityContext` takes. */
export interface RevertSecurityContextParameters {
  /** `phContext`: whose client is being impersonated. */
  readonly context: CtxtHandle;
}

/** Ends the impersonation of this context's client before its function does. What was impersonated around it is so again. */
export async function revertSecurityContext(
  environment: Environment,
  parameters: RevertSecurityContextParameters,
): Promise<Outcome> {
  try {
    const { context } = requireParameters(parameters);
    const entry = findContext(environment, context);
    let impersonation = currentImpersonation(environment);
    while (impersonation !== undefined && !(impersonation.active && impersonation.entry === entry))
      impersonation = impersonation.outer;
    if (impersonation === undefined)
      throw new SspiError('NO_IMPERSONATION', {
        stage: 'RevertSecurityContext',
        detail: 'nobody is impersonated here',
      });
    impersonation.active = false;
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}
