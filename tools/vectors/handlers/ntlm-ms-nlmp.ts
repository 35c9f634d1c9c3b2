/**
 * [MS-NLMP] 4.2: the three worked examples, from the password to a sealed message.
 * @module
 */
import { concat, crc32, encodeUtf16, fromHex, hmacMd5, Rc4 } from '../../../src/crypto/index.ts';
import { type AuthenticateMessage, decodeAuthenticate } from '../../../src/ntlm/authenticate.ts';
import { decodeAvPairs } from '../../../src/ntlm/av-pairs.ts';
import { type ChallengeMessage, decodeChallenge } from '../../../src/ntlm/challenge.ts';
import { encodeClientChallenge } from '../../../src/ntlm/client-challenge.ts';
import { NEGOTIATE } from '../../../src/ntlm/flags.ts';
import { keyExchangeKeyV1, rc4k, sealKey, sessionBaseKeyV1, signKey } from '../../../src/ntlm/keys.ts';
import { NtlmMessageSecurity } from '../../../src/ntlm/message-security.ts';
import { lmowfV1, ntowfV1, ntowfV2 } from '../../../src/ntlm/one-way-functions.ts';
import {
  lmV2Response,
  ntlmV1ExtendedResponse,
  ntlmV1Response,
  ntProofStr,
  sessionBaseKeyV2,
} from '../../../src/ntlm/responses.ts';
import { type CaseReader, Mismatch, same } from '../case.ts';
import type { CaseHandler } from '../runner.ts';
import { littleEndian32 } from './primitives.ts';

const EMPTY = new Uint8Array(0);

/** What the sections have in common, [MS-NLMP] 4.2.1. */
interface Inputs {
  readonly user: string;
  readonly domain: string;
  readonly password: string;
  readonly ntHash: Uint8Array;
  readonly randomSessionKey: Uint8Array;
  readonly clientChallenge: Uint8Array;
  readonly serverChallenge: Uint8Array;
  readonly time: Uint8Array;
}

function inputs(common: CaseReader): Inputs {
  const password = common.text('password');
  return {
    user: common.text('user'),
    domain: common.text('domain'),
    password,
    ntHash: ntowfV1(encodeUtf16(password)),
    randomSessionKey: common.hex('random_session_key'),
    clientChallenge: common.hex('client_challenge'),
    serverChallenge: common.hex('server_challenge'),
    time: common.hex('time'),
  };
}

/** The two printed messages hold what the section computed. */
function compareMessages(
  fields: CaseReader,
  common: CaseReader,
): { readonly challenge: ChallengeMessage; readonly authenticate: AuthenticateMessage } {
  const challenge = decodeChallenge(fields.hex('challenge_message'));
  same('CHALLENGE flags', challenge.flags, fields.number('flags'));
  same('CHALLENGE server challenge', challenge.serverChallenge, common.hex('server_challenge'));
  same('CHALLENGE target name', challenge.targetName ?? common.text('server_name'), common.text('server_name'));
  const authenticate = decodeAuthenticate(fields.hex('authenticate_message'));
  same('AUTHENTICATE user', authenticate.user, common.text('user'));
  same('AUTHENTICATE domain', authenticate.domain, common.text('domain'));
  same('AUTHENTICATE workstation', authenticate.workstation, common.text('workstation'));
  same('AUTHENTICATE LM response', authenticate.lmResponse, fields.hex('lm_response'));
  const { ntResponse } = authenticate;
  same('AUTHENTICATE NT response', ntResponse.kind === 'none' ? EMPTY : ntResponse.octets, fields.hex('nt_response'));
  return { challenge, authenticate };
}

/** The plaintext sealed as the first message of a client. */
function compareWrap(flags: number, exportedSessionKey: Uint8Array, wrap: CaseReader, signature: string): void {
  const plaintext = wrap.hex('plaintext');
  const data = plaintext.slice();
  const client = new NtlmMessageSecurity({ flags, exportedSessionKey, side: 'client' });
  const server = new NtlmMessageSecurity({ flags, exportedSessionKey, side: 'server' });
  const made = client.seal(data);
  same('sealed', data, wrap.hex('sealed'));
  same('signature', made, wrap.hex(signature));
  same('sequence number', wrap.number('seq'), 0);
  server.unseal(made, data);
  same('unsealed', data, plaintext);
}

