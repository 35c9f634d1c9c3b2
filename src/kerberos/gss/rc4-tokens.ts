/**
 * Per-message tokens of RC4 keys, RFC 4757 7 (contract K6).
 *
 * As one token, a message has an octet of padding behind it. In two pieces, as EncryptMessage makes them of a TOKEN and a DATA
 * buffer, it has none: that is what Windows does (WinRM relies on it, krb5 pull request 1093), and the checksum covers what is
 * there. A peer that pads all the same sends an octet more, which `unseal` then leaves behind the data.
 * @see https://www.rfc-editor.org/rfc/rfc4757#section-7
 * @module
 */
import { concat, equalInConstantTime, hmacMd5, md5, Rc4 } from '../../crypto/index.ts';
import type { Sizes } from '../../sspi/index.ts';
import { BaseProtection, type Opened, type ProtectionOptions, type Refusal } from './protection.ts';

/** `06 09` and the object identifier of Kerberos. */
const MECHANISM = Uint8Array.of(0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02);
const CONFOUNDER = 8;
/** TOK_ID, SGN_ALG, SEAL_ALG and filler; SND_SEQ; SGN_CKSUM. */
const MIC_LENGTH = 24;
const WRAP_LENGTH = MIC_LENGTH + CONFOUNDER;

/** The first eight octets of each kind: all numbers in them are constants. */
const MIC_START = Uint8Array.of(0x01, 0x01, 0x11, 0x00, 0xff, 0xff, 0xff, 0xff);
const SEALED_START = Uint8Array.of(0x02, 0x01, 0x11, 0x00, 0x10, 0x00, 0xff, 0xff);
const SIGNED_START = Uint8Array.of(0x02, 0x01, 0x11, 0x00, 0xff, 0xff, 0xff, 0xff);

/** What the checksum is for, little-endian. */
const SALT_MIC = Uint8Array.of(15, 0, 0, 0);
const SALT_WRAP = Uint8Array.of(13, 0, 0, 0);

const SIGNATURE_KEY = new TextEncoder().encode('signaturekey\0');
const ZERO = new Uint8Array(4);
const PADDING = Uint8Array.of(1);

/** The frame in front of a token grows with the message. For messages up to 16 MiB this is its most; 13 octets for short ones. */
const LONGEST_USUAL_FRAME = 5 + MECHANISM.length;
const LONGEST_FRAME = 6 + MECHANISM.length;

/** Seals, opens, signs and checks with an RC4 key. */
export class Rc4Protection extends BaseProtection {
  readonly sizes: Sizes;
  readonly #ksign: Uint8Array;
  readonly #kseq: Uint8Array;
  readonly #kcrypt: Uint8Array;

  constructor(options: ProtectionOptions) {
    super(options, 32);
    const { keyvalue } = options.key.reveal();
    const local = keyvalue.map((octet) => octet ^ 0xf0);
    this.#ksign = hmacMd5(keyvalue, SIGNATURE_KEY);
    this.#kseq = hmacMd5(keyvalue, ZERO);
    this.#kcrypt = hmacMd5(local, ZERO);
    local.fill(0);
    this.sizes = {
      maxToken: options.maxToken,
      maxSignature: 2 + MECHANISM.length + MIC_LENGTH,
      blockSize: 1,
      securityTrailer: LONGEST_USUAL_FRAME + WRAP_LENGTH,
    };
  }

  override dispose(): void {
    super.dispose();
    this.#ksign.fill(0);
    this.#kseq.fill(0);
    this.#kcrypt.fill(0);
  }

  protected sealData(data: Uint8Array, sequence: number): Uint8Array {
    return this.#sealed(data, sequence);
  }

  protected wrapMessage(message: Uint8Array, sequence: number, sealed: boolean): Uint8Array {
    const data = concat(message, PADDING);
    if (sealed) {
      const header = this.#sealed(data, sequence); // which encrypts the data
      return concat(header, data);
    }
    const confounder = this.random.bytes(CONFOUNDER);
    const checksum = this.#checksum(SALT_WRAP, SIGNED_START, confounder, data);
    const numbers = this.#encryptedNumber(sequence, this.byAcceptor, checksum);
    return concat(frame(WRAP_LENGTH + data.length), SIGNED_START, numbers, checksum, confounder, data);
  }

