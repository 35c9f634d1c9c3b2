/**
 * What ExportSecurityContext gives: a context's state, sealed with a key of the caller's. AES-256 in CBC mode, then HMAC-SHA-256 over
 * everything, with a key for each (contract L6). Windows leaves the form to the package, and so nobody else can read it.
 * @module
 */
import { aesCbcDecrypt, aesCbcEncrypt, concat, encodeUtf16, equalInConstantTime, hmacSha256 } from '../crypto/index.ts';
import type { Host } from '../host/index.ts';
import { Secret, SspiError } from '../sspi/index.ts';

/** `SSPIctx` and the number of the form. */
const MAGIC = Uint8Array.of(0x53, 0x53, 0x50, 0x49, 0x63, 0x74, 0x78, 1);
const IV = 16;
const TAG = 32;
const BLOCK = 16;
const LEAST_KEY = 32;

const text = new TextEncoder();

/**
 * Seals.
 * @param state - in the clear; it stays the caller's
 * @param packageName - what is sealed for one package cannot be opened for another
 */
export function sealState(state: Uint8Array, key: unknown, packageName: string, { random }: Host): Uint8Array {
  const keys = keysOf(key, packageName);
  const padded = new Uint8Array((Math.floor(state.length / BLOCK) + 1) * BLOCK).fill(BLOCK - (state.length % BLOCK));
  padded.set(state);
  const iv = random.bytes(IV);
  const sealed = concat(MAGIC, iv, aesCbcEncrypt(keys.encryption, iv, padded));
  padded.fill(0);
  return concat(sealed, hmacSha256(keys.integrity, sealed));
}

/**
 * Opens.
 * @returns the state in the clear: whoever asks wipes it
 * @throws SspiError NOT_OWNER with another key, for another package, and when an octet was changed
 */
export function openState(packed: unknown, key: unknown, packageName: string): Uint8Array {
  const keys = keysOf(key, packageName);
  if (!(packed instanceof Uint8Array)) throw new SspiError('INVALID_PARAMETER', { stage: 'pPackedContext' });
  const end = packed.length - TAG;
  const sealed = packed.subarray(0, Math.max(end, 0));
  const length = sealed.length - MAGIC.length - IV;
  const isWhole = length >= BLOCK && length % BLOCK === 0 && MAGIC.every((octet, at) => octet === sealed[at]);
  if (!isWhole || !equalInConstantTime(hmacSha256(keys.integrity, sealed), packed.subarray(end)))
    throw new SspiError('NOT_OWNER', {
      stage: 'pPackedContext',
      detail: 'it was sealed with another key, or for another package, or was changed',
    });
  const iv = sealed.subarray(MAGIC.length, MAGIC.length + IV);
  const padded = aesCbcDecrypt(keys.encryption, iv, sealed.subarray(MAGIC.length + IV));
  return padded.subarray(0, padded.length - (padded[padded.length - 1] ?? 0)); // we made the padding: the tag says so
}

interface Keys {
  readonly encryption: Uint8Array;
  readonly integrity: Uint8Array;
}

/** @throws SspiError INVALID_PARAMETER */
function keysOf(key: unknown, packageName: string): Keys {
  const octets = key instanceof Secret && !key.disposed ? key.reveal() : key;
  if (!(octets instanceof Uint8Array) || octets.length < LEAST_KEY)
    throw new SspiError('INVALID_PARAMETER', { stage: 'key', detail: `at least ${LEAST_KEY} octets are needed` });
  const derive = (purpose: string): Uint8Array =>
    hmacSha256(octets, text.encode(`SSPI packed context ${purpose}\0`), encodeUtf16(packageName));
  return { encryption: derive('encryption'), integrity: derive('integrity') };
}
