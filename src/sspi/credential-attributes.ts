/**
 * Attributes of a credential handle: their numbers and the shape of each value (contract L8).
 * @see https://learn.microsoft.com/windows/win32/secauthn/querycredentialsattributes--schannel
 * @module
 */

/** Attribute numbers. */
export const SECPKG_CRED_ATTR = {
  NAMES: 1,
  SSI_PROVIDER: 2,
  KDC_PROXY_SETTINGS: 3,
  CERT: 4,
  PAC_BYPASS: 5,
  SUPPORTED_ALGS: 0x56,
  CIPHER_STRENGTHS: 0x57,
  SUPPORTED_PROTOCOLS: 0x58,
} as const;

/** The name of an attribute. */
export type CredentialAttributeName = keyof typeof SECPKG_CRED_ATTR;

/** `SecPkgCredentials_KdcProxySettings`: through which proxies KDCs are reached ([MS-KKDCP]). */
export interface KdcProxySettings {
  /** Must be 1, which is also the default. */
  readonly version?: number | undefined;
  /** {@link KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY} or 0: whether KDCs are asked directly first. */
  readonly flags?: number | undefined;
  /** `https://` addresses, in the order in which they are to be asked. */
  readonly proxyServer: string | readonly string[];
}

/** Ask the proxy only. */
export const KDC_PROXY_SETTINGS_FLAGS_FORCEPROXY = 0x1;

/** The shape of each attribute's value. Packages know those that mean something to them. */
export interface CredentialAttributeValues {
  /** Whose credential it is: `DOMAIN\user`, `user@realm` or a principal. */
  readonly NAMES: { readonly userName: string };
  readonly SSI_PROVIDER: { readonly providerName: string; readonly providerInfo: Uint8Array };
  readonly KDC_PROXY_SETTINGS: KdcProxySettings;
  /** DER. */
  readonly CERT: { readonly certificate: Uint8Array };
  readonly PAC_BYPASS: { readonly bypass: boolean };
  /** ALG_ID numbers (contract Q10). */
  readonly SUPPORTED_ALGS: { readonly algorithms: readonly number[] };
  /** Bits. */
  readonly CIPHER_STRENGTHS: { readonly minimum: number; readonly maximum: number };
  /** Bits of `SP_PROT`. */
  readonly SUPPORTED_PROTOCOLS: { readonly protocols: number };
}

/** How a credential answers: each attribute that it has, computed when somebody asks. @throws SspiError NO_CREDENTIALS */
export type CredentialAttributes = { readonly [N in CredentialAttributeName]?: () => CredentialAttributeValues[N] };
