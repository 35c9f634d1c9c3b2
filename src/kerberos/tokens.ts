/**
 * Tokens of the AP exchange: in their GSS-API frame or without it, and in one line for traces.
 * @module
 */
import { DerError } from '../der/index.ts';
import { type ExchangeEvent, type Scope, SspiError } from '../sspi/index.ts';
import { decodeGssToken, type GssToken, isKerberosMechanism, TOKEN_ID } from './gss/index.ts';

const NAMES: ReadonlyMap<number, string> = new Map([
  [TOKEN_ID.AP_REQ, 'AP-REQ'],
  [TOKEN_ID.AP_REP, 'AP-REP'],
  [TOKEN_ID.KRB_ERROR, 'KRB-ERROR'],
  [TOKEN_ID.TGT_REQ, 'TGT-REQ'],
  [TOKEN_ID.TGT_REP, 'TGT-REP'],
]);

/** Takes a token out of its frame. @throws SspiError MALFORMED_TOKEN, UNEXPECTED_MESSAGE for another mechanism */
export function openToken(octets: Uint8Array, stage: string): GssToken {
  let token: GssToken;
  try {
    token = decodeGssToken(octets);
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    throw new SspiError('MALFORMED_TOKEN', { stage, detail: error.message, cause: error });
  }
  const { mechanism } = token;
  if (mechanism !== undefined && !isKerberosMechanism(mechanism))
    throw new SspiError('UNEXPECTED_MESSAGE', { stage, detail: `a token of the mechanism ${mechanism}` });
  return token;
}

/** Tells the observer of a token. */
export function traceToken(
  scope: Scope,
  direction: ExchangeEvent['direction'],
  tokenId: number,
  octets: Uint8Array,
): void {
  const name = NAMES.get(tokenId) ?? `token 0x${tokenId.toString(16).padStart(4, '0')}`;
  scope.trace(() => ({ protocol: 'Kerberos', direction, message: `Kerberos ${name}`, size: octets.length }));
}
