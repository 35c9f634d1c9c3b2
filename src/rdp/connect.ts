/**
 * The client's side of RDP Network Level Authentication: from a TCP connection to a TLS stream on which the server knows who
 * we are ([MS-RDPBCGR] 5.4; contract F1-F9). What comes next on it, MCS Connect-Initial, is the caller's.
 * @module
 */
import { connect as connectTcp } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { credsspInitiator } from '../credssp/index.ts';
import { type Host, systemHost } from '../host/index.ts';
import { isTrusted } from '../schannel/index.ts';
import {
  type AuthIdentity,
  type CertTrustStatus,
  type CredSspOptions,
  type DelegatedCredentials,
  type ExchangeEvent,
  ISC_REQ,
  type NtHashIdentity,
  Secret,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { judgeServer, type ServerCertificate } from './certificate.ts';
import { logOn, readAuthorization } from './logon.ts';
import { initiatorMechanism } from './mechanism.ts';
import { startTlsClient, type TlsVersions } from './tls.ts';
import { type Patience, Timing, Wire } from './wire.ts';
import {
  type ConnectionRequest,
  decodeConnectionConfirm,
  encodeConnectionRequest,
  failureName,
  frameConnectionPdu,
  protocolNames,
  RDP_NEG_REQ_FLAG,
  RDP_NEG_RSP_FLAG,
  RDP_PROTOCOL,
} from './x224.ts';

/** Where to connect, and as whom. */
export interface ConnectNlaOptions extends Patience {
  /** Name or address of the server as the user typed it: it makes the SPN `TERMSRV/host`, SNI, and is looked for in the certificate. */
  readonly host: string;
  /** Default 3389. */
  readonly port?: number | undefined;
  /** An open connection to the server, instead of a TCP connection to `host` and `port`. */
  readonly stream?: Duplex | undefined;
  readonly identity: AuthIdentity | NtHashIdentity;
  /**
   * What the server is given to work with in the user's name. Default: `identity` when it has a password, otherwise nothing.
   * `{ kind: 'none' }` keeps the password at home. The caller keeps it.
   */
  readonly credentials?: DelegatedCredentials | undefined;
  /**
   * Restricted Admin: log on by the network logon alone, and hand nothing over that a compromised server could use elsewhere (contract
   * X34). Refuses servers that do not support it. Default false.
   */
  readonly restrictedAdmin?: boolean | undefined;
  /** Instead of `TERMSRV/` and the host. */
  readonly targetName?: string | undefined;
  /** Refuse a server that neither Kerberos nor its certificate authenticates. Default false: most RDP certificates are self-signed. */
  readonly requireServerAuthentication?: boolean | undefined;
  /** PEM certificates that are trusted. Default: the ones that the runtime trusts. */
  readonly rootStore?: readonly string[] | undefined;
  /** User name for load balancers, as `Cookie: mstshash=`. Default: none, for it is sent in the clear. */
  readonly cookie?: string | undefined;
  readonly routingToken?: Uint8Array | undefined;
  readonly correlationId?: Uint8Array | undefined;
  /** Versions, delegation policy, `ntlm` without SPNEGO. */
  readonly credssp?: CredSspOptions | undefined;
  readonly tls?: TlsVersions | undefined;
  readonly platform?: Host | undefined;
  /** Is told of every message, without secrets. */
  readonly observe?: ((event: ExchangeEvent) => void) | undefined;
}

/** A connection on which the logon is over. */
export interface NlaConnection {
  /** For the RDP PDUs that follow. The caller owns it. */
  readonly stream: TLSSocket;
  /** `HYBRID` or `HYBRID_EX` of {@link RDP_PROTOCOL}; Client Core Data has to repeat it (contract F7). */
  readonly selectedProtocol: number;
  /** Bits of {@link RDP_NEG_RSP_FLAG}. */
  readonly serverFlags: number;
  /** The version of TSRequest that both sides speak. */
  readonly version: number;
  /** DER of the server's certificate. */
  readonly certificate: Uint8Array;
  readonly trust: CertTrustStatus;
}

const REQUESTED = RDP_PROTOCOL.SSL | RDP_PROTOCOL.HYBRID | RDP_PROTOCOL.HYBRID_EX; // contract F2: the older ones along with it
const DEFAULT_PORT = 3389;

/**
 * Connects to an RDP server and logs on with CredSSP.
 * @throws SspiError; or the reason of `signal` when that is aborted. The connection is destroyed then.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-rdpbcgr/db98be23-733a-4fd2-b086-002cd2ba02e5
 * @example
 * const { stream } = await connectNla({
 *   host: 'server.example.com',
 *   identity: { kind: 'identity', domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' },
 * });
 * stream.write(mcsConnectInitial);
 */
export async function connectNla(options: ConnectNlaOptions): Promise<NlaConnection> {
  const timing = new Timing(options);
  const plain = new Wire(options.stream ?? (await openTcp(options, timing)), timing);
  try {
    const { selectedProtocol, flags: serverFlags } = await negotiate(plain, options);
    const stream = await startTlsClient(plain.release(), options.host, options.tls ?? {}, timing);
    return await authenticate(stream, selectedProtocol, serverFlags, options, timing);
  } catch (error) {
    await plain.end();
    throw error;
  }
}

async function openTcp({ host, port = DEFAULT_PORT }: ConnectNlaOptions, timing: Timing): Promise<Duplex> {
  const socket = connectTcp({ host, port, noDelay: true });
  try {
    await timing.leg<void>('TCP', (resolve, reject) => {
      socket.once('connect', () => resolve());
      socket.once('error', (cause) => {
        reject(
          new SspiError('CONNECTION_FAILED', { stage: 'TCP', detail: `${host} port ${port}: ${cause.message}`, cause }),
        );
      });
      return () => undefined;
    });
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    throw error;
  }
  return socket;
}

async function negotiate(wire: Wire, options: ConnectNlaOptions): Promise<{ selectedProtocol: number; flags: number }> {
  const { cookie, routingToken, correlationId, restrictedAdmin = false } = options;
  const flags = restrictedAdmin ? RDP_NEG_REQ_FLAG.RESTRICTED_ADMIN_MODE_REQUIRED : 0;
  const negotiation = { flags, requestedProtocols: REQUESTED, correlationId };
  const request: ConnectionRequest = { cookie, routingToken, negotiation };
  await wire.write('X.224 Connection Request', encodeConnectionRequest(request));

  const stage = 'X.224 Connection Confirm';
  const confirm = decodeConnectionConfirm(await wire.read(stage, frameConnectionPdu));
  switch (confirm.kind) {
    case 'failure':
      throw new SspiError('RDP_NEGOTIATION_FAILED', { stage, detail: failureName(confirm.failureCode) });
    case 'none':
      throw new SspiError('RDP_NEGOTIATION_FAILED', { stage, detail: 'the server knows only standard RDP security' });
    case 'selected':
      // Without its word the server would want a password for the session, and the caller wants it to have none (contract F5).
      if (restrictedAdmin && (confirm.flags & RDP_NEG_RSP_FLAG.RESTRICTED_ADMIN_MODE_SUPPORTED) === 0)
        throw new SspiError('RDP_NEGOTIATION_FAILED', {
          stage,
          detail: 'the server does not support Restricted Admin',
        });
      if (confirm.selectedProtocol === RDP_PROTOCOL.HYBRID || confirm.selectedProtocol === RDP_PROTOCOL.HYBRID_EX)
        return confirm;
      throw new SspiError('RDP_NEGOTIATION_FAILED', {
        stage,
        detail: `the server chose ${protocolNames(confirm.selectedProtocol)}, which is not Network Level Authentication`,
      });
  }
}

async function authenticate(
  stream: TLSSocket,
  selectedProtocol: number,
  serverFlags: number,
  options: ConnectNlaOptions,
  timing: Timing,
): Promise<NlaConnection> {
  const wire = new Wire(stream, timing);
  const { host, identity, rootStore, platform = systemHost } = options;
  const credentials = options.restrictedAdmin === true ? NOTHING : (options.credentials ?? credentialsOf(identity));
  let context: SecurityContext | undefined;
  try {
    const server = judgeServer(stream, { host, rootStore, time: platform.clock.now() });
    context = await wire.within('identity', initiatorContext(options, credentials, server));
    const version = await logOn(wire, context, options.credssp?.maxVersion);
    if (selectedProtocol === RDP_PROTOCOL.HYBRID_EX) await readAuthorization(wire);
    wire.release();
    const { certificate, trust } = server;
    return { stream, selectedProtocol, serverFlags, version, certificate, trust };
  } catch (error) {
    await wire.end(error instanceof SspiError ? error.token : undefined);
    throw error;
  } finally {
    context?.dispose();
    if (options.credentials === undefined && credentials.kind === 'password') credentials.password.dispose();
  }
}

async function initiatorContext(
  options: ConnectNlaOptions,
  credentials: DelegatedCredentials,
  { publicKey, trust }: ServerCertificate,
): Promise<SecurityContext> {
  const { host, targetName = `TERMSRV/${host}`, requireServerAuthentication, credssp, platform, observe } = options;
  return credsspInitiator({
    publicKey,
    mechanism: await initiatorMechanism({ ...options, targetName }),
    credentials,
    serverCertificateTrusted: isTrusted(trust),
    targetName,
    flags:
      (credentials.kind === 'none' ? 0 : ISC_REQ.DELEGATE) |
      (requireServerAuthentication === true ? ISC_REQ.MUTUAL_AUTH : 0),
    options: credssp,
    host: platform,
    observe,
  });
}

const NOTHING: DelegatedCredentials = { kind: 'none' };

/** The identity's own password, as a copy that is wiped after the logon. */
function credentialsOf(identity: AuthIdentity | NtHashIdentity): DelegatedCredentials {
  if (identity.kind !== 'identity' || identity.password === undefined) return { kind: 'none' };
  const { user = '', domain = '', password } = identity;
  return {
    kind: 'password',
    user,
    domain,
    password: typeof password === 'string' ? Secret.fromText(password) : password.clone(),
  };
}
