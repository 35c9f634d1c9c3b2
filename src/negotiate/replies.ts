/**
 * What both roles hold against every message after the first (faults Z26, Z29).
 * @module
 */
import { SspiError } from '../sspi/index.ts';
import { detectToken } from './detect.ts';
import type { InnerMechanism } from './inner.ts';
import { decodeNegTokenResp, NEG_STATE, type NegTokenResp } from './tokens.ts';

const STAGE = 'SPNEGO NegTokenResp';
const EMPTY = new Uint8Array(0);

/** @throws SspiError UNEXPECTED_MESSAGE, MALFORMED_TOKEN */
export function readReply(octets: Uint8Array): NegTokenResp {
  if (detectToken(octets) !== 'spnego-resp') throw unexpected('the message is no NegTokenResp');
  return decodeNegTokenResp(octets);
}

/** Old IIS sends an empty token where it means none. */
export function hasToken({ responseToken }: NegTokenResp): boolean {
  return responseToken !== undefined && responseToken.length > 0;
}

/** The token that a mechanism waits for. */
export function expectToken({ responseToken = EMPTY }: NegTokenResp): Uint8Array {
  if (responseToken.length === 0) throw unexpected('a token of the mechanism is missing');
  return responseToken;
}

export function assertNoToken(reply: NegTokenResp, inner: InnerMechanism): void {
  if (hasToken(reply)) throw unexpected(`a token for ${inner.mechanism.name}, which is through already`);
}

/** Nobody can make a MIC before the mechanism has given him a key. */
export function assertNoMic({ mechListMIC }: NegTokenResp): void {
  if (mechListMIC !== undefined) throw unexpected('a mechListMIC before the mechanism is through');
}

/** Nobody can be through before the mechanism is. */
export function assertUnfinished(reply: NegTokenResp, inner: InnerMechanism): void {
  if (reply.negState === NEG_STATE.ACCEPT_COMPLETED)
    throw unexpected(`accept-completed, but ${inner.mechanism.name} is not through yet`);
  assertNoMic(reply);
}

/** An empty field is left out. */
export function present(token: Uint8Array): Uint8Array | undefined {
  return token.length === 0 ? undefined : token;
}

export function unexpected(detail: string): SspiError {
  return new SspiError('UNEXPECTED_MESSAGE', { stage: STAGE, detail });
}

export function rejected(details: {
  detail: string;
  status?: number | undefined;
  cause?: SspiError | undefined;
}): SspiError {
  return new SspiError('NEGOTIATION_REJECTED', { stage: STAGE, ntStatus: details.cause?.ntStatus, ...details });
}

export function micMissing(inner: InnerMechanism): SspiError {
  return new SspiError('MECH_LIST_MIC_MISSING', { stage: STAGE, detail: `chosen: ${inner.mechanism.name}` });
}
