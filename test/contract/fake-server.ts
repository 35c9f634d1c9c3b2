/**
 * A server that does whatever a test wants: TLS is real, what it says inside TLS is the test's. With it the client's door is led into
 * every situation that the reference page lists.
 */

import type { ContextCallResult, CredHandle, CtxtHandle, Sspi } from '../../src/api/index.ts';
import { credsspAcceptor, decodeTSRequest, encodeTSRequest, type TSRequest } from '../../src/credssp/index.ts';
import { systemHost } from '../../src/host/index.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { schannelPackage, subjectPublicKey } from '../../src/schannel/index.ts';
import {
  type AcceptorIdentity,
  ASC_REQ,
  asSspiError,
  type CredSspOptions,
  contentOf,
  ISC_REQ,
  type SchannelCredential,
  SEC_E,
  SEC_I,
  SECBUFFER,
  SECPKG_CRED,
  type SecBufferDesc,
  type SecurityContext,
  type StreamProtection,
  secBuffer,
} from '../../src/sspi/index.ts';
import { desc, received } from '../api/door.ts';
import { ACCEPTOR, SERVER_TLS } from './support.ts';

/** Plaintext that a server sends, given what a client said: octets of any kind, each piece in a record of its own. */
export type Answer = (request: TSRequest, index: number) => Promise<Said> | Said;
type Said = Uint8Array | readonly Uint8Array[] | undefined;

/** What came of a client's exchange. */
export interface ClientEnd {
  readonly result: ContextCallResult;
  readonly context: CtxtHandle | undefined;
  /** What the client sent at the end. */
  readonly token: Uint8Array;
  /** The TSRequests that reached the server. */
  readonly requests: readonly TSRequest[];
  /** How many calls the client made. */
  readonly calls: number;
  /** The TLS of the server, for those who go on with it. */
  readonly server: SecurityContext;
}

export interface FakeServerOptions {
  readonly tls?: SchannelCredential | undefined;
  readonly contextReq?: number | undefined;
  /** Null: left out. */
  readonly targetName?: string | null | undefined;
  /** What the client's first call brings; usually nothing. */
  readonly first?: SecBufferDesc | undefined;
  /** Changes the TLS records of the server, or replaces them. */
  readonly tamper?: ((records: Uint8Array, index: number) => Uint8Array) | undefined;
}

/** Runs the client of a table against a server that answers as told, until the client has nothing more to ask. */
export async function clientAgainst(
  sspi: Sspi,
  credential: CredHandle,
  answer: Answer,
  options: FakeServerOptions = {},
): Promise<ClientEnd> {
  const {
    tls = SERVER_TLS,
    contextReq = ISC_REQ.DELEGATE,
    targetName = 'TERMSRV/host.example.test',
    tamper,
    first = null,
  } = options;
  const server = await tlsServer(tls);
  const requests: TSRequest[] = [];
  let context: CtxtHandle | undefined;
  let input: Uint8Array | undefined;
  for (let calls = 1; ; calls++) {
    const output = secBuffer(SECBUFFER.TOKEN);
    const result = await sspi.initializeSecurityContext({
      ...(context === undefined ? { credential, targetName } : { context }),
      contextReq: contextReq | ISC_REQ.ALLOCATE_MEMORY,
      input: input === undefined ? first : received(input).desc,
      output: desc(output),
    });
    context = result.context ?? context;
    const token = contentOf(output);
    if (result.status === SEC_E.OK) await answerTo(server, token, requests, answer);
    if (result.status !== SEC_I.CONTINUE_NEEDED || calls > 20)
      return { result, context, token, requests, calls, server };
    const records = await answerTo(server, token, requests, answer);
    input = tamper === undefined ? records : tamper(records, calls);
    if (input.length === 0) return { result, context, token, requests, calls, server };
  }
}

/** The TLS of a server that has not begun. */
export async function tlsServer(tls: SchannelCredential): Promise<SecurityContext> {
  const acquired = await schannelPackage.acquire({ use: SECPKG_CRED.INBOUND, authData: tls, host: systemHost });
  return acquired.accept({ flags: 0 });
}

/** What the server says to a token of the client's. */
export async function answerTo(
  server: SecurityContext,
  token: Uint8Array,
  requests: TSRequest[],
  answer: Answer,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let rest = token;
  if (server.state === 'negotiating') {
    const step = await server.step(rest);
    if (!('token' in step)) throw new TypeError('whole records are expected');
    parts.push(step.token);
    rest = rest.subarray(step.consumed);
  }
  while (rest.length > 0) {
    const stream = streamOf(server);
    const record = await stream.decrypt(rest);
    if (record.kind !== 'data') throw new TypeError(record.kind);
    rest = rest.subarray(record.consumed);
    if (record.plaintext.length === 0) continue;
    const request = decodeTSRequest(record.plaintext);
    const said = await answer(request, requests.push(request) - 1);
    if (said === undefined) continue;
    for (const piece of said instanceof Uint8Array ? [said] : said) parts.push(await stream.encrypt(piece));
  }
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function streamOf({ messages }: SecurityContext): StreamProtection {
  if (messages.kind !== 'stream') throw new TypeError('TLS is a stream');
  return messages;
}

/** An honest server behind the TLS of {@link clientAgainst}, for tests that change only one thing. */
export async function honest(
  more: {
    readonly options?: CredSspOptions;
    readonly identity?: AcceptorIdentity;
    readonly tls?: SchannelCredential;
  } = {},
): Promise<{
  readonly answer: (request: TSRequest) => Promise<TSRequest | undefined>;
  readonly context: SecurityContext;
}> {
  const { options, identity = ACCEPTOR, tls = SERVER_TLS } = more;
  const inner = await ntlmPackage.acquire({ use: SECPKG_CRED.INBOUND, authData: identity, host: systemHost });
  const [, base64 = ''] = /CERTIFICATE-----([^-]+)-----/.exec(tls.certificates?.[0]?.certificate ?? '') ?? [];
  const context = credsspAcceptor({
    publicKey: subjectPublicKey(Uint8Array.from(Buffer.from(base64, 'base64'))),
    mechanism: inner.accept({ flags: ASC_REQ.INTEGRITY | ASC_REQ.CONFIDENTIALITY }),
    flags: 0,
    options,
  });
  const answer = async (request: TSRequest): Promise<TSRequest | undefined> => {
    try {
      const step = await context.step(encodeTSRequest(request));
      return 'token' in step && step.token.length > 0 ? decodeTSRequest(step.token) : undefined;
    } catch (error) {
      const { token } = asSspiError(error);
      return token === undefined ? undefined : decodeTSRequest(token);
    }
  };
  return { answer, context };
}

/** The answer of an honest server, as octets. */
export async function honestAnswer(more: Parameters<typeof honest>[0] = {}): Promise<Answer> {
  const { answer } = await honest(more);
  return async (request) => {
    const reply = await answer(request);
    return reply === undefined ? undefined : encodeTSRequest(reply);
  };
}
