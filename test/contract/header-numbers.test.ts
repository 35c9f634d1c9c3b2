/**
 * Constants, written down once more from where they are published: sspi.h, schannel.h, wincrypt.h, winerror.h, [MS-NLMP],
 * RFC 4120, RFC 4121, [MS-KILE], [MS-RDPBCGR]. What a flag is for, other tests say; these say which bit it is, by number.
 */
import { describe, expect, test } from 'vitest';
import {
  ASC_REQ,
  ASC_RET,
  AUTH_IDENTITY,
  CERT_STATUS,
  CERT_TRUST_INFO,
  CREDSSP_SERVER_AUTH,
  ISC_REQ,
  ISC_RET,
  SCH_CRED,
  SEC_E,
  SEC_I,
} from '../../src/index.ts';
import { AD_TYPE, AP_OPTIONS_DATA, GSS_FLAG, KEY_USAGE } from '../../src/kerberos/index.ts';
import { AV_FLAGS, AV_ID } from '../../src/ntlm/av-pairs.ts';
import { NEGOTIATE } from '../../src/ntlm/flags.ts';
import { RDP_NEG_FAILURE_CODE, RDP_NEG_REQ_FLAG, RDP_NEG_RSP_FLAG, RDP_PROTOCOL } from '../../src/rdp/x224.ts';

/** Names of bits that follow each other, from 1 on. */
function bits(...names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name, bit) => [name, 2 ** bit]));
}

/** Names of numbers that follow each other. */
function counted(first: number, ...names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name, at) => [name, first + at]));
}

describe('§2.10: flags of contexts, sspi.h', () => {
  const common = ['DELEGATE', 'MUTUAL_AUTH', 'REPLAY_DETECT', 'SEQUENCE_DETECT', 'CONFIDENTIALITY', 'USE_SESSION_KEY'];

  test('R19, R20, §2.10: ISC_REQ', () => {
    expect(ISC_REQ).toEqual({
      ...bits(...common),
      PROMPT_FOR_CREDS: 0x40,
      USE_SUPPLIED_CREDS: 0x80,
      ALLOCATE_MEMORY: 0x100,
      USE_DCE_STYLE: 0x200,
      DATAGRAM: 0x400,
      CONNECTION: 0x800,
      CALL_LEVEL: 0x1000,
      FRAGMENT_SUPPLIED: 0x2000,
      EXTENDED_ERROR: 0x4000,
      STREAM: 0x8000,
      INTEGRITY: 0x10000,
      IDENTIFY: 0x20000,
      NULL_SESSION: 0x40000,
      MANUAL_CRED_VALIDATION: 0x80000,
      RESERVED1: 0x100000,
      FRAGMENT_TO_FIT: 0x200000,
      FORWARD_CREDENTIALS: 0x400000,
      NO_INTEGRITY: 0x800000,
      USE_HTTP_STYLE: 0x1000000,
      UNVERIFIED_TARGET_NAME: 0x20000000,
      CONFIDENTIALITY_ONLY: 0x40000000,
      MESSAGES: 0x100000000,
    });
  });

  test('R44, §2.10: ISC_RET', () => {
    expect(ISC_RET).toEqual({
      ...bits(...common),
      USED_COLLECTED_CREDS: 0x40,
      USED_SUPPLIED_CREDS: 0x80,
      ALLOCATED_MEMORY: 0x100,
      USED_DCE_STYLE: 0x200,
      DATAGRAM: 0x400,
      CONNECTION: 0x800,
      INTERMEDIATE_RETURN: 0x1000,
      CALL_LEVEL: 0x2000,
      EXTENDED_ERROR: 0x4000,
      STREAM: 0x8000,
      INTEGRITY: 0x10000,
      IDENTIFY: 0x20000,
      NULL_SESSION: 0x40000,
      MANUAL_CRED_VALIDATION: 0x80000,
      RESERVED1: 0x100000,
      FRAGMENT_ONLY: 0x200000,
      FORWARD_CREDENTIALS: 0x400000,
      USED_HTTP_STYLE: 0x1000000,
      NO_ADDITIONAL_TOKEN: 0x2000000,
      REAUTHENTICATION: 0x8000000,
      CONFIDENTIALITY_ONLY: 0x40000000,
      MESSAGES: 0x100000000,
    });
  });

  test('C5, E22, §2.10: ASC_REQ', () => {
    expect(ASC_REQ).toEqual({
      ...bits(...common),
      SESSION_TICKET: 0x40,
      ALLOCATE_MEMORY: 0x100,
      USE_DCE_STYLE: 0x200,
      DATAGRAM: 0x400,
      CONNECTION: 0x800,
      CALL_LEVEL: 0x1000,
      FRAGMENT_SUPPLIED: 0x2000,
      EXTENDED_ERROR: 0x8000,
      STREAM: 0x10000,
      INTEGRITY: 0x20000,
      LICENSING: 0x40000,
      IDENTIFY: 0x80000,
      ALLOW_NULL_SESSION: 0x100000,
      ALLOW_NON_USER_LOGONS: 0x200000,
      ALLOW_CONTEXT_REPLAY: 0x400000,
      FRAGMENT_TO_FIT: 0x800000,
      NO_TOKEN: 0x1000000,
      PROXY_BINDINGS: 0x4000000,
      ALLOW_MISSING_BINDINGS: 0x10000000,
    });
  });

  test('C8, E22, §2.10: ASC_RET', () => {
    expect(ASC_RET).toEqual({
      ...bits(...common),
      SESSION_TICKET: 0x40,
      ALLOCATED_MEMORY: 0x100,
      USED_DCE_STYLE: 0x200,
      DATAGRAM: 0x400,
      CONNECTION: 0x800,
      CALL_LEVEL: 0x2000,
      THIRD_LEG_FAILED: 0x4000,
      EXTENDED_ERROR: 0x8000,
      STREAM: 0x10000,
      INTEGRITY: 0x20000,
      LICENSING: 0x40000,
      IDENTIFY: 0x80000,
      NULL_SESSION: 0x100000,
      ALLOW_NON_USER_LOGONS: 0x200000,
      ALLOW_CONTEXT_REPLAY: 0x400000,
      FRAGMENT_ONLY: 0x800000,
      NO_TOKEN: 0x1000000,
      NO_ADDITIONAL_TOKEN: 0x2000000,
    });
  });
});

