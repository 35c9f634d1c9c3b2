/**
 * The client's side of CredSSP, [MS-CSSP] 3.1.5, once the TLS key of the server is known.
 * @module
 */
import { equalInConstantTime } from '../crypto/index.ts';
import {
  CREDSSP_SERVER_AUTH,
  type CredSspOptions,
  type DelegatedCredentials,
  type Exchange,
  ISC_REQ,
  ISC_RET,
  type Leg,
  type Scope,
  SEC_E,
  SspiError,
} from '../sspi/index.ts';
import { isLoopback, publishInnerAttributes, publishLifespan } from './attributes.ts';
import { bindingProof, FIRST_HASHED_VERSION } from './binding.ts';
import { type Content, TSRequestChannel } from './channel.ts';
import { encodeTSCredentials } from './credentials.ts';
import type { CredSspFact } from './facts.ts';
import { InnerMechanism, type MechanismContext } from './mechanism.ts';
import { NONCE_LENGTH, type TSRequest } from './messages.ts';
import { couldDelegate, DEFAULT_DELEGATION_POLICY, delegationRule } from './policy.ts';

/** What the client's side has to know. */
export interface InitiatorOptions {
  /** Content of the SubjectPublicKey BIT STRING of the server's certificate, without the unused-bits octet (contract X30). */
  readonly publicKey: Uint8Array;
  /** A fresh initiator context of Negotiate or NTLM with integrity and confidentiality. The exchange takes it over. */
  readonly mechanism: MechanismContext;
  /** What to delegate when `ISC_REQ.DELEGATE` is set. The caller keeps it. */
  readonly credentials: DelegatedCredentials;
  /** Whether the server's certificate is trusted and matches the target: then it authenticates the server (contract Y6). */
  readonly serverCertificateTrusted: boolean;
  readonly targetName?: string | undefined;
  /** Bits of `ISC_REQ`. */
  readonly flags: number;
  readonly options?: CredSspOptions | undefined;
  /** When the channel around the exchange ends: FILETIME ticks, UTC; absent: never. */
  readonly channelExpiry?: bigint | undefined;
  /** Is told what no message shows. */
  readonly report?: ((fact: CredSspFact) => void) | undefined;
}

const EMPTY = new Uint8Array(0);

/** TSRequests in, TSRequests out; nothing that could hurt leaves before the server has proved that it sees our TLS key. */
export async function* initiate(scope: Scope, options: InitiatorOptions): Exchange {
  const { publicKey, flags, options: settings = {} } = options;
  const mechanism = new InnerMechanism(scope.own(options.mechanism));
  const channel = new TSRequestChannel('initiator', settings, (event) => scope.trace(event));

  // Until the mechanism has its say the certificate speaks alone (contract Q2).
  const byCertificate = options.serverCertificateTrusted ? CREDSSP_SERVER_AUTH.CERTIFICATE : 0;
  scope.publish('SERVER_AUTH_FLAGS', () => ({ flags: byCertificate }));

  // No logon at all against a server that could never be delegated to (contract Y11).
  assertCouldDelegate(options);

  // Steps 1-2: authenticate both ends, tokens inside negoTokens, until the mechanism can seal.
  let token: Uint8Array = await mechanism.step();
  while (!mechanism.canSeal) {
    const reply = yield* exchange(channel, { negoTokens: [{ negoToken: token }] });
    token = await mechanism.step(expectTokens(reply));
  }
  mechanism.assertProtected();

  // Step 3: prove that we see the same TLS key as the server. The last mechanism token rides along.
  const nonce = channel.version >= FIRST_HASHED_VERSION ? scope.host.random.bytes(NONCE_LENGTH) : new Uint8Array(0);
  const version = channel.version;
  const binding = { kind: 'binding', form: version >= FIRST_HASHED_VERSION ? 'hash' : 'key', version } as const;
  options.report?.({ ...binding, proof: 'sent' });
  let reply = yield* exchange(channel, {
    ...tokens(token),
    pubKeyAuth: mechanism.seal(bindingProof('clientToServer', version, nonce, publicKey)),
    clientNonce: version >= FIRST_HASHED_VERSION ? nonce : undefined,
  });

  // A mechListMIC or AP-REP may still be outstanding: with the server's proof or before it (contract X19, fault Z5).
  // Whoever has nothing to say waits for the proof without a word; how long, the limits of the exchange tell.
  token = reply.negoTokens === undefined ? EMPTY : await mechanism.step(reply.negoTokens);
  while (reply.pubKeyAuth === undefined) {
    reply = yield* exchange(channel, token.length === 0 ? undefined : tokens(token));
    token = reply.negoTokens === undefined ? EMPTY : await mechanism.step(reply.negoTokens);
  }
  if (!mechanism.complete)
    throw new SspiError('UNEXPECTED_MESSAGE', {
      stage: 'pubKeyAuth',
      detail: 'it came before the end of authentication',
    });
  if (channel.version !== version && version >= FIRST_HASHED_VERSION !== channel.version >= FIRST_HASHED_VERSION)
    throw new SspiError('VERSION_CHANGED', {
      stage: 'pubKeyAuth',
      detail: 'the form of the proof was chosen before the server spoke',
    });

  // Step 4: the server proves the same to us. Until this line nothing that could hurt has been sent.
  const proof = mechanism.unseal(reply.pubKeyAuth);
  if (!equalInConstantTime(proof, bindingProof('serverToClient', version, nonce, publicKey)))
    throw new SspiError('PUBLIC_KEY_MISMATCH', { stage: 'pubKeyAuth' });
  options.report?.({ ...binding, proof: 'verified' });

  // Step 5: delegate, as far as the policy of this machine allows for this target.
  const serverAuthentication = byCertificate | byMechanism(mechanism);
  scope.publish('SERVER_AUTH_FLAGS', () => ({ flags: serverAuthentication }));
  publishInnerAttributes(scope, mechanism.context, 'initiator');
  scope.publish('IS_LOOPBACK', () => ({ loopback: isLoopback(options.targetName) }));
  const delegated = decide(options, serverAuthentication !== 0);
  const plaintext = encodeTSCredentials(delegated);
  const authInfo = mechanism.seal(plaintext);
  plaintext.fill(0);

  const last = channel.leg({ authInfo });
  return {
    token: 'token' in last ? last.token : undefined,
    expiry: publishLifespan(scope, mechanism.context, options.channelExpiry),
    flags: grantedFlags(flags, serverAuthentication !== 0, delegated.kind !== 'none'),
  };
}

