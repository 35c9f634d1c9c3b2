/**
 * An RDP server that does nothing but Network Level Authentication: it tells who came, and why somebody did not.
 * @module
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { type AcceptNlaOptions, acceptNla, type NlaAcceptance } from '../rdp/index.ts';
import { asSspiError, SspiError } from '../sspi/index.ts';

/** What the server is to be like. */
export type LabNlaOptions = Partial<Omit<AcceptNlaOptions, 'stream'>>;

/** How a logon came out. */
export type LabLogon =
  | { readonly kind: 'accepted'; readonly session: NlaAcceptance }
  | { readonly kind: 'refused'; readonly error: SspiError };

/** A server that listens. */
export interface LabNla extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** The next logon that is over, however it came out. Logons that nobody has asked for yet are kept. */
  next(): Promise<LabLogon>;
  /** Ends the server, with all connections that are open. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

/** Starts a server on a free port of the loopback address. */
export async function startNla(options: Omit<AcceptNlaOptions, 'stream'>): Promise<LabNla> {
  const sockets = new Set<Socket>();
  const logons = new Mailbox<LabLogon>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => undefined);
    void acceptNla({ ...options, stream: socket }).then(
      (session) => logons.put({ kind: 'accepted', session }),
      (error: unknown) => logons.put({ kind: 'refused', error: asSspiError(error) }),
    );
  });
  server.listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null)
    throw new SspiError('CONNECTION_FAILED', { stage: 'lab NLA server', detail: HOST });

  let isOpen = true;
  const close = async (): Promise<void> => {
    if (!isOpen) return;
    isOpen = false;
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
    for (const logon of logons.rest()) if (logon.kind === 'accepted') logon.session.dispose();
  };
  return { host: HOST, port: address.port, next: () => logons.take(), close, [Symbol.asyncDispose]: close };
}

/** What comes before it is asked for waits, and the other way round. */
class Mailbox<T> {
  readonly #there: T[] = [];
  readonly #wanted: ((item: T) => void)[] = [];

  put(item: T): void {
    const wanting = this.#wanted.shift();
    if (wanting === undefined) this.#there.push(item);
    else wanting(item);
  }

  async take(): Promise<T> {
    const item = this.#there.shift();
    return item ?? (await new Promise<T>((resolve) => this.#wanted.push(resolve)));
  }

  rest(): readonly T[] {
    return this.#there.splice(0);
  }
}
