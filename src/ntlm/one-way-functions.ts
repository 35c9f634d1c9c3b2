/**
 * The one-way functions that make response keys of passwords, [MS-NLMP] 3.3.1 and 3.3.2.
 * @module
 */
import { concat, desEcbEncrypt, encodeUtf16, expandDesKey56, hmacMd5, md4 } from '../crypto/index.ts';
import { encodeOem, upperCase } from './text.ts';

/** What LMOWFv1 encrypts under the password: `KGS!@#$%`. */
const LM_MAGIC = Uint8Array.of(0x4b, 0x47, 0x53, 0x21, 0x40, 0x23, 0x24, 0x25);

/**
 * NTOWFv1, the NT hash: MD4 of the password.
 * @param password - UTF-16LE octets, as they are: the passwords of machine accounts are not always valid Unicode
 */
export function ntowfV1(password: Uint8Array): Uint8Array {
  return md4(password);
}

/**
 * LMOWFv1, the LM hash. Passwords that need more than 14 characters have none. Only KXKEY of NTLMv1 with old flags wants it.
 * @throws SspiError INVALID_PARAMETER for characters beyond the OEM character set
 */
export function lmowfV1(password: string): Uint8Array {
  const padded = new Uint8Array(14);
  padded.set(encodeOem(upperCase(password), 'LMOWFv1').subarray(0, 14));
  return concat(
    desEcbEncrypt(expandDesKey56(padded.subarray(0, 7)), LM_MAGIC),
    desEcbEncrypt(expandDesKey56(padded.subarray(7)), LM_MAGIC),
  );
}

/**
 * NTOWFv2, which is also LMOWFv2: the NT hash bound to the names.
 * @param ntHash - {@link ntowfV1} of the password
 * @param user - in any case
 * @param domain - exactly as it goes over the wire: unlike the user's, its case counts
 */
export function ntowfV2(ntHash: Uint8Array, user: string, domain: string): Uint8Array {
  return hmacMd5(ntHash, encodeUtf16(upperCase(user) + domain));
}
