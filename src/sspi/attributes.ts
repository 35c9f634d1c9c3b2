/**
 * Context attributes: their numbers and the shape of each value.
 * @see https://learn.microsoft.com/windows/win32/secauthn/querycontextattributes--credssp
 * @module
 */
import type { CredentialCacheIdentity } from './kerberos.ts';
import type { PackageInfo } from './package-info.ts';
import type { Secret } from './secret.ts';
import type { SecurityStatus } from './status.ts';

/** Attribute numbers (contract §2.3). */
export const SECPKG_ATTR = {
  SIZES: 0,
  NAMES: 1,
  LIFESPAN: 2,
  STREAM_SIZES: 4,
  KEY_INFO: 5,
  PASSWORD_EXPIRY: 8,
  SESSION_KEY: 9,
  PACKAGE_INFO: 10,
  NEGOTIATION_INFO: 12,
  NATIVE_NAMES: 13,
  FLAGS: 14,
  CREDENTIAL_NAME: 16,
  ACCESS_TOKEN: 18,
  UNIQUE_BINDINGS: 25,
  ENDPOINT_BINDINGS: 26,
  CLIENT_SPECIFIED_TARGET: 27,
  LAST_CLIENT_TOKEN_STATUS: 30,
  NEGO_STATUS: 32,
  APPLICATION_PROTOCOL: 35,
  IS_LOOPBACK: 37,
  REMOTE_CERT_CONTEXT: 0x53,
  LOCAL_CERT_CONTEXT: 0x54,
  ISSUER_LIST_EX: 0x59,
  CONNECTION_INFO: 0x5a,
  SESSION_INFO: 0x5d,
  APP_DATA: 0x5e,
  REMOTE_CERTIFICATES: 0x5f,
  CIPHER_INFO: 0x64,
  REMOTE_CERT_CHAIN: 0x67,
  KEYING_MATERIAL_INFO: 0x6a,
  KEYING_MATERIAL: 0x6b,
  SUBJECT_SECURITY_ATTRIBUTES: 128,
  C_ACCESS_TOKEN: 0x80000012,
  CREDS: 0x80000080,
  NEGOTIATION_PACKAGE: 0x80000081,
  C_FULL_ACCESS_TOKEN: 0x80000082,
  SERVER_AUTH_FLAGS: 0x80000083,
  CERT_TRUST_STATUS: 0x80000084,
  CREDS_2: 0x80000086,
} as const;

/** The name of an attribute. */
export type AttributeName = keyof typeof SECPKG_ATTR;

/** How the server was authenticated: the value of SERVER_AUTH_FLAGS (contract Q5). */
export const CREDSSP_SERVER_AUTH = { NEGOTIATE: 0x1, CERTIFICATE: 0x2, LOOPBACK: 0x4 } as const;

/** What goes wrong with a certificate chain: `CERT_TRUST_STATUS.dwErrorStatus` (contract Q4). */
export const CERT_TRUST = {
  IS_NOT_TIME_VALID: 0x1,
  IS_REVOKED: 0x4,
  IS_NOT_SIGNATURE_VALID: 0x8,
  IS_NOT_VALID_FOR_USAGE: 0x10,
  IS_UNTRUSTED_ROOT: 0x20,
  REVOCATION_STATUS_UNKNOWN: 0x40,
  IS_CYCLIC: 0x80,
  INVALID_BASIC_CONSTRAINTS: 0x400,
  IS_PARTIAL_CHAIN: 0x10000,
  IS_OFFLINE_REVOCATION: 0x1000000,
} as const;

/** `CERT_TRUST_STATUS.dwInfoStatus` (contract Q4). */
export const CERT_TRUST_INFO = {
  HAS_EXACT_MATCH_ISSUER: 0x1,
  HAS_KEY_MATCH_ISSUER: 0x2,
  HAS_NAME_MATCH_ISSUER: 0x4,
  IS_SELF_SIGNED: 0x8,
  HAS_PREFERRED_ISSUER: 0x100,
} as const;

/** Buffer sizes for message protection (contract Q7). */
export interface Sizes {
  readonly maxToken: number;
  readonly maxSignature: number;
  readonly blockSize: number;
  readonly securityTrailer: number;
}

/** Buffer sizes for stream protection (contract Q8). */
export interface StreamSizes {
  readonly header: number;
  readonly trailer: number;
  readonly maximumMessage: number;
  readonly buffers: number;
  readonly blockSize: number;
}

