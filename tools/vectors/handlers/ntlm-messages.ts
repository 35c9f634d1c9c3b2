/**
 * NTLM messages and the structures in them, and malformed messages.
 * @module
 */

import { decodeAuthenticate } from '../../../src/ntlm/authenticate.ts';
import { AV_ID, type AvPair } from '../../../src/ntlm/av-pairs.ts';
import { type ChallengeMessage, decodeChallenge, encodeChallenge } from '../../../src/ntlm/challenge.ts';
import { decodeClientChallenge, encodeClientChallenge } from '../../../src/ntlm/client-challenge.ts';
import { decodeNegotiate, encodeNegotiate, type NegotiateMessage } from '../../../src/ntlm/negotiate.ts';
import { decodeSingleHost } from '../../../src/ntlm/single-host.ts';
import { decodeVersion, encodeVersion } from '../../../src/ntlm/version.ts';
import { fromFileTime, SspiError, statusName, toFileTime } from '../../../src/sspi/index.ts';
import { type CaseReader, Mismatch, same } from '../case.ts';
import { refused } from '../refusal.ts';
import { type CaseHandler, handlerFor } from '../runner.ts';

/** Absent fields are null in the cases. The OEM character set is Windows-1252 here, because no field of NTLM names one. */
function compareText(what: string, actual: string | undefined, expected: CaseReader): void {
  same(what, actual, expected.optionalText(what));
  if (expected.has('oem_encoding')) same('OEM character set', 'windows-1252', expected.text('oem_encoding'));
}

const negotiate = handlerFor('type', 'NEGOTIATE', (fields) => {
  const message = decodeNegotiate(fields.hex('hex'));
  const expected = fields.object('fields');
  const compare = ({ flags, domain, workstation, version }: NegotiateMessage): void => {
    same('flags', flags, expected.number('flags'));
    compareText('domain', domain, expected);
    compareText('workstation', workstation, expected);
    same('version', version ?? null, expected.isNull('version') ? null : undefined);
  };
  compare(message);
  compare(decodeNegotiate(encodeNegotiate(message)));
});

const challenge = handlerFor('type', 'CHALLENGE', (fields) => {
  const message = decodeChallenge(fields.hex('hex'));
  const expected = fields.object('fields');
  const compare = ({ flags, serverChallenge, targetName, targetInfo, version }: ChallengeMessage): void => {
    same('flags', flags, expected.number('flags'));
    same('server challenge', serverChallenge, expected.hex('server_challenge'));
    compareText('target_name', targetName, expected);
    same('target info', targetInfo ?? null, expected.isNull('target_info') ? null : undefined);
    same('version', version ?? null, expected.isNull('version') ? null : undefined);
  };
  compare(message);
  compare(decodeChallenge(encodeChallenge(message)));
});

const singleHost = handlerFor('type', 'SINGLE_HOST', (fields) => {
  const { size, z4, customData, machineId } = decodeSingleHost(fields.hex('hex'));
  const expected = fields.object('fields');
  same('size', size, expected.number('size'));
  same('Z4', z4, expected.number('z4'));
  same('custom data', customData, expected.hex('custom_data'));
  same('machine id', machineId, expected.hex('machine_id'));
});

const version = handlerFor('type', 'VERSION', (fields) => {
  const octets = fields.hex('hex');
  const decoded = decodeVersion(octets);
  const expected = fields.object('fields');
  same('major', decoded.major, expected.number('major'));
  same('minor', decoded.minor, expected.number('minor'));
  same('build', decoded.build, expected.number('build'));
  same('revision', decoded.revision, expected.number('revision'));
  const encoded = encodeVersion(decoded);
  same('reserved', encoded.subarray(4, 7), expected.hex('reserved'));
  same('encoded again', encoded, octets);
});

const fileTime = handlerFor('type', 'FILETIME', (fields) => {
  const octets = fields.hex('hex');
  const ticks = new DataView(octets.buffer, octets.byteOffset).getBigUint64(0, true);
  const milliseconds = Date.parse(fields.text('iso'));
  same('milliseconds', fromFileTime(ticks), milliseconds);
  same('ticks', toFileTime(milliseconds), ticks);
});

const clientChallenge = handlerFor('type', 'NTLMv2_CLIENT_CHALLENGE', (fields) => {
  const octets = fields.hex('hex');
  const decoded = decodeClientChallenge(octets);
  const expected = fields.object('fields');
  same('timestamp', decoded.timestamp, expected.hex('timestamp'));
  same('client challenge', decoded.clientChallenge, expected.hex('client_challenge'));
  same('AV_PAIRs', withEnd(decoded.avPairs), expected.list('pairs'));
  // Ours has four zero octets more at its end, as [MS-NLMP] 3.3.2 wants them.
  same('encoded again', encodeClientChallenge(decoded).subarray(0, octets.length), octets);
});

/** Pairs as the cases write them: id and hexadecimal value, the MsvAvEOL among them. */
export function withEnd(pairs: readonly AvPair[]): readonly (readonly [number, string])[] {
  return [...withoutEnd(pairs), [AV_ID.EOL, '']];
}

/** The same without the MsvAvEOL. */
export function withoutEnd(pairs: readonly AvPair[]): readonly (readonly [number, string])[] {
  return pairs.map(({ id, value }) => [id, Buffer.from(value).toString('hex')]);
}

const decoders = [decodeNegotiate, decodeChallenge, decodeAuthenticate] as const;

/** Malformed messages: each goes to the decoder of the type that it says it is, or to the first one. */
const invalid: CaseHandler = {
  kind: 'INVALID NTLM message',
  applies: (value) => value['type'] === 'INVALID' && typeof value['expect'] === 'string',
  check(fields) {
    const octets = fields.hex('hex');
    const decode = decoders[(octets[8] ?? 0) - 1] ?? decodeNegotiate;
    const error = refused(() => decode(octets));
    const status = error instanceof SspiError ? statusName(error.status) : error.message;
    if (!fields.text('expect').startsWith(status)) throw new Mismatch(`${status}: ${error.message}`);
    return `refused: ${error.message}`;
  },
};

export const ntlmMessages: readonly CaseHandler[] = [
  negotiate,
  challenge,
  singleHost,
  version,
  fileTime,
  clientChallenge,
  invalid,
];
