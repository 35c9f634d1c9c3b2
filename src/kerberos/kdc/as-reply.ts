/**
 * Opening an AS-REP, RFC 4120 3.1.5 and RFC 6806 11.
 * @module
 */
import { decode } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { KEY_USAGE, type KerberosKey } from '../encryption/index.ts';
import {
  AnyEncKdcRepPart,
  type AsRep,
  Checksum,
  type EncKdcRepPart,
  findPaData,
  PA_TYPE,
  TICKET_FLAGS,
  unseal,
} from '../messages/index.ts';
import type { LogonFacts } from './as-request.ts';

/** What an AS-REP is opened with. */
export interface AsReplyOpening {
  readonly facts: LogonFacts;
  /** The reply key. */
  readonly key: KerberosKey;
  /** The AS-REQ, octet for octet. */
  readonly request: Uint8Array;
  /** Whether the KDC has let a proof of the key pass before: then a key that does not fit is no wrong password. */
  readonly isProven: boolean;
}

/**
 * Decrypts an AS-REP, and checks that the KDC answered the request that was sent.
 * @throws SspiError LOGON_DENIED, DECRYPT_FAILURE, KDC_REPLY_MISMATCH; DerError
 */
export function openAsReply(reply: AsRep, opening: AsReplyOpening): EncKdcRepPart {
  const part = decrypt(reply, opening);
  const { facts, key, request } = opening;
  // A KDC that signs requests says so where nobody can take it away, and then its signature has to be there.
  if ((part.flags & TICKET_FLAGS.ENC_PA_REP) !== 0) {
    const signature = findPaData(part.encryptedPaData, PA_TYPE.REQ_ENC_PA_REP);
    if (signature === undefined || !key.verifies(KEY_USAGE.AS_REQ_CHECKSUM, decode(Checksum, signature), request))
      throw new SspiError('KDC_REPLY_MISMATCH', { stage: facts.stage, detail: 'the KDC received another request' });
  }
  return part;
}

function decrypt(reply: AsRep, { facts, key, isProven }: AsReplyOpening): EncKdcRepPart {
  try {
    return unseal(AnyEncKdcRepPart, reply.encPart, key, KEY_USAGE.AS_REP).value;
  } catch (error) {
    // Without pre-authentication this is the first moment at which a wrong password shows.
    if (isProven || !(error instanceof SspiError) || error.code !== 'DECRYPT_FAILURE') throw error;
    const detail = `the key of ${facts.clientText} does not open the answer`;
    throw new SspiError('LOGON_DENIED', { stage: facts.stage, detail, cause: error });
  }
}
