/**
 * The AS exchange, RFC 4120 3.1: from the client's own key to an initial ticket.
 * @module
 */
import { decode, encode } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import type { KerberosKey } from '../encryption/index.ts';
import {
  AsRep,
  AsReq,
  type EncKdcRepPart,
  findPaData,
  KdcReqBody,
  KRB_ERROR_CODE,
  type KrbError,
  MethodData,
  millisecondsOf,
} from '../messages/index.ts';
import { openAsReply } from './as-reply.ts';
import { asBody, type InitialTicketRequest, type LogonFacts, logonFacts, standingPaData } from './as-request.ts';
import type { KdcClient } from './client.ts';
import { encryptedTimestamp } from './encrypted-timestamp.ts';
import { refusalOf } from './errors.ts';
import { encryptionTypeNames, preAuthenticationKey, readKeyInfo, replyKey } from './etype-info.ts';
import { askKdc, staged } from './exchange.ts';
import type { PreAuthentication, PreAuthenticationExchange, PreAuthenticationScope } from './pre-authentication.ts';
import { ticketOfAsReply } from './reply-checks.ts';
import type { KerberosTicket } from './ticket.ts';

/** More rounds than any way of pre-authentication has. */
const MOST_ROUNDS = 10;

/**
 * Gets an initial ticket, which the caller disposes.
 * @throws SspiError LOGON_DENIED, ACCOUNT_RESTRICTED, TIME_SKEW, ENCRYPTION_TYPE_REFUSED, ENCRYPTION_TYPE_UNSUPPORTED,
 *   PREAUTHENTICATION_UNSUPPORTED, NO_KERBEROS_KEY, KDC_REPLY_MISMATCH, TOO_MANY_REFERRALS, KDC_NOT_FOUND, KDC_UNREACHABLE and
 *   other refusals of the KDC
 * @example
 * const ticket = await requestInitialTicket(client, { client: parsePrincipal('alice').name, realm: 'EXAMPLE.COM', keys });
 */
export async function requestInitialTicket(client: KdcClient, request: InitialTicketRequest): Promise<KerberosTicket> {
  const visited: string[] = [];
  for (let realm = request.realm; ; ) {
    visited.push(realm);
    const facts = logonFacts(client, request, realm);
    const logon = new Logon(client, request, facts);
    const outcome = await staged(facts.stage, () => logon.run()).finally(() => logon.dispose());
    if (outcome.kind === 'ticket') return outcome.ticket;

    // RFC 6806 7: the client is known in another realm, whose KDC is asked next.
    realm = outcome.realm;
    if (visited.includes(realm) || visited.length > client.policy.maxReferrals)
      throw new SspiError('TOO_MANY_REFERRALS', { stage: facts.stage, detail: [...visited, realm].join(' > ') });
  }
}

type Outcome =
  | { readonly kind: 'ticket'; readonly ticket: KerberosTicket }
  | { readonly kind: 'referral'; readonly realm: string };

/** A logon in one realm. */
class Logon {
  readonly #client: KdcClient;
  readonly #request: InitialTicketRequest;
  readonly #facts: LogonFacts;
  /** What the KDC said about the client's key, the newest first. */
  readonly #said: MethodData[] = [];
  readonly #tried = new Set<PreAuthentication>();
  #way: PreAuthentication | undefined;
  #exchange: PreAuthenticationExchange | undefined;

  constructor(client: KdcClient, request: InitialTicketRequest, facts: LogonFacts) {
    this.#client = client;
    this.#request = request;
    this.#facts = facts;
  }

