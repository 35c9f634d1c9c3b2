/**
 * The client's logon once TLS is up, wherever TLS is: with CredSSP, and then the server's word on whether we may come in. Needs no
 * Node.js.
 * @module
 */
import {
  type CredSspFact,
  credsspInitiator,
  type DelegationFact,
  type MechanismContext,
  NEWEST_VERSION,
} from '../credssp/index.ts';
import { sha256 } from '../crypto/index.ts';
import type { Host } from '../host/index.ts';
import {
  CREDSSP_SERVER_AUTH,
  type CredSspOptions,
  type DelegatedCredentials,
  type ExchangeEvent,
  ISC_REQ,
  Secret,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import type { NlaFact, NlaObserver, Report } from './events.ts';
import { type Line, type LoggedOn, logOn, readAuthorization } from './logon.ts';
import { initiatorMechanism, type NlaIdentity } from './mechanism.ts';
import type { Negotiated, RequestOptions } from './negotiation.ts';
import type { Authorization, ClientLogon, ClientSession } from './session.ts';
import type { Patience } from './timing.ts';

/** Who logs on where, and what the server gets to work with. */
export interface ClientOptions extends RequestOptions, Patience {
  /** Name or address of the server as the user typed it: it makes the SPN `TERMSRV/host` (contract F8). */
  readonly host: string;
  readonly identity: NlaIdentity;
  /** Instead of `TERMSRV/` and the host. */
  readonly targetName?: string | undefined;
  /** Refuse a server that neither Kerberos nor its certificate authenticates. Default false: most RDP certificates are self-signed. */
  readonly requireServerAuthentication?: boolean | undefined;
  /** Versions, delegation policy, `ntlm` without SPNEGO. */
  readonly credssp?: CredSspOptions | undefined;
  /** Is told of everything that happens, without secrets. */
  readonly observe?: NlaObserver | undefined;
}

/** What is known of the server after the TLS handshake, in which it has proved that it holds the key of its certificate. */
export interface KnownServer {
  /** DER. */
  readonly certificate: Uint8Array;
  /** Content of its SubjectPublicKey BIT STRING (contract X30). */
  readonly publicKey: Uint8Array;
  /** Whether the certificate authenticates the server (contract Y6). */
  readonly trusted: boolean;
}

/** What a logon came to. */
export interface ClientOutcome {
  readonly identity: ClientLogon;
  readonly authorization: Authorization;
  readonly session: ClientSession;
}

/**
 * Logs on.
 * @throws SspiError, whose `token` is still to be sent if there is one; what the line throws
 */
export async function authenticate(
  line: Line,
  negotiated: Negotiated,
  server: KnownServer,
  options: ClientOptions & { readonly platform: Host },
  report: Report,
): Promise<ClientOutcome> {
  const { host, identity: given, targetName = `TERMSRV/${host}`, credssp } = options;
  const credentials = negotiated.restrictedAdmin ? NOTHING : (options.credentials ?? credentialsOf(given));
  let delegation: DelegationFact | undefined;
  const watch = (fact: CredSspFact): void => {
    if (fact.kind === 'delegation') {
      const { kind: _, ...known } = fact;
      delegation = known;
    }
    report.tell(fact);
  };
  let context: SecurityContext | undefined;
  try {
    const began = await line.within(
      'identity',
      nlaClientContext(server, { ...options, credentials }, report.exchange, watch),
    );
    const { mechanism } = began;
    context = began.context;
    const ownVersion = credssp?.maxVersion ?? NEWEST_VERSION;
    const logon = await logOn(line, { context, mechanism, ownVersion }, report);
    const identity = identityOf(context, mechanism, logon, targetName);
    const authorization = await readAuthorization(line, negotiated.selectedProtocol, report);
    if (delegation === undefined) throw new SspiError('INTERNAL_ERROR', { stage: 'delegation' });
    const { request: _, ...agreed } = negotiated;
    const { certificate } = server;
    const publicKeySha256 = sha256(server.publicKey);
    const facts = { ...agreed, certificate, publicKeySha256 };
    return { identity, authorization, session: { ...facts, ...logon, delegation } };
  } finally {
    context?.dispose();
    if (options.credentials === undefined && credentials.kind === 'password') credentials.password.dispose();
  }
}

/**
 * The context of a client behind TLS, which nobody has stepped yet: for whoever replays a recorded logon.
 * @param server - its key, and whether its certificate authenticates it
 * @param report - is told of the proofs and of the delegation
 */
export async function nlaClientContext(
  server: Pick<KnownServer, 'publicKey' | 'trusted'>,
  options: Omit<ClientOptions, 'observe'> & { readonly platform: Host; readonly credentials: DelegatedCredentials },
  observe?: (event: ExchangeEvent) => void,
  report?: (fact: CredSspFact) => void,
): Promise<{ readonly context: SecurityContext; readonly mechanism: MechanismContext }> {
  const { host, identity, credentials, targetName = `TERMSRV/${host}`, credssp, platform } = options;
  const mechanism = await initiatorMechanism({
    identity,
    targetName,
    mechanism: credssp?.mechanism,
    host: platform,
    observe,
  });
  const context = credsspInitiator({
    publicKey: server.publicKey,
    mechanism,
    credentials,
    serverCertificateTrusted: server.trusted,
    targetName,
    flags: flagsFor(credentials, options),
    options: credssp,
    host: platform,
    observe,
    report,
  });
  return { context, mechanism };
}

/** What an observer is told of a certificate. */
export function certificateFact(
  { certificate, publicKey }: Omit<KnownServer, 'trusted'>,
  verdict: (NlaFact & { kind: 'certificate' })['verdict'],
): NlaFact {
  return { kind: 'certificate', certificate, publicKeySha256: sha256(publicKey), verdict };
}

function flagsFor(
  { kind }: DelegatedCredentials,
  { requireServerAuthentication }: Pick<ClientOptions, 'requireServerAuthentication'>,
): number {
  return (kind === 'none' ? 0 : ISC_REQ.DELEGATE) | (requireServerAuthentication === true ? ISC_REQ.MUTUAL_AUTH : 0);
}

function identityOf(
  context: SecurityContext,
  mechanism: MechanismContext,
  { mechanism: { chosen } }: LoggedOn,
  targetName: string,
): ClientLogon {
  const { flags } = context.query('SERVER_AUTH_FLAGS');
  return {
    name: mechanism.query('NAMES').userName,
    mechanism: chosen,
    targetName,
    serverAuthentication: [
      ...((flags & CREDSSP_SERVER_AUTH.NEGOTIATE) === 0 ? [] : (['Kerberos'] as const)),
      ...((flags & CREDSSP_SERVER_AUTH.CERTIFICATE) === 0 ? [] : (['certificate'] as const)),
    ],
  };
}

const NOTHING: DelegatedCredentials = { kind: 'none' };

/** The identity's own password, as a copy that is wiped after the logon; of other identities nothing can be handed over. */
export function credentialsOf(identity: NlaIdentity): DelegatedCredentials {
  if (identity.kind !== 'identity' || identity.password === undefined) return NOTHING;
  const { user = '', domain = '', password } = identity;
  return {
    kind: 'password',
    user,
    domain,
    password: typeof password === 'string' ? Secret.fromText(password) : password.clone(),
  };
}
