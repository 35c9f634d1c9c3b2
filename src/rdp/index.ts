/**
 * RDP Network Level Authentication, from the first octet to the logon ([MS-RDPBCGR] 5.4): connect, accept, and the negotiation.
 * @module
 */
export { type AcceptNlaOptions, acceptNla, type NlaSession } from './accept.ts';
export { type ConnectNlaOptions, connectNla, type NlaConnection } from './connect.ts';
export type { TlsVersions } from './tls.ts';
export type { Patience } from './wire.ts';
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
