/**
 * What EncryptMessage, DecryptMessage, MakeSignature and VerifySignature have in common: a context that is ready for messages,
 * the caller's buffers, and one call of a kind at a time (contract M5, M12).
 * @module
 */
import { SEC_E, type SecBufferDesc, SspiError, type StreamProtection, type TokenProtection } from '../sspi/index.ts';
import { type Buffers, readDescriptor } from './buffers.ts';
import type { ContextEntry } from './entries.ts';
import { type Environment, findEstablishedContext } from './environment.ts';
import type { CtxtHandle } from './handles.ts';

/** The parameters that all four have. */
export interface MessageCallParameters {
  /** `phContext`. */
  readonly context: CtxtHandle;
  /** `pMessage`. Its octets must stay as they are until the promise settles. */
  readonly message: SecBufferDesc;
  /** `MessageSeqNo`: not used by packages that count for themselves, which these do (contract M4). */
  readonly messageSeqNo?: number | undefined;
}

/** The parameters of the two that protect a message. */
export interface ProtectMessageParameters extends MessageCallParameters {
  /** `fQOP`: 0. */
  readonly qop?: number | undefined;
}

/** A call that was checked. */
export interface MessageCall {
  readonly entry: ContextEntry;
  readonly buffers: Buffers;
}

/** @throws SspiError INVALID_HANDLE, CONTEXT_NOT_ESTABLISHED, INVALID_BUFFER, or what broke the context before */
export function readMessageCall(environment: Environment, { context, message }: MessageCallParameters): MessageCall {
  const entry = findEstablishedContext(environment, context);
  return { entry, buffers: readDescriptor(message, 'pMessage') };
}

/** fQOP (contract M3). @throws SspiError QOP_NOT_SUPPORTED */
export function checkQop(qop: unknown): void {
  if (qop !== undefined && qop !== 0) throw new SspiError('QOP_NOT_SUPPORTED', { stage: 'fQOP' });
}

/**
 * Runs one call of a kind on a context. Encryption and decryption may be under way together, two of the same kind may not.
 * @throws SspiError CONTEXT_BUSY
 */
export async function exclusively<T>(
  entry: ContextEntry,
  kind: 'encrypt' | 'decrypt',
  run: () => T | Promise<T>,
): Promise<T> {
  if (entry.underWay[kind]) throw new SspiError('CONTEXT_BUSY', { stage: `${kind} message` });
  entry.underWay[kind] = true;
  try {
    return await run();
  } catch (thrown) {
    assertAlive(entry);
    throw thrown;
  } finally {
    entry.underWay[kind] = false;
  }
}

/** After waiting: the buffers of a deleted context's caller are left alone (contract L1). @throws SspiError INVALID_HANDLE */
export function assertAlive(entry: ContextEntry): void {
  if (entry.deleted) throw new SspiError('INVALID_HANDLE', { stage: 'context handle', detail: 'deleted meanwhile' });
}

/** A stream that failed to decrypt has lost its place for good (contract M11). */
export function breakStream(entry: ContextEntry, thrown: unknown): void {
  if (!(thrown instanceof SspiError)) return;
  if (thrown.status === SEC_E.MESSAGE_ALTERED || thrown.status === SEC_E.DECRYPT_FAILURE) entry.broken = thrown;
}

/**
 * The protection of a context whose messages have tokens.
 * @throws SspiError UNSUPPORTED_FUNCTION for streams (contract M14), and when the exchange did not agree on it
 */
export function requireSigning(entry: ContextEntry): TokenProtection {
  const { messages } = entry.context;
  if (messages.kind === 'stream' || !messages.integrity)
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: `signatures (${entry.context.info.name})` });
  return messages;
}

/**
 * The protection of a context that encrypts. To sign where encryption was asked for would be a success that is none (fault Z11).
 * @throws SspiError UNSUPPORTED_FUNCTION
 */
export function requireEncryption(entry: ContextEntry): StreamProtection | TokenProtection {
  const { messages } = entry.context;
  if (messages.kind === 'token' && !messages.confidentiality)
    throw new SspiError('UNSUPPORTED_FUNCTION', {
      stage: `encryption (${entry.context.info.name})`,
      detail: 'confidentiality was not agreed on',
    });
  return messages;
}
