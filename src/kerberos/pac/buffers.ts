/**
 * The frame of a PAC: PACTYPE and PAC_INFO_BUFFER, [MS-PAC] 2.3 and 2.4.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-pac/3341cfa2-6ef5-42e0-b7bc-4544884bf399
 * @module
 */
import { invalidPac } from './invalid.ts';

/** ulType. */
export const PAC_TYPE = {
  LOGON_INFO: 0x1,
  CREDENTIALS_INFO: 0x2,
  SERVER_CHECKSUM: 0x6,
  KDC_CHECKSUM: 0x7,
  CLIENT_INFO: 0xa,
  DELEGATION_INFO: 0xb,
  UPN_DNS_INFO: 0xc,
  CLIENT_CLAIMS: 0xd,
  DEVICE_INFO: 0xe,
  DEVICE_CLAIMS: 0xf,
  TICKET_CHECKSUM: 0x10,
  ATTRIBUTES: 0x11,
  REQUESTOR: 0x12,
  FULL_CHECKSUM: 0x13,
} as const;

const HEADER = 8;
const INFO_BUFFER = 16;
const ALIGNMENT = 8;
/** More than there are types. */
const MOST_BUFFERS = 64;
/** No honest PAC comes near it, with a thousand groups in it. */
const LONGEST_PAC = 1024 * 1024;

/** One buffer: where in the PAC it lies, and a view of it. */
export interface PacBuffer {
  readonly type: number;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** A PAC whose frame is right. What is in it is not verified yet. */
export interface Pac {
  readonly octets: Uint8Array;
  readonly buffers: readonly PacBuffer[];
}

/**
 * Reads the frame. Every buffer must lie behind the headers, whole, aligned, and apart from all others; no type may come twice:
 * what is verified and what is believed must be the same octets (CVE-2022-42898).
 * @throws SspiError PAC_INVALID
 */
export function decodePac(octets: Uint8Array): Pac {
  if (octets.length < HEADER || octets.length > LONGEST_PAC) throw invalidPac(`${octets.length} octets`);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  const count = view.getUint32(0, true);
  if (view.getUint32(4, true) !== 0) throw invalidPac('a version other than 0');
  if (count > MOST_BUFFERS) throw invalidPac(`${count} buffers`);
  const headers = HEADER + count * INFO_BUFFER;
  if (headers > octets.length) throw invalidPac('the octets are at an end within the headers');

  const buffers: PacBuffer[] = [];
  for (let at = HEADER; at < headers; at += INFO_BUFFER) {
    const type = view.getUint32(at, true);
    const size = view.getUint32(at + 4, true);
    const offset = view.getUint32(at + 8, true);
    const high = view.getUint32(at + 12, true);
    if (
      high !== 0 ||
      offset < headers ||
      offset % ALIGNMENT !== 0 ||
      offset > octets.length ||
      size > octets.length - offset
    )
      throw invalidPac(`buffer ${type} does not lie within the PAC`);
    if (buffers.some((other) => other.type === type)) throw invalidPac(`buffer ${type} comes twice`);
    buffers.push({ type, offset, data: octets.subarray(offset, offset + size) });
  }
  checkApart(buffers);
  return { octets, buffers };
}

function checkApart(buffers: readonly PacBuffer[]): void {
  const inOrder = buffers.toSorted((a, b) => a.offset - b.offset);
  let end = 0;
  for (const { type, offset, data } of inOrder) {
    if (offset < end) throw invalidPac(`buffer ${type} overlaps another one`);
    end = offset + data.length;
  }
}

/** The contents of the buffer of a type. */
export function pacBuffer({ buffers }: Pac, type: number): Uint8Array | undefined {
  return buffers.find((buffer) => buffer.type === type)?.data;
}

/** Lays buffers out behind their headers, in the order given. */
export function encodePac(contents: readonly { readonly type: number; readonly data: Uint8Array }[]): Pac {
  let length = HEADER + contents.length * INFO_BUFFER;
  const offsets: number[] = [];
  for (const { data } of contents) {
    offsets.push(length);
    length = Math.ceil((length + data.length) / ALIGNMENT) * ALIGNMENT;
  }
  const octets = new Uint8Array(length);
  const view = new DataView(octets.buffer);
  view.setUint32(0, contents.length, true);
  const buffers = contents.map(({ type, data }, index): PacBuffer => {
    const offset = offsets[index] ?? 0;
    const at = HEADER + index * INFO_BUFFER;
    view.setUint32(at, type, true);
    view.setUint32(at + 4, data.length, true);
    view.setUint32(at + 8, offset, true);
    octets.set(data, offset);
    return { type, offset, data: octets.subarray(offset, offset + data.length) };
  });
  return { octets, buffers };
}
