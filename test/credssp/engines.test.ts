import { describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import {
  credsspAcceptor,
  credsspInitiator,
  decodeTSRequest,
  encodeTSRequest,
  PERMISSIVE_DELEGATION_POLICY,
  type TSRequest,
} from '../../src/credssp/index.ts';
import { systemHost } from '../../src/host/index.ts';

import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import {
  ASC_REQ,
  ASC_RET,
  type CredSspOptions,
  ISC_REQ,
  ISC_RET,
  NEVER,
  SEC_E,
  SEC_I,
  SECPKG_CRED,
  Secret,
  type SecurityContext,
  type SecurityPackage,
} from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import { hex } from '../support/vectors.ts';

const PUBLIC_KEY = hex('3082010a0282010100c0ffee');
const TARGET = 'TERMSRV/host.example.test';
const INNER =
  ISC_REQ.MUTUAL_AUTH | ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.REPLAY_DETECT;
const INNER_ACCEPT = ASC_REQ.INTEGRITY | ASC_REQ.CONFIDENTIALITY | ASC_REQ.SEQUENCE_DETECT | ASC_REQ.REPLAY_DETECT;

interface Case {
  readonly mechanism?: SecurityPackage;
  readonly password?: string;
  readonly client?: CredSspOptions;
  readonly server?: CredSspOptions;
  readonly clientKey?: Uint8Array;
  readonly trusted?: boolean;
  readonly flags?: number;
  /** Of the mechanism inside. */
  readonly inner?: number;
  readonly target?: string;
}

async function pair(one: Case = {}): Promise<{ client: SecurityContext; server: SecurityContext }> {
  const mechanism = one.mechanism ?? ntlmPackage;
  const password = one.password ?? 'AlicePass1!';
  const outbound = await mechanism.acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password },
    host: systemHost,
  });
  const inbound = await mechanism.acquire({
    use: SECPKG_CRED.INBOUND,
    authData: {
      kind: 'acceptor',
      accounts: memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' }]),
    },
    host: systemHost,
  });
  const targetName = one.target ?? TARGET;
  const client = credsspInitiator({
    publicKey: one.clientKey ?? PUBLIC_KEY,
    mechanism: outbound.initiate({ flags: one.inner ?? INNER, targetName }),
    credentials: { kind: 'password', domain: 'EXAMPLE', user: 'alice', password: Secret.fromText(password) },
    serverCertificateTrusted: one.trusted ?? false,
    targetName,
    flags: one.flags ?? ISC_REQ.DELEGATE,
    options: one.client ?? {},
  });
  const server = credsspAcceptor({
    publicKey: PUBLIC_KEY,
    mechanism: inbound.accept({ flags: INNER_ACCEPT }),
    flags: 0,
    options: one.server ?? {},
  });
  return { client, server };
}

function flipped(octets: Uint8Array, at: number): Uint8Array {
  return octets.map((octet, place) => (place === at % octets.length ? octet ^ 1 : octet));
}

/** As `converse`; a token that says it is longer than it is ends the conversation. */
async function conversed(...sides: Parameters<typeof converse>): Promise<void> {
  await converse(...sides).catch((error: unknown) => {
    if (!(error instanceof TypeError && error.message.includes(`${SEC_E.INCOMPLETE_MESSAGE}`))) throw error;
  });
}

const mechanisms: readonly [string, SecurityPackage][] = [
  ['raw NTLM', ntlmPackage],
  ['SPNEGO', negotiatePackage],
];
const pinned = [2, 3, 4, 5, 6].map((version) => ({ maxVersion: version, minVersion: version }));