/** The verdict on the server's certificate (contract Q4, R24). 0/0 and no policy status: trusted, valid, the right name. */
export interface CertTrustStatus {
  /** `dwErrorStatus`: bits of {@link CERT_TRUST}. */
  readonly errorStatus: number;
  /** `dwInfoStatus`: bits of {@link CERT_TRUST_INFO}. */
  readonly infoStatus: number;
  /** 0, or CERT_E_CN_NO_MATCH when the name does not match the target: a policy result, not a trust bit. */
  readonly policyStatus: SecurityStatus;
}

/** TLS parameters with the ALG_ID numbers of Windows (contract Q10). Strengths in bits. */
export interface ConnectionInfo {
  readonly protocol: number;
  readonly cipher: number;
  readonly cipherStrength: number;
  readonly hash: number;
  readonly hashStrength: number;
  readonly exchange: number;
  readonly exchangeStrength: number;
}

/** The cipher suite by number and by name. Lengths in bits. */
export interface CipherInfo {
  readonly protocol: number;
  readonly cipherSuite: number;
  readonly cipherSuiteName: string;
  readonly cipherName: string;
  readonly cipherLength: number;
  readonly cipherBlockLength: number;
  readonly hashName: string;
  readonly hashLength: number;
  readonly exchangeName: string;
  readonly certificateName: string;
}

/** Algorithm names for people. */
export interface KeyInfo {
  readonly signatureAlgorithmName: string;
  readonly encryptAlgorithmName: string;
  /** Bits. */
  readonly keySize: number;
  readonly signatureAlgorithm: number;
  readonly encryptAlgorithm: number;
}

/** Who a client is, as the authentication proved it. */
export interface ClientIdentity {
  /** NetBIOS or DNS domain, or realm; empty for a local account. */
  readonly domain: string;
  readonly user: string;
  /** `DOMAIN\user`, or `user` alone without a domain. */
  readonly name: string;
  readonly mechanism: string;
  /** The client asked that the server may identify but not impersonate it. */
  readonly identifyOnly: boolean;
  readonly anonymous: boolean;
  /** Kerberos: `alice@EXAMPLE.COM`, as the ticket names the client. */
  readonly principal?: string | undefined;
  /** Kerberos with a PAC: what the domain says of the account. Its signature was verified. */
  readonly authorization?: ClientAuthorization | undefined;
  /**
   * Kerberos with delegation: the client's own ticket-granting ticket, to log on as the client elsewhere. Acquire an outbound
   * credential of it; dispose the secret in it when that is done.
   */
  readonly delegated?: (CredentialCacheIdentity & { readonly ccache: Secret }) | undefined;
}

/** What a domain controller says of an account ([MS-PAC]). SIDs in the form `S-1-5-21-...`. */
export interface ClientAuthorization {
  /** Of the account itself. Absent when the domain does not tell its own. */
  readonly sid: string | undefined;
  /** Groups of the domain, of the forest and of the resource domain, without doubles, in their order. */
  readonly groups: readonly string[];
  readonly accountName: string;
  /** NetBIOS name of the account's domain. */
  readonly logonDomain: string;
  /** `alice@example.com`; given or made up of account and domain. */
  readonly userPrincipalName?: string | undefined;
  /** DNS name of the account's domain, in capitals. */
  readonly dnsDomain?: string | undefined;
  readonly fullName?: string | undefined;
  /** `UserFlags` of KERB_VALIDATION_INFO. */
  readonly userFlags: number;
  /** `UserAccountControl` of KERB_VALIDATION_INFO. */
  readonly userAccountControl: number;
  /** When the password has to be changed: FILETIME ticks, UTC. */
  readonly passwordMustChange?: bigint | undefined;
  /** What else it says; undefined when it says something that cannot be read here (compressed sets). */
  readonly claims?: readonly ClientClaim[] | undefined;
}

/** A claim about a client ([MS-ADTS] 2.2.18): an identifier, and values of one kind. */
export type ClientClaim = { readonly id: string } & (
  | { readonly type: 'int64' | 'uint64'; readonly values: readonly bigint[] }
  | { readonly type: 'string'; readonly values: readonly string[] }
  | { readonly type: 'boolean'; readonly values: readonly boolean[] }
);

/** What a client delegated, as the server's application may use it (contract Q3 CREDS, Q6 CREDS_2). */
export type DelegatedCredentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly domain: string; readonly user: string; readonly password: Secret }
  | {
      readonly kind: 'smart-card';
      readonly pin: Secret;
      readonly keySpec: number;
      readonly cardName: string | undefined;
      readonly readerName: string | undefined;
      readonly containerName: string | undefined;
      readonly cspName: string | undefined;
      readonly userHint: string | undefined;
      readonly domainHint: string | undefined;
    }
  | {
      readonly kind: 'remote-guard';
      readonly logon: { readonly packageName: string; readonly credential: Secret };
      readonly supplemental: readonly { readonly packageName: string; readonly credential: Secret }[];
    };

