/**
 * What InitializeSecurityContext and AcceptSecurityContext have in common: buffers in, one step of the exchange, buffers out.
 * @module
 */
import {
  ISC_RET,
  NEVER,
  SEC_E,
  SEC_I,
  SECBUFFER,
  type SecBufferDesc,
  type SecurityStatus,
  SspiError,
  type Step,
} from '../sspi/index.ts';
import {
  type Buffers,
  bufferOf,
  capacityOf,
  fillBuffer,
  octetsOf,
  readDescriptor,
  reportCount,
  requireWritable,
} from './buffers.ts';
import { allocatesMemory, contextAttributes, type Role, reportsErrors } from './context-requirements.ts';
import type { ContextEntry, FinishedLeg } from './entries.ts';
import type { Environment } from './environment.ts';
import type { CredHandle, CtxtHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireDataRepresentation, requireFlags, requireParameters } from './parameters.ts';
import { alertIn } from './tls-tokens.ts';

/** The parameters that both functions have. */
export interface ContextCallParameters {
  /** `phCredential`: needed on the first call; later null, or the same again. */
  readonly credential?: CredHandle | null | undefined;
  /** `phContext`: null on the first call, then the handle that it gave. */
  readonly context?: CtxtHandle | null | undefined;
  /** `fContextReq`: bits of `ISC_REQ` or `ASC_REQ`. */
  readonly contextReq?: number | undefined;
  /** `TargetDataRep`: `SECURITY_DREP.NATIVE`, the default, or `NETWORK`; no effect on the wire. */
  readonly targetDataRep?: number | undefined;
  /**
   * `pInput`: a TOKEN buffer with what the peer sent, and an EMPTY buffer in which EXTRA or MISSING is reported. Its octets must
   * stay as they are until the promise settles.
   */
  readonly input?: SecBufferDesc | null | undefined;
  /** `pOutput`: a TOKEN buffer for what is to be sent. */
  readonly output?: SecBufferDesc | null | undefined;
}

/** What both functions give. */
export interface ContextCallResult extends Outcome {
  /** `phNewContext`: null when there is no context, because the first call did not succeed or the handle is not valid. */
  readonly context: CtxtHandle | null;
  /** `pfContextAttr`: bits of `ISC_RET` or `ASC_RET`. Judge security by them only when the status is SEC_E_OK. */
  readonly contextAttr: number;
  /** `ptsExpiry`: FILETIME ticks in local time, `NEVER` while not known. */
  readonly expiry: bigint;
}

/** A call whose parameters were read, each once, and checked. The handles are whatever the caller passed for them. */
export interface ContextCall {
  readonly role: Role;
  readonly credential: unknown;
  readonly context: unknown;
  /** Bits of `ISC_REQ` or `ASC_REQ`. */
  readonly flags: number;
  readonly input: Buffers;
  readonly output: Buffers;
  /** What is in the TOKEN buffer of the input; undefined without one. */
  readonly token: Uint8Array | undefined;
}

/** A result without the handle. */
export type CallReport = Omit<ContextCallResult, 'context'>;

const EMPTY = new Uint8Array(0);

/** Runs a call, and makes a status of whatever goes wrong. */
export async function contextCall(
  environment: Environment,
  role: Role,
  parameters: ContextCallParameters,
  run: (call: ContextCall) => Promise<ContextCallResult>,
): Promise<ContextCallResult> {
  let handle: unknown;
  let call: ContextCall | undefined;
  try {
    handle = requireParameters(parameters).context;
    call = readCall(role, handle, parameters);
    return await run(call);
  } catch (thrown) {
    const failure = failureOf(thrown);
    // BUFFER_TOO_SMALL has left the size that is needed there.
    if (call !== undefined && failure.error.code !== 'BUFFER_TOO_SMALL') clearOutput(call);
    return { ...failure, context: liveHandle(environment, handle), contextAttr: 0, expiry: NEVER };
  }
}

function readCall(role: Role, context: unknown, parameters: ContextCallParameters): ContextCall {
  const { credential, contextReq, targetDataRep, input, output } = parameters;
  requireDataRepresentation(targetDataRep);
  const flags = requireFlags(contextReq, 'fContextReq');
  const inputBuffers = readDescriptor(input, 'pInput');
  const outputBuffers = readDescriptor(output, 'pOutput');
  for (const type of [SECBUFFER.TOKEN, SECBUFFER.ALERT]) {
    const buffer = bufferOf(outputBuffers, type);
    if (buffer !== undefined) requireWritable(buffer);
  }
  const tokenBuffer = bufferOf(inputBuffers, SECBUFFER.TOKEN);
  const token = tokenBuffer === undefined ? undefined : octetsOf(tokenBuffer);
  return { role, credential, context, flags, input: inputBuffers, output: outputBuffers, token };
}

