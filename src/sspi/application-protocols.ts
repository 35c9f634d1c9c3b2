/**
 * `SEC_APPLICATION_PROTOCOLS`: the content of a SECBUFFER_APPLICATION_PROTOCOLS buffer, which asks for ALPN (RFC 7301).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/ns-sspi-sec_application_protocols
 * @module
 */
import { concat } from '../crypto/index.ts';
import { SspiError } from './errors.ts';
import { StructureReader } from './structures.ts';

/** SEC_APPLICATION_PROTOCOL_NEGOTIATION_EXT: NPN, the forerunner of ALPN, is 1. */
const ALPN = 2;
/** ProtocolListsSize. */
const HEADER = 4;
/** ProtoNegoExt and ProtocolListSize; the names follow without padding. */
const LIST_HEADER = 6;
const MAX_NAME = 255;
const MAX_LIST = 0xffff;

/**
 * Reads the names for ALPN; lists for other extensions are left out.
 * @returns the names in order of preference, one character per octet
 * @throws SspiError INVALID_PARAMETER when a length leads outside, or a name is empty
 */
export function decodeApplicationProtocols(octets: Uint8Array): string[] {
  const whole = new StructureReader(octets, 'SEC_APPLICATION_PROTOCOLS', 'INVALID_PARAMETER');
  const lists = new StructureReader(
    whole.slice(HEADER, whole.u32(0)),
    'SEC_APPLICATION_PROTOCOLS',
    'INVALID_PARAMETER',
  );
  const names: string[] = [];
  for (let at = 0; at < lists.octets.length; ) {
    const extension = lists.u32(at);
    const list = lists.slice(at + LIST_HEADER, lists.u16(at + 4));
    if (extension === ALPN) names.push(...decodeList(lists, list));
    at += LIST_HEADER + list.length;
  }
  return names;
}

/** Each name behind its length in one octet. */
function decodeList(reader: StructureReader, list: Uint8Array): string[] {
  const names: string[] = [];
  for (let at = 0; at < list.length; ) {
    const length = list[at] ?? 0;
    const name = list.subarray(at + 1, at + 1 + length);
    if (length === 0 || name.length < length) throw reader.malformed('a protocol name is empty or cut off');
    names.push(String.fromCharCode(...name));
    at += 1 + length;
  }
  return names;
}

/**
 * Writes the structure for ALPN.
 * @param names - in order of preference, one octet per character, 1 to 255 of them each
 * @throws SspiError INVALID_PARAMETER for other names, or more than 65,535 octets in all
 * @example
 * const input = { buffers: [secBuffer(SECBUFFER.APPLICATION_PROTOCOLS, encodeApplicationProtocols(['h2', 'http/1.1']))] };
 */
export function encodeApplicationProtocols(names: readonly string[]): Uint8Array {
  const list = concat(...names.map(encodeName));
  if (list.length > MAX_LIST) throw refused('the list is too long');
  const header = new Uint8Array(HEADER + LIST_HEADER);
  const view = new DataView(header.buffer);
  view.setUint32(0, LIST_HEADER + list.length, true);
  view.setUint32(4, ALPN, true);
  view.setUint16(8, list.length, true);
  return concat(header, list);
}

function encodeName(name: string): Uint8Array {
  const codes = Array.from(name, (character) => character.charCodeAt(0));
  if (codes.length === 0 || codes.length > MAX_NAME || codes.some((code) => code > 0xff))
    throw refused('a name has 1 to 255 characters of one octet');
  return Uint8Array.from([codes.length, ...codes]);
}

function refused(detail: string): SspiError {
  return new SspiError('INVALID_PARAMETER', { stage: 'SEC_APPLICATION_PROTOCOLS', detail });
}
