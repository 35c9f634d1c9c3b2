/**
 * `PackageList` of SEC_WINNT_AUTH_IDENTITY_EX: which of Negotiate's mechanisms may be used (contract A21).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/ns-sspi-sec_winnt_auth_identity_exw
 * @module
 */

/**
 * The names that a package list allows.
 * @param list - names separated by commas, `!name` to exclude; case and spaces do not matter. Absent or empty: all
 * @param names - what there is
 * @returns those of `names` that may be used, in the order of `names`. With a name that is not excluded in the list, only such
 *   names; names that are not there are no fault, lists are written for Windows and its other packages
 * @example
 * allowedPackages('!ntlm', ['Kerberos', 'NTLM']); // ['Kerberos']
 */
export function allowedPackages(list: string | undefined, names: readonly string[]): string[] {
  const entries = (list ?? '')
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .filter((entry) => entry !== '');
  const excluded = new Set(entries.filter((entry) => entry.startsWith('!')).map((entry) => entry.slice(1).trim()));
  const included = new Set(entries.filter((entry) => !entry.startsWith('!')));
  return names.filter((name) => {
    const entry = name.toLowerCase();
    return !excluded.has(entry) && (included.size === 0 || included.has(entry));
  });
}
