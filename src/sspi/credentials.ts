/**
 * What `acquireCredentialsHandle` takes as pAuthData: the credential structures of the SDK as typed values.
 * @see https://learn.microsoft.com/windows/win32/api/credssp/ns-credssp-credssp_cred
 * @module
 */
import type { AccountSource, NtlmVerifier } from './accounts.ts';
import type { ChannelBindingPolicy } from './channel-bindings.ts';
import type { DelegationPolicy } from './delegation.ts';
import type { AnonymousIdentity, AuthIdentity, NtHashIdentity } from './identities.ts';
import type {
  CredentialCacheIdentity,
  KerberosAcceptorIdentity,
  KerberosAcceptorSettings,
  KeytabIdentity,
} from './kerberos.ts';
import type { Secret } from './secret.ts';

/** The server's side of NTLM and Negotiate. */
export interface AcceptorIdentity {
  readonly kind: 'acceptor';
  /** Where the accounts are; or who verifies in our place. Exactly one of the two kinds. */
  readonly accounts: AccountSource | NtlmVerifier;
  /** NetBIOS and DNS names for the CHALLENGE; defaults are for a stand-alone server. */
  readonly computer?: ComputerNames | undefined;
  readonly channelBindingPolicy?: ChannelBindingPolicy | undefined;
  /** Service names that a client may ask for, case-insensitive; absent: any. */
  readonly targetNames?: readonly string[] | undefined;
  /** Accept ANONYMOUS clients. Default false. */
  readonly allowAnonymous?: boolean | undefined;
  /** Accept NTLMv1 responses. Default false; CredSSP never does. LM and LMv2 responses alone are never accepted. */
  readonly allowNtlmV1?: boolean | undefined;
  /** Accept clients without 128-bit session security. Default false. */
  readonly allowWeakSessionSecurity?: boolean | undefined;
  /** Greatest age of an NTLMv2 response in milliseconds. Default 36 hours (contract N19). */
  readonly maxResponseAge?: number | undefined;
  /**
   * NTLM: refuse clients that send no message integrity code. Windows clients always do; impacket and GSS-NTLMSSP do not.
   *
   * Default false: a MIC that the client announces must verify, and nobody in between can make a client leave it out unnoticed,
   * because the announcement, and the timestamp that asked for it, are under the proof of the password.
   */
  readonly requireMic?: boolean | undefined;
  /** Take Kerberos beside NTLM. What is said here of bindings and target names holds for both, unless it says something else. */
  readonly kerberosService?: KerberosAcceptorSettings | undefined;
  readonly packageList?: string | undefined;
}

/** What a server calls itself in NTLM's TargetInfo. */
export interface ComputerNames {
  readonly netbiosComputer: string;
  readonly netbiosDomain: string;
  readonly dnsComputer?: string | undefined;
  readonly dnsDomain?: string | undefined;
  readonly dnsTree?: string | undefined;
}

/** What the Negotiate package and the mechanisms below it take. */
export type SpnegoAuthData =
  | AuthIdentity
  | NtHashIdentity
  | AnonymousIdentity
  | KeytabIdentity
  | CredentialCacheIdentity
  | AcceptorIdentity
  | KerberosAcceptorIdentity;

/** Bits of `SCHANNEL_CRED.dwFlags` (contract A24). */
export const SCH_CRED = {
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
} as const;

/** Bits of `grbitEnabledProtocols` (contract A26). */
export const SP_PROT = {
  TLS1_0_SERVER: 0x40,
  TLS1_0_CLIENT: 0x80,
  TLS1_1_SERVER: 0x100,
  TLS1_1_CLIENT: 0x200,
  TLS1_2_SERVER: 0x400,
  TLS1_2_CLIENT: 0x800,
  TLS1_3_SERVER: 0x1000,
  TLS1_3_CLIENT: 0x2000,
} as const;

/** A certificate with its private key, in PEM; the chain above the leaf may follow it. */
export interface CertificateWithKey {
  readonly certificate: string;
  /** PEM text, or PEM octets in a Secret. */
  readonly privateKey: string | Secret;
}

