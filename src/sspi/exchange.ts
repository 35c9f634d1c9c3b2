/**
 * One driver for every exchange. Each role of each mechanism is an async generator that reads like its chapter of the
 * specification; the driver makes a {@link SecurityContext} of it and owns what is common to all: framing, limits, deadline,
 * poisoning, zeroising, attributes.
 * @module
 */
import { OctetsError } from '../crypto/index.ts';
import { DerError } from '../der/index.ts';
import { type Host, systemHost } from '../host/index.ts';
import type { AttributeName, AttributeValues } from './attributes.ts';
import { SspiError } from './errors.ts';
import type { ContextLimits, Credential, ExchangeEvent, MessageProtection, SecurityContext, Step } from './package.ts';
import type { PackageInfo } from './package-info.ts';
import { SEC_E, SEC_I } from './status.ts';
import { NEVER } from './timestamps.ts';

/** What an exchange hands out between two inputs. */
export type Leg =
  | {
      /** For the peer; may be empty. */
      readonly token: Uint8Array;
      /** How many octets at the end of the last input were not used. */
      readonly extra?: number | undefined;
    }
  /** A client certificate is wanted; the same input is to come again, perhaps with another credential in the scope. */
  | { readonly wanted: 'credential' };

/** What an exchange ends with. */
export interface Established {
  /** The last token for the peer; absent or empty when there is none. */
  readonly token?: Uint8Array | undefined;
  readonly extra?: number | undefined;
  /** Bits of `ISC_RET` or `ASC_RET`. */
  readonly flags: number;
  /** FILETIME ticks, UTC; absent when it never expires. */
  readonly expiry?: bigint | undefined;
  /** Absent when the exchange protects no messages of its own, as bare TSRequests under somebody else's TLS. */
  readonly messages?: MessageProtection | undefined;
}

/** A conversation: yields what goes to the peer, receives what came back, returns what was established. */
export type Exchange = AsyncGenerator<Leg, Established, Uint8Array>;

/** What an exchange may use of its context. */
export interface Scope {
  readonly host: Host;
  /** The credential that came with the newest input, if one came. */
  readonly credential: Credential | undefined;
  /** Makes an attribute known. The value is computed when somebody asks. */
  publish<N extends AttributeName>(name: N, value: () => AttributeValues[N]): void;
  /** Ties something to the life of the context: it is disposed when the context fails or is disposed. */
  own<T extends { dispose(): void }>(thing: T): T;
  /** Tells the observer, if there is one, of a message. Describing it may take it apart, so that is done only then. */
  trace(event: () => ExchangeEvent): void;
}

/** How much of an input is made of whole units of the protocol. */
export type Frame = { readonly whole: number } | { readonly missing: number };

/** What the driver has to know. */
export interface ExchangeOptions {
  readonly info: PackageInfo;
  readonly role: 'initiator' | 'acceptor';
  /** Starts the conversation. `first` is the peer's first message: always there for an acceptor, mostly empty for an initiator. */
  start(scope: Scope, first: Uint8Array): Exchange;
  /**
   * Starts another conversation on a context that is established, which ends with the context established anew: re-authentication
   * (contract R72). A client begins it with a step without input, a server with what the client sent then.
   */
  readonly again?: ((scope: Scope, first: Uint8Array) => Exchange) | undefined;
  /** Finds whole units in an input. Without it every input is one whole message. @throws SspiError */
  readonly frame?: ((input: Uint8Array) => Frame) | undefined;
  /** What `flags` says before the exchange is over (contract R44). */
  readonly intermediateFlags?: number | undefined;
  readonly host?: Host | undefined;
  readonly limits?: ContextLimits | undefined;
  readonly observe?: ((event: ExchangeEvent) => void) | undefined;
  /** Which attributes this package never has are told from those that are only not known yet by this list. */
  readonly attributes: readonly AttributeName[];
  /** Called once when the context has failed or was disposed. */
  readonly onEnd?: (() => void) | undefined;
}

const EMPTY = new Uint8Array(0);
const DEFAULT_MAX_TOKEN = 65_536;
const DEFAULT_MAX_LEGS = 64;

/** Makes a security context of an exchange. */
export function contextOf(options: ExchangeOptions): SecurityContext {
  return new ExchangeContext(options);
}

