import { describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { systemHost } from '../../src/host/index.ts';
import {
  createNegotiatePackage,
  decodeNegTokenInit,
  decodeNegTokenResp,
  describeSpnego,
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  type Mechanism,
  NEG_STATE,
  type NegotiateContext,
  type NegotiateCredential,
  negotiatePackage,
  ntlmMechanism,
  OID,
} from '../../src/negotiate/index.ts';
import {
  decodeAuthenticate,
  NtlmMessageSecurity,
  ntlmPackage,
  ntowfV1,
  ntowfV2,
  rc4k,
  sessionBaseKeyV2,
} from '../../src/ntlm/index.ts';
import { type AuthData, ISC_REQ, SEC_E, SEC_I, SECPKG_CRED, SECPKG_NEGOTIATION } from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import { hex, octets, record, text, toHex, vectorCases } from '../support/vectors.ts';
import { ALPHA, ascii, exchangeMessages, failureOf, fake, protectionOf, tokenOf } from './set-up.ts';

const ALICE = { kind: 'identity', domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' } as const;
const accounts = memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' }]);
const SERVER: AuthData = {
  kind: 'acceptor',
  accounts,
  computer: { netbiosComputer: 'SERVER', netbiosDomain: 'EXAMPLE', dnsComputer: 'server.example.com' },
};
const CONFIDENTIAL = ISC_REQ.CONFIDENTIALITY;

const clientCredential = (authData: AuthData = ALICE): Promise<NegotiateCredential> =>
  negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: systemHost });
const serverCredential = (mechanisms: readonly Mechanism[] = [ntlmMechanism]): Promise<NegotiateCredential> =>
  createNegotiatePackage({ mechanisms }).acquire({ use: SECPKG_CRED.INBOUND, authData: SERVER, host: systemHost });

async function pair(): Promise<{ initiator: NegotiateContext; acceptor: NegotiateContext }> {
  const initiator = (await clientCredential()).initiate({ flags: CONFIDENTIAL, targetName: 'HTTP/server.example.com' });
  return { initiator, acceptor: (await serverCredential()).accept({ flags: 0 }) };
}

const sequenceOf = (sealed: Uint8Array): number => new DataView(sealed.buffer, sealed.byteOffset).getUint32(12, true);

