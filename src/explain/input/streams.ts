/**
 * TCP streams put together again: segments in their order, those that come twice once, per direction; in turns, as a conversation
 * has them. Simple and bounded: a gap ends a direction.
 * @module
 */
import { concat } from '../../crypto/index.ts';
import type { Side } from '../observations.ts';
import type { Segment } from './packets.ts';

/** What one side said before the other said something. */
export interface Turn {
  readonly from: Side;
  readonly octets: Uint8Array;
  /** The number of the packet that completed it. */
  readonly order: number;
}

const MOST_STREAMS = 1024;
/** Octets of one stream; a logon takes some kilobytes, and what comes behind it is encrypted. */
const LONGEST_STREAM = 4 * 1024 * 1024;
/** Segments that wait for one that is missing. */
const MOST_WAITING = 256;

interface Direction {
  next: number | undefined;
  readonly waiting: Map<number, Uint8Array>;
  lost: boolean;
}

/** One connection. */
export class Stream {
  /** `address:port` of the client and of the server. */
  readonly client: string;
  readonly server: string;
  readonly turns: { from: Side; parts: Uint8Array[]; order: number }[] = [];
  readonly #directions: Readonly<Record<Side, Direction>> = {
    client: { next: undefined, waiting: new Map(), lost: false },
    server: { next: undefined, waiting: new Map(), lost: false },
  };
  #length = 0;

  constructor(client: string, server: string) {
    this.client = client;
    this.server = server;
  }

  /** Whether octets are missing: some direction waits for a segment that never came, or there was too much. */
  get incomplete(): boolean {
    return Object.values(this.#directions).some(({ waiting, lost }) => lost || waiting.size > 0);
  }

  take(segment: Segment, order: number): void {
    const from: Side = segment.source === this.client ? 'client' : 'server';
    const direction = this.#directions[from];
    if (segment.syn) direction.next = (segment.sequence + 1) >>> 0;
    if (segment.payload.length === 0 || direction.lost) return;
    const start = segment.syn ? (segment.sequence + 1) >>> 0 : segment.sequence;
    direction.next ??= start; // the beginning was not captured
    direction.waiting.set(start, segment.payload);
    if (direction.waiting.size > MOST_WAITING) direction.lost = true;
    this.#advance(direction, from, order);
  }

  #advance(direction: Direction, from: Side, order: number): void {
    for (let progress = true; progress; ) {
      progress = false;
      for (const [start, payload] of direction.waiting) {
        const behind = ((direction.next ?? start) - start) | 0; // so many octets of it are known already
        if (behind < 0) continue;
        direction.waiting.delete(start);
        if (behind >= payload.length) continue;
        this.#append(direction, from, payload.subarray(behind), order);
        direction.next = (start + payload.length) >>> 0;
        progress = true;
      }
    }
  }

  #append(direction: Direction, from: Side, octets: Uint8Array, order: number): void {
    this.#length += octets.length;
    if (this.#length > LONGEST_STREAM) {
      direction.lost = true;
      return;
    }
    const last = this.turns.at(-1);
    if (last?.from === from) {
      last.parts.push(octets);
      last.order = order;
    } else {
      this.turns.push({ from, parts: [octets], order });
    }
  }

  /** What was said, in turns. */
  conversation(): readonly Turn[] {
    return this.turns.map(({ from, parts, order }) => ({ from, octets: concat(...parts), order }));
  }
}

/** All connections of a capture. */
export class Streams {
  readonly #open = new Map<string, Stream>();
  readonly all: Stream[] = [];
  leftOut = 0;

  take(segment: Segment, order: number): void {
    const { source, destination, syn, ack } = segment;
    const key = [source, destination].sort().join(' ');
    let stream = this.#open.get(key);
    // A new SYN on the same ports is a new connection, unless the one before has said nothing yet: then it is a repetition.
    if (stream === undefined || (syn && !ack && stream.turns.length > 0)) {
      if (this.all.length >= MOST_STREAMS) {
        this.leftOut++;
        return;
      }
      stream = clientSpeaks(segment) ? new Stream(source, destination) : new Stream(destination, source);
      this.#open.set(key, stream);
      this.all.push(stream);
    }
    stream.take(segment, order);
  }
}

/** Who sends SYN is the client. Without one, servers have the lower port. */
function clientSpeaks({ syn, ack, sourcePort, destinationPort }: Segment): boolean {
  if (syn) return !ack;
  return sourcePort >= destinationPort;
}