/** The handle that was passed, as long as there is something behind it: it must still be deleted (contract R73). */
function liveHandle({ contexts }: Environment, handle: unknown): CtxtHandle | null {
  return contexts.has(handle) && contexts.find(handle)?.deleted === false ? handle : null;
}

/**
 * Takes the context one step further, or hands out what a step has left pending.
 * @param input - for the exchange; mostly the TOKEN of the call
 * @throws SspiError CONTEXT_BUSY, BUFFER_TOO_SMALL, MISSING_BUFFER: the state of the exchange has not suffered
 */
export async function advance(
  environment: Environment,
  entry: ContextEntry,
  call: ContextCall,
  input: Uint8Array = call.token ?? EMPTY,
): Promise<CallReport> {
  assertNotBusy(entry);
  entry.underWay.step = true;
  try {
    if (entry.pending !== undefined) {
      assertSameInput(entry.pending.input, call.token);
      return handOut(environment, entry, call, entry.pending.leg);
    }
    const step = entry.shutdown ? await sayGoodbye(entry, call) : await takeStep(entry, call, input);
    if ('kind' in step) return handOut(environment, entry, call, step);
    return askAgain(environment, entry, call, step);
  } finally {
    entry.underWay.step = false;
  }
}

/** @throws SspiError CONTEXT_BUSY while another call of the handshake is under way (contract R10) */
export function assertNotBusy(entry: ContextEntry): void {
  if (entry.underWay.step) throw new SspiError('CONTEXT_BUSY', { stage: 'context handle' });
}

/** Neither progress nor failure: the caller is to come again with the same input and more of it, or another credential. */
type AskAgain = Exclude<Step, { readonly token: Uint8Array }>;

async function takeStep(entry: ContextEntry, call: ContextCall, input: Uint8Array): Promise<FinishedLeg | AskAgain> {
  const credential = entry.wantsCredential || entry.replaced ? entry.credential?.credential : undefined;
  entry.replaced = false;
  let step: Step;
  try {
    // A copy, because callers use their receive buffer again while mechanisms keep messages for their integrity codes.
    step = await entry.context.step(copyOf(input), credential);
  } catch (thrown) {
    assertNotDeleted(entry, thrown);
    const { error } = failureOf(thrown);
    const token = reportsErrors(call.role, entry.requested | call.flags) ? error.token : undefined;
    return { kind: 'failure', error, token: token ?? EMPTY };
  }
  assertNotDeleted(entry);
  if (!('token' in step)) return step;
  const { status, token, consumed, flags, expiry } = step;
  return { kind: 'success', status, token, extra: input.length - consumed, flags, expiry };
}

/** The channel ends, as ApplyControlToken asked (contract M16). What the peer sent, if anything, is not looked at. */
async function sayGoodbye(entry: ContextEntry, call: ContextCall): Promise<FinishedLeg> {
  const { messages } = entry.context;
  if (messages.kind !== 'stream') throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'shutdown' });
  const token = await messages.close();
  assertNotDeleted(entry);
  entry.shutdown = false;
  const { length } = call.token ?? EMPTY;
  return { kind: 'success', status: SEC_E.OK, token, extra: length, flags: entry.contextAttr, expiry: NEVER };
}

/** A context that was deleted during the call is no context any more, whatever the exchange made of it (contract L1). */
function assertNotDeleted(entry: ContextEntry, cause?: unknown): void {
  if (entry.deleted)
    throw new SspiError('INVALID_HANDLE', { stage: 'context handle', detail: 'deleted meanwhile', cause });
}

function askAgain(environment: Environment, entry: ContextEntry, call: ContextCall, step: AskAgain): CallReport {
  if (step.status === SEC_E.INCOMPLETE_MESSAGE) reportCount(call.input, SECBUFFER.MISSING, step.missing);
  entry.wantsCredential = step.status === SEC_I.INCOMPLETE_CREDENTIALS;
  // A buffer of the caller's keeps its size for the next try; an allocated one must not look like something to send.
  if (allocatesMemory(call.flags)) clearOutput(call);
  if (step.status === SEC_E.INCOMPLETE_MESSAGE) return { status: step.status, contextAttr: 0, expiry: NEVER };
  // The other one is a success by number, and what is settled so far can be read from it (contract R43, R44).
  entry.contextAttr = attributesOf(entry, call, step.status, step.flags);
  return { status: step.status, contextAttr: entry.contextAttr, expiry: environment.localTime(step.expiry) };
}

