/**
 * `SEC_CHANNEL_BINDINGS`: the content of a SECBUFFER_CHANNEL_BINDINGS buffer, and of the attributes UNIQUE_BINDINGS and
 * ENDPOINT_BINDINGS (contract Q9). Eight numbers of 32 bits, and behind them the data that they point to.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/ns-sspi-sec_channel_bindings
 * @module
 */
import { concat } from '../crypto/index.ts';
import type { ChannelBindings } from './channel-bindings.ts';
import { StructureReader } from './structures.ts';

const HEADER = 32;
const EMPTY = new Uint8Array(0);

/**
 * Reads the structure.
 * @returns bindings with data of their own, not views
 * @throws SspiError INVALID_PARAMETER when an offset or length leads outside
 */
export function decodeSecChannelBindings(octets: Uint8Array): ChannelBindings {
  const reader = new StructureReader(octets, 'SEC_CHANNEL_BINDINGS', 'INVALID_PARAMETER');
  reader.slice(0, HEADER);
  const data = (at: number): Uint8Array => {
    const length = reader.u32(at);
    if (length === 0) return EMPTY;
    const offset = reader.u32(at + 4);
    if (offset < HEADER) throw reader.malformed(`the offset at ${at + 4} points into the header`);
    return new Uint8Array(reader.slice(offset, length));
  };
  return {
    initiatorAddressType: reader.u32(0),
    initiatorAddress: data(4),
    acceptorAddressType: reader.u32(12),
    acceptorAddress: data(16),
    applicationData: data(24),
  };
}

/**
 * Writes the structure, for a SECBUFFER_CHANNEL_BINDINGS buffer.
 * @example
 * const bindings = encodeSecChannelBindings({ applicationData: tlsServerEndPoint });
 * const input = { buffers: [secBuffer(SECBUFFER.TOKEN, token), secBuffer(SECBUFFER.CHANNEL_BINDINGS, bindings)] };
 */
export function encodeSecChannelBindings(bindings: ChannelBindings): Uint8Array {
  const { initiatorAddress = EMPTY, acceptorAddress = EMPTY, applicationData } = bindings;
  const header = new Uint8Array(HEADER);
  const view = new DataView(header.buffer);
  let end = HEADER;
  const point = (at: number, octets: Uint8Array): void => {
    view.setUint32(at, octets.length, true);
    view.setUint32(at + 4, octets.length === 0 ? 0 : end, true);
    end += octets.length;
  };
  view.setUint32(0, bindings.initiatorAddressType ?? 0, true);
  point(4, initiatorAddress);
  view.setUint32(12, bindings.acceptorAddressType ?? 0, true);
  point(16, acceptorAddress);
  point(24, applicationData);
  return concat(header, initiatorAddress, acceptorAddress, applicationData);
}
