/**
 * The first call and the later calls of InitializeSecurityContext and AcceptSecurityContext: which credential, which context,
 * and what binds them.
 * @module
 */
import {
  type ChannelBindings,
  type ContextOptions,
  type Credential,
  decodeApplicationProtocols,
  decodeSecChannelBindings,
  isFailure,
  packChannelBindings,
  SECBUFFER,
  SECPKG_CRED,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { type Buffers, bufferOf, octetsOf } from './buffers.ts';
import { advance, assertNotBusy, type ContextCall, type ContextCallResult } from './context-call.ts';
import { checkRequirements, type Role } from './context-requirements.ts';
import { ContextEntry, type CredentialEntry } from './entries.ts';
import { type Environment, findContext, findCredential } from './environment.ts';
import { suppliedCredential } from './supplied-credentials.ts';

/** Whether a call is the first of its context: NULL is, an invalid handle is not (contract R9, R11). */
export function isFirstCall(call: ContextCall): boolean {
  return call.context === undefined || call.context === null;
}

/** What differs between the two roles in a first call. */
export interface Start {
  /** What the exchange gets to see of the TOKEN. */
  readonly input: Uint8Array | undefined;
  open(credential: Credential, options: ContextOptions): SecurityContext;
}

/**
 * Makes a context and takes its first step. Unless that is a success, nothing stays behind (contract R39, R73).
 * @throws SspiError
 */
export async function startContext(
  environment: Environment,
  call: ContextCall,
  start: Start,
): Promise<ContextCallResult> {
  const bound = credentialFor(environment, call).retain();
  try {
    const supplied = await suppliedCredential(environment, bound, call);
    try {
      return await openContext(environment, call, start, bound, supplied);
    } finally {
      supplied?.free(); // it lives on as long as the context that holds it
    }
  } finally {
    bound.release();
  }
}

async function openContext(
  environment: Environment,
  call: ContextCall,
  start: Start,
  bound: CredentialEntry,
  supplied: CredentialEntry | undefined,
): Promise<ContextCallResult> {
  const { host, limits, observe } = environment;
  const channelBindings = readChannelBindings(call.input);
  const applicationProtocols = readApplicationProtocols(call.input);
  const { credential } = supplied ?? bound;
  const context = start.open(credential, { host, limits, observe, channelBindings, applicationProtocols });
  const entry = new ContextEntry(context, {
    bound,
    supplied,
    requested: call.flags,
    channelBindings,
  });
  let kept = false;
  try {
    const report = await advance(environment, entry, call, start.input);
    if (isFailure(report.status)) return { ...report, context: null };
    kept = true;
    return { ...report, context: environment.contexts.add(entry) };
  } finally {
    if (!kept) entry.delete();
  }
}

/** The credential of a first call (contract R6-R8, C2). */
function credentialFor(environment: Environment, call: ContextCall): CredentialEntry {
  if (call.credential === undefined || call.credential === null)
    throw new SspiError('NO_CREDENTIALS', { stage: 'phCredential', detail: 'the first call needs a credential' });
  const entry = findCredential(environment, call.credential);
  assertUse(entry, call.role);
  checkRequirements(call.role, entry.package.info, call.flags);
  return entry;
}

function assertUse(entry: CredentialEntry, role: Role): void {
  const needed = role === 'initiator' ? SECPKG_CRED.OUTBOUND : SECPKG_CRED.INBOUND;
  if ((entry.credential.use & needed) === 0)
    throw new SspiError('NO_CREDENTIALS', { stage: 'phCredential', detail: 'the credential is for the other side' });
}

/**
 * Takes a context that exists one step further.
 * @throws SspiError; mistakes of the caller leave the exchange as it is
 */
export async function continueContext(environment: Environment, call: ContextCall): Promise<ContextCallResult> {
  const { context: handle } = call;
  const entry = findContext(environment, handle);
  if (!environment.contexts.has(handle) || entry.context.role !== call.role)
    throw new SspiError('INVALID_HANDLE', { stage: 'phContext', detail: 'a context of the other side' });
  assertNotBusy(entry);

  // A context that failed answers every further call with the same error (contract R68); the rest is not looked at.
  if (entry.context.state !== 'failed') {
    checkRequirements(call.role, entry.context.info, call.flags);
    const replacement = replacementCredential(environment, entry, call);
    assertSameBindings(entry, call);
    if (call.token === undefined && entry.context.state === 'negotiating' && entry.pending === undefined)
      throw new SspiError('MISSING_BUFFER', { stage: 'pInput', detail: 'SECBUFFER_TOKEN' });
    if (replacement !== undefined) entry.replaceCredential(replacement);
  }
  return { ...(await advance(environment, entry, call)), context: handle };
}

/**
 * The credential that a later call brings in place of the first one.
 * @returns undefined when it brings none, or the same again
 * @throws SspiError WRONG_CREDENTIAL_HANDLE when no other credential was asked for (contract R8, R76), nor does this call begin
 *   another authentication (R72)
 */
function replacementCredential(
  environment: Environment,
  entry: ContextEntry,
  call: ContextCall,
): CredentialEntry | undefined {
  if (call.credential === undefined || call.credential === null) return undefined;
  const credential = findCredential(environment, call.credential);
  if (credential === entry.bound) return undefined;
  if (credential.package !== entry.bound?.package)
    throw new SspiError('INVALID_HANDLE', { stage: 'phCredential', detail: 'a credential of another package' });
  if (!entry.wantsCredential && !authenticatesAgain(entry, call))
    throw new SspiError('WRONG_CREDENTIAL_HANDLE', { stage: 'phCredential' });
  assertUse(credential, call.role);
  return credential;
}

/** Whether a client begins again, without a TOKEN, on a context that can (contract R72). */
function authenticatesAgain(entry: ContextEntry, call: ContextCall): boolean {
  const { state, reauthenticates } = entry.context;
  const begins = call.role === 'initiator' && (call.token === undefined || call.token.length === 0);
  return (
    begins && reauthenticates === true && state === 'established' && entry.pending === undefined && !entry.shutdown
  );
}

/**
 * Channel bindings belong to the whole exchange. Callers pass them with every call, but those that come late or differ cannot be
 * honoured any more, and ignoring them would leave the exchange unbound (fault Z52).
 */
function assertSameBindings(entry: ContextEntry, call: ContextCall): void {
  const bindings = readChannelBindings(call.input);
  if (bindings === undefined) return;
  const packed = packChannelBindings(bindings);
  const first = entry.channelBindings === undefined ? undefined : packChannelBindings(entry.channelBindings);
  if (first?.length !== packed.length || packed.some((octet, at) => octet !== first[at]))
    throw new SspiError('INVALID_PARAMETER', {
      stage: 'SECBUFFER_CHANNEL_BINDINGS',
      detail: 'channel bindings have to come with the first call, and stay the same',
    });
}

function readChannelBindings(input: Buffers): ChannelBindings | undefined {
  const buffer = bufferOf(input, SECBUFFER.CHANNEL_BINDINGS);
  return buffer === undefined ? undefined : decodeSecChannelBindings(octetsOf(buffer));
}

function readApplicationProtocols(input: Buffers): readonly string[] | undefined {
  const buffer = bufferOf(input, SECBUFFER.APPLICATION_PROTOCOLS);
  return buffer === undefined ? undefined : decodeApplicationProtocols(octetsOf(buffer));
}
