/**
 * What a ticket says of the client's rights: the PAC ([MS-PAC], [MS-KILE] 3.4.5.3), and restrictions that have to be understood (RFC
 * 4120 5.2.6, contract K15).
 * @module
 */
import { type ClientAuthorization, type ClientClaim, fromFileTime, SspiError } from '../sspi/index.ts';
import type { KerberosKey } from './encryption/index.ts';
import { AD_TYPE, type AuthorizationData, type EncTicketPart, findAuthorizationData } from './messages/index.ts';
import {
  decodeClaims,
  decodeLogonInfo,
  decodePac,
  decodePacClientInfo,
  decodePacRequestor,
  decodeUpnDnsInfo,
  groupSids,
  type LogonInfo,
  PAC_TYPE,
  type Pac,
  pacBuffer,
  pacSignature,
  userSid,
  verifyFullSignature,
  verifyKdcSignature,
  verifyServerSignature,
  verifyTicketSignature,
} from './pac/index.ts';
import type { ServiceKey } from './service-keys.ts';

/** What was found. */
export interface Authorization {
  /** Whether there is a PAC. It was verified then. */
  readonly hasPac: boolean;
  /** What the PAC says of the account. KDCs outside of Active Directory make PACs that say nothing. */
  readonly client: ClientAuthorization | undefined;
}

/**
 * Reads and verifies what the KDC put into a ticket. What a client writes into its authenticator is no authorization.
 * @param serviceKey - what the ticket was encrypted with
 * @param kdcKeys - of the realm's KDC, when the service has them
 * @throws SspiError PAC_INVALID, AUTHORIZATION_DATA_UNKNOWN
 */
export function readAuthorization(
  ticket: EncTicketPart,
  serviceKey: KerberosKey,
  kdcKeys: readonly ServiceKey[],
): Authorization {
  assertUnderstood(ticket.authorizationData);
  const [octets, ...more] = findAuthorizationData(ticket.authorizationData, AD_TYPE.WIN2K_PAC);
  if (octets === undefined) return { hasPac: false, client: undefined };
  if (more.length > 0) throw invalid('there is more than one');
  const pac = decodePac(octets);
  verifyServerSignature(pac, serviceKey);
  assertOfTicket(pac, ticket);
  if (kdcKeys.length > 0) verifyAsKdc(pac, ticket, kdcKeys);
  return { hasPac: true, client: clientOf(pac) };
}

/** What may stand outside of AD-IF-RELEVANT. Anything else could be a restriction, and must not be passed over. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  AD_TYPE.IF_RELEVANT,
  AD_TYPE.KDC_ISSUED,
  AD_TYPE.MANDATORY_FOR_KDC,
  AD_TYPE.AUTHENTICATION_STRENGTH,
  AD_TYPE.FX_FAST_ARMOR,
  AD_TYPE.FX_FAST_USED,
  AD_TYPE.CAMMAC,
  AD_TYPE.AUTHENTICATION_INDICATOR,
  AD_TYPE.WIN2K_PAC,
  AD_TYPE.ETYPE_NEGOTIATION,
  AD_TYPE.KERB_AUTH_DATA_TOKEN_RESTRICTIONS,
  AD_TYPE.KERB_LOCAL,
  AD_TYPE.AP_OPTIONS,
  AD_TYPE.TARGET_PRINCIPAL,
]);

/** @throws SspiError AUTHORIZATION_DATA_UNKNOWN */
export function assertUnderstood(data: AuthorizationData | undefined): void {
  const unknown = data?.find(({ adType }) => !UNDERSTOOD.has(adType));
  if (unknown === undefined) return;
  throw new SspiError('AUTHORIZATION_DATA_UNKNOWN', {
    stage: 'Kerberos authorization data',
    detail: `type ${unknown.adType}`,
  });
}

