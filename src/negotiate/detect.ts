/**
 * What a token is, told by its first octets: servers are sent SPNEGO, NTLM or Kerberos without saying which (contract X23).
 * @module
 */

/** What a token may be. */
export type TokenKind = 'ntlm' | 'spnego-init' | 'spnego-resp' | 'kerberos' | 'kerberos-ap-req' | 'unknown';

/** `NTLMSSP` and a zero. */
const NTLM_SIGNATURE = [0x4e, 0x54, 0x4c, 0x4d, 0x53, 0x53, 0x50, 0x00];
const SPNEGO_OID = [0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
/** Kerberos, Kerberos from user to user (one arc more), and the name that only Windows has for it. */
const KERBEROS_OIDS = [
  [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02],
  [0x06, 0x0a, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03],
  [0x06, 0x09, 0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02],
];

const INITIAL_CONTEXT_TOKEN = 0x60; // [APPLICATION 0], RFC 2743 3.1
const NEG_TOKEN_RESP = 0xa1; // [1], RFC 4178 4.2
const AP_REQ = 0x6e; // [APPLICATION 14], RFC 4120 5.5.1

/**
 * Tells what a token is without taking it apart.
 * @param octets - a token from its start; may be cut short
 * @returns `kerberos` for a GSS token of Kerberos, `kerberos-ap-req` for an AP-REQ without GSS framing
 * @example
 * detectToken(new TextEncoder().encode('NTLMSSP\0')); // 'ntlm'
 */
export function detectToken(octets: Uint8Array): TokenKind {
  switch (octets[0]) {
    case NTLM_SIGNATURE[0]:
      return startsWith(octets, 0, NTLM_SIGNATURE) ? 'ntlm' : 'unknown';
    case INITIAL_CONTEXT_TOKEN: {
      const contents = afterLength(octets);
      if (startsWith(octets, contents, SPNEGO_OID)) return 'spnego-init';
      return KERBEROS_OIDS.some((oid) => startsWith(octets, contents, oid)) ? 'kerberos' : 'unknown';
    }
    case NEG_TOKEN_RESP:
      return 'spnego-resp';
    case AP_REQ:
      return 'kerberos-ap-req';
    default:
      return 'unknown';
  }
}

/** Where the contents of a value begin; whether the length is right is for the decoder to say. */
export function afterLength(octets: Uint8Array): number {
  const first = octets[1] ?? 0;
  return first < 0x80 ? 2 : 2 + (first & 0x7f);
}

function startsWith(octets: Uint8Array, at: number, expected: readonly number[]): boolean {
  return expected.every((octet, index) => octets[at + index] === octet);
}
