/**
 * Real NTLM exchanges with their passwords: every key that follows from them.
 * @module
 */
import { encodeUtf16, equalInConstantTime } from '../../../src/crypto/index.ts';
import { decodeAuthenticate, MIC_AT } from '../../../src/ntlm/authenticate.ts';
import { decodeChallenge } from '../../../src/ntlm/challenge.ts';
import { messageIntegrityCode, rc4k, sealKey, signKey } from '../../../src/ntlm/keys.ts';
import { decodeNegotiate } from '../../../src/ntlm/negotiate.ts';
import { ntowfV1, ntowfV2 } from '../../../src/ntlm/one-way-functions.ts';
import { ntProofStr, sessionBaseKeyV2 } from '../../../src/ntlm/responses.ts';
import { Mismatch, same } from '../case.ts';
import type { CaseHandler } from '../runner.ts';
import { withoutEnd } from './ntlm-messages.ts';

export const ntlmCaptures: CaseHandler = {
  kind: 'NTLM capture',
  applies: (value) => ['negotiate', 'challenge', 'authenticate'].every((key) => typeof value[key] === 'string'),
  check(fields) {
    const wire = {
      negotiate: fields.hex('negotiate'),
      challenge: fields.hex('challenge'),
      authenticate: fields.hex('authenticate'),
    };
    const challenge = decodeChallenge(wire.challenge);
    const message = decodeAuthenticate(wire.authenticate);
    const { ntResponse: response, flags } = message;
    same('NEGOTIATE flags', decodeNegotiate(wire.negotiate).flags, fields.number('negotiate_flags'));
    same('CHALLENGE flags', challenge.flags, fields.number('challenge_flags'));
    same('AUTHENTICATE flags', flags, fields.number('authenticate_flags'));
    same('server challenge', challenge.serverChallenge, fields.hex('server_challenge'));
    same('user', message.user, fields.text('user'));
    same('domain', message.domain, fields.text('domain'));
    same('workstation', message.workstation, fields.text('workstation'));
    same('LM response', message.lmResponse, fields.hex('lm_response'));
    same('encrypted session key', message.encryptedRandomSessionKey, fields.hex('encrypted_random_session_key'));

    if (response.kind !== 'ntlm-v2') throw new Mismatch(`an NT response of kind ${response.kind}`);
    same('response type', 'NTLMv2', fields.text('response_type'));
    same('NT response', response.octets, fields.hex('nt_response'));
    same('NTProofStr', response.proof, fields.hex('nt_proof_str'));
    same('client challenge', response.clientChallenge.clientChallenge, fields.hex('client_challenge'));
    same('timestamp', response.clientChallenge.timestamp, fields.hex('timestamp'));
    same('AV_PAIRs', withoutEnd(response.clientChallenge.avPairs), fields.list('av_pairs'));

    // From the password to the proof, over the octets as they were received.
    const responseKey = ntowfV2(ntowfV1(encodeUtf16(fields.text('password'))), message.user, message.domain);
    same('NTOWFv2', responseKey, fields.hex('ntowfv2'));
    same('NTProofStr, computed', ntProofStr(responseKey, challenge.serverChallenge, response.temp), response.proof);

    const sessionBaseKey = sessionBaseKeyV2(responseKey, response.proof);
    same('SessionBaseKey', sessionBaseKey, fields.hex('session_base_key'));
    same('KeyExchangeKey', sessionBaseKey, fields.hex('key_exchange_key'));
    const { encryptedRandomSessionKey: encrypted } = message;
    const exported = encrypted.length === 0 ? sessionBaseKey : rc4k(sessionBaseKey, encrypted);
    same('ExportedSessionKey', exported, fields.hex('exported_session_key'));
    if (fields.has('published_session_key')) same('published key', exported, fields.hex('published_session_key'));

    same('MIC', message.mic, fields.optionalHex('mic'));
    if (message.mic !== undefined) {
      const computed = messageIntegrityCode(exported, wire.negotiate, wire.challenge, wire.authenticate);
      same('MIC verifies', equalInConstantTime(computed, message.mic), fields.boolean('mic_verifies'));
      same('MIC offset', MIC_AT, fields.number('mic_offset'));
    }
    for (const side of ['client', 'server'] as const) {
      same(`${side} sign key`, signKey(flags, exported, side), fields.hex(`${side}_sign_key`));
      same(`${side} seal key`, sealKey(flags, exported, side), fields.hex(`${side}_seal_key`));
    }
  },
};
