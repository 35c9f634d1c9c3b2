/**
 * A context that moves to another process: what was negotiated, around the state of the mechanism's context (contract L6). It holds
 * keys in the clear; sealing them is the business of whoever asked.
 * @module
 */
import {
  bigInteger,
  boolean,
  decode,
  encode,
  field,
  octetString,
  sequence,
  sequenceOf,
  uint32,
  utf8String,
} from '../der/index.ts';
import type { Host } from '../host/index.ts';
import { type Leg, SECPKG_NEGOTIATION, type SecurityContext, type SecurityPackage, SspiError } from '../sspi/index.ts';
import { NegotiationContext, negotiateContext } from './context.ts';
import type { Mechanism } from './mechanism.ts';

const State = sequence({
  acceptor: field(0, boolean),
  /** Name of the mechanism's package. */
  mechanism: field(1, utf8String),
  inner: field(2, octetString),
  /** Spoken without SPNEGO. */
  direct: field(3, boolean),
  /** Bits of `ISC_RET` or `ASC_RET`. */
  granted: field(4, uint32),
  /** FILETIME ticks. */
  expiry: field(5, bigInteger),
  /** NEGO_STATUS. */
  status: field(
    6,
    sequence({ last: field(0, uint32), reason: field(1, utf8String), offered: field(2, sequenceOf(utf8String)) }),
  ),
});

const EXPORT = 'ExportSecurityContext';
const IMPORT = 'ImportSecurityContext';

/** @throws SspiError UNSUPPORTED_FUNCTION when the mechanism's contexts do not move, and what the mechanism says */
export function exportNegotiated(mechanisms: readonly Mechanism[], context: SecurityContext): Uint8Array {
  const inner = context instanceof NegotiationContext ? context.inner : undefined;
  const moving = inner && movingPackage(mechanisms, inner.info.name);
  if (inner === undefined || moving === undefined)
    throw new SspiError('UNSUPPORTED_FUNCTION', {
      stage: EXPORT,
      detail: inner?.info.name ?? 'nothing was negotiated',
    });
  const { lastStatus, reason, offered } = context.query('NEGO_STATUS');
  const octets = moving.exportContext(inner);
  try {
    return encode(State, {
      acceptor: context.role === 'acceptor',
      mechanism: inner.info.name,
      inner: octets,
      direct: context.query('NEGOTIATION_INFO').state === SECPKG_NEGOTIATION.DIRECT,
      granted: context.query('FLAGS').flags >>> 0,
      expiry: context.query('LIFESPAN').expiry,
      status: { last: lastStatus >>> 0, reason, offered },
    });
  } finally {
    octets.fill(0);
  }
}

/** The conversation was had elsewhere. */
const NOTHING_TO_SAY: readonly Leg[] = [];

/** @throws DerError, SspiError MALFORMED_TOKEN, UNSUPPORTED_FUNCTION when the mechanism is not here */
export async function importNegotiated(
  mechanisms: readonly Mechanism[],
  octets: Uint8Array,
  host: Host,
): Promise<SecurityContext> {
  const state = decode(State, octets);
  const moving = movingPackage(mechanisms, state.mechanism);
  if (moving === undefined)
    throw new SspiError('UNSUPPORTED_FUNCTION', { stage: IMPORT, detail: `${state.mechanism} is not here` });
  const inner = await moving.importContext(state.inner, host);
  const context = negotiateContext({
    role: state.acceptor ? 'acceptor' : 'initiator',
    options: { host },
    notes: [],
    async *start(scope, negotiation) {
      scope.own(inner);
      yield* NOTHING_TO_SAY;
      const { messages } = inner;
      if (messages.kind !== 'token' || inner.role !== context.role)
        throw new SspiError('MALFORMED_TOKEN', { stage: IMPORT, detail: 'the mechanism has another role' });
      const how = state.direct ? 'direct' : 'negotiated';
      negotiation.settle({ context: inner }, how);
      negotiation.complete({ context: inner }, how);
      const { last: lastStatus, reason, offered } = state.status;
      scope.publish('NEGO_STATUS', () => ({ lastStatus, reason, offered }));
      return { flags: state.granted, expiry: state.expiry, messages };
    },
    onEnd: () => undefined,
  });
  await context.step();
  return context;
}

type MovingPackage = SecurityPackage & Required<Pick<SecurityPackage, 'exportContext' | 'importContext'>>;

function movingPackage(mechanisms: readonly Mechanism[], name: string): MovingPackage | undefined {
  return mechanisms.map((mechanism) => mechanism.package).find((one) => isMoving(one, name));
}

function isMoving(one: SecurityPackage, name: string): one is MovingPackage {
  return one.info.name === name && one.exportContext !== undefined && one.importContext !== undefined;
}
