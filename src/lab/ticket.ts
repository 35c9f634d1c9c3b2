/**
 * What a KDC grants, as a ticket and as the part of the answer that tells the client about it: RFC 4120 3.1.3, 3.3.3, 5.3, 5.4.2.
 * @module
 */
import {
  type EncKdcRepPart,
  type EncTicketPart,
  encryptionType,
  KDC_OPTIONS,
  type KdcReqBody,
  KerberosKey,
  KRB_ERROR_CODE,
  type MethodData,
  type PrincipalName,
  TICKET_FLAGS,
} from '../kerberos/index.ts';
import type { Realm } from './realm.ts';
import { Refusal } from './refusal.ts';

/** From when until when; milliseconds since 1970, whole seconds. */
export interface TicketTimes {
  readonly authtime: number;
  readonly starttime: number;
  readonly endtime: number;
  readonly renewTill: number | undefined;
}

/** A ticket before it is encrypted. */
export interface Grant extends TicketTimes {
  readonly client: PrincipalName;
  readonly clientRealm: string;
  readonly service: PrincipalName;
  readonly sessionKey: KerberosKey;
  /** Bits of `TICKET_FLAGS`. */
  readonly flags: number;
  /** Realms on the way, between commas (RFC 4120 3.3.3.2). */
  readonly transited: string;
}

const DOMAIN_X500_COMPRESS = 1;
const utf8 = new TextEncoder();

/** The inside of the ticket, still without authorization data. */
export function ticketPartOf(grant: Grant): EncTicketPart {
  return {
    flags: grant.flags,
    key: grant.sessionKey.reveal(),
    crealm: grant.clientRealm,
    cname: grant.client,
    transited: { trType: DOMAIN_X500_COMPRESS, contents: utf8.encode(grant.transited) },
    authtime: grant.authtime,
    starttime: grant.starttime,
    endtime: grant.endtime,
    renewTill: grant.renewTill,
    caddr: undefined, // like Windows: addresses change on the way
    authorizationData: undefined,
  };
}

/** What the client is told. */
export function replyPartOf(realm: Realm, grant: Grant, nonce: number, encryptedPaData?: MethodData): EncKdcRepPart {
  const part: EncKdcRepPart = {
    key: grant.sessionKey.reveal(),
    lastReq: [{ lrType: 0, lrValue: grant.authtime }], // 5.4.2: nothing is said of earlier logons
    nonce,
    keyExpiration: undefined,
    flags: grant.flags,
    authtime: grant.authtime,
    starttime: grant.starttime,
    endtime: grant.endtime,
    renewTill: grant.renewTill,
    srealm: realm.name,
    sname: grant.service,
    caddr: undefined,
    encryptedPaData,
  };
  return realm.faults.forgeAnswer?.(part) ?? part;
}

/** The key that an answer is encrypted with, unless a fault says otherwise: then a random one, which opens nothing else. */
export function answerKey(realm: Realm, right: KerberosKey): KerberosKey {
  const { encryptionType: etype = right.etype, wrongKey } = realm.faults;
  if (etype === right.etype && wrongKey !== 'answer') return right;
  return KerberosKey.generate(encryptionType(etype, [etype]), realm.random);
}

/** Bounds of what is asked for. */
export interface Bounds {
  readonly authtime?: number | undefined;
  /** The ticket cannot outlive this: the end of the ticket-granting ticket. */
  readonly endtime?: number | undefined;
  readonly maxLifetime: number;
  /** Undefined: not renewable. */
  readonly renewTill: number | undefined;
}

const HOUR = 3_600_000;

/** From now until what was asked for, within bounds. @throws Refusal KDC_ERR_NEVER_VALID, KDC_ERR_CANNOT_POSTDATE */
export function grantedTimes(realm: Realm, body: KdcReqBody, bounds: Bounds): TicketTimes {
  const now = wholeSeconds(realm.now());
  if ((body.kdcOptions & (KDC_OPTIONS.POSTDATED | KDC_OPTIONS.ALLOW_POSTDATE)) !== 0)
    throw new Refusal(KRB_ERROR_CODE.KDC_ERR_CANNOT_POSTDATE);
  const till = body.till === 0 ? Infinity : body.till; // 5.4.1: as long as possible
  const endtime = wholeSeconds(Math.min(till, bounds.endtime ?? Infinity, now + bounds.maxLifetime));
  if (endtime <= now) throw new Refusal(KRB_ERROR_CODE.KDC_ERR_NEVER_VALID);
  const { authtime = now, renewTill } = bounds;
  if (realm.faults.expiredTickets === true)
    return { authtime, starttime: now - 2 * HOUR, endtime: now - HOUR, renewTill };
  return { authtime, starttime: now, endtime, renewTill };
}

/**
 * Until when a ticket is to be renewable (3.1.3): as asked for with RENEWABLE; or with RENEWABLE-OK until the end that was asked
 * for, when the ticket itself cannot last so long.
 */
export function grantedRenewal(realm: Realm, body: KdcReqBody, maxLifetime: number): number | undefined {
  const { kdcOptions, rtime, till } = body;
  const now = wholeSeconds(realm.now());
  const latest = now + realm.policy.maxRenewableLifetime;
  const isWanted = (kdcOptions & KDC_OPTIONS.RENEWABLE) !== 0;
  if (isWanted) return wholeSeconds(Math.min(rtime === undefined || rtime === 0 ? latest : rtime, latest));
  const isFitting = (kdcOptions & KDC_OPTIONS.RENEWABLE_OK) !== 0 && till > now + maxLifetime;
  return isFitting ? wholeSeconds(Math.min(till, latest)) : undefined;
}

/** Flags that go with a renewable ticket. */
export function renewableFlag(renewTill: number | undefined): number {
  return renewTill === undefined ? 0 : TICKET_FLAGS.RENEWABLE;
}

function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000) * 1000;
}