  /** 7.3: encrypts `data` in place. @returns what goes in front of it */
  #sealed(data: Uint8Array, sequence: number): Uint8Array {
    const confounder = this.random.bytes(CONFOUNDER).slice(); // it will be encrypted in place
    const checksum = this.#checksum(SALT_WRAP, SEALED_START, confounder, data);
    const stream = this.#stream(sequence);
    stream.transform(confounder);
    stream.transform(data);
    stream.dispose();
    const numbers = this.#encryptedNumber(sequence, this.byAcceptor, checksum);
    return concat(frame(WRAP_LENGTH + data.length), SEALED_START, numbers, checksum, confounder);
  }

  /** Whatever is wrong with a token, the refusal is the same: nobody learns from it how far an attempt came (CVE-2014-4341). */
  protected open(header: Uint8Array, data: Uint8Array, split: boolean): Opened | Refusal {
    const whole = header.length + data.length;
    const start = frameLength(header, whole) ?? (split ? frameOfHeader(header) : undefined);
    if (start === undefined || header.length < start + WRAP_LENGTH) return 'MESSAGE_ALTERED';
    if (split && header.length !== start + WRAP_LENGTH) return 'MESSAGE_ALTERED';
    const token = header.subarray(start);
    const sealed = startsWith(token, SEALED_START);
    if (!sealed && !startsWith(token, SIGNED_START)) return 'MESSAGE_ALTERED';

    const checksum = token.subarray(16, 24);
    const sequence = this.#peersNumber(token.subarray(8, 16), checksum);
    if (sequence === undefined) return 'MESSAGE_ALTERED';

    const opened = concat(token.subarray(MIC_LENGTH), data);
    if (sealed) {
      const stream = this.#stream(sequence);
      stream.transform(opened);
      stream.dispose();
    }
    const confounder = opened.subarray(0, CONFOUNDER);
    const content = opened.subarray(CONFOUNDER);
    const expected = this.#checksum(SALT_WRAP, token.subarray(0, 8), confounder, content);
    if (!equalInConstantTime(expected, checksum)) return 'MESSAGE_ALTERED';
    if (split) return { message: content, sealed, sequence };
    if (content[content.length - 1] !== 1) return 'MESSAGE_ALTERED';
    return { message: content.subarray(0, content.length - 1), sealed, sequence };
  }

  /** 7.2 */
  protected mic(message: Uint8Array, sequence: number): Uint8Array {
    const checksum = this.#checksum(SALT_MIC, MIC_START, message);
    const numbers = this.#encryptedNumber(sequence, this.byAcceptor, checksum);
    return concat(frame(MIC_LENGTH), MIC_START, numbers, checksum);
  }

  protected checkMic(message: Uint8Array, token: Uint8Array): number | Refusal {
    const start = frameLength(token, token.length);
    if (start === undefined || token.length !== start + MIC_LENGTH) return 'MESSAGE_ALTERED';
    const inner = token.subarray(start);
    if (!startsWith(inner, MIC_START)) return 'MESSAGE_ALTERED';
    const checksum = inner.subarray(16, 24);
    if (!equalInConstantTime(this.#checksum(SALT_MIC, MIC_START, message), checksum)) return 'MESSAGE_ALTERED';
    return this.#peersNumber(inner.subarray(8, 16), checksum) ?? 'MESSAGE_ALTERED';
  }

  #checksum(salt: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
    return hmacMd5(this.#ksign, md5(salt, ...parts)).subarray(0, 8);
  }

  #stream(sequence: number): Rc4 {
    const key = hmacMd5(this.#kcrypt, bigEndian(sequence));
    const stream = new Rc4(key);
    key.fill(0);
    return stream;
  }

  /** SND_SEQ: the number and the direction, encrypted with a key that the checksum makes. */
  #encryptedNumber(sequence: number, byAcceptor: boolean, checksum: Uint8Array): Uint8Array {
    const octets = new Uint8Array(8);
    octets.set(bigEndian(sequence));
    if (byAcceptor) octets.fill(0xff, 4);
    const stream = new Rc4(hmacMd5(this.#kseq, checksum));
    stream.transform(octets);
    stream.dispose();
    return octets;
  }

  /** @returns undefined when the direction is not that of the peer */
  #peersNumber(encrypted: Uint8Array, checksum: Uint8Array): number | undefined {
    const octets = encrypted.slice();
    const stream = new Rc4(hmacMd5(this.#kseq, checksum));
    stream.transform(octets);
    stream.dispose();
    const direction = this.byAcceptor ? 0x00 : 0xff;
    if (octets.subarray(4).some((octet) => octet !== direction)) return undefined;
    return new DataView(octets.buffer, octets.byteOffset).getUint32(0);
  }
}

function bigEndian(sequence: number): Uint8Array {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, sequence);
  return octets;
}

/** `60 length 06 09 ...` in front of a token of `length` octets. */
function frame(length: number): Uint8Array {
  const inner = MECHANISM.length + length;
  const lengthOctets: number[] = [];
  if (inner < 0x80) {
    lengthOctets.push(inner);
  } else {
    for (let rest = inner; rest > 0; rest = Math.floor(rest / 256)) lengthOctets.unshift(rest & 0xff);
    lengthOctets.unshift(0x80 | lengthOctets.length);
  }
  return concat(Uint8Array.of(0x60, ...lengthOctets), MECHANISM);
}

/**
 * Octets of the frame in front of a token.
 * @param whole - octets of frame, token and data
 */
function frameLength(octets: Uint8Array, whole: number): number | undefined {
  for (let length = 2 + MECHANISM.length; length <= Math.min(LONGEST_FRAME, whole); length++) {
    const expected = frame(whole - length);
    if (expected.length === length && startsWith(octets, expected)) return length;
  }
  return undefined;
}

/** The same in DCE style, where the frame does not count the data. */
function frameOfHeader(header: Uint8Array): number | undefined {
  const expected = frame(WRAP_LENGTH);
  return startsWith(header, expected) ? expected.length : undefined;
}

function startsWith(octets: Uint8Array, start: Uint8Array): boolean {
  return octets.length >= start.length && start.every((octet, index) => octets[index] === octet);
}
