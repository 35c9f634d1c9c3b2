/**
 * Signatures and sealing of one direction, [MS-NLMP] 3.4.2 to 3.4.4, in the two forms that there are.
 *
 * Both write the 16-octet NTLMSSP_MESSAGE_SIGNATURE (2.2.2.9): version 1, what proves the message, sequence number.
 * @module
 */
import { crc32, equalInConstantTime, hmacMd5, Rc4 } from '../crypto/index.ts';

/** Octets. */
export const SIGNATURE_LENGTH = 16;

/** What became of a message that was to be checked. */
export type Verdict = 'genuine' | 'altered' | 'out-of-order';

/** Where a direction stands: its next sequence number, and its key stream as `Rc4.save` gives it. */
export interface DirectionState {
  readonly number: number;
  readonly stream: Uint8Array;
}

/** The keys and the place in the stream of messages, for one direction. */
export interface DirectionSecurity {
  /** Writes the signature of `message`. */
  sign(message: Uint8Array, signature: Uint8Array): void;
  /** Encrypts `data` in place and writes its signature. */
  seal(data: Uint8Array, signature: Uint8Array): void;
  verify(message: Uint8Array, signature: Uint8Array): Verdict;
  /** Decrypts `data` in place and checks it. */
  unseal(data: Uint8Array, signature: Uint8Array): Verdict;
  /** Starts the key stream anew; the sequence number goes on ([MS-SPNG] 3.3.5.1). */
  restart(): void;
  dispose(): void;
}

/** 3.4.4.2: HMAC-MD5 with a signing key; a key stream of its own for each direction. */
export class ExtendedSessionSecurity implements DirectionSecurity {
  readonly #signKey: Uint8Array;
  readonly #sealKey: Uint8Array;
  readonly #encryptChecksum: boolean;
  /** SeqNum, as it is written. */
  readonly #sequence = new Uint8Array(4);
  #stream: Rc4;

  /**
   * @param signKey - taken over, with its zeroising
   * @param sealKey - likewise
   * @param keyExchange - KEY_EXCH was negotiated: checksums are encrypted too
   */
  constructor(signKey: Uint8Array, sealKey: Uint8Array, keyExchange: boolean) {
    this.#signKey = signKey;
    this.#sealKey = sealKey;
    this.#encryptChecksum = keyExchange;
    this.#stream = new Rc4(sealKey);
  }

  sign(message: Uint8Array, signature: Uint8Array): void {
    this.#write(signature, this.#checksum(message));
  }

  seal(data: Uint8Array, signature: Uint8Array): void {
    const checksum = this.#checksum(data); // over the plaintext
    this.#stream.transform(data); // the message takes its key stream before the checksum does
    this.#write(signature, checksum);
  }

  verify(message: Uint8Array, signature: Uint8Array): Verdict {
    if (!isVersion1(signature)) return 'altered';
    if (!this.#isNext(signature)) return 'out-of-order';
    return this.#check(message, signature);
  }

  unseal(data: Uint8Array, signature: Uint8Array): Verdict {
    if (!isVersion1(signature)) return 'altered';
    if (!this.#isNext(signature)) return 'out-of-order';
    this.#stream.transform(data);
    return this.#check(data, signature);
  }

  restart(): void {
    this.#stream.restart(this.#sealKey);
  }

  /** The stream in it is as good as the key: whoever asks wipes it. */
  save(): DirectionState {
    const [a = 0, b = 0, c = 0, d = 0] = this.#sequence;
    return { number: (a | (b << 8) | (c << 16) | (d << 24)) >>> 0, stream: this.#stream.save() };
  }

  /** Goes on where another one, with the same keys, was saved. */
  resume({ number, stream }: DirectionState): this {
    this.#stream.dispose();
    this.#stream = Rc4.restore(stream);
    this.#sequence.set([number, number >>> 8, number >>> 16, number >>> 24]);
    return this;
  }

  dispose(): void {
    this.#stream.dispose();
    this.#signKey.fill(0);
    this.#sealKey.fill(0);
  }

  #checksum(message: Uint8Array): Uint8Array {
    return hmacMd5(this.#signKey, this.#sequence, message).slice(0, 8);
  }

  #write(signature: Uint8Array, checksum: Uint8Array): void {
    if (this.#encryptChecksum) this.#stream.transform(checksum);
    signature[0] = 1;
    signature.set(checksum, 4);
    signature.set(this.#sequence, 12);
    this.#advance();
  }

  #check(message: Uint8Array, signature: Uint8Array): Verdict {
    const checksum = this.#checksum(message);
    if (this.#encryptChecksum) this.#stream.transform(checksum);
    if (!equalInConstantTime(checksum, signature.subarray(4, 12))) return 'altered';
    this.#advance();
    return 'genuine';
  }

  #isNext(signature: Uint8Array): boolean {
    for (let i = 0; i < 4; i++) if (signature[12 + i] !== this.#sequence[i]) return false;
    return true;
  }

  #advance(): void {
    for (let i = 0; i < 4; i++) {
      const next = ((this.#sequence[i] ?? 0) + 1) & 0xff;
      this.#sequence[i] = next;
      if (next !== 0) return; // no carry
    }
  }
}

/**
 * 3.4.4.1: CRC32 under RC4, without a signing key. Anybody who knows a plaintext can change the message: only for servers that
 * were told to allow it. The two directions share one of these, for there is only one key (3.4).
 */
export class LegacySessionSecurity implements DirectionSecurity {
  readonly #sealKey: Uint8Array;
  readonly #stream: Rc4;
  #sequence = 0;

  /** @param sealKey - taken over, with its zeroising */
  constructor(sealKey: Uint8Array) {
    this.#sealKey = sealKey;
    this.#stream = new Rc4(sealKey);
  }

  sign(message: Uint8Array, signature: Uint8Array): void {
    signature.set(this.#encrypted(crc32(message)));
    this.#sequence++;
  }

  seal(data: Uint8Array, signature: Uint8Array): void {
    const checksum = crc32(data);
    this.#stream.transform(data);
    signature.set(this.#encrypted(checksum));
    this.#sequence++;
  }

  verify(message: Uint8Array, signature: Uint8Array): Verdict {
    if (!isVersion1(signature)) return 'altered';
    const expected = this.#encrypted(crc32(message));
    // The RandomPad says nothing: Windows sends zeros, others what RC4 made of them.
    if (!equalInConstantTime(expected.subarray(8, 12), signature.subarray(8, 12))) return 'altered';
    if (!equalInConstantTime(expected.subarray(12), signature.subarray(12))) return 'out-of-order';
    this.#sequence++;
    return 'genuine';
  }

  unseal(data: Uint8Array, signature: Uint8Array): Verdict {
    this.#stream.transform(data);
    return this.verify(data, signature);
  }

  restart(): void {
    this.#stream.restart(this.#sealKey);
  }

  dispose(): void {
    this.#stream.dispose();
    this.#sealKey.fill(0);
  }

  /** RandomPad, checksum and number go through the key stream in this order; the pad is overwritten with zero at the end. */
  #encrypted(checksum: number): Uint8Array {
    const signature = new Uint8Array(SIGNATURE_LENGTH);
    const view = new DataView(signature.buffer);
    view.setUint32(8, checksum, true);
    view.setUint32(12, this.#sequence, true);
    this.#stream.transform(signature.subarray(4));
    view.setUint32(4, 0, true);
    signature[0] = 1;
    return signature;
  }
}

function isVersion1(signature: Uint8Array): boolean {
  return signature[0] === 1 && signature[1] === 0 && signature[2] === 0 && signature[3] === 0;
}
