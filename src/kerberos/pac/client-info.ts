/**
 * The small buffers of a PAC: PAC_CLIENT_INFO, UPN_DNS_INFO, PAC_ATTRIBUTES_INFO, PAC_REQUESTOR: [MS-PAC] 2.7, 2.10, 2.14, 2.15.
 * @module
 */
import { decodeUtf16, encodeUtf16 } from '../../crypto/index.ts';
import { invalidPac } from './invalid.ts';
import { sidOctets, sidText } from './sid.ts';

/** PAC_CLIENT_INFO: ties the PAC to the ticket. */
export interface PacClientInfo {
  /** The authtime of the ticket: FILETIME ticks. */
  readonly clientId: bigint;
  /** The name of the client in the ticket. */
  readonly name: string;
}

/** @throws SspiError PAC_INVALID */
export function decodePacClientInfo(octets: Uint8Array): PacClientInfo {
  if (octets.length < 10) throw invalidPac('PAC_CLIENT_INFO is too short');
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  return { clientId: view.getBigUint64(0, true), name: textAt(octets, 10, view.getUint16(8, true)) };
}

/** The reverse of {@link decodePacClientInfo}. */
export function encodePacClientInfo({ clientId, name }: PacClientInfo): Uint8Array {
  const text = encodeUtf16(name);
  const octets = new Uint8Array(10 + text.length);
  const view = new DataView(octets.buffer);
  view.setBigUint64(0, clientId, true);
  view.setUint16(8, text.length, true);
  octets.set(text, 10);
  return octets;
}

/** Bits of the flags of UPN_DNS_INFO. */
export const UPN_DNS_FLAGS = {
  /** The account has no UPN of its own; the one here is made of its name and the domain. */
  NO_UPN: 0x1,
  /** sAMAccountName and SID are there too. */
  EXTENDED: 0x2,
} as const;

/** UPN_DNS_INFO. */
export interface UpnDnsInfo {
  readonly upn: string;
  readonly dnsDomainName: string;
  /** Bits of {@link UPN_DNS_FLAGS}. */
  readonly flags: number;
  /** sAMAccountName. */
  readonly samName: string | undefined;
  readonly sid: string | undefined;
}

/** @throws SspiError PAC_INVALID */
export function decodeUpnDnsInfo(octets: Uint8Array): UpnDnsInfo {
  if (octets.length < 12) throw invalidPac('UPN_DNS_INFO is too short');
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const at = (index: number): number => view.getUint16(2 * index, true);
  const flags = view.getUint32(8, true);
  const extended = (flags & UPN_DNS_FLAGS.EXTENDED) !== 0;
  if (extended && octets.length < 20) throw invalidPac('UPN_DNS_INFO is too short');
  return {
    upn: textAt(octets, at(1), at(0)),
    dnsDomainName: textAt(octets, at(3), at(2)),
    flags,
    samName: extended ? textAt(octets, at(7), at(6)) : undefined,
    sid: extended ? sidIn(part(octets, at(9), at(8))) : undefined,
  };
}

/** The reverse of {@link decodeUpnDnsInfo}; flag EXTENDED follows from `samName` and `sid`, which come together. */
export function encodeUpnDnsInfo({ upn, dnsDomainName, flags, samName, sid }: UpnDnsInfo): Uint8Array {
  const extended = samName !== undefined && sid !== undefined;
  const sidPart = extended ? sidOctets(sid) : undefined;
  if (extended && sidPart === undefined) throw invalidPac(`${sid} is not a SID`);
  const parts = [encodeUtf16(upn), encodeUtf16(dnsDomainName)];
  if (sidPart !== undefined) parts.push(encodeUtf16(samName ?? ''), sidPart);

  let length = extended ? 24 : 16;
  const places = parts.map((content) => {
    const offset = length;
    length = Math.ceil((length + content.length) / 8) * 8;
    return { content, offset };
  });
  const octets = new Uint8Array(length);
  const view = new DataView(octets.buffer);
  const others = flags & ~UPN_DNS_FLAGS.EXTENDED;
  view.setUint32(8, extended ? others | UPN_DNS_FLAGS.EXTENDED : others, true);
  for (const [index, { content, offset }] of places.entries()) {
    const header = index < 2 ? 4 * index : 4 + 4 * index; // the flags stand in between
    view.setUint16(header, content.length, true);
    view.setUint16(header + 2, offset, true);
    octets.set(content, offset);
  }
  return octets;
}

/** Bits of PAC_ATTRIBUTES_INFO. */
export const PAC_ATTRIBUTES = { PAC_WAS_REQUESTED: 0x1, PAC_WAS_GIVEN_IMPLICITLY: 0x2 } as const;

/** PAC_ATTRIBUTES_INFO: the first 32 flags. @throws SspiError PAC_INVALID */
export function decodePacAttributes(octets: Uint8Array): number {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  if (octets.length < 8 || view.getUint32(0, true) > 8 * (octets.length - 4))
    throw invalidPac('PAC_ATTRIBUTES_INFO is too short');
  return view.getUint32(4, true);
}

/** The reverse of {@link decodePacAttributes}. */
export function encodePacAttributes(flags: number): Uint8Array {
  const octets = new Uint8Array(8);
  const view = new DataView(octets.buffer);
  view.setUint32(0, 2, true); // so many bits have a meaning
  view.setUint32(4, flags, true);
  return octets;
}

/** PAC_REQUESTOR: the SID of whoever asked for the ticket-granting ticket. @throws SspiError PAC_INVALID */
export function decodePacRequestor(octets: Uint8Array): string {
  return sidIn(octets);
}

/** The reverse of {@link decodePacRequestor}. */
export function encodePacRequestor(sid: string): Uint8Array {
  const octets = sidOctets(sid);
  if (octets === undefined) throw invalidPac(`${sid} is not a SID`);
  return octets;
}

function sidIn(octets: Uint8Array): string {
  const text = sidText(octets);
  if (text === undefined) throw invalidPac('not a SID');
  return text;
}

function textAt(octets: Uint8Array, offset: number, length: number): string {
  if (length % 2 !== 0) throw invalidPac('a text of an odd number of octets');
  return decodeUtf16(part(octets, offset, length));
}

function part(octets: Uint8Array, offset: number, length: number): Uint8Array {
  if (offset + length > octets.length) throw invalidPac('a text lies outside of its buffer');
  return octets.subarray(offset, offset + length);
}
