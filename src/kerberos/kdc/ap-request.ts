/**
 * AP-REQ, RFC 4120 3.2.2 and 5.5.1: a ticket, and the proof that whoever shows it has its key. The KDC takes it inside TGS-REQ,
 * the server for password changes inside its frame, and services as a token of GSS-API.
 * @module
 */
import { encode } from '../../der/index.ts';
import type { Clock, Random } from '../../host/index.ts';
import { KerberosKey } from '../encryption/index.ts';
import {
  ApReq,
  Authenticator,
  type AuthorizationData,
  type Checksum,
  type KerberosTimestamp,
  seal,
  timestampOf,
} from '../messages/index.ts';
import type { KerberosTicket } from './ticket.ts';

/** What an AP-REQ is made of. */
export interface ApRequestOptions {
  readonly ticket: KerberosTicket;
  /** Key usage of the authenticator: `TGS_REQ_AUTHENTICATOR` or `AP_REQ_AUTHENTICATOR`. */
  readonly usage: number;
  readonly checksum?: Checksum | undefined;
  /** Bits of `AP_OPTIONS`. Default 0. */
  readonly apOptions?: number | undefined;
  /** 32 bits. */
  readonly sequenceNumber?: number | undefined;
  readonly authorizationData?: AuthorizationData | undefined;
  /** The subkey to offer; absent: a new one of the session key's type. */
  readonly subkey?: KerberosKey | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** An AP-REQ, and what the answer is held against. */
export interface ApRequest {
  readonly message: Uint8Array;
  /** The one given, or a new one: whoever asked for the AP-REQ disposes it. */
  readonly subkey: KerberosKey;
  /** The time in the authenticator, which an AP-REP repeats. */
  readonly timestamp: KerberosTimestamp;
}

/** Makes an AP-REQ. */
export function makeApRequest(options: ApRequestOptions): ApRequest {
  const { ticket, usage, checksum, apOptions = 0, sequenceNumber, authorizationData, clock, random } = options;
  const { sessionKey, client, clientRealm } = ticket;
  const subkey = options.subkey ?? KerberosKey.generate(sessionKey.type, random);
  const timestamp = timestampOf(clock.now());
  const authenticator = seal(
    Authenticator,
    {
      authenticatorVno: 5,
      crealm: clientRealm,
      cname: client,
      cksum: checksum,
      cusec: timestamp.usec,
      ctime: timestamp.time,
      subkey: subkey.reveal(),
      seqNumber: sequenceNumber,
      authorizationData,
    },
    { key: sessionKey, usage, random },
  );
  const message = encode(ApReq, { pvno: 5, msgType: 14, apOptions, ticket: ticket.ticket, authenticator });
  return { message, subkey, timestamp };
}
