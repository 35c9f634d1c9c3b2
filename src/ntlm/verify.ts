/**
 * Is it the right password? The part of [MS-NLMP] 3.2.5.1.2 that looks up the account and compares responses.
 *
 * An unknown user goes the same way as a wrong password, with a key that nobody has: same work, same error (fault Z22). Only the
 * `cause` of the error, which stays with the server, tells the two apart (fault Z7).
 * @module
 */
import { encodeUtf16, equalInConstantTime } from '../crypto/index.ts';
import {
  type AcceptorIdentity,
  type Account,
  type AccountQuery,
  type AccountSource,
  NTSTATUS,
  type NtlmVerdict,
  type NtlmVerifier,
  SEC_E,
  type Secret,
  SspiError,
  securityStatusOfNtStatus,
} from '../sspi/index.ts';
import type { AuthenticateMessage } from './authenticate.ts';
import { hasAny, NEGOTIATE } from './flags.ts';
import { keyExchangeKeyV1, sessionBaseKeyV1 } from './keys.ts';
import { ntowfV1, ntowfV2 } from './one-way-functions.ts';
import { ntlmV1ExtendedResponse, ntlmV1Response, ntProofStr, sessionBaseKeyV2 } from './responses.ts';

/** A client that proved to know the password. */
export interface ProvenLogon {
  /** Names as the account source has them, not as the client wrote them. */
  readonly user: string;
  readonly domain: string;
  /** 16 octets, of the caller. */
  readonly keyExchangeKey: Uint8Array;
  /** An NTSTATUS when the account may not log on all the same. */
  readonly restriction: number | undefined;
}

/** The question. */
export interface LogonAttempt {
  readonly message: AuthenticateMessage;
  readonly serverChallenge: Uint8Array;
  /** The NegotiateFlags agreed upon: they say how NTLMv1 computes. */
  readonly flags: number;
  /** What the response of an unknown user is held against. */
  readonly decoyHash: Uint8Array;
}

const STAGE = 'NTLM AUTHENTICATE';

/** Responses that prove something. LM and LMv2 responses alone never do (CVE-2019-1338, fault Z14). */
type Proof = Exclude<AuthenticateMessage['ntResponse'], { kind: 'none' }>;

/** @throws SspiError LOGON_DENIED, ACCOUNT_RESTRICTED, NO_AUTHENTICATING_AUTHORITY, WEAK_CRYPTO_REFUSED */
export async function verifyLogon(identity: AcceptorIdentity, attempt: LogonAttempt): Promise<ProvenLogon> {
  const { ntResponse } = attempt.message;
  if (ntResponse.kind === 'none') throw denied('there is no NtChallengeResponse');
  if (ntResponse.kind === 'ntlm-v1' && identity.allowNtlmV1 !== true)
    throw new SspiError('WEAK_CRYPTO_REFUSED', {
      stage: STAGE,
      detail: 'an NTLMv1 response',
      status: SEC_E.LOGON_DENIED,
      ntStatus: NTSTATUS.LOGON_FAILURE,
    });
  const { accounts } = identity;
  return 'find' in accounts
    ? verifyWithAccount(accounts, attempt, ntResponse)
    : verifyElsewhere(accounts, attempt, ntResponse);
}

/**
 * First with the domain that the client sent, then without one: some clients compute their response so ([MS-NLMP] 3.2.5.1.2).
 * The Guest account that the specification tries last is not tried here.
 */
async function verifyWithAccount(source: AccountSource, attempt: LogonAttempt, response: Proof): Promise<ProvenLogon> {
  const { decoyHash } = attempt;
  const { user, domain } = attempt.message;
  const named = await find(source, { user, domain }, decoyHash);
  const key = keyIfProven(named, domain, attempt, response);
  if (key !== undefined) return proven(named, key);
  if (domain === '') throw notProven(named);

  const local = await find(source, { user, domain: '' }, decoyHash);
  const candidate = local.account === undefined ? named : local;
  const localKey = keyIfProven(candidate, '', attempt, response);
  if (localKey === undefined) throw notProven(candidate);
  return proven(candidate, localKey);
}

/** An account, or the lack of one, with a key to compute with in either case. */
interface Candidate {
  readonly account: Account | undefined;
  readonly ntHash: Uint8Array;
}

/** A look-up that fails is a refusal, and so is an account whose secret cannot be used (CVE-2022-24883, fault Z20). */
async function find(source: AccountSource, query: AccountQuery, decoyHash: Uint8Array): Promise<Candidate> {
  try {
    const account = await source.find(query);
    return { account, ntHash: account === undefined ? withHashing(decoyHash) : ntHashOf(account) };
  } catch (cause) {
    throw unavailable(cause);
  }
}

