/**
 * The TGS exchange from the KDC's side, RFC 4120 3.3.3: whoever shows a ticket-granting ticket gets another ticket.
 * @module
 */
import { encode } from '../der/index.ts';
import {
  AuthorizationData,
  EncTgsRepPart,
  encryptionType,
  findPaData,
  KDC_OPTIONS,
  type KdcReqBody,
  KEY_USAGE,
  KerberosKey,
  KRB_ERROR_CODE,
  type MethodData,
  PA_TYPE,
  type PrincipalName,
  seal,
  TgsRep,
  type TgsReq,
  TICKET_FLAGS,
  unseal,
} from '../kerberos/index.ts';
import { issueTicket } from './issue-ticket.ts';
import { carriedPac } from './privileges.ts';
import { chosenEncryptionType, isNameOf, type Realm } from './realm.ts';
import { account, loggedOnUser, type Recipient, ticketGranting, ticketGrantingOf } from './recipient.ts';
import { Refusal } from './refusal.ts';
import { openSecondTicket, provedByTgsRequest, type TgsProof } from './tgs-request.ts';
import { answerKey, type Grant, grantedRenewal, grantedTimes, renewableFlag, replyPartOf } from './ticket.ts';

/**
 * Answers a TGS-REQ.
 * @param message - the request as it came
 * @throws Refusal
 */
export async function issueServiceTicket(realm: Realm, request: TgsReq, message: Uint8Array): Promise<Uint8Array> {
  const { reqBody: body, padata = [] } = request;
  using proof = await provedByTgsRequest(realm, request, message);
  assertOptions(body, padata, proof);
  if (!isNameOf(realm, body.realm)) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_WRONG_REALM);

  const isRenewal = (body.kdcOptions & KDC_OPTIONS.RENEW) !== 0;
  const recipient = await recipientOf(realm, body, isRenewal ? proof.ticket.sname : body.sname);
  const sessionType = chosenEncryptionType(realm, body.etype, recipient.encryptionTypes);
  using sessionKey = KerberosKey.generate(encryptionType(sessionType, realm.encryptionTypes), realm.random);
  const grant = grantOf(realm, body, proof, recipient, sessionKey);
  const pac = await carriedPac(realm, proof);
  const ticket = await issueTicket(realm, grant, recipient, pac, clientData(body, proof));

  // 3.3.3: under the key that the client made for this answer, or else under the session key of the ticket it showed.
  const { sessionKey: shared, subkey } = proof;
  const encPart = seal(EncTgsRepPart, replyPartOf(realm, grant, body.nonce), {
    key: answerKey(realm, subkey ?? shared),
    usage: subkey === undefined ? KEY_USAGE.TGS_REP_SESSION_KEY : KEY_USAGE.TGS_REP_SUBKEY,
    random: realm.random,
  });
  const { clientRealm: crealm, client: cname } = grant;
  return encode(TgsRep, { pvno: 5, msgType: 13, padata: undefined, crealm, cname, ticket, encPart });
}

/** What this KDC does not do it refuses: to pass over it would be to grant something else than was asked for. */
function assertOptions({ kdcOptions }: KdcReqBody, padata: MethodData, { part }: TgsProof): void {
  const { FORWARDED, PROXY, RENEW, VALIDATE, CNAME_IN_ADDL_TKT, REQUEST_ANONYMOUS } = KDC_OPTIONS;
  const isAsked = (option: number): boolean => (kdcOptions & option) !== 0;
  const may = (flag: number): boolean => (part.flags & flag) !== 0;
  if (
    isAsked(VALIDATE | CNAME_IN_ADDL_TKT | REQUEST_ANONYMOUS) ||
    (isAsked(FORWARDED) && !may(TICKET_FLAGS.FORWARDABLE)) ||
    (isAsked(PROXY) && !may(TICKET_FLAGS.PROXIABLE)) ||
    (isAsked(RENEW) && !may(TICKET_FLAGS.RENEWABLE))
  )
    throw new Refusal(KRB_ERROR_CODE.KDC_ERR_BADOPTION);
  if (findPaData(padata, PA_TYPE.FOR_USER) !== undefined || findPaData(padata, PA_TYPE.FOR_X509_USER) !== undefined)
    throw new Refusal(KRB_ERROR_CODE.KDC_ERR_PADATA_TYPE_NOSUPP);
}