describe('credentials', () => {
  test('A20: SEC_WINNT_AUTH_IDENTITY Flags, rpcdce.h and sspi.h', () => {
    expect(AUTH_IDENTITY).toEqual({
      ANSI: 0x1,
      UNICODE: 0x2,
      MARSHALLED: 0x4,
      ONLY: 0x8,
      PROCESS_ENCRYPTED: 0x10,
      SYSTEM_PROTECTED: 0x20,
      USER_PROTECTED: 0x40,
      SYSTEM_ENCRYPTED: 0x80,
      RESERVED: 0x10000,
      NULL_USER: 0x20000,
      NULL_DOMAIN: 0x40000,
      ID_PROVIDER: 0x80000,
    });
  });

  test('A24: SCH_CRED_* and SCH_*, schannel.h', () => {
    expect(SCH_CRED).toEqual({
      NO_SYSTEM_MAPPER: 0x2,
      NO_SERVERNAME_CHECK: 0x4,
      MANUAL_CRED_VALIDATION: 0x8,
      NO_DEFAULT_CREDS: 0x10,
      AUTO_CRED_VALIDATION: 0x20,
      USE_DEFAULT_CREDS: 0x40,
      DISABLE_RECONNECTS: 0x80,
      REVOCATION_CHECK_END_CERT: 0x100,
      REVOCATION_CHECK_CHAIN: 0x200,
      REVOCATION_CHECK_CHAIN_EXCLUDE_ROOT: 0x400,
      IGNORE_NO_REVOCATION_CHECK: 0x800,
      IGNORE_REVOCATION_OFFLINE: 0x1000,
      SEND_AUX_RECORD: 0x200000,
      USE_STRONG_CRYPTO: 0x400000,
    });
  });

  test('Q4: dwInfoStatus, wincrypt.h; Q5: who authenticated the server, credssp.h', () => {
    expect(CERT_TRUST_INFO).toEqual({
      HAS_EXACT_MATCH_ISSUER: 0x1,
      HAS_KEY_MATCH_ISSUER: 0x2,
      HAS_NAME_MATCH_ISSUER: 0x4,
      IS_SELF_SIGNED: 0x8,
      HAS_PREFERRED_ISSUER: 0x100,
    });
    expect(CREDSSP_SERVER_AUTH).toEqual({ NEGOTIATE: 0x1, CERTIFICATE: 0x2, LOOPBACK: 0x4 });
  });
});

