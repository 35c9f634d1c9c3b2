/**
 * NTLMv2_CLIENT_CHALLENGE, [MS-NLMP] 2.2.2.7: the part of an NTLMv2 response that the client's proof covers. Section 3.3.2
 * calls it `temp`.
 * @module
 */
import { SspiError } from '../sspi/index.ts';
import { type AvPair, avPairsLength, decodeAvPairs, writeAvPairs } from './av-pairs.ts';

/** The fields that mean something. */
export interface ClientChallenge {
  /** FILETIME, 8 octets as on the wire: a client repeats the server's octet for octet. */
  readonly timestamp: Uint8Array;
  /** ChallengeFromClient, 8 octets. */
  readonly clientChallenge: Uint8Array;
  readonly avPairs: readonly AvPair[];
}

/** Octets before the AV_PAIRs. */
const FIXED = 28;
const STAGE = 'NTLMv2_CLIENT_CHALLENGE';

/** @throws SspiError MALFORMED_TOKEN */
export function decodeClientChallenge(octets: Uint8Array): ClientChallenge {
  if (octets.length < FIXED)
    throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: `${octets.length} octets` });
  if (octets[0] !== 1 || octets[1] !== 1)
    throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: 'version is not 1' });
  return {
    timestamp: octets.subarray(8, 16),
    clientChallenge: octets.subarray(16, 24),
    avPairs: decodeAvPairs(octets.subarray(FIXED), STAGE),
  };
}

/** Octets of NTProofStr. */
export const PROOF_LENGTH = 16;

/**
 * An NTLMv2_RESPONSE (2.2.2.8) whose proof is still zero: `temp` is what lies behind the first {@link PROOF_LENGTH} octets, with
 * the four zero octets at its end that 3.3.2 puts there.
 */
export function encodeNtlmV2Response({ timestamp, clientChallenge, avPairs }: ClientChallenge): Uint8Array {
  const response = new Uint8Array(PROOF_LENGTH + FIXED + avPairsLength(avPairs) + 4);
  const temp = response.subarray(PROOF_LENGTH);
  temp[0] = 1; // RespType
  temp[1] = 1; // HiRespType
  temp.set(timestamp, 8);
  temp.set(clientChallenge, 16);
  writeAvPairs(avPairs, temp.subarray(FIXED));
  return response;
}

/** `temp` alone. */
export function encodeClientChallenge(clientChallenge: ClientChallenge): Uint8Array {
  return encodeNtlmV2Response(clientChallenge).subarray(PROOF_LENGTH);
}
