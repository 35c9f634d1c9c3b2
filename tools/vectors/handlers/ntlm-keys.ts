/**
 * NTLM one-way functions, key derivation, and messages sealed and signed in a row.
 * @module
 */
import { encodeUtf16 } from '../../../src/crypto/index.ts';
import { NEGOTIATE } from '../../../src/ntlm/flags.ts';
import { type Side, sealKey, signKey } from '../../../src/ntlm/keys.ts';
import { NtlmMessageSecurity, signatureWithoutIntegrity } from '../../../src/ntlm/message-security.ts';
import { lmowfV1, ntowfV1, ntowfV2 } from '../../../src/ntlm/one-way-functions.ts';
import { type CaseReader, Mismatch, same } from '../case.ts';
import type { CaseHandler } from '../runner.ts';
import { littleEndian32 } from './primitives.ts';

/** Which side's messages a key or a sequence is for. */
export function sideOf(fields: CaseReader): Side {
  const side = fields.text('side');
  if (side === 'client' || side === 'server') return side;
  throw new Mismatch(`no such side: ${side}`);
}

const other = (side: Side): Side => (side === 'client' ? 'server' : 'client');

const operations: Readonly<Record<string, (fields: CaseReader) => Uint8Array>> = {
  ntowfv1: (fields) => ntowfV1(encodeUtf16(fields.text('password'))),
  ntowfv1_raw_utf16: (fields) => ntowfV1(fields.hex('password_utf16le')),
  lmowfv1: (fields) => lmowfV1(fields.text('password')),
  ntowfv2: (fields) =>
    ntowfV2(ntowfV1(encodeUtf16(fields.text('password'))), fields.text('user'), fields.text('domain')),
  ntowfv2_from_hash: (fields) => ntowfV2(fields.hex('nt_hash'), fields.text('user'), fields.text('domain')),
  sealkey(fields) {
    const flags = fields.number('flags');
    if (fields.has('strength')) same('strength', strengthOf(flags), fields.text('strength'));
    return sealKey(flags, fields.hex('session_key'), sideOf(fields));
  },
  signkey: (fields) => signKey(fields.number('flags'), fields.hex('session_key'), sideOf(fields)),
};

function strengthOf(flags: number): string {
  if ((flags & NEGOTIATE.KEY_128) !== 0) return '128';
  return (flags & NEGOTIATE.KEY_56) !== 0 ? '56' : '40';
}

const oneWayFunctions: CaseHandler = {
  kind: 'NTLM one-way function or key',
  applies: (value) => typeof value['op'] === 'string' && Object.hasOwn(operations, value['op']),
  check(fields) {
    same('output', operations[fields.text('op')]?.(fields), fields.hex('output'));
  },
};

/**
 * ALWAYS_SIGN alone: the signature is a constant and proves nothing. We know it, and refuse to make or to take it as a
 * protection (fault Z11).
 */
const alwaysSign: CaseHandler = {
  kind: 'signature_always_sign_only',
  applies: (value) => value['op'] === 'signature_always_sign_only',
  check(fields) {
    same('flags', fields.number('flags'), NEGOTIATE.ALWAYS_SIGN);
    const security = new NtlmMessageSecurity({
      flags: NEGOTIATE.ALWAYS_SIGN,
      exportedSessionKey: new Uint8Array(16),
      side: 'client',
    });
    same('integrity', security.integrity, false);
    same('message', fields.hex('message').length > 0, true);
    same('output', signatureWithoutIntegrity(), fields.hex('output'));
    return 'pinned: recognised; never accepted as integrity';
  },
};

const sequences: CaseHandler = {
  kind: 'NTLM seal sequence',
  applies: (value) => Array.isArray(value['seal_sequence']),
  check(fields) {
    const options = { flags: fields.number('flags'), exportedSessionKey: fields.hex('session_key') };
    const side = sideOf(fields);
    const sender = new NtlmMessageSecurity({ ...options, side });
    const receiver = new NtlmMessageSecurity({ ...options, side: other(side) });
    for (const [index, message] of fields.objects('seal_sequence').entries()) {
      const plaintext = message.hex('plaintext');
      const data = plaintext.slice();
      const signature = sender.seal(data);
      same(`seal ${index}: sealed`, data, message.hex('sealed'));
      same(`seal ${index}: signature`, signature, message.hex('signature'));
      same(`seal ${index}: number`, signature.subarray(12), littleEndian32(message.number('seq')));
      receiver.unseal(signature, data);
      same(`seal ${index}: unsealed`, data, plaintext);
    }
    const signer = new NtlmMessageSecurity({ ...options, side });
    const verifier = new NtlmMessageSecurity({ ...options, side: other(side) });
    for (const [index, signed] of fields.objects('sign_only_sequence').entries()) {
      const message = signed.hex('message');
      const signature = signer.sign(message);
      same(`sign ${index}: signature`, signature, signed.hex('signature'));
      same(`sign ${index}: number`, signature.subarray(12), littleEndian32(signed.number('seq')));
      verifier.verify(message, signature);
    }
  },
};

export const ntlmKeys: readonly CaseHandler[] = [oneWayFunctions, alwaysSign, sequences];