describe('§2.11: statuses, winerror.h', () => {
  test('T6, E1, E9, §2.11: SEC_E', () => {
    expect(SEC_E).toEqual({
      OK: 0,
      INSUFFICIENT_MEMORY: 0x80090300,
      INVALID_HANDLE: 0x80090301,
      UNSUPPORTED_FUNCTION: 0x80090302,
      NOT_SUPPORTED: 0x80090302,
      TARGET_UNKNOWN: 0x80090303,
      INTERNAL_ERROR: 0x80090304,
      NO_SPM: 0x80090304,
      ...counted(0x80090305, 'SECPKG_NOT_FOUND', 'NOT_OWNER', 'CANNOT_INSTALL', 'INVALID_TOKEN', 'CANNOT_PACK'),
      ...counted(0x8009030a, 'QOP_NOT_SUPPORTED', 'NO_IMPERSONATION', 'LOGON_DENIED', 'UNKNOWN_CREDENTIALS'),
      ...counted(0x8009030e, 'NO_CREDENTIALS', 'MESSAGE_ALTERED', 'OUT_OF_SEQUENCE', 'NO_AUTHENTICATING_AUTHORITY'),
      ...counted(0x80090316, 'BAD_PKGID', 'CONTEXT_EXPIRED', 'INCOMPLETE_MESSAGE'),
      ...counted(0x80090320, 'INCOMPLETE_CREDENTIALS', 'BUFFER_TOO_SMALL', 'WRONG_PRINCIPAL'),
      ...counted(0x80090324, 'TIME_SKEW', 'UNTRUSTED_ROOT', 'ILLEGAL_MESSAGE', 'CERT_UNKNOWN', 'CERT_EXPIRED'),
      ENCRYPT_FAILURE: 0x80090329,
      ...counted(0x80090330, 'DECRYPT_FAILURE', 'ALGORITHM_MISMATCH', 'SECURITY_QOS_FAILED'),
      ...counted(0x80090333, 'UNFINISHED_CONTEXT_DELETED', 'NO_TGT_REPLY', 'NO_IP_ADDRESSES'),
      ...counted(0x80090336, 'WRONG_CREDENTIAL_HANDLE', 'CRYPTO_SYSTEM_INVALID', 'MAX_REFERRALS_EXCEEDED'),
      ...counted(0x80090339, 'MUST_BE_KDC', 'STRONG_CRYPTO_NOT_SUPPORTED', 'TOO_MANY_PRINCIPALS', 'NO_PA_DATA'),
      ...counted(0x8009033d, 'PKINIT_NAME_MISMATCH', 'SMARTCARD_LOGON_REQUIRED', 'SHUTDOWN_IN_PROGRESS'),
      ...counted(0x80090340, 'KDC_INVALID_REQUEST', 'KDC_UNABLE_TO_REFER', 'KDC_UNKNOWN_ETYPE', 'UNSUPPORTED_PREAUTH'),
      ...counted(0x80090345, 'DELEGATION_REQUIRED', 'BAD_BINDINGS', 'MULTIPLE_ACCOUNTS', 'NO_KERB_KEY'),
      CERT_WRONG_USAGE: 0x80090349,
      ...counted(0x80090350, 'DOWNGRADE_DETECTED', 'SMARTCARD_CERT_REVOKED', 'ISSUING_CA_UNTRUSTED'),
      ...counted(0x80090353, 'REVOCATION_OFFLINE_C', 'PKINIT_CLIENT_FAILURE', 'SMARTCARD_CERT_EXPIRED'),
      ...counted(0x80090356, 'NO_S4U_PROT_SUPPORT', 'CROSSREALM_DELEGATION_FAILURE', 'REVOCATION_OFFLINE_KDC'),
      ...counted(0x80090359, 'ISSUING_CA_UNTRUSTED_KDC', 'KDC_CERT_EXPIRED', 'KDC_CERT_REVOKED'),
      ...counted(0x8009035d, 'INVALID_PARAMETER', 'DELEGATION_POLICY', 'POLICY_NLTM_ONLY'),
      ...counted(0x80090361, 'NO_CONTEXT', 'PKU2U_CERT_FAILURE', 'MUTUAL_AUTH_FAILED'),
      ONLY_HTTPS_ALLOWED: 0x80090365,
      APPLICATION_PROTOCOL_MISMATCH: 0x80090367,
      ...counted(0x80090369, 'INVALID_UPN_NAME', 'EXT_BUFFER_TOO_SMALL', 'INSUFFICIENT_BUFFERS'),
    });
  });

  test('T6, §2.11: SEC_I, and those of certificates', () => {
    expect(SEC_I).toEqual({
      CONTINUE_NEEDED: 0x90312,
      COMPLETE_NEEDED: 0x90313,
      COMPLETE_AND_CONTINUE: 0x90314,
      LOCAL_LOGON: 0x90315,
      GENERIC_EXTENSION_RECEIVED: 0x90316,
      CONTEXT_EXPIRED: 0x90317,
      INCOMPLETE_CREDENTIALS: 0x90320,
      RENEGOTIATE: 0x90321,
      NO_LSA_CONTEXT: 0x90323,
      SIGNATURE_NEEDED: 0x9035c,
      NO_RENEGOTIATION: 0x90360,
      MESSAGE_FRAGMENT: 0x90364,
      CONTINUE_NEEDED_MESSAGE_OK: 0x90366,
      ASYNC_CALL_PENDING: 0x90368,
    });
    expect(CERT_STATUS).toEqual({
      CRYPT_E_REVOKED: 0x80092010,
      CRYPT_E_REVOCATION_OFFLINE: 0x80092013,
      TRUST_E_CERT_SIGNATURE: 0x80096004,
      CERT_E_EXPIRED: 0x800b0101,
      CERT_E_UNTRUSTEDROOT: 0x800b0109,
      CERT_E_CHAINING: 0x800b010a,
      CERT_E_CN_NO_MATCH: 0x800b010f,
      CERT_E_WRONG_USAGE: 0x800b0110,
    });
  });
});

