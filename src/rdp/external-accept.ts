/**
 * The server's part of a logon inside a TLS connection that somebody else has: a proxy in front, or another process (contract F12).
 * Needs no Node.js.
 * @module
 */
import { subjectPublicKey } from '../credssp/index.ts';
import { type Host, systemHost } from '../host/index.ts';
import { SspiError } from '../sspi/index.ts';
import { type Carrier, CarrierLine } from './carrier.ts';
import { Report } from './events.ts';
import { serverModes } from './negotiation.ts';
import { admit, lastWordOf, type ServerOptions, type ServerOutcome } from './server.ts';
import { Timing } from './timing.ts';
import { type ConnectionRequest, RDP_PROTOCOL } from './x224.ts';

/** Who is asked in, and what has been agreed with the client. */
export interface ExternalAcceptOptions extends Omit<ServerOptions, 'protocols'> {
  /** Carries TSRequests, from the first octet behind the TLS handshake on; the caller keeps it. */
  readonly carrier: Carrier;
  /** DER of what the client was shown in its TLS handshake. */
  readonly certificate: Uint8Array;
  /** What the client asked for. */
  readonly request: ConnectionRequest;
  /** What was chosen: `HYBRID` or `HYBRID_EX` of {@link RDP_PROTOCOL}. */
  readonly selectedProtocol: number;
  /** Bits of {@link RDP_NEG_RSP_FLAG} in the answer. Default 0. */
  readonly serverFlags?: number | undefined;
  readonly platform?: Host | undefined;
}

/** A client that is logged on. */
export interface ExternalAcceptance extends ServerOutcome {
  /** What came behind the logon already; mostly empty. Comes before what the carrier receives next. */
  readonly received: Uint8Array;
}

/**
 * Makes a client log on with CredSSP.
 * @throws SspiError; or the reason of `signal` when that is aborted. What tells the client why has been sent, and the carrier is told
 *   to close.
 * @example
 * using client = await acceptExternally({ carrier, certificate, request, selectedProtocol, identity: { kind: 'acceptor', accounts } });
 * console.log(client.identity.name);
 */
export async function acceptExternally(options: ExternalAcceptOptions): Promise<ExternalAcceptance> {
  const { request, selectedProtocol, serverFlags = 0, certificate, platform = systemHost } = options;
  const stage = 'acceptExternally';
  const requestedProtocols = request.negotiation?.requestedProtocols ?? RDP_PROTOCOL.RDP;
  const isNla = selectedProtocol === RDP_PROTOCOL.HYBRID || selectedProtocol === RDP_PROTOCOL.HYBRID_EX;
  if (!isNla || (requestedProtocols & selectedProtocol) === 0)
    throw new SspiError('INVALID_PARAMETER', { stage, detail: 'selectedProtocol is not NLA, or was not asked for' });

  const timing = new Timing(options);
  const report = new Report(options.observe, timing);
  const line = new CarrierLine(options.carrier, timing);
  const modes = serverModes(request, options);
  const negotiated = { request, requestedProtocols, selectedProtocol, serverFlags, ...modes };
  try {
    const own = { certificate, publicKey: publicKeyOf(certificate) };
    const outcome = await admit(line, negotiated, own, { ...options, platform }, report);
    return { ...outcome, received: line.rest() };
  } catch (error) {
    await line.end(lastWordOf(error));
    throw error;
  }
}

function publicKeyOf(certificate: Uint8Array): Uint8Array {
  try {
    return subjectPublicKey(certificate);
  } catch (cause) {
    throw new SspiError('CERTIFICATE_UNUSABLE', { stage: 'server certificate', cause });
  }
}
