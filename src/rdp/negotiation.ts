/**
 * The negotiation of the security protocol, both sides: one PDU each way, in the clear ([MS-RDPBCGR] 1.3.1.1; contract F1-F5).
 * @module
 */
import { type DelegatedCredentials, SspiError, type SspiErrorCode } from '../sspi/index.ts';
import type { Report } from './events.ts';
import type { Line } from './logon.ts';
import { frameFirstPdu } from './not-rdp.ts';
import {
  type ConnectionConfirm,
  type ConnectionRequest,
  decodeConnectionConfirm,
  decodeConnectionRequest,
  encodeConnectionConfirm,
  encodeConnectionRequest,
  failureName,
  protocolNames,
  RDP_NEG_FAILURE_CODE,
  RDP_NEG_REQ_FLAG,
  RDP_NEG_RSP_FLAG,
  RDP_PROTOCOL,
} from './x224.ts';

/** What a client says of itself in the clear. */
export interface RequestOptions {
  /** User name for load balancers, as `Cookie: mstshash=`. Default: none, for it is sent in the clear. */
  readonly cookie?: string | undefined;
  /** The line that a redirecting server gave, without its CR LF; instead of a cookie. */
  readonly routingToken?: Uint8Array | undefined;
  /** 16 octets that name the connection in logs. */
  readonly correlationId?: Uint8Array | undefined;
  /**
   * Restricted Admin: log on by the network logon alone, and hand nothing over that a compromised server could use elsewhere (contract
   * X34). Refuses servers that do not support it. Default false.
   */
  readonly restrictedAdmin?: boolean | undefined;
  /**
   * What the server is given to work with in the user's name. Default: `identity` when it has a password, otherwise nothing.
   * `{ kind: 'none' }` keeps the password at home; `{ kind: 'remote-guard' }` asks for Remote Credential Guard, and refuses servers that do
   * not support it. The caller keeps it.
   */
  readonly credentials?: DelegatedCredentials | undefined;
}

/** What both sides agreed on. */
export interface Negotiated {
  readonly request: ConnectionRequest;
  readonly requestedProtocols: number;
  readonly selectedProtocol: number;
  /** Bits of {@link RDP_NEG_RSP_FLAG}. */
  readonly serverFlags: number;
  readonly restrictedAdmin: boolean;
  readonly remoteGuard: boolean;
}
type Modes = Pick<Negotiated, 'restrictedAdmin' | 'remoteGuard'>;

const REQUEST = 'X.224 Connection Request';
const CONFIRM = 'X.224 Connection Confirm';
const REQUESTED = RDP_PROTOCOL.SSL | RDP_PROTOCOL.HYBRID | RDP_PROTOCOL.HYBRID_EX; // contract F2: the older ones along with it

/** The client's request for Network Level Authentication. @throws SspiError INVALID_PARAMETER */
export function nlaRequest(options: RequestOptions): ConnectionRequest {
  const { cookie, routingToken, correlationId, restrictedAdmin = false, credentials } = options;
  const flags = restrictedAdmin // which hands nothing over, whatever there is
    ? RDP_NEG_REQ_FLAG.RESTRICTED_ADMIN_MODE_REQUIRED
    : credentials?.kind === 'remote-guard'
      ? RDP_NEG_REQ_FLAG.REDIRECTED_AUTHENTICATION_MODE_REQUIRED
      : 0;
  return { cookie, routingToken, negotiation: { flags, requestedProtocols: REQUESTED, correlationId } };
}

/**
 * The client's side.
 * @throws SspiError NOT_RDP, RDP_WITHOUT_NLA, one of the codes for the server's failure codes, and what the line throws
 */
export async function requestSecurity(line: Line, options: RequestOptions, report: Report): Promise<Negotiated> {
  const request = nlaRequest(options);
  const octets = encodeConnectionRequest(request);
  report.tell({ kind: 'x224', message: 'request', direction: 'sent', octets, request });
  await line.write(REQUEST, octets);
  const answer = await line.read(CONFIRM, (received) => frameFirstPdu(received, CONFIRM, octets));
  return readConfirm(answer, request, report);
}

