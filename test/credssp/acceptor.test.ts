/** The server's engine against clients that are written by hand. */
import { describe, expect, test } from 'vitest';
import {
  type AcceptorOptions,
  type CredSspFact,
  credsspAcceptor,
  decodeTSRequest,
  encodeTSCredentials,
  encodeTSRequest,
  type TSRequest,
} from '../../src/credssp/index.ts';
import {
  ASC_REQ,
  ASC_RET,
  type DelegatedCredentials,
  NTSTATUS,
  SEC_E,
  Secret,
  type SecurityContext,
} from '../../src/sspi/index.ts';
import { failure } from '../ntlm/support.ts';
import { ask, KEY, opened, proofOf, type Script, Scripted, sealed, tokens } from './scripted.ts';

const NONCE = Uint8Array.from({ length: 32 }, (_, index) => index);
const ALWAYS = ASC_RET.REPLAY_DETECT | ASC_RET.SEQUENCE_DETECT | ASC_RET.CONFIDENTIALITY | ASC_RET.INTEGRITY;
const CREDENTIALS: DelegatedCredentials = {
  kind: 'password',
  domain: 'EXAMPLE',
  user: 'alice',
  password: Secret.fromText('AlicePass1!'),
};
const ANY_VERSION = { minVersion: 2 } as const;

function start(changes: Partial<AcceptorOptions> = {}, script: Script = { says: ['challenge', ''] }) {
  const mechanism = new Scripted(script);
  const facts: CredSspFact[] = [];
  const engine = credsspAcceptor({
    publicKey: KEY,
    mechanism,
    flags: 0,
    report: (fact) => facts.push(fact),
    ...changes,
  });
  return { engine, mechanism, facts };
}

const HELLO: TSRequest = { version: 6, negoTokens: tokens('hello') };
const PROOF: TSRequest = {
  version: 6,
  negoTokens: tokens('proof'),
  pubKeyAuth: sealed(proofOf('Client-To-Server', NONCE)),
  clientNonce: NONCE,
};
const authInfo = (credentials: DelegatedCredentials = CREDENTIALS): TSRequest => ({
  version: 6,
  authInfo: sealed(encodeTSCredentials(credentials)),
});

async function play(engine: SecurityContext, ...requests: TSRequest[]): Promise<TSRequest | undefined> {
  let answer: TSRequest | undefined;
  for (const request of requests) answer = await ask(engine, request);
  return answer;
}

