/**
 * The three messages of NTLM ([MS-NLMP] 2.2.1) as trees: flags by name, AV_PAIRs, versions, responses, the MIC.
 * @module
 */
import { decodeUtf16, toHex } from '../../crypto/index.ts';
import {
  AV_FLAGS,
  AV_ID,
  decodeAuthenticate,
  decodeChallenge,
  decodeNegotiate,
  decodeSingleHost,
  decodeVersion,
  type MessageName,
  messageName,
  NEGOTIATE,
} from '../../ntlm/index.ts';
import { Cursor, reading as run } from '../cursor.ts';
import type { Reading } from '../reading.ts';
import { asciiText, fileTimeText, flagsText, hexNumber, hexText, printable } from '../text.ts';
import { reasonOf } from '../tracing-reader.ts';
import type { Branch } from '../tree.ts';

const AV_NAMES: ReadonlyMap<number, string> = new Map([
  [AV_ID.EOL, 'MsvAvEOL'],
  [AV_ID.NB_COMPUTER_NAME, 'MsvAvNbComputerName'],
  [AV_ID.NB_DOMAIN_NAME, 'MsvAvNbDomainName'],
  [AV_ID.DNS_COMPUTER_NAME, 'MsvAvDnsComputerName'],
  [AV_ID.DNS_DOMAIN_NAME, 'MsvAvDnsDomainName'],
  [AV_ID.DNS_TREE_NAME, 'MsvAvDnsTreeName'],
  [AV_ID.FLAGS, 'MsvAvFlags'],
  [AV_ID.TIMESTAMP, 'MsvAvTimestamp'],
  [AV_ID.SINGLE_HOST, 'MsvAvSingleHost'],
  [AV_ID.TARGET_NAME, 'MsvAvTargetName'],
  [AV_ID.CHANNEL_BINDINGS, 'MsvAvChannelBindings'],
]);

/** A message and what its fields have in common. */
interface Message {
  readonly octets: Uint8Array;
  readonly view: DataView;
  readonly branch: Branch;
  readonly reading: Reading;
  readonly unicode: boolean;
}

/** @returns one line about it */
export function describeNtlmMessage(octets: Uint8Array, branch: Branch, reading: Reading): string {
  const name = messageName(octets);
  const header = new Cursor(octets, branch);
  run(() => {
    header.take('Signature', 8, (signature) => asciiText(signature.subarray(0, 7)));
    header.little('MessageType', 4, (type) => (name === undefined ? String(type) : `${name} (${type})`));
  });
  if (name === undefined) {
    branch.note(octets.length < 12 ? 'TRUNCATED' : 'UNKNOWN', 'no NTLM message of a known type');
    return 'NTLM message of unknown type';
  }
  reading.suggest(name === 'CHALLENGE' ? 'server' : 'client');
  reading.fact({ kind: 'ntlm', message: name });
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const flagsAt = { NEGOTIATE: 12, CHALLENGE: 20, AUTHENTICATE: 60 }[name];
  const unicode = flagsAt + 4 <= octets.length && (view.getUint32(flagsAt, true) & NEGOTIATE.UNICODE) !== 0;
  const detail = DESCRIBE[name]({ octets, view, branch, reading, unicode });
  refusalOf(name, octets, branch);
  reading.observe({ kind: 'ntlm', name, octets, branch });
  return detail === '' ? `NTLM ${name}` : `NTLM ${name} (${detail})`;
}