  async run(): Promise<Outcome> {
    const { stage, allowed, clientText, realm } = this.#facts;
    if (allowed.length === 0)
      throw new SspiError('NO_KERBEROS_KEY', { stage, detail: `none of an allowed encryption type for ${clientText}` });

    let body = asBody(this.#client, this.#facts);
    let offered: MethodData = [];
    let isSkewTried = false;
    const unasked = this.#ways.find((way) => way.unasked === true);
    if (unasked !== undefined) this.#begin(unasked, body);

    for (let round = 0; round < MOST_ROUNDS; round++) {
      const padata = [...((await this.#exchange?.answer(offered)) ?? []), ...standingPaData(this.#client, offered)];
      const enveloped = this.#exchange?.envelop?.(padata) ?? padata;
      const message = encode(AsReq, { pvno: 5, msgType: 10, padata: enveloped, reqBody: body });
      const answer = await askKdc(this.#client, { realm, message, answer: AsRep, signal: this.#request.signal });
      if (answer.kind === 'reply') return { kind: 'ticket', ticket: await this.#accept(answer.reply, message, body) };

      const error = this.#exchange?.openError?.(answer.error) ?? answer.error;
      switch (error.errorCode) {
        // 3.1.3: the KDC says which ways it takes, and how the key is made of the password.
        case KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED:
        case KRB_ERROR_CODE.KDC_ERR_MORE_PREAUTH_DATA_REQUIRED:
          offered = error.eData === undefined ? [] : decode(MethodData, error.eData);
          this.#said.unshift(offered);
          if (!this.#isGoingOn(offered)) this.#begin(this.#choose(offered, error), body);
          break;

        // Once, with the KDC's time: whoever sends this error in its name gains a timestamp of that time, and no more. When
        // our clock is days behind, the end that we ask for is in the KDC's past.
        case KRB_ERROR_CODE.KRB_AP_ERR_SKEW:
        case KRB_ERROR_CODE.KDC_ERR_NEVER_VALID:
          if (isSkewTried) throw refusalOf(error, this.#facts);
          isSkewTried = true;
          this.#client.clock.adopt(millisecondsOf(error.stime, error.susec));
          body = asBody(this.#client, this.#facts);
          if (this.#way !== undefined) this.#begin(this.#way, body);
          break;

        case KRB_ERROR_CODE.KDC_ERR_WRONG_REALM:
          if (error.crealm === undefined) throw refusalOf(error, this.#facts);
          return { kind: 'referral', realm: error.crealm };

        default:
          throw refusalOf(error, this.#facts);
      }
    }
    throw new SspiError('PREAUTHENTICATION_UNSUPPORTED', { stage, detail: `more than ${MOST_ROUNDS} rounds` });
  }

  get #ways(): readonly PreAuthentication[] {
    return this.#request.preAuthentication ?? [encryptedTimestamp];
  }

  /** Whether the way that was begun is the one to answer: one that the KDC stops offering is over. */
  #isGoingOn(offered: MethodData): boolean {
    if (this.#way === undefined) return false;
    return this.#way.unasked === true || findPaData(offered, this.#way.padataType) !== undefined;
  }

  /** The first of our ways that the KDC offers. */
  #choose(offered: MethodData, error: KrbError): PreAuthentication {
    const ways = this.#ways.filter((way) => !this.#tried.has(way));
    const way = ways.find(({ padataType }) => findPaData(offered, padataType) !== undefined);
    if (way !== undefined) return way;
    const { stage, allowed } = this.#facts;
    const offer = offered.map(({ padataType }) => padataType).join(', ') || 'none';
    // 5.2.7.5: a KDC that has a key of a type that was offered says so in ETYPE-INFO2.
    const hasKey = readKeyInfo(offered)?.some(({ etype }) => allowed.includes(etype)) ?? false;
    const cause = refusalOf(error, this.#facts);
    if (!hasKey) {
      const detail = `offered ${encryptionTypeNames(allowed)}; padata types of the KDC: ${offer}`;
      throw new SspiError('ENCRYPTION_TYPE_UNSUPPORTED', { stage, detail, cause });
    }
    const detail = `padata types of the KDC: ${offer}; available: ${ways.map(({ name }) => name).join(', ') || 'none'}`;
    throw new SspiError('PREAUTHENTICATION_UNSUPPORTED', { stage, detail, cause });
  }

  #begin(way: PreAuthentication, body: KdcReqBody): void {
    this.#exchange?.dispose();
    this.#tried.add(way);
    this.#way = way;
    this.#exchange = way.begin(this.#scope(encode(KdcReqBody, body)));
  }

  #scope(requestBody: Uint8Array): PreAuthenticationScope {
    const { clock, random, policy } = this.#client;
    const { client, realm, stage } = this.#facts;
    const clientKey = (offered: MethodData): Promise<KerberosKey> => preAuthenticationKey(this.#facts, offered);
    return {
      client,
      realm,
      clock,
      random,
      policy,
      stage,
      requestBody,
      clientKey,
      replyKey: (reply) => this.#ownReplyKey(reply),
    };
  }

  #ownReplyKey({ encPart, padata = [] }: AsRep): Promise<KerberosKey> {
    return replyKey(this.#facts, encPart.etype, padata, ...this.#said);
  }

  /** 3.1.5: what the KDC says counts only after all of it fits. */
  async #accept(outer: AsRep, request: Uint8Array, body: KdcReqBody): Promise<KerberosTicket> {
    const facts = this.#facts;
    const reply = this.#exchange?.openReply?.(outer) ?? outer;
    const key = await (this.#exchange?.replyKey?.(reply) ?? this.#ownReplyKey(reply));
    let part: EncKdcRepPart;
    try {
      part = openAsReply(reply, { facts, key, request, isProven: this.#exchange !== undefined });
    } finally {
      key.dispose();
    }
    return ticketOfAsReply(reply, part, { ...facts, body, clockSkew: this.#client.policy.clockSkew });
  }

  dispose(): void {
    this.#exchange?.dispose();
  }
}
