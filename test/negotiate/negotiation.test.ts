import { describe, expect, test } from 'vitest';
import {
  decodeNegTokenInit,
  decodeNegTokenResp,
  describeSpnego,
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NEG_STATE,
  type NegTokenResp,
} from '../../src/negotiate/index.ts';
import { SEC_E, SEC_I, SECPKG_NEGOTIATION, SspiError } from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import type { Journal } from './fake-mechanism.ts';
import {
  ALPHA,
  acceptorOf,
  ascii,
  BETA,
  credentialOf,
  exchangeMessages,
  failureOf,
  fake,
  GAMMA,
  initiatorOf,
  protectionOf,
  tokenOf,
} from './set-up.ts';

const lines = (tokens: readonly { readonly from: string; readonly token: Uint8Array }[]): string[] =>
  tokens.map(({ from, token }) => `${from}: ${describeSpnego(token)}`);

const resp = (message: NegTokenResp): Uint8Array => encodeNegTokenResp(message);

describe('the mechanism that both prefer', () => {
  test('S6: of three messages, without MIC', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA));
    const acceptor = await acceptorOf(fake('Alpha', ALPHA));
    const { tokens } = await converse(initiator, acceptor);
    expect(lines(tokens)).toEqual([
      `initiator: NegTokenInit [${ALPHA}] {15 octets}`,
      `acceptor: NegTokenResp accept-incomplete [${ALPHA}] {15 octets}`,
      'initiator: NegTokenResp accept-incomplete {15 octets}',
      'acceptor: NegTokenResp accept-completed',
    ]);
    expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
    expect(exchangeMessages(initiator, acceptor)).toEqual([Uint8Array.of(1, 2, 3), Uint8Array.of(4, 5, 6)]);
  });

  test('S6: of two messages, without MIC: one message each', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA, { messages: 2 }));
    const acceptor = await acceptorOf(fake('Alpha', ALPHA, { messages: 2 }));
    const { tokens } = await converse(initiator, acceptor);
    expect(lines(tokens)).toEqual([
      `initiator: NegTokenInit [${ALPHA}] {15 octets}`,
      `acceptor: NegTokenResp accept-completed [${ALPHA}] {15 octets}`,
    ]);
    expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
  });

  test('S6: of one message, without MIC', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA, { messages: 1 }));
    const acceptor = await acceptorOf(fake('Alpha', ALPHA, { messages: 1 }));
    const { tokens } = await converse(initiator, acceptor);
    expect(lines(tokens).at(-1)).toBe(`acceptor: NegTokenResp accept-completed [${ALPHA}]`);
    expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
  });

  test('S6: four messages and five work as well', async () => {
    for (const messages of [4, 5]) {
      const initiator = await initiatorOf(fake('Alpha', ALPHA, { messages }));
      const acceptor = await acceptorOf(fake('Alpha', ALPHA, { messages }));
      await converse(initiator, acceptor);
      expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
    }
  });

  test('S7: a mechanism that demands MICs gets both, and the first message has number 1 on a fresh key stream', async () => {
    const journal: Journal = [];
    const mechanism = fake('Alpha', ALPHA, { demandsMic: true }, journal);
    const initiator = await initiatorOf(mechanism);
    const acceptor = await acceptorOf(mechanism);
    const { tokens } = await converse(initiator, acceptor);
    expect(lines(tokens).slice(2)).toEqual([
      'initiator: NegTokenResp accept-incomplete {15 octets}, mechListMIC',
      'acceptor: NegTokenResp accept-completed, mechListMIC',
    ]);
    exchangeMessages(initiator, acceptor);
    expect(journal).toEqual([
      'initiator sign 0',
      'initiator restart sent',
      'acceptor verify 0',
      'acceptor restart received',
      'acceptor sign 0',
      'acceptor restart sent',
      'initiator verify 0',
      'initiator restart received',
      'initiator sign 1',
      'acceptor sign 1',
      'acceptor verify 1',
      'initiator verify 1',
    ]);
  });

  test('S6: without integrity a mechanism cannot be asked for a MIC', async () => {
    const mechanism = fake('Alpha', ALPHA, { demandsMic: true, integrity: false });
    const initiator = await initiatorOf(mechanism);
    const acceptor = await acceptorOf(mechanism);
    await converse(initiator, acceptor);
    expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
  });

  test('S6: the MIC is over the list as the initiator sent it', async () => {
    const mechanism = fake('Alpha', ALPHA, { demandsMic: true });
    const initiator = await initiatorOf(mechanism, fake('Beta', BETA));
    const acceptor = await acceptorOf(mechanism);
    const { tokens } = await converse(initiator, acceptor);
    const offered = decodeNegTokenInit(tokens[0]?.token ?? new Uint8Array(0));
    expect(offered.mechTypes).toEqual([ALPHA, BETA]);
    expect(offered.mechTypeList).toEqual(encodeMechTypeList([ALPHA, BETA]));
    expect(acceptor.state).toBe('established');
  });
});

