/**
 * The server's side of SPNEGO: RFC 4178 3.2, 4.2 and 5, with the rules of [MS-SPNG] 3.2. Clients that speak NTLM or Kerberos
 * without SPNEGO are answered in kind (contract S9, X23).
 * @see https://www.rfc-editor.org/rfc/rfc4178#section-5
 * @module
 */
import { type AcceptOptions, asSspiError, type Exchange, type Leg, type Scope, SspiError } from '../sspi/index.ts';
import type { Negotiation } from './context.ts';
import { detectToken } from './detect.ts';
import { InnerMechanism } from './inner.ts';
import type { Candidate } from './mechanism.ts';
import { OID, oidName } from './oids.ts';
import {
  assertNoToken,
  assertUnfinished,
  expectToken,
  hasToken,
  micMissing,
  present,
  readReply,
  rejected,
  unexpected,
} from './replies.ts';
import {
  decodeNegTokenInit,
  encodeHint,
  encodeNegTokenResp,
  NEG_STATE,
  type NegTokenInit,
  type NegTokenResp,
} from './tokens.ts';

/** What the server's side has to know. */
export interface AcceptorSide {
  /** The most preferred first. */
  readonly candidates: readonly Candidate[];
  readonly options: AcceptOptions;
}

const EMPTY = new Uint8Array(0);

/** @param first - the client's first message; empty when the server is to speak first ([MS-SPNG] 3.2.5.2) */
export async function* accept(scope: Scope, negotiation: Negotiation, first: Uint8Array, side: AcceptorSide): Exchange {
  let opening = first;
  if (opening.length === 0) {
    const hint = encodeHint(side.candidates.flatMap(({ mechanism }) => mechanism.oids));
    negotiation.trace('sent', hint);
    opening = yield { token: hint };
  }
  switch (detectToken(opening)) {
    case 'spnego-init':
      return yield* answerWithRejection(negotiate(scope, negotiation, opening, side), negotiation);
    case 'ntlm':
      return yield* acceptBare(scope, negotiation, opening, side, OID.NTLM);
    case 'kerberos':
    case 'kerberos-ap-req':
      return yield* acceptBare(scope, negotiation, opening, side, OID.KERBEROS);
    case 'spnego-resp':
      throw new SspiError('UNEXPECTED_MESSAGE', { stage: 'SPNEGO NegTokenInit', detail: 'a reply before the offer' });
    case 'unknown':
      throw new SspiError('MALFORMED_TOKEN', {
        stage: 'SPNEGO NegTokenInit',
        detail: 'neither SPNEGO nor a mechanism',
      });
  }
}

/** The mechanism's tokens as they are. */
async function* acceptBare(
  scope: Scope,
  negotiation: Negotiation,
  opening: Uint8Array,
  side: AcceptorSide,
  oid: string,
): Exchange {
  const candidate = candidateFor(oid, side.candidates);
  negotiation.offer([oid]);
  if (candidate === undefined) throw noCommonMechanism([oid]);
  const inner = begin(scope, candidate, side.options);
  negotiation.settle(inner, 'direct');

  let answer = await inner.step(opening);
  while (!inner.established) answer = await inner.step(yield { token: answer });
  negotiation.complete(inner, 'direct');
  return inner.finish(answer);
}

