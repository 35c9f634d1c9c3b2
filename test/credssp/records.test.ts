/** TSRequests and the TLS records that carry them, where one is larger than the other (contract X4, X9, fault Z8). */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import {
  credsspAcceptor,
  credsspInitiator,
  decodeTSRequest,
  encodeTSRequest,
  subjectPublicKey,
  type TSRequest,
} from '../../src/credssp/index.ts';
import { credsspPackage } from '../../src/credssp/package.ts';
import { systemHost } from '../../src/host/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { acceptNla, connectNla, type NlaEvent } from '../../src/rdp/index.ts';
import { schannelPackage } from '../../src/schannel/index.ts';
import { ASC_REQ, ISC_REQ, SEC_E, SEC_I, SECPKG_CRED, Secret, type SecurityContext } from '../../src/sspi/index.ts';
import { failure } from '../ntlm/support.ts';
import { socketPair } from '../rdp/pair.ts';
import { connect, stepped, streamOf } from '../schannel/support.ts';
import { certificates, inbound, outbound, PASSWORD, TARGET, TLS_1_2, TLS_1_3 } from '../support/credssp.ts';
import { converse } from '../support/loop.ts';

/** Largest plaintext of a record (RFC 8446 5.1), and what GCM adds to it: nonce and tag in TLS 1.2, content type and tag in 1.3. */
const MOST = 16_384;
const OVERHEAD = { 'TLSv1.2': 24, 'TLSv1.3': 17 } as const;
const VERSIONS = [
  ['TLSv1.2', TLS_1_2],
  ['TLSv1.3', TLS_1_3],
] as const;

/** 12,000 characters are 24,000 octets: two records. 20,000 are three. */
const LENGTHS = [12_000, 20_000] as const;
const passwordOf = (length: number): string => 'Passwörter! '.repeat(length / 12);

/** Plaintext in each record of a token of one role's, told by the length that the record says it has. */
function plaintextLengths(records: Uint8Array, overhead: number): number[] {
  const lengths: number[] = [];
  const view = Buffer.from(records);
  for (let at = 0; at < view.length; at += 5 + view.readUInt16BE(at + 3)) {
    expect(view[at]).toBe(23);
    lengths.push(view.readUInt16BE(at + 3) - overhead);
  }
  return lengths;
}

/** That many octets in as few records as they fit in. */
function assertFragmentedAtMaximum(lengths: readonly number[], records: number): void {
  expect(lengths).toHaveLength(records);
  expect(lengths.slice(0, -1)).toEqual(new Array<number>(records - 1).fill(MOST));
  expect(lengths.at(-1)).toBeGreaterThan(0);
  expect(lengths.at(-1)).toBeLessThanOrEqual(MOST);
}

const textOf = (secret: Secret): string => Buffer.from(secret.reveal()).toString('utf16le');

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

