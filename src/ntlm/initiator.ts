/**
 * The client's side, [MS-NLMP] 3.1.5.1. It speaks NTLMv2 only, and adds a MIC whenever the server sent a timestamp.
 * @module
 */
import {
  type Exchange,
  hashChannelBindings,
  type InitiateOptions,
  ISC_REQ,
  NEVER,
  NTSTATUS,
  type Scope,
  Secret,
  SspiError,
} from '../sspi/index.ts';
import { encodeAuthenticate, MIC_AT } from './authenticate.ts';
import { AV_FLAGS, AV_ID, type AvPair, avValue, fileTimeOctets, flagsPair, textPair } from './av-pairs.ts';
import { type ChallengeMessage, decodeChallenge } from './challenge.ts';
import { encodeNtlmV2Response, PROOF_LENGTH } from './client-challenge.ts';
import { establish, initiatorFlags, messageEvent, qualifiedName } from './established.ts';
import { hasAll, hasAny, hasSessionSecurity, NEGOTIATE } from './flags.ts';
import { messageIntegrityCode, rc4k } from './keys.ts';
import { encodeNegotiate } from './negotiate.ts';
import { lmV2Response, ntProofStr, sessionBaseKeyV2 } from './responses.ts';
import { NO_VERSION, OUR_VERSION } from './version.ts';

/** Who logs on. */
export type ClientLogon =
  | { readonly kind: 'anonymous' }
  | {
      readonly kind: 'account';
      readonly user: string;
      readonly domain: string;
      /** NTOWFv2 of exactly these names. */
      readonly responseKey: Secret;
    };

const STAGE = 'NTLM CHALLENGE';
const EMPTY = new Uint8Array(0);
const NO_LM_RESPONSE = new Uint8Array(24);

/** The conversation: NEGOTIATE, CHALLENGE, AUTHENTICATE. */
export async function* initiate(
  logon: ClientLogon,
  options: InitiateOptions,
  scope: Scope,
  first: Uint8Array,
): Exchange {
  if (first.length > 0)
    throw new SspiError('MESSAGE_OUT_OF_ORDER', { stage: 'NTLM NEGOTIATE', detail: 'the client speaks first' });

  // 3.1.5.1.1: what we can do, and what our caller wants.
  const offered = offeredFlags(options.flags, logon);
  const negotiate = encodeNegotiate({ flags: offered, version: OUR_VERSION });
  scope.trace(() => messageEvent('sent', negotiate));
  const received = yield { token: negotiate.slice() }; // the MIC needs ours as it was, whatever the caller does with his
  scope.trace(() => messageEvent('received', received));

  // 3.1.5.1.2: is what the server chose enough?
  const challenge = decodeChallenge(received);
  const flags = agreedFlags(offered, challenge) | (logon.kind === 'anonymous' ? NEGOTIATE.ANONYMOUS : 0);
  const { authenticate, exportedSessionKey } =
    logon.kind === 'anonymous' ? answerAsNobody(flags) : answer(logon, options, scope, { flags, challenge });
  if (exportedSessionKey !== undefined && avValue(challenge.targetInfo ?? [], AV_ID.TIMESTAMP) !== undefined)
    authenticate.set(messageIntegrityCode(exportedSessionKey.reveal(), negotiate, received, authenticate), MIC_AT);
  scope.trace(() => messageEvent('sent', authenticate));

  const clientName = logon.kind === 'anonymous' ? '' : qualifiedName(logon.domain, logon.user);
  const targetName = options.targetName ?? '';
  const messages = establish(scope, { flags, exportedSessionKey, side: 'client', clientName, targetName });
  return { token: authenticate, flags: initiatorFlags(flags, options.flags), expiry: NEVER, messages };
}

/** What a current Windows client offers; LM_KEY is gone, for nothing we accept would use it. */
function offeredFlags(requested: number, logon: ClientLogon): number {
  if (hasAny(requested, ISC_REQ.DATAGRAM))
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'NTLM NEGOTIATE', detail: 'datagram contexts' });
  let flags =
    NEGOTIATE.UNICODE |
    NEGOTIATE.OEM |
    NEGOTIATE.REQUEST_TARGET |
    NEGOTIATE.NTLM |
    NEGOTIATE.ALWAYS_SIGN |
    NEGOTIATE.EXTENDED_SESSIONSECURITY |
    NEGOTIATE.VERSION |
    NEGOTIATE.KEY_128 |
    NEGOTIATE.KEY_56;
  if (hasAny(requested, ISC_REQ.IDENTIFY)) flags |= NEGOTIATE.IDENTIFY;
  if (hasAny(requested, ISC_REQ.CONFIDENTIALITY)) flags |= NEGOTIATE.SIGN | NEGOTIATE.SEAL | NEGOTIATE.KEY_EXCH;
  if (hasAny(requested, ISC_REQ.INTEGRITY | ISC_REQ.REPLAY_DETECT | ISC_REQ.SEQUENCE_DETECT))
    flags |= NEGOTIATE.SIGN | NEGOTIATE.KEY_EXCH;
  // The session key of an anonymous client is zero: to protect anything with it would be a pretence.
  if (logon.kind === 'anonymous' && hasSessionSecurity(flags))
    throw new SspiError('INTEGRITY_REQUIRED', {
      stage: 'NTLM NEGOTIATE',
      detail: 'there is none for anonymous clients',
    });
  return flags >>> 0;
}

