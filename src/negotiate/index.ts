/**
 * SPNEGO and the choice of mechanism: RFC 4178 and [MS-SPNG].
 * @module
 */
export type { NegotiateContext } from './context.ts';
export { describeSpnego } from './describe.ts';
export { detectToken, type TokenKind } from './detect.ts';
export type { Mechanism } from './mechanism.ts';
export { OID, oidName } from './oids.ts';
export {
  createNegotiatePackage,
  type NegotiateCredential,
  type NegotiatePackage,
  type NegotiatePackageOptions,
  negotiatePackage,
  ntlmMechanism,
} from './package.ts';
export { allowedPackages } from './package-list.ts';
export {
  decodeNegTokenInit,
  decodeNegTokenResp,
  encodeHint,
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  InitialContextToken,
  MechTypeList,
  NEG_STATE,
  type NegTokenInit,
  type NegTokenResp,
  NegTokenRespMessage,
} from './tokens.ts';
