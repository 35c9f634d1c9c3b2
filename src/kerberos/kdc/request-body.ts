/**
 * KDC-REQ-BODY, RFC 4120 5.4.1: what both exchanges ask for.
 * @module
 */
import type { Random } from '../../host/index.ts';
import { KDC_OPTIONS, type KdcReqBody, type PrincipalName, type Ticket } from '../messages/index.ts';

/** What is asked for. Times in milliseconds since 1970. */
export interface WantedTicket {
  /** In AS-REQ only. */
  readonly client?: PrincipalName | undefined;
  readonly service: PrincipalName;
  readonly realm: string;
  /** Bits of `KDC_OPTIONS`. */
  readonly options: number;
  readonly till: number;
  readonly renewTill?: number | undefined;
  readonly encryptionTypes: readonly number[];
  readonly additionalTickets?: readonly Ticket[] | undefined;
}

/** Makes the body of a request. Times are cut to whole seconds, so that an answer can be compared with what was asked. */
export function requestBody(wanted: WantedTicket, random: Random): KdcReqBody {
  const { client, service, realm, options, till, renewTill, encryptionTypes, additionalTickets } = wanted;
  return {
    kdcOptions: renewTill === undefined ? options : options | KDC_OPTIONS.RENEWABLE,
    cname: client,
    realm,
    sname: service,
    till: wholeSeconds(till),
    rtime: renewTill === undefined ? undefined : wholeSeconds(renewTill),
    nonce: newNonce(random),
    etype: [...encryptionTypes],
    additionalTickets: additionalTickets === undefined ? undefined : [...additionalTickets],
  };
}

function wholeSeconds(time: number): number {
  return Math.floor(time / 1000) * 1000;
}

/** A nonce or a first sequence number. 31 bits: there are peers that read them as signed numbers. */
export function newNonce(random: Random): number {
  const octets = random.bytes(4);
  return new DataView(octets.buffer, octets.byteOffset).getUint32(0) >>> 1;
}
