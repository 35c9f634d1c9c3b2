/** Faults of other CredSSP implementations, docs/faults.md Z1-Z11, Z44, Z47-Z49: what broke them, done to us. */
import { createHash, createPrivateKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import {
  bindingProof,
  credsspAcceptor,
  credsspInitiator,
  decodeTSRequest,
  encodeTSRequest,
  keyPlusOne,
  type TSRequest,
} from '../../src/credssp/index.ts';
import {
  ASC_REQ,
  type CredSspOptions,
  ISC_REQ,
  NTSTATUS,
  SEC_E,
  SEC_I,
  SECPKG_CRED,
  Secret,
  type SecurityContext,
  SspiError,
  schannelPackage,
  systemHost,
} from '../../src/index.ts';
import { decodeNegTokenResp, encodeNegTokenResp, negotiatePackage } from '../../src/negotiate/index.ts';
import { NtlmMessageSecurity, ntlmPackage } from '../../src/ntlm/index.ts';
import { subjectPublicKey } from '../../src/schannel/index.ts';
import { accept, desc, initiate, named } from '../api/door.ts';
import { ACCEPTOR, established, IDENTITY, inbound, PASSWORD, TARGET, table } from '../contract/support.ts';
import { failure } from '../ntlm/support.ts';
import { connect, der, pem, selfSigned, stepped, streamOf } from '../schannel/support.ts';
import * as credssp from '../support/credssp.ts';
import { converse, type Outcome } from '../support/loop.ts';
import { hex, octets, text, vectorCases } from '../support/vectors.ts';

const PUBLIC_KEY = hex('3082010a0282010100c0ffee');
const PROTECTED = ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY;
const PROTECTED_SERVER = ASC_REQ.INTEGRITY | ASC_REQ.CONFIDENTIALITY;
const OLD = { maxVersion: 4, minVersion: 2 } as const;

interface Given {
  readonly inner?: typeof ntlmPackage;
  readonly client?: CredSspOptions;
  readonly server?: CredSspOptions;
  readonly key?: Uint8Array;
  readonly password?: string;
  readonly user?: string;
  readonly delegated?: string;
  readonly maxToken?: number;
  /** What the server's mechanism insists on. */
  readonly serverFlags?: number;
}

/** Both engines on bare TSRequests. */
async function engines(given: Given = {}): Promise<{ client: SecurityContext; server: SecurityContext }> {
  const { inner = ntlmPackage, client = {}, server = {}, key = PUBLIC_KEY, delegated = PASSWORD, maxToken } = given;
  const limits = maxToken === undefined ? undefined : { maxToken };
  return {
    client: credsspInitiator({
      publicKey: key,
      mechanism: await mechanismOf(given),
      credentials: { kind: 'password', domain: 'EXAMPLE', user: 'alice', password: Secret.fromText(delegated) },
      serverCertificateTrusted: false,
      targetName: TARGET,
      flags: ISC_REQ.DELEGATE,
      options: client,
      limits,
    }),
    server: credsspAcceptor({
      publicKey: key,
      mechanism: (await inner.acquire({ use: SECPKG_CRED.INBOUND, authData: ACCEPTOR, host: systemHost })).accept({
        flags: given.serverFlags ?? PROTECTED_SERVER,
      }),
      flags: 0,
      options: server,
      limits,
    }),
  };
}

/** The client's mechanism alone, for clients made by hand. */
async function mechanismOf({ inner = ntlmPackage, password = PASSWORD, user = 'alice' }: Given, flags = PROTECTED) {
  const authData = { ...IDENTITY, password, user };
  const credential = await inner.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: systemHost });
  return credential.initiate({ flags, targetName: TARGET });
}

/** The conversation with one TSRequest changed on its way: 0 NEGOTIATE, 1 CHALLENGE, 2 and 3 the proofs, 4 credentials. */
async function changed(given: Given, at: number, change: (request: TSRequest) => TSRequest) {
  const { client, server } = await engines(given);
  const outcome = await converse(client, server, (_, token, index) =>
    index === at ? encodeTSRequest(change(decodeTSRequest(token))) : token,
  );
  return { ...outcome, client, server, delegated: outcome.tokens.some(carriesCredentials) };
}

const carriesCredentials = ({ token }: { readonly token: Uint8Array }): boolean =>
  decodeTSRequest(token).authInfo !== undefined;

/** One TSRequest in, one out. */
async function answerOf(context: SecurityContext, request: TSRequest): Promise<TSRequest> {
  return decodeTSRequest((await stepped(context, encodeTSRequest(request))).token);
}

