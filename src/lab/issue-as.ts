/**
 * The AS exchange from the KDC's side, RFC 4120 3.1.3: who is it, can he prove it, and what does he get.
 * @module
 */
import { encode } from '../der/index.ts';
import {
  AsRep,
  type AsReq,
  Checksum,
  EncAsRepPart,
  encryptionType,
  findPaData,
  KDC_OPTIONS,
  type KdcReqBody,
  KEY_USAGE,
  KerberosKey,
  KRB_ERROR_CODE,
  type MethodData,
  NAME_TYPE,
  PA_TYPE,
  type PrincipalName,
  seal,
  TICKET_FLAGS,
} from '../kerberos/index.ts';
import { issueTicket } from './issue-ticket.ts';
import { assertProved, etypeInfo2 } from './pre-authentication.ts';
import { isPasswordService, type Principal } from './principals.ts';
import { newPac } from './privileges.ts';
import { chosenEncryptionType, isNameOf, PROTECTED_LIFETIME, type Realm } from './realm.ts';
import { account, type Recipient, ticketGranting } from './recipient.ts';
import { Refusal } from './refusal.ts';
import { assertMayLogOn } from './restrictions.ts';
import { answerKey, type Grant, grantedRenewal, grantedTimes, renewableFlag, replyPartOf } from './ticket.ts';

/**
 * Answers an AS-REQ.
 * @param message - the request as it came: the answer is bound to its octets (RFC 6806 11)
 * @throws Refusal
 */
export async function issueInitialTicket(realm: Realm, request: AsReq, message: Uint8Array): Promise<Uint8Array> {
  const { reqBody: body, padata = [] } = request;
  const client = findClient(realm, body);
  assertMayLogOn(client, false);

  // The client's order decides, among what it has keys of.
  const chosen = chosenEncryptionType(realm, body.etype, client.keys.encryptionTypes);
  const etypes = body.etype.filter((etype) => client.keys.encryptionTypes.includes(etype));
  if (client.preAuthentication) await assertProved(realm, client, padata, etypes);
  assertMayLogOn(client, true, body.sname);
  const clientKey = await client.keys.of(chosen);
  if (clientKey === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_NULL_KEY);

  const service = await findService(realm, body);
  const sessionType = chosenEncryptionType(realm, body.etype, service.encryptionTypes);
  using sessionKey = KerberosKey.generate(encryptionType(sessionType, realm.encryptionTypes), realm.random);
  const grant = grantOf(realm, body, client, service.name, sessionKey, padata);
  const ticket = await issueTicket(realm, grant, service, newPac(realm, client, grant, padata));

  // 3.1.3: what the client is told is under its own key.
  const key = answerKey(realm, clientKey);
  const part = replyPartOf(realm, grant, body.nonce, encryptedPaData(clientKey, padata, message));
  const encPart = seal(EncAsRepPart, part, {
    key,
    usage: KEY_USAGE.AS_REP,
    random: realm.random,
    kvno: client.keys.kvno,
  });
  return encode(AsRep, {
    pvno: 5,
    msgType: 11,
    padata: etypeInfo2(client, [chosen]),
    crealm: realm.name,
    cname: grant.client,
    ticket,
    encPart,
  });
}

/** 3.1.3; RFC 6806 5 and 7 for names that are not of this realm. */
function findClient(realm: Realm, { cname, realm: name }: KdcReqBody): Principal {
  if (cname === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_C_PRINCIPAL_UNKNOWN);
  if (!isNameOf(realm, name)) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_WRONG_REALM);
  const client = realm.principals.client(cname);
  if (client !== undefined) return client;
  const suffix = cname.nameType === NAME_TYPE.ENTERPRISE ? cname.nameString[0]?.split('@').pop() : undefined;
  const elsewhere = suffix === undefined ? undefined : realm.trusts.towards(suffix);
  if (elsewhere !== undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_WRONG_REALM, { clientRealm: elsewhere.realm });
  throw new Refusal(KRB_ERROR_CODE.KDC_ERR_C_PRINCIPAL_UNKNOWN);
}

async function findService(realm: Realm, { sname, etype }: KdcReqBody): Promise<Recipient> {
  const unknown = new Refusal(KRB_ERROR_CODE.KDC_ERR_S_PRINCIPAL_UNKNOWN);
  if (sname === undefined) throw unknown;
  const [service, instance] = sname.nameString;
  if (service === 'krbtgt' && instance !== undefined && isNameOf(realm, instance)) return await ticketGranting(realm);
  if (isPasswordService(sname)) return await account(realm, sname, realm.principals.changePassword, etype);
  const principal = realm.faults.unknownServices === true ? undefined : realm.principals.service(sname);
  if (principal === undefined || principal.services.length === 0) throw unknown;
  return await account(realm, sname, principal, etype);
}

function grantOf(
  realm: Realm,
  body: KdcReqBody,
  client: Principal,
  service: PrincipalName,
  sessionKey: KerberosKey,
  padata: MethodData,
): Grant {
  const { kdcOptions } = body;
  const maxLifetime = client.isProtected
    ? Math.min(PROTECTED_LIFETIME, realm.policy.maxLifetime)
    : realm.policy.maxLifetime;
  const renewTill = client.isProtected ? undefined : grantedRenewal(realm, body, maxLifetime);
  const isForwardable = !client.isProtected && (kdcOptions & KDC_OPTIONS.FORWARDABLE) !== 0;
  return {
    ...grantedTimes(realm, body, { maxLifetime, renewTill }),
    client: clientName(client, body),
    clientRealm: realm.name,
    service,
    sessionKey,
    flags:
      TICKET_FLAGS.INITIAL |
      (client.preAuthentication ? TICKET_FLAGS.PRE_AUTHENT : 0) |
      (isForwardable ? TICKET_FLAGS.FORWARDABLE : 0) |
      (!client.isProtected && (kdcOptions & KDC_OPTIONS.PROXIABLE) !== 0 ? TICKET_FLAGS.PROXIABLE : 0) |
      (findPaData(padata, PA_TYPE.REQ_ENC_PA_REP) === undefined ? 0 : TICKET_FLAGS.ENC_PA_REP) |
      renewableFlag(renewTill),
    transited: '',
  };
}

/** RFC 6806 6: the name as the KDC writes it, for who asked for that; enterprise names are always replaced. */
function clientName({ user }: Principal, { cname, kdcOptions }: KdcReqBody): PrincipalName {
  const canonical = { nameType: NAME_TYPE.PRINCIPAL, nameString: [user] };
  if (cname === undefined || cname.nameType === NAME_TYPE.ENTERPRISE) return canonical;
  return (kdcOptions & KDC_OPTIONS.CANONICALIZE) === 0 ? cname : canonical;
}

/** RFC 6806 11: the request signed with the client's key shows it that nobody changed it on the way. */
function encryptedPaData(key: KerberosKey, padata: MethodData, message: Uint8Array): MethodData | undefined {
  if (findPaData(padata, PA_TYPE.REQ_ENC_PA_REP) === undefined) return undefined;
  const checksum = encode(Checksum, key.checksum(KEY_USAGE.AS_REQ_CHECKSUM, message));
  return [{ padataType: PA_TYPE.REQ_ENC_PA_REP, padataValue: checksum }];
}
