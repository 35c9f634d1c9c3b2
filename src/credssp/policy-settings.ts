/**
 * The settings of "Credentials Delegation" as the registry of Windows has them, made into a policy (contract Y1, Y2): what is not
 * configured has its default, and what is enabled takes the place of the default or is added to it.
 * @see https://learn.microsoft.com/windows/client-management/mdm/policy-csp-admx-credssp
 * @module
 */
import { type DelegationPolicy, SspiError } from '../sspi/index.ts';
import { DEFAULT_DELEGATION_POLICY } from './policy.ts';

/** For each list of a policy: the DWORD and subkey it comes from, and the DWORD that adds the defaults to it (contract Y1). */
const SETTINGS = {
  allowDefault: ['AllowDefaultCredentials', 'ConcatenateDefaults_AllowDefault'],
  allowDefaultNtlmOnly: ['AllowDefCredentialsWhenNTLMOnly', 'ConcatenateDefaults_AllowDefNTLMOnly'],
  allowFresh: ['AllowFreshCredentials', 'ConcatenateDefaults_AllowFresh'],
  allowFreshNtlmOnly: ['AllowFreshCredentialsWhenNTLMOnly', 'ConcatenateDefaults_AllowFreshNTLMOnly'],
  allowSaved: ['AllowSavedCredentials', 'ConcatenateDefaults_AllowSaved'],
  allowSavedNtlmOnly: ['AllowSavedCredentialsWhenNTLMOnly', 'ConcatenateDefaults_AllowSavedNTLMOnly'],
  denyDefault: ['DenyDefaultCredentials', 'ConcatenateDefaults_DenyDefault'],
  denyFresh: ['DenyFreshCredentials', 'ConcatenateDefaults_DenyFresh'],
  denySaved: ['DenySavedCredentials', 'ConcatenateDefaults_DenySaved'],
} as const satisfies Record<keyof DelegationPolicy, readonly [setting: string, concatenate: string]>;

type Name = (typeof SETTINGS)[keyof typeof SETTINGS];
/** A setting with a list: the name of its DWORD, and of the subkey with the patterns. */
export type DelegationListName = Name[0];
/** A DWORD of the key. */
export type DelegationValueName = Name[number] | 'RestrictedRemoteAdministration' | keyof typeof SAID_ELSEWHERE;

/**
 * Which of the two modes without delegation a client has to use, and whether a host lets it: neither says to whom credentials go.
 * They stand under the same key, which people copy as a whole.
 */
const SAID_ELSEWHERE = { RestrictedRemoteAdministrationType: true, AllowProtectedCreds: true } as const;

/** What is under `HKLM\SOFTWARE\Policies\Microsoft\Windows\CredentialsDelegation`. */
export interface DelegationSettings {
  /** The DWORDs of the key: 1 is enabled, 0 disabled, and what is not there is not configured. */
  readonly values?: Readonly<Partial<Record<DelegationValueName, number | undefined>>> | undefined;
  /** The subkeys: of each the patterns that its values `1`, `2`, ... hold. They count where the DWORD of that name is 1. */
  readonly lists?: Readonly<Partial<Record<DelegationListName, readonly string[] | undefined>>> | undefined;
}

/**
 * The policy of a machine with these settings.
 *
 * `RestrictedRemoteAdministration` binds remote desktop clients: no credentials of any kind go to `TERMSRV/*` then. Restricted Admin
 * still works, because it delegates none.
 * @param settings - under their names in the registry. A name that is not among them is refused: a misspelt denial would allow
 * @param machine - `domainJoined`: where nothing is configured, members of a domain do not send saved credentials to servers that only
 *   NTLM authenticates
 * @returns for `CredSspOptions.policy`
 * @throws SspiError INVALID_PARAMETER for another name, a DWORD that is neither 0 nor 1, a list that is no list of texts
 * @see https://learn.microsoft.com/windows/client-management/mdm/policy-csp-admx-credssp
 * @example
 * const policy = delegationPolicyFromSettings(
 *   {
 *     values: { AllowFreshCredentials: 1, ConcatenateDefaults_AllowFresh: 1, AllowFreshCredentialsWhenNTLMOnly: 0 },
 *     lists: { AllowFreshCredentials: ['WSMAN/*.example.com'] },
 *   },
 *   { domainJoined: true },
 * );
 * // policy.allowFresh is ['TERMSRV/*', 'WSMAN/*.example.com'], policy.allowFreshNtlmOnly and policy.allowSavedNtlmOnly are []
 */
export function delegationPolicyFromSettings(
  settings: DelegationSettings,
  { domainJoined }: { readonly domainJoined: boolean },
): DelegationPolicy {
  const { values = {}, lists = {} } = settings;
  assertNames(values, [
    ...Object.values(SETTINGS).flat(),
    'RestrictedRemoteAdministration',
    ...Object.keys(SAID_ELSEWHERE),
  ]);
  assertNames(
    lists,
    Object.values(SETTINGS).map(([name]) => name),
  );
  const defaults =
    domainJoined === false ? DEFAULT_DELEGATION_POLICY : { ...DEFAULT_DELEGATION_POLICY, allowSavedNtlmOnly: [] };
  const nowhere = isSet(values, 'RestrictedRemoteAdministration') === true ? ['TERMSRV/*'] : [];
  const allowed = (list: keyof DelegationPolicy): readonly string[] => listOf(list, values, lists, defaults[list]);
  const denied = (list: keyof DelegationPolicy): readonly string[] => [...allowed(list), ...nowhere];
  return {
    allowDefault: allowed('allowDefault'),
    allowDefaultNtlmOnly: allowed('allowDefaultNtlmOnly'),
    allowFresh: allowed('allowFresh'),
    allowFreshNtlmOnly: allowed('allowFreshNtlmOnly'),
    allowSaved: allowed('allowSaved'),
    allowSavedNtlmOnly: allowed('allowSavedNtlmOnly'),
    denyDefault: denied('denyDefault'),
    denyFresh: denied('denyFresh'),
    denySaved: denied('denySaved'),
  };
}

type Values = NonNullable<DelegationSettings['values']>;
type Lists = NonNullable<DelegationSettings['lists']>;

/** Contract Y2. */
function listOf(
  list: keyof DelegationPolicy,
  values: Values,
  lists: Lists,
  defaults: readonly string[],
): readonly string[] {
  const [name, concatenate] = SETTINGS[list];
  const patterns = patternsOf(name, lists[name]);
  const withDefaults = isSet(values, concatenate) === true;
  switch (isSet(values, name)) {
    case undefined:
      return defaults;
    case false:
      return [];
    case true:
      return [...new Set([...(withDefaults ? defaults : []), ...patterns])];
  }
}

function isSet(values: Values, name: DelegationValueName): boolean | undefined {
  const value: unknown = values[name];
  if (value === undefined) return undefined;
  if (value !== 0 && value !== 1) throw refused(`${name} is neither 0 nor 1`);
  return value === 1;
}

function patternsOf(name: string, patterns: unknown): readonly string[] {
  if (patterns === undefined) return [];
  if (!Array.isArray(patterns) || !patterns.every((pattern) => typeof pattern === 'string'))
    throw refused(`${name} is not a list of patterns`);
  return patterns;
}

function assertNames(given: unknown, names: readonly string[]): void {
  if (typeof given !== 'object' || given === null) throw refused('values and lists are objects');
  const other = Object.keys(given).find((name) => !names.includes(name));
  if (other !== undefined) throw refused(`there is no ${other}`);
}

function refused(detail: string): SspiError {
  return new SspiError('INVALID_PARAMETER', { stage: 'CredentialsDelegation', detail });
}
