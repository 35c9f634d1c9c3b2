/**
 * CredSSP on the TLS stream of an RDP connection: TSRequests as bare DER, one TLS write each (contract F6, X4), and behind them
 * the Early User Authorization Result where HYBRID_EX was chosen ([MS-RDPBCGR] 2.2.10.2; contract F9).
 * @module
 */
import {
  DEFAULT_MAX_REQUEST,
  decodeTSRequest,
  frameTSRequest,
  type MechanismContext,
  ntStatusOf,
} from '../credssp/index.ts';
import {
  type Frame,
  NTSTATUS,
  ntStatusName,
  SEC_E,
  type SecurityContext,
  SspiError,
  type Step,
  securityStatusOfNtStatus,
} from '../sspi/index.ts';
import { choiceOf, settledChoice } from './choice.ts';
import type { Report } from './events.ts';
import type { Authorization, MechanismChoice } from './session.ts';
import { RDP_PROTOCOL } from './x224.ts';

/** What a logon is spoken over: a stream, or whatever else carries messages. */
export interface Line {
  /**
   * Reads one message.
   * @param frame - finds the end of a message; throws for what can be none, before it is all there
   * @throws SspiError CONNECTION_CLOSED, DEADLINE_EXCEEDED, and what `frame` throws; the reason of an abort
   */
  read(stage: string, frame: (octets: Uint8Array) => Frame): Promise<Uint8Array>;
  /** Writes `message` as a whole. @throws SspiError CONNECTION_CLOSED, DEADLINE_EXCEEDED; the reason of an abort */
  write(stage: string, message: Uint8Array): Promise<void>;
  /** Waits for work of our own, but not for ever: an account source may hang. @throws what `work` throws; as `read` */
  within<T>(stage: string, work: Promise<T>): Promise<T>;
}

const STAGE = 'TSRequest';

/** A logon that is about to begin. */
export interface Logon {
  /** A bare CredSSP context. */
  readonly context: SecurityContext;
  /** The mechanism inside it. */
  readonly mechanism: MechanismContext;
  /** The newest version of TSRequest that we speak. */
  readonly ownVersion: number;
}

/** What it came to. */
export interface LoggedOn {
  /** The version that both sides speak. */
  readonly version: number;
  readonly mechanism: MechanismChoice;
}

/**
 * Steps a bare CredSSP context until it is established.
 * @throws what the context throws; its `token` has not been sent yet
 */
export async function logOn(line: Line, { context, mechanism, ownVersion }: Logon, report: Report): Promise<LoggedOn> {
  const frame = (octets: Uint8Array): Frame => frameTSRequest(octets, DEFAULT_MAX_REQUEST);
  let peerVersion: number | undefined;
  let choice: ReturnType<typeof choiceOf>;
  const take = async (request?: Uint8Array): Promise<Step> => {
    const step = await line.within(STAGE, context.step(request));
    const now = choiceOf(mechanism);
    if (now !== undefined && now.settled !== choice?.settled) report.tell({ kind: 'mechanism', ...now });
    choice = now;
    return step;
  };

  let step: Step | undefined = context.role === 'initiator' ? await take() : undefined;
  for (;;) {
    if (step !== undefined && 'token' in step) {
      if (step.token.length > 0) {
        report.tell({ kind: 'message', direction: 'sent', octets: step.token });
        await line.write(STAGE, step.token);
      }
      if (step.status === SEC_E.OK)
        return { version: Math.min(ownVersion, peerVersion ?? ownVersion), mechanism: settledChoice(mechanism) };
    }
    const request = await line.read(STAGE, frame).catch((error: unknown) => {
      throw context.role === 'initiator' && peerVersion !== undefined ? explained(error) : error;
    });
    report.tell({ kind: 'message', direction: 'received', octets: request });
    step = await take(request);
    peerVersion ??= decodeTSRequest(request).version;
  }
}

/** Who has seen our proof and hangs up has something against it; FreeRDP and servers of version 2 or 5 do not say what. */
function explained(error: unknown): unknown {
  if (!(error instanceof SspiError) || error.code !== 'CONNECTION_CLOSED') return error;
  const detail = 'right after our answer to its challenge: most likely the password or the account is wrong';
  return new SspiError('CONNECTION_CLOSED', { stage: STAGE, detail, cause: error });
}