function compareDirectionKeys(flags: number, exportedSessionKey: Uint8Array, wrap: CaseReader): void {
  same('SealKey', sealKey(flags, exportedSessionKey, 'client'), wrap.hex('seal_key'));
  same('SignKey', signKey(flags, exportedSessionKey, 'client'), wrap.hex('sign_key'));
}

/** 4.2.2: NTLMv1 as it was in the beginning. */
function ntlmV1(fields: CaseReader, common: CaseReader): void {
  const { password, ntHash, randomSessionKey, serverChallenge } = inputs(common);
  const flags = fields.number('flags');
  const lmHash = lmowfV1(password);
  const lmResponse = ntlmV1Response(lmHash, serverChallenge);
  const sessionBaseKey = sessionBaseKeyV1(ntHash);
  same('LMOWFv1', lmHash, fields.hex('lmowfv1'));
  same('NTOWFv1', ntHash, fields.hex('ntowfv1'));
  same('SessionBaseKey', sessionBaseKey, fields.hex('session_base_key'));
  same('NT response', ntlmV1Response(ntHash, serverChallenge), fields.hex('nt_response'));
  same('LM response', lmResponse, fields.hex('lm_response'));

  const keyExchangeKey = (extra: number): Uint8Array =>
    keyExchangeKeyV1({ flags: (flags | extra) >>> 0, sessionBaseKey, lmResponse, serverChallenge, lmHash });
  same('KeyExchangeKey', keyExchangeKey(0), fields.hex('key_exchange_key'));
  const encrypted = rc4k(keyExchangeKey(0), randomSessionKey);
  same('EncryptedRandomSessionKey', encrypted, fields.hex('encrypted_session_key'));
  for (const variant of fields.objects('variants')) {
    const flag = flagOf(variant.text('flag'));
    same('KeyExchangeKey of the variant', keyExchangeKey(flag), variant.hex('key_exchange_key'));
    const key = rc4k(keyExchangeKey(flag), randomSessionKey);
    same('EncryptedRandomSessionKey of the variant', key, variant.hex('encrypted_session_key'));
  }
  const { authenticate } = compareMessages(fields, common);
  same('AUTHENTICATE session key', authenticate.encryptedRandomSessionKey, encrypted);

  const wrap = fields.object('wrap');
  compareWrap(flags, randomSessionKey, wrap, 'signature_interop');
  compareLegacySignature(flags, randomSessionKey, wrap);
}

/** `NTLMSSP_NEGOTIATE_LM_KEY (0x00000080)`: the number has to be the one that we have for the name. */
function flagOf(text: string): number {
  const [, name = '', digits = ''] = /^NTLMSSP_(?:NEGOTIATE_)?(\w+) \(0x([0-9a-f]+)\)$/i.exec(text) ?? [];
  const flag = Object.entries(NEGOTIATE).find(([known]) => known === name)?.[1];
  if (flag === undefined || flag !== Number.parseInt(digits, 16)) throw new Mismatch(`no such flag: ${text}`);
  return flag;
}

/** 3.4.4.1 step by step. The specification prints the encrypted RandomPad; peers send zero, and we take either. */
function compareLegacySignature(flags: number, exportedSessionKey: Uint8Array, wrap: CaseReader): void {
  const plaintext = wrap.hex('plaintext');
  const stream = new Rc4(sealKey(flags, exportedSessionKey, 'client'));
  const next = (octets: Uint8Array): Uint8Array => {
    const encrypted = octets.slice();
    stream.transform(encrypted);
    return encrypted;
  };
  const sealed = next(plaintext);
  const checksum = littleEndian32(crc32(plaintext));
  same('CRC32', checksum, wrap.hex('crc32'));
  const pad = next(new Uint8Array(4));
  same('RC4(RandomPad)', pad, wrap.hex('rc4_random_pad'));
  const encryptedChecksum = next(checksum);
  same('RC4(CRC32)', encryptedChecksum, wrap.hex('rc4_checksum'));
  const number = next(new Uint8Array(4));
  same('RC4(SeqNum)', number, wrap.hex('rc4_seqnum'));
  const printed = concat(littleEndian32(1), pad, encryptedChecksum, number);
  same('signature as printed', printed, wrap.hex('signature_as_printed_in_ms_nlmp'));
  new NtlmMessageSecurity({ flags, exportedSessionKey, side: 'server' }).unseal(printed, sealed);
  same('unsealed with the printed signature', sealed, plaintext);
}

