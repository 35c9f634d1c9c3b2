/** The client's engine against servers that are written by hand: nothing that could hurt leaves too early, or at all. */
import { describe, expect, test } from 'vitest';
import {
  type CredSspFact,
  credsspInitiator,
  type InitiatorOptions,
  PERMISSIVE_DELEGATION_POLICY,
  type TSRequest,
} from '../../src/credssp/index.ts';
import type { Host } from '../../src/host/index.ts';
import { ISC_REQ, ISC_RET, SEC_E, Secret, type SecurityContext } from '../../src/sspi/index.ts';
import { failure } from '../ntlm/support.ts';
import { ask, KEY, opened, proofOf, type Script, Scripted, sealed, tokens } from './scripted.ts';

const ALWAYS =
  ISC_RET.REPLAY_DETECT |
  ISC_RET.SEQUENCE_DETECT |
  ISC_RET.CONFIDENTIALITY |
  ISC_RET.INTEGRITY |
  ISC_RET.MANUAL_CRED_VALIDATION;

function start(changes: Partial<InitiatorOptions> = {}, script: Script = { says: ['hello', 'proof'] }) {
  const mechanism = new Scripted(script);
  const facts: CredSspFact[] = [];
  const engine = credsspInitiator({
    publicKey: KEY,
    mechanism,
    credentials: { kind: 'password', domain: 'EXAMPLE', user: 'alice', password: Secret.fromText('AlicePass1!') },
    serverCertificateTrusted: false,
    targetName: 'TERMSRV/host.example.test',
    flags: ISC_REQ.DELEGATE,
    report: (fact) => facts.push(fact),
    ...changes,
  });
  return { engine, mechanism, facts };
}

/** The mechanism inside Negotiate, which is through as soon as the client has its last token. */
function inside(script: Partial<Script> = {}): Scripted {
  return new Scripted({ says: ['', ''], ...script });
}

/** Goes on until the client has sent its proof; gives that TSRequest. */
async function upToProof(engine: SecurityContext, version = 6): Promise<TSRequest> {
  await ask(engine);
  const request = await ask(engine, { version, negoTokens: tokens('challenge') });
  if (request?.pubKeyAuth === undefined) throw new TypeError('no proof');
  return request;
}

const answerTo = ({ clientNonce }: TSRequest, version = 6, key = KEY): TSRequest => ({
  version,
  pubKeyAuth: sealed(proofOf('Server-To-Client', clientNonce ?? new Uint8Array(0), key)),
});

/** [MS-CSSP] 2.2.1.2: password credentials with three empty strings. */
const NOTHING = '3017a003020101a110040e300ca0020400a1020400a2020400';