describe('mechanisms', () => {
  test('N5: NegotiateFlags, [MS-NLMP] 2.2.2.5', () => {
    expect(NEGOTIATE).toEqual({
      UNICODE: 0x1,
      OEM: 0x2,
      REQUEST_TARGET: 0x4,
      SIGN: 0x10,
      SEAL: 0x20,
      DATAGRAM: 0x40,
      LM_KEY: 0x80,
      NTLM: 0x200,
      ANONYMOUS: 0x800,
      OEM_DOMAIN_SUPPLIED: 0x1000,
      OEM_WORKSTATION_SUPPLIED: 0x2000,
      ALWAYS_SIGN: 0x8000,
      TARGET_TYPE_DOMAIN: 0x10000,
      TARGET_TYPE_SERVER: 0x20000,
      EXTENDED_SESSIONSECURITY: 0x80000,
      IDENTIFY: 0x100000,
      REQUEST_NON_NT_SESSION_KEY: 0x400000,
      TARGET_INFO: 0x800000,
      VERSION: 0x2000000,
      KEY_128: 0x20000000,
      KEY_EXCH: 0x40000000,
      KEY_56: 0x80000000,
    });
  });

  test('N7: AvId and MsvAvFlags, [MS-NLMP] 2.2.2.1', () => {
    expect(AV_ID).toEqual({
      ...counted(
        0,
        'EOL',
        'NB_COMPUTER_NAME',
        'NB_DOMAIN_NAME',
        'DNS_COMPUTER_NAME',
        'DNS_DOMAIN_NAME',
        'DNS_TREE_NAME',
      ),
      ...counted(6, 'FLAGS', 'TIMESTAMP', 'SINGLE_HOST', 'TARGET_NAME', 'CHANNEL_BINDINGS'),
    });
    expect(AV_FLAGS).toEqual({ CONSTRAINED: 0x1, MIC: 0x2, UNTRUSTED_TARGET: 0x4 });
  });

  test('K2: flags of the authenticator checksum, RFC 4121 4.1.1.1 and RFC 4757 7.1', () => {
    expect(GSS_FLAG).toEqual({
      DELEG: 0x1,
      MUTUAL: 0x2,
      REPLAY: 0x4,
      SEQUENCE: 0x8,
      CONF: 0x10,
      INTEG: 0x20,
      DCE_STYLE: 0x1000,
      IDENTIFY: 0x2000,
      EXTENDED_ERROR: 0x4000,
    });
  });

  test('K3: key usages, RFC 4120 7.5.1, RFC 4121 2, RFC 6113 5.4, [MS-PAC] 2.8', () => {
    expect(KEY_USAGE).toEqual({
      ...counted(1, 'PA_ENC_TIMESTAMP', 'TICKET', 'AS_REP'),
      ...counted(4, 'TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY', 'TGS_REQ_AUTHORIZATION_DATA_SUBKEY'),
      ...counted(6, 'TGS_REQ_CHECKSUM', 'TGS_REQ_AUTHENTICATOR', 'TGS_REP_SESSION_KEY', 'TGS_REP_SUBKEY'),
      ...counted(10, 'AP_REQ_CHECKSUM', 'AP_REQ_AUTHENTICATOR', 'AP_REP', 'KRB_PRIV', 'KRB_CRED', 'KRB_SAFE'),
      KERB_NON_KERB_CKSUM_SALT: 17,
      AD_KDC_ISSUED: 19,
      ...counted(22, 'GSS_ACCEPTOR_SEAL', 'GSS_ACCEPTOR_SIGN', 'GSS_INITIATOR_SEAL', 'GSS_INITIATOR_SIGN'),
      IAKERB_FINISHED: 42,
      ...counted(50, 'FAST_REQ_CHECKSUM', 'FAST_ENC', 'FAST_REP', 'FAST_FINISHED'),
      ...counted(54, 'ENCRYPTED_CHALLENGE_CLIENT', 'ENCRYPTED_CHALLENGE_KDC', 'AS_REQ_CHECKSUM'),
    });
  });

  test('K15: authorization data, RFC 4120 7.5.4 and [MS-KILE] 2.2', () => {
    expect(AD_TYPE).toMatchObject({
      IF_RELEVANT: 1,
      KDC_ISSUED: 4,
      AND_OR: 5,
      MANDATORY_FOR_KDC: 8,
      WIN2K_PAC: 128,
      ETYPE_NEGOTIATION: 129, // RFC 4537 4
      KERB_AUTH_DATA_TOKEN_RESTRICTIONS: 141,
      KERB_LOCAL: 142,
      AP_OPTIONS: 143,
      TARGET_PRINCIPAL: 144,
    });
    expect(AP_OPTIONS_DATA).toEqual({ CBT: 0x4000, UNVERIFIED_TARGET_NAME: 0x8000 });
  });
});

