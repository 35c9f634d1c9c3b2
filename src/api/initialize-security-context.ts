/**
 * InitializeSecurityContext (contract §1): the client's side of an exchange.
 * @see https://learn.microsoft.com/windows/win32/secauthn/initializesecuritycontext--credssp
 * @module
 */
import { parseTargetName, SECPKG_FLAG, SspiError } from '../sspi/index.ts';
import { type ContextCall, type ContextCallParameters, type ContextCallResult, contextCall } from './context-call.ts';
import { continueContext, isFirstCall, startContext } from './context-start.ts';
import type { Environment } from './environment.ts';
import { requireZero } from './parameters.ts';
import { isHelloRequest } from './tls-tokens.ts';

/** What `initializeSecurityContext` takes. */
export interface InitializeSecurityContextParameters extends ContextCallParameters {
  /** `pszTargetName`: an SPN such as `TERMSRV/host.example.com`, or a host name. Only that of the first call counts. */
  readonly targetName?: string | null | undefined;
  /** `Reserved1`: 0. */
  readonly reserved1?: number | undefined;
  /** `Reserved2`: 0. */
  readonly reserved2?: number | undefined;
}

/** Starts the client's side of an exchange, or takes it further with what the server sent. */
export async function initializeSecurityContext(
  environment: Environment,
  parameters: InitializeSecurityContextParameters,
): Promise<ContextCallResult> {
  return contextCall(environment, 'initiator', parameters, async (call) => {
    const { targetName, reserved1, reserved2 } = parameters;
    requireZero(reserved1, 'Reserved1');
    requireZero(reserved2, 'Reserved2');
    if (!isFirstCall(call)) return continueContext(environment, call);

    const target = readTargetName(targetName);
    return startContext(environment, call, {
      input: serverFirst(call),
      open(credential, options) {
        const stream = (credential.info.capabilities & SECPKG_FLAG.STREAM) !== 0;
        if (stream && !mayPrecede(call)) throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'first call' });
        return credential.initiate({ ...options, targetName: target, flags: call.flags });
      },
    });
  });
}

/** pszTargetName (contract R12, R17). */
function readTargetName(targetName: unknown): string | undefined {
  if (targetName === undefined || targetName === null) return undefined;
  if (typeof targetName !== 'string') throw new SspiError('INVALID_PARAMETER', { stage: 'pszTargetName' });
  return parseTargetName(targetName).text;
}

/** A HelloRequest asks for what a first call does anyway, so the exchange does not get to see it (contract R32). */
function serverFirst({ token }: ContextCall): Uint8Array | undefined {
  return token !== undefined && isHelloRequest(token) ? new Uint8Array(0) : token;
}

function mayPrecede({ token }: ContextCall): boolean {
  return token === undefined || token.length === 0 || isHelloRequest(token);
}
