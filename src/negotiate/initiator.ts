/**
 * The client's side of SPNEGO: RFC 4178 3.2, 4.2 and 5, with the rules of [MS-SPNG] 3.3.
 * @see https://www.rfc-editor.org/rfc/rfc4178#section-5
 * @module
 */
import {
  asSspiError,
  type Exchange,
  type InitiateOptions,
  ISC_REQ,
  type Leg,
  type Scope,
  SEC_E,
  SspiError,
} from '../sspi/index.ts';
import type { Negotiation } from './context.ts';
import { detectToken } from './detect.ts';
import { InnerMechanism } from './inner.ts';
import { type Candidate, mayFallBack, noteOf } from './mechanism.ts';
import { oidName } from './oids.ts';
import {
  assertNoMic,
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
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NEG_STATE,
  type NegTokenResp,
} from './tokens.ts';

/** What the client's side has to know. */
export interface InitiatorSide {
  /** The most preferred first. */
  readonly candidates: readonly Candidate[];
  /** As the mechanism gets them. */
  readonly options: InitiateOptions;
}

const EMPTY = new Uint8Array(0);

/**
 * Offers mechanisms, speaks the one that the server chooses, and lets go only when nobody can have changed the offer.
 * @param first - empty, or the hint of a server that speaks first
 */
export async function* initiate(
  scope: Scope,
  negotiation: Negotiation,
  first: Uint8Array,
  side: InitiatorSide,
): Exchange {
  if (first.length > 0) readHint(negotiation, first);
  // We offer what we have, with the first token of what we like best: most servers like the same.
  const { offered, optimistic, mechToken } = await beginOptimistically(scope, negotiation, side);
  const oids = offered.flatMap(({ mechanism }) => mechanism.oids);
  negotiation.offer(oids);
  const mechTypeList = encodeMechTypeList(oids);
  const offer = encodeNegTokenInit({ mechTypeList, mechToken: present(mechToken) });
  let reply = yield* exchange(negotiation, offer);
  if (reply.negState === NEG_STATE.REJECT) throw await rejection(reply, optimistic);

  // The server chooses. If it is not our first choice, or if the server asks for it, the list has to be proved to have arrived
  // as we sent it: somebody in between may have taken the better mechanisms out.
  const chosen = choiceOf(reply, offered) ?? optimistic.candidate;
  const countered = chosen !== optimistic.candidate;
  const micRequired = countered || reply.negState === NEG_STATE.REQUEST_MIC;
  let inner = optimistic;
  if (countered) {
    assertCounterProposal(reply);
    negotiation.note({
      status: SEC_E.OK,
      reason: `the server preferred ${chosen.mechanism.name} to ${optimistic.mechanism.name}`,
    });
    optimistic.dispose();
    inner = begin(scope, chosen, side.options);
  }
  negotiation.settle(inner, 'negotiated');

  // The mechanism's own messages, until it is through on our side.
  let answer: Uint8Array = EMPTY;
  if (countered) answer = await inner.step(EMPTY);
  else if (!inner.established) answer = await inner.step(expectToken(reply));
  else assertNoToken(reply, inner);
  while (!inner.established) {
    assertUnfinished(reply, inner);
    const message = encodeNegTokenResp({ negState: NEG_STATE.ACCEPT_INCOMPLETE, responseToken: answer });
    reply = yield* exchange(negotiation, message);
    await assertGoesOn(reply, inner, offered);
    answer = await inner.step(expectToken(reply));
  }

  const last = yield* conclude({ negotiation, inner, offered, mechTypeList, micRequired, reply, answer });
  negotiation.complete(inner, 'negotiated');
  return inner.finish(last);
}

async function* exchange(negotiation: Negotiation, token: Uint8Array): AsyncGenerator<Leg, NegTokenResp, Uint8Array> {
  negotiation.trace('sent', token);
  const reply = yield { token };
  negotiation.trace('received', reply);
  return readReply(reply);
}

/** Where the exchange stands when the mechanism is through on our side. */
interface Conclusion {
  readonly negotiation: Negotiation;
  readonly inner: InnerMechanism;
  readonly offered: readonly Candidate[];
  readonly mechTypeList: Uint8Array;
  readonly micRequired: boolean;
  /** The server's last message. */
  readonly reply: NegTokenResp;
  /** The mechanism's last token, if it is ours to send. */
  readonly answer: Uint8Array;
}

/**
 * What is left then: our last token, the two MICs, and the server's accept-completed (RFC 4178 5).
 * @returns the last message, if it is ours to send
 */
async function* conclude(state: Conclusion): AsyncGenerator<Leg, Uint8Array | undefined, Uint8Array> {
  const { negotiation, inner, offered, mechTypeList, reply, answer } = state;
  const micRequired = state.micRequired || inner.demandsMic;
  const completed = reply.negState === NEG_STATE.ACCEPT_COMPLETED;
  if (completed && answer.length > 0)
    throw unexpected(`accept-completed, but ${inner.mechanism.name} is not through yet`);

  // The server has sent the mechanism's last token, and perhaps its MIC: then it may want ours, or has done without.
  if (reply.mechListMIC !== undefined) {
    inner.checkMic(mechTypeList, reply.mechListMIC);
    if (completed) return undefined;
    const mechListMIC = inner.makeMic(mechTypeList);
    const last = encodeNegTokenResp({
      negState: NEG_STATE.ACCEPT_COMPLETED,
      responseToken: present(answer),
      mechListMIC,
    });
    negotiation.trace('sent', last);
    return last;
  }
  if (completed && micRequired) throw micMissing(inner);
  if (completed || (reply.negState === undefined && answer.length === 0 && !micRequired)) return undefined;

  // Our turn: the mechanism's last token, our MIC, or both. A server that has sent the last token and is not through can only
  // wait for a MIC. Now or never: after this message something may be sealed, and NTLM's key stream starts anew with a MIC.
  const mechListMIC = micRequired || answer.length === 0 ? inner.makeMic(mechTypeList) : undefined;
  const responseToken = present(answer);
  const message = encodeNegTokenResp({ negState: NEG_STATE.ACCEPT_INCOMPLETE, responseToken, mechListMIC });
  const final = yield* exchange(negotiation, message);
  await assertGoesOn(final, inner, offered);
  assertNoToken(final, inner);

  // The server's last word. Whoever has made a MIC does not take it without the server's (fault Z26).
  if (final.mechListMIC !== undefined) inner.checkMic(mechTypeList, final.mechListMIC);
  else if (mechListMIC !== undefined) throw micMissing(inner);
  if (mechListMIC === undefined && final.negState === NEG_STATE.ACCEPT_INCOMPLETE)
    throw unexpected('the server goes on, and all has been said');
  return undefined;
}

