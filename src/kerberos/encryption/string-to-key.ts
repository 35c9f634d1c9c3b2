/**
 * What the ways from passwords to keys have in common: the text's form, and bounds on what a KDC may ask for.
 * @module
 */
import { SspiError } from '../../sspi/index.ts';

const STAGE = 'Kerberos string-to-key';

/** More rounds than this a KDC may not cost us: seconds, not hours (fault Z39). */
const MOST_ITERATIONS = 2 ** 24;
/** A salt is a realm and a principal name, or sixteen random octets with them. */
const LONGEST_SALT = 4096;

/**
 * The iteration count of s2kparams: a big-endian number in four octets (RFC 3962 4, RFC 8009 4).
 * @param byDefault - the count when there are no parameters
 * @throws SspiError MALFORMED_TOKEN for other lengths, zero (which would stand for 2^32), and more than 2^24
 */
export function iterationsOf(parameters: Uint8Array | undefined, byDefault: number): number {
  if (parameters === undefined || parameters.length === 0) return byDefault;
  if (parameters.length !== 4) throw malformed(`s2kparams of ${parameters.length} octets`);
  const count = new DataView(parameters.buffer, parameters.byteOffset, 4).getUint32(0);
  if (count === 0 || count > MOST_ITERATIONS) throw malformed(`${count === 0 ? 2 ** 32 : count} iterations`);
  return count;
}

/** @throws SspiError MALFORMED_TOKEN for a salt longer than any honest one */
export function checkSalt(salt: Uint8Array): void {
  if (salt.length > LONGEST_SALT) throw malformed(`a salt of ${salt.length} octets`);
}

function malformed(detail: string): SspiError {
  return new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail });
}

/**
 * A password as UTF-8. Units that are no half of a pair become U+FFFD, as Windows has it for Kerberos: passwords of machine
 * accounts are random units, and not always Unicode ([MS-KILE] 3.1.1.2 and 4.4).
 *
 * Done by hand because a string in between could never be wiped.
 * @param password - UTF-16LE, an even number of octets
 * @returns a new array for the caller to wipe
 */
export function utf8OfUtf16(password: Uint8Array): Uint8Array {
  const units = new DataView(password.buffer, password.byteOffset, password.length & ~1);
  const utf8 = new Uint8Array((units.byteLength / 2) * 3);
  let length = 0;
  for (let at = 0; at < units.byteLength; at += 2) {
    let point = units.getUint16(at, true);
    if (isSurrogate(point)) {
      const low = at + 2 < units.byteLength ? units.getUint16(at + 2, true) : 0;
      if (point < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) {
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        at += 2;
      } else {
        point = 0xfffd;
      }
    }
    length = putUtf8(utf8, length, point);
  }
  const password8 = utf8.slice(0, length);
  utf8.fill(0);
  return password8;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}

function putUtf8(octets: Uint8Array, start: number, point: number): number {
  let at = start;
  if (point < 0x80) {
    octets[at++] = point;
  } else if (point < 0x800) {
    octets[at++] = 0xc0 | (point >>> 6);
    octets[at++] = 0x80 | (point & 0x3f);
  } else if (point < 0x10000) {
    octets[at++] = 0xe0 | (point >>> 12);
    octets[at++] = 0x80 | ((point >>> 6) & 0x3f);
    octets[at++] = 0x80 | (point & 0x3f);
  } else {
    octets[at++] = 0xf0 | (point >>> 18);
    octets[at++] = 0x80 | ((point >>> 12) & 0x3f);
    octets[at++] = 0x80 | ((point >>> 6) & 0x3f);
    octets[at++] = 0x80 | (point & 0x3f);
  }
  return at;
}
