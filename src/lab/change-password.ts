/**
 * The server for password changes of a lab realm, RFC 3244: an AP-REQ says who asks, a KRB-PRIV what the new password is, and whose.
 * @see https://www.rfc-editor.org/rfc/rfc3244
 * @module
 */
import { DerError, decode, encode } from '../der/index.ts';
import {
  ApRep,
  ApReq,
  Authenticator,
  CHANGE_PASSWORD_SERVICE,
  CHANGE_PASSWORD_VERSION,
  ChangePasswdData,
  type ChangePasswordFrame,
  type ChangePasswordResult,
  decodeChangePassword,
  EncApRepPart,
  EncKrbPrivPart,
  EncTicketPart,
  encodeChangePassword,
  encodeChangePasswordResult,
  KEY_USAGE,
  KerberosKey,
  KRB_ERROR_CODE,
  KrbError,
  KrbPriv,
  krbErrorName,
  type PrincipalName,
  CHANGE_PASSWORD_RESULT as RESULT,
  seal,
  TICKET_FLAGS,
  type Ticket,
  timestampOf,
  unseal,
} from '../kerberos/index.ts';
import { SspiError } from '../sspi/index.ts';
import { isPasswordService, RID } from './principals.ts';
import { isNameOf, type Realm } from './realm.ts';
import { Refusal, refusalOf } from './refusal.ts';
import { assertNow, assertOfClient, opening } from './tgs-request.ts';
import { answerKey } from './ticket.ts';

/** The version of all answers. */
const ANSWER_VERSION = 1;
/** RFC 4120 5.7.1 wants an address. Nobody looks at it. */
const NO_ADDRESS = { addrType: 2, address: new Uint8Array(4) };
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An answer. */
export interface PasswordAnswer {
  readonly octets: Uint8Array;
  /** Of a KRB-ERROR. Undefined: it is a KRB-PRIV. */
  readonly errorCode: number | undefined;
}

/** Answers a request. There always is an answer: a KRB-PRIV with a result, or a KRB-ERROR when there is no key to make one with. */
export async function answerPasswordChange(realm: Realm, message: Uint8Array): Promise<PasswordAnswer> {
  let opened: Opened;
  try {
    if (realm.faults.errorCode !== undefined) throw new Refusal(realm.faults.errorCode);
    opened = await openRequest(realm, decodeChangePassword(message));
  } catch (error) {
    return refused(realm, error);
  }
  try {
    return { octets: answered(realm, opened, resultOf(realm, opened)), errorCode: undefined };
  } finally {
    opened.sessionKey.dispose();
    opened.subkey.dispose();
  }
}

/** A request that is genuine. What it asks for is another question. */
interface Opened {
  readonly version: number;
  readonly ticket: EncTicketPart;
  readonly authenticator: Authenticator;
  readonly sessionKey: KerberosKey;
  readonly subkey: KerberosKey;
  /** The new password, or the ChangePasswdData with it. */
  readonly userData: Uint8Array;
}

/** Section 2: ticket, authenticator, and what is encrypted with the key that the client made. @throws Refusal, SspiError, DerError */
async function openRequest(realm: Realm, { version, ap, rest }: ChangePasswordFrame): Promise<Opened> {
  const { CHANGE, SET } = CHANGE_PASSWORD_VERSION;
  if (version !== CHANGE && version !== SET) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_BADVERSION);
  const request = decode(ApReq, ap);
  const ticket = await openChangeTicket(realm, request.ticket);
  const sessionKey = KerberosKey.from(ticket.key, realm.encryptionTypes);
  try {
    const authenticator = opening(KRB_ERROR_CODE.KRB_AP_ERR_BAD_INTEGRITY, () =>
      unseal(Authenticator, request.authenticator, sessionKey, KEY_USAGE.AP_REQ_AUTHENTICATOR),
    );
    assertOfClient(authenticator, ticket);
    assertNow(realm, authenticator, ticket);
    if (authenticator.subkey === undefined) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_NOKEY);
    const subkey = KerberosKey.from(authenticator.subkey, realm.encryptionTypes);
    try {
      const userData = openPrivate(realm, decode(KrbPriv, rest), subkey, authenticator);
      return { version, ticket, authenticator, sessionKey, subkey, userData };
    } catch (error) {
      subkey.dispose();
      throw error;
    }
  } catch (error) {
    sessionKey.dispose();
    throw error;
  }
}

async function openChangeTicket(realm: Realm, { sname, realm: issuer, encPart }: Ticket): Promise<EncTicketPart> {
  if (!isPasswordService(sname) || !isNameOf(realm, issuer)) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_NOT_US);
  const { keys } = realm.principals.changePassword;
  if (encPart.kvno !== keys.kvno) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_BADKEYVER);
  const key = await keys.of(encPart.etype);
  if (key === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_ETYPE_NOSUPP);
  return opening(KRB_ERROR_CODE.KRB_AP_ERR_BAD_INTEGRITY, () => unseal(EncTicketPart, encPart, key, KEY_USAGE.TICKET));
}

