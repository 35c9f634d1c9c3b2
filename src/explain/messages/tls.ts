/**
 * TLS as far as it is legible from outside: records (RFC 8446 5.1), and the handshake messages that are not encrypted (RFC 8446 4,
 * RFC 5246 7.4).
 * @module
 */
import { concat } from '../../crypto/index.ts';
import { bigEndian, Cursor, pairsOf, reading as run } from '../cursor.ts';
import type { Reading } from '../reading.ts';
import { counted } from '../text.ts';
import type { Branch } from '../tree.ts';
import { describeCertificate } from './certificate.ts';
import { describeClientHello, describeServerHello } from './tls-hello.ts';
import { alertName, handshakeName, signatureName, versionName } from './tls-names.ts';
import type { TlsDirection, TlsSession } from './tls-session.ts';

const CHANGE_CIPHER_SPEC = 20;
const ALERT = 21;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;

const RECORD_NAMES: ReadonlyMap<number, string> = new Map([
  [CHANGE_CIPHER_SPEC, 'ChangeCipherSpec'],
  [ALERT, 'Alert'],
  [HANDSHAKE, 'Handshake'],
  [APPLICATION_DATA, 'application data'],
  [24, 'Heartbeat'],
]);

const CLIENT_MESSAGES = [1, 16];
const SERVER_MESSAGES = [0, 2, 12, 13, 14];

/** Whether a TLS record begins here. */
export function isTls(octets: Uint8Array): boolean {
  const [type = 0, major, minor = 0] = octets;
  return octets.length >= 3 && RECORD_NAMES.has(type) && major === 3 && minor <= 4;
}

/** Takes application data that a key log opened. @returns what belongs into the one line */
export type TakePlaintext = (content: Uint8Array, branch: Branch, reading: Reading, direction: TlsDirection) => string;

/**
 * Records of one direction.
 * @returns one line about them
 */
export function describeTls(
  octets: Uint8Array,
  branch: Branch,
  reading: Reading,
  session: TlsSession,
  takePlaintext: TakePlaintext,
): string {
  const said: string[] = [];
  const outcome = { opened: 0, failed: 0 };
  const cursor = new Cursor(octets, branch);
  let fragment: Uint8Array | undefined; // a handshake message that goes on in the next record
  run(() => {
    while (cursor.left > 0) {
      if (!isTls(cursor.octets.subarray(cursor.at))) {
        branch.note('MALFORMED', `no TLS record at octet ${cursor.at}`);
        return;
      }
      const type = cursor.octets[cursor.at] ?? 0;
      const lengthAt = cursor.at + 3;
      const length = bigEndian(cursor.octets.subarray(lengthAt, lengthAt + 2));
      const record = cursor.open(`TLS record: ${RECORD_NAMES.get(type) ?? type}`, Math.min(cursor.left, 5 + length));
      record.number('type', 1);
      record.number('version', 2, versionName);
      record.number('length', 2);
      if (record.left < length) record.branch.note('TRUNCATED', `${counted(length - record.left, 'octet')} missing`);
      fragment = describeRecord(type, record, { reading, session, takePlaintext, said, outcome, fragment });
    }
  });
  if (fragment !== undefined)
    branch.note('REMARK', 'a handshake message goes on in the next record, which is not here');
  if (outcome.opened + outcome.failed > 0) reading.observe({ kind: 'tls-records', ...outcome, branch });
  return `TLS ${summaryOf(said)}`;
}

/** `encrypted (23), encrypted (40)` says no more than how many. */
function summaryOf(said: readonly string[]): string {
  const legible = said.filter((one) => !one.startsWith('encrypted'));
  const sealed = said.length - legible.length;
  const parts = legible.length > 8 ? [...legible.slice(0, 8), '...'] : legible;
  if (sealed === 1) parts.push(...said.filter((one) => one.startsWith('encrypted')));
  if (sealed > 1) parts.push(`${sealed} encrypted records`);
  return parts.join(', ');
}

interface Records {
  readonly reading: Reading;
  readonly session: TlsSession;
  readonly takePlaintext: TakePlaintext;
  readonly said: string[];
  /** How many records the keys at hand opened, and how many not. */
  readonly outcome: { opened: number; failed: number };
  readonly fragment: Uint8Array | undefined;
}

