/**
 * What all kinds of input come down to: messages, each with its conversation and, when the input says so, its sender.
 * @module
 */
import type { Side } from '../observations.ts';
import type { Note } from '../tree.ts';

/** One message, or something that the input tells about a conversation. */
export interface Piece {
  /** Names the conversation; pieces of the same one belong together. */
  readonly conversation: string;
  readonly from: Side | undefined;
  /** The message; empty when the input only tells something. */
  readonly octets: Uint8Array;
  /** What stood around the message, for example `Authorization: Negotiate`. */
  readonly context?: string | undefined;
  /** What the input tells, by name. */
  readonly told?: ReadonlyMap<string, string> | undefined;
  /** SHA-256 of the server's certificate, in hexadecimal, when the input tells it. */
  readonly certificateSha256?: string | undefined;
  /** Status of an HTTP response. */
  readonly httpStatus?: number | undefined;
  /** When it was there, in the order of the input. */
  readonly order: number;
}

/** What was found in an input. */
export interface Found {
  readonly container: Container;
  readonly pieces: readonly Piece[];
  /** About the input as a whole. */
  readonly notes: readonly Note[];
  /** Secrets of TLS that the input brings with it. */
  readonly keyLog?: string | undefined;
}

/** The form of the input. */
export type Container = 'octets' | 'hexadecimal' | 'base64' | 'text' | 'PEM' | 'JSON lines' | 'pcap' | 'pcapng';

/** More messages than this are left out. */
export const MOST_PIECES = 4096;
