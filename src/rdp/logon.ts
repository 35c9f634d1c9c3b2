/**
 * CredSSP on the TLS stream of an RDP connection: TSRequests as bare DER, one TLS write each (contract F6, X4), and behind them
 * the Early User Authorization Result where HYBRID_EX was chosen ([MS-RDPBCGR] 2.2.10.2; contract F9).
 * @module
 */
import { DEFAULT_MAX_REQUEST, decodeTSRequest, frameTSRequest, ntStatusOf } from '../credssp/index.ts';
import {
  type Frame,
  NTSTATUS,
  ntStatusName,
  SEC_E,
  type SecurityContext,
  SspiError,
  type Step,
  securityStatusOfNtStatus,
} from '../sspi/index.ts';
import type { Wire } from './wire.ts';

const NEWEST_VERSION = 6;
const STAGE = 'TSRequest';

/**
 * Steps a bare CredSSP context until it is established.
 * @param maxRequest - largest TSRequest of the peer, in octets
 * @returns the version that both sides speak
 * @throws what the context throws; its `token` has not been sent yet
 */
export async function logOn(
  wire: Wire,
  context: SecurityContext,
  ownVersion?: number,
  maxRequest?: number,
): Promise<number> {
  const frame = (octets: Uint8Array): Frame => frameTSRequest(octets, maxRequest ?? DEFAULT_MAX_REQUEST);
  let peerVersion: number | undefined;
  let step: Step | undefined = context.role === 'initiator' ? await wire.within(STAGE, context.step()) : undefined;
  for (;;) {
    if (step !== undefined && 'token' in step) {
      if (step.token.length > 0) await wire.write(STAGE, step.token);
      if (step.status === SEC_E.OK) return Math.min(ownVersion ?? NEWEST_VERSION, peerVersion ?? NEWEST_VERSION);
    }
    const request = await wire.read(STAGE, frame).catch((error: unknown) => {
      throw context.role === 'initiator' && peerVersion !== undefined ? explained(error) : error;
    });
    step = await wire.within(STAGE, context.step(request));
    peerVersion ??= decodeTSRequest(request).version;
  }
}

/** Who has seen our proof and hangs up has something against it; FreeRDP and servers of version 2 or 5 do not say what. */
function explained(error: unknown): unknown {
  if (!(error instanceof SspiError) || error.code !== 'CONNECTION_CLOSED') return error;
  const detail = 'right after our answer to its challenge: most likely the password or the account is wrong';
  return new SspiError('CONNECTION_CLOSED', { stage: STAGE, detail, cause: error });
}

/** `AUTHZ_SUCCESS` and `AUTHZ_ACCESS_DENIED`. */
const AUTHZ = { SUCCESS: 0x00000000, ACCESS_DENIED: 0x00000005 } as const;
export const AUTHORIZATION = 'Early User Authorization Result';
const AUTHORIZATION_LENGTH = 4;
const SEQUENCE = 0x30;

/** The server's word on whether the user may use it. */
export function encodeAuthorization(granted: boolean): Uint8Array {
  const octets = new Uint8Array(AUTHORIZATION_LENGTH);
  new DataView(octets.buffer).setUint32(0, granted ? AUTHZ.SUCCESS : AUTHZ.ACCESS_DENIED, true);
  return octets;
}

/**
 * Reads the server's word on whether the user may use it. A server that has found fault with the credentials says so with a
 * TSRequest in this place.
 * @throws SspiError LOGON_DENIED, PEER_REFUSED, MALFORMED_TOKEN
 */
export async function readAuthorization(wire: Wire): Promise<void> {
  const octets = await wire.read(AUTHORIZATION, frameAuthorization);
  if (octets[0] === SEQUENCE) throw refusalIn(octets);
  const value = new DataView(octets.buffer, octets.byteOffset).getUint32(0, true);
  if (value === AUTHZ.SUCCESS) return;
  if (value !== AUTHZ.ACCESS_DENIED)
    throw new SspiError('MALFORMED_TOKEN', { stage: AUTHORIZATION, detail: `value ${value}` });
  const detail = 'the password is right, but the user may not use this server';
  throw new SspiError('ACCOUNT_RESTRICTED', { stage: AUTHORIZATION, detail, ntStatus: NTSTATUS.ACCESS_DENIED });
}

function frameAuthorization(octets: Uint8Array): Frame {
  if (octets[0] === SEQUENCE) return frameTSRequest(octets, DEFAULT_MAX_REQUEST);
  const missing = AUTHORIZATION_LENGTH - octets.length;
  return missing > 0 ? { missing } : { whole: AUTHORIZATION_LENGTH };
}

function refusalIn(octets: Uint8Array): SspiError {
  const ntStatus = ntStatusOf(decodeTSRequest(octets));
  if (ntStatus === undefined || ntStatus === 0) return new SspiError('UNEXPECTED_MESSAGE', { stage: AUTHORIZATION });
  const status = securityStatusOfNtStatus(ntStatus);
  return new SspiError('PEER_REFUSED', { stage: AUTHORIZATION, detail: ntStatusName(ntStatus), status, ntStatus });
}
