/**
 * KDC-PROXY-MESSAGE, [MS-KKDCP] 2.2.2: messages of Kerberos over HTTPS (contract F25).
 * @module
 */
import { decode, encode, field, integer, octetString, optional, sequence, type TypeOf } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { Realm } from './basic-types.ts';

/** KDC-PROXY-MESSAGE. */
export const KdcProxyMessage = sequence({
  kerbMessage: field(0, octetString), // as over TCP, behind its length in four octets
  targetDomain: optional(1, Realm),
  dclocatorHint: optional(2, integer), // flags of DsGetDcName
});
export type KdcProxyMessage = TypeOf<typeof KdcProxyMessage>;

/** Octets of length in front of a message. */
const LENGTH = 4;

/** Wraps a message for a proxy: in front of it goes its length, as over TCP. */
export function encodeKdcProxyMessage(message: Uint8Array, targetDomain?: string): Uint8Array {
  const kerbMessage = new Uint8Array(LENGTH + message.length);
  new DataView(kerbMessage.buffer).setUint32(0, message.length);
  kerbMessage.set(message, LENGTH);
  return encode(KdcProxyMessage, { kerbMessage, targetDomain });
}

/**
 * What a proxy was sent, or answered.
 * @throws SspiError MALFORMED_TOKEN when the length does not fit; DerError
 */
export function decodeKdcProxyMessage(octets: Uint8Array): { message: Uint8Array; targetDomain: string | undefined } {
  const { kerbMessage, targetDomain } = decode(KdcProxyMessage, octets);
  const message = kerbMessage.subarray(LENGTH);
  const told = kerbMessage.length < LENGTH ? -1 : new DataView(kerbMessage.buffer, kerbMessage.byteOffset).getUint32(0);
  if (told !== message.length)
    throw new SspiError('MALFORMED_TOKEN', {
      stage: 'KDC-PROXY-MESSAGE',
      detail: 'the length does not fit the message',
    });
  return { message, targetDomain };
}
