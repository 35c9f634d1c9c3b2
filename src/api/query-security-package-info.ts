/**
 * QuerySecurityPackageInfo (contract P1).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-querysecuritypackageinfow
 * @module
 */
import { type PackageInfo, SEC_E } from '../sspi/index.ts';
import { type Environment, findPackage } from './environment.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** What `querySecurityPackageInfo` takes. */
export interface QuerySecurityPackageInfoParameters {
  /** `pszPackageName`; case does not matter. */
  readonly packageName: string;
}

/** What `querySecurityPackageInfo` gives. */
export interface QuerySecurityPackageInfoResult extends Outcome {
  /** `ppPackageInfo`. Null when there is no package of that name. */
  readonly packageInfo: PackageInfo | null;
}

/** What one package says about itself: above all `maxToken`, the size of buffer that holds every token of it. */
export async function querySecurityPackageInfo(
  environment: Environment,
  parameters: QuerySecurityPackageInfoParameters,
): Promise<QuerySecurityPackageInfoResult> {
  try {
    const { packageName } = requireParameters(parameters);
    return { status: SEC_E.OK, packageInfo: { ...findPackage(environment, packageName).info } };
  } catch (error) {
    return { ...failureOf(error), packageInfo: null };
  }
}
