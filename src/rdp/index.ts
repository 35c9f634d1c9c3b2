/**
 * RDP Network Level Authentication, from the first octet to the logon ([MS-RDPBCGR] 5.4): connect, accept, and the negotiation.
 * @module
 */
export { type AcceptNlaOptions, acceptNla, type NlaAcceptance } from './accept.ts';
export { type ClientOptions, credentialsOf, nlaClientContext } from './client.ts';
export { type ConnectNlaOptions, connectNla, type NlaConnection } from './connect.ts';
export type { NlaEvent, NlaFact, NlaObserver } from './events.ts';
export { HalfOpen, type HalfOpenOptions } from './half-open.ts';
export type { NlaAccounts, NlaIdentity } from './mechanism.ts';
export type { ConfirmOptions, RequestOptions } from './negotiation.ts';
export type { ServerOptions, ServerOutcome } from './server.ts';
export type {
  AcceptedSession,
  Authorization,
  ClientLogon,
  ClientSession,
  ConnectedSession,
  LogonMechanism,
  MechanismChoice,
  NlaSession,
  ServerSession,
  TlsParameters,
} from './session.ts';
export type { Patience } from './timing.ts';
export type { TlsVersions } from './tls.ts';
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
