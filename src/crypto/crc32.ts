/**
 * CRC-32 (ISO-HDLC, the one of ZIP and Ethernet), which NTLM without extended session security signs with ([MS-NLMP] 3.4.4.1).
 * Not a checksum that keeps anybody out.
 * @module
 */

/** The polynomial 0x04C11DB7, bits reversed. */
const POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, octet) => {
  let remainder = octet;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ ((remainder & 1) * POLYNOMIAL);
  return remainder;
});

/**
 * The CRC-32 of `data`.
 * @returns an unsigned 32-bit number
 */
export function crc32(data: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const octet of data) remainder = (TABLE[(remainder ^ octet) & 0xff] ?? 0) ^ (remainder >>> 8);
  return (remainder ^ 0xffffffff) >>> 0;
}
