/**
 * The AS exchange, RFC 4120 3.1: from the client's own key to an initial ticket.
 * @module
 */
import { decode, encode } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { KEY_USAGE, type KerberosKey } from '../encryption/index.ts';
import {
  AnyEncKdcRepPart,
  AsRep,
  AsReq,
  Checksum,
  type EncKdcRepPart,
  findPaData,
  formatPrincipal,
  KDC_OPTIONS,
  KdcReqBody,
  KerbPaPacRequest,
  KRB_ERROR_CODE,
  type KrbError,
  MethodData,
  millisecondsOf,
  NAME_TYPE,
  PA_TYPE,
  type PrincipalName,
  TICKET_FLAGS,
  ticketGrantingService,
  unseal,
} from '../messages/index.ts';
import type { KdcClient } from './client.ts';
import { encryptedTimestamp } from './encrypted-timestamp.ts';
import { refusalOf } from './errors.ts';
import { preAuthenticationKey, replyKey } from './etype-info.ts';
import { askKdc, staged } from './exchange.ts';
import type { LongTermKeys } from './long-term-keys.ts';
import type { PreAuthentication, PreAuthenticationExchange, PreAuthenticationScope } from './pre-authentication.ts';
import { ticketOfAsReply } from './reply-checks.ts';
import { requestBody } from './request-body.ts';
import type { KerberosTicket } from './ticket.ts';

