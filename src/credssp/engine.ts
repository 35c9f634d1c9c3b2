/**
 * The engines without TLS: TSRequests in, TSRequests out. For whoever has the TLS elsewhere: an RDP stream, a gateway, a
 * browser behind RDCleanPath (contract F12). Nothing here needs Node.
 * @module
 */
import { DerError, frameDer } from '../der/index.ts';
import type { Host } from '../host/index.ts';
import {
  ASC_REQ,
  type ContextLimits,
  contextOf,
  type ExchangeEvent,
  type Frame,
  ISC_REQ,
  ISC_RET,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { type AcceptorOptions, accept } from './acceptor.ts';
import { CREDSSP_ATTRIBUTES } from './attributes.ts';
import { CREDSSP_INFO } from './info.ts';
import { type InitiatorOptions, initiate } from './initiator.ts';

/** What both engines may be told besides. */
export interface EngineOptions {
  readonly host?: Host | undefined;
  readonly limits?: ContextLimits | undefined;
  readonly observe?: ((event: ExchangeEvent) => void) | undefined;
}

/** Largest TSRequest by default: room for Kerberos tickets with a large PAC (contract C17). */
export const DEFAULT_MAX_REQUEST = 65_536;

const SEQUENCE = 0x30;

/** Finds one whole TSRequest by its DER header (contract F6, X9). */
export function frameTSRequest(input: Uint8Array, maxLength: number): Frame {
  // Whatever else has a length would be waited for, only to be refused when it is whole.
  if (input.length > 0 && input[0] !== SEQUENCE)
    throw new SspiError('MALFORMED_TOKEN', { stage: 'TSRequest', detail: 'it does not begin with a SEQUENCE' });
  try {
    return frameDer(input, { maxLength, lengths: 'ber-long' });
  } catch (error) {
    if (!(error instanceof DerError)) throw error;
    const code = error.kind === 'limit' ? 'TOKEN_TOO_LARGE' : 'MALFORMED_TOKEN';
    throw new SspiError(code, { stage: 'TSRequest', detail: error.message, cause: error });
  }
}

/**
 * The client's engine.
 * @returns a context whose `step` gives and takes bare TSRequests; a step may take a piece of one (SEC_E_INCOMPLETE_MESSAGE),
 *   or more than one (`consumed` tells)
 * @throws SspiError UNSUPPORTED_FUNCTION for flags that CredSSP does not know (contract R27)
 * @see https://learn.microsoft.com/openspecs/windows_protocols/ms-cssp/385a7489-d46b-464c-b224-f7340e308a5c
 * @example
 * const context = credsspInitiator({ publicKey, mechanism, credentials, serverCertificateTrusted: false, flags: ISC_REQ.DELEGATE });
 * let step = await context.step();              // TSRequest with the first negoToken
 * step = await context.step(answerOfTheServer); // and so on until step.status is SEC_E.OK
 */
export function credsspInitiator(options: InitiatorOptions & EngineOptions): SecurityContext {
  assertInitiatorFlags(options.flags);
  const maxRequest = options.limits?.maxToken ?? DEFAULT_MAX_REQUEST;
  return contextOf({
    info: CREDSSP_INFO,
    role: 'initiator',
    start: (scope) => initiate(scope, options),
    frame: (input) => frameTSRequest(input, maxRequest),
    intermediateFlags: ISC_RET.INTERMEDIATE_RETURN | ISC_RET.MANUAL_CRED_VALIDATION,
    attributes: CREDSSP_ATTRIBUTES,
    onEnd: () => options.mechanism.dispose(),
    ...engineOptions(options),
  });
}

/**
 * The server's engine. When `step` throws, the error's `token` is the TSRequest that tells the client why; send it.
 * @throws SspiError UNSUPPORTED_FUNCTION for flags that CredSSP does not know (contract C6)
 */
export function credsspAcceptor(options: AcceptorOptions & EngineOptions): SecurityContext {
  assertAcceptorFlags(options.flags);
  const maxRequest = options.limits?.maxToken ?? DEFAULT_MAX_REQUEST;
  return contextOf({
    info: CREDSSP_INFO,
    role: 'acceptor',
    start: (scope, first) => accept(scope, options, first),
    frame: (input) => frameTSRequest(input, maxRequest),
    attributes: CREDSSP_ATTRIBUTES,
    onEnd: () => options.mechanism.dispose(),
    ...engineOptions(options),
  });
}

function engineOptions({ host, limits, observe }: EngineOptions): EngineOptions {
  return { host, limits, observe };
}

const REFUSED_BY_INITIATOR =
  ISC_REQ.PROMPT_FOR_CREDS |
  ISC_REQ.USE_DCE_STYLE |
  ISC_REQ.DATAGRAM |
  ISC_REQ.CALL_LEVEL |
  ISC_REQ.FRAGMENT_SUPPLIED |
  ISC_REQ.NULL_SESSION |
  ISC_REQ.FRAGMENT_TO_FIT |
  ISC_REQ.USE_HTTP_STYLE;

const REFUSED_BY_ACCEPTOR =
  ASC_REQ.USE_DCE_STYLE |
  ASC_REQ.DATAGRAM |
  ASC_REQ.CALL_LEVEL |
  ASC_REQ.FRAGMENT_SUPPLIED |
  ASC_REQ.ALLOW_NULL_SESSION |
  ASC_REQ.FRAGMENT_TO_FIT;

/** Contract R27. @throws SspiError UNSUPPORTED_FUNCTION */
export function assertInitiatorFlags(flags: number): void {
  if ((flags & REFUSED_BY_INITIATOR) !== 0) throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'fContextReq' });
}

/** Contract C6. @throws SspiError UNSUPPORTED_FUNCTION */
export function assertAcceptorFlags(flags: number): void {
  if ((flags & REFUSED_BY_ACCEPTOR) !== 0) throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'fContextReq' });
}