/**
 * What a server says before it is asked. Nothing protects it: to offer less because of it is what an attacker would want, so
 * it is read and has no consequences.
 */
function readHint(negotiation: Negotiation, hint: Uint8Array): void {
  negotiation.trace('received', hint);
  if (detectToken(hint) !== 'spnego-init')
    throw new SspiError('UNEXPECTED_MESSAGE', {
      stage: 'SPNEGO NegTokenInit2',
      detail: 'a client begins without input',
    });
  decodeNegTokenInit(hint);
}

interface Beginning {
  /** The mechanisms that can be used; the optimistic one is the first. */
  readonly offered: readonly Candidate[];
  readonly optimistic: InnerMechanism;
  readonly mechToken: Uint8Array;
}

/** Tries the mechanisms in turn until one gives a first token. Those before it are not offered, and it is noted why. */
async function beginOptimistically(scope: Scope, negotiation: Negotiation, side: InitiatorSide): Promise<Beginning> {
  let failure: SspiError | undefined;
  for (const [index, candidate] of side.candidates.entries()) {
    try {
      const optimistic = begin(scope, candidate, side.options);
      const mechToken = await optimistic.step(EMPTY);
      negotiation.hope(optimistic);
      return { offered: side.candidates.slice(index), optimistic, mechToken };
    } catch (error) {
      const reason = asSspiError(error);
      if (!mayFallBack(reason)) throw reason;
      negotiation.note(noteOf(candidate.mechanism, reason));
      failure ??= reason; // that of the most preferred mechanism tells most
    }
  }
  throw failure ?? new SspiError('NO_CREDENTIALS', { stage: 'SPNEGO NegTokenInit', detail: 'no mechanism' });
}

function begin(scope: Scope, candidate: Candidate, options: InitiateOptions): InnerMechanism {
  const flags = withIntegrity(candidate, options.flags);
  return new InnerMechanism(candidate, scope.own(candidate.credential.initiate({ ...options, flags })));
}

/**
 * Integrity is always asked for, as Windows does, unless it is ruled out: without it there is no mechListMIC. Clients
 * without a name have no key to make one with.
 */
function withIntegrity({ anonymous }: Candidate, flags: number): number {
  const settled = ISC_REQ.INTEGRITY | ISC_REQ.NO_INTEGRITY | ISC_REQ.NULL_SESSION;
  if (anonymous || (flags & settled) !== 0) return flags;
  return flags + ISC_REQ.INTEGRITY; // + and not |: flags may be wider than 32 bits
}

/** The candidate that the server names; undefined when it names none, which some do when they take the first. */
function choiceOf({ supportedMech }: NegTokenResp, offered: readonly Candidate[]): Candidate | undefined {
  if (supportedMech === undefined) return undefined;
  const candidate = offered.find(({ mechanism }) => mechanism.oids.includes(supportedMech));
  if (candidate === undefined) throw unexpected(`${oidName(supportedMech)} was not offered`);
  return candidate;
}

/** RFC 4178 wants request-mic here; Windows and others write accept-incomplete and mean the same (contract S5). */
function assertCounterProposal(reply: NegTokenResp): void {
  if (reply.negState !== NEG_STATE.REQUEST_MIC && reply.negState !== NEG_STATE.ACCEPT_INCOMPLETE)
    throw unexpected('another mechanism was chosen, and has to begin first');
  if (hasToken(reply)) throw unexpected('a token of a mechanism that has not begun');
  assertNoMic(reply);
}

/** What holds for every reply after the first. A supportedMech that is repeated is a known fault of others, and ignored. */
async function assertGoesOn(reply: NegTokenResp, inner: InnerMechanism, offered: readonly Candidate[]): Promise<void> {
  if (reply.negState === NEG_STATE.REJECT) throw await rejection(reply, inner);
  if (reply.negState === NEG_STATE.REQUEST_MIC) throw unexpected('request-mic belongs in the first reply');
  const named = choiceOf(reply, offered);
  if (named !== undefined && named !== inner.candidate) throw unexpected('the mechanism was changed midway');
}

/** A refusal may hold an error message of the mechanism, which knows more than SPNEGO. */
async function rejection(reply: NegTokenResp, inner: InnerMechanism): Promise<SspiError> {
  const reason = hasToken(reply) && !inner.established ? await reasonOf(inner, expectToken(reply)) : undefined;
  const status = reason === undefined || reason.status === SEC_E.INVALID_TOKEN ? undefined : reason.status;
  return rejected({ detail: reason?.message ?? `${inner.mechanism.name} was spoken`, status, cause: reason });
}

async function reasonOf(inner: InnerMechanism, token: Uint8Array): Promise<SspiError | undefined> {
  try {
    await inner.step(token);
    return undefined;
  } catch (error) {
    return asSspiError(error);
  }
}
