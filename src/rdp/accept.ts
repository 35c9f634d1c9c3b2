/**
 * The server's side of RDP Network Level Authentication: from an accepted connection to a TLS stream whose user is known and
 * whose credentials are there ([MS-RDPBCGR] 5.4; contract F1-F9). What comes next on it, MCS Connect-Initial, is the caller's.
 * @module
 */
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { credsspAcceptor } from '../credssp/index.ts';
import type { Host } from '../host/index.ts';
import {
  type AcceptorIdentity,
  type CertificateWithKey,
  type ClientIdentity,
  type CredSspOptions,
  type DelegatedCredentials,
  type ExchangeEvent,
  NTSTATUS,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { ownPublicKey } from './certificate.ts';
import { AUTHORIZATION, encodeAuthorization, logOn } from './logon.ts';
import { acceptorMechanism } from './mechanism.ts';
import { startTlsServer, type TlsVersions } from './tls.ts';
import { type Patience, Timing, Wire } from './wire.ts';
import {
  type ConnectionRequest,
  decodeConnectionRequest,
  encodeConnectionConfirm,
  frameConnectionPdu,
  protocolNames,
  RDP_NEG_FAILURE_CODE,
  RDP_NEG_REQ_FLAG,
  RDP_NEG_RSP_FLAG,
  RDP_PROTOCOL,
} from './x224.ts';

/** Who is asked in, and on what terms. */
export interface AcceptNlaOptions extends Patience {
  /** A connection that a client has opened; nothing of it read yet. */
  readonly stream: Duplex;
  readonly certificate: CertificateWithKey;
  /** Where the accounts are, and what a client has to prove. */
  readonly identity: AcceptorIdentity;
  /** Bits of {@link RDP_PROTOCOL} to offer: HYBRID, HYBRID_EX or both, which is the default. */
  readonly protocols?: number | undefined;
  /**
   * Let clients log on with Restricted Admin, handing no credentials over. Default false, as on Windows, where `DisableRestrictedAdmin`
   * has to be set to 0 (contract Y16): whoever has a hash needs no password then.
   */
  readonly restrictedAdmin?: boolean | undefined;
  /**
   * Whether a user whose password is right may use this server. Default: everybody may. Under HYBRID_EX the client is told
   * (Early User Authorization Result), otherwise it sees the connection close.
   */
  readonly authorize?:
    | ((identity: ClientIdentity, credentials: DelegatedCredentials) => boolean | Promise<boolean>)
    | undefined;
  /** Versions of TSRequest. */
  readonly credssp?: Pick<CredSspOptions, 'maxVersion' | 'minVersion'> | undefined;
  readonly tls?: TlsVersions | undefined;
  readonly platform?: Host | undefined;
  /** Is told of every message, without secrets. */
  readonly observe?: ((event: ExchangeEvent) => void) | undefined;
}

/** A client that is logged on. */
export interface NlaSession extends Disposable {
  /** For the RDP PDUs that follow. The caller owns it. */
  readonly stream: TLSSocket;
  /** As the authentication proved it. */
  readonly identity: ClientIdentity;
  /** What the client handed over, unchecked (contract C14). Zeroised by `dispose`. */
  readonly credentials: DelegatedCredentials;
  /** `HYBRID` or `HYBRID_EX` of {@link RDP_PROTOCOL}; Client Core Data has to repeat it (contract F7). */
  readonly selectedProtocol: number;
  /** The version of TSRequest that both sides speak. */
  readonly version: number;
  /** The client asked for Restricted Admin, and may have it: there will be no credentials. */
  readonly restrictedAdmin: boolean;
  /** What the client asked for in the clear: cookie, protocols, flags. */
  readonly request: ConnectionRequest;
  /** Zeroises the credentials. The stream stays open. */
  dispose(): void;
}

/**
 * Receives an RDP client and makes it log on with CredSSP.
 * @throws SspiError; or the reason of `signal` when that is aborted. The client has been told why as far as its version knows
 *   how (contract C13), and the connection is destroyed.
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-rdpbcgr/db98be23-733a-4fd2-b086-002cd2ba02e5
 * @example
 * createServer(async (stream) => {
 *   using session = await acceptNla({ stream, certificate, identity: { kind: 'acceptor', accounts } });
 *   console.log(session.identity.name);
 * }).listen(3389);
 */
export async function acceptNla(options: AcceptNlaOptions): Promise<NlaSession> {
  const timing = new Timing(options);
  const plain = new Wire(options.stream, timing);
  try {
    const { request, selectedProtocol } = await negotiate(plain, options);
    const stream = await startTlsServer(plain.release(), options.certificate, options.tls ?? {}, timing);
    return await authenticate(stream, request, selectedProtocol, options, timing);
  } catch (error) {
    await plain.end();
    throw error;
  }
}

interface Negotiated {
  readonly request: ConnectionRequest;
  readonly selectedProtocol: number;
}

async function negotiate(wire: Wire, options: AcceptNlaOptions): Promise<Negotiated> {
  const { protocols = RDP_PROTOCOL.HYBRID | RDP_PROTOCOL.HYBRID_EX } = options;
  const stage = 'X.224 Connection Request';
  const request = decodeConnectionRequest(await wire.read(stage, frameConnectionPdu));
  // A client that does not negotiate would not understand an answer either.
  if (request.negotiation === undefined)
    throw new SspiError('RDP_NEGOTIATION_FAILED', { stage, detail: 'the client knows only standard RDP security' });

  const { requestedProtocols } = request.negotiation;
  const selectedProtocol = [RDP_PROTOCOL.HYBRID_EX, RDP_PROTOCOL.HYBRID].find(
    (bit) => (protocols & requestedProtocols & bit) !== 0,
  );
  if (selectedProtocol === undefined) {
    const failure = { kind: 'failure', failureCode: RDP_NEG_FAILURE_CODE.HYBRID_REQUIRED_BY_SERVER } as const;
    await wire.end(encodeConnectionConfirm(failure));
    const detail = `the client offers ${protocolNames(requestedProtocols)}, the server ${protocolNames(protocols)}`;
    throw new SspiError('RDP_NEGOTIATION_FAILED', { stage, detail });
  }
  await wire.write(
    'X.224 Connection Confirm',
    encodeConnectionConfirm({
      kind: 'selected',
      selectedProtocol,
      flags: options.restrictedAdmin === true ? RDP_NEG_RSP_FLAG.RESTRICTED_ADMIN_MODE_SUPPORTED : 0,
    }),
  );
  return { request, selectedProtocol };
}

async function authenticate(
  stream: TLSSocket,
  request: ConnectionRequest,
  selectedProtocol: number,
  options: AcceptNlaOptions,
  timing: Timing,
): Promise<NlaSession> {
  const wire = new Wire(stream, timing);
  let context: SecurityContext | undefined;
  try {
    const accepting = await wire.within('identity', acceptorContext(options));
    context = accepting;
    const version = await logOn(wire, accepting, options.credssp?.maxVersion);
    const identity = accepting.query('C_ACCESS_TOKEN');
    const credentials = accepting.query('CREDS');
    await authorize(wire, selectedProtocol, identity, credentials, options);
    wire.release();
    const dispose = (): void => accepting.dispose();
    return {
      stream,
      identity,
      credentials,
      selectedProtocol,
      version,
      request,
      restrictedAdmin: options.restrictedAdmin === true && asksForRestrictedAdmin(request),
      dispose,
      [Symbol.dispose]: dispose,
    };
  } catch (error) {
    context?.dispose();
    await wire.end(error instanceof SspiError ? error.token : undefined);
    throw error;
  }
}

function asksForRestrictedAdmin({ negotiation }: ConnectionRequest): boolean {
  return ((negotiation?.flags ?? 0) & RDP_NEG_REQ_FLAG.RESTRICTED_ADMIN_MODE_REQUIRED) !== 0;
}

async function acceptorContext(options: AcceptNlaOptions): Promise<SecurityContext> {
  const { certificate, credssp, platform, observe } = options;
  return credsspAcceptor({
    publicKey: ownPublicKey(certificate),
    mechanism: await acceptorMechanism(options),
    flags: 0,
    options: credssp,
    host: platform,
    observe,
  });
}

async function authorize(
  wire: Wire,
  selectedProtocol: number,
  identity: ClientIdentity,
  credentials: DelegatedCredentials,
  options: AcceptNlaOptions,
): Promise<void> {
  const granted = await wire.within('authorize', Promise.resolve(options.authorize?.(identity, credentials) ?? true));
  const told = selectedProtocol === RDP_PROTOCOL.HYBRID_EX;
  if (granted) return told ? wire.write(AUTHORIZATION, encodeAuthorization(true)) : undefined;
  throw new SspiError('ACCOUNT_RESTRICTED', {
    stage: 'authorize',
    detail: 'this server does not let the user in',
    ntStatus: NTSTATUS.ACCESS_DENIED,
    token: told ? encodeAuthorization(false) : undefined,
  });
}
