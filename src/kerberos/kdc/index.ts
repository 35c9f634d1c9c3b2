/**
 * The client of KDCs: RFC 4120 3.1 and 3.3, 7.2; RFC 6806; RFC 3244; [MS-KKDCP].
 * @module
 */
export { type ApRequest, type ApRequestOptions, makeApRequest } from './ap-request.ts';
export { requestInitialTicket } from './as.ts';
export type { InitialTicketRequest } from './as-request.ts';
export {
  askForPasswordChange,
  CHANGE_PASSWORD_SERVICE,
  type ChangePasswordRequest,
  changePassword,
  passwordRefusal,
  passwordRules,
} from './change-password.ts';
export { DEFAULT_POLICY, type KdcClient, type KerberosPolicy } from './client.ts';
export { KdcClock } from './clock.ts';
export { encryptedTimestamp } from './encrypted-timestamp.ts';
export { type KdcEndpoint, type KdcService, parseKdcEndpoint } from './endpoint.ts';
export { type RequestFacts, refusalOf } from './errors.ts';
export { type KdcLocator, type KdcLocatorOptions, kdcLocator, type RealmSettings } from './location.ts';
export type { LongTermKeys, WantedKey } from './long-term-keys.ts';
export {
  KdcNetwork,
  type KdcNetworkLimits,
  type KdcNetworkOptions,
  type NetworkRequest,
  type RealmNetwork,
} from './network.ts';
export type {
  PreAuthentication,
  PreAuthenticationExchange,
  PreAuthenticationScope,
} from './pre-authentication.ts';
export { type Fetch, type ProxyTransportOptions, proxyTransport } from './proxy.ts';
export { requestServiceTicket, type ServiceTicket, type ServiceTicketRequest } from './referrals.ts';
export { exchangeTicket, forwardTicket, renewTicket, type TgsRequest } from './tgs.ts';
export { KerberosTicket, type KerberosTicketFields } from './ticket.ts';