describe('the exchange', () => {
  test('X31, X17: tokens, then the proof with a nonce of 32 octets, then the credentials', async () => {
    const { engine, mechanism } = start();
    expect(await ask(engine)).toEqual({ version: 6, negoTokens: tokens('hello') });
    const proof = await ask(engine, { version: 6, negoTokens: tokens('challenge') });
    expect(proof?.negoTokens).toEqual(tokens('proof'));
    expect(proof?.clientNonce).toHaveLength(32);
    expect(opened(proof?.pubKeyAuth)).toEqual(proofOf('Client-To-Server', proof?.clientNonce ?? new Uint8Array(0)));
    expect(Object.keys(proof ?? {}).sort()).toEqual(['clientNonce', 'negoTokens', 'pubKeyAuth', 'version']);

    const last = await ask(engine, answerTo(proof ?? { version: 6 }));
    expect(Object.keys(last ?? {}).sort()).toEqual(['authInfo', 'version']);
    expect(Buffer.from(opened(last?.authInfo)).includes(Buffer.from('AlicePass1!', 'utf16le'))).toBe(true);
    expect(mechanism.heard).toEqual(['', 'challenge']);
    expect(engine.state).toBe('established');
  });

  test.each([2, 3, 4])('X31: version %i echoes the key, without a nonce', async (version) => {
    const { engine } = start({ options: { maxVersion: version } });
    const proof = await upToProof(engine, version);
    expect(proof.clientNonce).toBeUndefined();
    expect(opened(proof.pubKeyAuth)).toEqual(KEY);
    const sum = KEY.slice();
    sum[0] = (sum[0] ?? 0) + 1;
    expect((await ask(engine, { version, pubKeyAuth: sealed(sum) }))?.authInfo).toBeDefined();
  });

  test('X19, Z5: what the mechanism still waits for may come before the proof or with it', async () => {
    const late = (): Script => ({ says: ['hello', 'proof', ''], inner: inside() });
    const before = start({}, late());
    const proof = await upToProof(before.engine);
    expect(await ask(before.engine, { version: 6, negoTokens: tokens('mechListMIC') })).toBeUndefined();
    expect((await ask(before.engine, answerTo(proof)))?.authInfo).toBeDefined();
    expect(before.mechanism.heard).toEqual(['', 'challenge', 'mechListMIC']);

    const together = start({}, late());
    const request = await upToProof(together.engine);
    expect(
      (await ask(together.engine, { ...answerTo(request), negoTokens: tokens('mechListMIC') }))?.authInfo,
    ).toBeDefined();

    const talkative = start({}, { says: ['hello', 'proof', 'and', ''], inner: inside() });
    const sent = await upToProof(talkative.engine);
    expect(await ask(talkative.engine, { version: 6, negoTokens: tokens('MIC') })).toEqual({
      version: 6,
      negoTokens: tokens('and'),
    });
    expect(talkative.engine.state).toBe('negotiating');
    expect((await ask(talkative.engine, { ...answerTo(sent), negoTokens: tokens('end') }))?.authInfo).toBeDefined();
  });

  test('X9: several tokens in one TSRequest are taken in turn, and the last answer counts', async () => {
    const { engine, mechanism } = start({}, { says: ['hello', 'one', 'two'] });
    await ask(engine);
    const request = await ask(engine, { version: 6, negoTokens: tokens('a', 'b') });
    expect(request?.negoTokens).toEqual(tokens('two'));
    expect(mechanism.heard).toEqual(['', 'a', 'b']);
  });

  test('X17: a server that writes nonces too, another in every message, is none of our business', async () => {
    const { engine } = start();
    await ask(engine);
    const nonce = (octet: number) => ({ clientNonce: new Uint8Array(32).fill(octet) });
    const proof = await ask(engine, { version: 6, negoTokens: tokens('challenge'), ...nonce(1) });
    expect((await ask(engine, { ...answerTo(proof ?? { version: 6 }), ...nonce(2) }))?.authInfo).toBeDefined();
  });

  test('X34: the credentials are wiped as soon as they are sealed', async () => {
    const { engine, mechanism } = start();
    await ask(engine, answerTo(await upToProof(engine)));
    expect(mechanism.plaintexts.at(-1)).toEqual(new Uint8Array(mechanism.plaintexts.at(-1)?.length ?? 1));
  });

  test('F12: observer and host of the caller are those of the engine', async () => {
    const events: string[] = [];
    const host: Host = { clock: { now: () => 0 }, random: { bytes: (length) => new Uint8Array(length).fill(0x77) } };
    const engine = credsspInitiator({
      publicKey: KEY,
      mechanism: new Scripted({ says: ['at once'] }),
      credentials: { kind: 'none' },
      serverCertificateTrusted: false,
      flags: 0,
      host,
      observe: ({ protocol, direction, message }) => events.push(`${protocol} ${direction} ${message}`),
    });
    expect((await ask(engine))?.clientNonce).toEqual(new Uint8Array(32).fill(0x77));
    expect(events).toEqual([
      expect.stringMatching(/^CredSSP sent TSRequest v6 \{negoTokens: .*, pubKeyAuth, clientNonce\}$/),
    ]);
  });

  test('L1: the mechanism goes with the engine', () => {
    const { engine, mechanism } = start();
    engine.dispose();
    expect(mechanism.disposed).toBe(true);
  });
});

