/**
 * A client's logon inside a TLS connection that somebody else has: TSRequests go to whoever carries them (contract F12). Needs no
 * Node.js.
 * @module
 */
import { subjectPublicKey } from '../credssp/index.ts';
import { type Host, systemHost } from '../host/index.ts';
import { asSspiError, SspiError } from '../sspi/index.ts';
import { type Carrier, CarrierLine } from './carrier.ts';
import { authenticate, type ClientOptions, type ClientOutcome, certificateFact, type KnownServer } from './client.ts';
import { Report } from './events.ts';
import { clientModes, type Negotiated, nlaRequest } from './negotiation.ts';
import { lastWordOf } from './server.ts';
import { Timing } from './timing.ts';
import { RDP_NEG_RSP_FLAG, RDP_PROTOCOL } from './x224.ts';

/** Who logs on where, and what has been agreed with the server. */
export interface ExternalOptions extends Omit<ClientOptions, 'cookie' | 'routingToken' | 'correlationId'> {
  /** Carries TSRequests, from the first octet behind the TLS handshake on; the caller keeps it. */
  readonly carrier: Carrier;
  /** DER of what the server showed in its TLS handshake, its own certificate first. */
  readonly certificates: readonly Uint8Array[];
  /**
   * Whether the certificate authenticates the server: whether its chain is trusted and its name that of `host`. Nobody judges it here.
   * Default false.
   */
  readonly trusted?: boolean | undefined;
  /** What the server chose: `HYBRID` or `HYBRID_EX` of {@link RDP_PROTOCOL}. */
  readonly selectedProtocol: number;
  /** Bits of {@link RDP_NEG_RSP_FLAG} in its answer. Default 0. */
  readonly serverFlags?: number | undefined;
  /** Clock, random source, timers. Kerberos asks its KDCs through KDC proxies (`kerberos.kdc: 'https://...'`) unless this has sockets. */
  readonly platform?: Host | undefined;
}

/** A logon that is over. */
export interface ExternalLogon extends ClientOutcome {
  /** What came behind it already; mostly empty. Comes before what the carrier receives next. */
  readonly received: Uint8Array;
}

/**
 * Logs on with CredSSP.
 * @throws SspiError, INVALID_PARAMETER for options that do not fit together; or the reason of `signal` when that is aborted. What tells the server why has been sent, and the carrier is told
 *   to close.
 * @example
 * const { identity, authorization } = await logOnExternally({
 *   carrier: await webSocketCarrier(socket),
 *   certificates,
 *   selectedProtocol: RDP_PROTOCOL.HYBRID_EX,
 *   host: 'server.example.com',
 *   identity: { kind: 'identity', domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' },
 * });
 */
export async function logOnExternally(options: ExternalOptions): Promise<ExternalLogon> {
  const { selectedProtocol, serverFlags = 0 } = options;
  const timing = new Timing(options);
  if (selectedProtocol !== RDP_PROTOCOL.HYBRID && selectedProtocol !== RDP_PROTOCOL.HYBRID_EX)
    throw new SspiError('INVALID_PARAMETER', { stage: 'selectedProtocol', detail: 'neither HYBRID nor HYBRID_EX' });
  const request = nlaRequest(options);
  const requestedProtocols = request.negotiation?.requestedProtocols ?? 0;
  const modes = clientModes(request, serverFlags, 'serverFlags');
  const negotiated = { request, requestedProtocols, selectedProtocol, serverFlags, ...modes };
  const report = new Report(options.observe, timing);
  const line = new CarrierLine(options.carrier, timing);
  try {
    return await behindTls(line, negotiated, options.certificates, options.trusted === true, options, report);
  } catch (error) {
    await line.end(lastWordOf(error));
    throw error;
  }
}

/** The logon. @throws SspiError, whose `token` is still to be sent if there is one */
export async function behindTls(
  line: CarrierLine,
  negotiated: Negotiated,
  certificates: readonly Uint8Array[],
  trusted: boolean,
  options: ClientOptions & { readonly platform?: Host | undefined },
  report: Report,
): Promise<ExternalLogon> {
  const { platform = systemHost } = options;
  const server = knownServer(certificates, trusted);
  report.tell(certificateFact(server, undefined));
  const outcome = await authenticate(line, negotiated, server, { ...options, platform }, report);
  return { ...outcome, received: line.rest() };
}

function knownServer([certificate]: readonly Uint8Array[], trusted: boolean): KnownServer {
  const stage = 'server certificate';
  if (certificate === undefined) throw new SspiError('INVALID_PARAMETER', { stage, detail: 'there is none' });
  try {
    return { certificate, publicKey: subjectPublicKey(certificate), trusted };
  } catch (cause) {
    throw new SspiError('MALFORMED_TOKEN', { stage, detail: asSspiError(cause).detail, cause });
  }
}
