/**
 * A mechanism for tests that says what it is told to say and seals by writing a letter in front. With it every TSRequest of either side can
 * be written by hand, a proof that is sealed rightly and proves the wrong thing included.
 */
import { createHash } from 'node:crypto';
import { decodeTSRequest, encodeTSRequest, type TSRequest } from '../../src/credssp/index.ts';
import { NTLM_INFO } from '../../src/ntlm/info.ts';
import {
  type AttributeName,
  type AttributeValues,
  type MessageProtection,
  NEVER,
  SEC_E,
  SEC_I,
  type SecurityContext,
  SspiError,
  type Step,
} from '../../src/sspi/index.ts';

/** `SEALED ‖ message`. */
const SEALED = 0x57;

export const KEY = new TextEncoder().encode('a SubjectPublicKey');

/** [MS-CSSP] 3.1.5, by another hand. */
export function proofOf(direction: 'Client-To-Server' | 'Server-To-Client', nonce: Uint8Array, key = KEY): Uint8Array {
  const hash = createHash('sha256').update(`CredSSP ${direction} Binding Hash\0`).update(nonce).update(key);
  return new Uint8Array(hash.digest());
}

export function sealed(message: Uint8Array): Uint8Array {
  return Uint8Array.of(SEALED, ...message);
}

export function opened(token: Uint8Array | undefined): Uint8Array {
  if (token?.[0] !== SEALED) throw new SspiError('MESSAGE_ALTERED', { stage: 'scripted' });
  return token.slice(1);
}

export interface Script {
  /** What is answered to each step in turn; the last one establishes the context. */
  readonly says: readonly string[];
  readonly flags?: number;
  readonly name?: string;
  readonly confidentiality?: boolean;
  readonly integrity?: boolean;
  /** Who is inside, as Negotiate has somebody; takes the same steps, and may be through before the rest is. */
  readonly inner?: Scripted;
}

const text = new TextEncoder();

/** See the module. */
export class Scripted implements SecurityContext {
  readonly info;
  readonly role = 'initiator';
  readonly inner: Scripted | undefined;
  /** What the engine handed to it, and whether it cleaned up. */
  readonly heard: string[] = [];
  disposed = false;
  /** The very octets that were handed over to be sealed, and those that came out of a seal: whoever owns them has to wipe them. */
  readonly plaintexts: Uint8Array[] = [];
  readonly #script: Script;
  #steps = 0;

  constructor(script: Script) {
    this.#script = script;
    this.info = { ...NTLM_INFO, name: script.name ?? 'Scripted' };
    this.inner = script.inner;
  }

  get state(): SecurityContext['state'] {
    return this.#steps >= this.#script.says.length ? 'established' : 'negotiating';
  }

  async step(input: Uint8Array = new Uint8Array(0)): Promise<Step> {
    this.heard.push(new TextDecoder().decode(input));
    if (this.inner?.state === 'negotiating') await this.inner.step(input);
    const answer = this.#script.says[this.#steps++];
    if (answer === undefined)
      throw new SspiError('CONTEXT_FINISHED', { stage: 'scripted', token: text.encode('its own') });
    if (answer === 'cut') return { status: SEC_E.INCOMPLETE_MESSAGE, missing: 1, consumed: 0 };
    const status = this.state === 'established' ? SEC_E.OK : SEC_I.CONTINUE_NEEDED;
    return { status, token: text.encode(answer), consumed: input.length, flags: 0, expiry: NEVER };
  }

  query<N extends AttributeName>(attribute: N): AttributeValues[N] {
    const known: Partial<AttributeValues> = {
      FLAGS: { flags: this.#script.flags ?? 0 },
      NAMES: { userName: 'EXAMPLE\\alice' },
      NEGO_STATUS: { lastStatus: 7, reason: 'none', offered: [] },
      ACCESS_TOKEN: {
        domain: 'EXAMPLE',
        user: 'alice',
        name: 'EXAMPLE\\alice',
        mechanism: 'Scripted',
        identifyOnly: false,
        anonymous: false,
      },
    };
    const value = known[attribute];
    if (value === undefined) throw new SspiError('UNSUPPORTED_FUNCTION', { stage: attribute });
    return value;
  }

  get messages(): MessageProtection {
    const nothing = (): never => {
      throw new TypeError('CredSSP does not sign');
    };
    return {
      kind: 'token',
      sizes: { maxToken: 0, maxSignature: 0, blockSize: 0, securityTrailer: 1 },
      confidentiality: this.#script.confidentiality ?? true,
      integrity: this.#script.integrity ?? true,
      wrap: (message) => {
        this.plaintexts.push(message);
        return sealed(message);
      },
      unwrap: (token) => {
        const message = opened(token);
        this.plaintexts.push(message);
        return message;
      },
      seal: nothing,
      unseal: nothing,
      sign: nothing,
      verify: nothing,
      restart: nothing,
    };
  }

  dispose(): void {
    this.disposed = true;
  }
}

/** One step of an engine: what it says, as a TSRequest. Nothing when it has nothing to say. */
export async function ask(engine: SecurityContext, request?: TSRequest): Promise<TSRequest | undefined> {
  const step = await engine.step(request === undefined ? undefined : encodeTSRequest(request));
  if (!('token' in step)) throw new TypeError('a whole TSRequest was taken for a piece');
  return step.token.length === 0 ? undefined : decodeTSRequest(step.token);
}

/** A token of the mechanism as TSRequests hold it. */
export function tokens(...said: string[]): { readonly negoToken: Uint8Array }[] {
  return said.map((one) => ({ negoToken: text.encode(one) }));
}
