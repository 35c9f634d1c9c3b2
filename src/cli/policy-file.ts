/**
 * A delegation policy as a file: JSON with the lists of "Credentials Delegation", of which those that are not there are empty.
 * @module
 */
import type { DelegationPolicy } from '../sspi/index.ts';
import { readText } from './files.ts';
import { UsageError } from './terminal.ts';

export type { DelegationPolicy };

const NOTHING: DelegationPolicy = {
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

/** For `--help`. */
export const POLICY_HELP = `The file of --policy is JSON: patterns of SPNs, with one * at most, in lists.
  {"allowFresh": ["TERMSRV/*.example.com"], "allowFreshNtlmOnly": [],
   "denyFresh": ["TERMSRV/old.example.com"]}
"Fresh" are credentials that are given here; NtlmOnly holds for servers that
neither Kerberos nor their certificate authenticates. A list that is not there
is empty, and deny wins. (Also: Default, Saved.) Without a policy credentials go
to TERMSRV/*, as on Windows.`;

/** @throws UsageError */
export async function readPolicy(path: string): Promise<DelegationPolicy> {
  const text = await readText(path, '--policy');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw malformed('the file holds no JSON'); // the parser's words quote it, and it may be the wrong file
  }
  return policyOf(parsed);
}

/** A policy out of JSON. @throws UsageError */
export function policyOf(parsed: unknown): DelegationPolicy {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw malformed('it is no object');
  const names = Object.keys(NOTHING);
  for (const [name, list] of Object.entries(parsed)) {
    if (!names.includes(name)) throw malformed('it has a list of another name');
    if (!Array.isArray(list) || !list.every((pattern) => typeof pattern === 'string'))
      throw malformed(`${name} is not a list of patterns`);
  }
  return { ...NOTHING, ...parsed };
}

function malformed(why: string): UsageError {
  return new UsageError(`--policy: ${why}`, 'see the form of the file in `sspi logon --help`');
}