/** What a server's answer comes to. @throws SspiError as {@link requestSecurity} */
export function readConfirm(octets: Uint8Array, request: ConnectionRequest, report: Report): Negotiated {
  const confirm = decodeConnectionConfirm(octets);
  report.tell({ kind: 'x224', message: 'confirm', direction: 'received', octets, confirm });
  const { selectedProtocol, flags: serverFlags } = assertNla(confirm);
  const modes = clientModes(request, serverFlags, CONFIRM);
  return { request, requestedProtocols: REQUESTED, selectedProtocol, serverFlags, ...modes };
}

/**
 * The modes that a client asked for. They take both sides: without its word the server would want a password for the session, and the
 * caller wants it to have none (contract F5).
 * @throws SspiError RDP_RESTRICTED_ADMIN_REFUSED, RDP_REMOTE_GUARD_REFUSED
 */
export function clientModes(request: ConnectionRequest, serverFlags: number, stage: string): Modes {
  const restrictedAdmin = asksForRestrictedAdmin(request);
  const remoteGuard = asksForRemoteGuard(request);
  if (restrictedAdmin && (serverFlags & RDP_NEG_RSP_FLAG.RESTRICTED_ADMIN_MODE_SUPPORTED) === 0)
    throw new SspiError('RDP_RESTRICTED_ADMIN_REFUSED', { stage });
  if (remoteGuard && (serverFlags & RDP_NEG_RSP_FLAG.REDIRECTED_AUTHENTICATION_MODE_SUPPORTED) === 0)
    throw new SspiError('RDP_REMOTE_GUARD_REFUSED', { stage });
  return { restrictedAdmin, remoteGuard };
}

/** What a server's failure code means, as a code of ours. */
const FAILURES: ReadonlyMap<number, SspiErrorCode> = new Map([
  [RDP_NEG_FAILURE_CODE.SSL_REQUIRED_BY_SERVER, 'RDP_TLS_REQUIRED'],
  [RDP_NEG_FAILURE_CODE.SSL_NOT_ALLOWED_BY_SERVER, 'RDP_TLS_NOT_ALLOWED'],
  [RDP_NEG_FAILURE_CODE.SSL_CERT_NOT_ON_SERVER, 'RDP_CERTIFICATE_MISSING'],
  [RDP_NEG_FAILURE_CODE.INCONSISTENT_FLAGS, 'RDP_FLAGS_INCONSISTENT'],
  [RDP_NEG_FAILURE_CODE.HYBRID_REQUIRED_BY_SERVER, 'RDP_NLA_REQUIRED'],
  [RDP_NEG_FAILURE_CODE.SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER, 'RDP_USER_CERTIFICATE_REQUIRED'],
]);

function assertNla(confirm: ConnectionConfirm): ConnectionConfirm & { kind: 'selected' } {
  switch (confirm.kind) {
    case 'failure':
      throw new SspiError(FAILURES.get(confirm.failureCode) ?? 'RDP_NEGOTIATION_FAILED', {
        stage: CONFIRM,
        detail: failureName(confirm.failureCode),
      });
    case 'none':
      throw withoutNla(CONFIRM, 'the server knows only standard RDP security');
    case 'selected':
      if (confirm.selectedProtocol === RDP_PROTOCOL.HYBRID || confirm.selectedProtocol === RDP_PROTOCOL.HYBRID_EX)
        return confirm;
      throw withoutNla(CONFIRM, `the server chose ${protocolNames(confirm.selectedProtocol)}`);
  }
}