describe('what a server may not do', () => {
  test.each([
    ['for another key', (request: TSRequest) => answerTo(request, 6, new TextEncoder().encode('another key'))],
    ['that is the client’s own', ({ pubKeyAuth }: TSRequest) => ({ version: 6, pubKeyAuth })],
    ['for another nonce', () => answerTo({ version: 6, clientNonce: new Uint8Array(32) })],
    ['of nothing', () => ({ version: 6, pubKeyAuth: sealed(new Uint8Array(0)) })],
    ['that echoes the key', () => ({ version: 6, pubKeyAuth: sealed(KEY) })],
  ])('Z1, X31, X33: a proof %s, though it is sealed rightly, gets no credentials', async (_, answer) => {
    const { engine, facts } = start();
    const error = await failure(ask(engine, answer(await upToProof(engine))));
    expect(error).toMatchObject({ code: 'PUBLIC_KEY_MISMATCH', status: SEC_E.MESSAGE_ALTERED, stage: 'pubKeyAuth' });
    expect(error.token).toBeUndefined();
    expect(facts).toEqual([{ kind: 'binding', form: 'hash', version: 6, proof: 'sent' }]);
  });

  test('X31: a proof that is not sealed', async () => {
    const { engine } = start();
    const { pubKeyAuth, ...answer } = answerTo(await upToProof(engine));
    const error = await failure(ask(engine, { ...answer, pubKeyAuth: opened(pubKeyAuth) }));
    expect(error.status).toBe(SEC_E.MESSAGE_ALTERED);
  });

  test('X19: a proof before authentication is over', async () => {
    const early = start();
    await ask(early.engine);
    expect(
      await failure(ask(early.engine, { version: 6, negoTokens: tokens('x'), pubKeyAuth: sealed(KEY) })),
    ).toMatchObject({
      code: 'UNEXPECTED_MESSAGE',
      stage: 'negoTokens',
    });
    const late = start({}, { says: ['hello', 'proof', ''], inner: inside() });
    const proof = await upToProof(late.engine);
    expect(await failure(ask(late.engine, answerTo(proof)))).toMatchObject({
      code: 'UNEXPECTED_MESSAGE',
      stage: 'pubKeyAuth',
    });
  });

  test('X19: no token where one is needed', async () => {
    const { engine } = start();
    await ask(engine);
    const error = await failure(ask(engine, { version: 6, pubKeyAuth: sealed(KEY) }));
    expect(error).toMatchObject({ code: 'UNEXPECTED_MESSAGE', stage: 'negoTokens' });
  });

  test.each([2, 3, 4, 5, 6])(
    'X20: an errorCode is read whatever the version is: a client that speaks %i',
    async (version) => {
      const { engine, mechanism } = start({ options: { maxVersion: version, minVersion: version } });
      await ask(engine);
      const error = await failure(ask(engine, { version, errorCode: 0xc000006d | 0 }));
      expect(error).toMatchObject({
        code: 'PEER_REFUSED',
        status: SEC_E.LOGON_DENIED,
        ntStatus: 0xc000006d,
        stage: 'TSRequest errorCode',
      });
      expect([error.token, engine.state, mechanism.heard]).toEqual([undefined, 'failed', ['']]);
    },
  );

  test('X20: an errorCode fails at once, whatever else is there', async () => {
    const early = start();
    await ask(early.engine);
    const everything = {
      version: 6,
      negoTokens: tokens('challenge'),
      pubKeyAuth: sealed(KEY),
      errorCode: 0xc000006d | 0,
    };
    expect(await failure(ask(early.engine, everything))).toMatchObject({ code: 'PEER_REFUSED', ntStatus: 0xc000006d });
    expect(early.mechanism.heard).toEqual(['']);

    const late = start();
    const answer = answerTo(await upToProof(late.engine));
    const error = await failure(ask(late.engine, { ...answer, negoTokens: tokens('more'), errorCode: 0xc0000022 | 0 }));
    expect(error).toMatchObject({ code: 'PEER_REFUSED', ntStatus: 0xc0000022 });
    expect(late.mechanism.heard).toEqual(['', 'challenge']);
    expect(late.facts).toEqual([{ kind: 'binding', form: 'hash', version: 6, proof: 'sent' }]);
  });

  test('X20: an error code of 0 is no refusal, and no token either', async () => {
    const { engine, mechanism } = start();
    await ask(engine);
    const error = await failure(ask(engine, { version: 6, errorCode: 0 }));
    expect(error).toMatchObject({ code: 'UNEXPECTED_MESSAGE', stage: 'negoTokens' });
    expect(mechanism.heard).toEqual(['']);
  });

  test('Z10: credentials do not come from a server', async () => {
    const first = start();
    await ask(first.engine);
    const request = { version: 6, negoTokens: tokens('challenge'), authInfo: sealed(KEY) };
    expect(await failure(ask(first.engine, request))).toMatchObject({ code: 'UNEXPECTED_MESSAGE', stage: 'authInfo' });
    const second = start();
    const answer = { ...answerTo(await upToProof(second.engine)), authInfo: sealed(KEY) };
    expect(await failure(ask(second.engine, answer))).toMatchObject({ code: 'UNEXPECTED_MESSAGE', stage: 'authInfo' });
  });

  test('X14, Z2: the form of a proof that is on its way stands, whatever version the server names then', async () => {
    const script = { says: ['at once'] };
    const lowered = start({ options: { minVersion: 2 } }, script);
    const proof = await ask(lowered.engine);
    const error = await failure(ask(lowered.engine, answerTo(proof ?? { version: 6 }, 4)));
    expect(error).toMatchObject({ code: 'VERSION_CHANGED', stage: 'pubKeyAuth' });

    const same = start({}, script);
    const request = await ask(same.engine);
    expect((await ask(same.engine, answerTo(request ?? { version: 6 }, 5)))?.authInfo).toBeDefined();
  });

  test('C17: more than twelve messages are no exchange', async () => {
    const says = Array.from({ length: 14 }, (_, index) => `${index}`);
    const { engine } = start({}, { says });
    await ask(engine);
    for (let message = 1; message <= 12; message++) await ask(engine, { version: 6, negoTokens: tokens('more') });
    const error = await failure(ask(engine, { version: 6, negoTokens: tokens('more') }));
    expect(error).toMatchObject({ code: 'TOO_MANY_LEGS', stage: 'TSRequest' });
  });

  test('a token that the mechanism finds cut short, and what the mechanism would have said to that', async () => {
    const cut = start({}, { says: ['hello', 'cut', 'proof'] });
    await ask(cut.engine);
    const request = { version: 6, negoTokens: tokens('chall') };
    expect(await failure(ask(cut.engine, request))).toMatchObject({ code: 'MALFORMED_TOKEN', stage: 'negoTokens' });
    const over = start({}, { says: ['hello', 'proof'] });
    const proof = await upToProof(over.engine);
    const error = await failure(ask(over.engine, { ...answerTo(proof), negoTokens: tokens('more') }));
    expect([error.code, error.token]).toEqual(['CONTEXT_FINISHED', undefined]);
  });
});