test('Z1: whoever relays TLS with a key of his own gets neither proof nor password, in any version', async () => {
  for (const version of [2, 3, 4, 5, 6]) {
    const options = { maxVersion: version, minVersion: 2 };
    const { client } = await engines({ client: options, key: hex('3082010a0282010100bad0') });
    const { server } = await engines({ server: options });
    const { acceptorError, tokens } = await converse(client, server);
    expect([version, acceptorError?.code]).toEqual([version, 'PUBLIC_KEY_MISMATCH']);
    expect(tokens.some(carriesCredentials)).toBe(false);
  }
});

describe('Z1: nor does a server that logs people on, and seals what is no proof of this key', () => {
  // [MS-CSSP] 3.1.5, by another hand.
  const hash = (direction: string, nonce: Uint8Array, key = PUBLIC_KEY): Uint8Array =>
    new Uint8Array(
      createHash('sha256').update(`CredSSP ${direction} Binding Hash\0`).update(nonce).update(key).digest(),
    );
  const proofs: readonly [string, 'refused' | 'taken', (nonce: Uint8Array) => Uint8Array][] = [
    ['of the key that somebody in between has', 'refused', (nonce) => hash('Server-To-Client', nonce, hex('c0ffee'))],
    ['for another nonce', 'refused', () => hash('Server-To-Client', new Uint8Array(32))],
    ['of the other direction', 'refused', (nonce) => hash('Client-To-Server', nonce)],
    ['without its last octet', 'refused', (nonce) => hash('Server-To-Client', nonce).slice(0, 31)],
    ['of no octets', 'refused', () => hex('')],
    ['that is the key plus one, as in versions 2 to 4', 'refused', () => keyPlusOne(PUBLIC_KEY)],
    ['as it has to be', 'taken', (nonce) => hash('Server-To-Client', nonce)],
  ];

  test.each(proofs)('Z1: a proof %s is %s', async (_, outcome, proof) => {
    const { client } = await engines();
    const credential = await ntlmPackage.acquire({ use: SECPKG_CRED.INBOUND, authData: ACCEPTOR, host: systemHost });
    const mechanism = credential.accept({ flags: PROTECTED_SERVER });
    const first = decodeTSRequest((await stepped(client)).token);
    const challenge = (await stepped(mechanism, first.negoTokens?.[0]?.negoToken)).token;
    const { negoTokens, clientNonce = hex('') } = await answerOf(client, {
      version: 6,
      negoTokens: [{ negoToken: challenge }],
    });
    await stepped(mechanism, negoTokens?.[0]?.negoToken);
    const { messages } = mechanism;
    if (messages.kind !== 'token') throw new TypeError(messages.kind);
    const last = client.step(encodeTSRequest({ version: 6, pubKeyAuth: messages.wrap(proof(clientNonce)) }));
    if (outcome === 'taken') {
      const step = await last;
      expect('token' in step && carriesCredentials(step)).toBe(true);
      return;
    }
    const error = await failure(last);
    expect(error).toMatchObject({ code: 'PUBLIC_KEY_MISMATCH', status: SEC_E.MESSAGE_ALTERED });
    expect(error.token).toBeUndefined();
    expect(client.state).toBe('failed');
  });
});

describe('Z2: the form of the proof', () => {
  test('Z2: a nonce in a message of version 4 does not make it a hash, and its lack in version 6 no echo', async () => {
    const withNonce = await changed({ client: OLD, server: OLD }, 2, (request) => ({
      ...request,
      clientNonce: new Uint8Array(32),
    }));
    expect([withNonce.acceptorError, withNonce.initiatorError]).toEqual([undefined, undefined]);
    const without = await changed({}, 2, ({ clientNonce, ...request }) => request);
    expect(without.acceptorError).toMatchObject({ code: 'NONCE_INVALID', status: SEC_E.INVALID_TOKEN });
    expect(without.delegated).toBe(false);
  });

  test.each([0, 31, 33])('Z2: a nonce of %i octets is SEC_E_INVALID_TOKEN', async (length) => {
    const { acceptorError } = await changed({}, 2, (request) => ({ ...request, clientNonce: new Uint8Array(length) }));
    expect(acceptorError?.status).toBe(SEC_E.INVALID_TOKEN);
  });

  test.each([
    ['the client’s proof', 2, 'acceptorError'],
    ['the server’s proof', 3, 'initiatorError'],
    ['the credentials', 4, 'acceptorError'],
  ] as const)('Z2: another version with %s', async (_, at, side) => {
    for (const version of [2, 4, 5, 7]) {
      const outcome = await changed({ client: { minVersion: 2 }, server: { minVersion: 2 } }, at, (request) => ({
        ...request,
        version,
      }));
      expect(outcome[side]?.code).toBe('VERSION_CHANGED');
    }
  });

  test('Z2: more than 6 is 6', async () => {
    const { client, server } = await engines();
    const { initiatorError, acceptorError } = await converse(client, server, (_, token) =>
      encodeTSRequest({ ...decodeTSRequest(token), version: 99 }),
    );
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
  });
});