test('F2, F4: RDP_NEG_REQ, RDP_NEG_RSP, RDP_NEG_FAILURE, [MS-RDPBCGR] 2.2.1.1.1, 2.2.1.2.1, 2.2.1.2.2', () => {
  expect(RDP_PROTOCOL).toEqual({ RDP: 0, SSL: 1, HYBRID: 2, RDSTLS: 4, HYBRID_EX: 8, RDSAAD: 0x10 });
  expect(RDP_NEG_REQ_FLAG).toEqual({
    RESTRICTED_ADMIN_MODE_REQUIRED: 0x1,
    REDIRECTED_AUTHENTICATION_MODE_REQUIRED: 0x2,
    CORRELATION_INFO_PRESENT: 0x8,
  });
  expect(RDP_NEG_RSP_FLAG).toEqual({
    EXTENDED_CLIENT_DATA_SUPPORTED: 0x1,
    DYNVC_GFX_PROTOCOL_SUPPORTED: 0x2,
    RESERVED: 0x4,
    RESTRICTED_ADMIN_MODE_SUPPORTED: 0x8,
    REDIRECTED_AUTHENTICATION_MODE_SUPPORTED: 0x10,
  });
  expect(RDP_NEG_FAILURE_CODE).toEqual({
    SSL_REQUIRED_BY_SERVER: 1,
    SSL_NOT_ALLOWED_BY_SERVER: 2,
    SSL_CERT_NOT_ON_SERVER: 3,
    INCONSISTENT_FLAGS: 4,
    HYBRID_REQUIRED_BY_SERVER: 5,
    SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER: 6,
  });
});
