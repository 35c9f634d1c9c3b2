/**
 * A client's way through a gateway that speaks RDCleanPath: one request, one answer, and then the logon to the server behind it
 * (contract F12). Needs no Node.js.
 * @module
 */
import type { Host } from '../host/index.ts';
import { SspiError } from '../sspi/index.ts';
import { type Carrier, CarrierLine } from './carrier.ts';
import {
  decodeRdCleanPath,
  encodeRdCleanPath,
  frameRdCleanPath,
  RDCLEANPATH_ERROR,
  type RdCleanPathError,
  type RdCleanPathResponse,
} from './cleanpath.ts';
import type { ClientOptions } from './client.ts';
import { Report } from './events.ts';
import { behindTls, type ExternalLogon } from './external-logon.ts';
import { type Negotiated, nlaRequest, readConfirm } from './negotiation.ts';
import { lastWordOf } from './server.ts';
import { Timing } from './timing.ts';
import { type ConnectionRequest, encodeConnectionRequest } from './x224.ts';

/** Through which gateway, to which server, and as whom. */
export interface CleanPathOptions extends ClientOptions {
  /** To the gateway, from its first octet on; the caller keeps it, for the RDP PDUs that follow. */
  readonly carrier: Carrier;
  /** What the gateway knows us by: a token. */
  readonly proxyAuth: string;
  /** `host:port` as the gateway is to reach it. Default: `host` and 3389. */
  readonly destination?: string | undefined;
  /** What goes before the first octet of RDP ([MS-RDPEPS]). */
  readonly preconnectionBlob?: string | undefined;
  /**
   * Judges the certificate that the gateway says the server showed, DER, the server's own first: whether it authenticates the server.
   * Default: it does not.
   */
  readonly judge?: ((certificates: readonly Uint8Array[]) => boolean | Promise<boolean>) | undefined;
  /** Clock, random source, timers. Kerberos asks its KDCs through KDC proxies (`kerberos.kdc: 'https://...'`) unless this has sockets. */
  readonly platform?: Host | undefined;
}

/** A connection on which the logon is over. */
export interface CleanPathConnection extends ExternalLogon {
  /** The address of the server, as the gateway found it. */
  readonly serverAddress: string;
  /** DER, the server's own first. */
  readonly certificates: readonly Uint8Array[];
}

const STAGE = 'RDCleanPath';
const DEFAULT_PORT = 3389;

/**
 * Asks a gateway for a server, and logs on to that with CredSSP. The gateway has TLS with the server, so it sees the session; it does
 * not see the password, which is sealed for the server.
 * @throws SspiError: GATEWAY_REFUSED when the gateway does not connect us; or the reason of `signal` when that is aborted. The carrier
 *   is told to close.
 * @example
 * const carrier = await webSocketCarrier(new WebSocket('wss://gateway.example.com/jet/rdp'));
 * const { identity } = await connectCleanPath({
 *   carrier,
 *   proxyAuth: token,
 *   host: 'server.example.com',
 *   identity: {
 *     kind: 'identity',
 *     user: 'alice@EXAMPLE.COM',
 *     password: 'AlicePass1!',
 *     kerberos: { kdc: 'https://gateway.example.com/KdcProxy' },
 *   },
 * });
 * await carrier.send(mcsConnectInitial);
 */
export async function connectCleanPath(options: CleanPathOptions): Promise<CleanPathConnection> {
  const timing = new Timing(options);
  const report = new Report(options.observe, timing);
  const line = new CarrierLine(options.carrier, timing);
  try {
    const { serverCertificates: certificates, serverAddress, negotiated } = await ask(line, options, report);
    const trusted = await line.within('server certificate', judged(certificates, options));
    const logon = await behindTls(line, negotiated, certificates, trusted, options, report);
    return { ...logon, serverAddress, certificates };
  } catch (error) {
    await line.end(lastWordOf(error));
    throw error;
  }
}

type Answer = RdCleanPathResponse & { readonly negotiated: Negotiated };

async function ask(line: CarrierLine, options: CleanPathOptions, report: Report): Promise<Answer> {
  const { host, proxyAuth, destination = destinationOf(host), preconnectionBlob } = options;
  const request = nlaRequest(options);
  const octets = encodeConnectionRequest(request);
  report.tell({ kind: 'x224', message: 'request', direction: 'sent', octets, request });
  const asked = { kind: 'request', destination, proxyAuth, preconnectionBlob, x224ConnectionPdu: octets } as const;
  await line.write(STAGE, encodeRdCleanPath(asked));
  const answer = decodeRdCleanPath(await line.read(STAGE, frameRdCleanPath));
  switch (answer.kind) {
    case 'response':
      if (answer.x224ConnectionPdu === undefined)
        throw new SspiError('MALFORMED_TOKEN', { stage: STAGE, detail: 'a response without the answer of the server' });
      return { ...answer, negotiated: readConfirm(answer.x224ConnectionPdu, request, report) };
    case 'error':
      throw refusal(answer, request, report);
    case 'request':
      throw new SspiError('UNEXPECTED_MESSAGE', { stage: STAGE, detail: 'a request from the gateway' });
  }
}

async function judged(certificates: readonly Uint8Array[], { judge }: CleanPathOptions): Promise<boolean> {
  return (await judge?.(certificates)) === true;
}

/** IPv6 addresses go in brackets, for there is a port behind them. */
function destinationOf(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]:${DEFAULT_PORT}` : `${host}:${DEFAULT_PORT}`;
}

/** The server's own refusal says more than the gateway's. */
function refusal(answer: RdCleanPathError, request: ConnectionRequest, report: Report): SspiError {
  const { errorCode, httpStatusCode, wsaLastError, tlsAlertCode, x224ConnectionPdu } = answer;
  if (errorCode === RDCLEANPATH_ERROR.NEGOTIATION && x224ConnectionPdu !== undefined) {
    try {
      readConfirm(x224ConnectionPdu, request, report);
    } catch (error) {
      if (error instanceof SspiError) return error;
    }
  }
  const facts = [
    httpStatusCode === undefined ? [] : `HTTP ${httpStatusCode}`,
    wsaLastError === undefined ? [] : `WSA error ${wsaLastError}`,
    tlsAlertCode === undefined ? [] : `TLS alert ${tlsAlertCode}`,
  ].flat();
  const detail = facts.length === 0 ? `code ${errorCode}` : facts.join(', ');
  return new SspiError('GATEWAY_REFUSED', { stage: STAGE, detail });
}
