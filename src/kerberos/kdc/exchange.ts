/**
 * One request and its answer: an AS-REP, a TGS-REP, or a KRB-ERROR.
 * @module
 */
import { DerError, decode, type Schema } from '../../der/index.ts';
import { asSspiError, SspiError } from '../../sspi/index.ts';
import { KrbError } from '../messages/index.ts';
import type { KdcClient } from './client.ts';
import { isErrorReply } from './reply-kind.ts';

/** What came back. */
export type Reply<T> =
  | { readonly kind: 'reply'; readonly reply: T }
  | { readonly kind: 'error'; readonly error: KrbError };

/** A request as it goes out. */
export interface KdcRequest<T> {
  readonly realm: string;
  readonly message: Uint8Array;
  /** What the answer has to be, when it is no error. */
  readonly answer: Schema<T>;
  readonly signal: AbortSignal | undefined;
}

/**
 * Asks the KDC of a realm.
 * @throws SspiError KDC_NOT_FOUND, KDC_UNREACHABLE, KDC_PROXY_REFUSED; DerError
 */
export async function askKdc<T>(client: KdcClient, request: KdcRequest<T>): Promise<Reply<T>> {
  const { realm, message, answer, signal } = request;
  const octets = await client.network.exchange({ realm, message, signal });
  if (isErrorReply(octets)) return { kind: 'error', error: decode(KrbError, octets) };
  return { kind: 'reply', reply: decode(answer, octets) };
}

/** Runs an exchange; what is malformed in it is reported with the stage. */
export async function staged<T>(stage: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DerError)
      throw new SspiError('MALFORMED_TOKEN', { stage, detail: error.message, cause: error });
    throw asSspiError(error);
  }
}
