/**
 * Which message numbers may come next: RFC 2743 1.2.3, RFC 4121 4.2.1 (contract X28, X29).
 * @module
 */

/**
 * - `strict`: each message is the next one. What SEQUENCE_DETECT promises, and what CredSSP lives on.
 * - `replay`: no message comes twice, nor long after its time; some may be missing. For datagrams.
 * - `none`: any number will do.
 */
export type SequenceMode = 'strict' | 'replay' | 'none';

/** So far behind the highest number messages may come. */
const WINDOW = 32;

/** What was received so far. */
export interface Received {
  /** The number after the highest. */
  readonly next: number;
  /** Bit n: number `next - 1 - n` was here. */
  readonly seen: number;
  /** Whether any message was here. */
  readonly started: boolean;
  /** Whether a MIC numbered zero was here out of turn. */
  readonly unnumbered: boolean;
}

/** The numbers of one direction, as the receiver sees them. */
export class SequenceWindow {
  readonly #mode: SequenceMode;
  readonly #wraps: boolean;
  #next: number;
  /** Bit n: number `next - 1 - n` was here. */
  #seen = 0;
  #started = false;
  #unnumbered = false;

  /**
   * @param first - the number that the peer announced, or what was received elsewhere
   * @param bits - 32 when numbers start over behind 2^32 - 1
   */
  constructor(first: number | Received, mode: SequenceMode, bits: 32 | 64) {
    this.#mode = mode;
    this.#wraps = bits === 32;
    if (typeof first === 'number') {
      this.#next = first;
    } else {
      this.#next = first.next;
      this.#seen = first.seen;
      this.#started = first.started;
      this.#unnumbered = first.unnumbered;
    }
  }

  /** For a window that goes on elsewhere. */
  get received(): Received {
    return { next: this.#next, seen: this.#seen >>> 0, started: this.#started, unnumbered: this.#unnumbered };
  }

  /**
   * Whether a MIC numbered zero, which is genuine, may come although its number is not due: some peers number the mechListMIC,
   * which comes before all messages, so whatever they announced. It may once, and before anything else came.
   */
  admitUnnumbered(): boolean {
    if (this.#started || this.#unnumbered) return false;
    this.#unnumbered = true;
    const ahead = this.#distance(0);
    if (ahead < 0 && ahead >= -WINDOW) this.#seen |= 1 << (-ahead - 1); // or it would pass for a late message after the first
    return true;
  }

  /** Whether a message with this number, which is genuine, may come now. If so it is taken note of. */
  admit(number: number): boolean {
    const ahead = this.#distance(number);
    if (!this.#allows(ahead)) return false;
    this.#started = true;
    if (ahead >= 0) {
      this.#seen = ahead + 1 >= WINDOW ? 1 : (this.#seen << (ahead + 1)) | 1;
      this.#next = this.#wraps ? (number + 1) >>> 0 : number + 1;
    } else if (ahead >= -WINDOW) {
      this.#seen |= 1 << (-ahead - 1);
    }
    return true;
  }

  #allows(ahead: number): boolean {
    switch (this.#mode) {
      case 'strict':
        return ahead === 0;
      case 'replay':
        // Before the first message came nothing is known to be old.
        return ahead >= 0 || (this.#started && ahead >= -WINDOW && (this.#seen & (1 << (-ahead - 1))) === 0);
      case 'none':
        return true;
    }
  }

  /** How far a number is ahead of the next one; negative when it is behind. */
  #distance(number: number): number {
    return this.#wraps ? (number - this.#next) | 0 : number - this.#next;
  }
}
