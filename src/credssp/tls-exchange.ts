/**
 * CredSSP as a security package, [MS-CSSP] 3.1.5 and 3.2.5 from the first octet: a TLS handshake, and then TSRequests inside
 * TLS records, all of it inside the tokens (contract §1.5, §2.2, §3.3).
 * @module
 */
import { concat } from '../crypto/index.ts';
import { type Handshaken, streamProtection, type TlsEngine } from '../schannel/index.ts';
import { asSspiError, type Established, type Exchange, ISC_RET, type Leg, SEC_E, SspiError } from '../sspi/index.ts';
import { frameTSRequest } from './engine.ts';
import { CREDSSP_INFO } from './info.ts';

/** What carries a CredSSP exchange over TLS. */
export interface TlsExchangeOptions {
  /** Goes through the TLS handshake. `first` are whole TLS records, or nothing for a client. */
  readonly handshake: (first: Uint8Array) => AsyncGenerator<Leg, Handshaken, Uint8Array>;
  /** Starts the engine on TSRequests, once TLS is up and the certificate is known. A server's begins by waiting. */
  readonly start: (tls: TlsEngine) => Promise<Exchange>;
  /** TLS 1.3 clients: the first TSRequest together with Finished, or after the server's next token (contract X12). */
  readonly tls13: 'combined' | 'split';
  /** What to send when the exchange fails on our side: a client may say nothing but close_notify (contract R25). */
  readonly closeOnFailure: boolean;
  /** Largest TSRequest of the peer. */
  readonly maxRequest: number;
}

const EMPTY = new Uint8Array(0);

/** A TLS connection, and the exchanges of TSRequests inside it: one to begin with, others to authenticate again (contract R72). */
export class TlsExchange {
  readonly #options: TlsExchangeOptions;
  #tls: TlsEngine | undefined;

  constructor(options: TlsExchangeOptions) {
    this.#options = options;
  }

