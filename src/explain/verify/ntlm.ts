/**
 * Does the password prove what the AUTHENTICATE says ([MS-NLMP] 3.2.5.1.2), and are the three messages as they were sent (the MIC,
 * 3.1.5.1.2)? And the session key, which is what every check behind the logon needs.
 * @module
 */
import { equalInConstantTime, hmacMd5 } from '../../crypto/index.ts';
import {
  type AuthenticateMessage,
  AV_ID,
  avValue,
  type ChallengeMessage,
  decodeAuthenticate,
  decodeChallenge,
  keyExchangeKeyV1,
  messageIntegrityCode,
  NEGOTIATE,
  type Side as NtlmSide,
  ntlmV1ExtendedResponse,
  ntlmV1Response,
  ntowfV2,
  ntProofStr,
  rc4k,
  sessionBaseKeyV1,
  sessionBaseKeyV2,
} from '../../ntlm/index.ts';
import { SspiError } from '../../sspi/index.ts';
import { type Finding, failed, notChecked, verified } from './check.ts';
import { RemadeMessages } from './remade.ts';

const PROOF_COVERS = [
  'UserName',
  'DomainName',
  'ServerChallenge',
  'NtChallengeResponse',
  'AvPairs',
  'ChallengeFromClient',
  'TimeStamp',
];
const MIC_COVERS = [
  'NEGOTIATE',
  'CHALLENGE',
  'AUTHENTICATE',
  'NegotiateFlags',
  'EncryptedRandomSessionKey',
  'MIC',
  'Version',
  'Workstation',
  'TargetName',
];

/** The NTLM messages of one conversation, in their order. */
export class NtlmTrail implements Disposable {
  #negotiate: Uint8Array | undefined;
  #challengeOctets: Uint8Array | undefined;
  #challenge: ChallengeMessage | undefined;
  #sides: Readonly<Record<NtlmSide, RemadeMessages>> | undefined;
  #exported: Uint8Array | undefined;
  /** Whether an AUTHENTICATE was here: this is how the conversation logs on. */
  authenticated = false;
  /** MsvAvChannelBindings of the client, when it sent one that is not empty. */
  channelBindings: Uint8Array | undefined;

  negotiate(octets: Uint8Array): void {
    this.#forget();
    this.#negotiate = octets;
    this.#challengeOctets = undefined;
    this.#challenge = undefined;
    this.authenticated = false;
  }

  challenge(octets: Uint8Array): void {
    this.#challengeOctets = octets;
    this.#challenge = understood(() => decodeChallenge(octets));
  }

