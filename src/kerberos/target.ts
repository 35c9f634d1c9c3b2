/**
 * From pszTargetName to the name of a principal (contract K9, R16, R17).
 * @module
 */
import { parseTargetName, SspiError } from '../sspi/index.ts';
import { NAME_TYPE, type PrincipalName } from './messages/index.ts';

const STAGE = 'Kerberos target';

/** A service as a KDC is asked for it. */
export interface Target {
  /** As the caller wrote it. */
  readonly text: string;
  readonly service: PrincipalName;
  /** What stands behind an `@`. */
  readonly realm: string | undefined;
}

/**
 * Reads `service/host[:port][/name][@REALM]`, or the bare name of an account.
 * @throws SspiError TARGET_UNKNOWN when there is none, when it cannot be read, and for IP addresses: KDCs know services by the
 *   names of their hosts, and asking would cost time and bring nothing
 */
export function targetOf(targetName: string | undefined): Target {
  if (targetName === undefined) throw new SspiError('TARGET_UNKNOWN', { stage: STAGE, detail: 'there is none' });
  const { service } = parseTargetName(targetName);
  const at = targetName.lastIndexOf('@');
  const hasRealm = at > 0 && at < targetName.length - 1;
  const name = hasRealm ? targetName.slice(0, at) : targetName;
  const realm = hasRealm ? targetName.slice(at + 1) : undefined;
  const { host } = parseTargetName(name);
  if (isAddress(host))
    throw new SspiError('TARGET_UNKNOWN', { stage: STAGE, detail: `${host} is an address, and services have names` });
  const nameType = service === undefined ? NAME_TYPE.PRINCIPAL : NAME_TYPE.SRV_INST;
  return { text: targetName, service: { nameType, nameString: name.split('/') }, realm };
}

/** IPv4 with its dots, or anything with a colon: a port is off already. */
function isAddress(host: string): boolean {
  return host.includes(':') || /^\d{1,3}(?:\.\d{1,3}){3}$/.test(host);
}
