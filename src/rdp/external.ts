/**
 * RDP's Network Level Authentication where TLS is somebody else's: gateways, and browsers behind them (contract F12). The caller
 * brings the certificate that the server showed and carries TSRequests. Needs no Node.js.
 *
 * - `connectCleanPath` speaks RDCleanPath with a gateway, and logs on to the server behind it.
 * - `logOnExternally` and `acceptExternally` are for whoever has negotiated and done TLS himself.
 * - The PDUs of both as octets.
 * @module
 */
export {
  type Carrier,
  type StreamPair,
  streamCarrier,
  type WebSocketLike,
  webSocketCarrier,
} from './carrier.ts';
export {
  decodeRdCleanPath,
  encodeRdCleanPath,
  frameRdCleanPath,
  RDCLEANPATH_ERROR,
  RDCLEANPATH_VERSION,
  type RdCleanPath,
  type RdCleanPathError,
  type RdCleanPathRequest,
  type RdCleanPathResponse,
} from './cleanpath.ts';
export { type CleanPathConnection, type CleanPathOptions, connectCleanPath } from './connect-cleanpath.ts';
export type { NlaEvent, NlaFact, NlaObserver } from './events.ts';
export { acceptExternally, type ExternalAcceptance, type ExternalAcceptOptions } from './external-accept.ts';
export { type ExternalLogon, type ExternalOptions, logOnExternally } from './external-logon.ts';
export type { NlaAccounts, NlaIdentity } from './mechanism.ts';
export type {
  Authorization,
  ClientLogon,
  ClientSession,
  LogonMechanism,
  MechanismChoice,
  ServerSession,
} from './session.ts';
export type { Patience } from './timing.ts';
export {
  type ConnectionConfirm,
  type ConnectionRequest,
  decodeConnectionConfirm,
  decodeConnectionRequest,
  encodeConnectionConfirm,
  encodeConnectionRequest,
  type NegotiationRequest,
  RDP_NEG_FAILURE_CODE,
  RDP_NEG_REQ_FLAG,
  RDP_NEG_RSP_FLAG,
  RDP_PROTOCOL,
} from './x224.ts';
