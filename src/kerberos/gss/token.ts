/**
 * The frame around Kerberos messages in GSS-API, RFC 4121 4.1 (contract K1).
 * @module
 */
import { decode, encode, objectIdentifier, type Schema } from '../../der/index.ts';
import { SspiError } from '../../sspi/index.ts';

/** Mechanisms whose tokens carry Kerberos messages. */
export const GSS_MECHANISM = {
  KERBEROS: '1.2.840.113554.1.2.2',
  /** The same with an arc that went wrong in Windows 2000, and which all Windows versions still prefer. */
  MICROSOFT_KERBEROS: '1.2.840.48018.1.2.2',
  USER_TO_USER: '1.2.840.113554.1.2.2.3',
  IAKERB: '1.3.6.1.5.2.5',
} as const;

/** TOK_ID of the tokens that make a context. */
export const TOKEN_ID = {
  AP_REQ: 0x0100,
  AP_REP: 0x0200,
  KRB_ERROR: 0x0300,
  TGT_REQ: 0x0400,
  TGT_REP: 0x0401,
} as const;

/** A message and what it says it is. */
export interface GssToken {
  /** Undefined for a message without frame, as DCE style and some clients have it. */
  readonly mechanism: string | undefined;
  readonly tokenId: number;
  /** A view of the token. */
  readonly message: Uint8Array;
}

/** `[APPLICATION 0] IMPLICIT` of RFC 2743 3.1: an object identifier, and behind it whatever the mechanism wants, here in parts. */
const InitialContextToken: Schema<{ readonly mechanism: string; readonly inner: readonly Uint8Array[] }> = {
  name: 'InitialContextToken',
  tags: [0x60],
  accepts: (tag) => tag === 0x60,
  readContents: (reader) => ({ mechanism: reader.read(objectIdentifier), inner: [reader.takeContents()] }),
  write(writer, { mechanism, inner }) {
    const before = writer.size;
    for (let at = inner.length - 1; at >= 0; at--) writer.put(inner[at] ?? EMPTY);
    objectIdentifier.write(writer, mechanism);
    writer.header(0x60, before);
  },
};

const EMPTY = new Uint8Array(0);

/** The identifier octets by which messages without frame are known. */
const TOKEN_ID_OF_TAG = new Map<number, number>([
  [0x6e, TOKEN_ID.AP_REQ],
  [0x6f, TOKEN_ID.AP_REP],
  [0x7e, TOKEN_ID.KRB_ERROR],
]);

/** Puts a message into its frame. */
export function encodeGssToken(mechanism: string, tokenId: number, message: Uint8Array): Uint8Array {
  return encode(InitialContextToken, { mechanism, inner: [Uint8Array.of(tokenId >>> 8, tokenId & 0xff), message] });
}

/**
 * Takes a message out of its frame, or knows it without one.
 * @throws SspiError MALFORMED_TOKEN; DerError
 */
export function decodeGssToken(token: Uint8Array): GssToken {
  const bare = TOKEN_ID_OF_TAG.get(token[0] ?? 0);
  if (bare !== undefined) return { mechanism: undefined, tokenId: bare, message: token };
  const { mechanism, inner: parts } = decode(InitialContextToken, token);
  const [inner = EMPTY] = parts;
  const [high, low] = inner;
  if (high === undefined || low === undefined)
    throw new SspiError('MALFORMED_TOKEN', { stage: 'Kerberos GSS token', detail: 'no token identifier' });
  return { mechanism, tokenId: (high << 8) | low, message: inner.subarray(2) };
}

/** Whether a mechanism's messages are those of this room. */
export function isKerberosMechanism(mechanism: string): boolean {
  return MECHANISMS.includes(mechanism);
}

const MECHANISMS: readonly string[] = [
  GSS_MECHANISM.KERBEROS,
  GSS_MECHANISM.MICROSOFT_KERBEROS,
  GSS_MECHANISM.USER_TO_USER,
];
