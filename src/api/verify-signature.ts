/**
 * VerifySignature (contract M14).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-verifysignature
 * @module
 */
import { SEC_E } from '../sspi/index.ts';
import type { OpenedMessage } from './decrypt-message.ts';
import type { Environment } from './environment.ts';
import { exclusively, type MessageCallParameters, readMessageCall, requireSigning } from './message-call.ts';
import { failureOf } from './outcome.ts';
import { requireParameters } from './parameters.ts';
import { verifyMessage } from './token-messages.ts';

/** What `verifySignature` takes. */
export type VerifySignatureParameters = MessageCallParameters;

/** Checks the signature of a message. */
export async function verifySignature(
  environment: Environment,
  parameters: VerifySignatureParameters,
): Promise<OpenedMessage> {
  try {
    const { entry, buffers } = readMessageCall(environment, requireParameters(parameters));
    const protection = requireSigning(entry);
    await exclusively(entry, 'decrypt', () => verifyMessage(protection, buffers));
    return { status: SEC_E.OK, qop: 0 };
  } catch (error) {
    return { ...failureOf(error), qop: 0 };
  }
}