/** RFC 4120 3.2.6: of now, and the message that the authenticator announced. */
function openPrivate(
  realm: Realm,
  { encPart }: KrbPriv,
  subkey: KerberosKey,
  { seqNumber }: Authenticator,
): Uint8Array {
  const part = opening(KRB_ERROR_CODE.KRB_AP_ERR_MODIFIED, () =>
    unseal(EncKrbPrivPart, encPart, subkey, KEY_USAGE.KRB_PRIV),
  );
  if (part.seqNumber !== seqNumber) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_BADORDER);
  if (part.timestamp !== undefined && Math.abs(part.timestamp - realm.now()) > realm.policy.clockSkew)
    throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_SKEW);
  return part.userData;
}

/** Section 2: does what was asked for, or says why not. */
function resultOf(realm: Realm, { version, ticket, userData }: Opened): ChangePasswordResult {
  const asked = read(version, userData);
  if (asked === undefined) return result(RESULT.MALFORMED, 'malformed request');
  const { password, target = { name: ticket.cname, realm: ticket.crealm } } = asked;

  const client = isNameOf(realm, ticket.crealm) ? realm.principals.client(ticket.cname) : undefined;
  const account = isNameOf(realm, target.realm) ? realm.principals.client(target.name) : undefined;
  const isOwn = client !== undefined && client === account;
  if (!isOwn && client?.groups.includes(RID.DOMAIN_ADMINS) !== true)
    return result(RESULT.ACCESSDENIED, 'not your password');
  // Whoever finds somebody's tickets must not get hold of the account: the old password has to be known (RFC 3244 2).
  if (isOwn && (ticket.flags & TICKET_FLAGS.INITIAL) === 0)
    return result(RESULT.INITIAL_FLAG_NEEDED, 'an initial ticket is needed');
  if (account === undefined) return result(RESULT.HARDERROR, 'no such account');

  const { minPasswordLength } = realm.policy;
  if ([...password].length < minPasswordLength) return { code: RESULT.SOFTERROR, data: domainRules(minPasswordLength) };
  realm.principals.setPassword(account, password);
  return result(RESULT.SUCCESS, '');
}

interface Asked {
  readonly password: string;
  readonly target?: { readonly name: PrincipalName; readonly realm: string } | undefined;
}

/** The older version has the bare password, the newer one may say whose it is. Undefined when it is neither. */
function read(version: number, userData: Uint8Array): Asked | undefined {
  try {
    if (version === CHANGE_PASSWORD_VERSION.CHANGE) return { password: utf8.decode(userData) };
    const { newpasswd, targname: name, targrealm: realm } = decode(ChangePasswdData, userData);
    if ((name === undefined) !== (realm === undefined)) return undefined;
    return { password: utf8.decode(newpasswd), target: name && realm !== undefined ? { name, realm } : undefined };
  } catch (error) {
    if (error instanceof DerError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function result(code: number, text: string): ChangePasswordResult {
  return { code, data: new TextEncoder().encode(text) };
}

/** What Windows says instead of a text: its DOMAIN_PASSWORD_INFORMATION in numbers, big-endian. There is one rule here. */
function domainRules(minPasswordLength: number): Uint8Array {
  const data = new Uint8Array(30);
  new DataView(data.buffer).setUint32(2, minPasswordLength);
  return data;
}

function answered(
  realm: Realm,
  { authenticator, sessionKey, subkey }: Opened,
  found: ChangePasswordResult,
): Uint8Array {
  const { ctime, cusec, seqNumber } = authenticator;
  const { random } = realm;
  const proof = { ctime, cusec, subkey: undefined, seqNumber };
  const sealed = seal(EncApRepPart, proof, { key: sessionKey, usage: KEY_USAGE.AP_REP, random });
  const { time: timestamp, usec } = timestampOf(realm.now());
  const userData = encodeChangePasswordResult(found);
  const part = { userData, timestamp, usec, seqNumber, sAddress: NO_ADDRESS };
  const key = answerKey(realm, subkey);
  return encodeChangePassword({
    version: ANSWER_VERSION,
    ap: encode(ApRep, { pvno: 5, msgType: 15, encPart: sealed }),
    rest: encode(KrbPriv, {
      pvno: 5,
      msgType: 21,
      encPart: seal(EncKrbPrivPart, part, { key, usage: KEY_USAGE.KRB_PRIV, random }),
    }),
  });
}

/** Section 2: a KRB-ERROR where the AP-REP would be none; the result is in its e-data. */
function refused(realm: Realm, error: unknown): PasswordAnswer {
  const isFrame = !(error instanceof SspiError && error.code === 'MALFORMED_TOKEN');
  const refusal = isFrame ? refusalOf(error) : new Refusal(KRB_ERROR_CODE.KRB_ERR_GENERIC);
  const { errorCode, details } = refusal;
  const { time: stime, usec: susec } = timestampOf(realm.now());
  const rest = encode(KrbError, {
    pvno: 5,
    msgType: 30,
    stime,
    susec,
    errorCode,
    realm: realm.name,
    sname: CHANGE_PASSWORD_SERVICE,
    eText: details.text,
    eData: encodeChangePasswordResult(result(resultCodeOf(errorCode), krbErrorName(errorCode))),
  });
  return { octets: encodeChangePassword({ version: ANSWER_VERSION, ap: new Uint8Array(0), rest }), errorCode };
}

function resultCodeOf(errorCode: number): number {
  if (errorCode === KRB_ERROR_CODE.KRB_AP_ERR_BADVERSION) return RESULT.BAD_VERSION;
  return errorCode === KRB_ERROR_CODE.KRB_ERR_GENERIC ? RESULT.MALFORMED : RESULT.AUTHERROR;
}
