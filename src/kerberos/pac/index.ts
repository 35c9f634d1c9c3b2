/**
 * The PAC: what Active Directory says of a user in a ticket. [MS-PAC].
 * @module
 */
export { decodePac, encodePac, PAC_TYPE, type Pac, type PacBuffer, pacBuffer } from './buffers.ts';
export { type ClaimsArray, decodeClaims } from './claims.ts';
export {
  decodePacAttributes,
  decodePacClientInfo,
  decodePacRequestor,
  decodeUpnDnsInfo,
  encodePacAttributes,
  encodePacClientInfo,
  encodePacRequestor,
  encodeUpnDnsInfo,
  PAC_ATTRIBUTES,
  type PacClientInfo,
  UPN_DNS_FLAGS,
  type UpnDnsInfo,
} from './client-info.ts';
export {
  decodeLogonInfo,
  encodeLogonInfo,
  type GroupMembership,
  groupSids,
  type LogonInfo,
  type SidAndAttributes,
  USER_FLAGS,
  userSid,
} from './logon-info.ts';
export { sidOctets, sidText } from './sid.ts';
export {
  type PacSignature,
  type PacSigning,
  pacAuthorizationData,
  pacSignature,
  signPac,
  ticketWithoutPac,
  verifyFullSignature,
  verifyKdcSignature,
  verifyServerSignature,
  verifyTicketSignature,
} from './signatures.ts';
