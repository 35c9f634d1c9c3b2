/** The settings of "Credentials Delegation" under their names in the registry: contract §3.8, Y1 and Y2. */
import { describe, expect, test } from 'vitest';
import { type DelegationSettings, decideDelegation, delegationPolicyFromSettings } from '../../src/credssp/index.ts';
import type { DelegationPolicy } from '../../src/sspi/index.ts';
import { forged } from '../api/door.ts';

const REMOTE_DESKTOPS = ['TERMSRV/*'];
const WINRM = ['WSMAN/*.example.com', 'WSMAN/bastion'];
const MEMBER = { domainJoined: true };
const ALONE = { domainJoined: false };

/**
 * From the text of ADMX_CredSsp, one line a setting: its name (the DWORD, and the subkey of patterns), the DWORD of "Concatenate OS
 * defaults with input above", the list it makes, and what holds if it is not configured: on a machine in a domain, on one that is not.
 */
const TEXT = [
  ['AllowDefaultCredentials', 'ConcatenateDefaults_AllowDefault', 'allowDefault', [], []],
  ['AllowDefCredentialsWhenNTLMOnly', 'ConcatenateDefaults_AllowDefNTLMOnly', 'allowDefaultNtlmOnly', [], []],
  ['AllowFreshCredentials', 'ConcatenateDefaults_AllowFresh', 'allowFresh', REMOTE_DESKTOPS, REMOTE_DESKTOPS],
  [
    'AllowFreshCredentialsWhenNTLMOnly',
    'ConcatenateDefaults_AllowFreshNTLMOnly',
    'allowFreshNtlmOnly',
    REMOTE_DESKTOPS,
    REMOTE_DESKTOPS,
  ],
  ['AllowSavedCredentials', 'ConcatenateDefaults_AllowSaved', 'allowSaved', REMOTE_DESKTOPS, REMOTE_DESKTOPS],
  [
    'AllowSavedCredentialsWhenNTLMOnly',
    'ConcatenateDefaults_AllowSavedNTLMOnly',
    'allowSavedNtlmOnly',
    [],
    REMOTE_DESKTOPS,
  ],
  ['DenyDefaultCredentials', 'ConcatenateDefaults_DenyDefault', 'denyDefault', [], []],
  ['DenyFreshCredentials', 'ConcatenateDefaults_DenyFresh', 'denyFresh', [], []],
  ['DenySavedCredentials', 'ConcatenateDefaults_DenySaved', 'denySaved', [], []],
] as const;

describe('delegationPolicyFromSettings', () => {
  test.each(TEXT)('Y1, Y2: %s', (setting, concatenate, list, inDomain, alone) => {
    for (const [machine, defaults] of [
      [MEMBER, inDomain],
      [ALONE, alone],
    ] as const) {
      const made = (values: DelegationSettings['values'], patterns: readonly string[] | undefined = WINRM) =>
        delegationPolicyFromSettings({ values, lists: { [setting]: patterns } }, machine)[list];
      expect(made(undefined)).toEqual(defaults); // not configured: patterns alone say nothing
      expect(made({ [concatenate]: 1 })).toEqual(defaults);
      expect(made({ [setting]: 1 })).toEqual(WINRM); // in place of the defaults
      expect(made({ [setting]: 1, [concatenate]: 0 })).toEqual(WINRM);
      expect(made({ [setting]: 1, [concatenate]: 1 })).toEqual([...defaults, ...WINRM]);
      expect(made({ [setting]: 1, [concatenate]: 1 }, ['TERMSRV/*'])).toEqual(['TERMSRV/*']); // a union, and no list of twins
      expect(made({ [setting]: 1 }, [])).toEqual([]);
      expect(made({ [setting]: 0 })).toEqual([]); // disabled
      expect(made({ [setting]: 0, [concatenate]: 1 })).toEqual([]);
    }
  });

  test('Y1, Y2: a setting changes its own list and no other', () => {
    for (const [setting, , list] of TEXT) {
      const { [list]: own, ...others } = delegationPolicyFromSettings(
        { values: { [setting]: 1 }, lists: { [setting]: WINRM } },
        ALONE,
      );
      const { [list]: before, ...untouched } = delegationPolicyFromSettings({}, ALONE);
      expect([own, others]).toEqual([WINRM, untouched]);
      expect(before).not.toEqual(WINRM);
    }
  });

  test('Y2: hence WinRM gets nothing until it is configured, and everything that is denied stays denied', () => {
    const target = 'WSMAN/host.example.com';
    const decided = (settings: DelegationSettings, serverAuthenticated = true) =>
      decideDelegation(delegationPolicyFromSettings(settings, MEMBER), 'fresh', target, serverAuthenticated);
    expect(decided({})).toBe('denied');
    const allowed = { AllowFreshCredentials: 1 } as const;
    expect(decided({ values: allowed, lists: { AllowFreshCredentials: ['WSMAN/*'] } })).toBe('allowed');
    expect(decided({ values: allowed, lists: { AllowFreshCredentials: ['WSMAN/*'] } }, false)).toBe(
      'needs-server-authentication',
    );
    const lists = { AllowFreshCredentials: ['WSMAN/*'], DenyFreshCredentials: [target] };
    expect(decided({ values: { ...allowed, DenyFreshCredentials: 1 }, lists })).toBe('denied');
    expect(decided({ values: { ...allowed, DenyFreshCredentials: 0 }, lists })).toBe('allowed');
  });

  test('Y1: RestrictedRemoteAdministration: no credentials to remote desktops, whatever the type of the restriction', () => {
    for (const type of [undefined, 1, 2, 3]) {
      const policy = delegationPolicyFromSettings(
        {
          values: {
            RestrictedRemoteAdministration: 1,
            RestrictedRemoteAdministrationType: type,
            AllowProtectedCreds: 1,
          },
        },
        ALONE,
      );
      for (const source of ['fresh', 'saved', 'default'] as const)
        for (const authenticated of [true, false])
          expect(decideDelegation(policy, source, 'TERMSRV/host', authenticated)).toBe('denied');
    }
    const off: DelegationPolicy = delegationPolicyFromSettings(
      { values: { RestrictedRemoteAdministration: 0 } },
      ALONE,
    );
    expect(off).toEqual(delegationPolicyFromSettings({}, ALONE));
  });

  test.each([
    ['a misspelt denial', { values: { DenyFreshCredential: 1 }, lists: {} }],
    ['a list of another name', { lists: { AllowFresh: ['*'] } }],
    ['a list under the name of a DWORD', { lists: { ConcatenateDefaults_AllowFresh: ['*'] } }],
    ['a DWORD of 2', { values: { AllowFreshCredentials: 2 } }],
    ['a DWORD as text', { values: { DenyFreshCredentials: '1' } }],
    ['a pattern in place of a list', { values: { DenyFreshCredentials: 1 }, lists: { DenyFreshCredentials: '*' } }],
    ['a number among the patterns', { lists: { DenySavedCredentials: [7] } }],
    ['null in place of the DWORDs', { values: null }],
    ['a text in place of the subkeys', { lists: 'DenyFreshCredentials' }],
  ])('Y1: %s is refused', (_, settings) => {
    expect(() => delegationPolicyFromSettings(forged(settings), ALONE)).toThrow(
      expect.objectContaining({ code: 'INVALID_PARAMETER', stage: 'CredentialsDelegation' }),
    );
  });
});
