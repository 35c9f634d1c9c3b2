/**
 * NTLM messages checked by making them again, as their sender made them: so that one that was changed does not hide whether
 * those behind it are genuine, as it does for a receiver, whom it stops.
 * @module
 */
import { equalInConstantTime } from '../../crypto/index.ts';
import { NEGOTIATE, NtlmMessageSecurity, type Side } from '../../ntlm/index.ts';

/** What became of a message. */
export interface Remade {
  readonly plaintext: Uint8Array;
  readonly genuine: boolean;
  /** Why it is not. */
  readonly why: string;
}

const SIGNATURE_LENGTH = 16;

/** The messages of one side. Throws SspiError UNSUPPORTED_FUNCTION where the flags allow for none. */
export class RemadeMessages implements Disposable {
  /** Encrypts zeros, which gives the key stream. */
  readonly #stream: NtlmMessageSecurity;
  /** Encrypts what was found, which gives the signature that belongs to it. */
  readonly #sender: NtlmMessageSecurity;
  readonly #extended: boolean;

  constructor(flags: number, exportedSessionKey: Uint8Array, side: Side) {
    this.#stream = new NtlmMessageSecurity({ flags, exportedSessionKey, side });
    this.#sender = new NtlmMessageSecurity({ flags, exportedSessionKey, side });
    this.#extended = (flags & NEGOTIATE.EXTENDED_SESSIONSECURITY) !== 0;
  }

  /** A signature with the encrypted message behind it, as GSS_Wrap makes them. */
  unwrap(token: Uint8Array): Remade {
    return this.open(token.subarray(0, SIGNATURE_LENGTH), token.subarray(SIGNATURE_LENGTH));
  }

  open(signature: Uint8Array, ciphertext: Uint8Array): Remade {
    const plaintext = new Uint8Array(ciphertext.length);
    this.#stream.seal(plaintext);
    for (const [at, octet] of ciphertext.entries()) plaintext[at] = (plaintext[at] ?? 0) ^ octet;
    const expected = this.#sender.seal(Uint8Array.from(plaintext));
    return { plaintext, ...this.#compare(expected, signature) };
  }

  /** A signature over a message in plain sight. */
  check(message: Uint8Array, signature: Uint8Array): { readonly genuine: boolean; readonly why: string } {
    this.#stream.sign(message);
    return this.#compare(this.#sender.sign(message), signature);
  }

  /** What [MS-SPNG] 3.3.5.1 does to the key stream behind a mechListMIC. */
  restart(): void {
    this.#stream.restart('sent');
    this.#sender.restart('sent');
  }

  dispose(): void {
    this.#stream.dispose();
    this.#sender.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #compare(expected: Uint8Array, signature: Uint8Array): { readonly genuine: boolean; readonly why: string } {
    if (signature.length !== SIGNATURE_LENGTH)
      return { genuine: false, why: `a signature of ${signature.length} octets` };
    // Without extended session security octets 4 to 7 are a RandomPad, which says nothing.
    const same = (from: number, to: number): boolean =>
      equalInConstantTime(expected.subarray(from, to), signature.subarray(from, to));
    if (!same(0, 4)) return { genuine: false, why: 'the version of the signature is not 1' };
    if (!same(12, 16)) {
      const number = (octets: Uint8Array): number => new DataView(octets.buffer, octets.byteOffset).getUint32(12, true);
      const why = this.#extended
        ? `sequence number ${number(signature)}, expected ${number(expected)}`
        : 'the sequence number is wrong';
      return { genuine: false, why };
    }
    if (!same(this.#extended ? 4 : 8, 12)) return { genuine: false, why: 'the checksum of the signature is wrong' };
    return { genuine: true, why: '' };
  }
}