describe('Z3: reflection', () => {
  test('Z3: neither an echo nor a hash of the client’s is taken for the server’s', async () => {
    for (const options of [OLD, { maxVersion: 6 }]) {
      const { client, server } = await engines({ client: options, server: options });
      let own: Uint8Array | undefined;
      const { initiatorError, tokens } = await converse(client, server, (from, token) => {
        const request = decodeTSRequest(token);
        if (from === 'initiator') own = request.pubKeyAuth ?? own;
        return from === 'acceptor' && own !== undefined ? encodeTSRequest({ ...request, pubKeyAuth: own }) : token;
      });
      expect(initiatorError?.status).toBe(SEC_E.MESSAGE_ALTERED);
      expect(tokens.some(carriesCredentials)).toBe(false);
    }
  });

  test('Z3: the server starts from the key, with a carry over 0xFF, where others crash or answer zeros', async () => {
    // By hand: a number in little-endian order, plus one.
    expect(keyPlusOne(hex('ffff7f'))).toEqual(hex('000080'));
    expect(keyPlusOne(hex('ff'))).toEqual(hex('00'));
    const key = hex('ffffff0102030405');
    expect(bindingProof('serverToClient', 4, hex(''), key)).toEqual(hex('0000000202030405'));
    const { client, server } = await engines({ client: OLD, server: OLD, key });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
  });
});

describe('Z4: nothing is believed before authentication is over', () => {
  test('Z4: a proof, or credentials, before the mechanism is through', async () => {
    const early = await changed({}, 0, (request) => ({ ...request, pubKeyAuth: new Uint8Array(48) }));
    expect(early.acceptorError?.code).toBe('UNEXPECTED_MESSAGE');
    const credentials = await changed({}, 2, ({ pubKeyAuth, ...request }) => ({ ...request, authInfo: pubKeyAuth }));
    expect(credentials.acceptorError?.code).toBe('UNEXPECTED_MESSAGE');
    for (const { server } of [early, credentials]) expect(() => server.query('CREDS')).toThrow(SspiError);
  });

  test.each([
    // The last octets of the client's NegTokenResp are its mechListMIC.
    ['changed', 'MECH_LIST_MIC_INVALID', (token: Uint8Array) => token.with(-1, (token.at(-1) ?? 0) ^ 1)],
    [
      'gone',
      'MECH_LIST_MIC_MISSING',
      (token: Uint8Array) => encodeNegTokenResp({ ...decodeNegTokenResp(token), mechListMIC: undefined }),
    ],
  ] as const)('Z4: with SPNEGO the proof is not opened when the mechListMIC is %s', async (_, code, change) => {
    const unwrap = vi.spyOn(NtlmMessageSecurity.prototype, 'unwrap');
    try {
      const { acceptorError, delegated } = await changed({ inner: negotiatePackage }, 2, (request) => ({
        ...request,
        negoTokens: request.negoTokens?.map(({ negoToken }) => ({ negoToken: change(negoToken) })),
      }));
      expect(acceptorError).toMatchObject({ code, status: SEC_E.MESSAGE_ALTERED });
      expect(delegated).toBe(false);
      expect(unwrap).not.toHaveBeenCalled();
      // With the MIC that was sent: both proofs and the credentials.
      await changed({ inner: negotiatePackage }, 2, (request) => request);
      expect(unwrap).toHaveBeenCalledTimes(3);
    } finally {
      unwrap.mockRestore();
    }
  });

  test.each([
    ['integrity only', ISC_REQ.INTEGRITY],
    ['nothing', 0],
  ])('Z4: a client whose mechanism offers %s, where the server’s would do with that', async (_, flags) => {
    const mechanism = await mechanismOf({}, flags);
    const { server } = await engines({ serverFlags: 0 });
    const first = await answerOf(server, { version: 6, negoTokens: [{ negoToken: (await stepped(mechanism)).token }] });
    const { token } = await stepped(mechanism, first.negoTokens?.[0]?.negoToken);
    expect(mechanism.state).toBe('established');
    const proof = { pubKeyAuth: new Uint8Array(48), clientNonce: new Uint8Array(32) };
    const request = encodeTSRequest({ version: 6, negoTokens: [{ negoToken: token }], ...proof });
    expect((await failure(server.step(request))).code).toBe('INNER_PROTECTION_MISSING');
    expect(server.state).toBe('failed');
  });
});