/** How far a negotiation has come (contract §2.3, NEGOTIATION_INFO). */
export const SECPKG_NEGOTIATION = { COMPLETE: 0, OPTIMISTIC: 1, IN_PROGRESS: 2, DIRECT: 3, TRY_MULTICRED: 4 } as const;

/** Where a credential comes from: `SECPKG_CRED_CLASS`. */
export const SECPKG_CRED_CLASS = {
  NONE: 0,
  EPHEMERAL: 10,
  PERSISTED_GENERIC: 20,
  PERSISTED_SPECIFIC: 30,
  EXPLICIT: 40,
} as const;

/** The shape of each attribute's value. Times are FILETIME ticks in UTC; the SSPI function turns them into local time. */
export interface AttributeValues {
  readonly SIZES: Sizes;
  readonly NAMES: { readonly userName: string };
  readonly LIFESPAN: { readonly start: bigint; readonly expiry: bigint };
  readonly STREAM_SIZES: StreamSizes;
  readonly KEY_INFO: KeyInfo;
  /** Of the client's account, as its domain told the server; 0x7fffffffffffffff: never. */
  readonly PASSWORD_EXPIRY: { readonly expires: bigint };
  readonly SESSION_KEY: { readonly sessionKey: Secret };
  readonly PACKAGE_INFO: PackageInfo;
  readonly NEGOTIATION_INFO: { readonly packageInfo: PackageInfo; readonly state: number };
  readonly NATIVE_NAMES: { readonly clientName: string; readonly serverName: string };
  readonly FLAGS: { readonly flags: number };
  /** The type is one of {@link SECPKG_CRED_CLASS}. */
  readonly CREDENTIAL_NAME: { readonly credentialType: number; readonly credentialName: string };
  readonly ACCESS_TOKEN: ClientIdentity;
  readonly UNIQUE_BINDINGS: { readonly applicationData: Uint8Array };
  readonly ENDPOINT_BINDINGS: { readonly applicationData: Uint8Array };
  readonly CLIENT_SPECIFIED_TARGET: { readonly targetName: string };
  readonly LAST_CLIENT_TOKEN_STATUS: { readonly status: 0 | 1 | 2 };
  /** With the mechanisms that the client offers, and why others are not used. */
  readonly NEGO_STATUS: {
    readonly lastStatus: SecurityStatus;
    readonly reason: string;
    readonly offered: readonly string[];
  };
  readonly APPLICATION_PROTOCOL: { readonly protocol: string | undefined };
  readonly IS_LOOPBACK: { readonly loopback: boolean };
  /** DER. */
  readonly REMOTE_CERT_CONTEXT: { readonly certificate: Uint8Array };
  /** DER. */
  readonly LOCAL_CERT_CONTEXT: { readonly certificate: Uint8Array };
  /** DER of the distinguished names. */
  readonly ISSUER_LIST_EX: { readonly issuers: readonly Uint8Array[] };
  readonly CONNECTION_INFO: ConnectionInfo;
  readonly SESSION_INFO: { readonly reconnect: boolean; readonly sessionId: Uint8Array };
  /** What the application itself has put there with SetContextAttributes. */
  readonly APP_DATA: { readonly appData: Uint8Array };
  /** DER, leaf first. */
  readonly REMOTE_CERTIFICATES: { readonly certificates: readonly Uint8Array[] };
  readonly CIPHER_INFO: CipherInfo;
  /** DER, leaf first. */
  readonly REMOTE_CERT_CHAIN: { readonly certificates: readonly Uint8Array[] };
  /** For SetContextAttributes: what KEYING_MATERIAL is to be derived for (RFC 5705 4). */
  readonly KEYING_MATERIAL_INFO: {
    readonly label: string;
    readonly contextValue?: Uint8Array | undefined;
    readonly length: number;
  };
  readonly KEYING_MATERIAL: { export(label: string, context: Uint8Array | undefined, length: number): Uint8Array };
  readonly SUBJECT_SECURITY_ATTRIBUTES: { readonly attributes: readonly ClientClaim[] };
  readonly C_ACCESS_TOKEN: ClientIdentity;
  readonly CREDS: DelegatedCredentials;
  readonly NEGOTIATION_PACKAGE: PackageInfo;
  readonly C_FULL_ACCESS_TOKEN: ClientIdentity;
  readonly SERVER_AUTH_FLAGS: { readonly flags: number };
  readonly CERT_TRUST_STATUS: CertTrustStatus;
  readonly CREDS_2: DelegatedCredentials;
}
