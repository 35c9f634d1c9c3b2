/**
 * The outermost layer of TLS: records (RFC 8446 5.1, RFC 5246 6.2.1). Cutting the input into whole records before TLS sees it
 * is what gives MISSING and EXTRA, and what keeps the state unchanged when the input is short (contract R34, R35).
 * @module
 */
import { type Frame, SspiError } from '../sspi/index.ts';

/** What a record carries, by its first octet. */
export const CONTENT_TYPE = {
  CHANGE_CIPHER_SPEC: 20,
  ALERT: 21,
  HANDSHAKE: 22,
  APPLICATION_DATA: 23,
  HEARTBEAT: 24,
} as const;

/** Octets in front of each record: type, version, length. */
export const RECORD_HEADER = 5;

/** The most plaintext that one record carries. */
export const MAXIMUM_PLAINTEXT = 16_384;

/** RFC 5246 6.2.3: ciphertext may be this much longer than plaintext; TLS 1.3 allows less. */
const MAXIMUM_EXPANSION = 2_048;

/**
 * Finds the whole records at the start of an input, and looks at the first header as soon as there is an octet of it: what is
 * not TLS is refused at once, instead of waiting for as many octets as the nonsense announces.
 * @param input - octets from the peer
 * @returns `whole`, the length of all whole records; or `missing`, how many octets the first record lacks (contract R35)
 * @throws SspiError NOT_TLS, MALFORMED_TOKEN
 * @example
 * frameRecords(Uint8Array.of(0x16, 0x03, 0x03, 0x00, 0x04)); // { missing: 4 }
 */
export function frameRecords(input: Uint8Array): Frame {
  const first = frameFirstRecord(input);
  if ('missing' in first) return first;
  let end = first.whole;
  for (;;) {
    // Nonsense behind a good record is for the call that reaches it: it may not be ours to read at all.
    if (faultOfHeader(input, end) !== undefined) break;
    const length = recordLength(input, end);
    if (length === undefined || end + length > input.length) break;
    end += length;
  }
  return { whole: end };
}

/** The first record alone: what DecryptMessage opens (contract M7). @throws SspiError as {@link frameRecords} */
export function frameFirstRecord(input: Uint8Array): Frame {
  const fault = faultOfHeader(input, 0);
  if (fault !== undefined) throw fault;
  const length = recordLength(input, 0);
  if (length !== undefined && length <= input.length) return { whole: length };
  return { missing: (length ?? RECORD_HEADER) - input.length };
}

/** The length of the first record, when all of it is there. What else may be there is for the call that begins with it. */
export function wholeRecord(input: Uint8Array): number | undefined {
  if (faultOfHeader(input, 0) !== undefined) return undefined;
  const length = recordLength(input, 0);
  return length === undefined || length > input.length ? undefined : length;
}

/** The records of an input that {@link frameRecords} found to be whole, one after the other, as views. */
export function* eachRecord(whole: Uint8Array): Generator<Uint8Array, void, undefined> {
  for (let at = 0; at < whole.length; ) {
    const length = recordLength(whole, at);
    if (length === undefined || at + length > whole.length) throw notWhole(whole.length - at);
    yield whole.subarray(at, at + length);
    at += length;
  }
}

/** The length of the record at `at`, header included; undefined when its header is not all there. */
function recordLength(input: Uint8Array, at: number): number | undefined {
  const high = input[at + 3];
  const low = input[at + 4];
  return high === undefined || low === undefined ? undefined : RECORD_HEADER + (high << 8) + low;
}

/** What is wrong with as much of a header as there is. */
function faultOfHeader(input: Uint8Array, at: number): SspiError | undefined {
  const type = input[at];
  const major = input[at + 1];
  const minor = input[at + 2];
  if (type !== undefined && (type < CONTENT_TYPE.CHANGE_CIPHER_SPEC || type > CONTENT_TYPE.HEARTBEAT))
    return new SspiError('NOT_TLS', { stage: 'TLS record', detail: `content type ${type}` });
  if (major !== undefined && (major !== 3 || (minor ?? 0) > 4))
    return new SspiError('NOT_TLS', { stage: 'TLS record', detail: `version ${major}.${minor ?? '?'}` });
  const length = recordLength(input, at);
  if (length !== undefined && length > RECORD_HEADER + MAXIMUM_PLAINTEXT + MAXIMUM_EXPANSION)
    return new SspiError('MALFORMED_TOKEN', {
      stage: 'TLS record',
      detail: `announces ${length - RECORD_HEADER} octets`,
    });
  return undefined;
}

function notWhole(length: number): SspiError {
  return new SspiError('MALFORMED_TOKEN', { stage: 'TLS record', detail: `${length} octets that are no whole record` });
}
