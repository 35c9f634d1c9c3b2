/**
 * Kerberos in the frames of GSS-API: the tokens that make a context (RFC 4121 4.1, IAKERB), and those of its messages (RFC 4121
 * 4.2, RFC 4757 7).
 * @module
 */
import { decode, objectIdentifier, type Schema } from '../../der/index.ts';
import { GSS_MECHANISM, IakerbHeader, KerbTgtReply, KerbTgtRequest, TOKEN_ID } from '../../kerberos/index.ts';
import { oidName } from '../../negotiate/index.ts';
import { Cursor, reading as run } from '../cursor.ts';
import type { Reading } from '../reading.ts';
import { flagsText, hexNumber, hexText, namedNumber } from '../text.ts';
import { reasonOf, traceDer } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';
import type { DescribeInside } from './inside.ts';
import { kerberosText } from './kerberos-fields.ts';

const IAKERB_PROXY = 0x0501;
const TOKEN_NAMES = { ...TOKEN_ID, IAKERB_PROXY, MIC: 0x0101, WRAP: 0x0201, DELETE: 0x0102 } as const;

/** `[APPLICATION 0]` of RFC 2743 3.1, whatever comes behind the mechanism. */
const Framed: Schema<{ readonly mechanism: string; readonly inner: Uint8Array }> = {
  name: 'InitialContextToken',
  tags: [0x60],
  accepts: (tag) => tag === 0x60,
  readContents: (reader) => ({ mechanism: reader.read(objectIdentifier), inner: reader.takeContents() }),
  write: () => undefined,
};

/** The mechanism of a framed token, as far as it can be told. */
export function mechanismOf(octets: Uint8Array): string | undefined {
  const content = octets.subarray((octets[1] ?? 0) < 0x80 ? 2 : 2 + ((octets[1] ?? 0) & 0x7f));
  const length = 2 + (content[1] ?? 0);
  try {
    return decode(objectIdentifier, content.subarray(0, length));
  } catch {
    return undefined; // it is not for us to say what it is then
  }
}

/** @returns one line about it */
export function describeGss(octets: Uint8Array, branch: Branch, reading: Reading, inside: DescribeInside): string {
  let frame: { readonly mechanism: string; readonly inner: Uint8Array };
  try {
    frame = decode(Framed, octets, { lengths: 'ber-long', maxSize: 1 << 24 });
  } catch (error) {
    branch.note('MALFORMED', reasonOf(error));
    return `GSS token of ${oidName(mechanismOf(octets) ?? 'an unknown mechanism')}, malformed`;
  }
  const { mechanism, inner } = frame;
  const start = branch.offset + octets.length - inner.length;
  branch.add('thisMech', branch.offset, octets.length - inner.length, `${oidName(mechanism)} (${mechanism})`);
  const cursor = new Cursor(inner, branch, start);
  let summary = `GSS token of ${oidName(mechanism)}`;
  run(() => {
    const id = cursor.number('TOK_ID', 2, (number) =>
      namedNumber(number, TOKEN_NAMES).replace(/\((\d+)\)/u, (_, n) => `(${hexNumber(Number(n), 4)})`),
    );
    const message = inner.subarray(cursor.at);
    if (id === TOKEN_NAMES.MIC || id === TOKEN_NAMES.WRAP) {
      summary = describeRc4Token(octets, cursor, reading, id === TOKEN_NAMES.MIC);
      return;
    }
    const field = cursor.open('message', cursor.left).branch;
    if (mechanism === GSS_MECHANISM.IAKERB) summary = iakerb(message, field, reading, inside);
    else if (id === TOKEN_ID.TGT_REQ || id === TOKEN_ID.TGT_REP) summary = userToUser(id, message, field, reading);
    else summary = inside(message, field, reading);
  });
  return summary;
}

/** draft-ietf-kitten-iakerb: a header, and behind it a message for the KDC. */
function iakerb(octets: Uint8Array, field: Branch, reading: Reading, inside: DescribeInside): string {
  const first = octets[1] ?? 0;
  const length = first < 0x80 ? 2 + first : first === 0x81 ? 3 + (octets[2] ?? 0) : octets.length;
  const header = octets.subarray(0, length);
  traceDer({
    schema: IakerbHeader,
    octets: header,
    branch: field.add('IAKERB-HEADER', field.offset, header.length),
    dress: kerberosText,
  });
  const message = octets.subarray(length);
  if (message.length === 0) return 'IAKERB, empty';
  return `IAKERB {${inside(message, field.add('message', field.offset + length, message.length), reading)}}`;
}

function userToUser(id: number, octets: Uint8Array, branch: Branch, reading: Reading): string {
  const isRequest = id === TOKEN_ID.TGT_REQ;
  reading.suggest(isRequest ? 'client' : 'server');
  const schema: Schema<unknown> = isRequest ? KerbTgtRequest : KerbTgtReply;
  traceDer({ schema, octets, branch, dress: kerberosText });
  return isRequest ? 'Kerberos TGT-REQ' : 'Kerberos TGT-REP';
}

/** RFC 4757 7. */
function describeRc4Token(token: Uint8Array, cursor: Cursor, reading: Reading, isMic: boolean): string {
  cursor.little('SGN_ALG', 2, (number) => (number === 0x11 ? 'HMAC' : hexNumber(number, 4)));
  cursor.little('SEAL_ALG', 2, (number) => (number === 0x10 ? 'RC4' : 'none'));
  cursor.pass('Filler', 2);
  cursor.take('SND_SEQ', 8);
  cursor.take('SGN_CKSUM', 8);
  if (!isMic) {
    cursor.take('Confounder', 8);
    cursor.rest('data', (octets) => `${octets.length} octets`);
  }
  reading.observe({ kind: 'gss-message', token, isMic, branch: cursor.branch });
  return isMic ? 'Kerberos MIC token (RC4)' : 'Kerberos Wrap token (RC4)';
}

const CFX_FLAGS = { SentByAcceptor: 1, Sealed: 2, AcceptorSubkey: 4 } as const;

/** Whether a per-message token of RFC 4121 begins here. */
export function isCfxToken(octets: Uint8Array): boolean {
  return octets.length >= 16 && octets[1] === 0x04 && (octets[0] === 0x04 || octets[0] === 0x05) && octets[3] === 0xff;
}

/** RFC 4121 4.2.6. @returns one line about it */
export function describeCfx(token: Uint8Array, branch: Branch, reading: Reading): string {
  const isMic = token[0] === 0x04;
  const cursor = new Cursor(token, branch);
  run(() => {
    cursor.number('TOK_ID', 2, (number) => `${isMic ? 'MIC' : 'Wrap'} (${hexNumber(number, 4)})`);
    const flags = cursor.number('Flags', 1, (bits) => flagsText(bits, CFX_FLAGS));
    reading.suggest((flags & CFX_FLAGS.SentByAcceptor) === 0 ? 'client' : 'server');
    cursor.pass('Filler', 1);
    if (isMic) {
      cursor.pass('Filler', 4);
    } else {
      cursor.number('EC', 2);
      cursor.number('RRC', 2);
    }
    cursor.take('SND_SEQ', 8, (octets) => hexText(octets));
    cursor.rest(isMic ? 'SGN_CKSUM' : 'data', isMic ? hexText : (octets) => `${octets.length} octets`);
  });
  reading.observe({ kind: 'gss-message', token, isMic, branch });
  return isMic ? 'Kerberos MIC token' : 'Kerberos Wrap token';
}
