/**
 * MakeSignature (contract M14).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-makesignature
 * @module
 */
import { SEC_E } from '../sspi/index.ts';
import type { Environment } from './environment.ts';
import {
  checkQop,
  exclusively,
  type ProtectMessageParameters,
  readMessageCall,
  requireSigning,
} from './message-call.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';
import { signMessage } from './token-messages.ts';

/** What `makeSignature` takes. */
export type MakeSignatureParameters = ProtectMessageParameters;

/** Signs a message, which stays as it is. */
export async function makeSignature(environment: Environment, parameters: MakeSignatureParameters): Promise<Outcome> {
  try {
    const { entry, buffers } = readMessageCall(environment, requireParameters(parameters));
    checkQop(parameters.qop);
    const protection = requireSigning(entry);
    await exclusively(entry, 'encrypt', () => signMessage(protection, buffers));
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}
