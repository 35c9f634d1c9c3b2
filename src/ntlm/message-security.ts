/**
 * Message protection of an NTLM context, [MS-NLMP] 3.4: what GSS_WrapEx and GSS_GetMICEx do.
 * @module
 */
import { type Sizes, SspiError, type TokenProtection } from '../sspi/index.ts';
import { hasAny, NEGOTIATE } from './flags.ts';
import { NTLM_INFO } from './info.ts';
import { type Side, sealKey, signKey } from './keys.ts';
import {
  type DirectionSecurity,
  type DirectionState,
  ExtendedSessionSecurity,
  LegacySessionSecurity,
  SIGNATURE_LENGTH,
  type Verdict,
} from './session-security.ts';

const STAGE = 'NTLM message';
const SIZES: Sizes = { maxToken: NTLM_INFO.maxToken, maxSignature: 16, blockSize: 0, securityTrailer: 16 };

/** What message security is made of. */
export interface MessageSecurityOptions {
  /** The NegotiateFlags agreed upon. */
  readonly flags: number;
  /** 16 octets; a copy is kept until the keys are wanted. */
  readonly exportedSessionKey: Uint8Array;
  /** Which side we are. */
  readonly side: Side;
  /** Where a context stood that is imported. */
  readonly resume?: Progress | undefined;
}

/** Where both directions stand; absent: no message was protected yet. */
export interface Progress {
  readonly sent: DirectionState | undefined;
  readonly received: DirectionState | undefined;
}

/**
 * The signature that [MS-NLMP] 3.4.4.3 gives to messages of a context with ALWAYS_SIGN alone: it proves nothing. Known here to
 * be recognised; {@link NtlmMessageSecurity} neither makes nor accepts it, for a check that cannot fail is none (fault Z11).
 */
export function signatureWithoutIntegrity(): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_LENGTH);
  signature[0] = 1;
  return signature;
}

/**
 * Seals, opens, signs and checks. Keys are made when the first message needs them: many contexts only ever authenticate.
 *
 * A message that fails ends its direction: what comes after it cannot be trusted to be where it seems to be.
 */
export class NtlmMessageSecurity implements TokenProtection {
  readonly kind = 'token';
  readonly sizes = SIZES;
  readonly confidentiality: boolean;
  readonly integrity: boolean;
  readonly #flags: number;
  readonly #sessionKey: Uint8Array;
  readonly #side: Side;
  #sending: DirectionSecurity | undefined;
  #receiving: DirectionSecurity | undefined;
  #broken: SspiError | undefined;
  #disposed = false;

  constructor({ flags, exportedSessionKey, side, resume }: MessageSecurityOptions) {
    this.#flags = flags;
    this.#sessionKey = new Uint8Array(exportedSessionKey); // a copy, which the slice of a Buffer is not
    this.#side = side;
    this.confidentiality = hasAny(flags, NEGOTIATE.SEAL);
    this.integrity = hasAny(flags, NEGOTIATE.SIGN | NEGOTIATE.SEAL);
    if (resume?.sent !== undefined) this.#sending = this.#extended(side).resume(resume.sent);
    if (resume?.received !== undefined) this.#receiving = this.#extended(otherSide(side)).resume(resume.received);
  }

