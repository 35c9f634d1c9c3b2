/**
 * What an answer of a KDC is, from its outside: before it is decoded, and before it is believed.
 * @module
 */
import { DerError, decode } from '../../der/index.ts';
import { KrbError } from '../messages/index.ts';

/** First octets: constructed [APPLICATION n]. */
const AS_REP = 0x6b;
const TGS_REP = 0x6d;
const KRB_ERROR = 0x7e;

/** Whether it can be an AS-REP, a TGS-REP or a KRB-ERROR at all: over UDP anybody can send anything. */
export function isKerberosReply([first]: Uint8Array): boolean {
  return first === AS_REP || first === TGS_REP || first === KRB_ERROR;
}

/** Whether it says that it is a KRB-ERROR. */
export function isErrorReply([first]: Uint8Array): boolean {
  return first === KRB_ERROR;
}

/** The error-code of a KRB-ERROR; undefined when it is malformed. */
export function replyErrorCode(reply: Uint8Array): number | undefined {
  try {
    return decode(KrbError, reply).errorCode;
  } catch (error) {
    if (error instanceof DerError) return undefined;
    throw error;
  }
}