/** What a server offers. */
export interface ConfirmOptions {
  /** Bits of {@link RDP_PROTOCOL} to offer: HYBRID, HYBRID_EX or both, which is the default. */
  readonly protocols?: number | undefined;
  /**
   * Let clients log on with Restricted Admin, handing no credentials over. Default false, as on Windows, where `DisableRestrictedAdmin`
   * has to be set to 0 (contract Y16): whoever has a hash needs no password then.
   */
  readonly restrictedAdmin?: boolean | undefined;
  /**
   * Let clients log on with Remote Credential Guard: `credentials` is `{ kind: 'remote-guard' }` then, and what can be done with it is
   * asked of the client on a virtual channel ([MS-RDPEAR]), which is the caller's. Default false: such credentials are refused.
   */
  readonly remoteGuard?: boolean | undefined;
}

/**
 * The server's side. A client that it cannot serve is told so, if it would understand.
 * @throws SspiError NOT_RDP, MALFORMED_TOKEN, RDP_WITHOUT_NLA, with the answer as its `token`; and what the line throws
 */
export async function confirmSecurity(line: Line, options: ConfirmOptions, report: Report): Promise<Negotiated> {
  const {
    protocols = RDP_PROTOCOL.HYBRID | RDP_PROTOCOL.HYBRID_EX,
    restrictedAdmin = false,
    remoteGuard = false,
  } = options;
  const received = await line.read(REQUEST, (octets) => frameFirstPdu(octets, REQUEST));
  const request = decodeConnectionRequest(received);
  report.tell({ kind: 'x224', message: 'request', direction: 'received', octets: received, request });
  // A client that does not negotiate would not understand an answer either.
  if (request.negotiation === undefined) throw withoutNla(REQUEST, 'the client knows only standard RDP security');

  const answer = (confirm: ConnectionConfirm): Uint8Array => {
    const octets = encodeConnectionConfirm(confirm);
    report.tell({ kind: 'x224', message: 'confirm', direction: 'sent', octets, confirm });
    return octets;
  };
  const { requestedProtocols } = request.negotiation;
  const selectedProtocol = [RDP_PROTOCOL.HYBRID_EX, RDP_PROTOCOL.HYBRID].find(
    (bit) => (protocols & requestedProtocols & bit) !== 0,
  );
  if (selectedProtocol === undefined) {
    const detail = `the client offers ${protocolNames(requestedProtocols)}, the server ${protocolNames(protocols)}`;
    const failureCode = RDP_NEG_FAILURE_CODE.HYBRID_REQUIRED_BY_SERVER;
    throw withoutNla(REQUEST, detail).withToken(answer({ kind: 'failure', failureCode }));
  }
  const serverFlags =
    (restrictedAdmin ? RDP_NEG_RSP_FLAG.RESTRICTED_ADMIN_MODE_SUPPORTED : 0) |
    (remoteGuard ? RDP_NEG_RSP_FLAG.REDIRECTED_AUTHENTICATION_MODE_SUPPORTED : 0);
  await line.write(CONFIRM, answer({ kind: 'selected', selectedProtocol, flags: serverFlags }));
  return {
    request,
    requestedProtocols,
    selectedProtocol,
    serverFlags,
    ...serverModes(request, options),
  };
}

/** The modes that a client asked for and the server allows (contract F5). */
export function serverModes(request: ConnectionRequest, { restrictedAdmin, remoteGuard }: ConfirmOptions): Modes {
  return {
    restrictedAdmin: restrictedAdmin === true && asksForRestrictedAdmin(request),
    remoteGuard: remoteGuard === true && asksForRemoteGuard(request),
  };
}

function asksForRestrictedAdmin({ negotiation }: ConnectionRequest): boolean {
  return ((negotiation?.flags ?? 0) & RDP_NEG_REQ_FLAG.RESTRICTED_ADMIN_MODE_REQUIRED) !== 0;
}

function asksForRemoteGuard({ negotiation }: ConnectionRequest): boolean {
  return ((negotiation?.flags ?? 0) & RDP_NEG_REQ_FLAG.REDIRECTED_AUTHENTICATION_MODE_REQUIRED) !== 0;
}

function withoutNla(stage: string, detail: string): SspiError {
  return new SspiError('RDP_WITHOUT_NLA', { stage, detail });
}
