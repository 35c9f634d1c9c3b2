/**
 * Seeing a server's wish for a client certificate before OpenSSL does. OpenSSL answers a CertificateRequest at once, with what
 * it was given beforehand; SEC_I_INCOMPLETE_CREDENTIALS asks the caller first (contract R53, R76). So each record of the server
 * is looked at before it is fed.
 *
 * Under TLS 1.2 the message is in plain sight (RFC 5246 7.4.4). Under TLS 1.3 it is encrypted, and read with the secret of the
 * handshake, which `handshake-key.ts` keeps to itself (fault Z45).
 * @module
 */
import { concat } from '../crypto/index.ts';
import { HandshakeKey } from './handshake-key.ts';
import { HANDSHAKE, type HandshakeMessage, handshakeMessages } from './handshake-messages.ts';
import { CONTENT_TYPE, RECORD_HEADER } from './records.ts';

const EMPTY = new Uint8Array(0);

/** OpenSSL takes no larger Certificate message, so there is no larger flight to look through. */
const MOST_OCTETS = 128 * 1024;

/** Looks at the server's records until a CertificateRequest comes. */
export class CertificateRequestWatch {
  #unfinished: Uint8Array = EMPTY;
  #key: HandshakeKey | undefined;
  #suite = 0;
  #issuers: readonly Uint8Array[] | undefined;

  /** DER of the distinguished names in the CertificateRequest that was seen; undefined as long as none was. */
  get issuers(): readonly Uint8Array[] | undefined {
    return this.#issuers;
  }

  /** Takes a line of the runtime's key log. It is wiped. */
  takeSecret(line: Uint8Array): void {
    this.#key = HandshakeKey.fromKeyLog(line, this.#suite) ?? this.#key;
    line.fill(0);
  }

  /** Whether a CertificateRequest ends in this record, which OpenSSL has not seen yet. */
  sees(record: Uint8Array): boolean {
    for (const message of this.#messagesIn(record)) {
      if (message.type === HANDSHAKE.ServerHello) this.#suite = suiteOf(message.body);
      if (message.type === HANDSHAKE.CertificateRequest)
        this.#issuers = this.#key === undefined ? issuersOf12(message.body) : issuersOf13(message.body);
    }
    return this.#issuers !== undefined;
  }

  /** The messages that are whole with this record; one may span several. */
  #messagesIn(record: Uint8Array): HandshakeMessage[] {
    const octets = this.#handshakeOctets(record);
    if (octets.length === 0 || this.#unfinished.length + octets.length > MOST_OCTETS) return [];
    const stream = this.#unfinished.length === 0 ? octets : concat(this.#unfinished, octets);
    const { messages, rest } = handshakeMessages(stream);
    this.#unfinished = new Uint8Array(rest); // slice() of a Buffer would be a view
    return messages;
  }

  #handshakeOctets(record: Uint8Array): Uint8Array {
    if (record[0] === CONTENT_TYPE.HANDSHAKE) return record.subarray(RECORD_HEADER);
    if (record[0] === CONTENT_TYPE.APPLICATION_DATA) return this.#key?.open(record) ?? EMPTY;
    return EMPTY;
  }

  /** Forgets the key. */
  dispose(): void {
    this.#key?.dispose();
    this.#key = undefined;
  }
}

/** version, random, session id behind its length, cipher suite. */
function suiteOf(serverHello: Uint8Array): number {
  const SESSION_ID = 34;
  const at = SESSION_ID + 1 + (serverHello[SESSION_ID] ?? 0);
  return u16(serverHello, at);
}

/** TLS 1.2: certificate types, signature algorithms, authorities, each behind its length. */
function issuersOf12(body: Uint8Array): readonly Uint8Array[] {
  const algorithms = 1 + (body[0] ?? 0);
  return distinguishedNames(body.subarray(algorithms + 2 + u16(body, algorithms)));
}

/** TLS 1.3: context, extensions; the authorities are one of these (RFC 8446 4.2.4). */
function issuersOf13(body: Uint8Array): readonly Uint8Array[] {
  const CERTIFICATE_AUTHORITIES = 47;
  const EXTENSION_HEADER = 4;
  for (let at = 1 + (body[0] ?? 0) + 2; at + EXTENSION_HEADER <= body.length; ) {
    const end = at + EXTENSION_HEADER + u16(body, at + 2);
    if (u16(body, at) === CERTIFICATE_AUTHORITIES) return distinguishedNames(body.subarray(at + EXTENSION_HEADER, end));
    at = end;
  }
  return [];
}

/** A list behind its length; OpenSSL will complain about one that is malformed, here it just ends. */
function distinguishedNames(list: Uint8Array): readonly Uint8Array[] {
  const names: Uint8Array[] = [];
  const end = Math.min(list.length, 2 + u16(list, 0));
  for (let at = 2; at + 2 <= end; ) {
    const next = at + 2 + u16(list, at);
    if (next > end) break;
    names.push(new Uint8Array(list.subarray(at + 2, next)));
    at = next;
  }
  return names;
}

function u16(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
}