test.each([{ confidentiality: false }, { integrity: false }, { confidentiality: false, integrity: false }])(
  'X26: a mechanism with %o carries neither proof nor password',
  async (protection) => {
    const { engine } = start({}, { says: ['hello', 'proof'], ...protection });
    await ask(engine);
    const error = await failure(ask(engine, { version: 6, negoTokens: tokens('challenge') }));
    expect(error).toMatchObject({ code: 'INNER_PROTECTION_MISSING', stage: 'CredSSP' });
  },
);

describe('what was reached', () => {
  async function established(changes: Partial<InitiatorOptions> = {}, script?: Script) {
    const started = start(changes, script);
    const last = await ask(started.engine, answerTo(await upToProof(started.engine)));
    return { ...started, credentials: Buffer.from(opened(last?.authInfo)).toString('hex') };
  }

  const mutual = { says: ['hello', 'proof'], flags: ISC_RET.MUTUAL_AUTH };

  test.each([
    ['NTLM and no certificate', false, { ...mutual, name: 'NTLM' }, 0],
    ['Kerberos', false, { ...mutual, name: 'Kerberos' }, 1],
    ['Kerberos without mutual authentication', false, { ...mutual, flags: 0, name: 'Kerberos' }, 0],
    [
      'Kerberos inside Negotiate',
      false,
      { ...mutual, inner: inside({ name: 'Kerberos', flags: ISC_RET.MUTUAL_AUTH }) },
      1,
    ],
    ['NTLM inside Negotiate', false, { ...mutual, inner: inside({ name: 'NTLM', flags: ISC_RET.MUTUAL_AUTH }) }, 0],
    ['a certificate', true, { ...mutual, name: 'NTLM' }, 2],
    ['both', true, { ...mutual, name: 'Kerberos' }, 3],
  ])('Q5, Y6, R44: how %s authenticates the server', async (_, trusted, script, expected) => {
    const { engine } = await established({ serverCertificateTrusted: trusted }, script);
    expect(engine.query('SERVER_AUTH_FLAGS')).toEqual({ flags: expected });
    const flags = ALWAYS | ISC_RET.DELEGATE | (expected === 0 ? 0 : ISC_RET.MUTUAL_AUTH);
    expect(engine.query('FLAGS').flags).toBe(flags);
  });

  test('R44, R21: flags say what holds: nothing is delegated unasked, and only three are echoed', async () => {
    const asked =
      ISC_REQ.CONNECTION | ISC_REQ.STREAM | ISC_REQ.EXTENDED_ERROR | ISC_REQ.ALLOCATE_MEMORY | ISC_REQ.USE_SESSION_KEY;
    const { engine, credentials } = await established({ flags: asked });
    expect(engine.query('FLAGS').flags).toBe(ALWAYS | ISC_RET.CONNECTION | ISC_RET.STREAM | ISC_RET.EXTENDED_ERROR);
    expect(credentials).toBe(NOTHING);
  });

  test('R21, Y10: neither nothing nor what cannot be used elsewhere is a matter of the lists', async () => {
    const elsewhere = { targetName: 'HTTP/nobody.allows.this' };
    const none = await established({ ...elsewhere, credentials: { kind: 'none' } });
    expect(none.credentials).toBe(NOTHING);
    expect(none.engine.query('FLAGS').flags & ISC_RET.DELEGATE).toBe(0);
    const credential = new Secret(Uint8Array.of(1, 2, 3, 4));
    const guard = await established({
      ...elsewhere,
      credentials: { kind: 'remote-guard', logon: { packageName: 'Kerberos', credential }, supplemental: [] },
    });
    expect(guard.engine.query('FLAGS').flags & ISC_RET.DELEGATE).toBe(ISC_RET.DELEGATE);
    expect(guard.facts.at(-1)).toMatchObject({ delegated: 'remote-guard', rule: undefined });
    expect((await established({ ...elsewhere, flags: 0 })).credentials).toBe(NOTHING);
  });

  test('Q2, Q3: what a client can ask of its context', async () => {
    const { engine } = await established({ targetName: 'TERMSRV/localhost' });
    expect(engine.query('IS_LOOPBACK')).toEqual({ loopback: true });
    expect(engine.query('CREDENTIAL_NAME')).toMatchObject({ credentialName: 'EXAMPLE\\alice' });
    expect(engine.query('LAST_CLIENT_TOKEN_STATUS')).toEqual({ status: 0 });
    expect(engine.query('NEGOTIATION_PACKAGE').name).toBe('Scripted');
    for (const attribute of ['NEGO_STATUS', 'ACCESS_TOKEN', 'CREDS', 'SUBJECT_SECURITY_ATTRIBUTES'] as const)
      expect(() => engine.query(attribute)).toThrow(attribute);
    expect((await established()).engine.query('IS_LOOPBACK')).toEqual({ loopback: false });
    const negotiated = await established({}, { ...mutual, inner: inside({ name: 'Kerberos' }) });
    expect(negotiated.engine.query('NEGO_STATUS')).toMatchObject({ lastStatus: 7 });
    expect(negotiated.engine.query('NEGOTIATION_PACKAGE').name).toBe('Kerberos');
  });

  test('Y6, Y8: who explains a logon is told of the proofs and of the pattern that decided', async () => {
    const { facts } = await established();
    expect(facts).toEqual([
      { kind: 'binding', form: 'hash', version: 6, proof: 'sent' },
      { kind: 'binding', form: 'hash', version: 6, proof: 'verified' },
      {
        kind: 'delegation',
        delegated: 'password',
        target: 'TERMSRV/host.example.test',
        source: 'fresh',
        serverAuthenticated: false,
        rule: { decision: 'allowed', matched: { list: 'allowFreshNtlmOnly', pattern: 'TERMSRV/*' } },
      },
    ]);
  });

  test('Y7, Y8: what is allowed for the other kind of server only stays here', async () => {
    const policy = { ...PERMISSIVE_DELEGATION_POLICY, allowFresh: [] };
    const authenticated = start({ options: { policy }, serverCertificateTrusted: true });
    const error = await failure(ask(authenticated.engine, answerTo(await upToProof(authenticated.engine))));
    expect(error).toMatchObject({ code: 'DELEGATION_POLICY', stage: 'delegation' });
    expect(authenticated.facts.at(-1)).toMatchObject({ delegated: 'none', rule: { decision: 'denied' } });

    const plain = { ...PERMISSIVE_DELEGATION_POLICY, allowFreshNtlmOnly: [] };
    const unknown = start({ options: { policy: plain } });
    const refusal = await failure(ask(unknown.engine, answerTo(await upToProof(unknown.engine))));
    expect(refusal).toMatchObject({ code: 'POLICY_NTLM_ONLY', status: SEC_E.POLICY_NLTM_ONLY });
    expect(unknown.facts.at(-1)).toMatchObject({
      delegated: 'none',
      rule: { decision: 'needs-server-authentication' },
    });
  });

  test('Y11: a target that no list names is told so before the first token', async () => {
    const { engine, facts, mechanism } = start({ targetName: 'HTTP/host' });
    const error = await failure(ask(engine));
    expect(error).toMatchObject({ code: 'DELEGATION_POLICY', status: SEC_E.DELEGATION_POLICY, stage: 'delegation' });
    expect(facts).toEqual([
      {
        kind: 'delegation',
        delegated: 'none',
        target: 'HTTP/host',
        source: 'fresh',
        serverAuthenticated: undefined,
        rule: { decision: 'denied', matched: undefined },
      },
    ]);
    expect(mechanism.heard).toEqual([]);
  });
});
