/**
 * Reading and rewriting the caller's buffers. Descriptors are checked once, before anything happens; what is behind `count` or
 * in a READONLY buffer is never touched.
 * @module
 */
import {
  bufferType,
  contentOf,
  SECBUFFER,
  SECBUFFER_MODIFIER,
  SECBUFFER_VERSION,
  type SecBuffer,
  SspiError,
} from '../sspi/index.ts';

/** The buffers of a descriptor that was checked. */
export type Buffers = readonly SecBuffer[];

const NONE: Buffers = [];

/**
 * The buffers of a descriptor; none when there is no descriptor.
 * @throws SspiError INVALID_BUFFER (contract R33)
 */
export function readDescriptor(descriptor: unknown, name: string): Buffers {
  if (descriptor === undefined || descriptor === null) return NONE;
  if (typeof descriptor !== 'object') throw invalid(name, 'it is not a descriptor');
  const { version, buffers }: { version?: unknown; buffers?: unknown } = descriptor;
  if (version !== undefined && version !== SECBUFFER_VERSION) throw invalid(name, 'ulVersion is not 0');
  if (!Array.isArray(buffers)) throw invalid(name, 'there is no list of buffers');
  return buffers.map((buffer: unknown) => {
    if (!isSecBuffer(buffer)) throw invalid(name, 'one of the buffers is malformed');
    return buffer;
  });
}

function isSecBuffer(value: unknown): value is SecBuffer {
  if (typeof value !== 'object' || value === null) return false;
  const { type, count, buffer }: { type?: unknown; count?: unknown; buffer?: unknown } = value;
  return (
    Number.isInteger(type) &&
    typeof count === 'number' &&
    Number.isInteger(count) &&
    count >= 0 &&
    (buffer === null || buffer instanceof Uint8Array)
  );
}

/** The first buffer of a type. */
export function bufferOf(buffers: Buffers, type: number): SecBuffer | undefined {
  return buffers.find((buffer) => bufferType(buffer) === type);
}

/** The first buffer of a type. @throws SspiError MISSING_BUFFER */
export function requireBuffer(buffers: Buffers, type: number, stage: string): SecBuffer {
  const buffer = bufferOf(buffers, type);
  if (buffer === undefined) throw new SspiError('MISSING_BUFFER', { stage, detail: nameOf(type) });
  return buffer;
}

/** The octets that count, as a view. @throws SspiError INVALID_BUFFER when there are not as many as `count` says */
export function octetsOf(buffer: SecBuffer): Uint8Array {
  if (buffer.count > (buffer.buffer?.length ?? 0))
    throw invalid(nameOf(bufferType(buffer)), 'cbBuffer is more than pvBuffer holds');
  return contentOf(buffer);
}

/** The octets that count, to be written to. @throws SspiError INVALID_BUFFER, also when the buffer is READONLY */
export function writableOctetsOf(buffer: SecBuffer): Uint8Array {
  requireWritable(buffer);
  return octetsOf(buffer);
}

/** @throws SspiError INVALID_BUFFER when the buffer is READONLY, with or without checksum */
export function requireWritable(buffer: SecBuffer): void {
  if ((buffer.type & (SECBUFFER_MODIFIER.READONLY | SECBUFFER_MODIFIER.READONLY_WITH_CHECKSUM)) !== 0)
    throw invalid(nameOf(bufferType(buffer)), 'it is READONLY, and would have to be written to');
}

/** How many octets a buffer that is to be filled has room for. */
export function capacityOf(buffer: SecBuffer): number {
  return Math.min(buffer.count, buffer.buffer?.length ?? 0);
}

/**
 * Copies octets into a buffer with room for them, and sets its count.
 * @throws SspiError BUFFER_TOO_SMALL; `count` then says how many octets are needed (contract R39)
 */
export function fillBuffer(buffer: SecBuffer, octets: Uint8Array, stage: string): void {
  requireCapacity(buffer, octets.length, stage);
  buffer.buffer?.set(octets);
  buffer.count = octets.length;
}

/** @throws SspiError BUFFER_TOO_SMALL; `count` then says how many octets are needed */
export function requireCapacity(buffer: SecBuffer, needed: number, stage: string): void {
  if (needed <= capacityOf(buffer)) return;
  buffer.count = needed;
  throw new SspiError('BUFFER_TOO_SMALL', { stage, detail: `${needed} octets are needed` });
}

/** Rewrites a buffer to be another part of somebody's octets. */
export function rewriteBuffer(buffer: SecBuffer, type: number, octets: Uint8Array | null): void {
  buffer.type = type;
  buffer.count = octets?.length ?? 0;
  buffer.buffer = octets;
}

/**
 * Rewrites the first EMPTY buffer to report a number: SECBUFFER_MISSING or SECBUFFER_EXTRA (contract R34, R35). Without an EMPTY
 * buffer the number cannot be reported, which is allowed (R33).
 */
export function reportCount(buffers: Buffers, type: number, count: number): void {
  const empty = bufferOf(buffers, SECBUFFER.EMPTY);
  if (empty === undefined) return;
  empty.type = type;
  empty.count = count;
  empty.buffer = null;
}

function nameOf(type: number): string {
  const found = Object.entries(SECBUFFER).find(([, value]) => value === type);
  return found === undefined ? `buffer type ${type}` : `SECBUFFER_${found[0]}`;
}

function invalid(stage: string, detail: string): SspiError {
  return new SspiError('INVALID_BUFFER', { stage, detail });
}