function ntHashOf({ secret }: Account): Uint8Array {
  if (secret.kind === 'password') return ntowfV1(secret.password.reveal());
  const ntHash = secret.ntHash.reveal();
  if (ntHash.length !== 16) throw new TypeError('an NT hash has 16 octets');
  return withHashing(ntHash);
}

/** Hashing a password takes some microseconds, which must not tell who has one here and who has a hash or nothing at all. */
function withHashing(ntHash: Uint8Array): Uint8Array {
  ntowfV1(NO_PASSWORD);
  return ntHash;
}

const NO_PASSWORD = encodeUtf16('password');

/** The KeyExchangeKey, if the response was computed with this account's password. */
function keyIfProven(
  { account, ntHash }: Candidate,
  domain: string,
  { message, serverChallenge, flags }: LogonAttempt,
  response: Proof,
): Uint8Array | undefined {
  if (response.kind === 'ntlm-v2') {
    const responseKey = ntowfV2(ntHash, message.user, domain);
    const expected = ntProofStr(responseKey, serverChallenge, response.temp);
    const genuine = equalInConstantTime(expected, response.proof) && account !== undefined;
    const key = genuine ? sessionBaseKeyV2(responseKey, expected) : undefined;
    responseKey.fill(0);
    return key;
  }
  const { lmResponse } = message;
  const expected = hasAny(flags, NEGOTIATE.EXTENDED_SESSIONSECURITY)
    ? ntlmV1ExtendedResponse(ntHash, serverChallenge, lmResponse.subarray(0, 8))
    : ntlmV1Response(ntHash, serverChallenge);
  if (!equalInConstantTime(expected, response.octets) || account === undefined) return undefined;
  return keyExchangeKeyV1({ flags, sessionBaseKey: sessionBaseKeyV1(ntHash), lmResponse, serverChallenge });
}

function proven({ account }: Candidate, keyExchangeKey: Uint8Array): ProvenLogon {
  if (account === undefined) throw denied(); // cannot be: no key was made for it
  return { user: account.user, domain: account.domain, keyExchangeKey, restriction: account.restriction };
}

/** Somebody else has the secret, and tells the SessionBaseKey when the response is right. */
async function verifyElsewhere(
  verifier: NtlmVerifier,
  { message, serverChallenge, flags }: LogonAttempt,
  response: Proof,
): Promise<ProvenLogon> {
  const { user, domain, workstation, lmResponse } = message;
  const ntResponse = response.octets;
  let verdict: NtlmVerdict;
  try {
    verdict = await verifier.verify({ user, domain, workstation, serverChallenge, ntResponse, lmResponse });
  } catch (cause) {
    throw unavailable(cause);
  }
  if (verdict.kind === 'refused') throw refusedElsewhere(verdict.ntStatus);
  const sessionBaseKey = copyOfKey(verdict.sessionBaseKey);
  const keyExchangeKey =
    response.kind === 'ntlm-v2'
      ? sessionBaseKey
      : keyExchangeKeyV1({ flags, sessionBaseKey, lmResponse, serverChallenge });
  return { user: verdict.user, domain: verdict.domain, keyExchangeKey, restriction: undefined };
}

/** The verifier may keep its own, or wipe it as soon as we have a copy. */
function copyOfKey(secret: Secret): Uint8Array {
  if (secret.disposed || secret.length !== 16) throw unavailable(new TypeError('a SessionBaseKey has 16 octets'));
  return new Uint8Array(secret.reveal());
}

function refusedElsewhere(ntStatus: number): SspiError {
  const status = securityStatusOfNtStatus(ntStatus);
  const details = { stage: STAGE, status, ntStatus };
  if (status === SEC_E.NO_AUTHENTICATING_AUTHORITY) return new SspiError('NO_AUTHENTICATING_AUTHORITY', details);
  const aboutThePassword: readonly number[] = [NTSTATUS.LOGON_FAILURE, NTSTATUS.WRONG_PASSWORD, NTSTATUS.NO_SUCH_USER];
  return new SspiError(aboutThePassword.includes(ntStatus >>> 0) ? 'LOGON_DENIED' : 'ACCOUNT_RESTRICTED', details);
}

function unavailable(cause: unknown): SspiError {
  const detail = 'the accounts could not be looked up';
  return new SspiError('NO_AUTHENTICATING_AUTHORITY', {
    stage: STAGE,
    detail,
    ntStatus: NTSTATUS.NO_LOGON_SERVERS,
    cause,
  });
}

/** In the `cause`, and not in what is said of the error: servers pass that on to clients. */
function notProven({ account }: Candidate): SspiError {
  return denied(undefined, new Error(account === undefined ? 'there is no such account' : 'it has another password'));
}

function denied(detail?: string, cause?: Error): SspiError {
  return new SspiError('LOGON_DENIED', { stage: STAGE, detail, ntStatus: NTSTATUS.LOGON_FAILURE, cause });
}
