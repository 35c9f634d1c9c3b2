/**
 * FreeCredentialsHandle (contract L2, A14).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-freecredentialshandle
 * @module
 */
import { SEC_E } from '../sspi/index.ts';
import { type Environment, findCredential } from './environment.ts';
import type { CredHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `freeCredentialsHandle` takes. */
export interface FreeCredentialsHandleParameters {
  /** `phCredential`. */
  readonly credential: CredHandle;
}

/** Gives a credential back. Contexts that were made from it go on; the secrets go with the last of them. */
export async function freeCredentialsHandle(
  environment: Environment,
  parameters: FreeCredentialsHandleParameters,
): Promise<Outcome> {
  try {
    const { credential } = requireParameters(parameters);
    findCredential(environment, credential).free();
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}
