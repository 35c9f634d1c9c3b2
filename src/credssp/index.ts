/**
 * CredSSP without TLS: engines on bare TSRequests, messages, credentials, policy. Needs no Node. The security package with TLS
 * inside its tokens is in `package.ts`.
 * @module
 */
export type { AcceptorOptions } from './acceptor.ts';
export { bindingHash, bindingProof, keyPlusOne } from './binding.ts';
export { NEWEST_VERSION, OLDEST_VERSION } from './channel.ts';
export { decodeTSCredentials, encodeTSCredentials } from './credentials.ts';
export {
  credsspAcceptor,
  credsspInitiator,
  DEFAULT_MAX_REQUEST,
  type EngineOptions,
  frameTSRequest,
} from './engine.ts';
export type { CredSspFact, DelegationFact } from './facts.ts';
export type { InitiatorOptions } from './initiator.ts';
export type { MechanismContext } from './mechanism.ts';
export {
  decodeTSRequest,
  describeTSRequest,
  encodeTSRequest,
  ntStatusOf,
  TSCredentials,
  TSPasswordCreds,
  TSRemoteGuardCreds,
  TSRequest,
  TSSmartCardCreds,
} from './messages.ts';
export {
  type CredentialSource,
  couldDelegate,
  DEFAULT_DELEGATION_POLICY,
  type DelegationDecision,
  type DelegationMatch,
  type DelegationRule,
  decideDelegation,
  delegationRule,
  ENCRYPTION_ORACLE_REMEDIATION,
  minimumVersionFor,
  PERMISSIVE_DELEGATION_POLICY,
} from './policy.ts';
export {
  type DelegationListName,
  type DelegationSettings,
  type DelegationValueName,
  delegationPolicyFromSettings,
} from './policy-settings.ts';
export { subjectPublicKey } from './public-key.ts';