/** [MS-PAC] 2.7: a PAC belongs to one client and one logon. */
function assertOfTicket(pac: Pac, { cname, authtime }: EncTicketPart): void {
  const octets = pacBuffer(pac, PAC_TYPE.CLIENT_INFO);
  if (octets === undefined) throw invalid('there is no PAC_CLIENT_INFO');
  const { clientId, name } = decodePacClientInfo(octets);
  const isSame = name.toLowerCase() === cname.nameString.join('/').toLowerCase();
  const seconds = Math.floor(fromFileTime(clientId) / 1000); // a ticket has room for whole ones only
  if (!isSame || seconds * 1000 !== authtime) throw invalid('it belongs to another ticket');
}

/**
 * Where the keys of the KDC are, what it signed for itself is checked too: it keeps a service from making tickets to itself
 * (CVE-2020-17049, CVE-2022-37967). Old KDCs make the first of these signatures only.
 */
function verifyAsKdc(pac: Pac, ticket: EncTicketPart, keys: readonly ServiceKey[]): void {
  const { cksumtype } = pacSignature(pac, PAC_TYPE.KDC_CHECKSUM);
  const fitting = keys.map(({ key }) => key).filter(({ type }) => type.checksumTypes.includes(cksumtype));
  const key = fitting.find((one) => isValid(() => verifyKdcSignature(pac, one)));
  if (key === undefined) throw invalid('the KDC signature does not verify');
  if (pacBuffer(pac, PAC_TYPE.TICKET_CHECKSUM) !== undefined) verifyTicketSignature(pac, ticket, key);
  if (pacBuffer(pac, PAC_TYPE.FULL_CHECKSUM) !== undefined) verifyFullSignature(pac, key);
}

function isValid(verify: () => void): boolean {
  try {
    verify();
    return true;
  } catch (error) {
    if (error instanceof SspiError && error.code === 'PAC_INVALID') return false;
    throw error;
  }
}

function clientOf(pac: Pac): ClientAuthorization | undefined {
  const logonInfo = pacBuffer(pac, PAC_TYPE.LOGON_INFO);
  if (logonInfo === undefined) return undefined;
  const info = decodeLogonInfo(logonInfo);
  const upnDnsInfo = pacBuffer(pac, PAC_TYPE.UPN_DNS_INFO);
  const names = upnDnsInfo && decodeUpnDnsInfo(upnDnsInfo);
  const sid = userSid(info) ?? names?.sid;
  assertRequestor(pac, sid);
  return {
    sid,
    groups: groupSids(info),
    accountName: info.effectiveName,
    logonDomain: info.logonDomainName,
    userPrincipalName: names?.upn === '' ? undefined : names?.upn,
    dnsDomain: names?.dnsDomainName === '' ? undefined : names?.dnsDomainName,
    fullName: info.fullName === '' ? undefined : info.fullName,
    userFlags: info.userFlags,
    userAccountControl: info.userAccountControl,
    passwordMustChange: passwordEnd(info),
    claims: claimsOf(pac),
  };
}

/** Nobody is kept out by claims that cannot be read; but that there are none would be wrong to say. */
function claimsOf(pac: Pac): readonly ClientClaim[] | undefined {
  const octets = pacBuffer(pac, PAC_TYPE.CLIENT_CLAIMS);
  if (octets === undefined || octets.length === 0) return [];
  let claims: ReturnType<typeof decodeClaims>;
  return isValid(() => {
    claims = decodeClaims(octets);
  })
    ? claims?.flatMap((one) => one.claims)
    : undefined;
}

/** CVE-2021-42287: whoever asked for the ticket-granting ticket must be whom the PAC is about. */
function assertRequestor(pac: Pac, sid: string | undefined): void {
  const octets = pacBuffer(pac, PAC_TYPE.REQUESTOR);
  if (octets !== undefined && decodePacRequestor(octets) !== sid) throw invalid('it was asked for by another account');
}

const NEVER_CHANGES = 0x7fffffffffffffffn;

function passwordEnd({ passwordMustChange }: LogonInfo): bigint | undefined {
  return passwordMustChange === 0n || passwordMustChange >= NEVER_CHANGES ? undefined : passwordMustChange;
}

function invalid(detail: string): SspiError {
  return new SspiError('PAC_INVALID', { stage: 'Kerberos PAC', detail });
}
