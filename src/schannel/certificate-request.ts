/**
 * A server's wish for a client certificate. OpenSSL answers a CertificateRequest at once, with what it was given beforehand, and
 * does not tell; SEC_I_INCOMPLETE_CREDENTIALS asks the caller before the answer leaves (contract R53, R76).
 *
 * That there was a wish shows in the answer, and so costs nothing where there was none. What the server wishes is in its flight:
 * in plain sight under TLS 1.2 (RFC 5246 7.4.4); encrypted under TLS 1.3, and read with the secret of the handshake, which
 * `handshake-key.ts` keeps to itself (fault Z45).
 * @module
 */
import { concat } from '../crypto/index.ts';
import { HandshakeKey } from './handshake-key.ts';
import { HANDSHAKE, type HandshakeMessage, handshakeMessages } from './handshake-messages.ts';
import { CONTENT_TYPE, eachRecord, RECORD_HEADER } from './records.ts';

const EMPTY = new Uint8Array(0);

/** OpenSSL takes no larger Certificate message, so there is no larger flight to look through. */
const MOST_OCTETS = 128 * 1024;

/** Keeps the server's flight until it is known whether there is a CertificateRequest in it. */
export class CertificateRequestWatch {
  #flight: Uint8Array[] = [];
  #length = 0;
  #unfinished: Uint8Array = EMPTY;
  #line: Uint8Array | undefined;
  #key: HandshakeKey | undefined;
  #suite = 0;

  /** Takes a line of the runtime's key log. It is wiped. */
  takeSecret(line: Uint8Array): void {
    if (this.#line === undefined && HandshakeKey.isIn(line)) this.#line = new Uint8Array(line);
    line.fill(0);
  }

  /**
   * Whom the server trusts, if it asked for a certificate.
   * @param records - of the server, the next of its flight
   * @param answer - what OpenSSL has to say to them
   * @returns DER of the distinguished names in the CertificateRequest, none when it cannot be read; undefined when there was no
   *   CertificateRequest, or not yet
   */
  issuersAsked(records: Uint8Array, answer: Uint8Array): readonly Uint8Array[] | undefined {
    this.#length += records.length;
    if (this.#length <= MOST_OCTETS) this.#flight.push(new Uint8Array(records));
    if (!answersCertificateRequest(answer)) return undefined;
    try {
      return this.#issuers() ?? [];
    } finally {
      this.dispose();
    }
  }

  #issuers(): readonly Uint8Array[] | undefined {
    for (const record of eachRecord(concat(...this.#flight))) {
      for (const { type, body } of this.#messagesIn(record)) {
        if (type === HANDSHAKE.ServerHello) this.#suite = suiteOf(body);
        if (type === HANDSHAKE.CertificateRequest)
          return this.#key === undefined ? issuersOf12(body) : issuersOf13(body);
      }
    }
    return undefined;
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
    if (record[0] !== CONTENT_TYPE.APPLICATION_DATA) return EMPTY;
    if (this.#line !== undefined) this.#key ??= HandshakeKey.fromKeyLog(this.#line, this.#suite);
    return this.#key?.open(record) ?? EMPTY;
  }

  /** Forgets the secret and the key. */
  dispose(): void {
    this.#line?.fill(0);
    this.#line = undefined;
    this.#key?.dispose();
    this.#key = undefined;
    this.#flight = [];
  }
}

/** RFC 8446 5.2: a Finished message alone in its record, header, type and tag included, for hashes of 32 and 48 octets. */
const FINISHED_RECORDS: readonly number[] = [4 + 32 + 17, 4 + 48 + 17];

/** Whether a client's records hold a Certificate message: under TLS 1.2 they begin with it, under TLS 1.3 there is more than Finished. */
function answersCertificateRequest(answer: Uint8Array): boolean {
  if (answer[0] === CONTENT_TYPE.HANDSHAKE && answer[RECORD_HEADER] === HANDSHAKE.Certificate) return true;
  let sealed = 0;
  for (const record of eachRecord(answer)) {
    if (record[0] !== CONTENT_TYPE.APPLICATION_DATA) continue;
    if (++sealed > 1 || !FINISHED_RECORDS.includes(record.length - RECORD_HEADER)) return true;
  }
  return false;
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