async function* negotiate(scope: Scope, negotiation: Negotiation, opening: Uint8Array, side: AcceptorSide): Exchange {
  // The first mechanism of the client's list that we have. The optimistic token is for the client's first choice only, and so
  // is a MIC beside it; for any other they are dropped (contract S5, fault Z31).
  negotiation.trace('received', opening);
  const offer = decodeNegTokenInit(opening);
  negotiation.offer(offer.mechTypes);
  const { candidate, supportedMech } = choose(offer, side.candidates);
  const clientsFirst = candidate.mechanism.oids.includes(offer.mechTypes[0] ?? '');
  const inner = begin(scope, candidate, side.options);
  negotiation.settle(inner, 'negotiated');

  // RFC 4178 5: only when both sides like this mechanism best can nobody have gained by changing the list.
  let micRequired = !clientsFirst || candidate !== side.candidates[0];
  const mechTypeList = offer.mechTypeList.slice(); // the caller may use his buffer again
  let message: NegTokenResp = clientsFirst ? { responseToken: offer.mechToken, mechListMIC: offer.mechListMIC } : {};

  // What only the first reply says.
  let opens: NegTokenResp | undefined = {
    negState: micRequired ? NEG_STATE.REQUEST_MIC : NEG_STATE.ACCEPT_INCOMPLETE,
    supportedMech,
  };
  const incomplete = (): NegTokenResp => opens ?? { negState: NEG_STATE.ACCEPT_INCOMPLETE };
  const completed = (): NegTokenResp => ({ ...opens, negState: NEG_STATE.ACCEPT_COMPLETED });

  // The mechanism's own messages, until it is through on our side.
  let answer: Uint8Array = EMPTY;
  if (hasToken(message)) answer = await inner.step(expectToken(message));
  while (!inner.established) {
    assertUnfinished(message, inner);
    message = yield* exchange(negotiation, { ...incomplete(), responseToken: present(answer) });
    opens = undefined;
    answer = await inner.step(expectToken(message));
  }

  // The MICs. Whoever sends the mechanism's last message sends his first, with it.
  if (message.mechListMIC !== undefined) inner.checkMic(mechTypeList, message.mechListMIC);
  micRequired ||= inner.demandsMic;
  if (micRequired && !inner.micChecked) {
    const clientWasLast = answer.length === 0 && opens === undefined;
    if (clientWasLast) throw micMissing(inner);
    const mechListMIC = inner.makeMic(mechTypeList);
    message = yield* exchange(negotiation, { ...incomplete(), responseToken: present(answer), mechListMIC });
    assertNoToken(message, inner);
    if (message.mechListMIC === undefined) throw micMissing(inner);
    inner.checkMic(mechTypeList, message.mechListMIC);
    negotiation.complete(inner, 'negotiated');
    return inner.finish();
  }

  // A client that sent a MIC gets one; a client that did not, and need not, gets none.
  const mechListMIC = inner.micChecked ? inner.makeMic(mechTypeList) : undefined;
  const last = encodeNegTokenResp({ ...completed(), responseToken: present(answer), mechListMIC });
  negotiation.trace('sent', last);
  negotiation.complete(inner, 'negotiated');
  return inner.finish(last);
}

// Not within `negotiate`: a generator function that is made anew for each exchange keeps what it sees alive for long.
async function* exchange(
  negotiation: Negotiation,
  message: NegTokenResp,
): AsyncGenerator<Leg, NegTokenResp, Uint8Array> {
  const token = encodeNegTokenResp(message);
  negotiation.trace('sent', token);
  const reply = yield { token };
  negotiation.trace('received', reply);
  return readMessage(reply);
}

/**
 * When we fail the client is told, with the mechanism's own error message if it has one. A client that rejected us needs no
 * rejection.
 */
async function* answerWithRejection(exchange: Exchange, negotiation: Negotiation): Exchange {
  try {
    return yield* exchange;
  } catch (error) {
    const failure = asSspiError(error);
    if (failure.code === 'NEGOTIATION_REJECTED') throw failure;
    const token = encodeNegTokenResp({ negState: NEG_STATE.REJECT, responseToken: failure.token });
    negotiation.trace('sent', token);
    throw failure.withToken(token);
  }
}

interface Choice {
  readonly candidate: Candidate;
  /** As the client wrote it: Windows wants Kerberos called by the name under which its token was accepted (contract S4). */
  readonly supportedMech: string;
}

function choose({ mechTypes }: NegTokenInit, candidates: readonly Candidate[]): Choice {
  for (const supportedMech of mechTypes) {
    const candidate = candidateFor(supportedMech, candidates);
    if (candidate !== undefined) return { candidate, supportedMech };
  }
  throw noCommonMechanism(mechTypes);
}

function candidateFor(oid: string, candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.find(({ mechanism }) => mechanism.oids.includes(oid));
}

function begin(scope: Scope, candidate: Candidate, options: AcceptOptions): InnerMechanism {
  return new InnerMechanism(candidate, scope.own(candidate.credential.accept(options)));
}

/** What a client may say after its offer. */
function readMessage(octets: Uint8Array): NegTokenResp {
  const message = readReply(octets);
  if (message.negState === NEG_STATE.REJECT) throw rejected({ detail: 'the client gave up' });
  if (message.negState === NEG_STATE.REQUEST_MIC) throw unexpected('request-mic is for servers to say');
  return message;
}

function noCommonMechanism(mechTypes: readonly string[]): SspiError {
  return new SspiError('NO_COMMON_MECHANISM', {
    stage: 'SPNEGO NegTokenInit',
    detail: `the client offers ${mechTypes.map(oidName).join(', ')}`,
  });
}
