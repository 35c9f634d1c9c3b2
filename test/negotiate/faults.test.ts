import { describe, expect, test } from 'vitest';
import {
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  type Mechanism,
  NEG_STATE,
  type NegotiateContext,
  type NegTokenResp,
} from '../../src/negotiate/index.ts';
import { SEC_E, SspiError, type SspiErrorCode } from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import type { Journal } from './fake-mechanism.ts';
import {
  ALPHA,
  acceptorOf,
  ascii,
  BETA,
  exchangeMessages,
  failureOf,
  fake,
  initiatorOf,
  protectionOf,
  tokenOf,
} from './set-up.ts';

const { ACCEPT_COMPLETED, ACCEPT_INCOMPLETE, REJECT, REQUEST_MIC } = NEG_STATE;
const ALPHA_2 = ascii('Alpha message 2');
const ALPHA_3 = ascii('Alpha message 3');
const BETA_2 = ascii('Beta message 2');
const NO_MIC = new Uint8Array(16);

const resp = (message: NegTokenResp): Uint8Array => encodeNegTokenResp(message);

/** An initiator that has sent its first token and gets these replies; the last one is what the test is about. */
async function afterReplies(
  mechanisms: readonly Mechanism[],
  replies: readonly NegTokenResp[],
): Promise<NegotiateContext> {
  const initiator = await initiatorOf(...mechanisms);
  await tokenOf(initiator);
  for (const reply of replies) await tokenOf(initiator, resp(reply));
  return initiator;
}

async function initiatorFails(
  code: SspiErrorCode,
  mechanisms: readonly Mechanism[],
  ...replies: readonly NegTokenResp[]
): Promise<SspiError> {
  const initiator = await afterReplies(mechanisms, replies.slice(0, -1));
  const failure = await failureOf(initiator, resp(replies.at(-1) ?? {}));
  expect(failure.code).toBe(code);
  expect(initiator.state).toBe('failed');
  expect(initiator.expectsToken).toBe(false);
  expect(() => initiator.messages).toThrow(SspiError);
  expect((await failureOf(initiator, resp({ negState: ACCEPT_COMPLETED }))).code).toBe(code); // and stays failed
  return failure;
}

/** An acceptor that has seen this first message and gets these further ones. */
async function acceptorFails(
  code: SspiErrorCode,
  mechanisms: readonly Mechanism[],
  first: Uint8Array,
  ...messages: readonly NegTokenResp[]
): Promise<SspiError> {
  const acceptor = await acceptorOf(...mechanisms);
  const inputs = [first, ...messages.map(resp)];
  for (const input of inputs.slice(0, -1)) await tokenOf(acceptor, input);
  const failure = await failureOf(acceptor, inputs.at(-1));
  expect(failure.code).toBe(code);
  expect(acceptor.state).toBe('failed');
  expect(() => acceptor.messages).toThrow(SspiError);
  return failure;
}

const alpha = fake('Alpha', ALPHA);
const beta = fake('Beta', BETA);
const demanding = fake('Alpha', ALPHA, { demandsMic: true });
const firstOf = (oids: readonly string[], mechToken?: Uint8Array): Uint8Array =>
  encodeNegTokenInit({ mechTypeList: encodeMechTypeList(oids), mechToken });
const ALPHA_1 = firstOf([ALPHA], ascii('Alpha message 1'));

