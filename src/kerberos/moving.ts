/**
 * A context that moves to another process: its state as octets, and back (contract L6). They hold a key in the clear; sealing them is
 * the business of whoever asked.
 * @module
 */
import {
  bigInteger,
  boolean,
  decode,
  encode,
  field,
  integerBetween,
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
  type Scope,
  Secret,
  type SecurityContext,
  SspiError,
} from '../sspi/index.ts';
import { ETYPE, KerberosKey } from './encryption/index.ts';
import { establish, KERBEROS_ATTRIBUTES } from './established.ts';
import { BaseProtection, GSS_FLAG, type SavedProtection } from './gss/index.ts';
import { KERBEROS_INFO } from './info.ts';
import { EncryptionKey } from './messages/index.ts';
import { authorizationOf, MovingAuthorization, movingAuthorization } from './moving-authorization.ts';

/** Numbers of RFC 4121 have 64 bits, and nobody sends so many messages that they need more than 53. */
const SequenceNumber = integerBetween(0, Number.MAX_SAFE_INTEGER);

const Client = sequence({
  domain: field(0, utf8String),
  user: field(1, utf8String),
  name: field(2, utf8String),
  identifyOnly: field(3, boolean),
  principal: field(4, utf8String),
  authorization: optional(5, MovingAuthorization),
  /** A credential cache. */
  delegated: optional(6, octetString),
});

/** Everything that two contexts which go on from here have to have in common. */
const State = sequence({
  acceptor: field(0, boolean),
  /** Bits of `GSS_FLAG`: those that messages are protected by. */
  flags: field(1, uint32),
  key: field(2, EncryptionKey),
  acceptorSubkey: field(3, boolean),
  sendSequence: field(4, SequenceNumber),
  received: field(
    5,
    sequence({
      next: field(0, SequenceNumber),
      seen: field(1, uint32),
      started: field(2, boolean),
      unnumbered: field(3, boolean),
    }),
  ),
  /** Bits of `ISC_RET` or `ASC_RET`. */
  granted: field(6, uint32),
  /** FILETIME ticks. */
  start: field(7, bigInteger),
  expiry: field(8, bigInteger),
  clientName: field(9, utf8String),
  targetName: field(10, utf8String),
  client: optional(11, Client),
});
type State = TypeOf<typeof State>;

/** @throws SspiError UNSUPPORTED_FUNCTION, or what broke the stream of messages before */
export function exportKerberos(context: SecurityContext): Uint8Array {
  const { messages, role } = context;
  if (!(messages instanceof BaseProtection))
    throw new SspiError('UNSUPPORTED_FUNCTION', {
      stage: 'ExportSecurityContext',
      detail: 'not a context of Kerberos',
    });
  const saved = messages.save();
  const { clientName, serverName } = context.query('NATIVE_NAMES');
  const { start, expiry } = context.query('LIFESPAN');
  const identity = role === 'acceptor' ? context.query('ACCESS_TOKEN') : undefined;
  try {
    return encode(State, {
      acceptor: role === 'acceptor',
      flags: flagsOf(saved),
      key: saved.key.reveal(),
      acceptorSubkey: saved.acceptorSubkey,
      sendSequence: saved.sendSequence,
      received: saved.receiveSequence,
      granted: context.query('FLAGS').flags >>> 0,
      start,
      expiry,
      clientName,
      targetName: serverName,
      client: identity && movingClient(identity),
    });
  } finally {
    identity?.delegated?.ccache.dispose(); // a copy, made when we asked
  }
}

function flagsOf({ sequence: order, confidentiality, integrity, dceStyle }: SavedProtection): number {
  let flags = order === 'strict' ? GSS_FLAG.SEQUENCE : order === 'replay' ? GSS_FLAG.REPLAY : 0;
  if (confidentiality) flags |= GSS_FLAG.CONF;
  if (integrity) flags |= GSS_FLAG.INTEG;
  if (dceStyle === true) flags |= GSS_FLAG.DCE_STYLE;
  return flags;
}

function movingClient(identity: ClientIdentity): TypeOf<typeof Client> {
  const { domain, user, name, identifyOnly, principal = '', authorization, delegated } = identity;
  return {
    domain,
    user,
    name,
    identifyOnly,
    principal,
    authorization: authorization && movingAuthorization(authorization),
    delegated: delegated?.ccache.reveal(),
  };
}

/** The conversation was had elsewhere. */
const NOTHING_TO_SAY: readonly Leg[] = [];
/** The caller had the context, so the type was allowed where that was made. */
const ANY_TYPE: readonly number[] = Object.values(ETYPE);

/** @throws DerError, SspiError MALFORMED_TOKEN, ENCRYPTION_TYPE_REFUSED */
export async function importKerberos(octets: Uint8Array, host: Host): Promise<SecurityContext> {
  const state = decode(State, octets);
  if (state.acceptor !== (state.client !== undefined))
    throw malformed('a server knows its client, and nobody else does');
  const key = KerberosKey.from(state.key, ANY_TYPE);
  const most = key.etype === ETYPE.RC4_HMAC ? 0xffffffff : Number.MAX_SAFE_INTEGER;
  if (Math.max(state.sendSequence, state.received.next) > most) {
    key.dispose();
    throw malformed('messages under RC4 have numbers of 32 bits');
  }
  const context = contextOf({
    info: KERBEROS_INFO,
    role: state.acceptor ? 'acceptor' : 'initiator',
    async *start(scope) {
      yield* NOTHING_TO_SAY;
      const messages = establish(scope, {
        flags: state.flags,
        role: state.acceptor ? 'acceptor' : 'initiator',
        key: scope.own(key),
        acceptorSubkey: state.acceptorSubkey,
        sendSequence: state.sendSequence,
        receiveSequence: state.received,
        start: fromFileTime(state.start),
        end: fromFileTime(state.expiry),
        clientName: state.clientName,
        targetName: state.targetName,
        client: identityOf(scope, state),
      });
      return { flags: state.granted, expiry: state.expiry, messages };
    },
    host,
    attributes: KERBEROS_ATTRIBUTES,
  });
  await context.step();
  return context;
}

/** Made anew whenever somebody asks: its secret is a copy, and whoever asks disposes it. */
function identityOf(scope: Scope, { client }: State): (() => ClientIdentity) | undefined {
  if (client === undefined) return undefined;
  const { delegated: octets, authorization: moving, ...names } = client;
  const delegated = octets && scope.own(new Secret(octets.slice()));
  const authorization = moving && authorizationOf(moving);
  return () => ({
    ...names,
    mechanism: 'Kerberos',
    anonymous: false,
    authorization,
    delegated: delegated && { kind: 'ccache', ccache: delegated.clone() },
  });
}

function malformed(detail: string): SspiError {
  return new SspiError('MALFORMED_TOKEN', { stage: 'ImportSecurityContext', detail });
}
