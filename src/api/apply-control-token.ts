/**
 * ApplyControlToken (contract M15, M16): the end of a TLS channel.
 * @see https://learn.microsoft.com/windows/win32/secauthn/applycontroltoken--schannel
 * @module
 */
import { SEC_E, SECBUFFER, type SecBufferDesc, SspiError } from '../sspi/index.ts';
import { octetsOf, readDescriptor, requireBuffer } from './buffers.ts';
import { assertNotBusy } from './context-call.ts';
import { type Environment, findEstablishedContext } from './environment.ts';
import type { CtxtHandle } from './handles.ts';
import { failureOf, type Outcome } from './outcome.ts';
import { requireParameters } from './parameters.ts';

/** `dwTokenType`: the first number of a control token (schannel.h). */
export const SCHANNEL_CONTROL = { RENEGOTIATE: 0, SHUTDOWN: 1, ALERT: 2, SESSION: 3 } as const;

/** `dwFlags` of SCHANNEL_SESSION_TOKEN. */
export const SSL_SESSION = { ENABLE_RECONNECTS: 1, DISABLE_RECONNECTS: 2 } as const;

/** What `applyControlToken` takes. */
export interface ApplyControlTokenParameters {
  /** `phContext`. */
  readonly context: CtxtHandle;
  /** `pInput`: a TOKEN buffer with a control token: {@link shutdownToken}, for example. */
  readonly input: SecBufferDesc;
}

/**
 * The control token that asks for the end of a channel.
 * @example
 * await sspi.applyControlToken({ context, input: { buffers: [secBuffer(SECBUFFER.TOKEN, shutdownToken())] } });
 * await sspi.initializeSecurityContext({ context, contextReq: ISC_REQ.ALLOCATE_MEMORY, output: { buffers: [token] } });
 * send(contentOf(token)); // close_notify
 */
export function shutdownToken(): Uint8Array {
  return Uint8Array.of(SCHANNEL_CONTROL.SHUTDOWN, 0, 0, 0);
}

const STAGE = 'ApplyControlToken';
/** TLS1_ALERT_WARNING with TLS1_ALERT_CLOSE_NOTIFY: the long way to say SHUTDOWN. */
const CLOSE_NOTIFY = { type: 1, number: 0 } as const;

/**
 * After SHUTDOWN, the next call of InitializeSecurityContext or AcceptSecurityContext without input gives close_notify.
 *
 * DISABLE_RECONNECTS asks for what holds anyway, as no session is ever resumed. The rest cannot be had: TLS 1.3 knows no
 * renegotiation, and the runtime sends no alerts of the caller's choice.
 */
export async function applyControlToken(
  environment: Environment,
  parameters: ApplyControlTokenParameters,
): Promise<Outcome> {
  try {
    const { context, input } = requireParameters(parameters);
    const entry = findEstablishedContext(environment, context);
    assertNotBusy(entry);
    const token = octetsOf(requireBuffer(readDescriptor(input, 'pInput'), SECBUFFER.TOKEN, 'pInput'));
    if (entry.context.messages.kind !== 'stream')
      throw new SspiError('UNSUPPORTED_FUNCTION', { stage: `${STAGE} (${entry.context.info.name})` });
    if (isShutdown(readControl(token))) entry.shutdown = true;
    return { status: SEC_E.OK };
  } catch (error) {
    return failureOf(error);
  }
}

interface Control {
  readonly type: number;
  readonly numbers: readonly number[];
}

/** 32-bit numbers, little-endian, as they lie in memory on Windows. */
function readControl(token: Uint8Array): Control {
  const view = new DataView(token.buffer, token.byteOffset, token.length);
  if (token.length === 0 || token.length % 4 !== 0) throw malformed(`${token.length} octets`);
  const [type = 0, ...numbers] = Array.from({ length: token.length / 4 }, (_, at) => view.getUint32(4 * at, true));
  return { type, numbers };
}

/** @returns false when there is nothing to do */
function isShutdown({ type, numbers }: Control): boolean {
  const expected = { 0: 0, 1: 0, 2: 2, 3: 1 }[type];
  if (expected === undefined) throw unsupported(`control token of type ${type}`);
  if (numbers.length !== expected) throw malformed(`control token of type ${type} with ${numbers.length} members`);
  switch (type) {
    case SCHANNEL_CONTROL.SHUTDOWN:
      return true;
    case SCHANNEL_CONTROL.ALERT:
      if (numbers[0] === CLOSE_NOTIFY.type && numbers[1] === CLOSE_NOTIFY.number) return true;
      throw unsupported('alerts other than close_notify');
    case SCHANNEL_CONTROL.SESSION:
      if (numbers[0] === SSL_SESSION.DISABLE_RECONNECTS) return false;
      throw unsupported('sessions are not resumed here');
    default:
      throw unsupported('renegotiation');
  }
}

function malformed(detail: string): SspiError {
  return new SspiError('INVALID_BUFFER', { stage: STAGE, detail });
}

function unsupported(detail: string): SspiError {
  return new SspiError('UNSUPPORTED_FUNCTION', { stage: STAGE, detail });
}