describe('another mechanism than the first', () => {
  test.each([1, 2, 3, 4])(
    'S5: the second is chosen, the optimistic token dropped, both MICs mandatory: %i messages',
    async (messages) => {
      const journal: Journal = [];
      const beta = fake('Beta', BETA, { messages }, journal);
      const initiator = await initiatorOf(fake('Alpha', ALPHA), beta);
      const acceptor = await acceptorOf(beta);
      const { tokens } = await converse(initiator, acceptor);
      expect(lines(tokens)[1]).toBe(`acceptor: NegTokenResp request-mic [${BETA}]`);
      expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
      expect(journal.filter((entry) => entry.endsWith(' 0')).sort()).toEqual([
        'acceptor sign 0',
        'acceptor verify 0',
        'initiator sign 0',
        'initiator verify 0',
      ]);
      exchangeMessages(initiator, acceptor);
      expect(initiator.query('NEGOTIATION_PACKAGE').name).toBe('Beta');
      expect(initiator.query('NEGO_STATUS')).toEqual({
        lastStatus: SEC_E.OK,
        reason: 'the server preferred Beta to Alpha',
        offered: ['1.3.6.1.4.1.99999.1', '1.3.6.1.4.1.99999.2'],
      });
    },
  );

  test('S5: when the acceptor sends the last token its MIC goes along, and the initiator ends with its own', async () => {
    const beta = fake('Beta', BETA, { messages: 2 });
    const { tokens } = await converse(await initiatorOf(fake('Alpha', ALPHA), beta), await acceptorOf(beta));
    expect(lines(tokens)).toEqual([
      `initiator: NegTokenInit [${ALPHA}, ${BETA}] {15 octets}`,
      `acceptor: NegTokenResp request-mic [${BETA}]`,
      'initiator: NegTokenResp accept-incomplete {14 octets}',
      'acceptor: NegTokenResp accept-incomplete {14 octets}, mechListMIC',
      'initiator: NegTokenResp accept-completed, mechListMIC',
    ]);
  });

  test('Z31: an optimistic token for a mechanism that we do not do is dropped', async () => {
    const acceptor = await acceptorOf(fake('Beta', BETA));
    const mechTypeList = encodeMechTypeList(['1.3.6.1.4.1.311.2.2.30', GAMMA, BETA]);
    const first = encodeNegTokenInit({ mechTypeList, mechToken: ascii('NEGOEXTS'), mechListMIC: ascii('of NEGOEX') });
    const reply = decodeNegTokenResp(await tokenOf(acceptor, first));
    expect(reply).toEqual({ negState: NEG_STATE.REQUEST_MIC, supportedMech: BETA });
  });

  test('S5: the initiator puts up with accept-incomplete instead of request-mic, and still demands the MIC', async () => {
    const beta = fake('Beta', BETA);
    const initiator = await initiatorOf(fake('Alpha', ALPHA), beta);
    await tokenOf(initiator);
    await tokenOf(initiator, resp({ negState: NEG_STATE.ACCEPT_INCOMPLETE, supportedMech: BETA }));
    await tokenOf(initiator, resp({ negState: NEG_STATE.ACCEPT_INCOMPLETE, responseToken: ascii('Beta message 2') }));
    const failure = await failureOf(initiator, resp({ negState: NEG_STATE.ACCEPT_COMPLETED }));
    expect(failure.code).toBe('MECH_LIST_MIC_MISSING');
  });

  test('S6: the first of the client that is not our first is spoken at once, with request-mic', async () => {
    const [alpha, beta] = [fake('Alpha', ALPHA), fake('Beta', BETA)];
    const initiator = await initiatorOf(beta);
    const acceptor = await acceptorOf(alpha, beta);
    const { tokens } = await converse(initiator, acceptor);
    expect(lines(tokens)).toEqual([
      `initiator: NegTokenInit [${BETA}] {14 octets}`,
      `acceptor: NegTokenResp request-mic [${BETA}] {14 octets}`,
      'initiator: NegTokenResp accept-incomplete {14 octets}, mechListMIC',
      'acceptor: NegTokenResp accept-completed, mechListMIC',
    ]);
  });

  test.each([1, 2])('S6: request-mic with a mechanism that is through with %i messages', async (messages) => {
    const [alpha, beta] = [fake('Alpha', ALPHA), fake('Beta', BETA, { messages })];
    const initiator = await initiatorOf(beta);
    const acceptor = await acceptorOf(alpha, beta);
    const { tokens } = await converse(initiator, acceptor);
    expect(lines(tokens).at(1)).toContain('request-mic');
    expect(lines(tokens).at(1)).toContain('mechListMIC');
    expect(lines(tokens).at(2)).toBe('initiator: NegTokenResp accept-completed, mechListMIC');
    exchangeMessages(initiator, acceptor);
  });

  test('S6: a mechanism without integrity cannot protect the choice, so it is refused on both sides', async () => {
    const beta = fake('Beta', BETA, { integrity: false });
    const { initiatorError, acceptorError } = await converse(
      await initiatorOf(fake('Alpha', ALPHA), beta),
      await acceptorOf(beta),
    );
    expect(initiatorError?.code).toBe('MECH_LIST_MIC_MISSING');
    expect(acceptorError).toBeUndefined();

    const acceptor = await acceptorOf(beta);
    const mechTypeList = encodeMechTypeList([ALPHA, BETA]);
    await tokenOf(acceptor, encodeNegTokenInit({ mechTypeList }));
    await tokenOf(acceptor, resp({ responseToken: ascii('Beta message 1') }));
    const failure = await failureOf(acceptor, resp({ responseToken: ascii('Beta message 3') }));
    expect(failure.code).toBe('MECH_LIST_MIC_MISSING');
  });

  test('S8: no mechanism in common is rejected, and both say so', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA));
    const acceptor = await acceptorOf(fake('Beta', BETA));
    const { initiatorError, acceptorError, tokens } = await converse(initiator, acceptor);
    expect(acceptorError?.code).toBe('NO_COMMON_MECHANISM');
    expect(acceptorError?.status).toBe(SEC_E.LOGON_DENIED);
    expect(lines(tokens).at(-1)).toBe('acceptor: NegTokenResp reject');
    expect(initiatorError?.code).toBe('NEGOTIATION_REJECTED');
    expect(initiatorError?.status).toBe(SEC_E.LOGON_DENIED);
  });

  test('S4: the answer names the mechanism as the client did', async () => {
    const two = fake('Alpha', ALPHA, { oids: [ALPHA, GAMMA] });
    for (const oid of [ALPHA, GAMMA]) {
      const acceptor = await acceptorOf(two);
      const mechTypeList = encodeMechTypeList([oid]);
      const token = await tokenOf(acceptor, encodeNegTokenInit({ mechTypeList, mechToken: ascii('Alpha message 1') }));
      expect(decodeNegTokenResp(token).supportedMech).toBe(oid);
    }
  });

  test('S4: another name of the same mechanism is no other choice', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA, { oids: [ALPHA, GAMMA], messages: 2 }));
    const first = decodeNegTokenInit(await tokenOf(initiator));
    expect(first.mechTypes).toEqual([ALPHA, GAMMA]);
    const answer = resp({ negState: 0, supportedMech: GAMMA, responseToken: ascii('Alpha message 2') });
    expect((await initiator.step(answer)).status).toBe(SEC_E.OK);
  });
});

