/** The sample protocol with a context of ours at one end, without the command line in between. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { FrameSocket } from '../../src/cli/frames.ts';
import type { KerberosProtection } from '../../src/kerberos/index.ts';
import { SEC_E, type SecurityContext, SspiError } from '../../src/sspi/index.ts';

const BRACE = 0x7b;
const ECHO = new TextEncoder().encode('echo:');

/** What both sides say about the handshake. */
export interface Logon {
  /** The acceptor's JSON, whoever it is. */
  readonly verdict: Readonly<Record<string, unknown>>;
  /** What our own context failed with. */
  readonly error: SspiError | undefined;
  /** What came back for each message that was sent, as text; an error of the peer as it said it. */
  readonly echoes: Readonly<Record<string, string>>;
}

/** Ways to protect a message: sealed, signed, a signature apart, sealed in two parts. */
export type Kind = 'W' | 'I' | 'S' | 'M';

function protection(context: SecurityContext): KerberosProtection {
  return context.messages as KerberosProtection; // of Kerberos, or of Negotiate with Kerberos inside; tests ask for no other
}

function counted(octets: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(octets.length);
  return Buffer.concat([length, octets]);
}

function seal(context: SecurityContext, kind: Kind, message: Uint8Array): Uint8Array[] {
  const messages = protection(context);
  switch (kind) {
    case 'W':
      return [messages.wrap(message)];
    case 'I':
      return [messages.wrapSigned(message)];
    case 'S':
      return [counted(message), messages.sign(message)];
    case 'M': {
      const data = Uint8Array.from(message);
      return [counted(messages.seal(data)), data];
    }
  }
}

function open(context: SecurityContext, kind: Kind, frame: Uint8Array): Uint8Array {
  const messages = protection(context);
  if (kind === 'W') return messages.unwrap(frame);
  if (kind === 'I') {
    const { message, sealed } = messages.unwrapAny(frame);
    if (sealed) throw new TypeError('the peer has encrypted what was to be signed');
    return message;
  }
  const length = Buffer.from(frame).readUInt32BE(0);
  const first = frame.subarray(4, 4 + length);
  const rest = frame.subarray(4 + length);
  if (kind === 'S') {
    messages.verify(first, rest);
    return first;
  }
  const data = Uint8Array.from(rest);
  messages.unseal(first, data);
  return data;
}

/** Logs on to a peer, and sends a message of each kind. @param moved - what becomes of the context before each message */
export async function logOn(
  port: number,
  context: SecurityContext,
  kinds: readonly Kind[] = [],
  moved: (context: SecurityContext) => Promise<SecurityContext> = async (same) => same,
): Promise<Logon> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const frames = new FrameSocket(socket);
  let isUnderWay = false;
  try {
    let frame: Uint8Array = new Uint8Array(0);
    for (;;) {
      const step = await context.step(frame);
      if ('token' in step && step.token.length > 0) frames.write(step.token);
      isUnderWay = true;
      if (step.status === SEC_E.OK) break;
      frame = await frames.expect();
      if (frame[0] === BRACE) return { verdict: json(frame), error: undefined, echoes: {} };
    }
    const verdict = json(await frames.expect());
    const echoes: Record<string, string> = {};
    let current = context;
    for (const kind of kinds) {
      current = await moved(current);
      frames.write(new TextEncoder().encode(kind), ...seal(current, kind, new TextEncoder().encode(`héllo ${kind}`)));
      const answer = await frames.expect();
      const said = String.fromCharCode(answer[0] ?? 0) === kind ? open(current, kind, answer.subarray(1)) : answer;
      echoes[kind] = new TextDecoder().decode(said);
    }
    frames.write(new TextEncoder().encode('Q'));
    return { verdict, error: undefined, echoes };
  } catch (error) {
    if (!(error instanceof SspiError)) throw error;
    const last = isUnderWay && context.state === 'failed' ? await frames.read().catch(() => undefined) : undefined;
    return { verdict: last?.[0] === BRACE ? json(last) : {}, error, echoes: {} };
  } finally {
    frames.end();
  }
}

/** Listens for one peer with a context of ours. */
export async function beLoggedOn(
  context: SecurityContext,
  answer: (context: SecurityContext) => Record<string, unknown> = () => ({}),
): Promise<{ readonly port: number; readonly done: Promise<SspiError | undefined> }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  const serve = async (): Promise<SspiError | undefined> => {
    const [socket] = await once(server, 'connection');
    server.close();
    const frames = new FrameSocket(socket);
    try {
      for (;;) {
        const step = await context.step(await frames.expect());
        if ('token' in step && step.token.length > 0) frames.write(step.token);
        if (step.status === SEC_E.OK) break;
      }
      frames.write(new TextEncoder().encode(JSON.stringify({ ok: true, ...answer(context) })));
      for (let frame = await frames.read(); frame !== undefined; frame = await frames.read()) {
        const kind = String.fromCharCode(frame[0] ?? 0);
        if (kind !== 'W' && kind !== 'I' && kind !== 'S' && kind !== 'M') break;
        const message = open(context, kind, frame.subarray(1));
        frames.write(new TextEncoder().encode(kind), ...seal(context, kind, Buffer.concat([ECHO, message])));
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof SspiError)) throw error;
      if (error.token !== undefined) frames.write(error.token);
      frames.write(new TextEncoder().encode(JSON.stringify({ ok: false, error: error.message })));
      return error;
    } finally {
      frames.end();
    }
  };
  return { port, done: serve() };
}

function json(frame: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(new TextDecoder().decode(frame));
  if (typeof value !== 'object' || value === null) throw new TypeError('no JSON object');
  return { ...value };
}