  /** @param given - an ExportedSessionKey, when one is known by other means */
  authenticate(octets: Uint8Array, ntHashes: readonly Uint8Array[], given: Uint8Array | undefined): Finding[] {
    this.authenticated = true;
    const message = understood(() => decodeAuthenticate(octets));
    if (message === undefined) return [notChecked('NTProofStr', PROOF_COVERS, 'the AUTHENTICATE is malformed')];
    if (message.ntResponse.kind === 'ntlm-v2') {
      const bindings = avValue(message.ntResponse.clientChallenge.avPairs, AV_ID.CHANNEL_BINDINGS);
      if (bindings?.some((octet) => octet !== 0)) this.channelBindings = bindings;
    }
    const findings: Finding[] = [];
    const keyExchangeKey = this.#proof(message, ntHashes, findings);
    this.#exported = given?.length === 16 ? Uint8Array.from(given) : exportedKey(message, keyExchangeKey);
    findings.push(...this.#mic(octets, message));
    if (this.#exported !== undefined) this.#sides = sidesOf(message.flags, this.#exported);
    return findings;
  }

  /** The messages of one side; undefined when there is no key for them. */
  messagesOf(side: NtlmSide): RemadeMessages | undefined {
    return this.#sides?.[side];
  }

  dispose(): void {
    this.#forget();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #forget(): void {
    this.#sides?.client.dispose();
    this.#sides?.server.dispose();
    this.#sides = undefined;
    this.#exported?.fill(0);
    this.#exported = undefined;
  }

  /** @returns the KeyExchangeKey, when the response is that of one of the hashes */
  #proof(message: AuthenticateMessage, ntHashes: readonly Uint8Array[], findings: Finding[]): Uint8Array | undefined {
    const { ntResponse, user, domain } = message;
    const name = ntResponse.kind === 'ntlm-v1' ? 'NTLMv1 response' : 'NTProofStr';
    if (ntResponse.kind === 'none') {
      findings.push(notChecked(name, PROOF_COVERS, 'the client sent no response'));
      return undefined;
    }
    const challenge = this.#challenge;
    if (challenge === undefined || ntHashes.length === 0) {
      const why =
        challenge === undefined
          ? 'it needs the CHALLENGE of the same conversation'
          : 'it needs the password or the NT hash';
      findings.push(notChecked(name, PROOF_COVERS, why));
      return undefined;
    }
    for (const hash of ntHashes) {
      const key = ntResponse.kind === 'ntlm-v2' ? keyOfV2(message, challenge, hash) : keyOfV1(message, challenge, hash);
      if (key === undefined) continue;
      findings.push(
        verified(
          name,
          PROOF_COVERS,
          `the response is that of ${domain === '' ? user : `${domain}\\${user}`} with this password`,
        ),
      );
      return key;
    }
    findings.push(failed(name, PROOF_COVERS, whyNoProof(message, challenge, ntHashes)));
    return undefined;
  }

  #mic(octets: Uint8Array, { mic, micAt }: AuthenticateMessage): Finding[] {
    if (mic === undefined) return [];
    if (this.#exported === undefined)
      return [notChecked('MIC', MIC_COVERS, 'it needs the session key, which follows from the NTProofStr')];
    if (this.#negotiate === undefined || this.#challengeOctets === undefined)
      return [notChecked('MIC', MIC_COVERS, 'it needs all three messages')];
    const expected = messageIntegrityCode(this.#exported, this.#negotiate, this.#challengeOctets, octets, micAt);
    if (equalInConstantTime(expected, mic))
      return [verified('MIC', MIC_COVERS, 'the three messages are as they were sent')];
    return [
      failed('MIC', MIC_COVERS, 'one of the three messages was changed on the way, or its EncryptedRandomSessionKey'),
    ];
  }
}

function keyOfV2(message: AuthenticateMessage, challenge: ChallengeMessage, hash: Uint8Array): Uint8Array | undefined {
  const { ntResponse, user, domain } = message;
  if (ntResponse.kind !== 'ntlm-v2') return undefined;
  // Some clients compute their response without the domain that they send.
  for (const with_ of domain === '' ? [''] : [domain, '']) {
    const responseKey = ntowfV2(hash, user, with_);
    const expected = ntProofStr(responseKey, challenge.serverChallenge, ntResponse.temp);
    if (equalInConstantTime(expected, ntResponse.proof)) return sessionBaseKeyV2(responseKey, expected);
    responseKey.fill(0);
  }
  return undefined;
}

function keyOfV1(
  message: AuthenticateMessage,
  { flags, serverChallenge }: ChallengeMessage,
  hash: Uint8Array,
): Uint8Array | undefined {
  const { ntResponse, lmResponse } = message;
  if (ntResponse.kind !== 'ntlm-v1') return undefined;
  const isExtended = (message.flags & NEGOTIATE.EXTENDED_SESSIONSECURITY) !== 0;
  const expected = isExtended
    ? ntlmV1ExtendedResponse(hash, serverChallenge, lmResponse.subarray(0, 8))
    : ntlmV1Response(hash, serverChallenge);
  if (!equalInConstantTime(expected, ntResponse.octets)) return undefined;
  return keyExchangeKeyV1({
    flags: flags & message.flags,
    sessionBaseKey: sessionBaseKeyV1(hash),
    lmResponse,
    serverChallenge,
  });
}

/** The signs by which a changed field can be told from a wrong password. */
function whyNoProof(
  message: AuthenticateMessage,
  challenge: ChallengeMessage,
  ntHashes: readonly Uint8Array[],
): string {
  const { ntResponse, user, domain, lmResponse } = message;
  const usual = 'the password is another one, or one of the fields was changed on the way';
  if (ntResponse.kind !== 'ntlm-v2') return usual;
  const { avPairs, timestamp, clientChallenge } = ntResponse.clientChallenge;
  // The LMv2 response is a second proof of the same password.
  const lmKey = ntHashes
    .map((hash) => ntowfV2(hash, user, domain))
    .find((key) =>
      equalInConstantTime(hmacMd5(key, challenge.serverChallenge, lmResponse.subarray(16)), lmResponse.subarray(0, 16)),
    );
  if (lmResponse.length === 24 && lmKey !== undefined)
    return 'the password is right, as the LmChallengeResponse shows: the NtChallengeResponse was changed on the way';
  for (const { id, value } of challenge.targetInfo ?? []) {
    const repeated = avValue(avPairs, id);
    if (id !== AV_ID.FLAGS && repeated !== undefined && !same(repeated, value))
      return `AV_PAIR ${id} is not the one of the CHALLENGE: it was changed on the way`;
  }
  const sent = avValue(avPairs, AV_ID.TIMESTAMP);
  if (sent !== undefined && !same(sent, timestamp)) return 'TimeStamp is not MsvAvTimestamp: it was changed on the way';
  if (lmResponse.some((octet) => octet !== 0) && !same(lmResponse.subarray(16), clientChallenge))
    return 'ChallengeFromClient is not that of the LmChallengeResponse: it was changed on the way';
  return usual;
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, at) => octet === b[at]);
}

function exportedKey(
  { flags, encryptedRandomSessionKey }: AuthenticateMessage,
  keyExchangeKey: Uint8Array | undefined,
): Uint8Array | undefined {
  if (keyExchangeKey === undefined) return undefined;
  const isExchanged = (flags & NEGOTIATE.KEY_EXCH) !== 0 && encryptedRandomSessionKey.length === 16;
  return isExchanged ? rc4k(keyExchangeKey, encryptedRandomSessionKey) : keyExchangeKey;
}

function sidesOf(flags: number, key: Uint8Array): Readonly<Record<NtlmSide, RemadeMessages>> {
  const client = new RemadeMessages(flags, key, 'client');
  // Without extended session security both sides share one key stream, and its state.
  const shared = (flags & NEGOTIATE.EXTENDED_SESSIONSECURITY) === 0;
  return { client, server: shared ? client : new RemadeMessages(flags, key, 'server') };
}

function understood<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof SspiError) return undefined; // the tree says what is wrong with it
    throw error;
  }
}