describe('what may be used when', () => {
  test('Z5: the mechanism can seal while the acceptor has still to answer, after our MIC', async () => {
    const mechanism = fake('Alpha', ALPHA, { demandsMic: true });
    const initiator = await initiatorOf(mechanism);
    const acceptor = await acceptorOf(mechanism);
    expect([initiator.expectsToken, acceptor.expectsToken]).toEqual([false, true]);
    expect(initiator.inner).toBeUndefined();

    const one = await tokenOf(initiator);
    expect(initiator.inner).toBeUndefined(); // the acceptor has not chosen yet
    expect(initiator.expectsToken).toBe(true);
    const two = await tokenOf(acceptor, one);
    expect(acceptor.inner?.state).toBe('negotiating');
    const three = await initiator.step(two);
    expect(three.status).toBe(SEC_I.CONTINUE_NEEDED);
    expect([initiator.state, initiator.inner?.state, initiator.expectsToken]).toEqual([
      'negotiating',
      'established',
      true,
    ]);
    expect(() => initiator.messages).toThrow(SspiError);

    // CredSSP: the proof of the key goes along with the last token, before the answer is there
    if (initiator.inner === undefined || !('token' in three)) throw new TypeError('no inner context');
    const proof = protectionOf(initiator.inner).wrap(ascii('pubKeyAuth'));
    const four = await acceptor.step(three.token);
    expect(four.status).toBe(SEC_E.OK);
    expect(protectionOf(acceptor).unwrap(proof)).toEqual(ascii('pubKeyAuth'));

    // and the answer to it along with the acceptor's last token
    if (!('token' in four)) throw new TypeError('no token');
    const echo = protectionOf(acceptor).wrap(ascii('echo'));
    await initiator.step(four.token);
    expect([initiator.state, initiator.expectsToken]).toEqual(['established', false]);
    expect(protectionOf(initiator).unwrap(echo)).toEqual(ascii('echo'));
    expect(initiator.messages).toBe(initiator.inner.messages);
  });

  test('Z5: a mechanism of one message is not there to seal before the acceptor has chosen it', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA, { messages: 1 }), fake('Beta', BETA));
    await tokenOf(initiator);
    expect(initiator.inner).toBeUndefined();
    await initiator.step(resp({ negState: NEG_STATE.ACCEPT_COMPLETED, supportedMech: ALPHA }));
    expect(initiator.inner?.state).toBe('established');
  });

  test('S10: attributes tell what was negotiated, and what the mechanism knows', async () => {
    const mechanism = fake('Alpha', ALPHA);
    const initiator = await initiatorOf(mechanism);
    const acceptor = await acceptorOf(mechanism);
    expect(() => initiator.query('NEGOTIATION_INFO')).toThrow(SspiError);
    const one = await tokenOf(initiator);
    expect(initiator.query('NEGOTIATION_INFO').state).toBe(SECPKG_NEGOTIATION.OPTIMISTIC);
    expect(() => initiator.query('NAMES')).toThrow(SspiError);
    const two = await tokenOf(acceptor, one);
    expect(acceptor.query('NEGOTIATION_INFO').state).toBe(SECPKG_NEGOTIATION.IN_PROGRESS);
    const three = await tokenOf(initiator, two);
    expect(initiator.query('NEGOTIATION_INFO').state).toBe(SECPKG_NEGOTIATION.IN_PROGRESS);
    await tokenOf(initiator, await tokenOf(acceptor, three));
    for (const context of [initiator, acceptor]) {
      expect(context.query('NEGOTIATION_INFO').state).toBe(SECPKG_NEGOTIATION.COMPLETE);
      expect(context.query('NEGOTIATION_INFO').packageInfo.name).toBe('Alpha');
      expect(context.query('NEGOTIATION_PACKAGE').name).toBe('Alpha');
      expect(context.query('PACKAGE_INFO').name).toBe('Negotiate');
      expect(context.query('NAMES').userName).toBe('Alpha user');
      expect(context.query('SIZES').maxSignature).toBe(16);
      expect(context.query('NEGO_STATUS')).toEqual({
        lastStatus: SEC_E.OK,
        reason: '',
        offered: ['1.3.6.1.4.1.99999.1'],
      });
      expect(() => context.query('SESSION_KEY')).toThrow(SspiError); // the fake has none
      expect(() => context.query('STREAM_SIZES')).toThrow(SspiError);
    }
  });

  test('S10: observers see every SPNEGO message once on each side', async () => {
    const credential = await credentialOf([fake('Alpha', ALPHA)]);
    const seen: string[] = [];
    const observe = ({ protocol, direction, message }: { protocol: string; direction: string; message: string }) =>
      seen.push(`${protocol} ${direction} ${message}`);
    await converse(credential.initiate({ flags: 0, observe }), credential.accept({ flags: 0 }));
    expect(seen).toEqual([
      `SPNEGO sent NegTokenInit [${ALPHA}] {15 octets}`,
      `SPNEGO received NegTokenResp accept-incomplete [${ALPHA}] {15 octets}`,
      'SPNEGO sent NegTokenResp accept-incomplete {15 octets}',
      'SPNEGO received NegTokenResp accept-completed',
    ]);
    seen.length = 0;
    await converse(credential.initiate({ flags: 0 }), credential.accept({ flags: 0, observe }));
    expect(seen.length).toBe(4);
  });
});

