/**
 * How the KDC of a lab says no: KRB-ERROR, RFC 4120 5.9.1.
 * @module
 */
import { DerError, encode } from '../der/index.ts';
import {
  type KdcReqBody,
  KERB_ERROR_DATA_TYPE,
  KerbErrorData,
  KRB_ERROR_CODE,
  KrbError,
  krbErrorName,
  ticketGrantingService,
  timestampOf,
} from '../kerberos/index.ts';
import { SspiError } from '../sspi/index.ts';

/** What goes into a KRB-ERROR beside its code. */
export interface RefusalDetails {
  readonly text?: string | undefined;
  readonly data?: Uint8Array | undefined;
  /** The realm in which the client is known (RFC 6806 7). */
  readonly clientRealm?: string | undefined;
}

/** A request that is refused. */
export class Refusal extends Error {
  readonly errorCode: number;
  readonly details: RefusalDetails;

  /** @param errorCode - one of `KRB_ERROR_CODE` */
  constructor(errorCode: number, details: RefusalDetails = {}) {
    super(krbErrorName(errorCode));
    this.name = 'Refusal';
    this.errorCode = errorCode;
    this.details = details;
  }
}

/** The e-data with which Windows says why an account may not log on: KERB-EXT-ERROR, [MS-KILE] 2.2.2. */
export function windowsReason(ntStatus: number): Uint8Array {
  const dataValue = new Uint8Array(12);
  const view = new DataView(dataValue.buffer);
  view.setUint32(0, ntStatus, true);
  view.setUint32(8, 1, true); // flags: the status is there
  return encode(KerbErrorData, { dataType: KERB_ERROR_DATA_TYPE.EXTENDED, dataValue });
}

/** Whatever went wrong, as a refusal. What is malformed in a request ends here as well: a KDC answers, always. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof DerError) return new Refusal(KRB_ERROR_CODE.KRB_ERR_GENERIC, { text: 'malformed request' });
  if (!(error instanceof SspiError)) throw error; // a fault of this fixture: nobody is to take it for an answer
  switch (error.code) {
    case 'DECRYPT_FAILURE':
      return new Refusal(KRB_ERROR_CODE.KRB_AP_ERR_BAD_INTEGRITY);
    case 'ENCRYPTION_TYPE_REFUSED':
      return new Refusal(KRB_ERROR_CODE.KDC_ERR_ETYPE_NOSUPP);
    default:
      return new Refusal(KRB_ERROR_CODE.KRB_ERR_GENERIC, { text: error.code });
  }
}

/** The message. @param now - the time of the KDC, in milliseconds since 1970 */
export function encodeRefusal(refusal: Refusal, realm: string, now: number, body: KdcReqBody | undefined): Uint8Array {
  const { time: stime, usec: susec } = timestampOf(now);
  const { text, data, clientRealm } = refusal.details;
  return encode(KrbError, {
    pvno: 5,
    msgType: 30,
    stime,
    susec,
    errorCode: refusal.errorCode,
    crealm: clientRealm,
    cname: body?.cname,
    realm,
    sname: body?.sname ?? ticketGrantingService(realm),
    eText: text,
    eData: data,
  });
}