/** `AUTHZ_SUCCESS` and `AUTHZ_ACCESS_DENIED`. */
const AUTHZ = { SUCCESS: 0x00000000, ACCESS_DENIED: 0x00000005 } as const;
const AUTHORIZATION = 'Early User Authorization Result';
const AUTHORIZATION_LENGTH = 4;
const SEQUENCE = 0x30;

/**
 * Tells the client whether the user may use this server, where the protocol has a word for it.
 * @returns what the client knows then
 * @throws SspiError ACCOUNT_RESTRICTED, with the word as its `token`, when the user may not
 */
export async function tellAuthorization(
  line: Line,
  selectedProtocol: number,
  granted: boolean,
  report: Report,
): Promise<Authorization> {
  const told = selectedProtocol === RDP_PROTOCOL.HYBRID_EX;
  const result = told ? 'granted' : 'not-told';
  report.tell({ kind: 'authorization', result: granted ? result : 'denied' });
  if (!granted)
    throw new SspiError('ACCOUNT_RESTRICTED', {
      stage: 'authorize',
      detail: 'this server does not let the user in',
      ntStatus: NTSTATUS.ACCESS_DENIED,
      token: told ? encodeAuthorization(false) : undefined,
    });
  if (told) await line.write(AUTHORIZATION, encodeAuthorization(true));
  return result;
}

function encodeAuthorization(granted: boolean): Uint8Array {
  const octets = new Uint8Array(AUTHORIZATION_LENGTH);
  new DataView(octets.buffer).setUint32(0, granted ? AUTHZ.SUCCESS : AUTHZ.ACCESS_DENIED, true);
  return octets;
}

/**
 * Reads the server's word on whether the user may use it, where the protocol has one. A server that has found fault with the
 * credentials says so with a TSRequest in this place.
 * @throws SspiError ACCOUNT_RESTRICTED, PEER_REFUSED, MALFORMED_TOKEN
 */
export async function readAuthorization(line: Line, selectedProtocol: number, report: Report): Promise<Authorization> {
  if (selectedProtocol !== RDP_PROTOCOL.HYBRID_EX) {
    report.tell({ kind: 'authorization', result: 'not-told' });
    return 'not-told';
  }
  const octets = await line.read(AUTHORIZATION, frameAuthorization);
  if (octets[0] === SEQUENCE) {
    report.tell({ kind: 'message', direction: 'received', octets });
    throw refusalIn(octets);
  }
  const value = new DataView(octets.buffer, octets.byteOffset).getUint32(0, true);
  if (value !== AUTHZ.SUCCESS && value !== AUTHZ.ACCESS_DENIED)
    throw new SspiError('MALFORMED_TOKEN', { stage: AUTHORIZATION, detail: `value ${value}` });
  report.tell({ kind: 'authorization', result: value === AUTHZ.SUCCESS ? 'granted' : 'denied' });
  if (value === AUTHZ.SUCCESS) return 'granted';
  const detail = 'the password is right, but the user may not use this server';
  throw new SspiError('ACCOUNT_RESTRICTED', { stage: AUTHORIZATION, detail, ntStatus: NTSTATUS.ACCESS_DENIED });
}

function frameAuthorization(octets: Uint8Array): Frame {
  if (octets[0] === SEQUENCE) return frameTSRequest(octets, DEFAULT_MAX_REQUEST);
  const missing = AUTHORIZATION_LENGTH - octets.length;
  return missing > 0 ? { missing } : { whole: AUTHORIZATION_LENGTH };
}

function refusalIn(octets: Uint8Array): SspiError {
  const ntStatus = ntStatusOf(decodeTSRequest(octets));
  if (ntStatus === undefined || ntStatus === 0) return new SspiError('UNEXPECTED_MESSAGE', { stage: AUTHORIZATION });
  const status = securityStatusOfNtStatus(ntStatus);
  return new SspiError('PEER_REFUSED', { stage: AUTHORIZATION, detail: ntStatusName(ntStatus), status, ntStatus });
}
