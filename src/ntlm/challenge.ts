/**
 * CHALLENGE_MESSAGE, [MS-NLMP] 2.2.1.2: the server's choice, its nonce, and who it is.
 * @module
 */
import { type AvPair, decodeAvPairs, encodeAvPairs } from './av-pairs.ts';
import { MessageReader, MessageWriter } from './fields.ts';
import { hasAny, NEGOTIATE } from './flags.ts';
import { decodeText, encodeText } from './text.ts';
import { decodeVersion, encodeVersion, VERSION_LENGTH, type Version } from './version.ts';

/** The message. */
export interface ChallengeMessage {
  /** Bits of {@link NEGOTIATE}. */
  readonly flags: number;
  /** 8 octets. */
  readonly serverChallenge: Uint8Array;
  /** The domain of the server, or its own name; only with REQUEST_TARGET. */
  readonly targetName?: string | undefined;
  /** Only with TARGET_INFO. */
  readonly targetInfo?: readonly AvPair[] | undefined;
  /** What it says counts only with VERSION; without, zeros are sent. */
  readonly version?: Version | undefined;
}

const AT = { targetName: 12, flags: 20, serverChallenge: 24, targetInfo: 40, version: 48 } as const;
const FIXED = 48;
const STAGE = 'NTLM CHALLENGE';
const EMPTY = new Uint8Array(0);

/** @throws SspiError MALFORMED_TOKEN, MESSAGE_OUT_OF_ORDER */
export function decodeChallenge(octets: Uint8Array): ChallengeMessage {
  const reader = new MessageReader(octets, 'CHALLENGE', FIXED);
  const flags = reader.u32(AT.flags);
  const targetName = hasAny(flags, NEGOTIATE.REQUEST_TARGET) ? reader.field(AT.targetName) : EMPTY;
  const targetInfo = hasAny(flags, NEGOTIATE.TARGET_INFO) ? reader.field(AT.targetInfo) : EMPTY;
  const version = hasAny(flags, NEGOTIATE.VERSION) ? reader.part(AT.version, VERSION_LENGTH) : undefined;
  return {
    flags,
    serverChallenge: octets.subarray(AT.serverChallenge, AT.serverChallenge + 8),
    targetName: targetName.length === 0 ? undefined : decodeText(targetName, hasAny(flags, NEGOTIATE.UNICODE), STAGE),
    targetInfo: targetInfo.length === 0 ? undefined : decodeAvPairs(targetInfo, STAGE),
    version: version === undefined ? undefined : decodeVersion(version),
  };
}

/** There is room for a version when one is given. @throws SspiError INVALID_PARAMETER */
export function encodeChallenge(message: ChallengeMessage): Uint8Array {
  const { flags, serverChallenge, targetName, targetInfo, version } = message;
  const name = targetName === undefined ? EMPTY : encodeText(targetName, hasAny(flags, NEGOTIATE.UNICODE), STAGE);
  const info = targetInfo === undefined ? EMPTY : encodeAvPairs(targetInfo);
  const fixed = version === undefined ? FIXED : FIXED + VERSION_LENGTH;
  const writer = new MessageWriter('CHALLENGE', fixed, name.length + info.length);
  writer.u32(AT.flags, flags);
  writer.put(AT.serverChallenge, serverChallenge);
  if (version !== undefined) writer.put(AT.version, encodeVersion(version));
  writer.field(AT.targetName, name);
  writer.field(AT.targetInfo, info);
  return writer.octets;
}
