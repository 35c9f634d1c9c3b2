/**
 * `SecBuffer` and `SecBufferDesc`: how octets go into and come out of the SSPI functions.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/ns-sspi-secbuffer
 * @module
 */

/** Buffer types (contract T2). */
export const SECBUFFER = {
  EMPTY: 0,
  DATA: 1,
  TOKEN: 2,
  PKG_PARAMS: 3,
  MISSING: 4,
  EXTRA: 5,
  STREAM_TRAILER: 6,
  STREAM_HEADER: 7,
  NEGOTIATION_INFO: 8,
  PADDING: 9,
  STREAM: 10,
  MECHLIST: 11,
  MECHLIST_SIGNATURE: 12,
  TARGET: 13,
  CHANNEL_BINDINGS: 14,
  CHANGE_PASS_RESPONSE: 15,
  TARGET_HOST: 16,
  ALERT: 17,
  APPLICATION_PROTOCOLS: 18,
  SRTP_PROTECTION_PROFILES: 19,
  SRTP_MASTER_KEY_IDENTIFIER: 20,
  TOKEN_BINDING: 21,
  PRESHARED_KEY: 22,
  PRESHARED_KEY_IDENTITY: 23,
  DTLS_MTU: 24,
  SEND_GENERIC_TLS_EXTENSION: 25,
  SUBSCRIBE_GENERIC_TLS_EXTENSION: 26,
  FLAGS: 27,
  TRAFFIC_SECRETS: 28,
  CERTIFICATE_REQUEST_CONTEXT: 29,
} as const;

/** Modifier bits of a buffer type (contract T3). */
export const SECBUFFER_MODIFIER = {
  ATTRMASK: 0xf0000000,
  READONLY: 0x80000000,
  READONLY_WITH_CHECKSUM: 0x10000000,
} as const;

/** `SecBufferDesc.ulVersion` is always this. */
export const SECBUFFER_VERSION = 0;

/**
 * One buffer. The functions rewrite `type`, `count` and `buffer` just as the C functions rewrite the structure.
 *
 * `count` is `cbBuffer`: how many octets of `buffer` count (or, for MISSING and EXTRA, the number reported).
 */
export interface SecBuffer {
  /** `BufferType`: one of {@link SECBUFFER}, perhaps with a {@link SECBUFFER_MODIFIER}. */
  type: number;
  /** `cbBuffer`, in octets. */
  count: number;
  /** `pvBuffer`. */
  buffer: Uint8Array | null;
}

/** A list of buffers. */
export interface SecBufferDesc {
  /** `ulVersion`: {@link SECBUFFER_VERSION}, which is also the default. */
  readonly version?: number;
  readonly buffers: SecBuffer[];
}

/**
 * A buffer over octets you have.
 * @example
 * const input = { buffers: [secBuffer(SECBUFFER.TOKEN, received), secBuffer(SECBUFFER.EMPTY)] };
 */
export function secBuffer(type: number, buffer: Uint8Array | null = null): SecBuffer {
  return { type, count: buffer?.length ?? 0, buffer };
}

/** The type of a buffer without its modifier bits. */
export function bufferType(buffer: SecBuffer): number {
  return buffer.type & 0x0fffffff;
}

/** The first buffer of a type. */
export function findBuffer(desc: SecBufferDesc | null | undefined, type: number): SecBuffer | undefined {
  return desc?.buffers.find((buffer) => bufferType(buffer) === type);
}

/** The octets that count in a buffer: a view, not a copy. */
export function contentOf(buffer: SecBuffer): Uint8Array {
  return buffer.buffer?.subarray(0, buffer.count) ?? new Uint8Array(0);
}
