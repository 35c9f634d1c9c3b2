/**
 * A wire in memory with two ends, as streams: what is written at one end is read at the other.
 * @module
 */
import { Duplex } from 'node:stream';

/** Changes a piece on its way. */
export type Tampering = (piece: Uint8Array) => Uint8Array;

class End extends Duplex {
  peer: End | undefined;
  readonly #tamper: Tampering | undefined;

  constructor(tamper: Tampering | undefined) {
    super();
    this.#tamper = tamper;
  }

  override _read(): void {
    // Nothing to fetch: the other end pushes.
  }

  override _write(piece: Uint8Array, _encoding: string, done: () => void): void {
    this.peer?.push(this.#tamper === undefined ? piece : this.#tamper(piece));
    done();
  }

  override _final(done: () => void): void {
    this.peer?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.peer?.destroyed === false && !this.peer.readableEnded) this.peer.push(null);
    done(error);
  }
}

/** Both ends. @param tamper - for what either end writes */
export function wirePair(tamper?: Tampering): readonly [Duplex, Duplex] {
  const [near, far] = [new End(tamper), new End(tamper)];
  near.peer = far;
  far.peer = near;
  return [near, far];
}
