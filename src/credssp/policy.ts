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
  readonly allow: keyof DelegationPolicy;
  readonly allowNtlmOnly: keyof DelegationPolicy;
  readonly deny: keyof DelegationPolicy;
}

const LISTS: Readonly<Record<CredentialSource, Lists>> = {
  fresh: { allow: 'allowFresh', allowNtlmOnly: 'allowFreshNtlmOnly', deny: 'denyFresh' },
  saved: { allow: 'allowSaved', allowNtlmOnly: 'allowSavedNtlmOnly', deny: 'denySaved' },
  default: { allow: 'allowDefault', allowNtlmOnly: 'allowDefaultNtlmOnly', deny: 'denyDefault' },
};

/** What the policy says. */
export type DelegationDecision = 'allowed' | 'denied' | 'needs-server-authentication';

/** A pattern of the policy that names a target. */
export interface DelegationMatch {
  readonly list: keyof DelegationPolicy;
  readonly pattern: string;
}

/** What the policy says, and where it says it. */
export interface DelegationRule {
  readonly decision: DelegationDecision;
  /** Undefined: denied because no list names the target. */
  readonly matched: DelegationMatch | undefined;
}

/**
 * Decides before anything is sent whether credentials could ever go to this target (contract Y11): no list of either kind
 * names it, or a deny list does.
 */
export function couldDelegate(policy: DelegationPolicy, source: CredentialSource, target: string): boolean {
  const { allow, allowNtlmOnly, deny } = LISTS[source];
  const matched = [allow, allowNtlmOnly].some((list) => findMatch(policy, list, target) !== undefined);
  return matched && findMatch(policy, deny, target) === undefined;
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
  return delegationRule(policy, source, target, serverAuthenticated).decision;
}

/** As {@link decideDelegation}, with the pattern that decided. */
export function delegationRule(
  policy: DelegationPolicy,
  source: CredentialSource,
  target: string,
  serverAuthenticated: boolean,
): DelegationRule {
  const { allow, allowNtlmOnly, deny } = LISTS[source];
  const denied = findMatch(policy, deny, target);
  if (denied !== undefined) return { decision: 'denied', matched: denied };
  const allowed = findMatch(policy, serverAuthenticated ? allow : allowNtlmOnly, target);
  if (allowed !== undefined) return { decision: 'allowed', matched: allowed };
  const otherwise = serverAuthenticated ? undefined : findMatch(policy, allow, target);
  return otherwise === undefined
    ? { decision: 'denied', matched: undefined }
    : { decision: 'needs-server-authentication', matched: otherwise };
}

function findMatch(
  policy: DelegationPolicy,
  list: keyof DelegationPolicy,
  target: string,
): DelegationMatch | undefined {
  const withoutPort = target.replace(/:\d+(?=\/|$)/, '');
  const pattern = policy[list].find((one) => matches(one, target) || matches(one, withoutPort));
  return pattern === undefined ? undefined : { list, pattern };
}

/**
 * One `*` at most, case-insensitive, the whole string (contract Y3). A pattern with more of them matches nothing, and neither does an
 * empty one: a target that was left out is for `*` alone (contract R17).
 */
function matches(pattern: string, target: string): boolean {
  if (pattern === '') return false;
  const wanted = pattern.toLowerCase();
  const given = target.toLowerCase();
  const star = wanted.indexOf('*');
  if (star < 0) return wanted === given;
  if (wanted.indexOf('*', star + 1) >= 0) return false;
  const head = wanted.slice(0, star);
  const tail = wanted.slice(star + 1);
  return given.length >= head.length + tail.length && given.startsWith(head) && given.endsWith(tail);
}