describe('Z5: where the last answer of the mechanism may be', () => {
  test('Z5: with the proof: the server’s mechListMIC and its proof in one message', async () => {
    const { client, server } = await engines({ inner: negotiatePackage });
    const { tokens } = await converse(client, server);
    expect([client.state, server.state]).toEqual(['established', 'established']);
    expect(Object.keys(decodeTSRequest(tokens[3]?.token ?? hex('')))).toEqual(
      expect.arrayContaining(['negoTokens', 'pubKeyAuth']),
    );
  });

  test('Z5: before the proof: a client that waits for the mechListMIC first', async () => {
    const { client, server } = await engines({ inner: negotiatePackage });
    const challenge = (await stepped(server, (await stepped(client)).token)).token;
    const { version, negoTokens, pubKeyAuth, clientNonce } = decodeTSRequest((await stepped(client, challenge)).token);
    const mic = await answerOf(server, { version, negoTokens });
    expect(Object.keys(mic).sort()).toEqual(['negoTokens', 'version']);
    const proof = await answerOf(server, { version, pubKeyAuth, clientNonce });
    const last = await stepped(client, encodeTSRequest({ ...proof, negoTokens: mic.negoTokens }));
    await stepped(server, last.token);
    expect([client.state, server.state]).toEqual(['established', 'established']);
  });

  test('Z5: before the proof: a server that sends its mechListMIC first', async () => {
    const { client, server } = await engines({ inner: negotiatePackage });
    const challenge = (await stepped(server, (await stepped(client)).token)).token;
    const both = await stepped(server, (await stepped(client, challenge)).token);
    const { version, negoTokens, pubKeyAuth } = decodeTSRequest(both.token);
    const silent = await stepped(client, encodeTSRequest({ version, negoTokens }));
    expect([silent.status, silent.token.length]).toEqual([SEC_I.CONTINUE_NEEDED, 0]);
    const last = await stepped(client, encodeTSRequest({ version, pubKeyAuth }));
    await stepped(server, last.token);
    expect([client.state, server.state]).toEqual(['established', 'established']);
  });

  test('Z5: NTLM without SPNEGO around it', async () => {
    const { client, server } = await engines();
    const { tokens } = await converse(client, server);
    expect([client.state, server.state]).toEqual(['established', 'established']);
    const [{ negoToken = hex('') } = {}] = decodeTSRequest(tokens[0]?.token ?? hex('')).negoTokens ?? [];
    expect(Buffer.from(negoToken.subarray(0, 8)).toString('latin1')).toBe('NTLMSSP\0');
  });
});

describe('Z6: TSRequests that made others raise whatever came', () => {
  const malformed: readonly [string, Uint8Array][] = [
    ...vectorCases('credssp', 'INVALID.TSRequest')
      .filter((one) => text(one, 'name') !== 'non-minimal length')
      .map((one): [string, Uint8Array] => [text(one, 'name'), octets(one, 'hex')]),
    ['4 GiB', hex('3084ffffffff a003020106')],
    ['nothing in it', hex('3000')],
    ['negoTokens that are an OCTET STRING', hex('300ba003020106a1040402 4142')],
    ['an element without negoToken', hex('300ba003020106a10430023000')],
  ];

  test.each(malformed)('Z6: %s', async (_, request) => {
    for (const side of ['client', 'server'] as const) {
      const { [side]: context } = await engines();
      if (side === 'client') await stepped(context);
      const error = await failure(context.step(request));
      expect(error.code).toMatch(/^(MALFORMED_TOKEN|TOKEN_TOO_LARGE|NONCE_INVALID)$/);
      expect(context.state).toBe('failed');
    }
  });

  // Each of them has a pubKeyAuth, [3] "x": without what is wrong it would be read.
  test.each([
    [
      'a version of 9 octets',
      '3012 a00b0209010000000000000000 a303040178',
      'MALFORMED_TOKEN',
      /version: INTEGER of 9 octets/,
    ],
    ['a version of no octets', '3009 a0020200 a303040178', 'MALFORMED_TOKEN', /version: INTEGER without octets/],
    ['two versions', '300f a003020106 a003020106 a303040178', 'MALFORMED_TOKEN', /\[0\] is .*repeated/],
    ['a nonce of 31 octets', `302d a003020106 a303040178 a521041f${'01'.repeat(31)}`, 'NONCE_INVALID', /31 octets/],
    ['an indefinite length', '3080 a003020106 a303040178 0000', 'MALFORMED_TOKEN', /^indefinite length/],
    ['an indefinite length inside', '300c a0800201060000 a303040178', 'MALFORMED_TOKEN', /version: indefinite length/],
  ] as const)('Z6: %s is the reason, where all else is right', async (_, request, code, detail) => {
    const { server } = await engines();
    const error = await failure(server.step(hex(request)));
    expect(error).toMatchObject({ code, detail: expect.stringMatching(detail) });
  });

  test('Z6: the same without anything wrong is read, and only comes too early', async () => {
    const { server } = await engines();
    expect((await failure(server.step(hex('300a a003020106 a303040178')))).code).toBe('UNEXPECTED_MESSAGE');
  });

  test('Z6: pubKeyAuth first', async () => {
    const { server } = await engines();
    const request = { version: 6, pubKeyAuth: new Uint8Array(48), clientNonce: new Uint8Array(32) };
    expect((await failure(server.step(encodeTSRequest(request)))).code).toBe('UNEXPECTED_MESSAGE');
  });
});

