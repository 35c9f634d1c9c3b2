/**
 * Opens TLS records with secrets of a key log: RFC 8446 5.2 and 7.1 to 7.3, RFC 5246 6.2.3.3 and 6.3, for the AEAD cipher suites,
 * which are all that anybody should use.
 * @module
 */
import { gcm } from '@noble/ciphers/aes.js';
import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { concat, hmacSha256, hmacSha384, type Mac } from '../../crypto/index.ts';
import { cipherSuiteName } from './tls-names.ts';

/** How the records of a cipher suite are protected. */
interface Suite {
  readonly mac: Mac;
  readonly hashLength: number;
  readonly keyLength: number;
  readonly isChaCha: boolean;
}

const encoder = new TextEncoder();
const TAG = 16;

/** @returns undefined for suites with CBC, and unknown ones */
function suiteOf(number: number): Suite | undefined {
  const name = cipherSuiteName(number);
  const isChaCha = name.includes('CHACHA20_POLY1305');
  if (!isChaCha && !name.includes('_GCM_')) return undefined;
  const isLong = name.endsWith('SHA384');
  return {
    mac: isLong ? hmacSha384 : hmacSha256,
    hashLength: isLong ? 48 : 32,
    keyLength: isChaCha || name.includes('_256_') ? 32 : 16,
    isChaCha,
  };
}

/** A record without its protection. */
export interface OpenedRecord {
  readonly type: number;
  readonly content: Uint8Array;
}

/** The protection of one direction, from one change of keys to the next. */
export interface RecordProtection {
  /** @returns undefined when the record does not verify; the next one is tried all the same */
  open(header: Uint8Array, body: Uint8Array): OpenedRecord | undefined;
}

/** TLS 1.3, from a traffic secret. */
export function protection13(suiteNumber: number, secret: Uint8Array): RecordProtection | undefined {
  const suite = suiteOf(suiteNumber);
  if (suite === undefined) return undefined;
  const key = expandLabel(suite, secret, 'key', suite.keyLength);
  const iv = expandLabel(suite, secret, 'iv', 12);
  let number = 0;
  return {
    open(header, body) {
      const nonce = nonceOf(iv, number++);
      const inner = decrypted(suite, key, nonce, header, body);
      if (inner === undefined) return undefined;
      let end = inner.length;
      while (end > 0 && inner[end - 1] === 0) end--; // padding
      return end === 0 ? undefined : { type: inner[end - 1] ?? 0, content: inner.subarray(0, end - 1) };
    },
  };
}

/** The next traffic secret, after a KeyUpdate (RFC 8446 7.2). */
export function updatedSecret(suiteNumber: number, secret: Uint8Array): Uint8Array | undefined {
  const suite = suiteOf(suiteNumber);
  return suite && expandLabel(suite, secret, 'traffic upd', suite.hashLength);
}

/** TLS 1.2, both directions, from the master secret. */
export function protection12(
  suiteNumber: number,
  masterSecret: Uint8Array,
  randoms: { readonly client: Uint8Array; readonly server: Uint8Array },
): { readonly client: RecordProtection; readonly server: RecordProtection } | undefined {
  const suite = suiteOf(suiteNumber);
  if (suite === undefined) return undefined;
  const ivLength = suite.isChaCha ? 12 : 4;
  const seed = concat(encoder.encode('key expansion'), randoms.server, randoms.client);
  const block = pseudoRandom(suite.mac, masterSecret, seed, 2 * (suite.keyLength + ivLength));
  const at = 2 * suite.keyLength;
  return {
    client: direction12(suite, block.subarray(0, suite.keyLength), block.subarray(at, at + ivLength)),
    server: direction12(suite, block.subarray(suite.keyLength, at), block.subarray(at + ivLength)),
  };
}

function direction12(suite: Suite, key: Uint8Array, iv: Uint8Array): RecordProtection {
  const explicit = suite.isChaCha ? 0 : 8;
  let number = 0;
  return {
    open(header, body) {
      const sequence = number++;
      const length = body.length - explicit - TAG;
      if (length < 0) return undefined;
      const nonce = suite.isChaCha ? nonceOf(iv, sequence) : concat(iv, body.subarray(0, explicit));
      const type = header[0] ?? 0;
      const covered = concat(bigEndian64(sequence), header.subarray(0, 3), Uint8Array.of(length >>> 8, length));
      const content = decrypted(suite, key, nonce, covered, body.subarray(explicit));
      return content && { type, content };
    },
  };
}

function decrypted(
  { isChaCha }: Suite,
  key: Uint8Array,
  nonce: Uint8Array,
  covered: Uint8Array,
  body: Uint8Array,
): Uint8Array | undefined {
  if (body.length < TAG) return undefined;
  const cipher = isChaCha ? chacha20poly1305(key, nonce, covered) : gcm(key, nonce, covered);
  try {
    return cipher.decrypt(body);
  } catch {
    return undefined; // the tag is wrong: there is nothing else that can be
  }
}

/** The number of a record, XORed onto the end of the IV. */
function nonceOf(iv: Uint8Array, number: number): Uint8Array {
  const octets = bigEndian64(number);
  return iv.map((octet, at) => octet ^ (octets[at - 4] ?? 0));
}

function bigEndian64(number: number): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setBigUint64(0, BigInt(number));
  return octets;
}

/** HKDF-Expand-Label with an empty context (RFC 8446 7.1); what is wanted never has more octets than a hash. */
function expandLabel({ mac }: Suite, secret: Uint8Array, label: string, length: number): Uint8Array {
  const full = encoder.encode(`tls13 ${label}`);
  const info = concat(Uint8Array.of(length >>> 8, length, full.length), full, Uint8Array.of(0));
  return mac(secret, info, Uint8Array.of(1)).subarray(0, length);
}

/** P_hash of RFC 5246 5. */
function pseudoRandom(mac: Mac, secret: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let a = seed;
  for (let have = 0; have < length; ) {
    a = mac(secret, a);
    const part = mac(secret, a, seed);
    parts.push(part);
    have += part.length;
  }
  return concat(...parts).subarray(0, length);
}