describe('Z26: no downgrade', () => {
  test('Z26: another mechanism than the first, and accept-completed without a MIC', async () => {
    const failure = await initiatorFails(
      'MECH_LIST_MIC_MISSING',
      [alpha, beta],
      { negState: REQUEST_MIC, supportedMech: BETA },
      { negState: ACCEPT_INCOMPLETE, responseToken: BETA_2 },
      { negState: ACCEPT_COMPLETED },
    );
    expect(failure.status).toBe(SEC_E.MESSAGE_ALTERED);
  });

  test('Z26: the same without any negState', async () => {
    await initiatorFails(
      'MECH_LIST_MIC_MISSING',
      [alpha, beta],
      { negState: REQUEST_MIC, supportedMech: BETA },
      { negState: ACCEPT_INCOMPLETE, responseToken: BETA_2 },
      {},
    );
  });

  test('Z26: a MIC was asked for, and does not come back', async () => {
    await initiatorFails(
      'MECH_LIST_MIC_MISSING',
      [alpha],
      { negState: REQUEST_MIC, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: ACCEPT_COMPLETED },
    );
  });

  test('Z26: a MIC was sent because the mechanism demands it, and does not come back', async () => {
    await initiatorFails(
      'MECH_LIST_MIC_MISSING',
      [demanding],
      { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: ACCEPT_COMPLETED },
    );
  });

  test('Z26: a wrong MIC is no MIC', async () => {
    const failure = await initiatorFails(
      'MECH_LIST_MIC_INVALID',
      [alpha],
      { negState: REQUEST_MIC, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: ACCEPT_COMPLETED, mechListMIC: NO_MIC },
    );
    expect(failure.status).toBe(SEC_E.MESSAGE_ALTERED);
  });

  test('S6: a MIC that nobody needed is checked all the same', async () => {
    await initiatorFails(
      'MECH_LIST_MIC_INVALID',
      [alpha],
      { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: ACCEPT_COMPLETED, mechListMIC: NO_MIC },
    );
    await acceptorFails('MECH_LIST_MIC_INVALID', [alpha], ALPHA_1, { responseToken: ALPHA_3, mechListMIC: NO_MIC });
  });

  test('S6: a MIC of a mechanism without integrity is wrong by nature', async () => {
    const weak = fake('Alpha', ALPHA, { integrity: false });
    await acceptorFails('MECH_LIST_MIC_INVALID', [weak], ALPHA_1, { responseToken: ALPHA_3, mechListMIC: NO_MIC });
  });

  test('Z26: the preferred mechanism is taken out of the list on the way: the acceptor is content, the MIC is not', async () => {
    const initiator = await initiatorOf(alpha, beta);
    const acceptor = await acceptorOf(alpha, beta);
    const { acceptorError, initiatorError } = await converse(initiator, acceptor, (_, token, index) =>
      index === 0 ? firstOf([BETA]) : token,
    );
    expect(acceptorError?.code).toBe('MECH_LIST_MIC_INVALID');
    expect(initiatorError?.code).toBe('NEGOTIATION_REJECTED');
    expect([initiator.state, acceptor.state]).toEqual(['failed', 'failed']);
  });

  test('Z26: the same where the acceptor does only what is left, and the MIC is dropped as well', async () => {
    const initiator = await initiatorOf(alpha, beta);
    const acceptor = await acceptorOf(beta);
    const { acceptorError, initiatorError } = await converse(initiator, acceptor, (from, token, index) => {
      if (index === 0) return firstOf([BETA]);
      return from === 'initiator' && index === 4 ? resp({ responseToken: ascii('Beta message 3') }) : token;
    });
    // RFC 4178 5 leaves this acceptor content: it is the initiator who sees that its first choice was not taken
    expect([acceptorError, acceptor.state]).toEqual([undefined, 'established']);
    expect([initiatorError?.code, initiator.state]).toEqual(['MECH_LIST_MIC_MISSING', 'failed']);
  });

  test.each([
    ['in the first reply', [{ negState: REJECT }]],
    ['in a later reply', [{ negState: ACCEPT_INCOMPLETE, responseToken: ALPHA_2 }, { negState: REJECT }]],
    [
      'with a token',
      [
        { negState: ACCEPT_INCOMPLETE, responseToken: ALPHA_2 },
        { negState: REJECT, responseToken: ALPHA_2 },
      ],
    ],
    [
      'with a MIC',
      [
        { negState: ACCEPT_INCOMPLETE, responseToken: ALPHA_2 },
        { negState: REJECT, mechListMIC: NO_MIC },
      ],
    ],
  ])('Z26: reject %s ends the initiator', async (_, replies) => {
    const failure = await initiatorFails('NEGOTIATION_REJECTED', [alpha], ...replies);
    expect(failure.status).toBe(SEC_E.LOGON_DENIED);
  });

  test('Z26: reject of the initiator ends the acceptor, without an answer', async () => {
    const failure = await acceptorFails('NEGOTIATION_REJECTED', [alpha], ALPHA_1, { negState: REJECT });
    expect(failure.token).toBeUndefined();
  });

  test.each([
    ['without a token', { negState: ACCEPT_COMPLETED, supportedMech: ALPHA }],
    ['with a token that is not the last', { negState: ACCEPT_COMPLETED, supportedMech: ALPHA, responseToken: ALPHA_2 }],
  ])('Z26: accept-completed %s before the mechanism is through', async (_, reply) => {
    const four = fake('Alpha', ALPHA, { messages: 4 });
    await initiatorFails('UNEXPECTED_MESSAGE', [four], reply);
    await initiatorFails('UNEXPECTED_MESSAGE', [alpha], reply);
  });

  test('Z26: accept-completed of the initiator before the mechanism is through', async () => {
    const five = fake('Alpha', ALPHA, { messages: 5 });
    await acceptorFails('UNEXPECTED_MESSAGE', [five], ALPHA_1, { negState: ACCEPT_COMPLETED, responseToken: ALPHA_3 });
  });

  test('S6: an acceptor that needs a MIC does not do without', async () => {
    await acceptorFails('MECH_LIST_MIC_MISSING', [demanding], ALPHA_1, { responseToken: ALPHA_3 });
    const last = firstOf([ALPHA, BETA]);
    const two = fake('Beta', BETA, { messages: 2 });
    await acceptorFails('MECH_LIST_MIC_MISSING', [two], last, { responseToken: ascii('Beta message 1') }, {});
    await acceptorFails(
      'MECH_LIST_MIC_INVALID',
      [two],
      last,
      { responseToken: ascii('Beta message 1') },
      { mechListMIC: NO_MIC },
    );
  });
});

