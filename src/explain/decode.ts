/**
 * `decode`: octets that somebody captured, as a conversation that somebody can read; with what the keys at hand say about it.
 * @module
 */
import { decode as decodeDer } from '../der/index.ts';
import { SspiError } from '../sspi/index.ts';
import { fromBase64 } from './input/base64.ts';
import { KeyLog } from './input/key-log.ts';
import type { Container, Piece } from './input/piece.ts';
import { readInput } from './input/read-input.ts';
import { MessageDecoder, type Protocol } from './messages/recognise.ts';
import type { Fact, Side } from './observations.ts';
import { Reading } from './reading.ts';
import { reasonOf } from './tracing-reader.ts';
import { Branch, Budget, type Note, type TreeNode } from './tree.ts';
import type { Check } from './verify/check.ts';
import { concluded } from './verify/conclusion.ts';
import { ConversationVerifier } from './verify/conversation.ts';
import { type GivenKeys, KeyRing } from './verify/key-ring.ts';
import { Certificate } from './x509.ts';

/** What is known besides the octets. */
export interface DecodeOptions extends GivenKeys {
  /** The server's certificate, DER or PEM: for what binds a logon to it. */
  readonly certificate?: Uint8Array | string | undefined;
  /** Secrets of TLS, as `SSLKEYLOGFILE` has them: they open what TLS hides. A pcapng file may bring its own. */
  readonly keyLog?: string | undefined;
  /** Octets of the input that are looked at. 64 MiB unless told. */
  readonly maxInput?: number | undefined;
  /** Nodes and notes that a result may have in all. 100,000 unless told. */
  readonly maxNodes?: number | undefined;
}

/** A message of a conversation. */
export interface DecodedMessage {
  /** From 1 on, in the order of the input. */
  readonly number: number;
  /** Which conversation it belongs to; its text names the two ends when they are known. */
  readonly conversation: string;
  /** Who sent it, as the input or the message itself says. */
  readonly from: Side | undefined;
  /** What stood around it, for example a header of HTTP. */
  readonly context: string | undefined;
  readonly protocol: Protocol;
  /** One line. */
  readonly summary: string;
  /** Octets. */
  readonly length: number;
  readonly tree: TreeNode;
  /** What it tells about the outcome: {@link diagnose} reads it. */
  readonly facts: readonly Fact[];
}

/** What became of an input. */
export interface Explanation {
  /** The form of the input. */
  readonly container: Container;
  readonly messages: readonly DecodedMessage[];
  /** Every check that there is to make, whether or not there was a key for it, in the order of the messages. */
  readonly checks: readonly Check[];
  /** About the input as a whole. */
  readonly notes: readonly Note[];
}

const MOST_INPUT = 64 * 1024 * 1024;
const MOST_NODES = 100_000;

/**
 * Decodes a message, several, or a whole conversation: TLS records, RDP negotiation, TSRequests, SPNEGO, NTLM, Kerberos, messages of
 * WinRM; as octets, hexadecimal, base64, PEM, lines with HTTP headers, JSON lines, pcap or pcapng. With keys it opens what they
 * open and checks what they protect.
 *
 * Whatever the input is, there is a result: what cannot be read is noted at its place. Nothing secret goes into it: of passwords
 * and keys, given or found, there is a length at most.
 * @param input - octets, or text that stands for them
 * @throws SspiError for keys that cannot be used: FILE_MALFORMED, INVALID_PARAMETER, CERTIFICATE_UNUSABLE
 * @example
 * const explanation = await decode('TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw==');
 * console.log(renderText(explanation));
 */
export async function decode(input: Uint8Array | string, options: DecodeOptions = {}): Promise<Explanation> {
  const certificate = certificateOf(options.certificate);
  using ring = new KeyRing(options);
  const { maxInput = MOST_INPUT, maxNodes = MOST_NODES } = options;
  const { container, pieces, notes, keyLog: ownKeyLog } = readInput(input.slice(0, maxInput));
  const keyLog = new KeyLog();
  for (const text of [ownKeyLog, options.keyLog]) if (text !== undefined) keyLog.add(text);
  const budget = new Budget(maxNodes);
  const conversations = new Map<string, Conversation>();
  const messages: DecodedMessage[] = [];
  const allNotes = [...notes];
  if (input.length > maxInput) allNotes.push({ code: 'LIMIT', text: `only the first ${maxInput} octets of the input` });

  try {
    for (const piece of pieces) {
      let conversation = conversations.get(piece.conversation);
      if (conversation === undefined) {
        conversation = new Conversation(new ConversationVerifier(ring, certificate), keyLog);
        conversations.set(piece.conversation, conversation);
      }
      messages.push(await conversation.take(piece, messages.length + 1, budget));
    }
    const checks = [...conversations.values()].flatMap((conversation) => concluded(conversation.checks));
    return { container, messages, checks: checks.toSorted((a, b) => a.message - b.message), notes: allNotes };
  } finally {
    for (const { verifier } of conversations.values()) verifier.dispose();
    keyLog.dispose();
  }
}

