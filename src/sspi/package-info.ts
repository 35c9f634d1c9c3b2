/**
 * What a security package says about itself.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/ns-sspi-secpkginfow
 * @module
 */

/** `SecPkgInfo`: what a package says about itself (contract P1). */
export interface PackageInfo {
  readonly name: string;
  readonly comment: string;
  /** Bits of `SECPKG_FLAG`. */
  readonly capabilities: number;
  readonly version: number;
  readonly rpcId: number;
  /** Octets. */
  readonly maxToken: number;
}