/** What of our offer is left. A flag that the caller needs and that is gone may have been taken away on the way (fault Z16). */
function agreedFlags(offered: number, { flags: chosen, targetInfo = [] }: ChallengeMessage): number {
  if (!hasAny(chosen, NEGOTIATE.UNICODE | NEGOTIATE.OEM))
    throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: 'neither UNICODE nor OEM' });
  if (hasSessionSecurity(offered)) {
    if (!hasAll(chosen, offered & (NEGOTIATE.SIGN | NEGOTIATE.SEAL)))
      throw new SspiError('INTEGRITY_REQUIRED', { stage: STAGE, detail: 'the server does not sign or seal' });
    if (!hasAll(chosen, NEGOTIATE.EXTENDED_SESSIONSECURITY | NEGOTIATE.KEY_128 | NEGOTIATE.KEY_EXCH))
      throw new SspiError('WEAK_CRYPTO_REFUSED', {
        stage: STAGE,
        detail: 'extended session security, 128 bits and key exchange',
      });
    if (
      avValue(targetInfo, AV_ID.NB_COMPUTER_NAME) === undefined ||
      avValue(targetInfo, AV_ID.NB_DOMAIN_NAME) === undefined
    )
      throw new SspiError('LOGON_DENIED', {
        stage: STAGE,
        detail: 'the server does not give its NetBIOS names',
        ntStatus: NTSTATUS.LOGON_FAILURE,
      });
  }
  const charset = hasAny(chosen, NEGOTIATE.UNICODE) ? NEGOTIATE.UNICODE : NEGOTIATE.OEM;
  const common = offered & chosen & ~(NEGOTIATE.UNICODE | NEGOTIATE.OEM);
  return (common | charset | (chosen & NEGOTIATE.TARGET_INFO)) >>> 0;
}

/** An AUTHENTICATE, its MIC still zero. */
interface Answer {
  readonly authenticate: Uint8Array;
  readonly exportedSessionKey: Secret | undefined;
}

/** The CHALLENGE, and what it left of our offer. */
interface Agreed {
  readonly flags: number;
  readonly challenge: ChallengeMessage;
}

/** 3.3.2 ComputeResponse. */
function answer(
  { user, domain, responseKey }: ClientLogon & { kind: 'account' },
  options: InitiateOptions,
  scope: Scope,
  { flags, challenge }: Agreed,
): Answer {
  const { serverChallenge, targetInfo = [] } = challenge;
  const { host } = scope;
  const key = responseKey.reveal();
  const exchange = hasAny(flags, NEGOTIATE.KEY_EXCH);
  const random = host.random.bytes(exchange ? 24 : 8); // at once: asking twice costs twice
  const clientChallenge = random.subarray(0, 8);
  const serverTime = avValue(targetInfo, AV_ID.TIMESTAMP);
  const timestamp = serverTime ?? fileTimeOctets(host.clock.now());
  const avPairs = ourPairs(targetInfo, options, serverTime !== undefined);
  const ntResponse = encodeNtlmV2Response({ timestamp, clientChallenge, avPairs });
  const proof = ntProofStr(key, serverChallenge, ntResponse.subarray(PROOF_LENGTH));
  ntResponse.set(proof);
  // A server with a clock knows NTLMv2; an LMv2 response would only be one thing more to attack (CVE-2019-1338, fault Z14).
  const lmResponse = serverTime === undefined ? lmV2Response(key, serverChallenge, clientChallenge) : NO_LM_RESPONSE;

  const keyExchangeKey = sessionBaseKeyV2(key, proof);
  const exportedSessionKey = exchange ? random.slice(8) : keyExchangeKey;
  const encryptedRandomSessionKey = exchange ? rc4k(keyExchangeKey, exportedSessionKey) : EMPTY;
  if (exchange) keyExchangeKey.fill(0);
  random.fill(0);

  const version = hasAny(flags, NEGOTIATE.VERSION) ? OUR_VERSION : NO_VERSION;
  const names = { domain, user, workstation: '' };
  const authenticate = encodeAuthenticate({
    flags,
    ...names,
    lmResponse,
    ntResponse,
    encryptedRandomSessionKey,
    version,
  });
  return { authenticate, exportedSessionKey: scope.own(new Secret(exportedSessionKey)) };
}

/** Pairs that are ours to write: a server, or somebody in between, that sends them wants to speak for us (fault Z13). */
const OWN_PAIRS: readonly number[] = [AV_ID.FLAGS, AV_ID.SINGLE_HOST, AV_ID.TARGET_NAME, AV_ID.CHANNEL_BINDINGS];

/** The server's pairs as they came, unknown ones too, and then our own, in the order of Windows. */
function ourPairs(targetInfo: readonly AvPair[], options: InitiateOptions, withMic: boolean): AvPair[] {
  const { channelBindings, targetName = '' } = options;
  const pairs = targetInfo.filter(({ id }) => !OWN_PAIRS.includes(id));
  let flags = withMic ? AV_FLAGS.MIC : 0;
  if (hasAny(options.flags, ISC_REQ.UNVERIFIED_TARGET_NAME)) flags |= AV_FLAGS.UNTRUSTED_TARGET;
  if (flags !== 0) pairs.push(flagsPair(flags));
  const hash = channelBindings === undefined ? new Uint8Array(16) : hashChannelBindings(channelBindings);
  pairs.push({ id: AV_ID.CHANNEL_BINDINGS, value: hash }, textPair(AV_ID.TARGET_NAME, targetName));
  return pairs;
}

/** 3.3.2, the special case: no name, no NtChallengeResponse, one zero octet as the LmChallengeResponse. */
function answerAsNobody(flags: number): Answer {
  const authenticate = encodeAuthenticate({
    flags,
    domain: '',
    user: '',
    workstation: '',
    lmResponse: new Uint8Array(1),
    ntResponse: EMPTY,
    encryptedRandomSessionKey: EMPTY,
    version: hasAny(flags, NEGOTIATE.VERSION) ? OUR_VERSION : NO_VERSION,
  });
  return { authenticate, exportedSessionKey: undefined };
}
