/**
 * ExportSecurityContext (contract L6): a context goes to another process.
 * @see https://learn.microsoft.com/windows/win32/api/sspi/nf-sspi-exportsecuritycontext
 * @module
 */
import { boolean, encode, field, octetString, sequence, uint32 } from '../der/index.ts';
import { SEC_E, type Secret, type SecurityPackage, SspiError } from '../sspi/index.ts';
import type { ContextEntry } from './entries.ts';
import { type Environment, findEstablishedContext } from './environment.ts';
import type { CtxtHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { sealState } from './packed-context.ts';
import { requireFlags, requireParameters } from './parameters.ts';

/** `fFlags` of ExportSecurityContext. */
export const SECPKG_CONTEXT_EXPORT = { RESET_NEW: 1, DELETE_OLD: 2, TO_KERNEL: 4 } as const;

/** What `exportSecurityContext` takes. */
export interface ExportSecurityContextParameters {
  /** `phContext`. */
  readonly context: CtxtHandle;
  /** `fFlags`: 0, or bits of {@link SECPKG_CONTEXT_EXPORT}, of which DELETE_OLD can be had. */
  readonly flags?: number | undefined;
  /** At least 32 octets that nobody else knows: whoever has them can read the messages of the context, and make some. */
  readonly key: Secret | Uint8Array;
}

/** What `exportSecurityContext` gives. */
export interface ExportSecurityContextResult extends Outcome {
  /** `pPackedContext`: for `importSecurityContext`, once. Null on failure. */
  readonly packedContext: Uint8Array | null;
}

/** What the door adds to the state of the package. */
export const PackedContext = sequence({
  requested: field(0, uint32),
  contextAttr: field(1, uint32),
  suppliedCredentials: field(2, boolean),
  state: field(3, octetString),
});

const STAGE = 'ExportSecurityContext';

/**
 * Packs a context up. The old one protects no more messages, for the two would use the same key stream and the same numbers; all it
 * is good for is to be deleted.
 */
export async function exportSecurityContext(
  environment: Environment,
  parameters: ExportSecurityContextParameters,
): Promise<ExportSecurityContextResult> {
  try {
    const { context, flags, key } = requireParameters(parameters);
    const entry = findEstablishedContext(environment, context);
    const requested = requireFlags(flags, 'fFlags');
    if ((requested & ~SECPKG_CONTEXT_EXPORT.DELETE_OLD) !== 0)
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: STAGE, detail: 'RESET_NEW would use a key stream twice' });
    const { step, encrypt, decrypt } = entry.underWay;
    if (step || encrypt || decrypt) throw new SspiError('CONTEXT_BUSY', { stage: STAGE });
    const { info } = entry.context;
    const state = stateOf(packageOf(environment, info.name), entry);
    try {
      const packedContext = sealState(state, key, info.name, environment.host);
      entry.broken = new SspiError('CONTEXT_EXPIRED', { stage: STAGE, detail: 'the context is elsewhere now' });
      if ((requested & SECPKG_CONTEXT_EXPORT.DELETE_OLD) !== 0) entry.delete();
      environment.allocated.add(packedContext);
      return { status: SEC_E.OK, packedContext };
    } finally {
      state.fill(0);
    }
  } catch (error) {
    return { ...failureOf(error), packedContext: null };
  }
}

function packageOf({ packages }: Environment, name: string): SecurityPackage | undefined {
  return packages.find(({ info }) => info.name === name);
}

function stateOf(securityPackage: SecurityPackage | undefined, entry: ContextEntry): Uint8Array {
  if (securityPackage?.exportContext === undefined)
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: `${STAGE} (${entry.context.info.name})` });
  const state = securityPackage.exportContext(entry.context);
  try {
    const { contextAttr, suppliedCredentials } = entry;
    return encode(PackedContext, { requested: entry.requested >>> 0, contextAttr, suppliedCredentials, state });
  } finally {
    state.fill(0);
  }
}