describe('Z27: a mechListMIC that is a copy of the responseToken', () => {
  test('Z27: is absent where none is needed', async () => {
    const initiator = await afterReplies(
      [alpha],
      [
        { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2, mechListMIC: ALPHA_2 },
        { negState: ACCEPT_COMPLETED },
      ],
    );
    expect(initiator.state).toBe('established');
  });

  test('Z27: is absent where one is needed', async () => {
    await initiatorFails(
      'MECH_LIST_MIC_MISSING',
      [alpha, fake('Beta', BETA, { messages: 2 })],
      { negState: REQUEST_MIC, supportedMech: BETA },
      { negState: ACCEPT_COMPLETED, responseToken: BETA_2, mechListMIC: BETA_2 },
    );
    await acceptorFails('MECH_LIST_MIC_MISSING', [demanding], ALPHA_1, {
      responseToken: ALPHA_3,
      mechListMIC: ALPHA_3,
    });
  });
});

describe('Z28: MICs and key streams', () => {
  test('Z28: request-mic in a later reply is an error', async () => {
    await initiatorFails(
      'UNEXPECTED_MESSAGE',
      [alpha],
      { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: REQUEST_MIC },
    );
    await acceptorFails('UNEXPECTED_MESSAGE', [alpha], ALPHA_1, { negState: REQUEST_MIC, responseToken: ALPHA_3 });
  });

  test('Z28: no MIC is made once something may have been sealed, so that the key stream is not used twice', async () => {
    const journal: Journal = [];
    const initiator = await initiatorOf(fake('Alpha', ALPHA, {}, journal));
    const acceptor = await acceptorOf(fake('Alpha', ALPHA));
    await tokenOf(acceptor, await tokenOf(initiator));
    await tokenOf(initiator, resp({ negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 }));
    if (initiator.inner === undefined) throw new TypeError('no inner context');
    protectionOf(initiator.inner).wrap(ascii('pubKeyAuth'));
    await tokenOf(acceptor, resp({ responseToken: ALPHA_3 }));
    const mechListMIC = protectionOf(acceptor).sign(encodeMechTypeList([ALPHA]));
    const failure = await failureOf(initiator, resp({ negState: ACCEPT_INCOMPLETE, mechListMIC }));
    expect(failure.code).toBe('UNEXPECTED_MESSAGE');
    expect(journal).not.toContain('initiator restart sent');
  });

  test('Z28: the same without a MIC of the acceptor', async () => {
    await initiatorFails(
      'UNEXPECTED_MESSAGE',
      [alpha],
      { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: ACCEPT_INCOMPLETE },
    );
  });

  test('S6: accept-completed with a MIC that was not asked for is accepted, and needs no answer', async () => {
    const two = fake('Alpha', ALPHA, { messages: 2 });
    const initiator = await initiatorOf(two, beta);
    const acceptor = await acceptorOf(two);
    const first = await tokenOf(initiator);
    await tokenOf(acceptor, first);
    const mechListMIC = protectionOf(acceptor).sign(encodeMechTypeList([ALPHA, BETA]));
    const step = await initiator.step(resp({ negState: ACCEPT_COMPLETED, responseToken: ALPHA_2, mechListMIC }));
    expect(step).toMatchObject({ status: SEC_E.OK, token: new Uint8Array(0) });
  });

  test('S6: an acceptor that is not through after the last token gets our MIC, and has to send its own', async () => {
    const two = fake('Alpha', ALPHA, { messages: 2 });
    await initiatorFails(
      'MECH_LIST_MIC_MISSING',
      [two],
      { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: ACCEPT_COMPLETED },
    );
  });
});

