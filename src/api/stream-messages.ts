/**
 * Messages of a stream: TLS records in the caller's buffers, with the split that Schannel gives them (contract M1, M2, M6-M10).
 * @module
 */
import {
  bufferType,
  type DecryptedRecord,
  SEC_E,
  SEC_I,
  SECBUFFER,
  type SecBuffer,
  type SecurityStatus,
  SspiError,
  type StreamProtection,
} from '../sspi/index.ts';
import {
  type Buffers,
  capacityOf,
  fillBuffer,
  reportCount,
  requireBuffer,
  requireCapacity,
  requireWritable,
  rewriteBuffer,
  writableOctetsOf,
} from './buffers.ts';
import type { ContextEntry } from './entries.ts';
import { assertAlive, breakStream } from './message-call.ts';

const ENCRYPT = 'EncryptMessage';
const DECRYPT = 'DecryptMessage';

/**
 * Encrypts DATA in place, into one record that is spread over STREAM_HEADER, DATA and STREAM_TRAILER. An answer that TLS owes the
 * peer goes in front of it; the three buffers together are the stream all the same.
 */
export async function encryptRecord(
  entry: ContextEntry,
  protection: StreamProtection,
  buffers: Buffers,
): Promise<void> {
  const { header, trailer, maximumMessage } = protection.streamSizes;
  const headerBuffer = requireBuffer(buffers, SECBUFFER.STREAM_HEADER, ENCRYPT);
  const trailerBuffer = requireBuffer(buffers, SECBUFFER.STREAM_TRAILER, ENCRYPT);
  const data = writableOctetsOf(onlyData(buffers, ENCRYPT));
  if (data.length > maximumMessage)
    throw new SspiError('INVALID_BUFFER', {
      stage: ENCRYPT,
      detail: `${data.length} octets, at most ${maximumMessage}`,
    });
  requireWritable(headerBuffer);
  requireWritable(trailerBuffer);
  requireCapacity(headerBuffer, header, ENCRYPT);
  // Callers who use their buffers again bring the count of the last record, which has mostly been one without an answer.
  if (capacityOf(trailerBuffer) < (protection.leastTrailer ?? trailer))
    requireCapacity(trailerBuffer, trailer, ENCRYPT);

  const record = await protection.encrypt(data);
  assertAlive(entry);
  const trailerStart = header + data.length;
  // What is sealed cannot be sealed again, nor can the next record go out without it: a stream without room for it has ended.
  if (record.length - trailerStart > capacityOf(trailerBuffer)) throw breakOff(entry, record.length - trailerStart);
  fillBuffer(headerBuffer, record.subarray(0, header), ENCRYPT);
  data.set(record.subarray(header, trailerStart));
  fillBuffer(trailerBuffer, record.subarray(trailerStart), ENCRYPT);
}

function breakOff(entry: ContextEntry, surplus: number): SspiError {
  entry.broken = new SspiError('CONTEXT_EXPIRED', {
    stage: ENCRYPT,
    detail: `the peer wanted a handshake; with the answer to it ${surplus} octets would go into the trailer`,
  });
  return entry.broken;
}

/** Two DATA buffers would leave the second one in the clear. */
function onlyData(buffers: Buffers, stage: string): SecBuffer {
  const data = requireBuffer(buffers, SECBUFFER.DATA, stage);
  if (buffers.filter((buffer) => bufferType(buffer) === SECBUFFER.DATA).length > 1)
    throw new SspiError('INVALID_BUFFER', { stage, detail: 'more than one SECBUFFER_DATA' });
  return data;
}

/**
 * Opens the first record in DATA. The plaintext ends up inside the same octets; DATA and the three EMPTY buffers, in the order
 * in which they stand, become STREAM_HEADER, DATA, STREAM_TRAILER and EXTRA.
 */
export async function decryptRecord(
  entry: ContextEntry,
  protection: StreamProtection,
  buffers: Buffers,
): Promise<SecurityStatus> {
  const input = writableOctetsOf(onlyData(buffers, DECRYPT));
  const slots = buffers.filter((buffer) =>
    [SECBUFFER.DATA, SECBUFFER.EMPTY].some((type) => type === bufferType(buffer)),
  );
  if (slots.length < 4)
    throw new SspiError('MISSING_BUFFER', { stage: DECRYPT, detail: 'one SECBUFFER_DATA and three SECBUFFER_EMPTY' });

  let record: DecryptedRecord;
  try {
    record = await protection.decrypt(input);
  } catch (thrown) {
    breakStream(entry, thrown);
    throw thrown;
  }
  assertAlive(entry);
  switch (record.kind) {
    case 'incomplete':
      reportCount(buffers, SECBUFFER.MISSING, record.missing);
      return SEC_E.INCOMPLETE_MESSAGE;
    case 'closed':
      split(slots, input, record.consumed, 0, 0);
      return SEC_I.CONTEXT_EXPIRED;
    case 'data': {
      const start = place(record.plaintext, input, record.consumed, protection.streamSizes.header);
      split(slots, input, record.consumed, start, record.plaintext.length);
      return SEC_E.OK;
    }
    default:
      return record satisfies never;
  }
}

/** Puts the plaintext where its ciphertext was, unless it is there already. @returns where it starts */
function place(plaintext: Uint8Array, input: Uint8Array, consumed: number, header: number): number {
  if (plaintext.buffer === input.buffer) {
    const start = plaintext.byteOffset - input.byteOffset;
    if (start >= 0 && start + plaintext.length <= consumed) return start;
  }
  // Records that were swallowed before this one (session tickets) make `consumed` longer, never shorter.
  const start = Math.min(header, consumed - plaintext.length);
  if (start < 0) throw new SspiError('INTERNAL_ERROR', { stage: DECRYPT, detail: 'more plaintext than record' });
  input.set(plaintext, start);
  return start;
}

/** Rewrites the four buffers to be the parts of the input (contract M6). */
function split(slots: Buffers, input: Uint8Array, consumed: number, start: number, length: number): void {
  const [header, data, trailer, rest] = slots;
  const extra = input.subarray(consumed);
  if (header !== undefined) rewriteBuffer(header, SECBUFFER.STREAM_HEADER, input.subarray(0, start));
  if (data !== undefined) rewriteBuffer(data, SECBUFFER.DATA, input.subarray(start, start + length));
  if (trailer !== undefined) rewriteBuffer(trailer, SECBUFFER.STREAM_TRAILER, input.subarray(start + length, consumed));
  if (rest !== undefined && extra.length > 0) rewriteBuffer(rest, SECBUFFER.EXTRA, extra);
}