/** One conversation under way. */
class Conversation {
  readonly verifier: ConversationVerifier;
  readonly checks: Check[] = [];
  readonly #decoder: MessageDecoder;
  #last: Side | undefined;

  constructor(verifier: ConversationVerifier, keyLog: KeyLog) {
    this.verifier = verifier;
    this.#decoder = new MessageDecoder(keyLog);
  }

  async take(piece: Piece, number: number, budget: Budget): Promise<DecodedMessage> {
    const { octets } = piece;
    const tree = new Branch(budget, 'message', 0, octets.length);
    const reading = new Reading(number, piece.from);
    const described =
      octets.length === 0 && piece.told !== undefined
        ? tellOf(piece, tree, reading)
        : this.#describe(octets, tree, reading);
    // Who did not say who he is comes after the other one.
    if (this.#last !== undefined && described.protocol !== 'unknown' && octets.length > 0)
      reading.suggest(this.#last === 'client' ? 'server' : 'client');
    this.#last = reading.from ?? this.#last;
    if (piece.httpStatus !== undefined) reading.fact({ kind: 'http-status', status: piece.httpStatus });
    try {
      this.checks.push(...(await this.verifier.take(reading)));
    } catch (error) {
      tree.note('UNKNOWN', `the checks broke off: ${reasonOf(error)}`);
    }
    return {
      number,
      conversation: piece.conversation,
      from: reading.from,
      context: piece.context,
      ...described,
      length: octets.length,
      tree,
      facts: reading.facts,
    };
  }

  /** Decoders note what they cannot read. Should one fail in another way, that ends at this message. */
  #describe(octets: Uint8Array, tree: Branch, reading: Reading): { protocol: Protocol; summary: string } {
    try {
      return this.#decoder.describe(octets, tree, reading);
    } catch (error) {
      tree.note('UNKNOWN', `decoding broke off: ${reasonOf(error)}`);
      return { protocol: 'unknown', summary: 'not decoded' };
    }
  }
}

/** A line of a recording that has no message, but tells something about the connection. */
function tellOf(piece: Piece, tree: Branch, reading: Reading): { protocol: Protocol; summary: string } {
  for (const [name, value] of piece.told ?? []) tree.add(name, 0, 0, value);
  if (piece.certificateSha256 !== undefined)
    reading.observe({ kind: 'certificate-hash', sha256: piece.certificateSha256, branch: tree });
  const names = [...(piece.told?.keys() ?? [])];
  tree.name = 'recorded';
  const isTls = names.some((name) => name.startsWith('tls'));
  return {
    protocol: isTls ? 'TLS' : 'unknown',
    summary: `(recorded) ${[...(piece.told ?? [])].map(([name, value]) => `${name} ${value}`).join('; ')}`,
  };
}

/** @throws SspiError CERTIFICATE_UNUSABLE */
function certificateOf(given: Uint8Array | string | undefined): Uint8Array | undefined {
  if (given === undefined) return undefined;
  const text = typeof given === 'string' ? given : pemIn(given);
  const [, content] = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END/u.exec(text ?? '') ?? [];
  const der = content === undefined ? given : fromBase64(content);
  try {
    if (!(der instanceof Uint8Array)) throw new TypeError('neither PEM nor DER');
    decodeDer(Certificate, der);
    return der;
  } catch (cause) {
    throw new SspiError('CERTIFICATE_UNUSABLE', { stage: 'certificate', detail: reasonOf(cause), cause });
  }
}

/** The text of a PEM file that was read as octets. */
function pemIn(octets: Uint8Array): string | undefined {
  return octets[0] === 0x30 ? undefined : new TextDecoder().decode(octets.subarray(0, 65_536));
}