describe('the exchange', () => {
  test('X31, X33: the token, then the proof for the other direction, then nothing more to say', async () => {
    const { engine, mechanism, facts } = start();
    expect(await ask(engine, HELLO)).toEqual({ version: 6, negoTokens: tokens('challenge') });
    const answer = await ask(engine, PROOF);
    expect(opened(answer?.pubKeyAuth)).toEqual(proofOf('Server-To-Client', NONCE));
    expect(Object.keys(answer ?? {}).sort()).toEqual(['pubKeyAuth', 'version']);
    expect(await ask(engine, authInfo())).toBeUndefined();
    expect(engine.state).toBe('established');
    expect(mechanism.heard).toEqual(['hello', 'proof']);
    expect(facts).toEqual([
      { kind: 'binding', form: 'hash', version: 6, proof: 'verified' },
      { kind: 'binding', form: 'hash', version: 6, proof: 'sent' },
    ]);
  });

  test('X19, Z5: the last token of the mechanism goes out with the proof', async () => {
    const { engine } = start({}, { says: ['challenge', 'mechListMIC'] });
    const answer = await play(engine, HELLO, PROOF);
    expect(answer?.negoTokens).toEqual(tokens('mechListMIC'));
    expect(answer?.pubKeyAuth).toBeDefined();
  });

  test('C16: a mechanism that is through waits for the proof without a word, or with its last one', async () => {
    const { negoTokens, ...proof } = PROOF;
    for (const [last, expected] of [
      ['', undefined],
      ['MIC', { version: 6, negoTokens: tokens('MIC') }],
    ] as const) {
      const { engine } = start({}, { says: ['challenge', last] });
      expect(await play(engine, HELLO, { version: 6, negoTokens })).toEqual(expected);
      expect((await ask(engine, proof))?.pubKeyAuth).toBeDefined();
    }
  });

  test.each([2, 3, 4])('X31: version %i echoes the key, whether there is a nonce or not', async (version) => {
    const { engine, facts } = start({ options: { maxVersion: 6, ...ANY_VERSION } });
    const proof = { version, negoTokens: tokens('proof'), pubKeyAuth: sealed(KEY), clientNonce: NONCE };
    const answer = await play(engine, { ...HELLO, version }, proof);
    const sum = KEY.slice();
    sum[0] = (sum[0] ?? 0) + 1;
    expect(opened(answer?.pubKeyAuth)).toEqual(sum);
    expect(facts[0]).toMatchObject({ form: 'key', version });
  });

  test('L1: the mechanism and the credentials go with the engine', async () => {
    const { engine, mechanism } = start();
    await play(engine, HELLO, PROOF, authInfo());
    const delegated = engine.query('CREDS');
    if (delegated.kind !== 'password') throw new TypeError(delegated.kind);
    engine.dispose();
    expect([mechanism.disposed, delegated.password.disposed]).toEqual([true, true]);
  });

  test('L1: an engine that never began lets go of the mechanism too', () => {
    const { engine, mechanism } = start();
    engine.dispose();
    expect(mechanism.disposed).toBe(true);
  });

  test('X34: what the credentials came out of is wiped, even when they are none', async () => {
    const [good, bad] = [start(), start()];
    await play(good.engine, HELLO, PROOF, authInfo());
    await failure(play(bad.engine, HELLO, PROOF, { version: 6, authInfo: sealed(Uint8Array.of(0x30, 1, 7)) }));
    for (const { mechanism } of [good, bad])
      expect(mechanism.plaintexts.at(-1)?.some((octet) => octet !== 0)).toBe(false);
  });

  test('X17: a nonce is remembered, not the buffer that it came in', async () => {
    const { engine } = start();
    const first = encodeTSRequest({ ...HELLO, clientNonce: NONCE });
    await engine.step(first);
    first.fill(0);
    expect((await ask(engine, PROOF))?.pubKeyAuth).toBeDefined();
  });
});