describe('Z7: errorCode', () => {
  test.each([2, 3, 4, 5, 6])('Z7: version %i is told only what it can read', async (version) => {
    const given = { client: { maxVersion: version, minVersion: 2 }, server: { minVersion: 2 }, password: 'wrong' };
    const { client, server } = await engines(given);
    const { tokens, initiatorError } = await converse(client, server);
    const said = tokens.flatMap(({ token }) => decodeTSRequest(token).errorCode ?? []);
    // [MS-CSSP] 2.2.1: versions 3, 4 and 6; STATUS_LOGON_FAILURE.
    expect(said).toEqual(version === 2 || version === 5 ? [] : [0xc000006d | 0]);
    expect(initiatorError?.ntStatus).toBe(said.length === 0 ? undefined : 0xc000006d);
  });

  test('Z7: an unknown user and a wrong password look the same to the client, and not to the server', async () => {
    const outcomes: Outcome[] = [];
    for (const given of [{ password: 'wrong' }, { user: 'nobody' }]) {
      const { client, server } = await engines(given);
      outcomes.push(await converse(client, server));
    }
    const [wrong, unknown] = outcomes;
    expect(unknown?.tokens.at(-1)?.token).toEqual(wrong?.tokens.at(-1)?.token);
    expect(unknown?.initiatorError?.status).toBe(wrong?.initiatorError?.status);
    for (const { acceptorError } of outcomes)
      expect(acceptorError).toMatchObject({ code: 'LOGON_DENIED', ntStatus: NTSTATUS.LOGON_FAILURE });
    // What a server passes on to its client is the same; what it keeps in its log is not.
    expect(unknown?.acceptorError?.message).toBe(wrong?.acceptorError?.message);
    const causes = outcomes.map(({ acceptorError }) =>
      acceptorError?.cause instanceof Error ? acceptorError.cause.message : '',
    );
    expect(causes).toEqual(['it has another password', 'there is no such account']);
  });
});

/** A client made by hand: TLS of ours, and TSRequests as a test wants them, against the package with everything in it. */
async function overTls(protocols = 0) {
  const server = (await credssp.inbound({ certificate: credssp.certificates.rsa, protocols })).accept({ flags: 0 });
  const credential = await schannelPackage.acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: { kind: 'schannel', enabledProtocols: protocols },
    host: systemHost,
  });
  const tls = credential.initiate({ flags: ISC_REQ.MANUAL_CRED_VALIDATION });
  return { server, tls };
}

const FIRST = async (): Promise<Uint8Array> => {
  const negotiate = (await stepped(await mechanismOf({}))).token;
  return encodeTSRequest({ version: 6, negoTokens: [{ negoToken: negotiate }] });
};

/** TSRequests in the records of an answer. */
async function requestsIn(tls: SecurityContext, records: Uint8Array): Promise<TSRequest[]> {
  const parts: Uint8Array[] = [];
  for (let rest = records; rest.length > 0; ) {
    const record = await streamOf(tls).decrypt(rest);
    if (record.kind !== 'data') throw new TypeError(record.kind);
    if (record.plaintext.length > 0) parts.push(record.plaintext.slice());
    rest = rest.subarray(record.consumed);
  }
  return parts.map((part) => decodeTSRequest(part));
}

describe('Z8: TSRequests and TLS records', () => {
  test('Z8: a TSRequest in records of a few octets, and the octets of records in calls of their own', async () => {
    const { server, tls } = await overTls(credssp.TLS_1_3);
    await connect(tls, server);
    const request = await FIRST();
    let answer = hex('');
    for (let at = 0; at < request.length; at += 7) {
      const record = await streamOf(tls).encrypt(request.slice(at, at + 7));
      const step = await stepped(server, record);
      expect(step.status).toBe(SEC_I.CONTINUE_NEEDED);
      answer = Uint8Array.from([...answer, ...step.token]);
    }
    const replies = await requestsIn(tls, answer);
    expect(replies.map(({ negoTokens }) => negoTokens?.length)).toEqual([1]);
  });

  test('Z8: two in one record are two', async () => {
    const { server, tls } = await overTls(credssp.TLS_1_3);
    await connect(tls, server);
    // Honest clients that have two are in credssp/records. Here the second begins anew, which the server does not take.
    const request = await FIRST();
    const error = await failure(server.step(await streamOf(tls).encrypt(Uint8Array.from([...request, ...request]))));
    expect(error).toMatchObject({ code: 'MESSAGE_OUT_OF_ORDER', status: SEC_E.OUT_OF_SEQUENCE });
    const replies = await requestsIn(tls, error.token ?? hex(''));
    expect(replies.map((reply) => Object.keys(reply).sort())).toEqual([
      ['negoTokens', 'version'],
      ['errorCode', 'version'],
    ]);
  });

  test('Z8: a TSRequest above 64 KiB is refused by its header', async () => {
    const { server, tls } = await overTls(credssp.TLS_1_3);
    await connect(tls, server);
    const error = await failure(server.step(await streamOf(tls).encrypt(hex('308300fffe a003020106'))));
    expect(error.code).toBe('TOKEN_TOO_LARGE');
  });
});