describe('NTLM inside SPNEGO', () => {
  test('S6, S7: both MICs, and the first sealed message has number 1', async () => {
    const { initiator, acceptor } = await pair();
    const { tokens } = await converse(initiator, acceptor);
    expect(tokens.map(({ token }) => describeSpnego(token))).toEqual([
      'NegTokenInit [NTLM] {NTLM NEGOTIATE}',
      'NegTokenResp accept-incomplete [NTLM] {NTLM CHALLENGE}',
      'NegTokenResp accept-incomplete {NTLM AUTHENTICATE}, mechListMIC',
      'NegTokenResp accept-completed, mechListMIC',
    ]);
    expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
    const sealed = protectionOf(initiator).wrap(ascii('pubKeyAuth'));
    expect(sequenceOf(sealed)).toBe(1);
    expect(protectionOf(acceptor).unwrap(sealed)).toEqual(ascii('pubKeyAuth'));
    const echo = protectionOf(acceptor).wrap(ascii('echo'));
    expect(sequenceOf(echo)).toBe(1);
    expect(protectionOf(initiator).unwrap(echo)).toEqual(ascii('echo'));
    exchangeMessages(initiator, acceptor);
  });

  test('Z5: sealing with the last token, before the answer: number 1 as well', async () => {
    const { initiator, acceptor } = await pair();
    const two = await tokenOf(acceptor, await tokenOf(initiator));
    const three = await tokenOf(initiator, two);
    if (initiator.inner === undefined) throw new TypeError('no inner context');
    const proof = protectionOf(initiator.inner).wrap(ascii('pubKeyAuth'));
    expect(sequenceOf(proof)).toBe(1);
    const four = await tokenOf(acceptor, three);
    expect(protectionOf(acceptor).unwrap(proof)).toEqual(ascii('pubKeyAuth'));
    const echo = protectionOf(acceptor).wrap(ascii('echo'));
    expect((await initiator.step(four)).status).toBe(SEC_E.OK);
    expect(protectionOf(initiator).unwrap(echo)).toEqual(ascii('echo'));
  });

  test('S10: what the contexts tell', async () => {
    const { initiator, acceptor } = await pair();
    await converse(initiator, acceptor);
    expect(acceptor.query('NAMES').userName).toBe('EXAMPLE\\alice');
    expect(acceptor.query('ACCESS_TOKEN')).toMatchObject({ user: 'alice', mechanism: 'NTLM' });
    expect(acceptor.query('CLIENT_SPECIFIED_TARGET').targetName).toBe('HTTP/server.example.com');
    for (const context of [initiator, acceptor]) {
      expect(context.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
      expect(context.query('NEGOTIATION_INFO')).toMatchObject({ state: SECPKG_NEGOTIATION.COMPLETE });
      expect(context.query('SIZES')).toEqual({ maxToken: 2888, maxSignature: 16, blockSize: 0, securityTrailer: 16 });
      expect(context.query('KEY_INFO').keySize).toBe(128);
      expect(context.query('LIFESPAN').start).toBeGreaterThan(0n);
      expect(context.query('NATIVE_NAMES').clientName).toBe('EXAMPLE\\alice');
      expect(context.query('FLAGS').flags).toBe(context.inner?.query('FLAGS').flags);
    }
    const [one, other] = [initiator.query('SESSION_KEY').sessionKey, acceptor.query('SESSION_KEY').sessionKey];
    expect(toHex(one.reveal())).toBe(toHex(other.reveal()));
  });

  test('S6: an AUTHENTICATE with a MIC and no mechListMIC is refused', async () => {
    const { initiator, acceptor } = await pair();
    const { acceptorError } = await converse(initiator, acceptor, (_, token, index) => {
      if (index !== 2) return token;
      return encodeNegTokenResp({ ...decodeNegTokenResp(token), mechListMIC: undefined });
    });
    expect(acceptorError?.code).toBe('MECH_LIST_MIC_MISSING');
    expect(acceptor.state).toBe('failed');
  });

  test('Z26: an accept-completed without the MIC of the server is refused', async () => {
    const { initiator, acceptor } = await pair();
    const { initiatorError } = await converse(initiator, acceptor, (_, token, index) =>
      index === 3 ? encodeNegTokenResp({ negState: NEG_STATE.ACCEPT_COMPLETED }) : token,
    );
    expect(initiatorError?.code).toBe('MECH_LIST_MIC_MISSING');
  });

  test('Z37: every bit of every MIC counts', async () => {
    for (const which of [2, 3]) {
      for (let bit = 0; bit < 128; bit += 5) {
        const { initiator, acceptor } = await pair();
        const { initiatorError, acceptorError } = await converse(initiator, acceptor, (_, token, index) => {
          if (index !== which) return token;
          const changed = token.slice(); // the MIC is the last field
          const at = changed.length - 16 + (bit >> 3);
          changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7));
          return changed;
        });
        const failure = which === 2 ? acceptorError : initiatorError;
        expect(failure?.code, `message ${which}, bit ${bit}`).toBe('MECH_LIST_MIC_INVALID');
      }
    }
  });

  test('Z26: Kerberos taken out of the offer on the way is noticed by the server', async () => {
    const { acceptor } = await pair();
    const kerberos = fake('Kerberos', OID.KERBEROS);
    const credential = await createNegotiatePackage({ mechanisms: [kerberos, ntlmMechanism] }).acquire({
      use: SECPKG_CRED.OUTBOUND,
      authData: ALICE,
      host: systemHost,
    });
    const initiator = credential.initiate({ flags: CONFIDENTIAL });
    const { acceptorError } = await converse(initiator, acceptor, (_, token, index) => {
      if (index !== 0) return token;
      return encodeNegTokenInit({ mechTypeList: encodeMechTypeList([OID.NTLM]) });
    });
    expect(acceptorError?.code).toBe('MECH_LIST_MIC_INVALID');
  });

  test('S5: NTLM after a Kerberos token that the server cannot use', async () => {
    const kerberos = fake('Kerberos', OID.KERBEROS);
    const credential = await createNegotiatePackage({ mechanisms: [kerberos, ntlmMechanism] }).acquire({
      use: SECPKG_CRED.OUTBOUND,
      authData: ALICE,
      host: systemHost,
    });
    const initiator = credential.initiate({ flags: CONFIDENTIAL });
    const acceptor = (await serverCredential()).accept({ flags: 0 });
    const { tokens } = await converse(initiator, acceptor);
    expect(tokens.map(({ token }) => describeSpnego(token))).toEqual([
      'NegTokenInit [Kerberos, NTLM] {18 octets}',
      'NegTokenResp request-mic [NTLM]',
      'NegTokenResp accept-incomplete {NTLM NEGOTIATE}',
      'NegTokenResp accept-incomplete {NTLM CHALLENGE}',
      'NegTokenResp accept-incomplete {NTLM AUTHENTICATE}, mechListMIC',
      'NegTokenResp accept-completed, mechListMIC',
    ]);
    expect(sequenceOf(protectionOf(initiator).wrap(ascii('x')))).toBe(1);
  });

  test('S8: a wrong password is rejected, and both learn of it', async () => {
    const initiator = (await clientCredential({ ...ALICE, password: 'wrong' })).initiate({ flags: 0 });
    const acceptor = (await serverCredential()).accept({ flags: 0 });
    const { tokens, initiatorError, acceptorError } = await converse(initiator, acceptor);
    expect(acceptorError?.code).toBe('LOGON_DENIED');
    expect(describeSpnego(tokens.at(-1)?.token ?? new Uint8Array(0))).toBe('NegTokenResp reject');
    expect(initiatorError?.status).toBe(SEC_E.LOGON_DENIED);
  });

  test('S6: integrity is asked for even when the caller does not, for the MIC', async () => {
    const initiator = (await clientCredential()).initiate({ flags: 0 });
    const acceptor = (await serverCredential()).accept({ flags: 0 });
    await converse(initiator, acceptor);
    expect(protectionOf(initiator).integrity).toBe(true);
    expect(protectionOf(initiator).confidentiality).toBe(false);
  });

  test('S6: where integrity is ruled out there are no MICs and the context is established', async () => {
    const initiator = (await clientCredential()).initiate({ flags: ISC_REQ.NO_INTEGRITY });
    const acceptor = (await serverCredential()).accept({ flags: 0 });
    const { tokens } = await converse(initiator, acceptor);
    expect(describeSpnego(tokens.at(-1)?.token ?? new Uint8Array(0))).toBe('NegTokenResp accept-completed');
    expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
  });

  test('N18: anonymous clients have no key, and so no MIC', async () => {
    const credential = await clientCredential({ kind: 'anonymous' });
    const server = await negotiatePackage.acquire({
      use: SECPKG_CRED.INBOUND,
      authData: { kind: 'acceptor', accounts, allowAnonymous: true },
      host: systemHost,
    });
    const [initiator, acceptor] = [credential.initiate({ flags: 0 }), server.accept({ flags: 0 })];
    await converse(initiator, acceptor);
    expect([initiator.state, acceptor.state]).toEqual(['established', 'established']);
    expect(acceptor.query('ACCESS_TOKEN').anonymous).toBe(true);
  });

  test('S6: the caller may use his buffers again between the steps', async () => {
    const { initiator, acceptor } = await pair();
    const say = async (context: NegotiateContext, input?: Uint8Array): Promise<Uint8Array> => {
      const received = Buffer.from(input ?? []); // whose `slice` does not copy
      const step = await context.step(received);
      received.fill(0xaa);
      if (!('token' in step)) throw new TypeError('no token');
      const sent = step.token.slice();
      step.token.fill(0x55);
      return sent;
    };
    const four = await say(acceptor, await say(initiator, await say(acceptor, await say(initiator))));
    expect((await initiator.step(four)).status).toBe(SEC_E.OK);
    exchangeMessages(initiator, acceptor);
  });
});

