/**
 * The context of a negotiation: what can be asked of it while the mechanism inside is already through and SPNEGO is not.
 * @module
 */
import {
  type AttributeName,
  type ContextOptions,
  type Credential,
  contextOf,
  type Exchange,
  type ExchangeEvent,
  type Scope,
  SEC_E,
  SECPKG_NEGOTIATION,
  type SecurityContext,
  type Step,
} from '../sspi/index.ts';
import { describeSpnego } from './describe.ts';
import { NEGOTIATE_INFO } from './info.ts';
import type { InnerMechanism } from './inner.ts';
import type { Note } from './mechanism.ts';
import { oidName } from './oids.ts';

/**
 * A negotiation under way, and the context that came of it.
 *
 * The mechanism is mostly through one message before SPNEGO: an NTLM client has the session key when it sends AUTHENTICATE,
 * and then still waits for accept-completed with the server's mechListMIC. CredSSP sends its sealed pubKeyAuth in that very
 * message, before the answer. Hence {@link inner}:
 *
 * | `state` | `inner` | `inner.state` | what may be used |
 * |---|---|---|---|
 * | negotiating | undefined | - | nothing: the peer has not chosen a mechanism yet |
 * | negotiating | there | negotiating | nothing |
 * | negotiating | there | established | `inner.messages` to seal; nothing that the peer sent may be believed before `state` says so |
 * | established | there | established | `messages`, which is `inner.messages` |
 *
 * Whenever `step` returns and `inner.state` is `established`, our mechListMIC, if there is to be one, has been made, has taken
 * its sequence number and is in the token: what is sealed then comes after it in every sense. Messages of the peer that came
 * together with its last token are to be opened after the step that took this token, which checks the peer's mechListMIC.
 */
export interface NegotiateContext extends SecurityContext {
  /** The mechanism's context, once it is settled which mechanism it is. Belongs to this context; do not step or dispose it. */
  readonly inner: SecurityContext | undefined;
  /** Whether a token of the peer is still to come. */
  readonly expectsToken: boolean;
}

/** Asked of the mechanism as they are. */
const FORWARDED = [
  'SIZES',
  'NAMES',
  'LIFESPAN',
  'KEY_INFO',
  'SESSION_KEY',
  'NATIVE_NAMES',
  'ACCESS_TOKEN',
  'CLIENT_SPECIFIED_TARGET',
  'PASSWORD_EXPIRY',
] as const satisfies readonly AttributeName[];

const ATTRIBUTES: readonly AttributeName[] = [
  ...FORWARDED,
  'PACKAGE_INFO',
  'FLAGS',
  'NEGOTIATION_INFO',
  'NEGOTIATION_PACKAGE',
  'NEGO_STATUS',
];

/** The mechanism's context. */
type Inside = Pick<InnerMechanism, 'context'>;

/** What an exchange makes known about itself while it runs. */
export class Negotiation {
  readonly #scope: Scope;
  readonly #notes: Note[];
  readonly #settle: (inner: Inside) => void;
  #offered: readonly string[] = [];

  constructor(scope: Scope, notes: readonly Note[], settle: (inner: Inside) => void) {
    this.#scope = scope;
    this.#notes = [...notes];
    this.#settle = settle;
    scope.publish('NEGO_STATUS', () => ({
      lastStatus: this.#notes.findLast(({ status }) => status !== SEC_E.OK)?.status ?? SEC_E.OK,
      reason: this.#notes.map(({ reason }) => reason).join('; '),
      offered: this.#offered,
    }));
  }

  /** Keeps for NEGO_STATUS what the client offers. */
  offer(oids: readonly string[]): void {
    this.#offered = [...new Set(oids.map(oidName))];
  }

  /** Keeps for NEGO_STATUS why a mechanism is not used. */
  note(note: Note): void {
    this.#notes.push(note);
  }

  /** An initiator's guess: the mechanism whose first token goes along with the offer. */
  hope(inner: Inside): void {
    this.#publishState(inner, SECPKG_NEGOTIATION.OPTIMISTIC);
  }

