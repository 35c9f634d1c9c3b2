/**
 * Which targets may receive which credentials: the policy of "Credentials Delegation" as a value (contract §3.8).
 * @see https://learn.microsoft.com/windows/client-management/mdm/policy-csp-admx-credssp
 * @module
 */

/**
 * Lists of SPN patterns, each with at most one `*`, for the three sources of credentials. A plain list holds for a server that
 * was authenticated by Kerberos or by its certificate, an NTLM-only list for one that was not. Deny wins.
 */
export interface DelegationPolicy {
  readonly allowDefault: readonly string[];
  readonly allowDefaultNtlmOnly: readonly string[];
  readonly allowFresh: readonly string[];
  readonly allowFreshNtlmOnly: readonly string[];
  readonly allowSaved: readonly string[];
  readonly allowSavedNtlmOnly: readonly string[];
  readonly denyDefault: readonly string[];
  readonly denyFresh: readonly string[];
  readonly denySaved: readonly string[];
}