describe('NTLM without SPNEGO', () => {
  test('S9, X23: is answered in kind', async () => {
    const credential = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: ALICE, host: systemHost });
    const initiator = credential.initiate({ flags: CONFIDENTIAL });
    const acceptor = (await serverCredential()).accept({ flags: 0 });
    const { tokens } = await converse(initiator, acceptor);
    expect(tokens.map(({ token }) => describeSpnego(token))).toEqual([
      'NTLM NEGOTIATE',
      'NTLM CHALLENGE',
      'NTLM AUTHENTICATE',
    ]);
    expect(acceptor.state).toBe('established');
    expect(acceptor.query('NEGOTIATION_INFO')).toMatchObject({ state: SECPKG_NEGOTIATION.DIRECT });
    expect(acceptor.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
    const sealed = protectionOf(initiator).wrap(ascii('pubKeyAuth'));
    expect(sequenceOf(sealed)).toBe(0);
    expect(protectionOf(acceptor).unwrap(sealed)).toEqual(ascii('pubKeyAuth'));
  });

  test('S9: the same behind a hint', async () => {
    const credential = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: ALICE, host: systemHost });
    const acceptor = (await serverCredential()).accept({ flags: 0 });
    const hint = await tokenOf(acceptor);
    expect(decodeNegTokenInit(hint).mechTypes).toEqual([OID.NTLM]);
    expect(describeSpnego(await tokenOf(acceptor, await tokenOf(credential.initiate({ flags: 0 }))))).toBe(
      'NTLM CHALLENGE',
    );
  });

  test('S9: a wrong password ends it without a SPNEGO message', async () => {
    const authData = { ...ALICE, password: 'wrong' };
    const credential = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: systemHost });
    const acceptor = (await serverCredential()).accept({ flags: 0 });
    const { acceptorError } = await converse(credential.initiate({ flags: 0 }), acceptor);
    expect(acceptorError?.code).toBe('LOGON_DENIED');
    expect(acceptorError?.token).toBeUndefined();
  });

  test('S9, A21: NTLM that is not allowed is not spoken bare either', async () => {
    const acceptor = (await serverCredential([fake('Alpha', ALPHA)])).accept({ flags: 0 });
    const failure = await failureOf(
      acceptor,
      hex('4e544c4d5353500001000000b78208e20000000000000000000000000000000000'),
    );
    expect(failure.code).toBe('NO_COMMON_MECHANISM');
  });

  test('S9: bare Kerberos goes to the mechanism of that name', async () => {
    const apReq = hex('6e820100');
    const without = (await serverCredential()).accept({ flags: 0 });
    expect((await failureOf(without, apReq)).code).toBe('NO_COMMON_MECHANISM');
    const kerberos = fake('Kerberos', OID.KERBEROS);
    const acceptor = (await serverCredential([kerberos, ntlmMechanism])).accept({ flags: 0 });
    const failure = await failureOf(acceptor, apReq);
    expect(failure.stage).toBe('Kerberos'); // the fake knows no AP-REQ, but it was asked
    expect(acceptor.inner?.info.name).toBe('Kerberos');
  });
});

