/**
 * The first words of RDP: TPKT, X.224 Connection Request and Confirm, and the negotiation in them ([MS-RDPBCGR] 2.2.1.1, 2.2.1.2).
 * @module
 */
import { Cursor, reading as run } from '../cursor.ts';
import type { Reading } from '../reading.ts';
import { asciiText, flagsText, hexText } from '../text.ts';
import type { Branch } from '../tree.ts';

/** Bits of requestedProtocols; one of them is the selectedProtocol. */
const PROTOCOLS = { SSL: 0x1, HYBRID: 0x2, RDSTLS: 0x4, HYBRID_EX: 0x8, RDSAAD: 0x10 } as const;

const REQUEST_FLAGS = {
  RESTRICTED_ADMIN_MODE_REQUIRED: 0x01,
  REDIRECTED_AUTHENTICATION_MODE_REQUIRED: 0x02,
  CORRELATION_INFO_PRESENT: 0x08,
} as const;

const RESPONSE_FLAGS = {
  EXTENDED_CLIENT_DATA_SUPPORTED: 0x01,
  DYNVC_GFX_PROTOCOL_SUPPORTED: 0x02,
  RESTRICTED_ADMIN_MODE_SUPPORTED: 0x08,
  REDIRECTED_AUTHENTICATION_MODE_SUPPORTED: 0x10,
} as const;

const FAILURES: ReadonlyMap<number, string> = new Map([
  [1, 'SSL_REQUIRED_BY_SERVER'],
  [2, 'SSL_NOT_ALLOWED_BY_SERVER'],
  [3, 'SSL_CERT_NOT_ON_SERVER'],
  [4, 'INCONSISTENT_FLAGS'],
  [5, 'HYBRID_REQUIRED_BY_SERVER'],
  [6, 'SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER'],
]);

const CONNECTION_REQUEST = 0xe0;
const CONNECTION_CONFIRM = 0xd0;
const NEG_REQ = 1;
const NEG_RSP = 2;
const NEG_FAILURE = 3;
const CORRELATION_INFO = 6;
const CR = 0x0d;
const LF = 0x0a;

/** Whether a TPKT header stands here. */
export function isTpkt(octets: Uint8Array): boolean {
  return octets[0] === 3 && octets[1] === 0 && octets.length >= 4;
}

/** @returns one line about it */
export function describeX224(octets: Uint8Array, branch: Branch, reading: Reading): string {
  const cursor = new Cursor(octets, branch);
  let summary = 'TPKT';
  run(() => {
    const tpkt = cursor.open('TPKT', 4);
    tpkt.number('version', 1);
    tpkt.pass('reserved', 1);
    const length = tpkt.number('length', 2);
    if (length !== octets.length)
      branch.note('MALFORMED', `the length is ${length}, there are ${octets.length} octets`);

    cursor.number('length indicator', 1);
    const code = cursor.number('TPDU', 1, tpduName);
    summary = `X.224 ${tpduName(code)}`;
    if (code !== CONNECTION_REQUEST && code !== CONNECTION_CONFIRM) return void cursor.rest('data');
    reading.suggest(code === CONNECTION_REQUEST ? 'client' : 'server');
    cursor.number('DST-REF', 2);
    cursor.number('SRC-REF', 2);
    cursor.number('class', 1);
    if (code === CONNECTION_REQUEST) routingLine(cursor);
    const said: string[] = [];
    while (cursor.left > 0) said.push(negotiation(cursor, reading));
    if (said.length === 0) {
      branch.note('WEAK', 'no negotiation: standard RDP security only, which is long broken');
    }
    summary = [summary, ...said.filter((one) => one !== '')].join(', ');
  });
  return summary;
}

function tpduName(code: number): string {
  if (code === CONNECTION_REQUEST) return 'Connection Request';
  if (code === CONNECTION_CONFIRM) return 'Connection Confirm';
  return code === 0xf0 ? 'Data' : `TPDU 0x${code.toString(16)}`;
}

/** A cookie or routing token: a line of text in front of the negotiation. */
function routingLine(cursor: Cursor): void {
  const rest = cursor.octets.subarray(cursor.at);
  if (rest.length === 0 || rest[0] === NEG_REQ) return;
  const end = rest.findIndex((octet, at) => octet === CR && rest[at + 1] === LF);
  if (end < 0) cursor.branch.note('MALFORMED', 'the cookie or routing token has no end');
  cursor.take('cookie or routing token', end < 0 ? rest.length : end + 2, (line) => asciiText(line.subarray(0, -2)));
}

function negotiation(cursor: Cursor, reading: Reading): string {
  const type = cursor.octets[cursor.at] ?? 0;
  const length = type === CORRELATION_INFO ? 36 : 8;
  const part = cursor.open(structureName(type), length);
  part.number('type', 1);
  const flags = type === NEG_REQ ? REQUEST_FLAGS : type === NEG_RSP ? RESPONSE_FLAGS : {};
  part.number('flags', 1, (bits) => flagsText(bits, flags));
  part.little('length', 2);
  switch (type) {
    case NEG_REQ: {
      const protocols = part.little('requestedProtocols', 4, protocolsText);
      reading.fact({ kind: 'rdp-requested', protocols });
      return `offers ${protocolsText(protocols)}`;
    }
    case NEG_RSP: {
      const protocols = part.little('selectedProtocol', 4, protocolsText);
      reading.fact({ kind: 'rdp-selected', protocols });
      return `selects ${protocolsText(protocols)}`;
    }
    case NEG_FAILURE: {
      const code = part.little('failureCode', 4, failureName);
      reading.fact({ kind: 'rdp-failure', code, name: failureName(code) });
      return `refuses: ${failureName(code)}`;
    }
    case CORRELATION_INFO:
      part.take('correlationId', 16);
      part.rest('reserved');
      return '';
    default:
      part.rest('data', hexText);
      part.branch.note('UNKNOWN', `negotiation structure of type ${type}`);
      return '';
  }
}

function structureName(type: number): string {
  switch (type) {
    case NEG_REQ:
      return 'RDP_NEG_REQ';
    case NEG_RSP:
      return 'RDP_NEG_RSP';
    case NEG_FAILURE:
      return 'RDP_NEG_FAILURE';
    case CORRELATION_INFO:
      return 'RDP_NEG_CORRELATION_INFO';
    default:
      return `structure ${type}`;
  }
}

function protocolsText(mask: number): string {
  return mask === 0 ? 'standard RDP security' : flagsText(mask, PROTOCOLS);
}

function failureName(code: number): string {
  return FAILURES.get(code) ?? `code ${code}`;
}
