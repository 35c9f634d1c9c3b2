/**
 * CompleteAuthToken (contract L4, R51): a function of Digest authentication, which none of these packages is.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-completeauthtoken
 * @module
 */
import { type SecBufferDesc, SspiError } from '../sspi/index.ts';
import { readDescriptor } from './buffers.ts';
import { type Environment, findContext } from './environment.ts';
import type { CtxtHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `completeAuthToken` takes. */
export interface CompleteAuthTokenParameters {
  /** `phContext`. */
  readonly context: CtxtHandle;
  /** `pToken`. */
  readonly token?: SecBufferDesc | null | undefined;
}

/** Always a failure: SEC_E_UNSUPPORTED_FUNCTION for a valid context, and the context goes on undisturbed. */
export async function completeAuthToken(
  environment: Environment,
  parameters: CompleteAuthTokenParameters,
): Promise<Outcome> {
  try {
    const { context, token } = requireParameters(parameters);
    const { info } = findContext(environment, context).context;
    readDescriptor(token, 'pToken');
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: `CompleteAuthToken (${info.name})` });
  } catch (error) {
    return failureOf(error);
  }
}
