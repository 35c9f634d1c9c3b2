/**
 * The few things that the door has to see in a TLS record without opening it.
 * @module
 */

const ALERT = 21;
const HANDSHAKE = 22;
const RECORD_HEADER = 5;

/**
 * Level and description of the alert record that ends a token, when it is in the clear (RFC 8446 6).
 * @returns two octets, or undefined when there is none or it is encrypted
 */
export function alertIn(token: Uint8Array): Uint8Array | undefined {
  const start = token.length - RECORD_HEADER - 2;
  if (start < 0 || token[start] !== ALERT || token[start + 1] !== 3) return undefined;
  return token[start + 3] === 0 && token[start + 4] === 2 ? token.subarray(-2) : undefined;
}

/** Whether a token is one HelloRequest record: the only thing a server may send before the client does (RFC 5246 7.4.1.1). */
export function isHelloRequest(token: Uint8Array): boolean {
  if (token.length !== RECORD_HEADER + 4 || token[0] !== HANDSHAKE || token[1] !== 3) return false;
  return [0, 4, 0, 0, 0, 0].every((octet, index) => token[3 + index] === octet);
}