describe.each(VERSIONS)('X4, X11: a TSRequest of more than 16,384 octets over %s', (version, protocols) => {
  test.each(LENGTHS)('the credentials with a password of %i characters, in memory', async (length) => {
    const password = passwordOf(length);
    const identity = { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password } as const;
    const client = (await outbound({ identity, protocols })).initiate({ flags: ISC_REQ.DELEGATE, targetName: TARGET });
    const into = await credsspPackage.acquire({
      use: SECPKG_CRED.INBOUND,
      authData: {
        kind: 'credssp',
        schannelCred: { kind: 'schannel', certificates: [certificates.ec], enabledProtocols: protocols },
        spnegoCred: { kind: 'acceptor', accounts: memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password }]) },
      },
      host: systemHost,
    });
    const server = into.accept({ flags: 0 });
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);

    const last = tokens.findLast(({ from }) => from === 'initiator')?.token ?? new Uint8Array(0);
    const lengths = plaintextLengths(last, OVERHEAD[version]);
    assertFragmentedAtMaximum(lengths, Math.ceil((2 * length) / MOST));
    expect(lengths.reduce((sum, one) => sum + one)).toBeGreaterThan(2 * length);
    const delegated = server.query('CREDS');
    if (delegated.kind !== 'password') throw new TypeError(delegated.kind);
    expect(textOf(delegated.password) === password).toBe(true);
  });

  test('the same on the stream of an RDP connection', async () => {
    const password = passwordOf(20_000);
    const [inner, outer] = [await socketPair(), await socketPair()];
    open.push(inner.near, inner.far, outer.near, outer.far);
    const seen = relayed(inner.far, outer.near);
    const sizes: number[] = [];
    const observe = (event: NlaEvent): void => {
      if (event.kind === 'message' && event.direction === 'sent') sizes.push(event.octets.length);
    };
    const alice = { domain: 'EXAMPLE', user: 'alice', password } as const;
    const tls = { minVersion: version, maxVersion: version };
    const [, session] = await Promise.all([
      connectNla({
        stream: inner.near,
        host: 'host.example.test',
        identity: { kind: 'identity', ...alice },
        deadline: 5_000,
        observe,
        tls,
      }),
      acceptNla({
        stream: outer.far,
        certificate: certificates.ec,
        identity: { kind: 'acceptor', accounts: memoryAccounts([alice]) },
        deadline: 5_000,
        tls,
      }),
    ]);
    const { credentials } = session;
    if (credentials.kind !== 'password') throw new TypeError(credentials.kind);
    expect(textOf(credentials.password) === password).toBe(true);

    const authInfo = sizes.at(-1) ?? 0;
    expect(authInfo).toBeGreaterThan(40_000);
    const records = seen().slice(-3);
    expect(records.map((one) => one - OVERHEAD[version])).toEqual([MOST, MOST, authInfo - 2 * MOST]);
  });
});

/** Carries octets between two sockets; gives the lengths of the records of application data that went from the first one to the other. */
function relayed(from: Socket, to: Socket): () => readonly number[] {
  const chunks: Buffer[] = [];
  from.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    to.write(chunk);
  });
  to.on('data', (chunk: Buffer) => from.write(chunk));
  return () => {
    const all = Buffer.concat(chunks);
    const lengths: number[] = [];
    // Behind the X.224 request, which says how long it is.
    for (let at = all.readUInt16BE(2); at < all.length; at += 5 + all.readUInt16BE(at + 3))
      if (all[at] === 23) lengths.push(all.readUInt16BE(at + 3));
    return lengths;
  };
}

/** A client whose TLS and TSRequests are apart, so that a test can put them together as it likes; and a server of ours. */
async function apart(
  mechanism = ntlmPackage,
  protocols = 0,
): Promise<{ tls: SecurityContext; engine: SecurityContext; server: SecurityContext }> {
  const server = (await inbound({ protocols })).accept({ flags: 0 });
  const credential = await schannelPackage.acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: { kind: 'schannel' },
    host: systemHost,
  });
  const tls = credential.initiate({ flags: ISC_REQ.MANUAL_CRED_VALIDATION });
  await connect(tls, server);
  const inner = await mechanism.acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: PASSWORD },
    host: systemHost,
  });
  const engine = credsspInitiator({
    publicKey: subjectPublicKey(tls.query('REMOTE_CERT_CONTEXT').certificate),
    mechanism: inner.initiate({ flags: ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY, targetName: TARGET }),
    credentials: { kind: 'password', domain: 'EXAMPLE', user: 'alice', password: Secret.fromText(PASSWORD) },
    serverCertificateTrusted: false,
    targetName: TARGET,
    flags: ISC_REQ.DELEGATE,
  });
  return { tls, engine, server };
}

/** Goes on until the client has its credentials ready; they are not sent. */
async function upToCredentials({ tls, engine, server }: Awaited<ReturnType<typeof apart>>): Promise<Uint8Array> {
  let request = (await stepped(engine)).token;
  for (;;) {
    const { token } = await stepped(server, await streamOf(tls).encrypt(request));
    const record = await streamOf(tls).decrypt(token);
    if (record.kind !== 'data') throw new TypeError(record.kind);
    request = (await stepped(engine, record.plaintext)).token;
    if (engine.state === 'established') return request;
  }
}

