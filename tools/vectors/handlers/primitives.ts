/**
 * Legacy primitives: MD4, CRC-32, DES, RC4, HMAC-MD5.
 * @module
 */
import { crc32, desEcbEncrypt, expandDesKey56, hmacMd5, md4, Rc4 } from '../../../src/crypto/index.ts';
import { type CaseReader, same } from '../case.ts';
import type { CaseHandler } from '../runner.ts';

/** How each operation is done. */
const operations: Readonly<Record<string, (fields: CaseReader, input: Uint8Array) => Uint8Array>> = {
  md4: (_, input) => md4(input),
  crc32_le: (_, input) => littleEndian32(crc32(input)),
  des_expand_key56: (_, input) => expandDesKey56(input),
  des_ecb_encrypt: (fields, input) => desEcbEncrypt(fields.hex('key'), input),
  rc4: (fields, input) => rc4(fields.hex('key'), input),
  hmac_md5: (fields, input) => hmacMd5(fields.hex('key'), input),
};

/** RC4 over a copy of the input. */
export function rc4(key: Uint8Array, input: Uint8Array): Uint8Array {
  const cipher = new Rc4(key);
  const output = input.slice();
  cipher.transform(output);
  cipher.dispose();
  return output;
}

/** A 32-bit number as four octets, lowest first. */
export function littleEndian32(value: number): Uint8Array {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setUint32(0, value, true);
  return octets;
}

export const primitives: CaseHandler = {
  kind: 'primitive',
  applies: (value) => typeof value['op'] === 'string' && Object.hasOwn(operations, value['op']),
  check(fields) {
    const operation = operations[fields.text('op')];
    same('output', operation?.(fields, fields.hex('input')), fields.hex('output'));
  },
};