/** 4.2.3: NTLMv1 with the client's challenge, extended session security, 56 bits, no key exchange. */
function ntlmV1Extended(fields: CaseReader, common: CaseReader): void {
  const { ntHash, clientChallenge, serverChallenge } = inputs(common);
  const flags = fields.number('flags');
  const sessionBaseKey = sessionBaseKeyV1(ntHash);
  const lmResponse = concat(clientChallenge, new Uint8Array(16));
  const keyExchangeKey = keyExchangeKeyV1({ flags, sessionBaseKey, lmResponse, serverChallenge });
  same('NTOWFv1', ntHash, fields.hex('ntowfv1'));
  same('SessionBaseKey', sessionBaseKey, fields.hex('session_base_key'));
  same('KeyExchangeKey', keyExchangeKey, fields.hex('key_exchange_key'));
  same('LM response', lmResponse, fields.hex('lm_response'));
  const ntResponse = ntlmV1ExtendedResponse(ntHash, serverChallenge, clientChallenge);
  same('NT response', ntResponse, fields.hex('nt_response'));
  compareMessages(fields, common);
  const wrap = fields.object('wrap');
  compareDirectionKeys(flags, keyExchangeKey, wrap);
  compareWrap(flags, keyExchangeKey, wrap, 'signature');
}

/** 4.2.4: NTLMv2. */
function ntlmV2(fields: CaseReader, common: CaseReader): void {
  const { user, domain, ntHash, randomSessionKey, clientChallenge, serverChallenge, time } = inputs(common);
  const flags = fields.number('flags');
  const responseKey = ntowfV2(ntHash, user, domain);
  same('NTOWFv2', responseKey, fields.hex('ntowfv2'));

  const targetInfo = fields.hex('target_info');
  const temp = encodeClientChallenge({
    timestamp: time,
    clientChallenge,
    avPairs: decodeAvPairs(targetInfo, 'vector'),
  });
  const proof = ntProofStr(responseKey, serverChallenge, temp);
  const sessionBaseKey = sessionBaseKeyV2(responseKey, proof);
  same('temp', temp, fields.hex('temp'));
  same('NTProofStr', proof, fields.hex('nt_proof_str'));
  same('NT response', concat(proof, temp), fields.hex('nt_response'));
  same('LM response', lmV2Response(responseKey, serverChallenge, clientChallenge), fields.hex('lm_response'));
  same('SessionBaseKey', sessionBaseKey, fields.hex('session_base_key'));
  same('KeyExchangeKey', sessionBaseKey, fields.hex('key_exchange_key'));
  const encrypted = rc4k(sessionBaseKey, randomSessionKey);
  same('EncryptedRandomSessionKey', encrypted, fields.hex('encrypted_session_key'));

  const { challenge, authenticate } = compareMessages(fields, common);
  same('CHALLENGE target info', challenge.targetInfo, decodeAvPairs(targetInfo, 'vector'));
  same('AUTHENTICATE session key', authenticate.encryptedRandomSessionKey, encrypted);

  const wrap = fields.object('wrap');
  compareDirectionKeys(flags, randomSessionKey, wrap);
  compareWrap(flags, randomSessionKey, wrap, 'signature');
  const checksum = hmacMd5(wrap.hex('sign_key'), fromHex('00000000'), wrap.hex('plaintext')).subarray(0, 8);
  same('checksum before RC4', checksum, wrap.hex('checksum_before_rc4'));
  compareWrap((flags & ~NEGOTIATE.KEY_EXCH) >>> 0, randomSessionKey, wrap, 'signature_without_key_exch');
}

const sections: Readonly<Record<string, (fields: CaseReader, common: CaseReader) => void>> = {
  '4.2.2': ntlmV1,
  '4.2.3': ntlmV1Extended,
  '4.2.4': ntlmV2,
};

export const ntlmMsNlmp: CaseHandler = {
  kind: '[MS-NLMP] 4.2',
  applies: (value) => typeof value['id'] === 'string' && Object.hasOwn(sections, value['id']),
  check(fields, common) {
    sections[fields.text('id')]?.(fields, common);
  },
};