/** Whom the ticket is to be for; or the KDC of a realm that is nearer to it (RFC 6806 8). */
async function recipientOf(realm: Realm, body: KdcReqBody, sname: PrincipalName | undefined): Promise<Recipient> {
  const unknown = new Refusal(KRB_ERROR_CODE.KDC_ERR_S_PRINCIPAL_UNKNOWN);
  if (sname === undefined) throw unknown;
  const [service, instance] = sname.nameString;
  if (service === 'krbtgt' && instance !== undefined && sname.nameString.length === 2) {
    if (isNameOf(realm, instance)) return await ticketGranting(realm);
    const trust = realm.trusts.towards(instance);
    if (trust === undefined) throw unknown;
    return await ticketGrantingOf(realm, trust);
  }

  const principal = realm.faults.unknownServices === true ? undefined : realm.principals.service(sname);
  if (principal !== undefined) {
    if ((body.kdcOptions & KDC_OPTIONS.ENC_TKT_IN_SKEY) !== 0) {
      const second = await openSecondTicket(realm, body);
      if (realm.principals.client(second.part.cname) !== principal || second.part.crealm !== realm.name)
        throw new Refusal(KRB_ERROR_CODE.KDC_ERR_SERVER_NOMATCH);
      return loggedOnUser(realm, sname, KerberosKey.from(second.part.key, realm.encryptionTypes));
    }
    // People's passwords are no keys for tickets: anybody could ask for one and guess ([MS-KILE] 3.3.5.1.1).
    if (principal.services.length === 0 && !principal.user.endsWith('$'))
      throw new Refusal(KRB_ERROR_CODE.KDC_ERR_MUST_USE_USER2USER);
    return await account(realm, sname, principal, body.etype);
  }

  const isReferralWanted = (body.kdcOptions & KDC_OPTIONS.CANONICALIZE) !== 0;
  const trust = isReferralWanted && instance !== undefined ? realm.trusts.towardsHost(instance) : undefined;
  if (trust === undefined) throw unknown;
  return await ticketGrantingOf(realm, trust);
}

function grantOf(
  realm: Realm,
  body: KdcReqBody,
  proof: TgsProof,
  recipient: Recipient,
  sessionKey: KerberosKey,
): Grant {
  const { part } = proof;
  const { FORWARDABLE, FORWARDED, PROXIABLE, PROXY, PRE_AUTHENT } = TICKET_FLAGS;
  // Options and flags of one meaning have one number (5.3, 5.4.1); what the ticket that was shown may not, no other may.
  const kept = part.flags & body.kdcOptions & (FORWARDABLE | PROXIABLE);
  const made = body.kdcOptions & (FORWARDED | PROXY);
  const renewTill = renewalOf(realm, body, proof);
  const transited = transitedOf(proof);
  return {
    ...grantedTimes(realm, body, {
      authtime: part.authtime,
      endtime: (body.kdcOptions & KDC_OPTIONS.RENEW) === 0 ? part.endtime : part.renewTill,
      maxLifetime: renewedLifetime(body, proof) ?? realm.policy.maxLifetime,
      renewTill,
    }),
    client: part.cname,
    clientRealm: part.crealm,
    service: recipient.name,
    sessionKey,
    flags:
      kept |
      made |
      (part.flags & (FORWARDED | PROXY | PRE_AUTHENT)) |
      (isPathTrusted(realm, transited) ? TICKET_FLAGS.TRANSITED_POLICY_CHECKED : 0) |
      (recipient.trustedForDelegation ? TICKET_FLAGS.OK_AS_DELEGATE : 0) |
      renewableFlag(renewTill),
    transited,
  };
}

/** 3.3.3: a renewed ticket is good for as long as the old one was, from now on. */
function renewedLifetime({ kdcOptions }: KdcReqBody, { part }: TgsProof): number | undefined {
  if ((kdcOptions & KDC_OPTIONS.RENEW) === 0) return undefined;
  return part.endtime - (part.starttime ?? part.authtime);
}

function renewalOf(realm: Realm, body: KdcReqBody, { part }: TgsProof): number | undefined {
  if (part.renewTill === undefined || (part.flags & TICKET_FLAGS.RENEWABLE) === 0) return undefined;
  if ((body.kdcOptions & KDC_OPTIONS.RENEW) !== 0) return part.renewTill;
  const wanted = grantedRenewal(realm, body, realm.policy.maxLifetime);
  return wanted === undefined ? undefined : Math.min(wanted, part.renewTill);
}

/** 3.3.3.2: the realm that issued the ticket that was shown, unless it is the client's own. */
function transitedOf({ ticket, part, isForeign }: TgsProof): string {
  const before = new TextDecoder().decode(part.transited.contents);
  if (!isForeign || ticket.realm === part.crealm) return before;
  return before === '' ? ticket.realm : `${before},${ticket.realm}`;
}

function isPathTrusted(realm: Realm, transited: string): boolean {
  return transited === '' || transited.split(',').every((name) => realm.trusts.towards(name) !== undefined);
}

/** 3.3.3: what the client itself wants to tell the service. */
function clientData({ encAuthorizationData }: KdcReqBody, { sessionKey, subkey }: TgsProof): AuthorizationData {
  if (encAuthorizationData === undefined) return [];
  const { TGS_REQ_AUTHORIZATION_DATA_SUBKEY, TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY } = KEY_USAGE;
  return subkey === undefined
    ? unseal(AuthorizationData, encAuthorizationData, sessionKey, TGS_REQ_AUTHORIZATION_DATA_SESSION_KEY)
    : unseal(AuthorizationData, encAuthorizationData, subkey, TGS_REQ_AUTHORIZATION_DATA_SUBKEY);
}
