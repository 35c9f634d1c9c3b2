/**
 * The client's side of SPNEGO: RFC 4178 3.2, 4.2 and 5, with the rules of [MS-SPNG] 3.3.
 * @see https://www.rfc-editor.org/rfc/rfc4178#section-5
 * @module
 */
import {
  asSspiError,
  type Exchange,
  type InitiateOptions,
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
  decodeNegTokenInit,
  decodeNegTokenResp,
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
const STAGE = 'SPNEGO NegTokenResp';

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
  async function* exchange(token: Uint8Array): AsyncGenerator<Leg, NegTokenResp, Uint8Array> {
    negotiation.trace('sent', token);
    const reply = yield { token };
    negotiation.trace('received', reply);
    return readReply(reply);
  }

  // We offer what we have, with the first token of what we like best: most servers like the same.
  const { offered, optimistic, mechToken } = await beginOptimistically(scope, negotiation, side);
  const mechTypeList = encodeMechTypeList(offered.flatMap(({ mechanism }) => mechanism.oids));
  let reply = yield* exchange(encodeNegTokenInit({ mechTypeList, mechToken: present(mechToken) }));
  if (reply.negState === NEG_STATE.REJECT) throw await rejection(reply, optimistic);

  // The server chooses. If it is not our first choice, or if the server asks for it, the list has to be proved to have arrived
  // as we sent it: somebody in between may have taken the better mechanisms out.
  const chosen = choiceOf(reply, offered) ?? optimistic.candidate;
  const countered = chosen !== optimistic.candidate;
  let micRequired = countered || reply.negState === NEG_STATE.REQUEST_MIC;
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
    reply = yield* exchange(encodeNegTokenResp({ negState: NEG_STATE.ACCEPT_INCOMPLETE, responseToken: answer }));
    await assertGoesOn(reply, inner, offered);
    answer = await inner.step(expectToken(reply));
  }

  // From here on only SPNEGO's own ends are left: our last token, the two MICs, and the server's accept-completed.
  for (let askedInTime = true; ; askedInTime = false) {
    const completed = reply.negState === NEG_STATE.ACCEPT_COMPLETED;
    if (completed && answer.length > 0)
      throw unexpected(`accept-completed, but ${inner.mechanism.name} is not through yet`);
    if (reply.mechListMIC !== undefined) inner.checkMic(mechTypeList, reply.mechListMIC);
    micRequired ||= inner.demandsMic;

    if (inner.micChecked && (completed || inner.micMade)) break;
    if (!inner.micChecked) {
      // Whoever has made a MIC, or needs one, does not take the server's word without its MIC (fault Z26).
      if (inner.micMade || (completed && micRequired))
        throw new SspiError('MECH_LIST_MIC_MISSING', { stage: STAGE, detail: `chosen: ${inner.mechanism.name}` });
      if (completed || (reply.negState === undefined && answer.length === 0 && !micRequired)) break;
    }

    // A server that is not through when everything is said can only wait for our MIC. But once the last message of the
    // mechanism has left without one, something may be sealed already, and NTLM's key stream must not start anew under it.
    if (!askedInTime) throw unexpected('the server goes on, and nothing is left to be said');
    if (inner.micChecked) {
      const mechListMIC = inner.makeMic(mechTypeList);
      const last = encodeNegTokenResp({
        negState: NEG_STATE.ACCEPT_COMPLETED,
        responseToken: present(answer),
        mechListMIC,
      });
      negotiation.trace('sent', last);
      negotiation.complete(inner, 'negotiated');
      return inner.finish(last);
    }
    const mechListMIC = micRequired || answer.length === 0 ? inner.makeMic(mechTypeList) : undefined;
    const responseToken = present(answer);
    reply = yield* exchange(encodeNegTokenResp({ negState: NEG_STATE.ACCEPT_INCOMPLETE, responseToken, mechListMIC }));
    await assertGoesOn(reply, inner, offered);
    assertNoToken(reply, inner);
    answer = EMPTY;
  }
  negotiation.complete(inner, 'negotiated');
  return inner.finish();
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
  return new InnerMechanism(candidate, scope.own(candidate.credential.initiate(options)));
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

/** The server cannot be through before the mechanism is, and nobody can make a MIC before (faults Z26, Z29). */
function assertUnfinished(reply: NegTokenResp, inner: InnerMechanism): void {
  if (reply.negState === NEG_STATE.ACCEPT_COMPLETED)
    throw unexpected(`accept-completed, but ${inner.mechanism.name} is not through yet`);
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
  return new SspiError('NEGOTIATION_REJECTED', {
    stage: STAGE,
    detail: reason?.message ?? `${inner.mechanism.name} was spoken`,
    status,
    ntStatus: reason?.ntStatus,
    cause: reason,
  });
}

async function reasonOf(inner: InnerMechanism, token: Uint8Array): Promise<SspiError | undefined> {
  try {
    await inner.step(token);
    return undefined;
  } catch (error) {
    return asSspiError(error);
  }
}

function readReply(octets: Uint8Array): NegTokenResp {
  if (detectToken(octets) !== 'spnego-resp') throw unexpected('the reply is no NegTokenResp');
  return decodeNegTokenResp(octets);
}

/** Old IIS sends an empty token where it means none. */
function hasToken({ responseToken }: NegTokenResp): boolean {
  return responseToken !== undefined && responseToken.length > 0;
}

function expectToken({ responseToken = EMPTY }: NegTokenResp): Uint8Array {
  if (responseToken.length === 0) throw unexpected('a token of the mechanism is missing');
  return responseToken;
}

function assertNoToken(reply: NegTokenResp, inner: InnerMechanism): void {
  if (hasToken(reply)) throw unexpected(`a token for ${inner.mechanism.name}, which is through already`);
}

function assertNoMic({ mechListMIC }: NegTokenResp): void {
  if (mechListMIC !== undefined) throw unexpected('a mechListMIC before the mechanism is through');
}

/** An empty field is left out. */
function present(token: Uint8Array): Uint8Array | undefined {
  return token.length === 0 ? undefined : token;
}

function unexpected(detail: string): SspiError {
  return new SspiError('UNEXPECTED_MESSAGE', { stage: STAGE, detail });
}
