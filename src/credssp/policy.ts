/**
 * To whom a client hands its credentials (contract §3.8). The policy names service principals; which of its lists counts
 * depends on where the credentials came from and on how the server was authenticated.
 * @see https://learn.microsoft.com/windows/client-management/mdm/policy-csp-admx-credssp
 * @module
 */
import { type DelegationPolicy, SspiError } from '../sspi/index.ts';

/** Where credentials came from: the application, the store of saved ones, or the logon session (contract A15, Y5). */
export type CredentialSource = 'fresh' | 'saved' | 'default';

/** What Windows allows where nothing is configured: remote desktops, and nothing by default credentials (contract Y15). */
export const DEFAULT_DELEGATION_POLICY: DelegationPolicy = {
  allowDefault: [],
  allowDefaultNtlmOnly: [],
  allowFresh: ['TERMSRV/*'],
  allowFreshNtlmOnly: ['TERMSRV/*'],
  allowSaved: ['TERMSRV/*'],
  allowSavedNtlmOnly: ['TERMSRV/*'],
  denyDefault: [],
  denyFresh: [],
  denySaved: [],
};

/** Every target, however authenticated. For tools whose users name the target themselves; choose it knowingly. */
export const PERMISSIVE_DELEGATION_POLICY: DelegationPolicy = {
  allowDefault: ['*'],
  allowDefaultNtlmOnly: ['*'],
  allowFresh: ['*'],
  allowFreshNtlmOnly: ['*'],
  allowSaved: ['*'],
  allowSavedNtlmOnly: ['*'],
  denyDefault: [],
  denyFresh: [],
  denySaved: [],
};

/** AllowEncryptionOracle of the registry: how to treat peers without the update against CVE-2018-0886 (contract Y17). */
export const ENCRYPTION_ORACLE_REMEDIATION = { FORCE_UPDATED_CLIENTS: 0, MITIGATED: 1, VULNERABLE: 2 } as const;

/**
 * The `minVersion` of CredSspOptions that stands for a level of AllowEncryptionOracle (contract Y18, Y19): clients insist on
 * updated servers unless they are left vulnerable, servers on updated clients only when told to.
 */
export function minimumVersionFor(
  role: 'client' | 'server',
  level: (typeof ENCRYPTION_ORACLE_REMEDIATION)[keyof typeof ENCRYPTION_ORACLE_REMEDIATION],
): number {
  const insists =
    role === 'client'
      ? level !== ENCRYPTION_ORACLE_REMEDIATION.VULNERABLE
      : level === ENCRYPTION_ORACLE_REMEDIATION.FORCE_UPDATED_CLIENTS;
  return insists ? 5 : 2;
}

/**
 * Checks a policy that a caller gave: one whose lists are missing would allow or deny nothing, and nobody would notice.
 * @throws SspiError INVALID_PARAMETER
 */
export function validatePolicy(policy: DelegationPolicy): void {
  for (const name of POLICY_LISTS) {
    const list: unknown = policy[name];
    if (!Array.isArray(list) || !list.every((pattern) => typeof pattern === 'string'))
      throw new SspiError('INVALID_PARAMETER', {
        stage: 'CredSSP policy',
        detail: `${name} is not a list of patterns`,
      });
  }
}

const POLICY_LISTS = [
  'allowDefault',
  'allowDefaultNtlmOnly',
  'allowFresh',
  'allowFreshNtlmOnly',
  'allowSaved',
  'allowSavedNtlmOnly',
  'denyDefault',
  'denyFresh',
  'denySaved',
] as const satisfies readonly (keyof DelegationPolicy)[];

/** The three lists that matter for one source of credentials. */
interface Lists {
  readonly allow: readonly string[];
  readonly allowNtlmOnly: readonly string[];
  readonly deny: readonly string[];
}

function listsOf(policy: DelegationPolicy, source: CredentialSource): Lists {
  switch (source) {
    case 'fresh':
      return { allow: policy.allowFresh, allowNtlmOnly: policy.allowFreshNtlmOnly, deny: policy.denyFresh };
    case 'saved':
      return { allow: policy.allowSaved, allowNtlmOnly: policy.allowSavedNtlmOnly, deny: policy.denySaved };
    case 'default':
      return { allow: policy.allowDefault, allowNtlmOnly: policy.allowDefaultNtlmOnly, deny: policy.denyDefault };
  }
}

/** What the policy says. */
export type DelegationDecision = 'allowed' | 'denied' | 'needs-server-authentication';

/**
 * Decides before anything is sent whether credentials could ever go to this target (contract Y11): no list of either kind
 * names it, or a deny list does.
 */
export function couldDelegate(policy: DelegationPolicy, source: CredentialSource, target: string): boolean {
  const { allow, allowNtlmOnly, deny } = listsOf(policy, source);
  return !matchesAny(deny, target) && (matchesAny(allow, target) || matchesAny(allowNtlmOnly, target));
}

/**
 * Decides once it is known whether the server was authenticated (contract Y6-Y8). The lists are not unioned: the plain one
 * is for an authenticated server, the NTLM-only one for any other.
 */
export function decideDelegation(
  policy: DelegationPolicy,
  source: CredentialSource,
  target: string,
  serverAuthenticated: boolean,
): DelegationDecision {
  const { allow, allowNtlmOnly, deny } = listsOf(policy, source);
  if (matchesAny(deny, target)) return 'denied';
  if (matchesAny(serverAuthenticated ? allow : allowNtlmOnly, target)) return 'allowed';
  return !serverAuthenticated && matchesAny(allow, target) ? 'needs-server-authentication' : 'denied';
}

function matchesAny(patterns: readonly string[], target: string): boolean {
  const withoutPort = target.replace(/:\d+(?=\/|$)/, '');
  return patterns.some((pattern) => matches(pattern, target) || matches(pattern, withoutPort));
}

/** One `*` at most, case-insensitive, the whole string (contract Y3). A pattern with more of them matches nothing. */
function matches(pattern: string, target: string): boolean {
  const wanted = pattern.toLowerCase();
  const given = target.toLowerCase();
  const star = wanted.indexOf('*');
  if (star < 0) return wanted === given;
  if (wanted.indexOf('*', star + 1) >= 0) return false;
  const head = wanted.slice(0, star);
  const tail = wanted.slice(star + 1);
  return given.length >= head.length + tail.length && given.startsWith(head) && given.endsWith(tail);
}
