/** What the tests of this room share: a host that stands still, two accounts, a client written by hand. */
import { expect } from 'vitest';
import { type MemoryAccount, memoryAccounts } from '../../src/acceptor/index.ts';
import { concat, encodeUtf16 } from '../../src/crypto/index.ts';
import type { Host } from '../../src/host/index.ts';
import {
  type AvPair,
  decodeChallenge,
  encodeAuthenticate,
  encodeClientChallenge,
  encodeNegotiate,
  MIC_AT,
  messageIntegrityCode,
  NEGOTIATE,
  ntlmPackage,
  ntowfV1,
  ntowfV2,
  ntProofStr,
  rc4k,
  sessionBaseKeyV2,
} from '../../src/ntlm/index.ts';
import {
  type AcceptOptions,
  type AcceptorIdentity,
  type Credential,
  type InitiateOptions,
  ISC_REQ,
  SECPKG_CRED,
  type SecurityContext,
  type SpnegoAuthData,
  SspiError,
  toFileTime,
} from '../../src/sspi/index.ts';

export const NOW = Date.UTC(2026, 0, 15, 12);

/** Time stands still; randomness counts up, so that every number is another one. */
export function stillHost(now = NOW): Host {
  let next = 1;
  return {
    clock: { now: () => now },
    random: { bytes: (length) => Uint8Array.from({ length }, () => next++ & 0xff) },
  };
}

export const ALICE: MemoryAccount = { domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' };
export const ALICE_IDENTITY: SpnegoAuthData = {
  kind: 'identity',
  domain: 'EXAMPLE',
  user: 'alice',
  password: 'AlicePass1!',
};

/** Everything that NTLM can protect. */
export const PROTECTED = ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY | ISC_REQ.REPLAY_DETECT | ISC_REQ.SEQUENCE_DETECT;

export function acquireClient(authData: SpnegoAuthData = ALICE_IDENTITY): Promise<Credential> {
  return ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: stillHost() });
}

export function acquireServer(identity: Partial<AcceptorIdentity> = {}): Promise<Credential> {
  const authData: AcceptorIdentity = { kind: 'acceptor', accounts: memoryAccounts([ALICE]), ...identity };
  return ntlmPackage.acquire({ use: SECPKG_CRED.INBOUND, authData, host: stillHost() });
}

export async function startClient(
  options: Partial<InitiateOptions> = {},
  authData: SpnegoAuthData = ALICE_IDENTITY,
): Promise<SecurityContext> {
  return (await acquireClient(authData)).initiate({
    flags: PROTECTED,
    targetName: 'HTTP/server.example.com',
    ...options,
  });
}

export async function startServer(
  identity: Partial<AcceptorIdentity> = {},
  options: Partial<AcceptOptions> = {},
): Promise<SecurityContext> {
  return (await acquireServer(identity)).accept({ flags: 0, ...options });
}

/** One step that gives a token. */
export async function say(context: SecurityContext, token?: Uint8Array): Promise<Uint8Array> {
  const step = await context.step(token);
  if (!('token' in step)) throw new TypeError('no token');
  return step.token;
}

/** The error of something that has to fail. */
export async function failure(promise: Promise<unknown>): Promise<SspiError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof SspiError)) throw new TypeError('it did not fail with an SspiError', { cause: error });
  return error;
}

/** The error of something that has to fail at once. */
export function thrown(action: () => unknown): SspiError {
  try {
    action();
  } catch (error) {
    if (error instanceof SspiError) return error;
    throw error;
  }
  throw new TypeError('it did not fail');
}

/** A context that is over and cannot be used. */
export function expectUnusable(context: SecurityContext): void {
  expect(context.state).toBe('failed');
  expect(thrown(() => context.messages).code).toBe('INVALID_HANDLE');
}

/** How a client written by hand behaves. */
export interface HandmadeClient {
  readonly user?: string;
  readonly domain?: string;
  /** What NTOWFv2 is computed with, when it is not the domain that is sent. */
  readonly domainOfKey?: string;
  readonly password?: string;
  readonly negotiateFlags?: number;
  /** Instead of the flags of the CHALLENGE. */
  readonly authenticateFlags?: number;
  /** The client's own pairs, behind those of the server. */
  readonly pairs?: readonly AvPair[];
  readonly timestamp?: Uint8Array;
  /** Whether a MIC is written; announcing it is the business of `pairs`. */
  readonly mic?: boolean;
  readonly ntResponse?: Uint8Array;
  readonly lmResponse?: Uint8Array;
  readonly sessionKey?: Uint8Array;
}

/** What a current Windows client offers. */
export const OFFERED = 0xe2088237;
export const EXPORTED_KEY = new Uint8Array(16).fill(0x55);
const CLIENT_CHALLENGE = new Uint8Array(8).fill(0xaa);

export function fileTime(milliseconds: number): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setBigUint64(0, toFileTime(milliseconds), true);
  return octets;
}

/** Speaks [MS-NLMP] with a server, bending it where a test wants it bent. */
export async function logOnByHand(server: SecurityContext, client: HandmadeClient = {}): Promise<void> {
  const negotiate = encodeNegotiate({ flags: client.negotiateFlags ?? OFFERED });
  const challenge = await say(server, negotiate);
  await server.step(authenticateByHand(negotiate, challenge, client));
}

export function authenticateByHand(
  negotiate: Uint8Array,
  challengeOctets: Uint8Array,
  client: HandmadeClient = {},
): Uint8Array {
  const { user = 'alice', domain = 'EXAMPLE', password = 'AlicePass1!', pairs = [], mic = false } = client;
  const challenge = decodeChallenge(challengeOctets);
  const flags = client.authenticateFlags ?? challenge.flags;
  const responseKey = ntowfV2(ntowfV1(encodeUtf16(password)), user, client.domainOfKey ?? domain);
  const temp = encodeClientChallenge({
    timestamp: client.timestamp ?? fileTime(NOW),
    clientChallenge: CLIENT_CHALLENGE,
    avPairs: [...(challenge.targetInfo ?? []), ...pairs],
  });
  const proof = ntProofStr(responseKey, challenge.serverChallenge, temp);
  const key = sessionBaseKeyV2(responseKey, proof);
  const exchange = (flags & NEGOTIATE.KEY_EXCH) !== 0;
  const authenticate = encodeAuthenticate({
    flags,
    user,
    domain,
    workstation: 'LAPTOP',
    lmResponse: client.lmResponse ?? new Uint8Array(24),
    ntResponse: client.ntResponse ?? concat(proof, temp),
    encryptedRandomSessionKey: client.sessionKey ?? (exchange ? rc4k(key, EXPORTED_KEY) : new Uint8Array(0)),
    version: undefined,
  });
  if (mic)
    authenticate.set(
      messageIntegrityCode(exchange ? EXPORTED_KEY : key, negotiate, challengeOctets, authenticate),
      MIC_AT,
    );
  return authenticate;
}
