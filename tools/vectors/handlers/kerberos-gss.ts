/**
 * Per-message tokens of Kerberos, and the checksum field that carries the flags of GSS-API.
 * @module
 */
import { concat, toHex } from '../../../src/crypto/index.ts';
import { KEY_USAGE } from '../../../src/kerberos/encryption/index.ts';
import {
  decodeAuthenticatorChecksum,
  encodeAuthenticatorChecksum,
  type KerberosProtection,
  protectionOf,
} from '../../../src/kerberos/gss/index.ts';
import { type CaseReader, same } from '../case.ts';
import type { CaseHandler } from '../runner.ts';
import { keyIn } from './kerberos-crypto.ts';

const ofKind = (kind: string, check: CaseHandler['check']): CaseHandler => ({
  kind,
  applies: (value) => value['kind'] === kind,
  check,
});

/** Both ends, with the numbers and the confounder of the case. */
function ends(fields: CaseReader, sequence: number): { sender: KerberosProtection; receiver: KerberosProtection } {
  const byAcceptor = fields.boolean('sent_by_acceptor');
  const confounder = fields.optionalHex('confounder') ?? new Uint8Array(0);
  const end = (acceptor: boolean): KerberosProtection =>
    protectionOf({
      key: keyIn(fields),
      role: acceptor ? 'acceptor' : 'initiator',
      acceptorSubkey: false,
      sendSequence: sequence,
      receiveSequence: sequence,
      sequence: 'strict',
      confidentiality: true,
      integrity: true,
      random: { bytes: () => confounder },
      maxToken: 48_000,
    });
  return { sender: end(byAcceptor), receiver: end(!byAcceptor) };
}

const sequenceIn = (token: Uint8Array): number => new DataView(token.buffer, token.byteOffset).getUint32(12);

const sealed = ofKind('CFX wrap (sealed)', (fields) => {
  const token = fields.hex('token');
  const { sender, receiver } = ends(fields, fields.number('seq'));
  const plaintext = fields.hex('plaintext');
  same('plaintext', receiver.unwrap(token), plaintext);
  const acceptor = fields.boolean('sent_by_acceptor');
  same('key usage', fields.number('key_usage'), acceptor ? KEY_USAGE.GSS_ACCEPTOR_SEAL : KEY_USAGE.GSS_INITIATOR_SEAL);
  const made = sender.wrap(plaintext);
  // We send the layout of Windows only: with RRC 28 the token is the same, with RRC 0 the same before the rotation.
  same('token', token[7] === 28 ? made : turnedBack(made), token);
});

/** The token with RRC 0. */
function turnedBack(token: Uint8Array): Uint8Array {
  const plain = concat(token.subarray(0, 16), token.subarray(44), token.subarray(16, 44));
  plain[7] = 0;
  return plain;
}

const signed = ofKind('CFX wrap (integrity only)', (fields) => {
  const token = fields.hex('token');
  const { sender, receiver } = ends(fields, sequenceIn(token));
  const payload = fields.hex('payload');
  const acceptor = fields.boolean('sent_by_acceptor');
  same('key usage', fields.number('key_usage'), acceptor ? KEY_USAGE.GSS_ACCEPTOR_SEAL : KEY_USAGE.GSS_INITIATOR_SEAL);
  same('payload', receiver.unwrapAny(token).message, payload);
  same('token', sender.wrapSigned(payload), token);
});

const mic = ofKind('CFX MIC', (fields) => {
  const token = fields.hex('token');
  const { sender, receiver } = ends(fields, sequenceIn(token));
  const payload = fields.hex('payload');
  const acceptor = fields.boolean('sent_by_acceptor');
  same('key usage', fields.number('key_usage'), acceptor ? KEY_USAGE.GSS_ACCEPTOR_SIGN : KEY_USAGE.GSS_INITIATOR_SIGN);
  receiver.verify(payload, token);
  same('token', sender.sign(payload), token);
});

const rc4 = ofKind('RC4 wrap (RFC 4757 7.3)', (fields) => {
  const { sender, receiver } = ends(fields, Number.parseInt(toHex(fields.hex('seq_be')), 16));
  const [signature, data, plaintext] = [fields.hex('signature'), fields.hex('data'), fields.hex('plaintext')];
  same('plaintext', receiver.unwrap(concat(signature, data)), plaintext);
  const padded = concat(plaintext, fields.hex('padding'));
  same('signature', sender.seal(padded), signature);
  same('data', padded, data);
});

const checksum = ofKind('GSS checksum 0x8003', (fields) => {
  const octets = fields.hex('hex');
  const { flags, bindings, delegation } = decodeAuthenticatorChecksum(octets);
  same('length', fields.number('lgth'), 16);
  same('bindings', bindings ?? new Uint8Array(16), fields.hex('bnd'));
  same('flags', flags, fields.number('flags'));
  same('encoded again', encodeAuthenticatorChecksum({ flags, bindings, delegation }), octets);
});

export const kerberosGss: readonly CaseHandler[] = [sealed, signed, mic, rc4, checksum];