describe('MICs of real peers', () => {
  const capture = vectorCases('spnego', 'capture').find(({ name }) => name === 'gssapi_negotiate_ntlm_fallback');
  const tokens = ((capture?.['tokens'] ?? []) as string[]).map(hex);
  const [offer, , , , challenge, authenticate, completed] = tokens;
  if (!offer || !challenge || !authenticate || !completed) throw new TypeError('the recording is incomplete');

  /** The keys of the recording, from the password that its document gives. */
  function protectionOfRecording(side: 'client' | 'server'): NtlmMessageSecurity {
    const message = decodeNegTokenResp(authenticate ?? new Uint8Array(0)).responseToken ?? new Uint8Array(0);
    const { user, domain, ntResponse, flags, encryptedRandomSessionKey } = decodeAuthenticate(message);
    const key = ntowfV2(ntowfV1(Uint8Array.from(Buffer.from('VagrantPass1', 'utf16le'))), user, domain);
    if (ntResponse.kind !== 'ntlm-v2') throw new TypeError('not NTLMv2');
    const exportedSessionKey = rc4k(sessionBaseKeyV2(key, ntResponse.proof), encryptedRandomSessionKey);
    return new NtlmMessageSecurity({ flags, exportedSessionKey, side });
  }

  test('S6, S7: GSS-NTLMSSP under MIT SPNEGO: both MICs are over the list of the first message', () => {
    const { mechTypeList } = decodeNegTokenInit(offer);
    const clientMic = decodeNegTokenResp(authenticate).mechListMIC ?? new Uint8Array(0);
    const serverMic = decodeNegTokenResp(completed).mechListMIC ?? new Uint8Array(0);
    const [client, server] = [protectionOfRecording('client'), protectionOfRecording('server')];
    server.verify(mechTypeList, clientMic);
    client.verify(mechTypeList, serverMic);
    expect(toHex(client.sign(mechTypeList))).toBe(toHex(clientMic));
    expect(toHex(server.sign(mechTypeList))).toBe(toHex(serverMic));
  });
});

