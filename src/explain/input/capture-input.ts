/**
 * From a capture to messages: connections that carry something known, in turns, message by message.
 * @module
 */
import { isRecognised } from '../messages/recognise.ts';
import type { Side } from '../observations.ts';
import { counted } from '../text.ts';
import type { Note } from '../tree.ts';
import type { Capture } from './captures.ts';
import { cutMessages, Pending } from './framing.ts';
import { isHttp, readHttp } from './http.ts';
import { segmentOf } from './packets.ts';
import { type Found, MOST_PIECES, type Piece } from './piece.ts';
import { type Stream, Streams } from './streams.ts';

const KERBEROS_PORTS: readonly number[] = [88, 464, 749, 750];

/** The messages of a capture. */
export function readPackets({ container, packets, notes: found, keyLog }: Capture): Found {
  const notes: Note[] = [...found];
  const streams = new Streams();
  const pieces: Piece[] = [];
  let foreign = 0;
  for (const [order, { linkType, octets }] of packets.entries()) {
    const segment = segmentOf(linkType, octets);
    if (segment === undefined) {
      foreign++;
    } else if (segment.protocol === 'tcp') {
      streams.take(segment, order);
    } else if (isRecognised(segment.payload)) {
      const toServer = KERBEROS_PORTS.includes(segment.destinationPort) || segment.destinationPort < segment.sourcePort;
      const [client, server] = toServer ? [segment.source, segment.destination] : [segment.destination, segment.source];
      const from: Side = toServer ? 'client' : 'server';
      pieces.push({ conversation: `udp ${client} ${server}`, from, octets: segment.payload, order });
    }
  }
  let silent = 0;
  for (const stream of streams.all) {
    const messages = [...messagesOf(stream)];
    if (messages.length === 0) silent++;
    else if (stream.incomplete)
      notes.push({ code: 'TRUNCATED', text: `octets are missing between ${stream.client} and ${stream.server}` });
    pieces.push(...messages);
  }
  if (silent > 0)
    notes.push({ code: 'REMARK', text: `${counted(silent, 'TCP connection')} with nothing in it that is known here` });
  if (foreign > 0)
    notes.push({ code: 'REMARK', text: `${counted(foreign, 'packet')} that are not TCP or UDP over IP, or fragments` });
  if (streams.leftOut > 0) notes.push({ code: 'LIMIT', text: 'too many TCP connections; the later ones are left out' });
  if (pieces.length > MOST_PIECES)
    notes.push({ code: 'LIMIT', text: `only the first ${MOST_PIECES} of ${pieces.length} messages` });
  const inOrder = pieces.toSorted((a, b) => a.order - b.order).slice(0, MOST_PIECES);
  return { container, pieces: inOrder, notes, keyLog };
}

function* messagesOf(stream: Stream): Generator<Piece, void, undefined> {
  const conversation = `tcp ${stream.client} ${stream.server}`;
  const waiting: Record<Side, Pending> = { client: new Pending(), server: new Pending() };
  const lost = new Set<Side>();
  let order = 0;
  for (const turn of stream.conversation()) {
    order = turn.order;
    if (lost.has(turn.from)) continue;
    const pending = waiting[turn.from];
    const octets = pending.join(turn.octets);
    const { pieces, rest, isLost } = isHttp(octets)
      ? httpPieces(octets, turn.from, conversation, order)
      : plainPieces(octets, turn.from, conversation, order);
    yield* pieces;
    pending.keep(rest);
    if (isLost) lost.add(turn.from);
  }
  // What never became whole is shown as far as it came, when it began as something known.
  for (const from of ['client', 'server'] as const) {
    const { octets } = waiting[from];
    if (octets.length > 0 && isRecognised(octets)) yield { conversation, from, octets, order };
  }
}

interface Read {
  readonly pieces: readonly Piece[];
  readonly rest: Uint8Array;
  readonly isLost: boolean;
}

function plainPieces(octets: Uint8Array, from: Side, conversation: string, order: number): Read {
  const { messages, rest, lost } = cutMessages(octets, false);
  const pieces = messages.map((message): Piece => ({ conversation, from, octets: message, order }));
  return { pieces, rest: lost ? new Uint8Array(0) : rest, isLost: lost };
}

function httpPieces(octets: Uint8Array, from: Side, conversation: string, order: number): Read {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < octets.length) {
    const rest = octets.subarray(at);
    if (!isHttp(rest)) return { pieces, rest: new Uint8Array(0), isLost: true };
    const message = readHttp(rest, from, false);
    if (message === undefined) return { pieces, rest, isLost: false };
    for (const { octets: part, context } of message.parts)
      pieces.push({ conversation, from, octets: part, context, httpStatus: message.status, order });
    at += message.length;
  }
  return { pieces, rest: new Uint8Array(0), isLost: false };
}
