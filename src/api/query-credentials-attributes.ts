/**
 * QueryCredentialsAttributes (contract L8).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-querycredentialsattributesw
 * @module
 */
import {
  type CredentialAttributeName,
  type CredentialAttributeValues,
  SEC_E,
  SECPKG_CRED_ATTR,
  SspiError,
} from '../sspi/index.ts';
import { type Environment, findCredential } from './environment.ts';
import type { CredHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';
import { owned } from './query-context-attributes.ts';

type NameOf<A extends number> = {
  [N in CredentialAttributeName]: (typeof SECPKG_CRED_ATTR)[N] extends A ? N : never;
}[CredentialAttributeName];

/** What the attribute of a number gives. */
export type CredentialAttributeResult<A extends number> = CredentialAttributeValues[NameOf<A>];

/** What `queryCredentialsAttributes` takes. */
export interface QueryCredentialsAttributesParameters<A extends number> {
  /** `phCredential`. */
  readonly credential: CredHandle;
  /** `ulAttribute`: one of `SECPKG_CRED_ATTR`. */
  readonly attribute: A;
}

/** What `queryCredentialsAttributes` gives. */
export interface QueryCredentialsAttributesResult<A extends number> extends Outcome {
  /** `pBuffer`. Null on failure. Its octets are the caller's own. */
  readonly value: CredentialAttributeResult<A> | null;
}

/** An attribute of a credential: whose it is, which certificate it presents, which versions of TLS it speaks. */
export async function queryCredentialsAttributes<A extends number>(
  environment: Environment,
  parameters: QueryCredentialsAttributesParameters<A>,
): Promise<QueryCredentialsAttributesResult<A>> {
  try {
    const { credential, attribute } = requireParameters(parameters);
    const { credential: target, kdcProxy } = findCredential(environment, credential);
    const stage = `credential attribute ${String(attribute)} (${target.info.name})`;
    const name = NAMES.get(attribute);
    const read = name === 'KDC_PROXY_SETTINGS' ? kdcProxy : name === undefined ? undefined : target.attributes?.[name];
    if (read === undefined) throw new SspiError('UNSUPPORTED_FUNCTION', { stage });
    // The number decides the name, and the name the value: `NameOf` says the same to the compiler.
    const value = owned(environment, read()) as CredentialAttributeResult<A> | null;
    return { status: SEC_E.OK, value };
  } catch (error) {
    return { ...failureOf(error), value: null };
  }
}

const NAMES: ReadonlyMap<unknown, CredentialAttributeName> = new Map(
  // Object literals written out with `as const` have no other keys than those of their type.
  (Object.entries(SECPKG_CRED_ATTR) as [CredentialAttributeName, number][]).map(([name, value]) => [value, name]),
);
