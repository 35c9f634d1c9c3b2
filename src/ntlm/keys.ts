/**
 * From the session key to the keys of each direction, [MS-NLMP] 3.4.5, and the MIC that ties the three messages together.
 * @module
 */
import { concat, desEcbEncrypt, expandDesKey56, hmacMd5, md4, md5, Rc4 } from '../crypto/index.ts';
import { MIC_AT, MIC_LENGTH } from './authenticate.ts';
import { hasAny, NEGOTIATE } from './flags.ts';

/** Whose messages a key is for. */
export type Side = 'client' | 'server';

const MAGIC = {
  client: { signing: magic('client-to-server signing'), sealing: magic('client-to-server sealing') },
  server: { signing: magic('server-to-client signing'), sealing: magic('server-to-client sealing') },
};

function magic(purpose: string): Uint8Array {
  return new TextEncoder().encode(`session key to ${purpose} key magic constant\0`);
}

/** SIGNKEY. Empty without extended session security: there are no signing keys then. */
export function signKey(flags: number, exportedSessionKey: Uint8Array, side: Side): Uint8Array {
  if (!hasAny(flags, NEGOTIATE.EXTENDED_SESSIONSECURITY)) return new Uint8Array(0);
  return md5(exportedSessionKey, MAGIC[side].signing);
}

/** SEALKEY: 128, 56 or 40 bits of the session key. */
export function sealKey(flags: number, exportedSessionKey: Uint8Array, side: Side): Uint8Array {
  const is56 = hasAny(flags, NEGOTIATE.KEY_56);
  if (hasAny(flags, NEGOTIATE.EXTENDED_SESSIONSECURITY)) {
    const octets = hasAny(flags, NEGOTIATE.KEY_128) ? 16 : is56 ? 7 : 5;
    return md5(exportedSessionKey.subarray(0, octets), MAGIC[side].sealing);
  }
  if (hasAny(flags, NEGOTIATE.LM_KEY | NEGOTIATE.DATAGRAM)) {
    if (is56) return concat(exportedSessionKey.subarray(0, 7), Uint8Array.of(0xa0));
    return concat(exportedSessionKey.subarray(0, 5), Uint8Array.of(0xe5, 0x38, 0xb0));
  }
  return new Uint8Array(exportedSessionKey);
}

/** RC4K: the session key on its way to the server. The same function opens it. */
export function rc4k(key: Uint8Array, data: Uint8Array): Uint8Array {
  const result = new Uint8Array(data);
  const stream = new Rc4(key);
  stream.transform(result);
  stream.dispose();
  return result;
}

const ZERO_MIC = new Uint8Array(MIC_LENGTH);

/**
 * The MIC over the three messages as they were on the wire.
 * @param authenticate - its own MIC counts as zero, whatever is there
 * @param micAt - where that MIC is
 */
export function messageIntegrityCode(
  exportedSessionKey: Uint8Array,
  negotiate: Uint8Array,
  challenge: Uint8Array,
  authenticate: Uint8Array,
  micAt = MIC_AT,
): Uint8Array {
  const before = authenticate.subarray(0, micAt);
  const after = authenticate.subarray(micAt + MIC_LENGTH);
  return hmacMd5(exportedSessionKey, negotiate, challenge, before, ZERO_MIC, after);
}

/** SessionBaseKey of NTLMv1. */
export function sessionBaseKeyV1(ntHash: Uint8Array): Uint8Array {
  return md4(ntHash);
}

/** What KXKEY of NTLMv1 works on. NTLMv2 has no use for it: its KeyExchangeKey is the SessionBaseKey. */
export interface KeyExchangeInput {
  readonly flags: number;
  readonly sessionBaseKey: Uint8Array;
  readonly lmResponse: Uint8Array;
  readonly serverChallenge: Uint8Array;
  /** LMOWFv1; only LM_KEY and REQUEST_NON_NT_SESSION_KEY without extended session security want it. */
  readonly lmHash?: Uint8Array | undefined;
}

/** KXKEY of NTLMv1. */
export function keyExchangeKeyV1(input: KeyExchangeInput): Uint8Array {
  const { flags, sessionBaseKey, lmResponse, serverChallenge, lmHash } = input;
  const lm8 = lmResponse.subarray(0, 8);
  if (hasAny(flags, NEGOTIATE.EXTENDED_SESSIONSECURITY)) return hmacMd5(sessionBaseKey, serverChallenge, lm8);
  if (lmHash !== undefined && hasAny(flags, NEGOTIATE.LM_KEY)) {
    const tail = concat(lmHash.subarray(7, 8), new Uint8Array(6).fill(0xbd));
    return concat(desEcbEncrypt(expandDesKey56(lmHash.subarray(0, 7)), lm8), desEcbEncrypt(expandDesKey56(tail), lm8));
  }
  if (lmHash !== undefined && hasAny(flags, NEGOTIATE.REQUEST_NON_NT_SESSION_KEY))
    return concat(lmHash.subarray(0, 8), new Uint8Array(8));
  return new Uint8Array(sessionBaseKey);
}
