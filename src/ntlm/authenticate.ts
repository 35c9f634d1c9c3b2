/**
 * AUTHENTICATE_MESSAGE, [MS-NLMP] 2.2.1.3: who the client is, its response to the challenge, and a checksum over all three
 * messages.
 * @module
 */
import { AV_FLAGS, avFlags } from './av-pairs.ts';
import { type ClientChallenge, decodeClientChallenge, PROOF_LENGTH } from './client-challenge.ts';
import { MessageReader, MessageWriter } from './fields.ts';
import { hasAny, NEGOTIATE } from './flags.ts';
import { decodeText, encodeText } from './text.ts';
import { decodeVersion, encodeVersion, VERSION_LENGTH, type Version } from './version.ts';

/** The NtChallengeResponse. Its length tells what it is: nothing, 24 octets, or a proof with what it proves. */
export type NtResponse =
  | { readonly kind: 'none' }
  | { readonly kind: 'ntlm-v1'; readonly octets: Uint8Array }
  | {
      readonly kind: 'ntlm-v2';
      readonly octets: Uint8Array;
      /** NTProofStr, 16 octets. */
      readonly proof: Uint8Array;
      /** What the proof covers, as received: never to be written anew before it is checked (fault Z43). */
      readonly temp: Uint8Array;
      readonly clientChallenge: ClientChallenge;
    };

/** The message as received; octets are views. */
export interface AuthenticateMessage {
  /** Bits of {@link NEGOTIATE}. */
  readonly flags: number;
  readonly domain: string;
  readonly user: string;
  readonly workstation: string;
  readonly lmResponse: Uint8Array;
  readonly ntResponse: NtResponse;
  /** RC4K of the ExportedSessionKey: 16 octets or none. */
  readonly encryptedRandomSessionKey: Uint8Array;
  readonly version: Version | undefined;
  /** 16 octets; there when the client says so under its proof, in MsvAvFlags. Never guessed from where the payload begins. */
  readonly mic: Uint8Array | undefined;
  /** Where the MIC is, or would be. */
  readonly micAt: number;
}

/** What is to be written. */
export interface AuthenticateFields {
  readonly flags: number;
  readonly domain: string;
  readonly user: string;
  readonly workstation: string;
  readonly lmResponse: Uint8Array;
  readonly ntResponse: Uint8Array;
  readonly encryptedRandomSessionKey: Uint8Array;
  readonly version: Version | undefined;
}

const AT = {
  lmResponse: 12,
  ntResponse: 20,
  domain: 28,
  user: 36,
  workstation: 44,
  encryptedRandomSessionKey: 52,
  flags: 60,
  version: 64,
} as const;

/** Where the MIC is in the messages of Windows and in ours, when there is one. */
export const MIC_AT = 72;
/** Octets. */
export const MIC_LENGTH = 16;

/** Peers without Version and MIC begin the payload here. */
const SHORTEST = 64;
const STAGE = 'NTLM AUTHENTICATE';

/** @throws SspiError MALFORMED_TOKEN, MESSAGE_OUT_OF_ORDER */
export function decodeAuthenticate(octets: Uint8Array): AuthenticateMessage {
  const reader = new MessageReader(octets, 'AUTHENTICATE', SHORTEST);
  const flags = reader.u32(AT.flags);
  const unicode = hasAny(flags, NEGOTIATE.UNICODE);
  const ntResponse = decodeNtResponse(reader);
  const lmResponse = reader.field(AT.lmResponse);
  const domain = decodeText(reader.field(AT.domain), unicode, STAGE);
  const user = decodeText(reader.field(AT.user), unicode, STAGE);
  const workstation = decodeText(reader.field(AT.workstation), unicode, STAGE);
  const encryptedRandomSessionKey = decodeSessionKey(reader, flags);
  const version = hasAny(flags, NEGOTIATE.VERSION) ? versionOf(reader) : undefined;
  const micAt = micPlace(reader, flags); // after all fields: only then it is known where the payload begins
  const mic = decodeMic(reader, ntResponse, micAt);
  return { flags, domain, user, workstation, lmResponse, ntResponse, encryptedRandomSessionKey, version, mic, micAt };
}

