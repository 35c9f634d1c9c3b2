/**
 * What a server demands of a client beyond the password: checks of [MS-NLMP] 3.2.5.1.2 that its configuration decides.
 * @module
 */
import { equalInConstantTime } from '../crypto/index.ts';
import {
  type AcceptOptions,
  type AcceptorIdentity,
  ASC_REQ,
  type ChannelBindingPolicy,
  fromFileTime,
  hashChannelBindings,
  NTSTATUS,
  SEC_E,
  SspiError,
} from '../sspi/index.ts';
import { AV_FLAGS, AV_ID, type AvPair, avFlags, avText, avValue } from './av-pairs.ts';
import { hasAll, hasAny, hasSessionSecurity, NEGOTIATE, PROTECTION_FLAGS } from './flags.ts';

const STAGE = 'NTLM AUTHENTICATE';
const HOUR = 3_600_000;
/** The longest MaxLifetime that Windows ever had ([MS-NLMP] note 39). */
const DEFAULT_MAX_RESPONSE_AGE = 36 * HOUR;

/**
 * Whether the protection that is left is what this server needs: what its caller asked for, and by default nothing weaker than
 * 128 bits with extended session security (contract N20, fault Z16).
 */
export function assertProtection(flags: number, requested: number, identity: AcceptorIdentity, stage: string): void {
  if (hasAny(requested, ASC_REQ.CONFIDENTIALITY) && !hasAny(flags, NEGOTIATE.SEAL))
    throw new SspiError('INTEGRITY_REQUIRED', { stage, detail: 'the client does not seal' });
  const signed = ASC_REQ.INTEGRITY | ASC_REQ.REPLAY_DETECT | ASC_REQ.SEQUENCE_DETECT;
  if (hasAny(requested, signed) && !hasSessionSecurity(flags))
    throw new SspiError('INTEGRITY_REQUIRED', { stage, detail: 'the client does not sign' });
  if (identity.allowWeakSessionSecurity === true || !hasSessionSecurity(flags)) return;
  if (!hasAll(flags, NEGOTIATE.EXTENDED_SESSIONSECURITY | NEGOTIATE.KEY_128))
    throw new SspiError('WEAK_CRYPTO_REFUSED', { stage, detail: 'without 128 bits or extended session security' });
}

/**
 * What both sides agreed upon. The flags of an AUTHENTICATE without a MIC are protected by nothing: where they differ from the
 * CHALLENGE in what protects messages, somebody in between was at work (CVE-2016-2110, fault Z16).
 */
export function agreedFlags(challenge: number, authenticate: number): number {
  if (((challenge ^ authenticate) & PROTECTION_FLAGS) !== 0)
    throw new SspiError('INTEGRITY_REQUIRED', { stage: STAGE, detail: 'the flags are not those of the CHALLENGE' });
  return (challenge & authenticate) >>> 0;
}

/**
 * Extended protection: is the client at the other end of our TLS channel (fault Z18)? Z(16) says that it has no bindings, and
 * an NTLMv1 response cannot have any.
 */
export function checkChannelBindings(
  identity: AcceptorIdentity,
  { channelBindings, flags }: AcceptOptions,
  avPairs: readonly AvPair[],
): void {
  // Whoever hands bindings over wants them checked, and may say that clients without any are welcome.
  const missingAllowed = channelBindings === undefined || hasAny(flags, ASC_REQ.ALLOW_MISSING_BINDINGS);
  const policy: ChannelBindingPolicy =
    identity.channelBindingPolicy ?? (missingAllowed ? 'when-supported' : 'required');
  if (policy === 'never') return;

  const hash = avValue(avPairs, AV_ID.CHANNEL_BINDINGS);
  const present = hash?.some((octet) => octet !== 0) === true;
  if (hash === undefined || !present) {
    if (policy === 'required') throw badBindings('the client sent none');
    return;
  }
  if (channelBindings !== undefined && !equalInConstantTime(hash, hashChannelBindings(channelBindings)))
    throw badBindings('the client is bound to another channel');
}

function badBindings(detail: string): SspiError {
  return new SspiError('BAD_BINDINGS', { stage: STAGE, detail, ntStatus: NTSTATUS.BAD_BINDINGS });
}

/** The service that the client wants; empty when it said none, or said itself that the name is not to be trusted. */
export function clientTarget(avPairs: readonly AvPair[]): string {
  if (hasAny(avFlags(avPairs), AV_FLAGS.UNTRUSTED_TARGET)) return '';
  return avText(avPairs, AV_ID.TARGET_NAME) ?? '';
}

/** A response made for another service was made for another server: it is being relayed. */
export function checkTarget({ targetNames }: AcceptorIdentity, target: string): void {
  if (targetNames === undefined) return;
  const wanted = target.toLowerCase();
  if (wanted !== '' && targetNames.some((name) => name.toLowerCase() === wanted)) return;
  const detail = target === '' ? 'the client did not say which' : undefined;
  throw new SspiError('TARGET_NAME_REFUSED', { stage: STAGE, detail, ntStatus: NTSTATUS.ACCESS_DENIED });
}

/** MaxLifetime: a response must not lie about for ever until somebody uses it (fault Z23). */
export function checkAge({ maxResponseAge }: AcceptorIdentity, timestamp: Uint8Array, now: number): void {
  const { buffer, byteOffset } = timestamp;
  const age = Math.abs(now - fromFileTime(new DataView(buffer, byteOffset, 8).getBigUint64(0, true)));
  if (age <= (maxResponseAge ?? DEFAULT_MAX_RESPONSE_AGE)) return;
  throw new SspiError('TIME_SKEW', {
    stage: STAGE,
    detail: 'the response is older than allowed, or from the future',
    status: SEC_E.LOGON_DENIED,
    ntStatus: NTSTATUS.LOGON_FAILURE,
  });
}
