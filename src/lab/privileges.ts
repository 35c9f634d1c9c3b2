/**
 * The PAC in the tickets of a lab realm: made for the first ticket, carried over into the others, signed anew for each ([MS-PAC]
 * 2.8, [MS-KILE] 3.3.5.6.4 and 3.3.5.7).
 * @module
 */
import { decode } from '../der/index.ts';
import {
  AD_TYPE,
  decodeLogonInfo,
  decodePac,
  decodePacClientInfo,
  decodePacRequestor,
  type EncTicketPart,
  encodeLogonInfo,
  encodePacAttributes,
  encodePacClientInfo,
  encodePacRequestor,
  encodeUpnDnsInfo,
  findAuthorizationData,
  findPaData,
  formatPrincipal,
  type KerberosKey,
  KerbPaPacRequest,
  KRB_ERROR_CODE,
  type MethodData,
  PA_TYPE,
  PAC_ATTRIBUTES,
  PAC_TYPE,
  type Pac,
  pacAuthorizationData,
  pacBuffer,
  signPac,
  USER_FLAGS,
  userSid,
  verifyKdcSignature,
  verifyServerSignature,
} from '../kerberos/index.ts';
import { NEVER, SspiError, toFileTime } from '../sspi/index.ts';
import { type Principal, RID } from './principals.ts';
import type { Realm } from './realm.ts';
import type { Recipient } from './recipient.ts';
import { Refusal } from './refusal.ts';
import type { Grant } from './ticket.ts';

/** What a PAC says, without signatures. */
export type PacContents = readonly { readonly type: number; readonly data: Uint8Array }[];

/** SE_GROUP_MANDATORY, SE_GROUP_ENABLED_BY_DEFAULT, SE_GROUP_ENABLED ([MS-PAC] 2.2.1). */
const GROUP_ATTRIBUTES = 0x7;
/** Authentication authority asserted identity: the KDC itself has seen the password ([MS-DTYP] 2.4.2.4). */
const ASSERTED_IDENTITY = 'S-1-18-1';
/** USER_NORMAL_ACCOUNT, USER_WORKSTATION_TRUST_ACCOUNT ([MS-SAMR] 2.2.1.12). */
const ACCOUNT_CONTROL = { USER: 0x10, COMPUTER: 0x80 } as const;

/** The PAC of a client that has just logged on; undefined when it wants none. */
export function newPac(realm: Realm, client: Principal, grant: Grant, padata: MethodData): PacContents | undefined {
  const asked = findPaData(padata, PA_TYPE.PAC_REQUEST);
  if (asked !== undefined && !decode(KerbPaPacRequest, asked).includePac) return undefined;
  const { PAC_WAS_REQUESTED, PAC_WAS_GIVEN_IMPLICITLY } = PAC_ATTRIBUTES;
  const sid = `${realm.sid}-${client.rid}`;
  const clientId = toFileTime(grant.authtime);
  return [
    { type: PAC_TYPE.LOGON_INFO, data: logonInfo(realm, client, clientId) },
    { type: PAC_TYPE.CLIENT_INFO, data: encodePacClientInfo({ clientId, name: formatPrincipal(grant.client) }) },
    {
      type: PAC_TYPE.UPN_DNS_INFO,
      data: encodeUpnDnsInfo({
        upn: client.userPrincipalName,
        dnsDomainName: realm.name,
        flags: 0,
        samName: client.user,
        sid,
      }),
    },
    {
      type: PAC_TYPE.ATTRIBUTES,
      data: encodePacAttributes(asked === undefined ? PAC_WAS_GIVEN_IMPLICITLY : PAC_WAS_REQUESTED),
    },
    { type: PAC_TYPE.REQUESTOR, data: encodePacRequestor(sid) },
  ];
}

function logonInfo(realm: Realm, client: Principal, logonTime: bigint): Uint8Array {
  const [primaryGroupId = RID.DOMAIN_USERS] = client.groups;
  return encodeLogonInfo({
    logonTime,
    logoffTime: NEVER,
    kickOffTime: NEVER,
    passwordLastSet: logonTime,
    passwordCanChange: logonTime,
    passwordMustChange: NEVER,
    effectiveName: client.user,
    fullName: client.fullName,
    logonScript: '',
    profilePath: '',
    homeDirectory: '',
    homeDirectoryDrive: '',
    logonCount: 0,
    badPasswordCount: 0,
    userId: client.rid,
    primaryGroupId,
    groupIds: client.groups.map((relativeId) => ({ relativeId, attributes: GROUP_ATTRIBUTES })),
    userFlags: USER_FLAGS.EXTRA_SIDS,
    userSessionKey: new Uint8Array(16),
    logonServer: 'KDC',
    logonDomainName: realm.netbiosName,
    logonDomainId: realm.sid,
    userAccountControl: client.user.endsWith('$') ? ACCOUNT_CONTROL.COMPUTER : ACCOUNT_CONTROL.USER,
    subAuthStatus: 0,
    lastSuccessfulILogon: 0n,
    lastFailedILogon: 0n,
    failedILogonCount: 0,
    extraSids: [{ sid: ASSERTED_IDENTITY, attributes: GROUP_ATTRIBUTES }],
    resourceGroupDomainSid: undefined,
    resourceGroupIds: [],
  });
}

