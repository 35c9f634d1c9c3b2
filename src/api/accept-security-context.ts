/**
 * AcceptSecurityContext (contract §2.2): the server's side of an exchange.
 * @see https://learn.microsoft.com/windows/win32/secauthn/acceptsecuritycontext--credssp
 * @module
 */
import { SspiError } from '../sspi/index.ts';
import { type ContextCallParameters, type ContextCallResult, contextCall } from './context-call.ts';
import { continueContext, isFirstCall, startContext } from './context-start.ts';
import type { Environment } from './environment.ts';

/** What `acceptSecurityContext` takes. */
export type AcceptSecurityContextParameters = ContextCallParameters;

/** Starts the server's side of an exchange with the client's first token, or takes it further with the next. */
export async function acceptSecurityContext(
  environment: Environment,
  parameters: AcceptSecurityContextParameters,
): Promise<ContextCallResult> {
  return contextCall(environment, 'acceptor', parameters, async (call) => {
    if (!isFirstCall(call)) return continueContext(environment, call);
    return startContext(environment, call, {
      input: call.token,
      open(credential, options) {
        if (call.token === undefined || call.token.length === 0)
          throw new SspiError('MISSING_BUFFER', { stage: 'pInput', detail: 'the first token of the client' });
        return credential.accept({ ...options, flags: call.flags });
      },
    });
  });
}
