/**
 * EnumerateSecurityPackages (contract P1).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-enumeratesecuritypackagesw
 * @module
 */
import { type PackageInfo, SEC_E } from '../sspi/index.ts';
import type { Environment } from './environment.ts';
import type { Outcome } from './outcome.ts';

/** What `enumerateSecurityPackages` gives. */
export interface EnumerateSecurityPackagesResult extends Outcome {
  /** `ppPackageInfo`; its length is `pcPackages`. */
  readonly packages: readonly PackageInfo[];
}

/** The packages there are, with what each says about itself. */
export async function enumerateSecurityPackages(environment: Environment): Promise<EnumerateSecurityPackagesResult> {
  return { status: SEC_E.OK, packages: environment.packages.map(({ info }) => ({ ...info })) };
}
