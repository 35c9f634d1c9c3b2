/**
 * Listening to what a client asks KDCs: a transport that tells of every message on its way.
 * @module
 */
import { decode } from '../der/index.ts';
import { type Host, type KdcTransport, kdcAddressText } from '../host/index.ts';
import { AsReq, formatPrincipal, KrbError, krbErrorName, TgsReq } from '../kerberos/index.ts';

/** A message to a KDC, or its answer. What is secret in it is encrypted. */
export interface KdcMessage {
  readonly kind: 'kdc';
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly direction: 'sent' | 'received';
  readonly octets: Uint8Array;
  /** For example `AS-REQ for krbtgt/EXAMPLE.COM`. */
  readonly message: string;
  readonly address: string;
}

/** A host whose KDCs can be listened to. One that has no way to KDCs stays without. */
export function watchingKdcs(host: Host, tell: (message: KdcMessage) => void, now: () => number): Host {
  const { kdcTransport } = host;
  if (kdcTransport === undefined) return host;
  const watched: KdcTransport = {
    async exchange(request) {
      const address = kdcAddressText(request.kdc);
      const { message } = request;
      tell({ kind: 'kdc', at: now(), direction: 'sent', octets: message, message: requestText(message), address });
      const answer = await kdcTransport.exchange(request);
      tell({ kind: 'kdc', at: now(), direction: 'received', octets: answer, message: answerText(answer), address });
      return answer;
    },
  };
  return { ...host, kdcTransport: watched };
}

/** First octets: constructed [APPLICATION n] (RFC 4120 5.10). */
const TAG = { AS_REQ: 0x6a, AS_REP: 0x6b, TGS_REQ: 0x6c, TGS_REP: 0x6d, KRB_ERROR: 0x7e } as const;

function requestText(octets: Uint8Array): string {
  const [tag] = octets;
  if (tag !== TAG.AS_REQ && tag !== TAG.TGS_REQ) return 'a request';
  const { reqBody } = tag === TAG.AS_REQ ? decode(AsReq, octets) : decode(TgsReq, octets);
  const service = reqBody.sname === undefined ? '' : ` for ${formatPrincipal(reqBody.sname)}`;
  return `${tag === TAG.AS_REQ ? 'AS-REQ' : 'TGS-REQ'}${service}`;
}

/** What a KDC wrote is not to be trusted to be a message at all. */
function answerText(octets: Uint8Array): string {
  switch (octets[0]) {
    case TAG.AS_REP:
      return 'AS-REP: a ticket';
    case TAG.TGS_REP:
      return 'TGS-REP: a ticket';
    case TAG.KRB_ERROR:
      try {
        return `KRB-ERROR ${krbErrorName(decode(KrbError, octets).errorCode)}`;
      } catch {
        return 'KRB-ERROR, malformed';
      }
    default:
      return 'no message of Kerberos';
  }
}
