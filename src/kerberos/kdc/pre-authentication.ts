/**
 * Pre-authentication, RFC 4120 5.2.7 and RFC 6113: how a client proves who it is before it gets a ticket. There are many ways,
 * and each is one of these; a logon has a list of them, the best liked first.
 *
 * A way may be simple, as the encrypted timestamp is: one answer to what the KDC offers. It may take several rounds, as SPAKE
 * does. It may come without being asked, put the whole request into an envelope and open the answers again, as FAST does. And it
 * may bring a key of its own for the answer, as PKINIT does.
 * @module
 */
import type { Random } from '../../host/index.ts';
import type { KerberosKey } from '../encryption/index.ts';
import type { AsRep, KrbError, MethodData, PrincipalName } from '../messages/index.ts';
import type { KerberosPolicy } from './client.ts';
import type { KdcClock } from './clock.ts';

/** What a way of pre-authentication may know and use. */
export interface PreAuthenticationScope {
  readonly client: PrincipalName;
  readonly realm: string;
  readonly clock: KdcClock;
  readonly random: Random;
  readonly policy: KerberosPolicy;
  /** For errors. */
  readonly stage: string;
  /** KDC-REQ-BODY as it goes out: what signatures and derived keys cover. */
  readonly requestBody: Uint8Array;
  /**
   * The client's own key, as ETYPE-INFO2 among `offered` wants it. The caller disposes it.
   * @throws SspiError ENCRYPTION_TYPE_REFUSED, NO_KERBEROS_KEY
   */
  clientKey(offered: MethodData): Promise<KerberosKey>;
  /** The client's own key of the type that an answer is encrypted with, when the way brings no other. The caller disposes it. */
  replyKey(reply: AsRep): Promise<KerberosKey>;
}

/** A way of pre-authentication. */
export interface PreAuthentication {
  /** For errors: `encrypted timestamp`. */
  readonly name: string;
  /** The padata-type by which a KDC offers it. */
  readonly padataType: number;
  /** Whether it begins with the first request, before the KDC has offered anything. */
  readonly unasked?: boolean | undefined;
  /** Begins a logon with it. */
  begin(scope: PreAuthenticationScope): PreAuthenticationExchange;
}

/** A logon under way. */
export interface PreAuthenticationExchange {
  /**
   * What goes with the next request.
   * @param offered - what the KDC offered or asked in its newest KRB-ERROR; nothing before the first request
   * @throws SspiError PREAUTHENTICATION_UNSUPPORTED when it has nothing more to say; what `clientKey` throws
   */
  answer(offered: MethodData): Promise<MethodData>;
  /** The key that the AS-REP is encrypted with, which the caller disposes. Absent: the client's own. */
  replyKey?(reply: AsRep): Promise<KerberosKey>;
  /** Puts all that goes with a request into an envelope, and gives what goes instead. */
  envelop?(padata: MethodData): MethodData;
  /** What an error says inside, when it came in an envelope. @throws SspiError when the envelope is broken */
  openError?(error: KrbError): KrbError;
  /** What an answer says inside, when it came in an envelope. @throws SspiError when the envelope is broken */
  openReply?(reply: AsRep): AsRep;
  /** Zeroises what it derived. */
  dispose(): void;
}
