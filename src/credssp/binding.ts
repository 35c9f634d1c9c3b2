/**
 * The proof that both sides see the same TLS key, [MS-CSSP] 3.1.5 steps 3 and 4 (contract §3.7).
 *
 * Versions 2 to 4 echo the key itself, the server with 1 added to it; whoever relays TLS can make the two sides encrypt
 * chosen octets that way (CVE-2018-0886). Versions 5 and 6 send a hash that a nonce of the client makes unpredictable. The
 * form follows from the version that was negotiated, never from whether a nonce happens to be there (fault Z2).
 * @module
 */
import { concat, sha256 } from '../crypto/index.ts';

/** From the client, or from the server: the two never look alike, so that neither can be sent back to its maker (X33). */
export type BindingDirection = 'clientToServer' | 'serverToClient';

/** The first version whose proof is a hash. */
export const FIRST_HASHED_VERSION = 5;

const text = new TextEncoder();
const MAGIC: Readonly<Record<BindingDirection, Uint8Array>> = {
  clientToServer: text.encode('CredSSP Client-To-Server Binding Hash\0'),
  serverToClient: text.encode('CredSSP Server-To-Client Binding Hash\0'),
};

/**
 * What `pubKeyAuth` holds before it is sealed.
 * @param version - the negotiated version, 2 to 6
 * @param nonce - the client's 32 octets; versions below 5 do not use it
 * @param publicKey - content of the SubjectPublicKey BIT STRING, without its unused-bits octet (contract X30)
 */
export function bindingProof(
  direction: BindingDirection,
  version: number,
  nonce: Uint8Array,
  publicKey: Uint8Array,
): Uint8Array {
  if (version >= FIRST_HASHED_VERSION) return bindingHash(direction, nonce, publicKey);
  return direction === 'clientToServer' ? publicKey.slice() : keyPlusOne(publicKey);
}

/** Magic, nonce, key: the order of the formula, not of the prose around it (contract E16). */
export function bindingHash(direction: BindingDirection, nonce: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return sha256(concat(MAGIC[direction], nonce, publicKey));
}

/**
 * The key as a little-endian integer, plus 1. A carry goes into the following octet as FreeRDP does it; keys of real
 * certificates begin with 0x30 or 0x04, so no peer can tell.
 */
export function keyPlusOne(publicKey: Uint8Array): Uint8Array {
  const sum = publicKey.slice();
  for (let i = 0; i < sum.length; i++) {
    const next = ((sum[i] ?? 0) + 1) & 0xff;
    sum[i] = next;
    if (next !== 0) break;
  }
  return sum;
}
