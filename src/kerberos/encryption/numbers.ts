/**
 * The numbers of Kerberos cryptography: encryption types, checksum types, key usages.
 * @see https://www.iana.org/assignments/kerberos-parameters
 * @module
 */

/** Encryption types that this library has. */
export const ETYPE = {
  AES128_CTS_HMAC_SHA1_96: 17,
  AES256_CTS_HMAC_SHA1_96: 18,
  AES128_CTS_HMAC_SHA256_128: 19,
  AES256_CTS_HMAC_SHA384_192: 20,
  /** Broken; for those who allow it knowingly (RFC 8429). */
  RC4_HMAC: 23,
} as const;

/** Checksum types. All have a key: one without proves nothing against somebody who can write (fault Z33). */
export const CHECKSUM_TYPE = {
  HMAC_SHA1_96_AES128: 15,
  HMAC_SHA1_96_AES256: 16,
  HMAC_SHA256_128_AES128: 19,
  HMAC_SHA384_192_AES256: 20,
  /** RFC 4757 4. */
  HMAC_MD5: -138,
  /** The same without a signing key of its own; some old peers of RC4 send it. */
  HMAC_MD5_ENC: -137,
  /** Not a checksum at all, but a place for the flags of GSS-API: RFC 4121 4.1.1. */
  GSS: 0x8003,
} as const;

/**
 * Key usages: what a key is used for goes into the keys derived from it, so that a message cannot pass for another one (RFC
 * 4120 7.5.1; RFC 4121 2; RFC 6113 7; contract K3).
 */
export const KEY_USAGE = {
  PA_ENC_TIMESTAMP: 1,
  TICKET: 2,
  AS_REP: 3,
  TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY: 4,
  TGS_REQ_AUTHORIZATION_DATA_SUBKEY: 5,
  TGS_REQ_CHECKSUM: 6,
  TGS_REQ_AUTHENTICATOR: 7,
  TGS_REP_SESSION_KEY: 8,
  TGS_REP_SUBKEY: 9,
  AP_REQ_CHECKSUM: 10,
  AP_REQ_AUTHENTICATOR: 11,
  AP_REP: 12,
  KRB_PRIV: 13,
  KRB_CRED: 14,
  KRB_SAFE: 15,
  /** [MS-PAC] 2.8: PAC signatures; [MS-SFU] 2.2.1: the checksum of PA-FOR-USER. */
  KERB_NON_KERB_CKSUM_SALT: 17,
  AD_KDC_ISSUED: 19,
  GSS_ACCEPTOR_SEAL: 22,
  GSS_ACCEPTOR_SIGN: 23,
  GSS_INITIATOR_SEAL: 24,
  GSS_INITIATOR_SIGN: 25,
  IAKERB_FINISHED: 42,
  FAST_REQ_CHECKSUM: 50,
  FAST_ENC: 51,
  FAST_REP: 52,
  FAST_FINISHED: 53,
  ENCRYPTED_CHALLENGE_CLIENT: 54,
  ENCRYPTED_CHALLENGE_KDC: 55,
  AS_REQ_CHECKSUM: 56,
} as const;

const USAGE_NAMES = new Map<number, string>(
  Object.entries(KEY_USAGE).map(([name, usage]) => [usage, name.replaceAll('_', ' ')]),
);

/** A key usage for people. */
export function usageName(usage: number): string {
  return USAGE_NAMES.get(usage) ?? `key usage ${usage}`;
}