const DESCRIBE: Readonly<Record<MessageName, (message: Message) => string>> = {
  NEGOTIATE(message) {
    const flags = flagsField(message, 12);
    // Nothing is negotiated yet: these names are always in the OEM character set.
    const oem = { ...message, unicode: false };
    if ((flags & NEGOTIATE.OEM_DOMAIN_SUPPLIED) !== 0) textField(oem, 'DomainName', 16);
    if ((flags & NEGOTIATE.OEM_WORKSTATION_SUPPLIED) !== 0) textField(oem, 'Workstation', 24);
    if ((flags & NEGOTIATE.VERSION) !== 0) versionField(message, 32);
    return '';
  },

  CHALLENGE(message) {
    const target = textField(message, 'TargetName', 12);
    const flags = flagsField(message, 20);
    fixedField(message, 'ServerChallenge', 24, 8);
    const info = (flags & NEGOTIATE.TARGET_INFO) === 0 ? undefined : payload(message, 'TargetInfo', 40);
    if (info !== undefined) avPairs(info.octets, info.branch);
    else message.branch.note('WEAK', 'no TargetInfo: the client cannot bind its answer to this server');
    if ((flags & NEGOTIATE.VERSION) !== 0) versionField(message, 48);
    return target === undefined || target === '' ? '' : target;
  },

  AUTHENTICATE(message) {
    lmResponse(message);
    ntResponse(message);
    const domain = textField(message, 'DomainName', 28) ?? '';
    const user = textField(message, 'UserName', 36) ?? '';
    textField(message, 'Workstation', 44);
    payload(message, 'EncryptedRandomSessionKey', 52);
    const flags = flagsField(message, 60);
    if ((flags & NEGOTIATE.VERSION) !== 0) versionField(message, 64);
    micField(message);
    if (user === '' && (flags & NEGOTIATE.ANONYMOUS) !== 0) return 'anonymous';
    return domain === '' ? user : `${domain}\\${user}`;
  },
};

/** What the engines of this library say to it: they are stricter than somebody who only wants to look. */
function refusalOf(name: MessageName, octets: Uint8Array, branch: Branch): void {
  const decode = { NEGOTIATE: decodeNegotiate, CHALLENGE: decodeChallenge, AUTHENTICATE: decodeAuthenticate }[name];
  try {
    decode(octets);
  } catch (error) {
    branch.note('REFUSED', `a receiver refuses it: ${reasonOf(error)}`);
  }
}

/** Octets of the fixed part. */
function fixedField(
  { octets, branch }: Message,
  name: string,
  at: number,
  length: number,
  value = hexText,
): Branch | undefined {
  if (at + length > octets.length) {
    branch.note('TRUNCATED', `${name} is missing`);
    return undefined;
  }
  return branch.add(name, branch.offset + at, length, value(octets.subarray(at, at + length)));
}

function flagsField(message: Message, at: number): number {
  const field = fixedField(message, 'NegotiateFlags', at, 4);
  if (field === undefined) return 0;
  const flags = message.view.getUint32(at, true);
  field.value = `${hexNumber(flags)}: ${flagsText(flags, NEGOTIATE)}`;
  return flags;
}

function versionField(message: Message, at: number): void {
  // Some clients set the flag and leave the field out; the payload begins in its place then.
  if (at + 8 > message.octets.length) return;
  const { major, minor, build, revision } = decodeVersion(message.octets.subarray(at, at + 8));
  const field = fixedField(message, 'Version', at, 8);
  if (field !== undefined) field.value = `${major}.${minor} build ${build}, NTLM revision ${revision}`;
}

/** What a pair of length and offset points to; undefined when it points outside. */
function payload(
  message: Message,
  name: string,
  at: number,
): { readonly octets: Uint8Array; readonly branch: Branch } | undefined {
  const { view, branch } = message;
  if (at + 8 > message.octets.length) {
    branch.note('TRUNCATED', `${name} is missing`);
    return undefined;
  }
  const length = view.getUint16(at, true);
  const offset = view.getUint32(at + 4, true);
  if (length === 0) return { octets: new Uint8Array(0), branch: branch.add(name, branch.offset + at, 8, '(empty)') };
  if (offset + length > message.octets.length) {
    const fault = branch.add(name, branch.offset + at, 8, `${length} octets at ${offset}`);
    fault.note('MALFORMED', `it points beyond the end, which is at ${message.octets.length}`);
    return undefined;
  }
  const octets = message.octets.subarray(offset, offset + length);
  return { octets, branch: branch.add(name, branch.offset + offset, length, hexText(octets)) };
}

function textField(message: Message, name: string, at: number): string | undefined {
  const found = payload(message, name, at);
  if (found === undefined) return undefined;
  const text = textOf(found.octets, message.unicode);
  found.branch.value = found.octets.length === 0 ? '(empty)' : text;
  return found.octets.length === 0 ? '' : text;
}

