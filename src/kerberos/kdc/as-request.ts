/**
 * What an AS-REQ asks for, RFC 4120 3.1.1, and what goes with it whatever the way of pre-authentication.
 * @module
 */
import { encode } from '../../der/index.ts';
import {
  findPaData,
  formatPrincipal,
  KDC_OPTIONS,
  type KdcReqBody,
  KerbPaPacRequest,
  type MethodData,
  NAME_TYPE,
  PA_TYPE,
  type PaData,
  type PrincipalName,
  ticketGrantingService,
} from '../messages/index.ts';
import type { KdcClient } from './client.ts';
import type { RequestFacts } from './errors.ts';
import type { KeyChoice } from './etype-info.ts';
import type { LongTermKeys } from './long-term-keys.ts';
import type { PreAuthentication } from './pre-authentication.ts';
import { requestBody } from './request-body.ts';

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

/** The facts of a logon in one realm. */
export interface LogonFacts extends RequestFacts, KeyChoice {
  /** For people. */
  readonly clientText: string;
}

/**
 * Puts the facts together. The encryption types that there are keys of come first: the KDC takes the first one that the client
 * has a key of. Those behind them are for the session key.
 */
export function logonFacts({ clock, policy }: KdcClient, request: InitialTicketRequest, realm: string): LogonFacts {
  const { client, keys, service = ticketGrantingService(realm) } = request;
  const available = keys.encryptionTypes(client, realm);
  const allowed = policy.encryptionTypes.filter((etype) => available?.includes(etype) ?? true);
  return {
    stage: `Kerberos AS-REQ to ${realm}`,
    client,
    clientText: formatPrincipal(client, realm),
    clientRealm: realm,
    service,
    serviceRealm: realm,
    realm,
    keys,
    allowed,
    encryptionTypes: [...allowed, ...policy.encryptionTypes.filter((etype) => !allowed.includes(etype))],
    clock,
  };
}

/** KDC-REQ-BODY. */
export function asBody(
  { clock, random, policy }: KdcClient,
  { client, service, realm, encryptionTypes }: LogonFacts,
): KdcReqBody {
  const now = clock.now();
  // RFC 6806 5: enterprise names are there to be canonicalised.
  const canonicalize = policy.canonicalize || client.nameType === NAME_TYPE.ENTERPRISE ? KDC_OPTIONS.CANONICALIZE : 0;
  const forwardable = policy.forwardable ? KDC_OPTIONS.FORWARDABLE : 0;
  const renewTill = policy.renewableLifetime > 0 ? now + policy.renewableLifetime : undefined;
  return requestBody(
    {
      client,
      service,
      realm,
      options: canonicalize | forwardable,
      till: now + policy.lifetime,
      renewTill,
      encryptionTypes,
    },
    random,
  );
}

/**
 * What goes with every request.
 * @param offered - what the KDC said in its newest error
 */
export function standingPaData({ policy: { pac } }: KdcClient, offered: MethodData): MethodData {
  // RFC 6806 11: the KDC is to sign this request in its answer.
  const padata: PaData[] = [{ padataType: PA_TYPE.REQ_ENC_PA_REP, padataValue: new Uint8Array(0) }];
  const cookie = findPaData(offered, PA_TYPE.FX_COOKIE);
  if (cookie !== undefined) padata.push({ padataType: PA_TYPE.FX_COOKIE, padataValue: cookie }); // RFC 6113 5.2
  if (pac !== undefined)
    padata.push({ padataType: PA_TYPE.PAC_REQUEST, padataValue: encode(KerbPaPacRequest, { includePac: pac }) });
  return padata;
}
