/**
 * The sample protocol of `sspi peer`: a handshake of tokens in turn, a JSON frame of the acceptor that ends it, and then messages
 * that the acceptor answers in kind. Any implementation of the same mechanisms can be driven against ours with it.
 *
 * | frame | holds |
 * |---|---|
 * | a token | what a context made for the other one; empty when it has nothing to say |
 * | `{...}` | JSON: how the handshake ended, from the acceptor |
 * | `W` | a wrapped message |
 * | `S` | a length of 4 octets, a message of that length in the clear, its signature |
 * | `M` | a length of 4 octets, a header of that length, the sealed message |
 * | `Q` | the end |
 * | `E` | what was wrong with the last message |
 * @module
 */
import { type DelegatedCredentials, isFailure, SEC_E, SEC_I, SECPKG_ATTR, SspiError } from '../sspi/index.ts';
import type { Endpoint, EndpointCall } from './endpoint.ts';
import { type FrameSocket, messageOf } from './frames.ts';

const BRACE = 0x7b;
const ECHO = new TextEncoder().encode('echo:');
const EMPTY = new Uint8Array(0);

/** What a handshake may be told besides. */
export interface HandshakeOptions {
  /** Is told of every call. */
  readonly observe?: (end: Endpoint, call: EndpointCall) => void;
  /** Acceptors: what to tell the client of an established context, instead of everything there is to know. */
  readonly describe?: (end: Endpoint, version: number | undefined) => Promise<Verdict>;
}

/** What a client's handshake ends with. */
export interface Initiated {
  readonly verdict: Verdict;
  /** The version of TSRequest, where there is one. */
  readonly version: number | undefined;
}

/** How the handshake ended, as the acceptor says it. */
export type Verdict =
  | ({ readonly ok: true; readonly protocol: string } & Readonly<Record<string, unknown>>)
  | { readonly ok: false; readonly error: string };

/**
 * The client's handshake.
 * @returns what the acceptor says about it
 * @throws SspiError when the context fails here
 */
export async function initiate(frames: FrameSocket, end: Endpoint, options: HandshakeOptions = {}): Promise<Initiated> {
  const version = new VersionWatch();
  const take = async (input: Uint8Array): Promise<EndpointCall> => {
    const taken = await step(end, input, version, options);
    if (taken.error === undefined) return taken;
    if (taken.token.length > 0) frames.write(taken.token);
    throw taken.error;
  };
  let call = await take(EMPTY);
  while (call.status !== SEC_E.OK) {
    if (isTurn(call)) frames.write(call.token);
    const frame = await frames.expect();
    if (frame[0] === BRACE) return { verdict: readVerdict(frame), version: version.agreed };
    call = await take(join(call, frame));
  }
  if (call.token.length > 0) frames.write(call.token);
  // Who sends a token in pieces may get more answers than one, of which the last ones are empty.
  let frame: Uint8Array;
  do frame = await frames.expect();
  while (frame.length === 0);
  return { verdict: readVerdict(frame), version: version.agreed };
}

/**
 * The server's handshake, to its JSON frame.
 * @returns what it told the client
 */
export async function accept(frames: FrameSocket, end: Endpoint, options: HandshakeOptions = {}): Promise<Verdict> {
  const version = new VersionWatch();
  let verdict: Verdict;
  try {
    let call: EndpointCall | undefined;
    do {
      const frame = await frames.expect();
      call = await step(end, call === undefined ? frame : join(call, frame), version, options);
      if (isTurn(call)) frames.write(call.token);
      if (call.error !== undefined) throw call.error;
    } while (call.status !== SEC_E.OK);
    verdict = await (options.describe ?? describeContext)(end, version.agreed);
  } catch (error) {
    verdict = { ok: false, ...describeFailure(error) };
  }
  frames.write(new TextEncoder().encode(JSON.stringify(verdict)));
  return verdict;
}

/** Tokens go in turn: an empty one gives the turn back, unless the rest of the peer's token is still to come. */
function isTurn({ status, token, extra }: EndpointCall): boolean {
  return token.length > 0 || (status === SEC_I.CONTINUE_NEEDED && extra.length === 0);
}

/** One step of either side. A short token is taken together with the next frame, EXTRA before it. */
async function step(
  end: Endpoint,
  input: Uint8Array,
  version: VersionWatch,
  { observe }: HandshakeOptions,
): Promise<EndpointCall> {
  const call = await end.call(input);
  version.see(call);
  observe?.(end, call);
  if (call.status === SEC_E.INCOMPLETE_MESSAGE) return { ...call, error: undefined, extra: input };
  if (isFailure(call.status) && call.error === undefined) throw new SspiError('INTERNAL_ERROR', { stage: 'handshake' });
  return call;
}

function join({ extra }: EndpointCall, frame: Uint8Array): Uint8Array {
  return extra.length === 0 ? frame : Buffer.concat([extra, frame]);
}

/** The version of TSRequest: the lower one of what either side writes. */
class VersionWatch {
  agreed: number | undefined;

  see({ events }: EndpointCall): void {
    for (const { message } of events) {
      const written = /^TSRequest v(\d+)/u.exec(message)?.[1];
      if (written !== undefined) this.agreed = Math.min(Number(written), this.agreed ?? Number(written));
    }
  }
}

