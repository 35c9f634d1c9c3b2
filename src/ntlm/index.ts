/**
 * NTLM, [MS-NLMP]: the security package, its messages and its computations.
 * @module
 */
export {
  type AuthenticateFields,
  type AuthenticateMessage,
  decodeAuthenticate,
  encodeAuthenticate,
  MIC_AT,
  MIC_LENGTH,
  type NtResponse,
} from './authenticate.ts';
export { AV_FLAGS, AV_ID, type AvPair, avFlags, avText, avValue, decodeAvPairs, encodeAvPairs } from './av-pairs.ts';
export { type ChallengeMessage, decodeChallenge, encodeChallenge } from './challenge.ts';
export { type ClientChallenge, decodeClientChallenge, encodeClientChallenge } from './client-challenge.ts';
export { describeNtlm, isNtlmToken, MESSAGE_TYPE, type MessageName, messageName } from './fields.ts';
export { NEGOTIATE } from './flags.ts';
export {
  type KeyExchangeInput,
  keyExchangeKeyV1,
  messageIntegrityCode,
  rc4k,
  type Side,
  sealKey,
  sessionBaseKeyV1,
  signKey,
} from './keys.ts';
export { type MessageSecurityOptions, NtlmMessageSecurity, signatureWithoutIntegrity } from './message-security.ts';
export { decodeNegotiate, encodeNegotiate, type NegotiateMessage } from './negotiate.ts';
export { lmowfV1, ntowfV1, ntowfV2 } from './one-way-functions.ts';
export { ntlmPackage } from './package.ts';
export {
  desl,
  lmV2Response,
  ntlmV1ExtendedResponse,
  ntlmV1Response,
  ntProofStr,
  sessionBaseKeyV2,
} from './responses.ts';
export { decodeSingleHost, type SingleHostData } from './single-host.ts';
export { decodeVersion, encodeVersion, type Version } from './version.ts';
