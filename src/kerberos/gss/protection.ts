/**
 * What protects the messages of a Kerberos context, whichever of the two forms its key needs.
 * @module
 */
import type { Random } from '../../host/index.ts';
import { SspiError, type TokenProtection } from '../../sspi/index.ts';
import type { KerberosKey } from '../encryption/index.ts';
import { type Received, type SequenceMode, SequenceWindow } from './sequence.ts';

/** What a protection is made of. */
export interface ProtectionOptions {
  /** The acceptor's subkey, else the initiator's, else the session key (contract K4). The protection disposes it. */
  readonly key: KerberosKey;
  readonly role: 'initiator' | 'acceptor';
  /** Whether `key` is the acceptor's subkey. */
  readonly acceptorSubkey: boolean;
  /** The number of our first message: the one that we announced. */
  readonly sendSequence: number;
  /** The number of the peer's first message: the one that it announced, or 0; or what was received elsewhere. */
  readonly receiveSequence: number | Received;
  readonly sequence: SequenceMode;
  readonly confidentiality: boolean;
  readonly integrity: boolean;
  /** Gives the confounders. */
  readonly random: Random;
  /** Messages in DCE style count their filler in. */
  readonly dceStyle?: boolean | undefined;
  /** What the sizes say of the package. Octets. */
  readonly maxToken: number;
}

/** {@link TokenProtection} with what only Kerberos has. */
export interface KerberosProtection extends TokenProtection {
  /** GSS_Wrap without confidentiality: what SASL and LDAP servers that only want signatures take. */
  wrapSigned(message: Uint8Array): Uint8Array;
  /**
   * GSS_Unwrap: a token that may be encrypted or not, whatever the context would do itself.
   * @throws as `unwrap`
   */
  unwrapAny(token: Uint8Array): { readonly message: Uint8Array; readonly sealed: boolean };
  /** Zeroises the keys. */
  dispose(): void;
}

/** Where a protection stands, for one that goes on elsewhere (contract L6). */
export type SavedProtection = Pick<
  ProtectionOptions,
  'key' | 'acceptorSubkey' | 'sendSequence' | 'sequence' | 'confidentiality' | 'integrity' | 'dceStyle'
> & { readonly receiveSequence: Received };

const STAGE = 'Kerberos message';

/** What became of a token. */
export interface Opened {
  /** The plaintext in an array of its own; a view of the token where that was not encrypted. */
  readonly message: Uint8Array;
  readonly sealed: boolean;
  readonly sequence: number;
}

/** Why a token could not be opened. */
export type Refusal = 'MALFORMED_TOKEN' | 'MESSAGE_ALTERED';

/**
 * The part that both forms share: numbers, refusals, what was negotiated. A form only makes and opens single tokens.
 *
 * Where messages have to come in order, one that fails ends the direction: what comes after it cannot be trusted to be where
 * it seems to be.
 */
export abstract class BaseProtection implements KerberosProtection {
  readonly kind = 'token';
  abstract readonly sizes: TokenProtection['sizes'];
  readonly confidentiality: boolean;
  readonly integrity: boolean;
  protected readonly key: KerberosKey;
  protected readonly byAcceptor: boolean;
  protected readonly random: Random;
  readonly #options: ProtectionOptions;
  readonly #window: SequenceWindow;
  readonly #strict: boolean;
  readonly #wraps: boolean;
  #sending: number;
  #broken: SspiError | undefined;
  #disposed = false;

  constructor(options: ProtectionOptions, sequenceBits: 32 | 64) {
    this.#options = options;
    this.key = options.key;
    this.byAcceptor = options.role === 'acceptor';
    this.confidentiality = options.confidentiality;
    this.integrity = options.integrity || options.confidentiality;
    this.random = options.random;
    this.#window = new SequenceWindow(options.receiveSequence, options.sequence, sequenceBits);
    this.#strict = options.sequence === 'strict';
    this.#wraps = sequenceBits === 32;
    this.#sending = options.sendSequence;
  }

  /** Makes a Wrap token: `data` may be encrypted in place. @returns all of the token but what became of `data` */
  protected abstract sealData(data: Uint8Array, sequence: number): Uint8Array;
  /** Makes a whole Wrap token. */
  protected abstract wrapMessage(message: Uint8Array, sequence: number, sealed: boolean): Uint8Array;
  /** Opens a Wrap token, which may come in two pieces. */
  protected abstract open(header: Uint8Array, data: Uint8Array, split: boolean): Opened | Refusal;
  protected abstract mic(message: Uint8Array, sequence: number): Uint8Array;
  /** @returns the sequence number */
  protected abstract checkMic(message: Uint8Array, token: Uint8Array): number | Refusal;

