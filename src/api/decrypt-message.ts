/**
 * DecryptMessage (contract M6-M13).
 * @see https://learn.microsoft.com/windows/win32/secauthn/decryptmessage--schannel
 * @module
 */
import { SEC_E } from '../sspi/index.ts';
import type { Environment } from './environment.ts';
import { exclusively, type MessageCallParameters, readMessageCall, requireEncryption } from './message-call.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';
import { decryptRecord } from './stream-messages.ts';
import { unsealMessage } from './token-messages.ts';

/** What `decryptMessage` takes. */
export type DecryptMessageParameters = MessageCallParameters;

/** What `decryptMessage` and `verifySignature` give. */
export interface OpenedMessage extends Outcome {
  /** `pfQOP`: always 0, as no other quality of protection is offered. */
  readonly qop: number;
}

/** Decrypts a message in place. */
export async function decryptMessage(
  environment: Environment,
  parameters: DecryptMessageParameters,
): Promise<OpenedMessage> {
  try {
    const { entry, buffers } = readMessageCall(environment, requireParameters(parameters));
    const protection = requireEncryption(entry);
    const status = await exclusively(entry, 'decrypt', () => {
      if (protection.kind === 'stream') return decryptRecord(entry, protection, buffers);
      unsealMessage(protection, buffers);
      return SEC_E.OK;
    });
    return { status, qop: 0 };
  } catch (error) {
    return { ...failureOf(error), qop: 0 };
  }
}