/** Buffers that are made anew for each ticket. */
const SIGNATURES: ReadonlySet<number> = new Set([
  PAC_TYPE.SERVER_CHECKSUM,
  PAC_TYPE.KDC_CHECKSUM,
  PAC_TYPE.TICKET_CHECKSUM,
  PAC_TYPE.FULL_CHECKSUM,
]);
/** Buffers that are for KDCs alone ([MS-PAC] 2.14, 2.15). */
const FOR_KDCS: ReadonlySet<number> = new Set([PAC_TYPE.ATTRIBUTES, PAC_TYPE.REQUESTOR]);

/** The ticket that a PAC is in, and the key of that ticket. */
export interface PacSource {
  readonly part: EncTicketPart;
  readonly key: KerberosKey;
  /** Whether another realm has issued it. */
  readonly isForeign: boolean;
}

/**
 * The PAC of a ticket-granting ticket, verified; undefined when it has none.
 * @throws Refusal KRB_AP_ERR_MODIFIED; KDC_ERR_POLICY when another realm claims somebody of this one
 */
export async function carriedPac(realm: Realm, { part, key, isForeign }: PacSource): Promise<PacContents | undefined> {
  const [octets, ...more] = findAuthorizationData(part.authorizationData, AD_TYPE.WIN2K_PAC);
  if (octets === undefined) return undefined;
  try {
    const pac = decodePac(octets);
    if (more.length > 0) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_MODIFIED);
    verifyServerSignature(pac, key);
    if (!isForeign) verifyKdcSignature(pac, await krbtgtKey(realm));
    assertAbout(realm, pac, part, isForeign);
    return pac.buffers.filter(({ type }) => !SIGNATURES.has(type));
  } catch (error) {
    if (!(error instanceof SspiError)) throw error;
    throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_MODIFIED, { text: error.detail });
  }
}

/** The PAC belongs to the client of the ticket (CVE-2021-42287), and no realm speaks for the accounts of another one. */
function assertAbout(realm: Realm, pac: Pac, { cname, authtime }: EncTicketPart, isForeign: boolean): void {
  const clientInfo = pacBuffer(pac, PAC_TYPE.CLIENT_INFO);
  const logon = pacBuffer(pac, PAC_TYPE.LOGON_INFO);
  if (clientInfo === undefined || logon === undefined) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_MODIFIED);
  const { name, clientId } = decodePacClientInfo(clientInfo);
  if (name !== formatPrincipal(cname) || clientId !== toFileTime(authtime))
    throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_BADMATCH);
  const info = decodeLogonInfo(logon);
  const requestor = pacBuffer(pac, PAC_TYPE.REQUESTOR);
  if (requestor !== undefined && decodePacRequestor(requestor) !== userSid(info))
    throw new Refusal(KRB_ERROR_CODE.KDC_ERR_TGT_REVOKED);
  if (isForeign && info.logonDomainId === realm.sid) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_POLICY);
}

/** The PAC as authorization data of a ticket, signed for its recipient. @param part - the ticket, still without PAC */
export async function signedPac(
  realm: Realm,
  contents: PacContents,
  { key, grants }: Recipient,
  part: EncTicketPart,
): Promise<EncTicketPart['authorizationData']> {
  const krbtgt = await krbtgtKey(realm);
  // 2.8.3 and 2.8.4: tickets for KDCs have neither ticket signature nor full signature.
  const pac = grants
    ? signPac(contents, { serviceKey: key, krbtgtKey: krbtgt, full: false })
    : signPac(
        contents.filter(({ type }) => !FOR_KDCS.has(type)),
        { serviceKey: key, krbtgtKey: krbtgt, ticketPart: part },
      );
  return pacAuthorizationData(pac);
}

/** The key that this realm's KDC signs with. */
async function krbtgtKey({ principals, encryptionTypes }: Realm): Promise<KerberosKey> {
  const [etype = 0] = encryptionTypes;
  const key = await principals.krbtgt.keys.of(etype);
  if (key === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_NULL_KEY);
  return key;
}