/** What an initial ticket is asked for with. */
export interface InitialTicketRequest {
  readonly client: PrincipalName;
  readonly realm: string;
  readonly keys: LongTermKeys;
  /** Default: the ticket-granting service. `kadmin/changepw` has to be asked for directly (RFC 3244 2). */
  readonly service?: PrincipalName | undefined;
  /** The ways to prove who the client is, the best liked first. Default: the encrypted timestamp. */
  readonly preAuthentication?: readonly PreAuthentication[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** More rounds than any way of pre-authentication has. */
const MOST_ROUNDS = 10;

/**
 * Gets an initial ticket.
 * @throws SspiError LOGON_DENIED, ACCOUNT_RESTRICTED, TIME_SKEW, ENCRYPTION_TYPE_REFUSED, ENCRYPTION_TYPE_UNSUPPORTED,
 *   PREAUTHENTICATION_UNSUPPORTED, NO_KERBEROS_KEY, KDC_REPLY_MISMATCH, TOO_MANY_REFERRALS, KDC_NOT_FOUND, KDC_UNREACHABLE and
 *   other refusals of the KDC
 * @example
 * using ticket = await requestInitialTicket(client, { client: parsePrincipal('alice').name, realm: 'EXAMPLE.COM', keys });
 */
export async function requestInitialTicket(client: KdcClient, request: InitialTicketRequest): Promise<KerberosTicket> {
  const visited = [request.realm];
  for (;;) {
    const realm = visited.at(-1) ?? request.realm;
    const stage = `Kerberos AS-REQ to ${realm}`;
    const logon = new Logon(client, request, realm, stage);
    const outcome = await staged(stage, () => logon.run()).finally(() => logon.dispose());
    if (outcome.kind === 'ticket') return outcome.ticket;

    // RFC 6806 7: the client is known in another realm, whose KDC is asked next.
    if (visited.includes(outcome.realm) || visited.length > client.policy.maxReferrals)
      throw new SspiError('TOO_MANY_REFERRALS', { stage, detail: [...visited, outcome.realm].join(' > ') });
    visited.push(outcome.realm);
  }
}

type Outcome =
  | { readonly kind: 'ticket'; readonly ticket: KerberosTicket }
  | { readonly kind: 'referral'; readonly realm: string };

/** A logon in one realm. */
class Logon {
  readonly #client: KdcClient;
  readonly #request: InitialTicketRequest;
  readonly #realm: string;
  readonly #stage: string;
  readonly #service: PrincipalName;
  readonly #allowed: readonly number[];
  /** What KDCs said about the client's key, the newest first. */
  readonly #said: MethodData[] = [];
  #way: PreAuthentication | undefined;
  #exchange: PreAuthenticationExchange | undefined;

  constructor(client: KdcClient, request: InitialTicketRequest, realm: string, stage: string) {
    this.#client = client;
    this.#request = request;
    this.#realm = realm;
    this.#stage = stage;
    this.#service = request.service ?? ticketGrantingService(realm);
    const available = request.keys.encryptionTypes(request.client, realm);
    this.#allowed = client.policy.encryptionTypes.filter((etype) => available?.includes(etype) ?? true);
  }

  async run(): Promise<Outcome> {
    const { clock } = this.#client;
    if (this.#allowed.length === 0)
      throw new SspiError('NO_KERBEROS_KEY', {
        stage: this.#stage,
        detail: `none of an allowed type for ${this.#clientText}`,
      });

    let body = this.#body();
    let offered: MethodData = [];
    let isSkewTried = false;
    this.#begin(
      body,
      this.#ways.find((way) => way.unasked === true),
    );

    for (let round = 0; round < MOST_ROUNDS; round++) {
      const padata = [...(await this.#answer(offered)), ...this.#alwaysThere(offered)];
      const message = encode(AsReq, { pvno: 5, msgType: 10, padata, reqBody: body });
      const answer = await this.#ask(message);
      if (answer.kind === 'reply') return { kind: 'ticket', ticket: await this.#accept(answer.reply, message, body) };

      const error = this.#exchange?.openError?.(answer.error) ?? answer.error;
      switch (error.errorCode) {
        // 3.1.3: the KDC says which ways it takes, and how the key is made of the password.
        case KRB_ERROR_CODE.KDC_ERR_PREAUTH_REQUIRED:
        case KRB_ERROR_CODE.KDC_ERR_MORE_PREAUTH_DATA_REQUIRED:
          offered = this.#offerOf(error);
          this.#said.unshift(offered);
          if (this.#exchange === undefined) this.#begin(body, this.#choose(offered, error));
          continue;

        // Once, with the KDC's time: whoever sends this error in its name gains a timestamp of that time, and no more.
        case KRB_ERROR_CODE.KRB_AP_ERR_SKEW:
          if (isSkewTried) throw this.#refusal(error);
          isSkewTried = true;
          clock.adopt(millisecondsOf(error.stime, error.susec));
          body = this.#body();
          this.#begin(body, this.#way);
          continue;

        case KRB_ERROR_CODE.KDC_ERR_WRONG_REALM:
          if (error.crealm === undefined || error.crealm === this.#realm) throw this.#refusal(error);
          return { kind: 'referral', realm: error.crealm };

        default:
          throw this.#refusal(error);
      }
    }
    throw new SspiError('PREAUTHENTICATION_UNSUPPORTED', {
      stage: this.#stage,
      detail: `more than ${MOST_ROUNDS} rounds`,
    });
  }

  #body(): KdcReqBody {
    const { clock, random, policy } = this.#client;
    const now = clock.now();
    // RFC 6806 5: enterprise names are there to be canonicalised.
    const isEnterprise = this.#request.client.nameType === NAME_TYPE.ENTERPRISE;
    const wanted = {
      client: this.#request.client,
      service: this.#service,
      realm: this.#realm,
      options:
        (policy.canonicalize || isEnterprise ? KDC_OPTIONS.CANONICALIZE : 0) |
        (policy.forwardable ? KDC_OPTIONS.FORWARDABLE : 0),
      till: now + policy.lifetime,
      renewTill: policy.renewableLifetime > 0 ? now + policy.renewableLifetime : undefined,
      encryptionTypes: this.#allowed,
    };
    return requestBody(wanted, random);
  }

  get #ways(): readonly PreAuthentication[] {
    return this.#request.preAuthentication ?? [encryptedTimestamp];
  }

  /** The first of our ways that the KDC offers. */
  #choose(offered: MethodData, error: KrbError): PreAuthentication {
    const way = this.#ways.find(({ padataType }) => findPaData(offered, padataType) !== undefined);
    if (way !== undefined) return way;
    const detail = `padata types offered: ${offered.map(({ padataType }) => padataType).join(', ')}; available: ${this.#ways.map(({ name }) => name).join(', ')}`;
    throw new SspiError('PREAUTHENTICATION_UNSUPPORTED', { stage: this.#stage, detail, cause: this.#refusal(error) });
  }

  #begin(body: KdcReqBody, way: PreAuthentication | undefined): void {
    this.#exchange?.dispose();
    this.#way = way;
    this.#exchange = way?.begin(this.#scope(encode(KdcReqBody, body)));
  }

  #scope(body: Uint8Array): PreAuthenticationScope {
    const { clock, random, policy } = this.#client;
    return {
      client: this.#request.client,
      realm: this.#realm,
      clock,
      random,
      policy,
      stage: this.#stage,
      requestBody: body,
      clientKey: (offered) => preAuthenticationKey(this.#keyChoice, offered),
      replyKey: (reply) => this.#ownReplyKey(reply),
    };
  }

  async #answer(offered: MethodData): Promise<MethodData> {
    return this.#exchange === undefined ? [] : await this.#exchange.answer(offered);
  }

  /** What goes with every request, whatever the way. */
  #alwaysThere(offered: MethodData): MethodData {
    const { pac } = this.#client.policy;
    const cookie = findPaData(offered, PA_TYPE.FX_COOKIE);
    return [
      // RFC 6113 5.2: what a stateless KDC wants to see again.
      ...(cookie === undefined ? [] : [{ padataType: PA_TYPE.FX_COOKIE, padataValue: cookie }]),
      // RFC 6806 11: the KDC is to sign this request in its answer.
      { padataType: PA_TYPE.REQ_ENC_PA_REP, padataValue: new Uint8Array(0) },
      ...(pac === undefined
        ? []
        : [{ padataType: PA_TYPE.PAC_REQUEST, padataValue: encode(KerbPaPacRequest, { includePac: pac }) }]),
    ];
  }

  async #ask(message: Uint8Array) {
    return await askKdc(this.#client, { realm: this.#realm, message, answer: AsRep, signal: this.#request.signal });
  }

  #offerOf({ eData }: KrbError): MethodData {
    return eData === undefined ? [] : decode(MethodData, eData);
  }

  /** 3.1.5. */
  async #accept(outer: AsRep, message: Uint8Array, body: KdcReqBody): Promise<KerberosTicket> {
    const reply = this.#exchange?.openReply?.(outer) ?? outer;
    const key = await (this.#exchange?.replyKey?.(reply) ?? this.#ownReplyKey(reply));
    let part: EncKdcRepPart;
    try {
      part = this.#open(reply, key);
      this.#checkSignedRequest(part, key, message);
    } finally {
      key.dispose();
    }
    const { clock, policy } = this.#client;
    return ticketOfAsReply(reply, part, {
      stage: this.#stage,
      body,
      service: this.#service,
      client: this.#request.client,
      clientRealm: this.#realm,
      clock,
      clockSkew: policy.clockSkew,
    });
  }

  #open(reply: AsRep, key: KerberosKey): EncKdcRepPart {
    try {
      return unseal(AnyEncKdcRepPart, reply.encPart, key, KEY_USAGE.AS_REP).value;
    } catch (error) {
      // Without pre-authentication this is the first moment at which a wrong password shows.
      const isUnproven = this.#exchange === undefined && error instanceof SspiError && error.code === 'DECRYPT_FAILURE';
      if (!isUnproven) throw error;
      throw new SspiError('LOGON_DENIED', {
        stage: this.#stage,
        detail: `the key of ${this.#clientText} does not open the answer`,
        cause: error,
      });
    }
  }

  /** RFC 6806 11: a KDC that signs requests says so, and then its signature has to be there. */
  #checkSignedRequest(part: EncKdcRepPart, key: KerberosKey, message: Uint8Array): void {
    if ((part.flags & TICKET_FLAGS.ENC_PA_REP) === 0) return;
    const signature = findPaData(part.encryptedPaData, PA_TYPE.REQ_ENC_PA_REP);
    if (signature === undefined || !key.verifies(KEY_USAGE.AS_REQ_CHECKSUM, decode(Checksum, signature), message))
      throw new SspiError('KDC_REPLY_MISMATCH', {
        stage: this.#stage,
        detail: 'the KDC received another request than was sent',
      });
  }

  #ownReplyKey(reply: AsRep): Promise<KerberosKey> {
    return replyKey(this.#keyChoice, reply.encPart.etype, reply.padata ?? [], ...this.#said);
  }

  get #keyChoice() {
    const { client, keys } = this.#request;
    return { keys, client, realm: this.#realm, allowed: this.#allowed, stage: this.#stage };
  }

  get #clientText(): string {
    return formatPrincipal(this.#request.client, this.#realm);
  }

  #refusal(error: KrbError): SspiError {
    return refusalOf(error, {
      stage: this.#stage,
      client: this.#request.client,
      clientRealm: this.#realm,
      service: this.#service,
      serviceRealm: this.#realm,
      encryptionTypes: this.#allowed,
      clock: this.#client.clock,
    });
  }

  dispose(): void {
    this.#exchange?.dispose();
  }
}