class ExchangeContext implements SecurityContext, Scope {
  readonly info: PackageInfo;
  readonly role: 'initiator' | 'acceptor';
  readonly host: Host;
  credential: Credential | undefined;

  readonly #options: ExchangeOptions;
  readonly #attributes = new Map<AttributeName, () => unknown>();
  readonly #owned: { dispose(): void }[] = [];
  #exchange: Exchange | undefined;
  #established: Established | undefined;
  /** The context was established once, and is being so again. */
  #renewing = false;
  #failure: SspiError | undefined;
  #disposed = false;
  #ended = false;
  #busy = false;
  #legs = 0;
  #startedAt: number | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.info = options.info;
    this.role = options.role;
    this.host = options.host ?? systemHost;
    this.publish('PACKAGE_INFO', () => this.info);
  }

  get state(): SecurityContext['state'] {
    if (this.#disposed) return 'disposed';
    if (this.#failure !== undefined) return 'failed';
    return this.#established === undefined ? 'negotiating' : 'established';
  }

  get reauthenticates(): boolean {
    return this.#options.again !== undefined;
  }

  async step(input: Uint8Array = EMPTY, credential?: Credential): Promise<Step> {
    this.#assertReady(input);
    this.#busy = true;
    try {
      if (this.#established === undefined) this.#checkDeadline();
      const frame = this.#frame(input);
      if ('missing' in frame) return { status: SEC_E.INCOMPLETE_MESSAGE, missing: frame.missing, consumed: 0 };
      const { whole } = frame;
      const { done, value } = await this.#advance(input, whole, credential);
      if (this.#disposed) throw deletedMeanwhile();
      return done === true ? this.#establish(value, whole) : this.#report(value, whole);
    } catch (error) {
      throw this.#poison(error);
    } finally {
      this.#busy = false;
    }
  }

  #frame(input: Uint8Array): Frame {
    const { frame } = this.#options;
    return frame === undefined || input.length === 0 ? { whole: input.length } : frame(input);
  }

  #advance(
    input: Uint8Array,
    whole: number,
    credential: Credential | undefined,
  ): Promise<IteratorResult<Leg, Established>> {
    if (this.#established !== undefined) this.#beginAgain();
    this.#count(whole);
    this.credential = credential;

    const token = plainView(input, whole);
    if (this.#exchange !== undefined) return this.#exchange.next(token);
    const { start, again } = this.#options;
    this.#exchange = (this.#renewing && again !== undefined ? again : start)(this, token);
    return this.#exchange.next(EMPTY); // the first value sent into a generator is lost: hence `first`
  }

  /** Limits and deadline hold for each authentication by itself. */
  #beginAgain(): void {
    this.#renewing = true;
    this.#established = undefined;
    this.#exchange = undefined;
    this.#legs = 0;
    this.#startedAt = undefined;
    this.#checkDeadline();
  }

  #report(leg: Leg, whole: number): Step {
    const flags = this.#options.intermediateFlags ?? 0;
    if ('wanted' in leg) return { status: SEC_I.INCOMPLETE_CREDENTIALS, consumed: 0, flags, expiry: NEVER };
    return {
      status: SEC_I.CONTINUE_NEEDED,
      token: leg.token,
      consumed: whole - (leg.extra ?? 0),
      flags,
      expiry: NEVER,
    };
  }

  #establish(established: Established, whole: number): Step {
    this.#established = established;
    this.#exchange = undefined; // with all that it remembers of the conversation
    this.#renewing = false;
    this.publish('FLAGS', () => ({ flags: established.flags }));
    return {
      status: SEC_E.OK,
      token: established.token ?? EMPTY,
      consumed: whole - (established.extra ?? 0),
      flags: established.flags,
      expiry: established.expiry ?? NEVER,
    };
  }

  #assertReady(input: Uint8Array): void {
    if (this.#disposed) throw new SspiError('INVALID_HANDLE', { stage: 'step' });
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#busy) throw new SspiError('CONTEXT_BUSY', { stage: 'step' });
    if (this.#established !== undefined && !this.#mayBeginAgain(input))
      throw new SspiError('CONTEXT_FINISHED', { stage: 'step' });
  }

  #mayBeginAgain(input: Uint8Array): boolean {
    return this.#options.again !== undefined && (this.role === 'initiator') === (input.length === 0);
  }

  #checkDeadline(): void {
    const now = this.host.clock.now();
    this.#startedAt ??= now;
    const { deadline } = this.#options.limits ?? {};
    if (deadline !== undefined && now - this.#startedAt > deadline)
      throw new SspiError('DEADLINE_EXCEEDED', { stage: 'step', detail: `more than ${deadline} ms` });
  }

  #count(length: number): void {
    const { maxToken = DEFAULT_MAX_TOKEN, maxLegs = DEFAULT_MAX_LEGS } = this.#options.limits ?? {};
    if (this.#options.frame === undefined && length > maxToken)
      throw new SspiError('TOKEN_TOO_LARGE', { stage: 'step', detail: `${length} octets, the limit is ${maxToken}` });
    if (++this.#legs > maxLegs)
      throw new SspiError('TOO_MANY_LEGS', { stage: 'step', detail: `the limit is ${maxLegs}` });
  }

  /** A context that failed stays failed: it keeps the error, without the token that went out with it once. */
  #poison(error: unknown): SspiError {
    // After a deletion an exchange finds what it owned wiped; whatever it makes of that, this is the reason.
    const failure = this.#disposed ? deletedMeanwhile(error) : asSspiError(error);
    if (!this.#disposed) {
      const { stage, detail, status, ntStatus, cause } = failure;
      this.#failure = new SspiError(failure.code, { stage, detail, status, ntStatus, cause });
    }
    this.#end();
    return failure;
  }

  get messages(): MessageProtection {
    this.#assertAlive('message protection');
    if (this.#renewing)
      throw new SspiError('CONTEXT_EXPIRED', { stage: 'message protection', detail: 're-authentication is under way' });
    if (this.#established === undefined)
      throw new SspiError('CONTEXT_NOT_ESTABLISHED', { stage: 'message protection' });
    if (this.#established.messages === undefined)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'message protection' });
    return this.#established.messages;
  }

  query<N extends AttributeName>(attribute: N): AttributeValues[N] {
    this.#assertAlive(`attribute ${attribute}`);
    const value = this.#attributes.get(attribute);
    // `publish` is the only writer, and ties the type of the value to the name.
    if (value !== undefined) return value() as AttributeValues[N];
    const known = this.#established === undefined && this.#options.attributes.includes(attribute);
    throw new SspiError(known ? 'CONTEXT_NOT_ESTABLISHED' : 'UNSUPPORTED_FUNCTION', {
      stage: `attribute ${attribute}`,
    });
  }

  #assertAlive(stage: string): void {
    if (this.#disposed) throw new SspiError('INVALID_HANDLE', { stage });
    if (this.#failure !== undefined) throw new SspiError('INVALID_HANDLE', { stage, cause: this.#failure });
  }

  publish<N extends AttributeName>(name: N, value: () => AttributeValues[N]): void {
    this.#attributes.set(name, value);
  }

  own<T extends { dispose(): void }>(thing: T): T {
    // A context may be deleted while its exchange awaits something, and goes on a little further.
    if (this.#ended) thing.dispose();
    else this.#owned.push(thing);
    return thing;
  }

  trace(event: () => ExchangeEvent): void {
    this.#options.observe?.(event());
  }

  dispose(): void {
    this.#disposed = true;
    this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const thing of this.#owned.splice(0).reverse()) thing.dispose();
    this.#options.onEnd?.();
  }
}

/** A view, and never a Buffer: the `slice` of a Buffer does not copy, and exchanges rely on it that it does. */
function plainView(input: Uint8Array, whole: number): Uint8Array {
  if (whole === input.length && input.constructor === Uint8Array) return input;
  return new Uint8Array(input.buffer, input.byteOffset, whole);
}

function deletedMeanwhile(cause?: unknown): SspiError {
  return new SspiError('INVALID_HANDLE', { stage: 'step', detail: 'the context was deleted meanwhile', cause });
}

/** Whatever was thrown, as the one error type of this library. */
export function asSspiError(error: unknown): SspiError {
  if (error instanceof SspiError) return error;
  if (error instanceof DerError)
    return new SspiError('MALFORMED_TOKEN', { stage: 'DER', detail: error.message, cause: error });
  if (error instanceof OctetsError)
    return new SspiError('MALFORMED_TOKEN', { stage: 'step', detail: error.message, cause: error });
  return new SspiError('INTERNAL_ERROR', { stage: 'step', cause: error });
}
