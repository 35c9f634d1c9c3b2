/**
 * QueryContextAttributesEx and QueryCredentialsAttributesEx: the same as without Ex, for callers who say how much room they have
 * (contract L11).
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-querycontextattributesexw
 * @module
 */
import { SECPKG_ATTR, SECPKG_CRED_ATTR, SspiError } from '../sspi/index.ts';
import type { Environment } from './environment.ts';
import { failureOf } from './outcome.ts';
import { requireParameters } from './parameters.ts';
import {
  type QueryContextAttributesParameters,
  type QueryContextAttributesResult,
  queryContextAttributes,
} from './query-context-attributes.ts';
import {
  type QueryCredentialsAttributesParameters,
  type QueryCredentialsAttributesResult,
  queryCredentialsAttributes,
} from './query-credentials-attributes.ts';
import { CONTEXT_STRUCTURE_SIZES, CREDENTIAL_STRUCTURE_SIZES } from './structure-sizes.ts';

/** What both take besides. */
export interface SizedQuery {
  /** `cbBuffer`: room for the structure, in octets, as on 64-bit Windows. */
  readonly size: number;
}

/** An attribute of a context. SEC_E_BUFFER_TOO_SMALL when its structure has no room. */
export async function queryContextAttributesEx<A extends number>(
  environment: Environment,
  parameters: QueryContextAttributesParameters<A> & SizedQuery,
): Promise<QueryContextAttributesResult<A>> {
  const result = await queryContextAttributes(environment, parameters);
  return result.value === null ? result : fitting(result, parameters, CONTEXT_STRUCTURE_SIZES, SECPKG_ATTR);
}

/** An attribute of a credential. SEC_E_BUFFER_TOO_SMALL when its structure has no room. */
export async function queryCredentialsAttributesEx<A extends number>(
  environment: Environment,
  parameters: QueryCredentialsAttributesParameters<A> & SizedQuery,
): Promise<QueryCredentialsAttributesResult<A>> {
  const result = await queryCredentialsAttributes(environment, parameters);
  return result.value === null ? result : fitting(result, parameters, CREDENTIAL_STRUCTURE_SIZES, SECPKG_CRED_ATTR);
}

function fitting<R extends { readonly value: unknown }>(
  result: R,
  parameters: SizedQuery & { readonly attribute: number },
  sizes: Readonly<Record<string, number>>,
  numbers: Readonly<Record<string, number>>,
): R | (ReturnType<typeof failureOf> & { readonly value: null }) {
  try {
    const { size, attribute } = requireParameters(parameters);
    const name = Object.keys(numbers).find((one) => numbers[one] === attribute >>> 0);
    const needed = sizes[name ?? 'SUBJECT_SECURITY_ATTRIBUTES'] ?? 0; // it goes by two numbers (E12)
    if (typeof size !== 'number' || !Number.isInteger(size) || size < 0)
      throw new SspiError('INVALID_PARAMETER', { stage: 'cbBuffer' });
    if (size < needed)
      throw new SspiError('BUFFER_TOO_SMALL', { stage: 'cbBuffer', detail: `${needed} octets are needed` });
    return result;
  } catch (error) {
    return { ...failureOf(error), value: null };
  }
}
