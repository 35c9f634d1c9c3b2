/**
 * The object identifiers of SPNEGO and of the mechanisms that it is used with (contract S1).
 * @module
 */

/** Object identifiers in dotted form. */
export const OID = {
  SPNEGO: '1.3.6.1.5.5.2',
  KERBEROS: '1.2.840.113554.1.2.2',
  /** Windows 2000 cut one arc to 16 bits; Windows still offers Kerberos under this name first ([MS-SPNG] note 9). */
  MS_KERBEROS: '1.2.840.48018.1.2.2',
  KERBEROS_USER_TO_USER: '1.2.840.113554.1.2.2.3',
  /** Recognised in lists and passed over, never parsed (fault Z30). */
  NEGOEX: '1.3.6.1.4.1.311.2.2.30',
  NTLM: '1.3.6.1.4.1.311.2.2.10',
  IAKERB: '1.3.6.1.5.2.5',
} as const;

const names: ReadonlyMap<string, string> = new Map([
  [OID.SPNEGO, 'SPNEGO'],
  [OID.KERBEROS, 'Kerberos'],
  [OID.MS_KERBEROS, 'MS-Kerberos'],
  [OID.KERBEROS_USER_TO_USER, 'Kerberos U2U'],
  [OID.NEGOEX, 'NEGOEX'],
  [OID.NTLM, 'NTLM'],
  [OID.IAKERB, 'IAKERB'],
]);

/**
 * A mechanism's name for people.
 * @returns the name, or the identifier itself when it has none
 * @example
 * oidName('1.3.6.1.4.1.311.2.2.10'); // 'NTLM'
 */
export function oidName(oid: string): string {
  return names.get(oid) ?? oid;
}