describe('X9: what is behind a TSRequest in its record', () => {
  const behind: readonly (readonly [string, Uint8Array])[] = [
    ['an empty SEQUENCE', Uint8Array.of(0x30, 0)],
    ['one octet', Uint8Array.of(0)],
    ['the beginning of a TSRequest', Uint8Array.of(0x30)],
    ['a whole TSRequest', encodeTSRequest({ version: 6, negoTokens: [{ negoToken: Uint8Array.of(1) }] })],
    ['what RDP would say next', Uint8Array.of(3, 0, 0, 4)],
  ];

  test.each(behind)('behind the last one nothing may be: %s', async (_, more) => {
    const sides = await apart();
    const authInfo = await upToCredentials(sides);
    const record = await streamOf(sides.tls).encrypt(Uint8Array.of(...authInfo, ...more));
    const error = await failure(sides.server.step(record));
    expect(error).toMatchObject({ code: 'MALFORMED_TOKEN', status: SEC_E.INVALID_TOKEN, stage: 'TSRequest' });
    expect(sides.server.state).toBe('failed');
    expect(() => sides.server.query('CREDS')).toThrow(expect.objectContaining({ status: SEC_E.INVALID_HANDLE }));
  });

  test('the credentials alone, by the same hand, are welcome', async () => {
    const sides = await apart();
    const authInfo = await upToCredentials(sides);
    const step = await sides.server.step(await streamOf(sides.tls).encrypt(authInfo));
    expect(step.status).toBe(SEC_E.OK);
    expect(sides.server.query('CREDS').kind).toBe('password');
  });
});

/** TSRequests in one record, whatever its length would allow. */
async function inOneRecord(tls: SecurityContext, ...requests: TSRequest[]): Promise<Uint8Array> {
  return streamOf(tls).encrypt(Uint8Array.from(requests.flatMap((request) => [...encodeTSRequest(request)])));
}

/** TSRequests of ours, each in a record of its own. */
async function requestsIn(tls: SecurityContext, records: Uint8Array): Promise<TSRequest[]> {
  const requests: TSRequest[] = [];
  for (let rest = records; rest.length > 0; ) {
    const record = await streamOf(tls).decrypt(rest);
    if (record.kind !== 'data') throw new TypeError(record.kind);
    if (record.plaintext.length > 0) requests.push(decodeTSRequest(record.plaintext.slice()));
    rest = rest.subarray(record.consumed);
  }
  return requests;
}

const fieldsOf = (request: TSRequest | undefined): string[] => Object.keys(request ?? {}).sort();

/** The client's last token and its proof, one after the other, as a client may have them that does not wait. */
async function tokenAndProof({
  tls,
  engine,
  server,
}: Awaited<ReturnType<typeof apart>>): Promise<[TSRequest, TSRequest]> {
  const { token } = await stepped(server, await streamOf(tls).encrypt((await stepped(engine)).token));
  const [challenge] = await requestsIn(tls, token);
  if (challenge === undefined) throw new TypeError('no answer');
  const request = decodeTSRequest((await stepped(engine, encodeTSRequest(challenge))).token);
  const { version, negoTokens, pubKeyAuth, clientNonce } = request;
  return [
    { version, negoTokens },
    { version, pubKeyAuth, clientNonce },
  ];
}