  /** Runs the handshake, then the engine, both roles. `first` are whole TLS records, or nothing for a client. */
  async *begin(first: Uint8Array): Exchange {
    const handshaken = yield* this.#options.handshake(first);
    const { engine: tls } = handshaken;
    let { token, rest } = handshaken;
    this.#tls = tls;
    // Only a client that has the last word of the handshake, which is TLS 1.3, has anything to split (contract X12).
    if (this.#options.tls13 === 'split' && tls.role === 'client' && token.length > 0) {
      rest = yield { token, extra: rest.length };
      token = EMPTY;
    }
    return yield* sealed(tls, this.#options, rest, token);
  }

  /** The engine once more, inside the connection that there is. */
  async *again(first: Uint8Array): Exchange {
    const tls = this.#tls;
    if (tls === undefined) throw new SspiError('CONTEXT_NOT_ESTABLISHED', { stage: 're-authentication' });
    const established = yield* sealed(tls, this.#options, first, EMPTY);
    return tls.role === 'server'
      ? established
      : { ...established, flags: established.flags | ISC_RET.REAUTHENTICATION };
  }
}

/** TSRequests inside TLS records: each of ours in a record of its own (contract X4), the peer's as they come (fault Z8). */
async function* sealed(tls: TlsEngine, options: TlsExchangeOptions, input: Uint8Array, pending: Uint8Array): Exchange {
  const inbox = new Inbox(options.maxRequest);
  let rest = input;
  let token = pending;
  const guard = <T>(work: () => T | Promise<T>): Promise<T> => guarded(tls, options, token, work);

  const engine = await guard(() => options.start(tls));
  let result = await guard(() => engine.next(EMPTY));
  const proceed = (): ReturnType<Exchange['next']> | undefined => {
    const message = inbox.take();
    return message === undefined ? undefined : engine.next(message);
  };
  let answered = false;
  for (;;) {
    if (result.done === true) return { ...(await last(tls, result.value, token, inbox)), extra: rest.length };
    const answer = await encrypted(tls, result.value);
    token = joined(token, answer);
    answered ||= answer.length > 0;

    // What a record holds besides is next, answered or not: the record counts as used, so it would be waited for on both sides.
    let next = await guard(proceed);
    // Behind the record an answer ends the call. What is left of the handshake does not: a client's TSRequest may come right
    // behind Finished.
    while (next === undefined) {
      if (answered || rest.length === 0) {
        rest = yield { token, extra: rest.length };
        token = EMPTY;
        answered = false;
      }
      rest = await open(tls, rest, inbox);
      next = await guard(proceed);
    }
    result = next;
  }
}

/** Records are in memory of their own already. */
function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  return second.length === 0 ? first : concat(first, second);
}

async function encrypted(tls: TlsEngine, leg: Leg): Promise<Uint8Array> {
  return 'token' in leg && leg.token.length > 0 ? tls.encrypt(leg.token) : EMPTY;
}

async function last(tls: TlsEngine, established: Established, pending: Uint8Array, inbox: Inbox): Promise<Established> {
  inbox.assertEmpty();
  const { token = EMPTY } = established;
  const record = token.length === 0 ? EMPTY : await tls.encrypt(token);
  const messages = streamProtection(tls, CREDSSP_INFO.maxToken);
  return { ...established, token: joined(pending, record), messages };
}

/** Opens the first record of the input. A session ticket holds nothing for us (contract X13). */
async function open(tls: TlsEngine, input: Uint8Array, inbox: Inbox): Promise<Uint8Array> {
  if (input.length === 0) return input;
  const record = await tls.decrypt(input);
  switch (record.kind) {
    case 'data':
      inbox.put(record.plaintext);
      return input.subarray(record.consumed);
    case 'closed':
      throw new SspiError('CONNECTION_CLOSED', {
        stage: 'CredSSP',
        detail: 'close_notify in the middle of the exchange',
        status: SEC_E.UNFINISHED_CONTEXT_DELETED,
      });
    case 'incomplete': // the driver hands over whole records only
      throw new SspiError('INTERNAL_ERROR', { stage: 'TLS record' });
  }
}

/**
 * What fails above TLS is told to the peer through TLS: an engine's last TSRequest like any other, or goodbye at least.
 * @param pending - what goes out first: a Finished that waited for the first TSRequest, without which nobody could read the rest
 */
async function guarded<T>(
  tls: TlsEngine,
  { closeOnFailure }: TlsExchangeOptions,
  pending: Uint8Array,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    const error = asSspiError(thrown);
    if (error.token !== undefined) throw error.withToken(concat(pending, await tls.encrypt(error.token)));
    throw closeOnFailure ? error.withToken(concat(pending, await tls.close())) : error;
  }
}

/** Plaintext of the peer until a TSRequest is whole: one may span records, and a record may hold more than one. */
class Inbox {
  readonly #maxRequest: number;
  #octets: Uint8Array = EMPTY;

  constructor(maxRequest: number) {
    this.#maxRequest = maxRequest;
  }

  put(plaintext: Uint8Array): void {
    this.#octets = this.#octets.length === 0 ? plaintext : concat(this.#octets, plaintext);
  }

  /** The next TSRequest, once it is whole. @throws SspiError as soon as its header is hopeless or too large */
  take(): Uint8Array | undefined {
    if (this.#octets.length === 0) return undefined;
    const frame = frameTSRequest(this.#octets, this.#maxRequest);
    if ('missing' in frame) return undefined;
    const message = this.#octets.subarray(0, frame.whole);
    this.#octets = this.#octets.subarray(frame.whole);
    return message;
  }

  /** What comes behind the last TSRequest in its record belongs to nobody. */
  assertEmpty(): void {
    if (this.#octets.length > 0)
      throw new SspiError('MALFORMED_TOKEN', { stage: 'TSRequest', detail: 'octets behind the end of the exchange' });
  }
}