/** `SCHANNEL_CRED` (version 4) and `SCH_CREDENTIALS` (version 5) in one. */
export interface SchannelCredential {
  readonly kind: 'schannel';
  /** `paCred`. */
  readonly certificates?: readonly CertificateWithKey[] | undefined;
  /** `hRootStore`: PEM certificates that are trusted. Absent: the ones that the runtime trusts. */
  readonly rootStore?: readonly string[] | undefined;
  /** `grbitEnabledProtocols`: bits of {@link SP_PROT}; 0 or absent: TLS 1.2 and 1.3. */
  readonly enabledProtocols?: number | undefined;
  /** `dwFlags`: bits of {@link SCH_CRED}. */
  readonly flags?: number | undefined;
  /** Servers: ask the client for a certificate. CredSSP never does. */
  readonly requestClientCertificate?: boolean | undefined;
}

/** `CREDSPP_SUBMIT_TYPE`; the SDK spells it so (contract A17, E14). */
export const CREDSPP_SUBMIT_TYPE = {
  CredsspPasswordCreds: 2,
  CredsspSchannelCreds: 4,
  CredsspCertificateCreds: 13,
  CredsspSubmitBufferBoth: 50,
  CredsspSubmitBufferBothOld: 51,
  CredsspCredEx: 100,
} as const;

/** `CREDSSP_CRED_EX.Flags`: ask for remote credential guard. */
export const CREDSSP_FLAG_REDIRECT = 0x1;

/** `CREDSSP_CRED`: what the TLS layer and what the mechanism inside is to use. */
export interface CredSspCredential {
  readonly kind: 'credssp';
  /** One of {@link CREDSPP_SUBMIT_TYPE}; absent: CredsspPasswordCreds. */
  readonly type?: number | undefined;
  readonly schannelCred?: SchannelCredential | undefined;
  readonly spnegoCred?: SpnegoAuthData | undefined;
  readonly options?: CredSspOptions | undefined;
}

/** `CREDSSP_CRED_EX` (contract A18). */
export interface CredSspCredentialEx {
  readonly kind: 'credssp-ex';
  /** Must be 0. */
  readonly version?: number | undefined;
  /** {@link CREDSSP_FLAG_REDIRECT} or 0. */
  readonly flags?: number | undefined;
  readonly cred: CredSspCredential;
}

/** What on Windows the registry and group policy say. */
export interface CredSspOptions {
  /** Highest version of TSRequest to speak, 2 to 6. Default 6. */
  readonly maxVersion?: number | undefined;
  /**
   * Lowest version of the peer to accept, 2 to 6: the encryption-oracle remediation (contract Y17-Y21). Default 5 for a client
   * ("mitigated") and 5 for a server ("force updated clients").
   */
  readonly minVersion?: number | undefined;
  /** Clients: to whom credentials may be delegated. Default: contract Y15. */
  readonly policy?: DelegationPolicy | undefined;
  /** Clients: where the credentials came from, which decides the policy list. Default `fresh` (contract A15, Y5). */
  readonly source?: 'fresh' | 'saved' | 'default' | undefined;
  /** Clients under TLS 1.3: send the first TSRequest together with Finished, or after the server's next token (contract X12). */
  readonly tls13?: 'combined' | 'split' | undefined;
  /** Clients: the mechanism inside, `ntlm` for bare NTLMSSP without SPNEGO. Default `negotiate`. */
  readonly mechanism?: 'negotiate' | 'ntlm' | undefined;
  /**
   * Servers: let the client of an established context authenticate again, inside the TLS channel that there is (contract R72).
   * Default false: a further call of AcceptSecurityContext is SEC_E_OUT_OF_SEQUENCE then.
   */
  readonly reauthentication?: boolean | undefined;
}

/** Everything that a package may be given to make a credential of. */
export type AuthData = SpnegoAuthData | SchannelCredential | CredSspCredential | CredSspCredentialEx;
