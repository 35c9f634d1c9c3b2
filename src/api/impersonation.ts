/**
 * Acting for a client (contract L5). Windows puts the client's token on the thread; here the identity follows a flow of control,
 * as long as the function runs that was given, and whatever it awaits.
 * @module
 */
import { type ClientIdentity, SspiError } from '../sspi/index.ts';
import type { ContextEntry } from './entries.ts';
import { type Environment, findEstablishedContext } from './environment.ts';

/** One call of ImpersonateSecurityContext, while it lasts. */
export interface Impersonation {
  readonly entry: ContextEntry;
  readonly identity: ClientIdentity;
  /** Ends with RevertSecurityContext, or with the function. */
  active: boolean;
  /** What it was started in. */
  readonly outer: Impersonation | undefined;
}

/**
 * Who the client of an established server context is.
 * @throws SspiError INVALID_HANDLE, CONTEXT_NOT_ESTABLISHED; UNSUPPORTED_FUNCTION for contexts that have no client
 */
export function clientOf(environment: Environment, handle: unknown): { entry: ContextEntry; identity: ClientIdentity } {
  const entry = findEstablishedContext(environment, handle);
  if (entry.context.role !== 'acceptor')
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'context handle', detail: 'a context of the client' });
  return { entry, identity: entry.context.query('ACCESS_TOKEN') };
}

/** The innermost impersonation that has not ended. Last wins (contract L5). */
export function currentImpersonation({ identityScope }: Environment): Impersonation | undefined {
  let impersonation = identityScope?.current;
  while (impersonation !== undefined && !impersonation.active) impersonation = impersonation.outer;
  return impersonation;
}
