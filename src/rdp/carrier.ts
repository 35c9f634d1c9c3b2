/**
 * Who carries octets to the server and back where TLS is somebody else's: a WebSocket to a gateway, streams of the platform, or a
 * function of the caller. Needs no Node.js.
 * @module
 */
import { type Frame, SspiError } from '../sspi/index.ts';
import { Inbox } from './inbox.ts';
import type { Line } from './logon.ts';
import type { Timing } from './timing.ts';

/** Carries octets both ways, in order, each piece once. How they are cut into pieces does not matter. */
export interface Carrier {
  /** Takes octets for the other side; may take its time. @throws whatever is wrong */
  send(octets: Uint8Array): void | Promise<void>;
  /** Gives the next octets of the other side; undefined when there will be no more. @throws whatever is wrong */
  receive(): Promise<Uint8Array | undefined>;
  /** Is told that the logon came to nothing, and that nobody will ask for anything again. */
  close?(): void;
}

/** A WebSocket, as far as it is used: that of browsers and of Node.js 22, and what looks like it. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  send(octets: Uint8Array<ArrayBuffer>): void;
  close(): void;
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

const CONNECTING = 0;
const OPEN = 1;

/**
 * Carries octets over a WebSocket, in binary messages. From now on its messages are taken here.
 * @throws SspiError CONNECTION_FAILED when it does not open
 * @example
 * const carrier = await webSocketCarrier(new WebSocket('wss://gateway.example.com/jet/rdp'));
 */
export async function webSocketCarrier(socket: WebSocketLike): Promise<Carrier> {
  socket.binaryType = 'arraybuffer';
  const arrived = new Arrivals();
  socket.addEventListener('message', ({ data }) => {
    if (data instanceof ArrayBuffer) arrived.put(new Uint8Array(data));
    else arrived.fail(new SspiError('MALFORMED_TOKEN', { stage: 'WebSocket', detail: 'a message of text' }));
  });
  socket.addEventListener('close', () => arrived.end());
  if (socket.readyState === CONNECTING) {
    await new Promise<void>((resolve) => {
      for (const type of ['open', 'close', 'error'] as const) socket.addEventListener(type, () => resolve());
    });
  }
  if (socket.readyState !== OPEN) throw new SspiError('CONNECTION_FAILED', { stage: 'WebSocket' });
  return {
    send: (octets) => socket.send(Uint8Array.from(octets)),
    receive: () => arrived.take(),
    close: () => socket.close(),
  };
}

/** Two streams of the platform, as `Duplex.toWeb()`, WebTransport and WebSocketStream have them. */
export interface StreamPair {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

/**
 * Carries octets over streams. Both are locked from now on.
 * @example
 * const carrier = streamCarrier(Duplex.toWeb(socket)); // Node.js
 */
export function streamCarrier({ readable, writable }: StreamPair): Carrier {
  const reader = readable.getReader();
  const writer = writable.getWriter();
  const ignored = (): undefined => undefined;
  return {
    send: (octets) => writer.write(octets),
    receive: async () => (await reader.read()).value,
    close: () => {
      reader.cancel().catch(ignored);
      writer.abort().catch(ignored);
    },
  };
}

/** What comes before it is asked for waits. Its sender is slowed down by nobody, so that there is a limit. */
class Arrivals {
  readonly #waiting: Uint8Array[] = [];
  #octets = 0;
  #over: { readonly error?: SspiError | undefined } | undefined;
  #wake: (() => void) | undefined;

  put(octets: Uint8Array): void {
    if (this.#over !== undefined) return;
    this.#waiting.push(octets);
    this.#octets += octets.length;
    if (this.#octets > MAX_WAITING)
      this.fail(new SspiError('TOKEN_TOO_LARGE', { stage: 'WebSocket', detail: `more than ${MAX_WAITING} octets` }));
    this.#wake?.();
  }

  fail(error: SspiError): void {
    this.#over ??= { error };
    this.#wake?.();
  }

  end(): void {
    this.#over ??= {};
    this.#wake?.();
  }

  async take(): Promise<Uint8Array | undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        this.#octets -= next.length;
        return next;
      }
      if (this.#over?.error !== undefined) throw this.#over.error;
      if (this.#over !== undefined) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

const MAX_WAITING = 4 * 1024 * 1024;

/** A carrier as something to speak over. */
export class CarrierLine implements Line {
  readonly #carrier: Carrier;
  readonly #timing: Timing;
  readonly #inbox = new Inbox();

  constructor(carrier: Carrier, timing: Timing) {
    this.#carrier = carrier;
    this.#timing = timing;
  }

  read(stage: string, frame: (octets: Uint8Array) => Frame): Promise<Uint8Array> {
    return this.#begin(stage, () => this.#next(stage, frame));
  }

  write(stage: string, message: Uint8Array): Promise<void> {
    return this.#begin(stage, () => this.#guarded(stage, async () => this.#carrier.send(message)));
  }

  within<T>(stage: string, work: Promise<T>): Promise<T> {
    return this.#timing.within(stage, work);
  }

  /** What was read too much. */
  rest(): Uint8Array {
    return this.#inbox.rest();
  }

  /** The logon came to nothing: a last word, if there is one, and then an end. Never fails. */
  async end(lastWord?: Uint8Array): Promise<void> {
    if (lastWord !== undefined && lastWord.length > 0) await this.write('last word', lastWord).catch(() => undefined); // who is gone needs none
    this.#carrier.close?.();
  }

  /** Begins work unless it is called off already: then nothing must leave any more. */
  #begin<T>(stage: string, work: () => Promise<T>): Promise<T> {
    return this.#timing.leg<T>(stage, (resolve, reject) => {
      work().then(resolve, reject);
      return () => undefined;
    });
  }

  async #next(stage: string, frame: (octets: Uint8Array) => Frame): Promise<Uint8Array> {
    for (;;) {
      const message = this.#inbox.cut(frame);
      if (message !== undefined) return message;
      const octets = await this.#guarded(stage, () => this.#carrier.receive());
      if (octets === undefined) throw new SspiError('CONNECTION_CLOSED', { stage });
      this.#inbox.keep(octets);
    }
  }

  /** Whatever is wrong with a carrier, to the logon it is a connection that is gone. */
  async #guarded<T>(stage: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (cause instanceof SspiError) throw cause;
      const detail = cause instanceof Error ? cause.message : undefined;
      throw new SspiError('CONNECTION_CLOSED', { stage, detail, cause });
    }
  }
}