function decodeNtResponse(reader: MessageReader): NtResponse {
  const octets = reader.field(AT.ntResponse);
  if (octets.length === 0) return { kind: 'none' };
  if (octets.length === 24) return { kind: 'ntlm-v1', octets };
  if (octets.length < 44) throw reader.malformed(`an NtChallengeResponse of ${octets.length} octets`);
  const temp = octets.subarray(PROOF_LENGTH);
  return {
    kind: 'ntlm-v2',
    octets,
    proof: octets.subarray(0, PROOF_LENGTH),
    temp,
    clientChallenge: decodeClientChallenge(temp),
  };
}

/** Without KEY_EXCH the field is to be ignored. */
function decodeSessionKey(reader: MessageReader, flags: number): Uint8Array {
  if (!hasAny(flags, NEGOTIATE.KEY_EXCH)) return new Uint8Array(0);
  const key = reader.field(AT.encryptedRandomSessionKey);
  if (key.length !== 0 && key.length !== 16)
    throw reader.malformed(`an EncryptedRandomSessionKey of ${key.length} octets`);
  return key;
}

function versionOf(reader: MessageReader): Version | undefined {
  const octets =
    reader.payloadStart < AT.version + VERSION_LENGTH ? undefined : reader.part(AT.version, VERSION_LENGTH);
  return octets === undefined ? undefined : decodeVersion(octets);
}

/** A client that announces a MIC and leaves no room for one has had it taken away on the way (CVE-2019-1040, fault Z12). */
function decodeMic(reader: MessageReader, response: NtResponse, at: number): Uint8Array | undefined {
  if (response.kind !== 'ntlm-v2') return undefined;
  if (!hasAny(avFlags(response.clientChallenge.avPairs), AV_FLAGS.MIC)) return undefined;
  const mic = reader.part(at, MIC_LENGTH);
  if (mic === undefined || reader.payloadStart < at + MIC_LENGTH)
    throw reader.malformed('the MIC announced is not there');
  return mic;
}

/**
 * Windows has the MIC behind the Version, which is there even when it says nothing. GSS-NTLMSSP, WinPR and pyspnego leave the
 * Version out when it was not negotiated, and the MIC moves to its place.
 */
function micPlace(reader: MessageReader, flags: number): number {
  return hasAny(flags, NEGOTIATE.VERSION) || reader.payloadStart >= MIC_AT + MIC_LENGTH ? MIC_AT : AT.version;
}

/** Always with room for version and MIC. The MIC is zero, as it has to be while it is computed. */
export function encodeAuthenticate(fields: AuthenticateFields): Uint8Array {
  const { flags, lmResponse, ntResponse, encryptedRandomSessionKey, version } = fields;
  const unicode = hasAny(flags, NEGOTIATE.UNICODE);
  const domain = encodeText(fields.domain, unicode, STAGE);
  const user = encodeText(fields.user, unicode, STAGE);
  const workstation = encodeText(fields.workstation, unicode, STAGE);

  const names = domain.length + user.length + workstation.length;
  const payload = names + lmResponse.length + ntResponse.length + encryptedRandomSessionKey.length;
  const writer = new MessageWriter('AUTHENTICATE', MIC_AT + MIC_LENGTH, payload);
  writer.u32(AT.flags, flags);
  if (version !== undefined) writer.put(AT.version, encodeVersion(version));
  writer.field(AT.domain, domain);
  writer.field(AT.user, user);
  writer.field(AT.workstation, workstation);
  writer.field(AT.lmResponse, lmResponse);
  writer.field(AT.ntResponse, ntResponse);
  writer.field(AT.encryptedRandomSessionKey, encryptedRandomSessionKey);
  return writer.octets;
}