// Not within `initiate`: a generator function that is made anew for each exchange keeps what it sees alive for long.
async function* exchange(
  channel: TSRequestChannel,
  content: Content | undefined,
): AsyncGenerator<Leg, TSRequest, Uint8Array> {
  const reply = channel.receive(yield content === undefined ? { token: EMPTY } : channel.leg(content));
  if (reply.authInfo !== undefined)
    throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'authInfo', detail: 'it is the client that delegates' });
  return reply;
}

function tokens(token: Uint8Array): Content {
  return token.length === 0 ? {} : { negoTokens: [{ negoToken: token }] };
}

function expectTokens(reply: TSRequest): readonly { readonly negoToken: Uint8Array }[] {
  if (reply.negoTokens === undefined || reply.pubKeyAuth !== undefined)
    throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'negoTokens', detail: 'authentication is not over yet' });
  return reply.negoTokens;
}

const delegates = ({ flags }: InitiatorOptions): boolean => (flags & ISC_REQ.DELEGATE) !== 0;

/** Remote credential guard sends nothing reusable, so the allow lists do not apply to it (contract Y10). */
const underPolicy = (options: InitiatorOptions): boolean =>
  delegates(options) && options.credentials.kind !== 'none' && options.credentials.kind !== 'remote-guard';

function assertCouldDelegate(options: InitiatorOptions): void {
  const { policy = DEFAULT_DELEGATION_POLICY, source = 'fresh' } = options.options ?? {};
  const target = options.targetName ?? '';
  if (!underPolicy(options) || couldDelegate(policy, source, target)) return;
  const rule = delegationRule(policy, source, target, true); // no authentication would help
  options.report?.({ kind: 'delegation', delegated: 'none', target, source, serverAuthenticated: undefined, rule });
  throw new SspiError('DELEGATION_POLICY', {
    stage: 'delegation',
    detail: `target '${target}', ${source} credentials`,
  });
}

/** The final word: first whether the server had to be authenticated, then the lists (contract Y12-Y14). */
function decide(options: InitiatorOptions, serverAuthenticated: boolean): DelegatedCredentials {
  const { policy = DEFAULT_DELEGATION_POLICY, source = 'fresh' } = options.options ?? {};
  const target = options.targetName ?? '';
  const detail = `target '${target}', ${source} credentials, server ${serverAuthenticated ? '' : 'not '}authenticated`;
  if ((options.flags & ISC_REQ.MUTUAL_AUTH) !== 0 && !serverAuthenticated)
    throw new SspiError('MUTUAL_AUTH_FAILED', { stage: 'delegation', detail });
  const credentials: DelegatedCredentials = delegates(options) ? options.credentials : { kind: 'none' };
  const rule = underPolicy(options) ? delegationRule(policy, source, target, serverAuthenticated) : undefined;
  const delegated = rule === undefined || rule.decision === 'allowed' ? credentials.kind : 'none';
  options.report?.({ kind: 'delegation', delegated, target, source, serverAuthenticated, rule });
  switch (rule?.decision) {
    case undefined:
    case 'allowed':
      return credentials;
    case 'denied':
      throw new SspiError('DELEGATION_POLICY', { stage: 'delegation', detail });
    case 'needs-server-authentication':
      throw new SspiError('POLICY_NTLM_ONLY', { stage: 'delegation', detail, status: SEC_E.POLICY_NLTM_ONLY });
  }
}

/** Kerberos with mutual authentication (contract Q5, Y6). NTLM authenticates no server. */
function byMechanism(mechanism: InnerMechanism): number {
  const context = mechanism.context.inner ?? mechanism.context;
  const mutual = (context.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH) !== 0 && context.info.name !== 'NTLM';
  return mutual ? CREDSSP_SERVER_AUTH.NEGOTIATE : 0;
}

const ALWAYS =
  ISC_RET.REPLAY_DETECT |
  ISC_RET.SEQUENCE_DETECT |
  ISC_RET.CONFIDENTIALITY |
  ISC_RET.INTEGRITY |
  ISC_RET.MANUAL_CRED_VALIDATION;
const ECHOED = ISC_RET.CONNECTION | ISC_RET.STREAM | ISC_RET.EXTENDED_ERROR;

/** Contract R44: what holds, not what was asked for. */
function grantedFlags(requested: number, serverAuthenticated: boolean, delegated: boolean): number {
  return (
    ALWAYS | (requested & ECHOED) | (serverAuthenticated ? ISC_RET.MUTUAL_AUTH : 0) | (delegated ? ISC_RET.DELEGATE : 0)
  );
}
