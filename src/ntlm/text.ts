/**
 * Names in NTLM messages: UTF-16LE where NTLMSSP_NEGOTIATE_UNICODE is set, else the OEM character set ([MS-NLMP] 2.2.2.5 A, B).
 *
 * The OEM character set is that of the sender's machine, and no field says which. Windows-1252 is what Western machines use;
 * names of others come out wrong, but only names in messages that no system of this century sends.
 * @module
 */
import { decodeUtf16, encodeUtf16 } from '../crypto/index.ts';
import { SspiError } from '../sspi/index.ts';

/** Windows-1252 from 0x80 to 0x9F; elsewhere it is ISO 8859-1. Unassigned octets stand for themselves. */
const HIGH_CONTROLS = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** @throws SspiError MALFORMED_TOKEN for half a UTF-16 unit */
export function decodeText(octets: Uint8Array, unicode: boolean, stage: string): string {
  if (!unicode) return decodeOem(octets);
  if (octets.length % 2 !== 0)
    throw new SspiError('MALFORMED_TOKEN', { stage, detail: 'a name ends in half a character' });
  return decodeUtf16(octets);
}

/** @throws SspiError INVALID_PARAMETER for a name that the OEM character set cannot express */
export function encodeText(text: string, unicode: boolean, stage: string): Uint8Array {
  return unicode ? encodeUtf16(text) : encodeOem(text, stage);
}

export function decodeOem(octets: Uint8Array): string {
  let text = '';
  for (const octet of octets)
    text += octet >= 0x80 && octet <= 0x9f ? HIGH_CONTROLS.charAt(octet - 0x80) : String.fromCharCode(octet);
  return text;
}

export function encodeOem(text: string, stage: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const special = HIGH_CONTROLS.indexOf(text.charAt(i));
    const code = text.charCodeAt(i);
    if (special < 0 && (code > 0xff || (code >= 0x80 && code <= 0x9f)))
      throw new SspiError('INVALID_PARAMETER', {
        stage,
        detail: 'a name does not fit the OEM character set that the peer uses',
      });
    octets[i] = special < 0 ? code : 0x80 + special;
  }
  return octets;
}

/**
 * Upper case as NTLM means it: every UTF-16 unit becomes one other unit, or stays ([MS-NLMP] 3.3.2; contract N8). JavaScript
 * would make two letters of `ß`, and with the length the hash would change.
 */
export function upperCase(text: string): string {
  let upper = '';
  for (let i = 0; i < text.length; i++) upper += upperCaseUnit(text.charAt(i));
  return upper;
}

function upperCaseUnit(unit: string): string {
  const full = unit.toUpperCase();
  if (full.length === 1) return full;
  // Greek with iota subscript has a capital of its own beside the two-letter form: U+1F80-1FAF eight further, three alone nine.
  const code = unit.charCodeAt(0);
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCharCode(code | 8);
  return code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3 ? String.fromCharCode(code + 9) : unit;
}