describe.each(mechanisms)('CredSSP engines over %s', (_, mechanism) => {
  test.each(pinned)('X14, Y21: version $maxVersion on both sides delegates the password', async (options) => {
    const { client, server } = await pair({ mechanism, client: options, server: options });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    const delegated = server.query('CREDS');
    if (delegated.kind !== 'password') throw new TypeError(delegated.kind);
    expect([delegated.domain, delegated.user]).toEqual(['EXAMPLE', 'alice']);
    expect(Buffer.from(delegated.password.reveal()).toString('utf16le')).toBe('AlicePass1!');
    expect(server.query('ACCESS_TOKEN').name).toBe('EXAMPLE\\alice');
    expect(server.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
  });

  test('R21: without DELEGATE the exchange completes and nothing is delegated', async () => {
    const { client, server } = await pair({ mechanism, flags: 0 });
    const { acceptorError } = await converse(client, server);
    expect(acceptorError).toBeUndefined();
    expect(server.query('CREDS')).toEqual({ kind: 'none' });
    expect(server.query('FLAGS').flags & ASC_RET.DELEGATE).toBe(0);
    expect(client.query('FLAGS').flags & ISC_RET.DELEGATE).toBe(0);
  });

  test('C13, X20: a wrong password is told to a version 6 client as LOGON_FAILURE, and the reason stays on the server', async () => {
    const { client, server } = await pair({ mechanism, password: 'wrong' });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect(acceptorError?.code).toBe('LOGON_DENIED');
    expect(initiatorError).toMatchObject({ code: 'PEER_REFUSED', status: SEC_E.LOGON_DENIED, ntStatus: 0xc000006d });
    expect(client.state).toBe('failed');
    await expect(client.step(hex('3000'))).rejects.toBe(
      await client.step(hex('3000')).catch((error: unknown) => error),
    );
  });

  test.each([2, 5])('X20: version %i has no errorCode, so nothing is said', async (version) => {
    const options = { maxVersion: version, minVersion: version };
    const { client, server } = await pair({ mechanism, password: 'wrong', client: options, server: options });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect(acceptorError?.status).toBe(SEC_E.LOGON_DENIED);
    expect(acceptorError?.token).toBeUndefined();
    expect(initiatorError).toBeUndefined();
  });

  test.each(pinned)(
    'Z1, X31: version $maxVersion: another TLS key in between is found out by the server',
    async (options) => {
      const { client, server } = await pair({
        mechanism,
        client: options,
        server: options,
        clientKey: hex('3082010a0bad'),
      });
      const { acceptorError, tokens } = await converse(client, server);
      expect(acceptorError).toMatchObject({ code: 'PUBLIC_KEY_MISMATCH', status: SEC_E.MESSAGE_ALTERED });
      expect(tokens.map(({ token }) => decodeTSRequest(token)).some((request) => request.authInfo !== undefined)).toBe(
        false,
      );
    },
  );

  test('R35: every cut of every token gives SEC_E_INCOMPLETE_MESSAGE and changes nothing', async () => {
    const { client, server } = await pair({ mechanism });
    const contexts = { initiator: client, acceptor: server };
    let from: 'initiator' | 'acceptor' = 'initiator';
    let step = await client.step();
    while ('token' in step && step.token.length > 0) {
      from = from === 'initiator' ? 'acceptor' : 'initiator';
      const { token } = step;
      for (let length = 1; length < token.length; length++) {
        const short = await contexts[from].step(token.subarray(0, length));
        expect(short.status).toBe(SEC_E.INCOMPLETE_MESSAGE);
      }
      step = await contexts[from].step(token);
    }
    expect([client.state, server.state]).toEqual(['established', 'established']);
  });
});

describe('CredSSP engines: versions', () => {
  test.each([2, 3, 4])('Y18, Y20: a server of version %i is refused before any proof is sent', async (version) => {
    const { client, server } = await pair({ server: { maxVersion: version, minVersion: 2 } });
    const { initiatorError, tokens } = await converse(client, server);
    expect(initiatorError).toMatchObject({ code: 'VERSION_REFUSED', status: SEC_E.UNSUPPORTED_FUNCTION });
    expect(tokens).toHaveLength(2);
  });

  test.each([
    [2, undefined],
    [3, 0xc00000bb],
    [4, 0xc00000bb],
  ])('Y19, X18: a client of version %i is refused by default', async (version, ntStatus) => {
    const { client, server } = await pair({ client: { maxVersion: version, minVersion: 2 } });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect(acceptorError).toMatchObject({ code: 'VERSION_REFUSED', status: SEC_E.UNSUPPORTED_FUNCTION });
    expect(initiatorError?.ntStatus).toBe(ntStatus);
  });

  test('X14: a version from the future counts as ours', async () => {
    const { client, server } = await pair();
    const future = (_: string, token: Uint8Array): Uint8Array =>
      encodeTSRequest({ ...decodeTSRequest(token), version: 9 });
    const { initiatorError, acceptorError } = await converse(client, server, future);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
  });

  test('Z2: a version that changes within the exchange is refused', async () => {
    const { client, server } = await pair();
    const { acceptorError } = await converse(client, server, (_, token, index) =>
      index === 2 ? encodeTSRequest({ ...decodeTSRequest(token), version: 5 }) : token,
    );
    expect(acceptorError?.code).toBe('VERSION_CHANGED');
  });

  test.each([
    ['missing', (request: TSRequest): TSRequest => ({ ...request, clientNonce: undefined })],
    ['another one than before', (request: TSRequest): TSRequest => ({ ...request, clientNonce: new Uint8Array(32) })],
  ])('Z2, X17: a nonce that is %s', async (name, change) => {
    const { client, server } = await pair();
    const { acceptorError } = await converse(client, server, (_, token, index) => {
      if (name.startsWith('another') && index === 0)
        return encodeTSRequest({ ...decodeTSRequest(token), clientNonce: new Uint8Array(32).fill(1) });
      return index === 2 ? encodeTSRequest(change(decodeTSRequest(token))) : token;
    });
    expect(acceptorError).toMatchObject({ code: 'NONCE_INVALID', status: SEC_E.INVALID_TOKEN });
  });
});

describe('CredSSP engines: what the server may not do', () => {
  test('X33: the client’s own proof sent back is refused, and no credentials leave', async () => {
    const { client, server } = await pair({ client: { maxVersion: 2, minVersion: 2 }, server: { minVersion: 2 } });
    let own: Uint8Array | undefined;
    const { initiatorError } = await converse(client, server, (from, token, index) => {
      const request = decodeTSRequest(token);
      if (from === 'initiator') own = request.pubKeyAuth ?? own;
      return index === 3 ? encodeTSRequest({ ...request, pubKeyAuth: own }) : token;
    });
    expect(initiatorError?.status).toBe(SEC_E.MESSAGE_ALTERED);
  });

  test.each(['initiator', 'acceptor'] as const)(
    'X31: an octet flipped anywhere in the proof of the %s',
    async (side) => {
      // 16 octets of signature: version, checksum, sequence number; then 32 of ciphertext.
      for (let at = 0; at < 48; at++) {
        const { client, server } = await pair();
        const { initiatorError, acceptorError, tokens } = await converse(client, server, (from, token) => {
          const { pubKeyAuth, ...request } = decodeTSRequest(token);
          if (from !== side || pubKeyAuth === undefined) return token;
          expect(pubKeyAuth).toHaveLength(48);
          return encodeTSRequest({ ...request, pubKeyAuth: flipped(pubKeyAuth, at) });
        });
        const error = side === 'initiator' ? acceptorError : initiatorError;
        expect([at, error?.status]).toEqual([at, at >= 12 && at < 16 ? SEC_E.OUT_OF_SEQUENCE : SEC_E.MESSAGE_ALTERED]);
        expect(tokens.every(({ token }) => decodeTSRequest(token).authInfo === undefined)).toBe(true);
      }
    },
  );

  test('R68: any octet of any TSRequest flipped: never established on both sides, never credentials', async () => {
    const honest = await pair();
    const { tokens } = await converse(honest.client, honest.server);
    expect(tokens).toHaveLength(5);
    for (const [index, { token }] of tokens.entries())
      for (let at = 0; at < token.length; at++) {
        const { client, server } = await pair();
        await conversed(client, server, (_, said, leg) => (leg === index ? flipped(said, at) : said));
        expect([index, at, server.state]).not.toEqual([index, at, 'established']);
        expect(() => server.query('CREDS')).toThrow();
      }
  });

  test('X32: a proof that never comes is not waited for', async () => {
    const { client, server } = await pair();
    const { initiatorError } = await converse(client, server, (_, token, index) =>
      index === 3 ? encodeTSRequest({ version: 6, negoTokens: [{ negoToken: hex('a1073005a0030a0100') }] }) : token,
    );
    expect(initiatorError?.status).toBeGreaterThan(0x80000000);
    expect(client.state).toBe('failed');
  });
});

describe('CredSSP engines: what the client may not do', () => {
  test.each([
    ['a proof in the first message', (request: TSRequest): TSRequest => ({ ...request, pubKeyAuth: hex('00') })],
    ['a proof and no token', (): TSRequest => ({ version: 6, pubKeyAuth: hex('00') })],
    ['credentials at once', (): TSRequest => ({ version: 6, authInfo: hex('00') })],
  ])('C16, Z6: %s', async (_, change) => {
    const { client, server } = await pair();
    const { acceptorError } = await converse(client, server, (_from, token, index) =>
      index === 0 ? encodeTSRequest(change(decodeTSRequest(token))) : token,
    );
    expect(acceptorError).toMatchObject({ code: 'UNEXPECTED_MESSAGE', status: SEC_E.INVALID_TOKEN });
  });

  test('Z4: credentials before the proof are not believed', async () => {
    const { client, server } = await pair();
    const { acceptorError } = await converse(client, server, (_, token, index) => {
      if (index !== 2) return token;
      const { pubKeyAuth, ...request } = decodeTSRequest(token);
      return encodeTSRequest({ ...request, authInfo: pubKeyAuth });
    });
    expect(acceptorError?.code).toBe('UNEXPECTED_MESSAGE');
    expect(server.state).toBe('failed');
  });

  test('Z24: nothing is taken after the end', async () => {
    const { client, server } = await pair();
    const { tokens } = await converse(client, server);
    const last = tokens.at(-1)?.token ?? new Uint8Array(0);
    await expect(server.step(last)).rejects.toMatchObject({ code: 'CONTEXT_FINISHED', status: SEC_E.OUT_OF_SEQUENCE });
  });
});

describe('CredSSP engines: delegation', () => {
  test('Y11, Y12: a target that no list names is refused before the first token', async () => {
    const { client } = await pair({ target: 'WSMAN/host' });
    await expect(client.step()).rejects.toMatchObject({ code: 'DELEGATION_POLICY', status: SEC_E.DELEGATION_POLICY });
  });

  test('Y13: allowed only with server authentication', async () => {
    const policy = { ...PERMISSIVE_DELEGATION_POLICY, allowFreshNtlmOnly: [] };
    const { client, server } = await pair({ client: { policy } });
    const { initiatorError, tokens } = await converse(client, server);
    expect(initiatorError).toMatchObject({ code: 'POLICY_NTLM_ONLY', status: SEC_E.POLICY_NLTM_ONLY });
    expect(tokens.every(({ token }) => decodeTSRequest(token).authInfo === undefined)).toBe(true);
    const trusted = await pair({ client: { policy }, trusted: true });
    expect((await converse(trusted.client, trusted.server)).initiatorError).toBeUndefined();
  });

  test('R22, Y14: MUTUAL_AUTH needs Kerberos or a trusted certificate', async () => {
    const flags = ISC_REQ.DELEGATE | ISC_REQ.MUTUAL_AUTH;
    const untrusted = await pair({ flags });
    const { initiatorError } = await converse(untrusted.client, untrusted.server);
    expect(initiatorError).toMatchObject({ code: 'MUTUAL_AUTH_FAILED', status: SEC_E.MUTUAL_AUTH_FAILED });
    const trusted = await pair({ flags, trusted: true });
    expect((await converse(trusted.client, trusted.server)).initiatorError).toBeUndefined();
    expect(trusted.client.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).toBe(ISC_RET.MUTUAL_AUTH);
    expect(trusted.client.query('SERVER_AUTH_FLAGS').flags).toBe(2);
  });

  test('R27, C6: flags that CredSSP does not know', async () => {
    await expect(pair({ flags: ISC_REQ.DATAGRAM })).rejects.toMatchObject({ status: SEC_E.UNSUPPORTED_FUNCTION });
  });

  test('C15: a client that may only be identified inside is so outside', async () => {
    const { client, server } = await pair({ inner: INNER | ISC_REQ.IDENTIFY });
    const { acceptorError } = await converse(client, server);
    expect(acceptorError).toBeUndefined();
    expect(server.query('ACCESS_TOKEN').identifyOnly).toBe(true);
    expect(server.query('LIFESPAN').expiry).toBe(NEVER); // neither channel nor ticket
  });

  test('R44: intermediate flags tell nothing about security', async () => {
    const { client } = await pair();
    const step = await client.step();
    expect(step).toMatchObject({
      status: SEC_I.CONTINUE_NEEDED,
      flags: ISC_RET.INTERMEDIATE_RETURN | ISC_RET.MANUAL_CRED_VALIDATION,
    });
  });
});
