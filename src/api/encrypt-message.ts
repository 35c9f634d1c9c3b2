/**
 * EncryptMessage (contract M1-M5).
 * @see https://learn.microsoft.com/windows/win32/secauthn/encryptmessage--schannel
 * @module
 */
import { SEC_E } from '../sspi/index.ts';
import type { Environment } from './environment.ts';
import {
  checkQop,
  exclusively,
  type ProtectMessageParameters,
  readMessageCall,
  requireEncryption,
} from './message-call.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';
import { encryptRecord } from './stream-messages.ts';
import { sealMessage } from './token-messages.ts';

/** What `encryptMessage` takes. */
export type EncryptMessageParameters = ProtectMessageParameters;

/** Encrypts a message in place. */
export async function encryptMessage(environment: Environment, parameters: EncryptMessageParameters): Promise<Outcome> {
  try {
    const { entry, buffers } = readMessageCall(environment, requireParameters(parameters));
    checkQop(parameters.qop);
    const protection = requireEncryption(entry);
    await exclusively(entry, 'encrypt', () =>
      protection.kind === 'stream' ? encryptRecord(entry, protection, buffers) : sealMessage(protection, buffers),
    );
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}
