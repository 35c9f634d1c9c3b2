/**
 * The mechanism inside CredSSP: SPNEGO, or NTLM without a wrapper. It authenticates, and then seals the proof of the TLS key
 * and the credentials (contract §3.6).
 * @module
 */
import { asSspiError, type SecurityContext, SspiError, type TokenProtection } from '../sspi/index.ts';

/** A security context that may have another one inside, as Negotiate has the chosen mechanism. */
export type MechanismContext = SecurityContext & { readonly inner?: SecurityContext | undefined };

const EMPTY = new Uint8Array(0);

/** The mechanism of one exchange, as far as CredSSP has to do with it. */
export class InnerMechanism {
  readonly context: MechanismContext;

  constructor(context: MechanismContext) {
    this.context = context;
  }

  /** Whether authentication is over, a mechListMIC that belongs to it included: nothing may be believed before (fault Z4). */
  get complete(): boolean {
    return this.context.state === 'established';
  }

  /** Whether messages can be sealed: with SPNEGO that is one leg before its last answer has come. */
  get canSeal(): boolean {
    return this.complete || this.context.inner?.state === 'established';
  }

  /**
   * Takes the peer's tokens in turn and gives the last answer.
   * @returns empty when there is nothing to say
   */
  async step(negoTokens: readonly { readonly negoToken: Uint8Array }[] = [{ negoToken: EMPTY }]): Promise<Uint8Array> {
    let answer: Uint8Array = EMPTY;
    for (const { negoToken } of negoTokens) answer = await this.#answerTo(negoToken);
    return answer;
  }

  async #answerTo(negoToken: Uint8Array): Promise<Uint8Array> {
    try {
      const step = await this.context.step(negoToken);
      if ('token' in step) return step.token;
    } catch (error) {
      // What the mechanism would tell its peer by itself has no place in CredSSP: errorCode is for that.
      throw asSspiError(error).withToken(undefined);
    }
    throw new SspiError('MALFORMED_TOKEN', { stage: 'negoTokens', detail: 'a token is cut short' });
  }

  seal(message: Uint8Array): Uint8Array {
    return this.#protection().wrap(message);
  }

  /** @throws SspiError MESSAGE_ALTERED, MESSAGE_OUT_OF_ORDER, MALFORMED_TOKEN */
  unseal(token: Uint8Array): Uint8Array {
    return this.#protection().unwrap(token);
  }

  /** Without encryption the proof and the password would be there for all to read (contract X26). */
  assertProtected(): void {
    const { confidentiality, integrity } = this.#protection();
    if (!confidentiality || !integrity) throw new SspiError('INNER_PROTECTION_MISSING', { stage: 'CredSSP' });
  }

  #protection(): TokenProtection {
    const context = this.complete ? this.context : (this.context.inner ?? this.context);
    const { messages } = context;
    if (messages.kind !== 'token')
      throw new SspiError('INTERNAL_ERROR', { stage: 'CredSSP', detail: 'not a GSS mechanism' });
    return messages;
  }
}
