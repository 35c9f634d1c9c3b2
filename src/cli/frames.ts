/**
 * The framing of the sample protocol of `sspi peer`: each frame is a 4-byte big-endian length and that many octets.
 * @module
 */
import type { Socket } from 'node:net';
import { SspiError } from '../sspi/index.ts';

/** Largest frame: a token, or a message with its protection around it. */
const MAX_FRAME = 1_048_576;
const HEADER = 4;
const PEER_TIMEOUT = 30_000;

/** A socket, frame by frame. */
export class FrameSocket {
  readonly #socket: Socket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #pending: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    socket.setNoDelay(true);
    socket.on('error', () => undefined); // the iterator reports it to whoever reads; nobody may be reading yet
    socket.setTimeout(PEER_TIMEOUT, () =>
      socket.destroy(new Error(`the peer was silent for ${PEER_TIMEOUT / 1000} s`)),
    );
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  /**
   * The next frame of the peer.
   * @returns undefined when the peer has closed the connection between two frames
   * @throws SspiError CONNECTION_CLOSED within a frame, TOKEN_TOO_LARGE
   */
  async read(): Promise<Uint8Array | undefined> {
    if (!(await this.#fill(HEADER))) return undefined;
    const length = this.#pending.readUInt32BE(0);
    if (length > MAX_FRAME)
      throw new SspiError('TOKEN_TOO_LARGE', { stage: 'frame', detail: `${length} octets, the limit is ${MAX_FRAME}` });
    if (!(await this.#fill(HEADER + length))) throw new SspiError('CONNECTION_CLOSED', { stage: 'frame' });
    const frame = this.#pending.subarray(HEADER, HEADER + length);
    this.#pending = this.#pending.subarray(HEADER + length);
    return frame;
  }

  /** The next frame, where the protocol has one. @throws SspiError CONNECTION_CLOSED */
  async expect(): Promise<Uint8Array> {
    const frame = await this.read();
    if (frame === undefined) throw new SspiError('CONNECTION_CLOSED', { stage: 'frame' });
    return frame;
  }

  /** Sends a frame of one or more parts. */
  write(...parts: readonly Uint8Array[]): void {
    const header = Buffer.alloc(HEADER);
    header.writeUInt32BE(parts.reduce((sum, part) => sum + part.length, 0));
    if (this.#socket.writable) this.#socket.write(Buffer.concat([header, ...parts]));
  }

  /** Ends the connection; what was written still goes out. */
  end(): void {
    this.#socket.end();
    this.#socket.destroySoon();
  }

  async #fill(length: number): Promise<boolean> {
    const received: Uint8Array[] = [this.#pending];
    let have = this.#pending.length;
    while (have < length) {
      const { done, value } = await this.#next();
      if (done === true) {
        if (have > 0) throw new SspiError('CONNECTION_CLOSED', { stage: 'frame' });
        return false;
      }
      received.push(value);
      have += value.length;
    }
    if (received.length > 1) this.#pending = Buffer.concat(received);
    return true;
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#chunks.next();
    } catch (cause) {
      throw new SspiError('CONNECTION_CLOSED', { stage: 'frame', detail: messageOf(cause), cause });
    }
  }
}

/** What an unknown error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