/** What an acceptor knows of its client. The sample protocol is for tests: it shows session keys and passwords. */
async function describeContext(end: Endpoint, version: number | undefined): Promise<Verdict> {
  const identity = await end.attribute(SECPKG_ATTR.ACCESS_TOKEN);
  const key = await end.attribute(SECPKG_ATTR.SESSION_KEY);
  const chosen = await end.attribute(SECPKG_ATTR.NEGOTIATION_PACKAGE);
  const target = await end.attribute(SECPKG_ATTR.CLIENT_SPECIFIED_TARGET);
  const credentials = await end.delegated();
  return {
    ok: true,
    protocol: end.options.protocol,
    principal: identity?.name,
    mechanism: chosen?.name ?? identity?.mechanism,
    target: target?.targetName,
    sessionKey: key === undefined ? undefined : hex(key.sessionKey.reveal()),
    version,
    credential: credentials === undefined ? undefined : describeCredentials(credentials),
  };
}

function describeCredentials(credentials: DelegatedCredentials): Record<string, string> {
  if (credentials.kind !== 'password') return { kind: credentials.kind };
  const { kind, domain, user, password } = credentials;
  return { kind, domain, user, password: new TextDecoder('utf-16le').decode(password.reveal()) };
}

/** A failure in the fields that both sides print. */
export function describeFailure(error: unknown): { error: string; code?: string; status?: string; ntStatus?: string } {
  if (!(error instanceof SspiError)) return { error: messageOf(error) };
  const { message, code, statusName, ntStatus } = error;
  const nt = ntStatus === undefined ? {} : { ntStatus: `0x${(ntStatus >>> 0).toString(16).padStart(8, '0')}` };
  return { error: message, code, status: statusName, ...nt };
}

function readVerdict(frame: Uint8Array): Verdict {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder().decode(frame));
    if (typeof parsed === 'object' && parsed !== null && 'ok' in parsed) {
      if (parsed.ok === true) return { protocol: '', ...parsed, ok: true };
      return { ok: false, error: 'error' in parsed ? String(parsed.error) : 'no reason given' };
    }
  } catch {
    // no JSON: it is refused below
  }
  throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'JSON frame' });
}

/** Answers the client's messages until it is done. */
export async function answer(frames: FrameSocket, end: Endpoint): Promise<void> {
  for (;;) {
    const frame = await frames.read();
    const kind = frame === undefined ? 'Q' : String.fromCharCode(frame[0] ?? 0);
    if (frame === undefined || kind === 'Q') return;
    try {
      const message = await openMessage(end, kind, frame.subarray(1));
      frames.write(...(await protectMessage(end, kind, Buffer.concat([ECHO, message]))));
    } catch (error) {
      frames.write(new TextEncoder().encode(`E${messageOf(error)}`));
    }
  }
}

/**
 * Sends a message of each kind and checks the answer.
 * @returns what the answers said
 * @throws SspiError when one does not verify
 */
export async function ask(
  frames: FrameSocket,
  end: Endpoint,
  kinds: readonly string[],
  text: string,
): Promise<string[]> {
  const answers: string[] = [];
  for (const kind of kinds) {
    frames.write(...(await protectMessage(end, kind, new TextEncoder().encode(text))));
    const frame = await frames.expect();
    const answered = String.fromCharCode(frame[0] ?? 0);
    const body = frame.subarray(1);
    if (answered !== kind) {
      const detail = answered === 'E' ? new TextDecoder().decode(body) : `'${answered}' in answer to '${kind}'`;
      throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'data frame', detail });
    }
    answers.push(new TextDecoder().decode(await openMessage(end, kind, body)));
  }
  return answers;
}

/** Says goodbye. */
export function quit(frames: FrameSocket): void {
  frames.write(new TextEncoder().encode('Q'));
}

async function protectMessage(end: Endpoint, kind: string, message: Uint8Array): Promise<Uint8Array[]> {
  const tag = new TextEncoder().encode(kind);
  switch (kind) {
    case 'W':
      return [tag, await end.wrap(message)];
    case 'S':
      return [tag, ...counted(message), await end.sign(message)];
    case 'M': {
      const { header, sealed } = await end.seal(message);
      return [tag, ...counted(header), sealed];
    }
    default:
      throw unknownKind();
  }
}

async function openMessage(end: Endpoint, kind: string, body: Uint8Array): Promise<Uint8Array> {
  switch (kind) {
    case 'W':
      return end.unwrap(body);
    case 'S': {
      const [message, signature] = splitCounted(body);
      await end.verify(message, signature);
      return message;
    }
    case 'M': {
      const [header, sealed] = splitCounted(body);
      return end.unseal({ header, sealed });
    }
    default:
      throw unknownKind();
  }
}

function unknownKind(): SspiError {
  return new SspiError('UNEXPECTED_MESSAGE', { stage: 'data frame', detail: 'unknown kind' });
}

function counted(octets: Uint8Array): [Uint8Array, Uint8Array] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(octets.length);
  return [length, octets];
}

function splitCounted(body: Uint8Array): [Uint8Array, Uint8Array] {
  const malformed = new SspiError('MALFORMED_TOKEN', { stage: 'data frame', detail: 'its length does not fit' });
  if (body.length < 4) throw malformed;
  const length = new DataView(body.buffer, body.byteOffset).getUint32(0);
  if (length > body.length - 4) throw malformed;
  return [body.subarray(4, 4 + length), body.subarray(4 + length)];
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString('hex');
}