describe('Z29: messages in the wrong place', () => {
  test.each([
    ['an empty token', { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: new Uint8Array(0) }],
    ['no token', { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA }],
    ['a MIC before its time', { negState: ACCEPT_INCOMPLETE, responseToken: ALPHA_2, mechListMIC: NO_MIC }],
  ])('Z29: %s in the middle of the mechanism ends the initiator', async (_, reply) => {
    await initiatorFails('UNEXPECTED_MESSAGE', [fake('Alpha', ALPHA, { messages: 5 })], reply);
  });

  test.each([
    ['an empty token', { responseToken: new Uint8Array(0) }],
    ['nothing', {}],
    ['a MIC only', { mechListMIC: NO_MIC }],
  ])('Z29: %s in the middle of the mechanism ends the acceptor', async (_, message) => {
    const failure = await acceptorFails('UNEXPECTED_MESSAGE', [alpha], ALPHA_1, message);
    expect(failure.token).toEqual(resp({ negState: REJECT }));
  });

  test('Z29: a MIC before its time ends the acceptor', async () => {
    const five = fake('Alpha', ALPHA, { messages: 5 });
    await acceptorFails('UNEXPECTED_MESSAGE', [five], ALPHA_1, { responseToken: ALPHA_3, mechListMIC: NO_MIC });
    const withMic = encodeNegTokenInit({
      mechTypeList: encodeMechTypeList([ALPHA]),
      mechToken: ascii('Alpha message 1'),
      mechListMIC: NO_MIC,
    });
    await acceptorFails('UNEXPECTED_MESSAGE', [alpha], withMic);
  });

  test('Z29: a token for a mechanism that is through', async () => {
    await initiatorFails(
      'UNEXPECTED_MESSAGE',
      [alpha],
      { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: ACCEPT_COMPLETED, responseToken: ALPHA_2 },
    );
    await initiatorFails('UNEXPECTED_MESSAGE', [fake('Alpha', ALPHA, { messages: 1 })], {
      negState: ACCEPT_COMPLETED,
      responseToken: ALPHA_2,
    });
    const two = fake('Beta', BETA, { messages: 2 });
    await acceptorFails(
      'UNEXPECTED_MESSAGE',
      [two],
      firstOf([ALPHA, BETA]),
      { responseToken: ascii('Beta message 1') },
      { responseToken: ascii('Beta message 3') },
    );
  });

  test('Z29: an empty token of the acceptor counts as none once the mechanism is through', async () => {
    const initiator = await afterReplies(
      [fake('Alpha', ALPHA, { messages: 1 })],
      [{ negState: ACCEPT_COMPLETED, supportedMech: ALPHA, responseToken: new Uint8Array(0) }],
    );
    expect(initiator.state).toBe('established');
  });

  test('Z29: a reply before the offer', async () => {
    const failure = await failureOf(await acceptorOf(alpha), resp({ responseToken: ALPHA_3 }));
    expect(failure.code).toBe('UNEXPECTED_MESSAGE');
  });

  test('Z29: a second offer midway', async () => {
    const acceptor = await acceptorOf(alpha);
    await tokenOf(acceptor, ALPHA_1);
    expect((await failureOf(acceptor, ALPHA_1)).code).toBe('UNEXPECTED_MESSAGE');
    const initiator = await initiatorOf(alpha);
    await tokenOf(initiator);
    expect((await failureOf(initiator, ALPHA_1)).code).toBe('UNEXPECTED_MESSAGE');
  });

  test('Z29: a mechanism that was not offered', async () => {
    await initiatorFails('UNEXPECTED_MESSAGE', [alpha], { negState: REQUEST_MIC, supportedMech: BETA });
  });

  test('Z29: a counter-proposal that is complete, or has a token or a MIC, before the mechanism has begun', async () => {
    const both = [alpha, beta];
    await initiatorFails('UNEXPECTED_MESSAGE', both, { negState: ACCEPT_COMPLETED, supportedMech: BETA });
    await initiatorFails('UNEXPECTED_MESSAGE', both, { supportedMech: BETA });
    await initiatorFails('UNEXPECTED_MESSAGE', both, {
      negState: REQUEST_MIC,
      supportedMech: BETA,
      responseToken: BETA_2,
    });
    await initiatorFails('UNEXPECTED_MESSAGE', both, {
      negState: REQUEST_MIC,
      supportedMech: BETA,
      mechListMIC: NO_MIC,
    });
  });

  test('S8, Z29: the mechanism changes midway', async () => {
    await initiatorFails(
      'UNEXPECTED_MESSAGE',
      [alpha, beta],
      { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: ACCEPT_COMPLETED, supportedMech: BETA },
    );
  });

  test('S8, Z29: a later reply that names a mechanism which was not even offered', async () => {
    await initiatorFails(
      'UNEXPECTED_MESSAGE',
      [alpha, beta],
      { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 },
      { negState: ACCEPT_COMPLETED, supportedMech: '1.3.6.1.4.1.99999.3' },
    );
  });

  test("S8: the choice is the server's: what the client writes as supportedMech is ignored", async () => {
    const acceptor = await acceptorOf(alpha, beta);
    await tokenOf(acceptor, await tokenOf(await initiatorOf(alpha, beta)));
    await tokenOf(acceptor, resp({ supportedMech: BETA, responseToken: ALPHA_3 }));
    expect(acceptor.state).toBe('established');
    expect(acceptor.query('NEGOTIATION_PACKAGE').name).toBe('Alpha');
  });

  test('S8: the mechanism repeated in later replies is ignored', async () => {
    const initiator = await afterReplies(
      [alpha, beta],
      [
        { negState: ACCEPT_INCOMPLETE, supportedMech: ALPHA, responseToken: ALPHA_2 },
        { negState: ACCEPT_COMPLETED, supportedMech: ALPHA },
      ],
    );
    expect(initiator.state).toBe('established');
  });

  test('S8: a first reply that names no mechanism and no state means the first', async () => {
    const initiator = await afterReplies([alpha, beta], [{ responseToken: ALPHA_2 }, {}]);
    expect(initiator.state).toBe('established');
    expect(initiator.query('NEGOTIATION_PACKAGE').name).toBe('Alpha');
  });

  test('Z29: nothing can be asked of a context half way, or after a failed step', async () => {
    const initiator = await initiatorOf(alpha);
    await tokenOf(initiator);
    expect(() => initiator.messages).toThrow(SspiError);
    expect(() => initiator.query('NAMES')).toThrow(SspiError);
    await failureOf(initiator, ascii('nonsense'));
    expect(() => initiator.query('NEGO_STATUS')).toThrow(SspiError);
    expect((await failureOf(initiator, resp({ negState: ACCEPT_COMPLETED }))).code).toBe('UNEXPECTED_MESSAGE');
    initiator.dispose();
    expect((await failureOf(initiator)).code).toBe('INVALID_HANDLE');
  });

  test('Z24: a token for a finished context', async () => {
    const initiator = await initiatorOf(alpha);
    const acceptor = await acceptorOf(alpha);
    await converse(initiator, acceptor);
    expect((await failureOf(acceptor, resp({ responseToken: ALPHA_3 }))).code).toBe('CONTEXT_FINISHED');
    expect(acceptor.state).toBe('established');
  });

  test('C17: an exchange that never ends is ended', async () => {
    const endless = fake('Alpha', ALPHA, { messages: 100 });
    const { initiatorError } = await converse(await initiatorOf(endless), await acceptorOf(endless));
    expect(initiatorError?.code).toBe('TOO_MANY_LEGS');
  });
});