/** A name in UTF-16, or in what is left of it. */
function textOf(octets: Uint8Array, unicode: boolean): string {
  if (!unicode) return asciiText(octets);
  return octets.length % 2 === 0 ? printable(decodeUtf16(octets)) : hexText(octets);
}

function lmResponse(message: Message): void {
  const found = payload(message, 'LmChallengeResponse', 12);
  if (found === undefined || found.octets.length === 0) return;
  const isNone = found.octets.every((octet) => octet === 0);
  if (isNone) found.branch.value = `${found.octets.length} zeros: none`;
}

/** Its length tells what it is ([MS-NLMP] 2.2.2.6 and 2.2.2.8). */
function ntResponse(message: Message): void {
  const found = payload(message, 'NtChallengeResponse', 20);
  if (found === undefined || found.octets.length === 0) return;
  const { octets, branch } = found;
  if (octets.length === 24) {
    branch.note('WEAK', 'NTLMv1: the password can be computed from this response');
    message.reading.fact({ kind: 'ntlm-v1' });
    return;
  }
  branch.value = 'NTLMv2';
  const cursor = new Cursor(octets, branch);
  run(() => {
    cursor.take('NTProofStr', 16);
    const temp = cursor.open('NTLMv2_CLIENT_CHALLENGE', cursor.left);
    temp.number('RespType', 1);
    temp.number('HiRespType', 1);
    temp.pass('Reserved', 6);
    temp.take('TimeStamp', 8, timestampText);
    temp.take('ChallengeFromClient', 8);
    temp.pass('Reserved', 4);
    avPairs(temp.octets.subarray(temp.at), temp.branch.add('AvPairs', temp.base + temp.at, temp.left), message.reading);
  });
}

/** Writes a list of AV_PAIRs down. */
function avPairs(list: Uint8Array, branch: Branch, client?: Reading): void {
  branch.value = undefined;
  const cursor = new Cursor(list, branch);
  const seen = new Set<number>();
  run(() => {
    while (cursor.left > 0) {
      const [low = 0, high = 0, short = 0, long = 0] = cursor.pass('AV_PAIR', 4);
      const id = low | (high << 8);
      if (id === AV_ID.EOL) return;
      const value = cursor.take(AV_NAMES.get(id) ?? `AvId ${id}`, short | (long << 8), (octets) => avText(id, octets));
      if (seen.has(id)) branch.note('REFUSED', `${AV_NAMES.get(id) ?? id} comes twice`);
      seen.add(id);
      if (client !== undefined && id === AV_ID.CHANNEL_BINDINGS && value.every((octet) => octet === 0)) {
        branch.children.at(-1)?.note('WEAK', 'the client binds its logon to no TLS channel');
        client.fact({ kind: 'no-bindings' });
      }
    }
    branch.note('TRUNCATED', 'the list has no MsvAvEOL');
  });
}

function avText(id: number, value: Uint8Array): string {
  switch (id) {
    case AV_ID.FLAGS:
      return value.length === 4
        ? flagsText(new DataView(value.buffer, value.byteOffset).getUint32(0, true), AV_FLAGS)
        : hexText(value);
    case AV_ID.TIMESTAMP:
      return timestampText(value);
    case AV_ID.SINGLE_HOST:
      return value.length < 48 ? hexText(value) : `machine ${toHex(decodeSingleHost(value).machineId)}`;
    case AV_ID.CHANNEL_BINDINGS:
      return value.every((octet) => octet === 0) ? 'none' : hexText(value);
    default:
      return AV_NAMES.has(id) && value.length > 0 ? textOf(value, true) : hexText(value);
  }
}

function timestampText(octets: Uint8Array): string {
  if (octets.length !== 8) return hexText(octets);
  return fileTimeText(new DataView(octets.buffer, octets.byteOffset).getBigUint64(0, true));
}

/** There is one when the client says so under its proof; where, the strict decoder knows. */
function micField(message: Message): void {
  try {
    const { mic, micAt } = decodeAuthenticate(message.octets);
    if (mic !== undefined) fixedField(message, 'MIC', micAt, mic.length);
    else
      message.branch.note(
        'REMARK',
        'there is no MIC: nothing proves that NEGOTIATE and CHALLENGE arrived as they were sent',
      );
  } catch {
    // What the decoder has to say is noted for the whole message.
  }
}