describe('server first', () => {
  test('S2: an acceptor without input gives a hint, an initiator takes it and is not swayed by it', async () => {
    const [alpha, beta] = [fake('Alpha', ALPHA), fake('Beta', BETA)];
    const acceptor = await acceptorOf(beta);
    const hint = await acceptor.step();
    if (!('token' in hint)) throw new TypeError('no token');
    expect(hint.status).toBe(SEC_I.CONTINUE_NEEDED);
    expect(describeSpnego(hint.token)).toBe(`NegTokenInit2 [${BETA}]`);

    const initiator = await initiatorOf(alpha, beta);
    const offer = await tokenOf(initiator, hint.token);
    expect(decodeNegTokenInit(offer).mechTypes).toEqual([ALPHA, BETA]);
    let answer = await tokenOf(acceptor, offer);
    while (initiator.state === 'negotiating') {
      const next = await tokenOf(initiator, answer);
      if (acceptor.state === 'negotiating') answer = await tokenOf(acceptor, next);
    }
    expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
  });

  test('S2: a first input of an initiator that is no hint is an error', async () => {
    const initiator = await initiatorOf(fake('Alpha', ALPHA));
    expect((await failureOf(initiator, resp({ negState: 1 }))).code).toBe('UNEXPECTED_MESSAGE');
    expect((await failureOf(await initiatorOf(fake('Alpha', ALPHA)), ascii('NTLMSSP\0'))).code).toBe(
      'UNEXPECTED_MESSAGE',
    );
  });

  test('S2: an initiator that says nothing after the hint either has failed', async () => {
    const acceptor = await acceptorOf(fake('Alpha', ALPHA));
    await acceptor.step();
    expect((await failureOf(acceptor)).code).toBe('MALFORMED_TOKEN');
  });
});

