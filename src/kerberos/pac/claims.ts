/**
 * Claims: CLAIMS_SET_METADATA and what is in it, [MS-ADTS] 2.2.18; PAC_CLIENT_CLAIMS_INFO and PAC_DEVICE_CLAIMS_INFO.
 * @module
 */
import type { ClientClaim } from '../../sspi/index.ts';
import { invalidPac } from './invalid.ts';
import { NdrReader } from './ndr.ts';

/** Claims of one source. */
export interface ClaimsArray {
  /** 1 is Active Directory, 2 a certificate. */
  readonly sourceType: number;
  readonly claims: readonly ClientClaim[];
}

/** usCompressionFormat: none. Others are for sets of many kilobytes, and need [MS-XCA]. */
const COMPRESSION_NONE = 0;

/**
 * Reads claims.
 * @returns undefined when they are compressed
 * @throws SspiError PAC_INVALID
 */
export function decodeClaims(octets: Uint8Array): readonly ClaimsArray[] | undefined {
  const metadata = new NdrReader(octets);
  if (!metadata.pointer()) throw invalidPac('no claims');
  const size = metadata.u32();
  const present = metadata.pointer();
  const compression = metadata.u16();
  const uncompressedSize = metadata.u32();
  metadata.u16(); // usReservedType
  metadata.u32(); // ulReservedFieldSize
  metadata.pointer(); // ReservedField
  if (!present) throw invalidPac('no claims');
  metadata.conformance(size, 1);
  const set = metadata.octets(size);
  if (compression !== COMPRESSION_NONE) return undefined;
  if (uncompressedSize !== size) throw invalidPac('claims have two lengths');
  return decodeSet(new NdrReader(set));
}

/** CLAIMS_SET. */
function decodeSet(ndr: NdrReader): readonly ClaimsArray[] {
  if (!ndr.pointer()) throw invalidPac('no claims');
  const count = ndr.u32();
  const present = ndr.pointer();
  ndr.u16(); // usReservedType
  ndr.u32(); // ulReservedFieldSize
  ndr.pointer(); // ReservedField
  const arrays = ndr.array(present, count, 12, () => ({
    sourceType: ndr.u16(),
    count: ndr.u32(),
    present: ndr.pointer(),
  }));
  return arrays.map(({ sourceType, count: entries, present: there }) => ({
    sourceType,
    claims: decodeEntries(ndr, there, entries),
  }));
}

/** CLAIM_ENTRY: identifiers and values are all behind pointers. */
function decodeEntries(ndr: NdrReader, present: boolean, count: number): readonly ClientClaim[] {
  const entries = ndr.array(present, count, 16, () => {
    const named = ndr.pointer();
    const type = ndr.u16();
    if (ndr.u16() !== type) throw invalidPac('a claim has two types');
    return { named, type, valueCount: ndr.u32(), valued: ndr.pointer() };
  });
  return entries.map(({ named, type, valueCount, valued }): ClientClaim => {
    if (!named) throw invalidPac('a claim without identifier');
    const id = ndr.terminatedString();
    switch (type) {
      case 1:
        return { id, type: 'int64', values: ndr.array(valued, valueCount, 8, () => ndr.i64()) };
      case 2:
        return { id, type: 'uint64', values: ndr.array(valued, valueCount, 8, () => ndr.u64()) };
      case 3:
        return { id, type: 'string', values: decodeStrings(ndr, valued, valueCount) };
      case 6:
        return { id, type: 'boolean', values: ndr.array(valued, valueCount, 8, () => ndr.u64() !== 0n) };
      default:
        throw invalidPac(`claims of type ${type}`);
    }
  });
}

function decodeStrings(ndr: NdrReader, present: boolean, count: number): readonly string[] {
  const pointers = ndr.array(present, count, 4, () => ndr.pointer());
  return pointers.map((there) => {
    if (!there) throw invalidPac('a claim without value');
    return ndr.terminatedString();
  });
}
