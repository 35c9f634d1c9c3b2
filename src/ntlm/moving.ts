/**
 * A context that moves to another process: its state as octets, and back (contract L6). They hold keys in the clear; sealing them is
 * the business of whoever asked.
 * @module
 */
import {
  bigInteger,
  boolean,
  decode,
  encode,
  field,
  octetString,
  optional,
  sequence,
  type TypeOf,
  uint32,
  utf8String,
} from '../der/index.ts';
import type { Host } from '../host/index.ts';
import {
  type ClientIdentity,
  contextOf,
  fromFileTime,
  type Leg,
  NEVER,
  Secret,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { establish, NTLM_ATTRIBUTES } from './established.ts';
import { hasAny, NEGOTIATE } from './flags.ts';
import { NTLM_INFO } from './info.ts';
import { NtlmMessageSecurity } from './message-security.ts';
import type { DirectionState } from './session-security.ts';

const Direction = sequence({ number: field(0, uint32), stream: field(1, octetString) });

const Client = sequence({
  domain: field(0, utf8String),
  user: field(1, utf8String),
  name: field(2, utf8String),
  identifyOnly: field(3, boolean),
  anonymous: field(4, boolean),
});

/** Everything that two contexts which go on from here have to have in common. */
const State = sequence({
  acceptor: field(0, boolean),
  negotiateFlags: field(1, uint32),
  exportedSessionKey: field(2, octetString),
  /** Bits of `ISC_RET` or `ASC_RET`. */
  granted: field(3, uint32),
  /** FILETIME ticks. */
  start: field(4, bigInteger),
  clientName: field(5, utf8String),
  targetName: field(6, utf8String),
  client: optional(7, Client),
  sent: optional(8, Direction),
  received: optional(9, Direction),
});
type State = TypeOf<typeof State>;

/** @throws SspiError UNSUPPORTED_FUNCTION, CONTEXT_NOT_ESTABLISHED, or what broke the stream of messages before */
export function exportNtlm(context: SecurityContext): Uint8Array {
  const { messages } = context;
  if (!(messages instanceof NtlmMessageSecurity))
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: 'ExportSecurityContext', detail: 'not a context of NTLM' });
  const { flags, exportedSessionKey, resume } = messages.save();
  const { clientName, serverName } = context.query('NATIVE_NAMES');
  try {
    return encode(State, {
      acceptor: context.role === 'acceptor',
      negotiateFlags: flags >>> 0,
      exportedSessionKey,
      granted: context.query('FLAGS').flags >>> 0,
      start: context.query('LIFESPAN').start,
      clientName,
      targetName: serverName,
      client: context.role === 'acceptor' ? context.query('ACCESS_TOKEN') : undefined,
      ...resume,
    });
  } finally {
    exportedSessionKey.fill(0);
    for (const direction of [resume.sent, resume.received]) direction?.stream.fill(0);
  }
}

/** The conversation was had elsewhere. */
const NOTHING_TO_SAY: readonly Leg[] = [];

/** @throws DerError, SspiError MALFORMED_TOKEN */
export async function importNtlm(octets: Uint8Array, host: Host): Promise<SecurityContext> {
  const state = decode(State, octets);
  assertConsistent(state);
  const context = contextOf({
    info: NTLM_INFO,
    role: state.acceptor ? 'acceptor' : 'initiator',
    async *start(scope) {
      yield* NOTHING_TO_SAY;
      const anonymous = hasAny(state.negotiateFlags, NEGOTIATE.ANONYMOUS);
      const messages = establish(scope, {
        flags: state.negotiateFlags,
        exportedSessionKey: anonymous ? undefined : scope.own(new Secret(new Uint8Array(state.exportedSessionKey))),
        side: state.acceptor ? 'server' : 'client',
        clientName: state.clientName,
        targetName: state.targetName,
        client: identityOf(state),
        resume: {
          start: fromFileTime(state.start),
          progress: { sent: progressOf(state.sent), received: progressOf(state.received) },
        },
      });
      return { flags: state.granted, expiry: NEVER, messages };
    },
    host,
    attributes: NTLM_ATTRIBUTES,
  });
  await context.step();
  return context;
}

/** What DER cannot say. Only extended session security has a state that moves, and only servers know who the client is. */
function assertConsistent({ acceptor, client, negotiateFlags, exportedSessionKey, sent, received }: State): void {
  if (exportedSessionKey.length !== 16) throw malformed('a session key has 16 octets');
  if (acceptor !== (client !== undefined)) throw malformed('a server knows its client, and nobody else does');
  if ((sent ?? received) !== undefined && !hasAny(negotiateFlags, NEGOTIATE.EXTENDED_SESSIONSECURITY))
    throw malformed('key streams without extended session security');
}

function identityOf({ client }: State): ClientIdentity | undefined {
  return client === undefined ? undefined : { ...client, mechanism: 'NTLM' };
}

function progressOf(state: State['sent']): DirectionState | undefined {
  if (state !== undefined && state.stream.length !== 258) throw malformed('a key stream has a state of 258 octets');
  return state;
}

function malformed(detail: string): SspiError {
  return new SspiError('MALFORMED_TOKEN', { stage: 'ImportSecurityContext', detail });
}
