/**
 * Responses to a challenge, [MS-NLMP] 3.3: ComputeResponse for both versions of NTLM.
 *
 * The client here speaks NTLMv2 only. The functions of NTLMv1 serve acceptors whose configuration asks for it in so many words.
 * @module
 */
import { concat, desEcbEncrypt, expandDesKey56, hmacMd5, md5 } from '../crypto/index.ts';

/** NTProofStr: the proof over challenge and `temp`. The acceptor gives `temp` as received. */
export function ntProofStr(responseKey: Uint8Array, serverChallenge: Uint8Array, temp: Uint8Array): Uint8Array {
  return hmacMd5(responseKey, serverChallenge, temp);
}

/** SessionBaseKey of NTLMv2. It is the KeyExchangeKey as well ([MS-NLMP] 3.4.5.1). */
export function sessionBaseKeyV2(responseKey: Uint8Array, proof: Uint8Array): Uint8Array {
  return hmacMd5(responseKey, proof);
}

/** LmChallengeResponse of NTLMv2, for servers that sent no timestamp: 24 octets. */
export function lmV2Response(
  responseKey: Uint8Array,
  serverChallenge: Uint8Array,
  clientChallenge: Uint8Array,
): Uint8Array {
  return concat(hmacMd5(responseKey, serverChallenge, clientChallenge), clientChallenge);
}

/** DESL, [MS-NLMP] 6: eight octets under the three thirds of a 16-octet key that is filled up with zeros. */
export function desl(key: Uint8Array, data: Uint8Array): Uint8Array {
  const padded = new Uint8Array(21);
  padded.set(key);
  const third = (at: number): Uint8Array => desEcbEncrypt(expandDesKey56(padded.subarray(at, at + 7)), data);
  const response = concat(third(0), third(7), third(14));
  padded.fill(0);
  return response;
}

/** NtChallengeResponse of NTLMv1, and LmChallengeResponse with the LM hash: 24 octets. */
export function ntlmV1Response(ntHash: Uint8Array, serverChallenge: Uint8Array): Uint8Array {
  return desl(ntHash, serverChallenge);
}

/** NtChallengeResponse of NTLMv1 with extended session security: the client's nonce is hashed in. */
export function ntlmV1ExtendedResponse(
  ntHash: Uint8Array,
  serverChallenge: Uint8Array,
  clientChallenge: Uint8Array,
): Uint8Array {
  return desl(ntHash, md5(serverChallenge, clientChallenge).subarray(0, 8));
}