describe.each(VERSIONS)('Z8, X9: two TSRequests in one record over %s', (_, protocols) => {
  test.each([
    ['NTLM', ntlmPackage, [['pubKeyAuth', 'version']]],
    // The server's mechListMIC answers the one, its proof the other.
    [
      'SPNEGO',
      negotiatePackage,
      [
        ['negoTokens', 'version'],
        ['pubKeyAuth', 'version'],
      ],
    ],
  ] as const)('a server answers both at once: the last token of %s, and the proof', async (__, mechanism, answers) => {
    const sides = await apart(mechanism, protocols);
    const { tls, engine, server } = sides;
    const record = await inOneRecord(tls, ...(await tokenAndProof(sides)));
    const step = await stepped(server, record);
    expect([step.status, step.consumed]).toEqual([SEC_I.CONTINUE_NEEDED, record.length]);
    const replies = await requestsIn(tls, step.token);
    expect(replies.map(fieldsOf)).toEqual(answers);
    let credentials: Uint8Array = new Uint8Array(0);
    for (const reply of replies) credentials = (await stepped(engine, encodeTSRequest(reply))).token;
    await stepped(server, await streamOf(tls).encrypt(credentials));
    expect(server.state).toBe('established');
    expect(server.query('CREDS').kind).toBe('password');
  });

  test('a wrong second one is refused with the answer to the first', async () => {
    const sides = await apart(negotiatePackage, protocols);
    const [token, { pubKeyAuth = new Uint8Array(0), ...proof }] = await tokenAndProof(sides);
    const altered = pubKeyAuth.map((octet, at) => (at === pubKeyAuth.length - 1 ? octet ^ 1 : octet));
    const error = await failure(
      sides.server.step(await inOneRecord(sides.tls, token, { ...proof, pubKeyAuth: altered })),
    );
    expect(error.code).toBe('MESSAGE_ALTERED');
    const replies = await requestsIn(sides.tls, error.token ?? new Uint8Array(0));
    expect(replies.map(fieldsOf)).toEqual([
      ['negoTokens', 'version'],
      ['errorCode', 'version'],
    ]);
  });

  test('a client takes the server’s mechListMIC and its proof', async () => {
    const client = (await outbound({ protocols })).initiate({ flags: ISC_REQ.DELEGATE, targetName: TARGET });
    const { tls, tickets, requests, engine } = await serverApart(client, protocols);
    const [first] = requests;
    if (first === undefined) throw new TypeError('no TSRequest');
    const challenge = (await stepped(engine, encodeTSRequest(first))).token;
    const answer = Uint8Array.of(...tickets, ...(await streamOf(tls).encrypt(challenge)));
    const [both] = await requestsIn(tls, (await stepped(client, answer)).token);
    const { version = 0, negoTokens, pubKeyAuth, clientNonce } = both ?? {};
    const answers: TSRequest[] = [];
    for (const request of [
      { version, negoTokens },
      { version, pubKeyAuth, clientNonce },
    ])
      answers.push(decodeTSRequest((await stepped(engine, encodeTSRequest(request))).token));
    expect(answers.map(fieldsOf)).toEqual([
      ['negoTokens', 'version'],
      ['pubKeyAuth', 'version'],
    ]);
    const step = await stepped(client, await inOneRecord(tls, ...answers));
    expect(step.status).toBe(SEC_E.OK);
    const [credentials] = await requestsIn(tls, step.token);
    expect(fieldsOf(credentials)).toEqual(['authInfo', 'version']);
    await stepped(engine, encodeTSRequest(credentials ?? { version: 0 }));
    expect(engine.query('CREDS').kind).toBe('password');
  });
});

/** A server whose TLS and TSRequests are apart; `client` has come as far as its first TSRequest. */
async function serverApart(
  client: SecurityContext,
  protocols: number,
): Promise<{ tls: SecurityContext; tickets: Uint8Array; requests: TSRequest[]; engine: SecurityContext }> {
  const credential = await schannelPackage.acquire({
    use: SECPKG_CRED.INBOUND,
    authData: { kind: 'schannel', certificates: [certificates.ec], enabledProtocols: protocols },
    host: systemHost,
  });
  const tls = credential.accept({ flags: 0 });
  let input = (await stepped(client)).token;
  const requests: TSRequest[] = [];
  let tickets: Uint8Array = new Uint8Array(0);
  while (requests.length === 0) {
    let rest = input;
    tickets = new Uint8Array(0);
    if (tls.state !== 'established') {
      const step = await stepped(tls, input);
      rest = input.subarray(step.consumed);
      tickets = step.token;
    }
    // TLS 1.3: behind Finished in the same token; TLS 1.2: in the next one.
    requests.push(...(await requestsIn(tls, rest)));
    if (requests.length === 0) input = (await stepped(client, tickets)).token;
  }
  const certificate = tls.query('LOCAL_CERT_CONTEXT').certificate;
  const inner = await negotiatePackage.acquire({
    use: SECPKG_CRED.INBOUND,
    authData: {
      kind: 'acceptor',
      accounts: memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password: PASSWORD }]),
    },
    host: systemHost,
  });
  const engine = credsspAcceptor({
    publicKey: subjectPublicKey(certificate),
    mechanism: inner.accept({ flags: ASC_REQ.INTEGRITY | ASC_REQ.CONFIDENTIALITY }),
    flags: 0,
  });
  return { tls, tickets, requests, engine };
}