describe('Z26: every change of a token on its way', () => {
  const mechanisms = [fake('Alpha', ALPHA), fake('Beta', BETA)];
  const theirs = [fake('Beta', BETA)];

  /** Both established although a token was changed: then the list must be what was sent, and messages must pass. */
  async function assertHarmless(change: (token: Uint8Array) => Uint8Array, which: number): Promise<boolean> {
    const initiator = await initiatorOf(...mechanisms);
    const acceptor = await acceptorOf(...theirs);
    let sent = new Uint8Array(0);
    let arrived = new Uint8Array(0);
    await converse(initiator, acceptor, (_, token, index) => {
      if (index !== which) return token;
      sent = token.slice();
      arrived = change(token).slice();
      return arrived;
    });
    // The last word is the acceptor's: what it does not believe, no initiator is content with.
    expect([initiator.state, acceptor.state]).not.toEqual(['established', 'failed']);
    if (initiator.state !== 'established' || acceptor.state !== 'established') return false;
    if (which === 0) {
      const list = Buffer.from(encodeMechTypeList([ALPHA, BETA]));
      expect(Buffer.from(arrived).includes(list), Buffer.from(sent).toString('hex')).toBe(true);
    }
    expect(exchangeMessages(initiator, acceptor)).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)]);
    return true;
  }

  test.each([0, 1, 2, 3, 4, 5])(
    'Z26: message %i with every bit flipped never gives contexts with a changed list',
    async (which) => {
      const length = await lengthOf(which);
      let harmless = 0;
      for (let at = 0; at < length; at++) {
        for (const bit of [0x01, 0x20, 0x80]) {
          const flip = (token: Uint8Array): Uint8Array =>
            token.map((octet, index) => (index === at ? octet ^ bit : octet));
          if (await assertHarmless(flip, which)) harmless++;
        }
      }
      expect(harmless).toBeLessThan(length * 3);
      if (which === 0) expect(harmless).toBeGreaterThan(0); // the optimistic token is dropped, whatever is in it
    },
  );

  test.each([0, 1, 2, 3, 4, 5])('Z26: message %i cut anywhere never gives two established contexts', async (which) => {
    const length = await lengthOf(which);
    for (let cut = 1; cut < length; cut++)
      expect(await assertHarmless((token) => token.subarray(0, cut), which), `${cut} octets`).toBe(false);
  });

  async function lengthOf(which: number): Promise<number> {
    const { tokens } = await converse(await initiatorOf(...mechanisms), await acceptorOf(...theirs));
    expect(tokens.length).toBe(6);
    return tokens[which]?.token.length ?? 0;
  }
});
