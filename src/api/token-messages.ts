/**
 * Messages with tokens: NTLM, Negotiate. The token travels beside the data, in a TOKEN buffer, or in front of it, in a STREAM
 * buffer.
 * @see https://learn.microsoft.com/windows/win32/secauthn/encryptmessage--ntlm
 * @module
 */
import { concat } from '../crypto/index.ts';
import {
  bufferType,
  SECBUFFER,
  SECBUFFER_MODIFIER,
  type SecBuffer,
  SspiError,
  type TokenProtection,
} from '../sspi/index.ts';
import {
  type Buffers,
  bufferOf,
  fillBuffer,
  octetsOf,
  requireBuffer,
  requireCapacity,
  requireWritable,
  rewriteBuffer,
  writableOctetsOf,
} from './buffers.ts';

const ENCRYPT = 'EncryptMessage';
const DECRYPT = 'DecryptMessage';
const SIGN = 'MakeSignature';
const VERIFY = 'VerifySignature';

/** Encrypts the DATA buffers in place, and fills TOKEN with what goes with them. */
export function sealMessage(protection: TokenProtection, buffers: Buffers): void {
  const token = requireBuffer(buffers, SECBUFFER.TOKEN, ENCRYPT);
  const padding = bufferOf(buffers, SECBUFFER.PADDING);
  requireWritable(token);
  if (padding !== undefined) requireWritable(padding);
  const parts = writableData(buffers, ENCRYPT);
  requireCapacity(token, protection.sizes.securityTrailer, ENCRYPT);

  fillBuffer(
    token,
    inOnePiece(parts, (data) => protection.seal(data)),
    ENCRYPT,
  );
  if (padding !== undefined) padding.count = 0; // these mechanisms do not pad
}

/** Decrypts in place: TOKEN and DATA, or a whole token in STREAM, from which DATA then shows the plaintext. */
export function unsealMessage(protection: TokenProtection, buffers: Buffers): void {
  const stream = bufferOf(buffers, SECBUFFER.STREAM);
  if (stream !== undefined) {
    unwrapStream(protection, stream, requireBuffer(buffers, SECBUFFER.DATA, DECRYPT));
  } else {
    const token = octetsOf(requireBuffer(buffers, SECBUFFER.TOKEN, DECRYPT));
    inOnePiece(writableData(buffers, DECRYPT), (data) => protection.unseal(token, data));
  }
}

function unwrapStream(protection: TokenProtection, stream: SecBuffer, data: SecBuffer): void {
  const token = writableOctetsOf(stream);
  requireWritable(data);
  const plaintext = protection.unwrap(token);
  const start = token.length - plaintext.length;
  if (start < 0) throw new SspiError('INTERNAL_ERROR', { stage: DECRYPT, detail: 'more plaintext than token' });
  token.set(plaintext, start);
  rewriteBuffer(data, SECBUFFER.DATA, token.subarray(start));
}

/** Fills TOKEN with a signature over the DATA buffers. */
export function signMessage(protection: TokenProtection, buffers: Buffers): void {
  const token = requireBuffer(buffers, SECBUFFER.TOKEN, SIGN);
  requireWritable(token);
  const message = signedData(buffers, SIGN);
  requireCapacity(token, protection.sizes.maxSignature, SIGN);
  fillBuffer(token, protection.sign(message), SIGN);
}

/** Checks the signature in TOKEN over the DATA buffers. */
export function verifyMessage(protection: TokenProtection, buffers: Buffers): void {
  const token = octetsOf(requireBuffer(buffers, SECBUFFER.TOKEN, VERIFY));
  protection.verify(signedData(buffers, VERIFY), token);
}

/**
 * The DATA buffers that are encrypted. READONLY_WITH_CHECKSUM asks for data that is signed and stays in the clear, which the
 * mechanisms here do not offer; to leave it out of the signature would be worse than to say so.
 */
function writableData(buffers: Buffers, stage: string): readonly Uint8Array[] {
  const data = dataBuffers(buffers, stage);
  if (data.some((buffer) => (buffer.type & SECBUFFER_MODIFIER.READONLY_WITH_CHECKSUM) !== 0))
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage, detail: 'SECBUFFER_READONLY_WITH_CHECKSUM' });
  return data.map(writableOctetsOf);
}

/** The DATA buffers that are signed: READONLY means "no checksum", READONLY_WITH_CHECKSUM the opposite (contract T3). */
function signedData(buffers: Buffers, stage: string): Uint8Array {
  const signed = dataBuffers(buffers, stage).filter((buffer) => (buffer.type & SECBUFFER_MODIFIER.READONLY) === 0);
  const [first, ...rest] = signed.map(octetsOf);
  if (first === undefined) throw new SspiError('MISSING_BUFFER', { stage, detail: 'SECBUFFER_DATA that is signed' });
  return rest.length === 0 ? first : concat(first, ...rest);
}

function dataBuffers(buffers: Buffers, stage: string): Buffers {
  const data = buffers.filter((buffer) => bufferType(buffer) === SECBUFFER.DATA);
  if (data.length === 0) throw new SspiError('MISSING_BUFFER', { stage, detail: 'SECBUFFER_DATA' });
  return data;
}

/** Mechanisms work on one piece of data, in place. Several are joined for that, and their octets go back where they were. */
function inOnePiece<T>(parts: readonly Uint8Array[], run: (data: Uint8Array) => T): T {
  const [only, ...rest] = parts;
  if (only !== undefined && rest.length === 0) return run(only);
  const whole = concat(...parts);
  try {
    return run(whole);
  } finally {
    let at = 0;
    for (const part of parts) {
      part.set(whole.subarray(at, at + part.length));
      at += part.length;
    }
    whole.fill(0);
  }
}