/** Hands out a leg. If the caller's buffer cannot take it, the leg stays pending, so that nothing is lost (contract R39). */
function handOut(environment: Environment, entry: ContextEntry, call: ContextCall, leg: FinishedLeg): CallReport {
  try {
    placeToken(environment, call, leg.token);
  } catch (error) {
    // Who brings no buffer does not want to hear why: the failure itself is what counts then.
    if (leg.kind === 'success' || bufferOf(call.output, SECBUFFER.TOKEN) !== undefined) {
      entry.pending ??= { leg, input: copyOf(call.token ?? EMPTY) };
      throw error;
    }
  }
  entry.pending = undefined;
  entry.wantsCredential = false;
  return leg.kind === 'failure' ? reportFailure(environment, call, leg) : reportSuccess(environment, entry, call, leg);
}

function reportFailure(
  environment: Environment,
  call: ContextCall,
  leg: Extract<FinishedLeg, { readonly kind: 'failure' }>,
): CallReport {
  reportAlert(environment, call, leg.token);
  return { status: leg.error.status, error: leg.error, contextAttr: 0, expiry: NEVER };
}

function reportSuccess(
  environment: Environment,
  entry: ContextEntry,
  call: ContextCall,
  { status, extra, flags, expiry }: Extract<FinishedLeg, { readonly kind: 'success' }>,
): CallReport {
  if (extra > 0) reportCount(call.input, SECBUFFER.EXTRA, extra);
  entry.contextAttr = attributesOf(entry, call, status, flags);
  if (status === SEC_E.OK) entry.established = true;
  return { status, contextAttr: entry.contextAttr, expiry: environment.localTime(expiry) };
}

function attributesOf(entry: ContextEntry, call: ContextCall, status: SecurityStatus, granted: number): number {
  // What the context is asked to be counts from the first call; how memory is handled, from this one.
  const requested = (entry.requested & ~ISC_RET.ALLOCATED_MEMORY) | (call.flags & ISC_RET.ALLOCATED_MEMORY);
  const supplied = entry.suppliedCredentials && status === SEC_E.OK ? ISC_RET.USED_SUPPLIED_CREDS : 0;
  return contextAttributes(call.role, entry.context.info, status, granted | supplied, requested);
}

/**
 * Puts a token into the TOKEN buffer of the output (contract R38-R42).
 * @throws SspiError BUFFER_TOO_SMALL, MISSING_BUFFER
 */
function placeToken(environment: Environment, call: ContextCall, token: Uint8Array): void {
  const buffer = bufferOf(call.output, SECBUFFER.TOKEN);
  if (buffer === undefined) {
    if (token.length > 0) throw new SspiError('MISSING_BUFFER', { stage: 'pOutput', detail: 'SECBUFFER_TOKEN' });
    return;
  }
  if (allocatesMemory(call.flags)) {
    // The caller may overwrite it with freeContextBuffer at once, while the mechanism may still need its own.
    buffer.buffer = token.length === 0 ? null : allocate(environment, token);
    buffer.count = token.length;
  } else {
    fillBuffer(buffer, token, 'pOutput');
  }
}

/** A copy for the caller to keep. */
export function allocate({ allocated }: Environment, octets: Uint8Array): Uint8Array {
  const copy = copyOf(octets);
  allocated.add(copy);
  return copy;
}

/** Not `slice`: that of a Buffer is a view of the same octets. */
function copyOf(octets: Uint8Array): Uint8Array {
  return new Uint8Array(octets);
}

/** Nothing to send. */
function clearOutput(call: ContextCall): void {
  const buffer = bufferOf(call.output, SECBUFFER.TOKEN);
  if (buffer === undefined || Object.isFrozen(buffer)) return;
  buffer.count = 0;
  if (allocatesMemory(call.flags)) buffer.buffer = null;
}

/** An ALERT buffer receives level and description of the alert that ends the token, as far as it is legible (contract R41). */
function reportAlert(environment: Environment, call: ContextCall, token: Uint8Array): void {
  const buffer = bufferOf(call.output, SECBUFFER.ALERT);
  const alert = alertIn(token);
  if (buffer === undefined || alert === undefined) return;
  if (allocatesMemory(call.flags)) buffer.buffer = allocate(environment, alert);
  else if (capacityOf(buffer) < alert.length) return;
  else buffer.buffer?.set(alert);
  buffer.count = alert.length;
}

/** A pending leg is handed out for the input that led to it, or for none. */
function assertSameInput(expected: Uint8Array, token: Uint8Array | undefined): void {
  if (token === undefined || token.length === 0) return;
  if (token.length !== expected.length || token.some((octet, at) => octet !== expected[at]))
    throw new SspiError('MESSAGE_OUT_OF_ORDER', {
      stage: 'pInput',
      detail: 'output for the last input is still to be taken',
    });
}
