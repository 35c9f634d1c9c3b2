/**
 * QuerySecurityContextToken (contract L5, Q3).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-querysecuritycontexttoken
 * @module
 */
import { type ClientIdentity, SEC_E } from '../sspi/index.ts';
import type { Environment } from './environment.ts';
import type { CtxtHandle } from './handles.ts';
import { clientOf } from './impersonation.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `querySecurityContextToken` takes. */
export interface QuerySecurityContextTokenParameters {
  /** `phContext`: of a server, established. */
  readonly context: CtxtHandle;
}

/** What `querySecurityContextToken` gives. */
export interface QuerySecurityContextTokenResult extends Outcome {
  /** `Token`: who the client is. Null on failure. */
  readonly token: ClientIdentity | null;
}

/** The client of a server's context, as an object: what an application needs to decide what it may do. */
export async function querySecurityContextToken(
  environment: Environment,
  parameters: QuerySecurityContextTokenParameters,
): Promise<QuerySecurityContextTokenResult> {
  try {
    const { context } = requireParameters(parameters);
    return { status: SEC_E.OK, token: clientOf(environment, context).identity };
  } catch (error) {
    return { ...failureOf(error), token: null };
  }
}
