/**
 * How large the structures of attributes are in 64-bit C: what callers of the Ex functions say that they have room for, and what
 * those functions check before they write (contract L11).
 * @module
 */
import type { AttributeName, CredentialAttributeName } from '../sspi/index.ts';

const POINTER = 8;
/** A number of 32 bits or less, and what aligns the pointer behind it, or the end of the structure. */
const PADDED = 8;

/** `sizeof(SecPkgContext_*)` by attribute. */
export const CONTEXT_STRUCTURE_SIZES: Readonly<Record<AttributeName, number>> = {
  SIZES: 16,
  NAMES: POINTER,
  LIFESPAN: 16,
  STREAM_SIZES: 20,
  KEY_INFO: 2 * POINTER + 3 * 4 + 4,
  PASSWORD_EXPIRY: 8,
  SESSION_KEY: PADDED + POINTER,
  PACKAGE_INFO: POINTER,
  NEGOTIATION_INFO: POINTER + PADDED,
  NATIVE_NAMES: 2 * POINTER,
  FLAGS: 4,
  CREDENTIAL_NAME: PADDED + POINTER,
  ACCESS_TOKEN: POINTER,
  UNIQUE_BINDINGS: PADDED + POINTER,
  ENDPOINT_BINDINGS: PADDED + POINTER,
  CLIENT_SPECIFIED_TARGET: POINTER,
  LAST_CLIENT_TOKEN_STATUS: 4,
  NEGO_STATUS: 4,
  APPLICATION_PROTOCOL: 264, // two enumerations, one octet, 255 octets
  IS_LOOPBACK: 1,
  REMOTE_CERT_CONTEXT: POINTER,
  LOCAL_CERT_CONTEXT: POINTER,
  ISSUER_LIST_EX: POINTER + PADDED,
  CONNECTION_INFO: 7 * 4,
  SESSION_INFO: 4 + 4 + 32,
  APP_DATA: 4 + 4 + POINTER,
  REMOTE_CERTIFICATES: POINTER,
  CIPHER_INFO: 4 * 4 + 2 * 128 + 2 * 4 + 128 + 4 + 128 + 2 * 4 + 128 + 4, // five names of 64 characters
  REMOTE_CERT_CHAIN: POINTER,
  KEYING_MATERIAL_INFO: PADDED + POINTER + PADDED + POINTER + PADDED, // two lengths of 16 bits, each before its pointer
  KEYING_MATERIAL: PADDED + POINTER,
  SUBJECT_SECURITY_ATTRIBUTES: POINTER,
  C_ACCESS_TOKEN: POINTER,
  CREDS: PADDED + POINTER,
  NEGOTIATION_PACKAGE: POINTER,
  C_FULL_ACCESS_TOKEN: POINTER,
  SERVER_AUTH_FLAGS: 4,
  CERT_TRUST_STATUS: 8,
  CREDS_2: PADDED + POINTER,
};

/** `sizeof(SecPkgCredentials_*)` by attribute. */
export const CREDENTIAL_STRUCTURE_SIZES: Readonly<Record<CredentialAttributeName, number>> = {
  NAMES: POINTER,
  SSI_PROVIDER: POINTER + PADDED + POINTER,
  KDC_PROXY_SETTINGS: 16,
  CERT: PADDED + POINTER,
  PAC_BYPASS: 1,
  SUPPORTED_ALGS: PADDED + POINTER,
  CIPHER_STRENGTHS: 8,
  SUPPORTED_PROTOCOLS: 4,
};
