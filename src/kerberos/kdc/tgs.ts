/**
 * The TGS exchange, RFC 4120 3.3: from a ticket-granting ticket to another ticket.
 * @module
 */
import { encode } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { KEY_USAGE } from '../encryption/index.ts';
import {
  EncTgsRepPart,
  formatPrincipal,
  KDC_OPTIONS,
  KdcReqBody,
  KRB_ERROR_CODE,
  type MethodData,
  millisecondsOf,
  PA_TYPE,
  type PrincipalName,
  TgsRep,
  TgsReq,
  TICKET_FLAGS,
  type Ticket,
  unseal,
} from '../messages/index.ts';
import { makeApRequest } from './ap-request.ts';
import type { KdcClient } from './client.ts';
import { refusalOf } from './errors.ts';
import { askKdc, staged } from './exchange.ts';
import { ticketOfTgsReply } from './reply-checks.ts';
import { requestBody } from './request-body.ts';
import { KerberosTicket } from './ticket.ts';

/** What is asked for. */
export interface TgsRequest {
  /** Decides which KDC is asked: that of the realm in its name. */
  readonly grantingTicket: KerberosTicket;
  readonly service: PrincipalName;
  /** Bits of `KDC_OPTIONS`. */
  readonly options: number;
  /** When the ticket is to end, in milliseconds since 1970. Default: with the ticket-granting ticket. */
  readonly till?: number | undefined;
  /** User-to-user (3.3.1): the ticket-granting ticket of the service, with whose session key the new one is encrypted. */
  readonly secondTicket?: Ticket | undefined;
  readonly padata?: MethodData | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * One TGS exchange. The ticket may be a referral: see `requestServiceTicket` for the whole way.
 * @throws SspiError SPN_UNKNOWN, ENCRYPTION_TYPE_UNSUPPORTED, TICKET_EXPIRED, TIME_SKEW, KDC_POLICY, KDC_REPLY_MISMATCH,
 *   KDC_NOT_FOUND, KDC_UNREACHABLE, USER_TO_USER_REQUIRED and other refusals of the KDC
 */
export async function exchangeTicket(client: KdcClient, request: TgsRequest): Promise<KerberosTicket> {
  const realm = request.grantingTicket.grantsIn;
  if (realm === undefined)
    throw new SspiError('INVALID_PARAMETER', {
      stage: 'Kerberos TGS-REQ',
      detail: `${request.grantingTicket.description} grants no tickets`,
    });
  const stage = `Kerberos TGS-REQ to ${realm}`;
  return await staged(stage, () => exchange(client, request, realm, stage));
}

async function exchange(client: KdcClient, request: TgsRequest, realm: string, stage: string): Promise<KerberosTicket> {
  const { clock } = client;
  const { grantingTicket, service } = request;
  const facts = {
    stage,
    client: grantingTicket.client,
    clientRealm: grantingTicket.clientRealm,
    service,
    serviceRealm: realm,
    encryptionTypes: client.policy.encryptionTypes,
    clock,
  };
  for (let isSkewTried = false; ; isSkewTried = true) {
    const outcome = await attempt(client, request, realm, stage);
    if (outcome instanceof KerberosTicket) return outcome;
    const isSkew = outcome.errorCode === KRB_ERROR_CODE.KRB_AP_ERR_SKEW;
    if (!isSkew || isSkewTried) throw refusalOf(outcome, facts);
    clock.adopt(millisecondsOf(outcome.stime, outcome.susec));
  }
}

async function attempt(client: KdcClient, request: TgsRequest, realm: string, stage: string) {
  const { clock, random, policy } = client;
  const { grantingTicket, service, options, till, secondTicket, padata = [], signal } = request;
  if (!policy.encryptionTypes.includes(grantingTicket.sessionKey.etype))
    throw new SspiError('ENCRYPTION_TYPE_REFUSED', {
      stage,
      detail: `the session key of ${grantingTicket.description}`,
    });
  const body = requestBody(
    {
      service,
      realm,
      options,
      till: till ?? grantingTicket.endTime,
      encryptionTypes: policy.encryptionTypes,
      additionalTickets: secondTicket === undefined ? undefined : [secondTicket],
    },
    random,
  );

  // 3.3.2: the ticket-granting ticket, and a checksum over the body that only its owner can make.
  const encodedBody = encode(KdcReqBody, body);
  const { message: apRequest, subkey } = makeApRequest({
    ticket: grantingTicket,
    usage: KEY_USAGE.TGS_REQ_AUTHENTICATOR,
    checksum: grantingTicket.sessionKey.checksum(KEY_USAGE.TGS_REQ_CHECKSUM, encodedBody),
    clock,
    random,
  });
  try {
    const tgsRequest = { padataType: PA_TYPE.TGS_REQ, padataValue: apRequest };
    const message = encode(TgsReq, { pvno: 5, msgType: 12, padata: [tgsRequest, ...padata], reqBody: body });
    const answer = await askKdc(client, { realm, message, answer: TgsRep, signal });
    if (answer.kind === 'error') return answer.error;

    // 3.3.4: encrypted with the subkey, which was made for this request alone.
    const part = unseal(EncTgsRepPart, answer.reply.encPart, subkey, KEY_USAGE.TGS_REP_SUBKEY);
    const ticket = ticketOfTgsReply(answer.reply, part, {
      stage,
      body,
      service,
      client: grantingTicket.client,
      clientRealm: grantingTicket.clientRealm,
      grantingTicket,
      clock,
      clockSkew: policy.clockSkew,
    });
    return secondTicket === undefined ? ticket : new KerberosTicket({ ...ticket, secondTicket });
  } finally {
    subkey.dispose();
  }
}

/**
 * Renews a ticket: the same one with a new end (3.3.1, RENEW).
 * @throws SspiError TICKET_EXPIRED when it is not renewable, or no longer
 */
export async function renewTicket(
  client: KdcClient,
  ticket: KerberosTicket,
  signal?: AbortSignal,
): Promise<KerberosTicket> {
  const now = client.clock.now();
  if (!ticket.isRenewable(now) || ticket.endTime <= now)
    throw new SspiError('TICKET_EXPIRED', {
      stage: 'Kerberos renewal',
      detail: `${ticket.description} is not renewable`,
    });
  // Flags of the old ticket are asked for again, or the new one would have none of them.
  const kept = ticket.has(TICKET_FLAGS.FORWARDABLE) ? KDC_OPTIONS.FORWARDABLE : 0;
  return await exchangeTicket(client, {
    grantingTicket: ticket,
    service: ticket.server,
    options: KDC_OPTIONS.RENEW | KDC_OPTIONS.RENEWABLE | kept,
    till: ticket.renewTill,
    signal,
  });
}

/**
 * A ticket-granting ticket for somebody else to use in the client's name (3.3.1, FORWARDED): what goes into KRB-CRED.
 * @throws SspiError KDC_POLICY when the ticket-granting ticket is not forwardable
 */
export async function forwardTicket(
  client: KdcClient,
  grantingTicket: KerberosTicket,
  signal?: AbortSignal,
): Promise<KerberosTicket> {
  if (!grantingTicket.has(TICKET_FLAGS.FORWARDABLE))
    throw new SspiError('KDC_POLICY', {
      stage: 'Kerberos forwarding',
      detail: `${formatPrincipal(grantingTicket.server)} is not forwardable`,
    });
  return await exchangeTicket(client, {
    grantingTicket,
    service: grantingTicket.server,
    options: KDC_OPTIONS.FORWARDED | KDC_OPTIONS.FORWARDABLE,
    signal,
  });
}