  /** The mechanism is settled, by the acceptor's choice or because the initiator speaks it without SPNEGO. */
  settle(inner: Inside, how: 'negotiated' | 'direct'): void {
    this.#settle(inner);
    this.#scope.publish('NEGOTIATION_PACKAGE', () => inner.context.info);
    this.#publishState(inner, how === 'direct' ? SECPKG_NEGOTIATION.DIRECT : SECPKG_NEGOTIATION.IN_PROGRESS);
  }

  /** The last word is spoken: from here on the context tells what the mechanism knows. */
  complete(inner: Inside, how: 'negotiated' | 'direct'): void {
    const { context } = inner;
    const forward = <N extends AttributeName>(name: N): void => this.#scope.publish(name, () => context.query(name));
    for (const name of FORWARDED) forward(name);
    if (how === 'negotiated') this.#publishState(inner, SECPKG_NEGOTIATION.COMPLETE);
  }

  trace(direction: ExchangeEvent['direction'], token: Uint8Array): void {
    this.#scope.trace(() => ({
      protocol: 'SPNEGO',
      direction,
      message: describeSpnego(token),
      size: token.length,
    }));
  }

  #publishState({ context }: Inside, state: number): void {
    this.#scope.publish('NEGOTIATION_INFO', () => ({ packageInfo: context.info, state }));
  }
}

/** What {@link negotiateContext} has to know. */
export interface NegotiateContextOptions {
  readonly role: 'initiator' | 'acceptor';
  readonly options: ContextOptions;
  /** Which mechanisms are left out already, and why. */
  readonly notes: readonly Note[];
  /** What `flags` says before the exchange is over. */
  readonly intermediateFlags?: number | undefined;
  start(scope: Scope, negotiation: Negotiation, first: Uint8Array): Exchange;
  readonly onEnd: () => void;
}

/** More legs than any mechanism takes; Kerberos with a corrected clock needs five. */
const MAX_LEGS = 12;

/** Makes a context of one role's exchange. */
export function negotiateContext(settings: NegotiateContextOptions): NegotiateContext {
  const { role, options, notes, intermediateFlags, onEnd } = settings;
  let inner: Inside | undefined;
  const context = contextOf({
    info: NEGOTIATE_INFO,
    role,
    start: (scope, first) =>
      settings.start(
        scope,
        new Negotiation(scope, notes, (settled) => {
          inner = settled;
        }),
        first,
      ),
    intermediateFlags,
    host: options.host,
    limits: {
      ...options.limits,
      maxToken: options.limits?.maxToken ?? NEGOTIATE_INFO.maxToken,
      maxLegs: options.limits?.maxLegs ?? MAX_LEGS,
    },
    observe: options.observe,
    attributes: ATTRIBUTES,
    onEnd,
  });
  return new NegotiationContext(context, () => inner?.context);
}

/** What {@link negotiateContext} makes. */
export class NegotiationContext implements NegotiateContext {
  readonly #context: SecurityContext;
  readonly #inner: () => SecurityContext | undefined;
  #spoken: boolean;

  constructor(context: SecurityContext, inner: () => SecurityContext | undefined) {
    this.#context = context;
    this.#inner = inner;
    this.#spoken = context.role === 'acceptor';
  }

  get inner(): SecurityContext | undefined {
    return this.#inner();
  }

  get expectsToken(): boolean {
    return this.#spoken && this.#context.state === 'negotiating';
  }

  get info(): SecurityContext['info'] {
    return this.#context.info;
  }

  get role(): SecurityContext['role'] {
    return this.#context.role;
  }

  get state(): SecurityContext['state'] {
    return this.#context.state;
  }

  get messages(): SecurityContext['messages'] {
    return this.#context.messages;
  }

  step(input?: Uint8Array, credential?: Credential): Promise<Step> {
    this.#spoken = true;
    return this.#context.step(input, credential);
  }

  query: SecurityContext['query'] = (attribute) => this.#context.query(attribute);

  dispose(): void {
    this.#context.dispose();
  }
}