describe('MICs that are published', () => {
  test('V20g, S7: the MICs over [NTLM] under a fixed key, and the numbers after them', () => {
    const cases = vectorCases('credssp-sealed-exchanges').filter((one) => 'mech_list_mic' in one);
    expect(cases.length).toBeGreaterThan(0);
    for (const one of cases) {
      const exportedSessionKey = octets(one, 'exported_session_key');
      const flags = one['flags'];
      if (typeof flags !== 'number') throw new TypeError('flags');
      const list = encodeMechTypeList([OID.NTLM]);
      expect(toHex(list)).toBe(text(one, 'mech_type_list'));
      const mics = record(one, 'mech_list_mic');
      for (const side of ['client', 'server'] as const) {
        const protection = new NtlmMessageSecurity({ flags, exportedSessionKey, side });
        expect(toHex(protection.sign(list))).toBe(text(mics, side));
        protection.restart('sent');
        expect(sequenceOf(protection.wrap(ascii('x')))).toBe(1);
      }
    }
  });
});

test('S6: an NTLM client without a MIC in AUTHENTICATE sends no mechListMIC', async () => {
  // A server of old: its CHALLENGE has no MsvAvTimestamp, so there is no MIC in the AUTHENTICATE ([MS-SPNG] note 8).
  const initiator = (await clientCredential()).initiate({ flags: 0 });
  await tokenOf(initiator);
  const challenge = hex(`4e544c4d53535000 02000000 0000 0000 38000000 158289e2 0102030405060708 0000000000000000
    1000 1000 38000000 0a0063450000000f 02000200 4100 01000200 4200 00000000`);
  const reply = encodeNegTokenResp({ negState: 1, supportedMech: OID.NTLM, responseToken: challenge });
  const step = await initiator.step(reply);
  if (!('token' in step)) throw new TypeError('no token');
  expect(step.status).toBe(SEC_I.CONTINUE_NEEDED);
  expect(describeSpnego(step.token)).toBe('NegTokenResp accept-incomplete {NTLM AUTHENTICATE}');
  expect((await initiator.step(encodeNegTokenResp({ negState: 0 }))).status).toBe(SEC_E.OK);
});
