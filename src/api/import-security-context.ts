/**
 * ImportSecurityContext (contract L6): a context comes from another process.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-importsecuritycontextw
 * @module
 */
import { decode } from '../der/index.ts';
import { SEC_E, type Secret, SspiError } from '../sspi/index.ts';
import { ContextEntry } from './entries.ts';
import { type Environment, findPackage } from './environment.ts';
import { PackedContext } from './export-security-context.ts';
import type { CtxtHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { openState } from './packed-context.ts';
import { requireParameters } from './parameters.ts';

/** What `importSecurityContext` takes. */
export interface ImportSecurityContextParameters {
  /** `pszPackage`: of which the context is; case does not matter. */
  readonly package: string;
  /** `pPackedContext`. To be imported once only: two contexts with the same keys would use the same key stream. */
  readonly packedContext: Uint8Array;
  /** The key of `exportSecurityContext`. */
  readonly key: Secret | Uint8Array;
}

/** What `importSecurityContext` gives. */
export interface ImportSecurityContextResult extends Outcome {
  /** `phContext`: established. Null on failure. */
  readonly context: CtxtHandle | null;
}

/** Unpacks a context, which goes on where it was exported. */
export async function importSecurityContext(
  environment: Environment,
  parameters: ImportSecurityContextParameters,
): Promise<ImportSecurityContextResult> {
  try {
    const { package: packageName, packedContext, key } = requireParameters(parameters);
    const securityPackage = findPackage(environment, packageName);
    const { name } = securityPackage.info;
    if (securityPackage.importContext === undefined)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: `ImportSecurityContext (${name})` });
    const octets = openState(packedContext, key, name);
    try {
      const { requested, contextAttr, suppliedCredentials, state } = decode(PackedContext, octets);
      const context = await securityPackage.importContext(state, environment.host);
      const entry = new ContextEntry(context, {
        bound: undefined,
        supplied: undefined,
        requested,
        channelBindings: undefined,
        suppliedCredentials,
      });
      entry.contextAttr = contextAttr;
      entry.established = true;
      return { status: SEC_E.OK, context: environment.contexts.add(entry) };
    } finally {
      octets.fill(0);
    }
  } catch (error) {
    return { ...failureOf(error), context: null };
  }
}
