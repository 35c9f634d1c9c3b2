/**
 * ImpersonateSecurityContext (contract L5).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-impersonatesecuritycontext
 * @module
 */
import { type ClientIdentity, SEC_E, SspiError } from '../sspi/index.ts';
import type { Environment } from './environment.ts';
import type { CtxtHandle } from './handles.ts';
import { clientOf, currentImpersonation, type Impersonation } from './impersonation.ts';
import { type Failure, failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `impersonateSecurityContext` takes. */
export interface ImpersonateSecurityContextParameters<T> {
  /** `phContext`: of a server, established. */
  readonly context: CtxtHandle;
  /** What is to be done in the name of the client. What it throws comes out of `impersonateSecurityContext`. */
  readonly run: (identity: ClientIdentity) => T | Promise<T>;
}

/** What `impersonateSecurityContext` gives. */
export interface ImpersonateSecurityContextResult<T> extends Outcome {
  /** What `run` gave; undefined when it was not called. */
  readonly value: T | undefined;
}

/** Runs a function, and everything that it awaits, in the name of the client: `impersonatedIdentity` tells who that is. */
export async function impersonateSecurityContext<T>(
  environment: Environment,
  parameters: ImpersonateSecurityContextParameters<T>,
): Promise<ImpersonateSecurityContextResult<T>> {
  const begun = begin(environment, parameters);
  if ('status' in begun) return { ...begun, value: undefined };
  const { scope, impersonation } = begun;
  try {
    const value = await scope.run(impersonation, () => parameters.run(impersonation.identity));
    return { status: SEC_E.OK, value };
  } finally {
    // What goes on behind our back is nobody's any more.
    impersonation.active = false;
  }
}

type Begun = {
  readonly scope: NonNullable<Environment['identityScope']>;
  readonly impersonation: Impersonation;
};

function begin<T>(environment: Environment, parameters: ImpersonateSecurityContextParameters<T>): Begun | Failure {
  try {
    const { context, run } = requireParameters(parameters);
    const { entry, identity } = clientOf(environment, context);
    if (typeof run !== 'function') throw new SspiError('INVALID_PARAMETER', { stage: 'run' });
    const { identityScope: scope } = environment;
    if (scope === undefined)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'ImpersonateSecurityContext', detail: 'no identity scope' });
    if (identity.identifyOnly || identity.anonymous)
      throw new SspiError('NO_IMPERSONATION', {
        stage: 'ImpersonateSecurityContext',
        detail: identity.anonymous ? 'the client is anonymous' : 'the client allows no more than to identify it',
      });
    const outer = currentImpersonation(environment);
    return { scope, impersonation: { entry, identity, active: true, outer } };
  } catch (error) {
    return failureOf(error);
  }
}
