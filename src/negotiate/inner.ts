/**
 * A mechanism at work inside SPNEGO, and the MICs that it makes over the list of mechanisms: RFC 4178 5, [MS-SPNG] 3.2.5.1
 * and 3.3.5.1.
 * @module
 */
import { type Established, NEVER, type SecurityContext, SspiError, type TokenProtection } from '../sspi/index.ts';
import type { Candidate, Mechanism } from './mechanism.ts';

/** One context of one mechanism, with what SPNEGO has to remember of it. */
export class InnerMechanism {
  readonly candidate: Candidate;
  readonly context: SecurityContext;
  /** The peer's MIC was there and right. */
  micChecked = false;
  /** Our MIC is made; it can be made only once. */
  micMade = false;
  #demandsMic = false;
  #flags = 0;
  #expiry = NEVER;

  constructor(candidate: Candidate, context: SecurityContext) {
    this.candidate = candidate;
    this.context = context;
  }

  get mechanism(): Mechanism {
    return this.candidate.mechanism;
  }

  get established(): boolean {
    return this.context.state === 'established';
  }

  /**
   * Whether the mechanism makes the MICs mandatory ([MS-SPNG] note 8). Only one that is through can tell, and one without
   * integrity cannot make what it demands.
   */
  get demandsMic(): boolean {
    return this.#demandsMic && this.#protection().integrity;
  }

  /**
   * Takes a token of the peer's mechanism.
   * @returns the answer; empty when there is none
   */
  async step(input: Uint8Array): Promise<Uint8Array> {
    const step = await this.context.step(input);
    if (!('token' in step))
      throw new SspiError('MALFORMED_TOKEN', {
        stage: this.mechanism.name,
        detail: 'the token of the mechanism is cut short',
      });
    this.#flags = step.flags;
    this.#expiry = step.expiry;
    const ofInitiator = this.context.role === 'initiator' ? step.token : input;
    this.#demandsMic ||= ofInitiator.length > 0 && this.mechanism.demandsMic?.(ofInitiator) === true;
    return step.token;
  }

  /** @throws SspiError MECH_LIST_MIC_MISSING when the mechanism cannot make one: then nothing protects the choice */
  makeMic(mechTypeList: Uint8Array): Uint8Array {
    const protection = this.#protection();
    if (!protection.integrity)
      throw new SspiError('MECH_LIST_MIC_MISSING', {
        stage: 'SPNEGO mechListMIC',
        detail: `${this.mechanism.name} came without integrity, so it cannot protect the choice`,
      });
    const mic = protection.sign(mechTypeList);
    protection.restart('sent');
    this.micMade = true;
    return mic;
  }

  /** @throws SspiError MECH_LIST_MIC_INVALID */
  checkMic(mechTypeList: Uint8Array, mic: Uint8Array): void {
    const protection = this.#protection();
    try {
      protection.verify(mechTypeList, mic);
    } catch (cause) {
      throw new SspiError('MECH_LIST_MIC_INVALID', { stage: 'SPNEGO mechListMIC', cause });
    }
    protection.restart('received');
    this.micChecked = true;
  }

  /** What the negotiation ends with. */
  finish(token?: Uint8Array): Established {
    return { token, flags: this.#flags, expiry: this.#expiry, messages: this.#protection() };
  }

  dispose(): void {
    this.context.dispose();
  }

  #protection(): TokenProtection {
    const { messages } = this.context;
    if (messages.kind === 'token') return messages;
    throw new SspiError('INTERNAL_ERROR', { stage: 'SPNEGO', detail: `${this.mechanism.name} is not a GSS mechanism` });
  }
}
