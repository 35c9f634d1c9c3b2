/**
 * From the names that people log on with to principals of Kerberos: [MS-KILE] 3.3.5.6.1, RFC 6806 5.
 * @module
 */
import { SspiError } from '../../sspi/index.ts';
import { NAME_TYPE, type PrincipalName, parsePrincipal } from '../messages/index.ts';

/** A name and the realm whose KDC is asked first. */
export interface LogonName {
  readonly name: PrincipalName;
  readonly realm: string;
}

/**
 * Makes a principal of a user name and a domain.
 *
 * - `alice` and `EXAMPLE.COM`: the principal `alice@EXAMPLE.COM`. A NetBIOS name does for a domain controller, which answers with
 *   the realm.
 * - `alice@EXAMPLE.COM` with a realm in capitals, as realms are written: the same.
 * - `alice@example.com`: a user principal name, whose suffix may be anything; the KDC finds out whose it is (enterprise name).
 *   The suffix in capitals is the realm that is asked first, unless a domain is given.
 * @param defaultRealm - for a name alone
 * @throws SspiError INVALID_PARAMETER when there is no realm, or nothing that can be a name
 */
export function logonName(user: string, domain?: string, defaultRealm?: string): LogonName {
  const at = user.lastIndexOf('@');
  if (at >= 0) {
    const suffix = user.slice(at + 1);
    const isRealm = suffix !== '' && suffix === suffix.toUpperCase();
    if (isRealm && (domain === undefined || domain === '')) return named(user.slice(0, at), suffix);
    const name = parsePrincipal(user, NAME_TYPE.ENTERPRISE).name;
    return { name, realm: domain === undefined || domain === '' ? suffix.toUpperCase() : domain };
  }
  const realm = domain === undefined || domain === '' ? defaultRealm : domain;
  if (realm === undefined || realm === '')
    throw new SspiError('INVALID_PARAMETER', { stage: 'Kerberos logon name', detail: 'no realm: give a domain' });
  return named(user, realm);
}

/** A user's name is taken as it is: a backslash in it is no escape. */
function named(user: string, realm: string): LogonName {
  const nameString = user.split('/');
  if (nameString.some((part) => part === ''))
    throw new SspiError('INVALID_PARAMETER', { stage: 'Kerberos logon name', detail: 'an empty part' });
  const nameType = nameString.length > 1 ? NAME_TYPE.SRV_INST : NAME_TYPE.PRINCIPAL;
  return { name: { nameType, nameString }, realm };
}