test('Z9: a TLS 1.3 server answers when the handshake leaves it nothing to send', async () => {
  const { server, tls } = await overTls(credssp.TLS_1_3);
  const flight = (await stepped(server, (await stepped(tls)).token)).token;
  const finished = (await stepped(tls, flight)).token;
  // Finished alone: the server waits for a TSRequest, and says so.
  const waiting = await stepped(server, finished);
  expect(waiting).toMatchObject({ status: SEC_I.CONTINUE_NEEDED, consumed: finished.length });
  expect(await requestsIn(tls, waiting.token)).toEqual([]);
  const answer = await stepped(server, await streamOf(tls).encrypt(await FIRST()));
  expect(await requestsIn(tls, answer.token)).toHaveLength(1);
  // Finished and the TSRequest in one call: the answer to both.
  const other = await overTls(credssp.TLS_1_3);
  const second = (await stepped(other.server, (await stepped(other.tls)).token)).token;
  const last = (await stepped(other.tls, second)).token;
  const request = await streamOf(other.tls).encrypt(await FIRST());
  const both = await stepped(other.server, Uint8Array.from([...last, ...request]));
  expect(both.consumed).toBe(last.length + request.length);
  expect(await requestsIn(other.tls, both.token)).toHaveLength(1);
});

describe('Z10: a message in the wrong state', () => {
  const misplaced: readonly [string, TSRequest][] = [
    ['credentials', { version: 6, authInfo: new Uint8Array(64) }],
    ['a proof', { version: 6, pubKeyAuth: new Uint8Array(64), clientNonce: new Uint8Array(32) }],
    ['an error code', { version: 6, errorCode: NTSTATUS.ACCESS_DENIED | 0 }],
  ];

  test.each(misplaced)('Z10: %s in place of any message', async (_, wrong) => {
    for (let at = 0; at < 5; at++) {
      const { initiatorError, acceptorError, client, server } = await changed({}, at, () => wrong);
      const error = at % 2 === 0 ? acceptorError : initiatorError;
      expect(error?.status).not.toBe(SEC_E.INTERNAL_ERROR);
      expect([at, (error?.status ?? 0) >>> 31]).toEqual([at, 1]);
      expect([client.state, server.state]).toContain('failed');
      // Nor does the side that failed go on with what would have been right.
      const broken = at % 2 === 0 ? server : client;
      expect((await failure(broken.step(await FIRST()))).code).toBe(error?.code);
    }
  });

  test('Z10: an error code of 0, which is no refusal, brings nobody further', async () => {
    for (let at = 0; at < 5; at++) {
      const { client, server, delegated } = await changed({}, at, () => ({ version: 6, errorCode: 0 }));
      expect([at, client.state === 'established', server.state, delegated]).toEqual([
        at,
        at === 4,
        at % 2 === 0 ? 'failed' : expect.stringMatching(/^(failed|negotiating)$/),
        at === 4,
      ]);
    }
  });

  test('Z10: through the door, a first call without a token and a call after the end', async () => {
    const sspi = table();
    const { client, server } = await established('CREDSSP', { sspi });
    expect(named((await initiate(sspi, { context: client, input: await FIRST() })).result)).toBe(
      'SEC_E_OUT_OF_SEQUENCE',
    );
    expect(named((await accept(sspi, { context: server, input: await FIRST() })).result)).toBe('SEC_E_OUT_OF_SEQUENCE');
    const credential = await inbound(sspi, 'CREDSSP');
    const { status, context } = await sspi.acceptSecurityContext({ credential, input: desc(), output: desc() });
    expect([named({ status }), context]).toEqual(['SEC_E_INVALID_TOKEN', null]);
  });
});