describe('what a client may not do', () => {
  const { negoTokens, pubKeyAuth, clientNonce } = PROOF;

  test.each([
    ['credentials with the first token', [{ ...HELLO, authInfo: sealed(KEY) }], 'authInfo'],
    ['no token in the first message', [{ version: 6, pubKeyAuth }], 'negoTokens'],
    ['credentials before the proof', [HELLO, { version: 6, negoTokens, authInfo: sealed(KEY) }], 'authInfo'],
    ['credentials with the proof', [HELLO, { ...PROOF, authInfo: sealed(KEY) }], 'authInfo'],
    ['neither token nor proof', [HELLO, { version: 6, errorCode: 0 }], 'TSRequest'],
    ['a token too many', [HELLO, { version: 6, negoTokens }, PROOF], 'negoTokens'],
    ['the proof once more', [HELLO, PROOF, { version: 6, pubKeyAuth }], 'authInfo'],
    ['the proof with the credentials', [HELLO, PROOF, { ...authInfo(), pubKeyAuth }], 'authInfo'],
    ['a token with the credentials', [HELLO, PROOF, { ...authInfo(), negoTokens }], 'authInfo'],
    ['no credentials', [HELLO, PROOF, { version: 6, errorCode: 0 }], 'authInfo'],
  ] satisfies [string, TSRequest[], string][])('C16, X22, Z4: %s', async (_, requests, stage) => {
    const { engine } = start();
    await play(engine, ...requests.slice(0, -1));
    const error = await failure(play(engine, ...requests.slice(-1)));
    expect(error).toMatchObject({ code: 'UNEXPECTED_MESSAGE', status: SEC_E.INVALID_TOKEN, stage });
    expect(() => engine.query('CREDS')).toThrow();
  });

  test('C16: a proof before the mechanism is through', async () => {
    const { engine } = start({}, { says: ['challenge', 'more', ''] });
    expect(await failure(play(engine, HELLO, PROOF))).toMatchObject({
      code: 'UNEXPECTED_MESSAGE',
      stage: 'pubKeyAuth',
    });
  });

  test('X17, Z2: no nonce where the proof is a hash', async () => {
    const { engine } = start();
    const error = await failure(play(engine, HELLO, { version: 6, negoTokens, pubKeyAuth }));
    expect(error).toMatchObject({ code: 'NONCE_INVALID', stage: 'pubKeyAuth' });
    const changed = start();
    const other = { ...HELLO, clientNonce: new Uint8Array(32) };
    expect(await failure(play(changed.engine, other, PROOF))).toMatchObject({
      code: 'NONCE_INVALID',
      stage: 'TSRequest',
    });
    const same = start();
    expect(await play(same.engine, { ...HELLO, clientNonce }, { version: 6, negoTokens, pubKeyAuth })).toBeDefined();
  });

  test.each([
    ['for another key', proofOf('Client-To-Server', NONCE, new TextEncoder().encode('another key'))],
    ['for the other direction', proofOf('Server-To-Client', NONCE)],
    ['that echoes the key', KEY],
    ['of nothing', new Uint8Array(0)],
  ])('Z1, X31, X33: a proof %s is refused with ACCESS_DENIED', async (_, proof) => {
    const { engine, facts } = start();
    const error = await failure(play(engine, HELLO, { ...PROOF, pubKeyAuth: sealed(proof) }));
    expect(error).toMatchObject({ code: 'PUBLIC_KEY_MISMATCH', stage: 'pubKeyAuth', ntStatus: NTSTATUS.ACCESS_DENIED });
    expect(decodeTSRequest(error.token ?? new Uint8Array(0))).toEqual({
      version: 6,
      errorCode: NTSTATUS.ACCESS_DENIED | 0,
    });
    expect(facts).toEqual([]);
  });

  test.each([{ confidentiality: false }, { integrity: false }])(
    'X26: a mechanism with %o opens nothing',
    async (less) => {
      const { engine } = start({}, { says: ['challenge', ''], ...less });
      expect((await failure(play(engine, HELLO, PROOF))).code).toBe('INNER_PROTECTION_MISSING');
    },
  );

  test.each([
    [
      'two TSCredentials behind each other',
      '3017a003020101a110040e300ca0020400a1020400a20204003020a003020102a11904173015a00a04083100320033003400a1073005a003020101',
    ],
    [
      'a password and a smart card in one TSCredentials',
      '302ea003020101a1270425300ca0020400a1020400a20204003015a00a04083100320033003400a1073005a003020101',
    ],
  ])('X22: more than one kind of credentials: %s', async (_, octets) => {
    const { engine } = start();
    const more = Uint8Array.from(Buffer.from(octets, 'hex'));
    const error = await failure(play(engine, HELLO, PROOF, { version: 6, authInfo: sealed(more) }));
    expect(error).toMatchObject({ code: 'MALFORMED_TOKEN', status: SEC_E.INVALID_TOKEN });
    expect(engine.state).toBe('failed');
    expect(() => engine.query('CREDS')).toThrow(expect.objectContaining({ status: SEC_E.INVALID_HANDLE }));
  });

  test('X22: credentials that are none', async () => {
    const { engine } = start();
    const wrong = { version: 6, authInfo: sealed(Uint8Array.of(0x30, 0)) };
    const error = await failure(play(engine, HELLO, PROOF, wrong));
    expect(error.status).toBe(SEC_E.INVALID_TOKEN);
    expect(() => engine.query('CREDS')).toThrow();
  });
});

describe('what the client is told', () => {
  /** A mechanism that has said everything fails at the next token. */
  const failing: Script = { says: ['challenge'] };

  test.each([
    [2, undefined],
    [3, 3],
    [4, 4],
    [5, undefined],
    [6, 6],
  ])('C13, X20: version %i learns why, if it knows the field', async (version, expected) => {
    const { engine } = start({ options: { maxVersion: version, ...ANY_VERSION } }, failing);
    const error = await failure(play(engine, { ...HELLO, version }, { version, negoTokens: tokens('more') }));
    expect(error.code).toBe('UNEXPECTED_MESSAGE');
    if (expected === undefined) expect(error.token).toBeUndefined();
    else
      expect(decodeTSRequest(error.token ?? new Uint8Array(0))).toMatchObject({
        version: expected,
        errorCode: expect.any(Number),
      });
  });

  test('C13: nothing before its version is known, and nothing in answer to its own refusal', async () => {
    const unread = start();
    const error = await failure(unread.engine.step(Uint8Array.of(0x30, 0)));
    expect([error.status, error.token]).toEqual([SEC_E.INVALID_TOKEN, undefined]);
    const refused = start();
    const refusal = await failure(play(refused.engine, HELLO, { version: 6, errorCode: NTSTATUS.LOGON_FAILURE | 0 }));
    expect(refusal).toMatchObject({
      code: 'PEER_REFUSED',
      ntStatus: NTSTATUS.LOGON_FAILURE,
      stage: 'TSRequest errorCode',
    });
    expect(refusal.token).toBeUndefined();
  });

  test('X20: an error code of 0 is none', async () => {
    const { engine } = start();
    expect((await play(engine, HELLO, { ...PROOF, errorCode: 0 }))?.pubKeyAuth).toBeDefined();
  });
});