  wrap(message: Uint8Array): Uint8Array {
    this.#assertConfidentiality();
    return this.wrapMessage(message, this.#number(), true);
  }

  wrapSigned(message: Uint8Array): Uint8Array {
    this.#assertIntegrity();
    return this.wrapMessage(message, this.#number(), false);
  }

  unwrap(token: Uint8Array): Uint8Array {
    this.#assertConfidentiality();
    const { message, sealed } = this.unwrapAny(token);
    // Genuine, but readable for everybody: whoever asked for secrecy must not take it for secret.
    if (!sealed) throw this.#refuse('MESSAGE_ALTERED', 'the message is not encrypted');
    return message;
  }

  unwrapAny(token: Uint8Array): { readonly message: Uint8Array; readonly sealed: boolean } {
    this.#assertIntegrity();
    return this.#receive(token, EMPTY, false);
  }

  seal(data: Uint8Array): Uint8Array {
    this.#assertConfidentiality();
    return this.sealData(data, this.#number());
  }

  unseal(header: Uint8Array, data: Uint8Array): void {
    try {
      this.#assertConfidentiality();
      const { message, sealed } = this.#receive(header, data, true);
      if (!sealed) throw this.#refuse('MESSAGE_ALTERED', 'the message is not encrypted');
      if (message.length !== data.length) throw this.#refuse('MALFORMED_TOKEN', 'the header belongs to other data');
      data.set(message);
      message.fill(0);
    } catch (error) {
      data.fill(0); // what did not verify is nobody's to read
      throw error;
    }
  }

  sign(message: Uint8Array): Uint8Array {
    this.#assertIntegrity();
    return this.mic(message, this.#number());
  }

  verify(message: Uint8Array, signature: Uint8Array): void {
    this.#assertIntegrity();
    this.#assertUnbroken();
    const found = this.checkMic(message, signature);
    if (typeof found === 'string') throw this.#refuse(found);
    if (this.#window.admit(found) || (found === 0 && this.#window.admitUnnumbered())) return;
    throw this.#refuse('MESSAGE_OUT_OF_ORDER');
  }

  /** Nothing to do. */
  restart(_direction: 'sent' | 'received'): void {
    // the key stream of each message stands for itself
  }

  /**
   * Where it stands. The key is the one that it works with.
   * @throws SspiError when it is of no use any more
   */
  save(): SavedProtection {
    this.#assertAlive();
    this.#assertUnbroken();
    const { acceptorSubkey, sequence, dceStyle } = this.#options;
    const { key, confidentiality, integrity } = this;
    const [sendSequence, receiveSequence] = [this.#sending, this.#window.received];
    return { key, acceptorSubkey, sequence, dceStyle, confidentiality, integrity, sendSequence, receiveSequence };
  }

  dispose(): void {
    this.#disposed = true;
    this.key.dispose();
  }

  #receive(header: Uint8Array, data: Uint8Array, split: boolean): Opened {
    this.#assertUnbroken();
    const opened = this.open(header, data, split);
    if (typeof opened === 'string') throw this.#refuse(opened);
    if (this.#window.admit(opened.sequence)) return opened;
    if (opened.sealed) opened.message.fill(0);
    throw this.#refuse('MESSAGE_OUT_OF_ORDER');
  }

  #number(): number {
    const number = this.#sending;
    this.#sending = this.#wraps ? (number + 1) >>> 0 : number + 1;
    return number;
  }

  #refuse(code: Refusal | 'MESSAGE_OUT_OF_ORDER', detail?: string): SspiError {
    const error = new SspiError(code, { stage: STAGE, detail });
    if (this.#strict) this.#broken = error;
    return error;
  }

  #assertUnbroken(): void {
    if (this.#broken !== undefined) throw this.#broken;
  }

  #assertConfidentiality(): void {
    this.#assertAlive();
    if (!this.confidentiality)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: STAGE, detail: 'confidentiality was not negotiated' });
  }

  #assertIntegrity(): void {
    this.#assertAlive();
    if (!this.integrity)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: STAGE, detail: 'integrity was not negotiated' });
  }

  #assertAlive(): void {
    if (this.#disposed) throw new SspiError('INVALID_HANDLE', { stage: STAGE });
  }
}

const EMPTY = new Uint8Array(0);
