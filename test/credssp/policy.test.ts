import { describe, expect, test } from 'vitest';
import {
  couldDelegate,
  DEFAULT_DELEGATION_POLICY,
  decideDelegation,
  PERMISSIVE_DELEGATION_POLICY,
} from '../../src/credssp/index.ts';
import type { DelegationPolicy } from '../../src/sspi/index.ts';

const nothing: DelegationPolicy = {
  allowDefault: [],
  allowDefaultNtlmOnly: [],
  allowFresh: [],
  allowFreshNtlmOnly: [],
  allowSaved: [],
  allowSavedNtlmOnly: [],
  denyDefault: [],
  denyFresh: [],
  denySaved: [],
};

describe('delegation policy', () => {
  test('Y2, Y15: by default fresh and saved credentials go to remote desktops, default credentials nowhere', () => {
    for (const authenticated of [true, false]) {
      expect(decideDelegation(DEFAULT_DELEGATION_POLICY, 'fresh', 'TERMSRV/host', authenticated)).toBe('allowed');
      expect(decideDelegation(DEFAULT_DELEGATION_POLICY, 'saved', 'TERMSRV/host', authenticated)).toBe('allowed');
      expect(decideDelegation(DEFAULT_DELEGATION_POLICY, 'default', 'TERMSRV/host', authenticated)).toBe('denied');
      expect(decideDelegation(DEFAULT_DELEGATION_POLICY, 'fresh', 'WSMAN/host', authenticated)).toBe('denied');
    }
  });

  test.each([
    ['TERMSRV/host.example.com', 'termsrv/HOST.example.COM', true],
    ['TERMSRV/*', 'TERMSRV/host', true],
    ['TERMSRV/*', 'WSMAN/host', false],
    ['TERMSRV/*.example.com', 'TERMSRV/a.example.com', true],
    ['TERMSRV/*.example.com', 'TERMSRV/a.example.org', false],
    ['TERMSRV/*.example.com', 'TERMSRV/example.com', false],
    ['*', '', true],
    ['*', 'HTTP/host:5986', true],
    ['*/host', 'TERMSRV/host', true],
    ['TERMSRV/*.*', 'TERMSRV/a.b', false],
    ['TERMSRV/host', 'TERMSRV/host2', false],
    ['ab*ba', 'aba', false],
    ['', '', false],
  ])('Y3: pattern %s against %s: %s', (pattern, target, matches) => {
    expect(couldDelegate({ ...nothing, allowFresh: [pattern] }, 'fresh', target)).toBe(matches);
  });

  test('Y4: deny wins, and the port does not matter', () => {
    const policy = { ...PERMISSIVE_DELEGATION_POLICY, denyFresh: ['TERMSRV/bad'] };
    expect(decideDelegation(policy, 'fresh', 'TERMSRV/bad:3389', true)).toBe('denied');
    expect(couldDelegate(policy, 'fresh', 'TERMSRV/bad')).toBe(false);
    expect(decideDelegation(policy, 'saved', 'TERMSRV/bad', true)).toBe('allowed');
  });

  test('Y7: the two lists are not unioned', () => {
    const ntlmOnly = { ...nothing, allowFreshNtlmOnly: ['*'] };
    expect(decideDelegation(ntlmOnly, 'fresh', 'TERMSRV/host', false)).toBe('allowed');
    expect(decideDelegation(ntlmOnly, 'fresh', 'TERMSRV/host', true)).toBe('denied');
  });

  test('Y8, Y13: in the plain list but not authenticated is told apart from denied', () => {
    const plain = { ...nothing, allowFresh: ['*'] };
    expect(decideDelegation(plain, 'fresh', 'TERMSRV/host', false)).toBe('needs-server-authentication');
    expect(decideDelegation(plain, 'fresh', 'TERMSRV/host', true)).toBe('allowed');
    expect(decideDelegation(nothing, 'fresh', 'TERMSRV/host', false)).toBe('denied');
  });

  test('Y11: what no list names could never be delegated', () => {
    expect(couldDelegate(nothing, 'fresh', 'TERMSRV/host')).toBe(false);
    expect(couldDelegate({ ...nothing, allowSavedNtlmOnly: ['TERMSRV/host'] }, 'saved', 'TERMSRV/host')).toBe(true);
  });
});