test('Z11: no function says SEC_E_OK for what it did not do', async () => {
  const sspi = table({ identityScope: undefined });
  for (const name of ['Schannel', 'CREDSSP'] as const) {
    const { client } = await established(name, { sspi });
    const message = desc();
    expect(named(await sspi.verifySignature({ context: client, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    expect(named(await sspi.makeSignature({ context: client, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  }
  const { server } = await established('NTLM', { sspi });
  expect(named(await sspi.impersonateSecurityContext({ context: server, run: () => 'as alice' }))).toBe(
    'SEC_E_UNSUPPORTED_FUNCTION',
  );
});

describe('Z44: the handshake signature is checked even where the certificate is the caller’s business', () => {
  /** A CREDSSP client that looks at no certificate, and the flight of a TLS 1.2 server: each message in a record of its own. */
  async function clientAndFlight(key: string) {
    const manual = ISC_REQ.DELEGATE | ISC_REQ.MANUAL_CRED_VALIDATION;
    const credential = await credssp.outbound({ protocols: credssp.TLS_1_2 });
    const client = credential.initiate({ flags: manual, targetName: TARGET });
    const hello = (await stepped(client)).token;
    const flightOf = async (certificate: string): Promise<Uint8Array[]> => {
      const settings = { certificate: selfSigned(certificate), protocols: credssp.TLS_1_2 };
      const server = (await credssp.inbound(settings)).accept({ flags: 0 });
      return recordsIn((await stepped(server, hello)).token);
    };
    return { client, flightOf, flight: await flightOf(key) };
  }

  /** RFC 5246 7.4: the type of the message that a record begins with. */
  const of = (type: number) => (record: Uint8Array) => record[5] === type;
  const [CERTIFICATE, SERVER_KEY_EXCHANGE] = [11, 12];

  async function assertRefused(client: SecurityContext, flight: readonly Uint8Array[]): Promise<void> {
    const error = await failure(client.step(Uint8Array.from(flight.flatMap((record) => [...record]))));
    expect(error.code).toBe('TLS_FAILED');
    // RFC 5246 7.2.2: decrypt_error (51), and nothing besides: no TSRequest.
    expect(error.token).toEqual(hex('15 0303 0002 0233'));
    expect(client.state).toBe('failed');
  }

  test.each(['rsa', 'ec'])('Z44: one bit of the signature is changed (%s)', async (key) => {
    const { client, flight } = await clientAndFlight(key);
    const at = flight.findIndex(of(SERVER_KEY_EXCHANGE));
    const record = flight[at] ?? hex('');
    await assertRefused(client, flight.with(at, record.with(-1, (record.at(-1) ?? 0) ^ 1)));
  });

  test('Z44: the certificate is that of another, whose key the server does not have', async () => {
    const { client, flight, flightOf } = await clientAndFlight('rsa');
    const genuine = (await flightOf('rsa-of-another')).find(of(CERTIFICATE)) ?? hex('');
    await assertRefused(client, flight.with(flight.findIndex(of(CERTIFICATE)), genuine));
  });

  test.each([
    ['TLS 1.2', credssp.TLS_1_2],
    ['TLS 1.3', credssp.TLS_1_3],
  ])('Z44: %s with the certificate of another and a key of its own', async (_, protocols) => {
    // The runtime compares no more of a key than its public half with the certificate: the private one is somebody else's.
    const halves = createPrivateKey(pem('ec.key')).export({ format: 'jwk' });
    const { d = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' });
    const own = createPrivateKey({ format: 'jwk', key: { ...halves, d } }).export({ format: 'pem', type: 'pkcs8' });
    const reached = async (privateKey: string) => {
      const settings = { certificate: { certificate: pem('ec.pem'), privateKey }, protocols };
      const server = (await credssp.inbound(settings)).accept({ flags: 0 });
      const manual = ISC_REQ.DELEGATE | ISC_REQ.MANUAL_CRED_VALIDATION;
      const client = (await credssp.outbound({ protocols })).initiate({ flags: manual, targetName: TARGET });
      return { client, server, flight: (await stepped(server, (await stepped(client)).token)).token };
    };
    const { client, server, flight } = await reached(own.toString());
    const error = await failure(client.step(flight));
    expect([error.code, client.state]).toEqual(['TLS_FAILED', 'failed']);
    // RFC 8446 6.2: decrypt_error (51), and nothing besides: no TSRequest.
    expect(recordsIn(error.token ?? hex(''))).toHaveLength(1);
    const told = await failure(server.step(error.token ?? hex('')));
    expect([told.code, told.detail]).toEqual(['TLS_ALERT', expect.stringContaining('(51)')]);
    // With the key of the certificate the client goes on.
    const honest = await reached(pem('ec.key'));
    expect((await stepped(honest.client, honest.flight)).status).toBe(SEC_I.CONTINUE_NEEDED);
  });

  test('Z44: the same flights as they were sent are answered', async () => {
    for (const key of ['rsa', 'ec', 'rsa-of-another']) {
      const { client, flight } = await clientAndFlight(key);
      const step = await stepped(client, Uint8Array.from(flight.flatMap((record) => [...record])));
      expect([step.status, step.token.length > 0]).toEqual([SEC_I.CONTINUE_NEEDED, true]);
    }
  });
});

/** TLS records, each with its header. */
function recordsIn(flight: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let rest = flight; rest.length > 0; ) {
    const end = 5 + ((rest[3] ?? 0) << 8) + (rest[4] ?? 0);
    records.push(rest.slice(0, end));
    rest = rest.subarray(end);
  }
  return records;
}

test('Z47: a pubKeyAuth of any length ends the exchange, and never the program', async () => {
  for (const at of [2, 3])
    for (let length = 0; length <= 48; length++) {
      const outcome = await changed({}, at, (request) => ({
        ...request,
        pubKeyAuth: Uint8Array.from(request.pubKeyAuth?.subarray(0, length === 48 ? 47 : length) ?? []),
      }));
      const error = at === 2 ? outcome.acceptorError : outcome.initiatorError;
      expect([length, error?.code]).toEqual([length, expect.stringMatching(/^(MALFORMED_TOKEN|MESSAGE_ALTERED)$/)]);
      expect(outcome.delegated).toBe(false);
    }
});

describe('Z48: TSRequests as the specification has them', () => {
  test.each([
    [2, 6],
    [6, 2],
    [3, 5],
    [6, 6],
  ])('Z48: a side of version %i writes its own, against %i too', async (own, peer) => {
    const { client, server } = await engines({
      client: { maxVersion: own, minVersion: 2 },
      server: { maxVersion: peer, minVersion: 2 },
    });
    const { tokens } = await converse(client, server);
    expect([client.state, server.state]).toEqual(['established', 'established']);
    for (const { from, token } of tokens)
      expect(decodeTSRequest(token).version).toBe(from === 'initiator' ? own : peer);
  });

  test.each([
    ['raw NTLM', ntlmPackage],
    ['SPNEGO', negotiatePackage],
  ])('Z48: the server adds 1 to the key under %s too', async (_, inner) => {
    const mechanism = await mechanismOf({ inner });
    const { server } = await engines({ inner, server: { minVersion: 2 } });
    const tokens = (token: Uint8Array) => (token.length === 0 ? {} : { negoTokens: [{ negoToken: token }] });
    let reply: TSRequest = await answerOf(server, { version: 4, ...tokens((await stepped(mechanism)).token) });
    const answer = await stepped(mechanism, reply.negoTokens?.[0]?.negoToken);
    reply = await answerOf(server, { version: 4, ...tokens(answer.token) }).catch(() => reply);
    if (mechanism.state !== 'established') await stepped(mechanism, reply.negoTokens?.[0]?.negoToken);
    const { messages } = mechanism;
    if (messages.kind !== 'token') throw new TypeError(messages.kind);
    reply = await answerOf(server, { version: 4, pubKeyAuth: messages.wrap(PUBLIC_KEY) });
    // By hand: the first octet of the key is 0x30.
    expect(messages.unwrap(reply.pubKeyAuth ?? hex(''))).toEqual(hex('3182010a0282010100c0ffee'));
  });

  test('Z48: the error code is an NTSTATUS, in the four octets of a signed INTEGER', async () => {
    const { client, server } = await engines({ password: 'wrong' });
    const { tokens } = await converse(client, server);
    expect(tokens.at(-1)?.token).toEqual(hex('300da003020106a40602 04c000006d'));
  });

  test('Z48: credentials of more than 65,535 octets', async () => {
    const delegated = 'ä'.repeat(40_000);
    const { client, server } = await engines({ delegated, maxToken: 98_304 });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    const { kind, ...rest } = server.query('CREDS');
    if (!('password' in rest)) throw new TypeError(kind);
    expect(Buffer.from(rest.password.reveal()).toString('utf16le')).toBe(delegated);
  });
});

test('Z49: the key of a certificate is the content of its BIT STRING, and that is what is hashed', () => {
  const jwk = (name: string) => new X509Certificate(pem(`${name}.pem`)).publicKey.export({ format: 'jwk' });
  const { x = '', y = '' } = jwk('ec');
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const rsa = new X509Certificate(pem('rsa.pem')).publicKey.export({ format: 'der', type: 'pkcs1' });
  const nonce = new Uint8Array(32).fill(7);
  for (const [name, key] of [
    ['ec', point],
    ['ed25519', Buffer.from(jwk('ed25519').x ?? '', 'base64url')],
    ['rsa', rsa],
  ] as const) {
    const own = subjectPublicKey(der(name));
    expect([name, Buffer.from(own)]).toEqual([name, key]);
    const hash = createHash('sha256')
      .update('CredSSP Client-To-Server Binding Hash\0')
      .update(nonce)
      .update(key)
      .digest();
    expect(Buffer.from(bindingProof('clientToServer', 6, nonce, own))).toEqual(hash);
  }
});
