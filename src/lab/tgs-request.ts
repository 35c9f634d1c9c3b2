/**
 * The ticket that a TGS-REQ shows, and the proof that its sender has the session key of it: PA-TGS-REQ, RFC 4120 3.3.2 and 3.3.3.1.
 * @module
 */
import { anyValue, application, decode, field, int32, optional, sequence } from '../der/index.ts';
import {
  ApReq,
  Authenticator,
  EncTicketPart,
  findPaData,
  KDC_OPTIONS,
  type KdcReqBody,
  KEY_USAGE,
  KerberosKey,
  KRB_ERROR_CODE,
  MethodData,
  millisecondsOf,
  PA_TYPE,
  samePrincipal,
  type TgsReq,
  TICKET_FLAGS,
  type Ticket,
  unseal,
} from '../kerberos/index.ts';
import { SspiError } from '../sspi/index.ts';
import type { AccountKeys } from './keys.ts';
import { isNameOf, type Realm } from './realm.ts';
import { Refusal } from './refusal.ts';

/** TGS-REQ with its body as it came: the checksum is over these octets, and not over what we would write. */
const TgsReqOctets = application(
  12,
  sequence({
    pvno: field(1, int32),
    msgType: field(2, int32),
    padata: optional(3, MethodData),
    reqBody: field(4, anyValue),
  }),
);

/** A ticket that was opened. */
export interface OpenedTicket {
  readonly ticket: Ticket;
  readonly part: EncTicketPart;
  /** What it is encrypted with. */
  readonly key: KerberosKey;
  /** Whether it grants tickets, or is for a service of this realm. */
  readonly grants: boolean;
  /** Whether another realm has issued it. */
  readonly isForeign: boolean;
}

/** What a TGS-REQ has proved. */
export interface TgsProof extends OpenedTicket {
  readonly sessionKey: KerberosKey;
  /** The key that the client wants to be answered with, when it made one. */
  readonly subkey: KerberosKey | undefined;
  dispose(): void;
  [Symbol.dispose](): void;
}

/**
 * Opens ticket and authenticator, and checks them.
 * @param message - the request as it came
 * @throws Refusal KRB_AP_ERR_* for each thing that can be wrong
 */
export async function provedByTgsRequest(realm: Realm, request: TgsReq, message: Uint8Array): Promise<TgsProof> {
  const proof = findPaData(request.padata, PA_TYPE.TGS_REQ);
  if (proof === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_PADATA_TYPE_NOSUPP);
  const apRequest = decode(ApReq, proof);
  const opened = await openTicket(realm, apRequest.ticket);
  if (!opened.grants && (request.reqBody.kdcOptions & KDC_OPTIONS.RENEW) === 0)
    throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_NOT_US);

  const sessionKey = KerberosKey.from(opened.part.key, realm.encryptionTypes);
  try {
    const authenticator = opening(KRB_ERROR_CODE.KRB_AP_ERR_BAD_INTEGRITY, () =>
      unseal(Authenticator, apRequest.authenticator, sessionKey, KEY_USAGE.TGS_REQ_AUTHENTICATOR),
    );
    assertOfClient(authenticator, opened.part);
    assertNow(realm, authenticator, opened.part);
    assertChecksum(authenticator, sessionKey, decode(TgsReqOctets, message).reqBody);
    const subkey = authenticator.subkey && KerberosKey.from(authenticator.subkey, realm.encryptionTypes);
    const dispose = (): void => {
      sessionKey.dispose();
      subkey?.dispose();
    };
    return { ...opened, sessionKey, subkey, dispose, [Symbol.dispose]: dispose };
  } catch (error) {
    sessionKey.dispose();
    throw error;
  }
}

/** Opens a ticket that this realm's KDC can read. @throws Refusal */
export async function openTicket(realm: Realm, ticket: Ticket): Promise<OpenedTicket> {
  const { encPart } = ticket;
  const { keys, grants, isForeign } = holderOf(realm, ticket);
  if (encPart.kvno !== undefined && encPart.kvno !== keys.kvno) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_BADKEYVER);
  const key = await keys.of(encPart.etype);
  if (key === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_ETYPE_NOSUPP);
  const part = opening(KRB_ERROR_CODE.KRB_AP_ERR_BAD_INTEGRITY, () =>
    unseal(EncTicketPart, encPart, key, KEY_USAGE.TICKET),
  );
  return { ticket, part, key, grants, isForeign };
}

interface Holder {
  readonly keys: AccountKeys;
  readonly grants: boolean;
  readonly isForeign: boolean;
}

/** Whose key a ticket is encrypted with: `krbtgt` of this realm, what is shared with a realm next door, or a service's. */
function holderOf(realm: Realm, { realm: issuer, sname }: Ticket): Holder {
  const [service, instance] = sname.nameString;
  const isForeign = !isNameOf(realm, issuer);
  if (service === 'krbtgt' && instance !== undefined && isNameOf(realm, instance)) {
    const keys = isForeign ? realm.trusts.direct(issuer)?.incoming : realm.principals.krbtgt.keys;
    if (keys !== undefined) return { keys, grants: true, isForeign };
  }
  const principal = isForeign ? undefined : realm.principals.service(sname);
  if (principal === undefined) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_NOT_US);
  return { keys: principal.keys, grants: false, isForeign };
}

/** @throws Refusal KRB_AP_ERR_BADMATCH when the authenticator is not of the client that the ticket is for */
export function assertOfClient({ cname, crealm }: Authenticator, part: EncTicketPart): void {
  if (!samePrincipal(cname, part.cname) || crealm !== part.crealm)
    throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_BADMATCH);
}

/** @throws Refusal KRB_AP_ERR_SKEW, KRB_AP_ERR_TKT_NYV, KRB_AP_ERR_TKT_EXPIRED */
export function assertNow(realm: Realm, { ctime, cusec }: Authenticator, part: EncTicketPart): void {
  const now = realm.now();
  const { clockSkew } = realm.policy;
  if (Math.abs(millisecondsOf(ctime, cusec) - now) > clockSkew) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_SKEW);
  const { authtime, starttime = authtime, endtime, flags } = part;
  if (starttime - now > clockSkew || (flags & TICKET_FLAGS.INVALID) !== 0)
    throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_TKT_NYV);
  if (now > endtime) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_TKT_EXPIRED);
}

/** 3.3.3.1: keyed, over the body. Without it anybody on the way could ask for something else with this ticket. */
function assertChecksum({ cksum }: Authenticator, sessionKey: KerberosKey, body: Uint8Array): void {
  if (cksum === undefined || !sessionKey.type.checksumTypes.includes(cksum.cksumtype))
    throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_INAPP_CKSUM);
  if (!sessionKey.verifies(KEY_USAGE.TGS_REQ_CHECKSUM, cksum, body))
    throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_MODIFIED);
}

/**
 * The ticket-granting ticket of the user that a user-to-user ticket is for.
 * @throws Refusal KDC_ERR_BADOPTION when there is none, KDC_ERR_POLICY when it is no ticket-granting ticket, or over
 */
export async function openSecondTicket(realm: Realm, { additionalTickets }: KdcReqBody): Promise<OpenedTicket> {
  const [ticket] = additionalTickets ?? [];
  if (ticket === undefined) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_BADOPTION);
  const opened = await openTicket(realm, ticket);
  if (!opened.grants) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_POLICY);
  if (realm.now() > opened.part.endtime) throw new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_TKT_EXPIRED);
  return opened;
}

/** What cannot be decrypted is refused with an error-code of its place. */
export function opening<T>(errorCode: number, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (error instanceof SspiError) throw new Refusal(errorCode);
    throw error;
  }
}
