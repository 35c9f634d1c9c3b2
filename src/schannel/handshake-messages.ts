/**
 * Handshake messages that travel in plain sight (RFC 8446 4, RFC 5246 7.4), and records by name for people who watch.
 * @module
 */
import { CONTENT_TYPE, eachRecord, RECORD_HEADER } from './records.ts';

/** A handshake message without its header. */
export interface HandshakeMessage {
  readonly type: number;
  readonly body: Uint8Array;
}

/** Types of handshake messages. */
export const HANDSHAKE = { ClientHello: 1, ServerHello: 2, Certificate: 11, CertificateRequest: 13 } as const;

const NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'HelloRequest'],
  [1, 'ClientHello'],
  [2, 'ServerHello'],
  [4, 'NewSessionTicket'],
  [8, 'EncryptedExtensions'],
  [11, 'Certificate'],
  [12, 'ServerKeyExchange'],
  [13, 'CertificateRequest'],
  [14, 'ServerHelloDone'],
  [15, 'CertificateVerify'],
  [16, 'ClientKeyExchange'],
  [20, 'Finished'],
  [22, 'CertificateStatus'],
  [24, 'KeyUpdate'],
]);

const MESSAGE_HEADER = 4;

/** The whole messages at the start of a stream of handshake octets, and what is left of it; all of them views. */
export function handshakeMessages(octets: Uint8Array): {
  readonly messages: HandshakeMessage[];
  readonly rest: Uint8Array;
} {
  const messages: HandshakeMessage[] = [];
  let at = 0;
  while (at + MESSAGE_HEADER <= octets.length) {
    const [type = 0, high = 0, middle = 0, low = 0] = octets.subarray(at, at + MESSAGE_HEADER);
    const end = at + MESSAGE_HEADER + ((high << 16) | (middle << 8) | low);
    if (end > octets.length) break;
    messages.push({ type, body: octets.subarray(at + MESSAGE_HEADER, end) });
    at = end;
  }
  return { messages, rest: octets.subarray(at) };
}

/**
 * What is in some records, as far as one can see from outside: `ServerHello, ChangeCipherSpec, encrypted (23)`, with the length
 * of what is encrypted.
 */
export function describeRecords(records: Uint8Array): string {
  const names: string[] = [];
  let encrypted = false;
  for (const record of eachRecord(records)) {
    const body = record.subarray(RECORD_HEADER);
    if (record[0] === CONTENT_TYPE.CHANGE_CIPHER_SPEC) {
      encrypted = true;
      names.push('ChangeCipherSpec');
    } else if (record[0] === CONTENT_TYPE.HANDSHAKE && !encrypted) {
      names.push(...handshakeMessages(body).messages.map(({ type }) => NAMES.get(type) ?? `handshake message ${type}`));
    } else if (record[0] === CONTENT_TYPE.ALERT) {
      names.push('Alert');
    } else {
      names.push(`encrypted (${body.length})`);
    }
  }
  return names.join(', ');
}

/** The session id in a ServerHello (RFC 5246 7.4.1.3), as a copy. */
export function sessionIdIn(serverHello: Uint8Array): Uint8Array {
  const VERSION_AND_RANDOM = 34;
  const length = serverHello[VERSION_AND_RANDOM] ?? 0;
  return new Uint8Array(serverHello.subarray(VERSION_AND_RANDOM + 1, VERSION_AND_RANDOM + 1 + length));
}

/** Whether these are the octets of a HelloRequest (RFC 5246 7.4.1.1), the one message with which a server may begin. */
export function isHelloRequest(records: Uint8Array): boolean {
  const EMPTY_HELLO_REQUEST = [0, 0, 0, 0];
  return (
    records[0] === CONTENT_TYPE.HANDSHAKE &&
    records.length === RECORD_HEADER + EMPTY_HELLO_REQUEST.length &&
    records.subarray(RECORD_HEADER).every((octet) => octet === 0)
  );
}
