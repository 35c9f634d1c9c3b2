/**
 * Opening the server's encrypted handshake flight of TLS 1.3 (RFC 8446 5.2, 7.3), for one purpose: to read which certificate
 * authorities it names. The flight holds nothing secret, and its key is good for nothing else; nothing is written anywhere.
 * @module
 */
import { Buffer } from 'node:buffer';
import { type CipherGCMTypes, createDecipheriv } from 'node:crypto';
import { hmacSha256, hmacSha384 } from '../crypto/index.ts';
import { CONTENT_TYPE, RECORD_HEADER } from './records.ts';

interface Suite {
  readonly algorithm: CipherGCMTypes | 'chacha20-poly1305';
  readonly hmac: (key: Uint8Array, ...parts: Uint8Array[]) => Uint8Array;
  readonly keyLength: number;
}

const SUITES: ReadonlyMap<number, Suite> = new Map<number, Suite>([
  [0x1301, { algorithm: 'aes-128-gcm', hmac: hmacSha256, keyLength: 16 }],
  [0x1302, { algorithm: 'aes-256-gcm', hmac: hmacSha384, keyLength: 32 }],
  [0x1303, { algorithm: 'chacha20-poly1305', hmac: hmacSha256, keyLength: 32 }],
]);

const IV_LENGTH = 12;
const TAG_LENGTH = 16;
const LABEL = new TextEncoder().encode('SERVER_HANDSHAKE_TRAFFIC_SECRET ');

/** The key of one flight; records must be opened in their order. */
export class HandshakeKey {
  readonly #suite: Suite;
  readonly #key: Uint8Array;
  readonly #iv: Uint8Array;
  #sequence = 0;

  /** @param secret - server_handshake_traffic_secret */
  constructor(suite: Suite, secret: Uint8Array) {
    this.#suite = suite;
    this.#key = expandLabel(suite, secret, 'key', suite.keyLength);
    this.#iv = expandLabel(suite, secret, 'iv', IV_LENGTH);
  }

  /** Whether a line for key logs holds the secret of the server's flight. */
  static isIn(line: Uint8Array): boolean {
    return LABEL.every((octet, at) => octet === line[at]);
  }

  /**
   * Makes a key of a line for key logs: `SERVER_HANDSHAKE_TRAFFIC_SECRET <client random> <secret>`.
   * @returns undefined for other lines, and for suites that are not known here
   */
  static fromKeyLog(line: Uint8Array, cipherSuite: number): HandshakeKey | undefined {
    const suite = SUITES.get(cipherSuite);
    if (suite === undefined || !HandshakeKey.isIn(line)) return undefined;
    const RANDOM_AND_BLANK = 65;
    const secret = octetsOfHex(line.subarray(LABEL.length + RANDOM_AND_BLANK));
    const key = new HandshakeKey(suite, secret);
    secret.fill(0);
    return key;
  }

  /** The handshake octets in the next record; undefined when it holds something else or does not verify. */
  open(record: Uint8Array): Uint8Array | undefined {
    const nonce = new Uint8Array(this.#iv);
    const last = nonce.length - 1;
    nonce[last] = (nonce[last] ?? 0) ^ this.#sequence++; // a flight has a handful of records
    const sealed = record.subarray(RECORD_HEADER);
    const plaintextLength = sealed.length - TAG_LENGTH;
    if (plaintextLength < 1) return undefined;
    // The overloads know either name alone; GCM's declarations are those that both have.
    const decipher = createDecipheriv(this.#suite.algorithm as CipherGCMTypes, this.#key, nonce, {
      authTagLength: TAG_LENGTH,
    });
    decipher.setAAD(record.subarray(0, RECORD_HEADER), { plaintextLength });
    decipher.setAuthTag(sealed.subarray(plaintextLength));
    try {
      const inner = Buffer.concat([decipher.update(sealed.subarray(0, plaintextLength)), decipher.final()]);
      return handshakeIn(inner);
    } catch {
      return undefined; // OpenSSL will say what is wrong with it
    }
  }

  dispose(): void {
    this.#key.fill(0);
    this.#iv.fill(0);
  }
}

/** TLSInnerPlaintext: content, type, padding of zeros. */
function handshakeIn(inner: Uint8Array): Uint8Array | undefined {
  let end = inner.length;
  while (end > 0 && inner[end - 1] === 0) end--;
  return inner[end - 1] === CONTENT_TYPE.HANDSHAKE ? inner.subarray(0, end - 1) : undefined;
}

/** HKDF-Expand-Label of at most one block, with an empty context. */
function expandLabel(suite: Suite, secret: Uint8Array, label: string, length: number): Uint8Array {
  const name = new TextEncoder().encode(`tls13 ${label}`);
  const info = Uint8Array.of(length >> 8, length & 0xff, name.length, ...name, 0);
  return suite.hmac(secret, info, Uint8Array.of(1)).subarray(0, length);
}

/** Without a string in between: strings cannot be wiped. */
function octetsOfHex(hex: Uint8Array): Uint8Array {
  const digits = hex.filter((octet) => octet > 0x20);
  const value = (digit = 0): number => (digit & 0xf) + (digit > 0x39 ? 9 : 0);
  const octets = Uint8Array.from(
    { length: digits.length >> 1 },
    (_, at) => (value(digits[2 * at]) << 4) | value(digits[2 * at + 1]),
  );
  digits.fill(0);
  return octets;
}
