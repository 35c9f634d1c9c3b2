/**
 * The server's side of CredSSP, [MS-CSSP] 3.2.5, behind TLS.
 * @module
 */
import { equalInConstantTime } from '../crypto/index.ts';
import {
  ASC_RET,
  asSspiError,
  type CredSspOptions,
  type DelegatedCredentials,
  type Established,
  type Exchange,
  type Leg,
  NTSTATUS,
  type Scope,
  SspiError,
} from '../sspi/index.ts';
import { publishInnerAttributes, publishLifespan } from './attributes.ts';
import { bindingProof, FIRST_HASHED_VERSION } from './binding.ts';
import { type Content, TSRequestChannel } from './channel.ts';
import { decodeTSCredentials, disposeCredentials } from './credentials.ts';
import type { CredSspFact } from './facts.ts';
import { InnerMechanism, type MechanismContext } from './mechanism.ts';
import type { TSRequest } from './messages.ts';

/** What the server's side has to know. */
export interface AcceptorOptions {
  /** Content of the SubjectPublicKey BIT STRING of the certificate that was sent, without the unused-bits octet (X30). */
  readonly publicKey: Uint8Array;
  /** A fresh acceptor context of Negotiate or NTLM. The exchange takes it over. */
  readonly mechanism: MechanismContext;
  /** Bits of `ASC_REQ`. */
  readonly flags: number;
  readonly options?: CredSspOptions | undefined;
  /** When the channel around the exchange ends: FILETIME ticks, UTC; absent: never. */
  readonly channelExpiry?: bigint | undefined;
  /** Is told what no message shows. */
  readonly report?: ((fact: CredSspFact) => void) | undefined;
}

/**
 * TSRequests in, TSRequests out. A refusal carries what tells the client why, if its version knows error codes.
 * @param first - the client's first TSRequest; absent when it is still to come
 */
export async function* accept(scope: Scope, options: AcceptorOptions, first?: Uint8Array): Exchange {
  const channel = new TSRequestChannel('acceptor', options.options ?? {}, (event) => scope.trace(event));
  try {
    return yield* serve(scope, options, channel, first ?? (yield { token: new Uint8Array(0) }));
  } catch (error) {
    const failure = asSspiError(error);
    const refusal = channel.refusal(failure);
    throw refusal === undefined ? failure : failure.withToken(refusal);
  }
}

async function* serve(scope: Scope, options: AcceptorOptions, channel: TSRequestChannel, first: Uint8Array): Exchange {
  const { publicKey, flags } = options;
  const mechanism = new InnerMechanism(scope.own(options.mechanism));

  // Steps 1-2: authenticate. The message that holds the client's proof may hold its last token too.
  let request = channel.receive(first);
  let token = await mechanism.step(expectTokens(request));
  while (request.pubKeyAuth === undefined) {
    request = yield* exchange(channel, tokens(token));
    token = await advance(mechanism, request);
  }
  if (!mechanism.complete) throw unexpected('pubKeyAuth', 'authentication is not over yet');
  mechanism.assertProtected();
  publishInnerAttributes(scope, mechanism.context, 'acceptor');

  // Steps 3-4: the client's proof that it sees our TLS key, and ours.
  const nonce = expectNonce(channel);
  const proof = mechanism.unseal(request.pubKeyAuth);
  if (!equalInConstantTime(proof, bindingProof('clientToServer', channel.version, nonce, publicKey)))
    throw new SspiError('PUBLIC_KEY_MISMATCH', { stage: 'pubKeyAuth', ntStatus: NTSTATUS.ACCESS_DENIED });
  const { version } = channel;
  const binding = { kind: 'binding', form: version >= FIRST_HASHED_VERSION ? 'hash' : 'key', version } as const;
  options.report?.({ ...binding, proof: 'verified' });
  options.report?.({ ...binding, proof: 'sent' });
  request = yield* exchange(channel, {
    ...tokens(token),
    pubKeyAuth: mechanism.seal(bindingProof('serverToClient', channel.version, nonce, publicKey)),
  });

  // Step 5: what the client delegates. Whether it is of use is for the application to find out (contract C14).
  if (request.authInfo === undefined || request.negoTokens !== undefined || request.pubKeyAuth !== undefined)
    throw unexpected('authInfo', 'credentials are expected here');
  const plaintext = mechanism.unseal(request.authInfo);
  const delegated = decodeAndWipe(plaintext);
  scope.own({ dispose: () => disposeCredentials(delegated) });
  scope.publish('CREDS', () => delegated);
  scope.publish('CREDS_2', () => delegated);
  const expiry = publishLifespan(scope, mechanism.context, options.channelExpiry);
  return { ...established(mechanism, flags, delegated), expiry };
}

// Not within `serve`: a generator function that is made anew for each exchange keeps what it sees alive for long.
async function* exchange(
  channel: TSRequestChannel,
  content: Content | undefined,
): AsyncGenerator<Leg, TSRequest, Uint8Array> {
  const leg = content === undefined ? { token: new Uint8Array(0) } : channel.leg(content);
  return channel.receive(yield leg);
}

/** A mechanism that is through has no use for another token: only the proof may follow it (contract C16). */
async function advance(mechanism: InnerMechanism, request: TSRequest): Promise<Uint8Array> {
  const { negoTokens, pubKeyAuth, authInfo } = request;
  if (authInfo !== undefined) throw unexpected('authInfo', 'the TLS key is not proved yet');
  if (negoTokens === undefined && pubKeyAuth === undefined) throw unexpected('TSRequest', 'neither token nor proof');
  if (negoTokens === undefined) return new Uint8Array(0);
  if (mechanism.complete) throw unexpected('negoTokens', 'authentication is over');
  return mechanism.step(negoTokens);
}

function decodeAndWipe(plaintext: Uint8Array): DelegatedCredentials {
  try {
    return decodeTSCredentials(plaintext);
  } finally {
    plaintext.fill(0);
  }
}

function established(mechanism: InnerMechanism, flags: number, delegated: DelegatedCredentials): Established {
  const inner = mechanism.context.query('FLAGS').flags;
  return {
    flags:
      ALWAYS |
      (flags & ECHOED) |
      (inner & (ASC_RET.MUTUAL_AUTH | ASC_RET.IDENTIFY)) |
      (delegated.kind === 'none' ? 0 : ASC_RET.DELEGATE),
  };
}

const ALWAYS = ASC_RET.REPLAY_DETECT | ASC_RET.SEQUENCE_DETECT | ASC_RET.CONFIDENTIALITY | ASC_RET.INTEGRITY;
const ECHOED = ASC_RET.CONNECTION | ASC_RET.STREAM | ASC_RET.EXTENDED_ERROR;

function tokens(token: Uint8Array): Content | undefined {
  return token.length === 0 ? undefined : { negoTokens: [{ negoToken: token }] };
}

function expectTokens(request: TSRequest): readonly { readonly negoToken: Uint8Array }[] {
  if (request.authInfo !== undefined) throw unexpected('authInfo', 'the TLS key is not proved yet');
  if (request.negoTokens === undefined) throw unexpected('negoTokens', 'the exchange begins with authentication');
  return request.negoTokens;
}

function expectNonce(channel: TSRequestChannel): Uint8Array {
  if (channel.version < FIRST_HASHED_VERSION) return new Uint8Array(0);
  if (channel.clientNonce === undefined)
    throw new SspiError('NONCE_INVALID', { stage: 'pubKeyAuth', detail: 'it is missing' });
  return channel.clientNonce;
}

function unexpected(stage: string, detail: string): SspiError {
  return new SspiError('UNEXPECTED_MESSAGE', { stage, detail });
}