  /**
   * What another one can be made of that goes on from here. It holds keys: whoever asks wipes them.
   * @throws SspiError what broke the stream of messages before; UNSUPPORTED_FUNCTION without extended session security
   */
  save(): Required<MessageSecurityOptions> & { readonly resume: Progress } {
    this.#assertAlive();
    if (this.#broken !== undefined) throw this.#broken;
    const resume = { sent: saved(this.#sending), received: saved(this.#receiving) };
    return { flags: this.#flags, exportedSessionKey: new Uint8Array(this.#sessionKey), side: this.#side, resume };
  }

  wrap(message: Uint8Array): Uint8Array {
    this.#assertConfidentiality();
    const token = new Uint8Array(SIGNATURE_LENGTH + message.length);
    const data = token.subarray(SIGNATURE_LENGTH);
    data.set(message);
    this.#sender().seal(data, token);
    return token;
  }

  unwrap(token: Uint8Array): Uint8Array {
    const data = new Uint8Array(token.subarray(SIGNATURE_LENGTH)); // the token itself stays as it is, a Buffer too
    this.unseal(token.subarray(0, SIGNATURE_LENGTH), data);
    return data;
  }

  seal(data: Uint8Array): Uint8Array {
    this.#assertConfidentiality();
    const signature = new Uint8Array(SIGNATURE_LENGTH);
    this.#sender().seal(data, signature);
    return signature;
  }

  unseal(header: Uint8Array, data: Uint8Array): void {
    this.#assertConfidentiality();
    try {
      this.#judge(header, (receiver) => receiver.unseal(data, header));
    } catch (error) {
      data.fill(0); // what did not verify is nobody's to read
      throw error;
    }
  }

  sign(message: Uint8Array): Uint8Array {
    this.#assertIntegrity();
    const signature = new Uint8Array(SIGNATURE_LENGTH);
    this.#sender().sign(message, signature);
    return signature;
  }

  verify(message: Uint8Array, signature: Uint8Array): void {
    this.#assertIntegrity();
    this.#judge(signature, (receiver) => receiver.verify(message, signature));
  }

  restart(direction: 'sent' | 'received'): void {
    const security = direction === 'sent' ? this.#sending : this.#receiving;
    security?.restart(); // what was never used is at its start already
  }

  /** Zeroises all keys. Nothing works afterwards. */
  dispose(): void {
    this.#disposed = true;
    this.#sessionKey.fill(0);
    this.#sending?.dispose();
    this.#receiving?.dispose();
  }

  #judge(signature: Uint8Array, check: (receiver: DirectionSecurity) => Verdict): void {
    const receiver = this.#receiver();
    if (this.#broken !== undefined) throw this.#broken;
    if (signature.length !== SIGNATURE_LENGTH)
      throw this.#break('MALFORMED_TOKEN', `a signature of ${signature.length} octets`);
    const verdict = check(receiver);
    if (verdict === 'altered') throw this.#break('MESSAGE_ALTERED');
    if (verdict === 'out-of-order') throw this.#break('MESSAGE_OUT_OF_ORDER');
  }

  #break(code: 'MALFORMED_TOKEN' | 'MESSAGE_ALTERED' | 'MESSAGE_OUT_OF_ORDER', detail?: string): SspiError {
    this.#broken = new SspiError(code, { stage: STAGE, detail });
    return this.#broken;
  }

  #sender(): DirectionSecurity {
    this.#assertAlive();
    this.#sending ??= this.#direction(this.#side);
    return this.#sending;
  }

  #receiver(): DirectionSecurity {
    this.#assertAlive();
    this.#receiving ??= this.#direction(otherSide(this.#side));
    return this.#receiving;
  }

  #direction(side: Side): DirectionSecurity {
    if (hasAny(this.#flags, NEGOTIATE.EXTENDED_SESSIONSECURITY)) return this.#extended(side);
    const sealing = sealKey(this.#flags, this.#sessionKey, side);
    return this.#sending ?? this.#receiving ?? new LegacySessionSecurity(sealing);
  }

  #extended(side: Side): ExtendedSessionSecurity {
    const signing = signKey(this.#flags, this.#sessionKey, side);
    const sealing = sealKey(this.#flags, this.#sessionKey, side);
    return new ExtendedSessionSecurity(signing, sealing, hasAny(this.#flags, NEGOTIATE.KEY_EXCH));
  }

  #assertAlive(): void {
    if (this.#disposed) throw new SspiError('INVALID_HANDLE', { stage: STAGE });
  }

  #assertConfidentiality(): void {
    if (!this.confidentiality)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: STAGE, detail: 'confidentiality was not negotiated' });
  }

  #assertIntegrity(): void {
    if (!this.integrity)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: STAGE, detail: 'integrity was not negotiated' });
  }
}

function otherSide(side: Side): Side {
  return side === 'client' ? 'server' : 'client';
}

function saved(direction: DirectionSecurity | undefined): DirectionState | undefined {
  if (direction === undefined || direction instanceof ExtendedSessionSecurity) return direction?.save();
  throw new SspiError('UNSUPPORTED_FUNCTION', { stage: STAGE, detail: 'only extended session security can move' });
}