/** @returns the beginning of a handshake message that goes on in the next record */
function describeRecord(type: number, record: Cursor, records: Records): Uint8Array | undefined {
  const { reading, session, said, outcome } = records;
  const direction = session.direction(reading.from);
  if (type === CHANGE_CIPHER_SPEC) {
    record.rest('change_cipher_spec');
    session.changeCipherSpec(reading.from);
    said.push('ChangeCipherSpec');
    return undefined;
  }
  if (!direction.encrypted && type !== APPLICATION_DATA) return describeContent(type, record, records);
  direction.encrypted = true; // whatever is called application data in a handshake is that of TLS 1.3

  const opened = session.open(reading.from, record.octets.subarray(0, 5), record.octets.subarray(record.at));
  if (opened === undefined || opened === 'failed') {
    if (opened === 'failed') outcome.failed++;
    else if (type === ALERT && record.left === 2) return describeContent(type, record, records); // too short to be encrypted
    said.push(`encrypted (${record.left})`);
    record.rest('encrypted', (octets) => counted(octets.length, 'octet'));
    return undefined;
  }
  outcome.opened++;
  const { content } = opened;
  const name = RECORD_NAMES.get(opened.type) ?? `content type ${opened.type}`;
  return describeContent(
    opened.type,
    new Cursor(content, record.branch.addDecrypted(name, content.length), 0),
    records,
  );
}

/** What a record carries. */
function describeContent(type: number, content: Cursor, records: Records): Uint8Array | undefined {
  const { reading, session, takePlaintext, said } = records;
  if (type === HANDSHAKE) return handshakes(content, records);
  if (type === ALERT && content.left === 2) {
    const level = content.number('level', 1, (number) =>
      number === 2 ? 'fatal' : number === 1 ? 'warning' : String(number),
    );
    const number = content.number('description', 1, (description) => `${alertName(description)} (${description})`);
    reading.fact({ kind: 'tls-alert', name: alertName(number), number });
    said.push(`${level === 2 ? 'fatal alert' : 'alert'} ${alertName(number)}`);
    return undefined;
  }
  if (type === APPLICATION_DATA) {
    said.push(takePlaintext(content.octets, content.branch, reading, session.direction(reading.from)));
    return undefined;
  }
  said.push(RECORD_NAMES.get(type) ?? `content type ${type}`);
  content.rest('content', (octets) => counted(octets.length, 'octet'));
  return undefined;
}

/** Messages may share a record, and span records. @returns the beginning of one that goes on */
function handshakes(record: Cursor, records: Records): Uint8Array | undefined {
  const { fragment } = records;
  // Offsets within a message that spans records are those of its last piece: it has no place of its own.
  const octets =
    fragment === undefined ? record.octets.subarray(record.at) : concat(fragment, record.octets.subarray(record.at));
  const base = Math.max(0, record.base + record.at - (fragment?.length ?? 0));
  const messages = new Cursor(octets, record.branch, base);
  while (messages.left > 0) {
    const length = 4 + bigEndian(octets.subarray(messages.at + 1, messages.at + 4));
    if (messages.left < 4 || messages.left < length) return octets.subarray(messages.at);
    const type = octets[messages.at] ?? 0;
    const message = messages.open(handshakeName(type), length);
    message.number('type', 1);
    message.number('length', 3);
    records.said.push(describeHandshake(type, message, records));
  }
  return undefined;
}

function describeHandshake(type: number, message: Cursor, { reading, session }: Records): string {
  if (CLIENT_MESSAGES.includes(type)) reading.suggest('client');
  if (SERVER_MESSAGES.includes(type)) reading.suggest('server');
  const name = handshakeName(type);
  let detail: string | undefined;
  run(() => {
    switch (type) {
      case 1:
        detail = describeClientHello(message, session);
        return;
      case 2:
        detail = describeServerHello(message, session);
        return;
      case 11:
        detail = certificates(message, reading, session.isTls13);
        return;
      case 13:
        if (session.isTls13) message.rest('body');
        else certificateRequest(message);
        return;
      default:
        message.rest('body');
    }
  });
  if (type === 20 && reading.from !== undefined) session.finished(reading.from);
  if (type === 24 && reading.from !== undefined) session.keyUpdate(reading.from);
  return detail === undefined || detail === '' ? name : `${name} (${detail})`;
}

/** RFC 5246 7.4.2; RFC 8446 4.4.2, where each certificate has extensions. */
function certificates(message: Cursor, reading: Reading, isTls13: boolean): string {
  if (isTls13) message.vector('certificate_request_context', 1);
  const list = message.openVector('certificate_list', 3);
  let first: string | undefined;
  let count = 0;
  while (list.left > 0 && count < 16) {
    const one = list.openVector(count === 0 ? 'certificate' : `certificate ${count + 1}`, 3);
    const summary = describeCertificate(one.octets, one.branch);
    if (isTls13) list.vector('extensions', 2);
    if (first === undefined) {
      first = summary;
      if (reading.from !== 'client') reading.observe({ kind: 'certificate', der: one.octets, branch: one.branch });
    }
    count++;
  }
  return first ?? 'none';
}

function certificateRequest(message: Cursor): void {
  message.vector('certificate_types', 1);
  message.vector('supported_signature_algorithms', 2, (octets) => pairsOf(octets).map(signatureName).join(', '));
  message.vector('certificate_authorities', 2, (octets) => counted(octets.length, 'octet'));
}