describe('when the acceptor fails', () => {
  test('S8: the client gets a rejection with the error message of the mechanism', async () => {
    const refusal = new SspiError('TIME_SKEW', { stage: 'Alpha', token: ascii('KRB-ERROR') });
    const acceptor = await acceptorOf(fake('Alpha', ALPHA, { acceptorError: refusal }));
    const initiator = await initiatorOf(fake('Alpha', ALPHA));
    const { acceptorError, initiatorError, tokens } = await converse(initiator, acceptor);
    expect(acceptorError?.code).toBe('TIME_SKEW');
    expect(lines(tokens).at(-1)).toBe('acceptor: NegTokenResp reject {9 octets}');
    expect(initiatorError?.code).toBe('NEGOTIATION_REJECTED');
    expect(initiatorError?.cause).toBeInstanceOf(SspiError);
  });

  test('S8: a malformed first message is answered with a rejection; no SPNEGO at all is not answered', async () => {
    const cut = encodeNegTokenInit({ mechTypeList: encodeMechTypeList([ALPHA]) }).subarray(0, 20);
    const failure = await failureOf(await acceptorOf(fake('Alpha', ALPHA)), cut);
    expect(failure.code).toBe('MALFORMED_TOKEN');
    expect(describeSpnego(failure.token ?? new Uint8Array(0))).toBe('NegTokenResp reject');
    const other = await failureOf(await acceptorOf(fake('Alpha', ALPHA)), ascii('GET / HTTP/1.1'));
    expect(other.code).toBe('MALFORMED_TOKEN');
    expect(other.token).toBeUndefined();
  });
});