describe('what was reached', () => {
  const inner = ASC_RET.MUTUAL_AUTH | ASC_RET.IDENTIFY | ASC_RET.DELEGATE | ASC_RET.CONNECTION;

  async function established(credentials: DelegatedCredentials, changes: Partial<AcceptorOptions>, flags: number) {
    const { engine } = start(changes, { says: ['challenge', ''], flags });
    await play(engine, HELLO, PROOF, authInfo(credentials));
    return engine;
  }

  test('C15: of the mechanism’s flags two count, and DELEGATE means that something came', async () => {
    const flagsOf = async (...[credentials, flags]: [DelegatedCredentials, number]) =>
      (await established(credentials, {}, flags)).query('FLAGS').flags;
    expect(await flagsOf(CREDENTIALS, inner)).toBe(ALWAYS | ASC_RET.MUTUAL_AUTH | ASC_RET.IDENTIFY | ASC_RET.DELEGATE);
    expect(await flagsOf({ kind: 'none' }, 0)).toBe(ALWAYS);
    const echoed = ASC_REQ.CONNECTION | ASC_REQ.STREAM | ASC_REQ.EXTENDED_ERROR | ASC_REQ.ALLOCATE_MEMORY;
    const engine = await established({ kind: 'none' }, { flags: echoed }, 0);
    expect(engine.query('FLAGS').flags).toBe(ALWAYS | ASC_RET.CONNECTION | ASC_RET.STREAM | ASC_RET.EXTENDED_ERROR);
  });

  test('Q2, Q3: what a server can ask of its context', async () => {
    const engine = await established(CREDENTIALS, {}, 0);
    expect(engine.query('CREDS')).toMatchObject({ kind: 'password', domain: 'EXAMPLE', user: 'alice' });
    expect(engine.query('CREDS_2')).toBe(engine.query('CREDS'));
    for (const attribute of ['ACCESS_TOKEN', 'C_ACCESS_TOKEN', 'C_FULL_ACCESS_TOKEN'] as const)
      expect(engine.query(attribute)).toMatchObject({ name: 'EXAMPLE\\alice' });
    expect(engine.query('SUBJECT_SECURITY_ATTRIBUTES')).toEqual({ attributes: [] });
    expect(engine.query('LAST_CLIENT_TOKEN_STATUS')).toEqual({ status: 0 });
    for (const attribute of ['SERVER_AUTH_FLAGS', 'IS_LOOPBACK', 'CREDENTIAL_NAME'] as const)
      expect(() => engine.query(attribute)).toThrow(attribute);
  });

  test('C6: flags that CredSSP does not know', () => {
    for (const flags of [
      ASC_REQ.USE_DCE_STYLE,
      ASC_REQ.DATAGRAM,
      ASC_REQ.CALL_LEVEL,
      ASC_REQ.FRAGMENT_SUPPLIED,
      ASC_REQ.ALLOW_NULL_SESSION,
      ASC_REQ.FRAGMENT_TO_FIT,
    ])
      expect(() => start({ flags })).toThrow(
        expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION', stage: 'fContextReq' }),
      );
  });

  test('C17: the limit is the caller’s', async () => {
    const mechanism = new Scripted({ says: ['challenge', ''] });
    const engine = credsspAcceptor({ publicKey: KEY, mechanism, flags: 0, limits: { maxToken: 200 } });
    const fits = { ...HELLO, negoTokens: tokens('x'.repeat(150)) };
    expect(await ask(engine, fits)).toBeDefined();
    const long = { version: 6, negoTokens: tokens('x'.repeat(200)) };
    expect(await failure(ask(engine, long))).toMatchObject({ code: 'TOKEN_TOO_LARGE', stage: 'TSRequest' });
  });
});
