/** What InitializeSecurityContext returns, each code in a situation that really leads there: contract §1.3, and R72, R76. */
import { describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import type { CredHandle, CtxtHandle, Sspi } from '../../src/api/index.ts';
import {
  credsspAcceptor,
  credsspInitiator,
  encodeTSRequest,
  PERMISSIVE_DELEGATION_POLICY,
  type TSRequest,
} from '../../src/credssp/index.ts';
import {
  ASC_REQ,
  type CredSspOptions,
  contentOf,
  encodeAuthIdentity,
  ISC_REQ,
  ISC_RET,
  isFailure,
  NEVER,
  SEC_E,
  SEC_I,
  SECBUFFER,
  SECPKG_ATTR,
  Secret,
  type SecurityContext,
  secBuffer,
  systemHost,
} from '../../src/index.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { accept, desc, initiate, named, present, received, room } from '../api/door.ts';
import { ascii, textOf } from '../api/toys.ts';
import { der, pem, withKey } from '../schannel/support.ts';
import { TLS_1_2, TLS_1_3 } from '../support/credssp.ts';
import { converse } from '../support/loop.ts';
import { hex } from '../support/vectors.ts';
import { answerTo, clientAgainst, honest, honestAnswer, tlsServer } from './fake-server.ts';
import {
  ACCEPTOR,
  ALICE,
  CLIENT_TLS,
  certificates,
  established,
  IDENTITY,
  inbound,
  opening,
  outbound,
  SERVER_TLS,
  sealed,
  TARGET,
  table,
} from './support.ts';

const NTLM_INSIDE = { options: { mechanism: 'ntlm' } } as const;

/** The client against a server that answers with one fixed TSRequest, whatever it is told. */
async function against(
  answer: Uint8Array,
  options: CredSspOptions = {},
  more: Parameters<typeof clientAgainst>[3] = {},
) {
  const sspi = table();
  const credential = await outbound(sspi, 'CREDSSP', { options: { mechanism: 'ntlm', ...options } });
  return { sspi, ...(await clientAgainst(sspi, credential, () => answer, more)) };
}

/** Where the last of several records begins. */
function lastRecordOf(records: Uint8Array): number {
  const view = Buffer.from(records);
  let at = 0;
  for (let next = 0; next < view.length; next += 5 + view.readUInt16BE(next + 3)) at = next;
  return at;
}

const errorCode = (ntStatus: number): Uint8Array => encodeTSRequest({ version: 6, errorCode: ntStatus | 0 });

describe('success', () => {
  test('R47, R48, R78: CONTINUE_NEEDED with a token each time, at last SEC_E_OK with the last one', async () => {
    const sspi = table();
    const end = await clientAgainst(sspi, await outbound(sspi, 'CREDSSP', NTLM_INSIDE), await honestAnswer());
    expect([named(end.result), end.token.length > 0]).toEqual(['SEC_E_OK', true]);
  });

  test('R52: CONTINUE_NEEDED with nothing to send: the TSRequest of the server is not whole yet', async () => {
    const sspi = table();
    const { answer } = await honest();
    const credential = await outbound(sspi, 'CREDSSP', NTLM_INSIDE);
    const end = await clientAgainst(sspi, credential, async (request) =>
      encodeTSRequest(present(await answer(request))).subarray(0, 100),
    );
    expect([named(end.result), end.token.length]).toEqual(['SEC_I_CONTINUE_NEEDED', 0]);
  });

  test.each([1, 40, -1])(
    'R36: a TSRequest in two records, cut at %i: the first is kept without a word, the second completes it',
    async (cut) => {
      const sspi = table();
      const credential = await outbound(sspi, 'CREDSSP', NTLM_INSIDE);
      const whole = await clientAgainst(sspi, credential, await honestAnswer());
      const { answer } = await honest();
      const halves = async (request: TSRequest) => {
        const reply = await answer(request);
        if (reply === undefined) return undefined;
        const octets = encodeTSRequest(reply);
        return [octets.subarray(0, cut), octets.subarray(cut)];
      };
      let held: Uint8Array = new Uint8Array(0);
      const end = await clientAgainst(sspi, credential, halves, {
        // The client has said nothing to the first record: so comes the second.
        tamper: (records, call) => {
          const arrived =
            records.length === 0 ? held : records.subarray(0, call > 1 ? lastRecordOf(records) : undefined);
          held = records.subarray(arrived.length);
          return arrived;
        },
      });
      expect(named(end.result)).toBe('SEC_E_OK');
      expect(end.requests.map((request) => Object.keys(request).sort())).toEqual(
        whole.requests.map((request) => Object.keys(request).sort()),
      );
      // One more call for each of the two TSRequests that a server of NTLM sends.
      expect(end.calls).toBe(whole.calls + 2);
    },
  );

  test('R53, R76: a server that wants a certificate: INCOMPLETE_CREDENTIALS, and the issuers', async () => {
    const sspi = table();
    const root = certificates.rsa.certificate;
    const tls = { ...SERVER_TLS, requestClientCertificate: true, rootStore: [root] };
    const asked = await clientAgainst(sspi, await outbound(sspi, 'CREDSSP', NTLM_INSIDE), await honestAnswer(), {
      tls,
    });
    expect(asked.result.status).toBe(0x00090320);
    const context = present(asked.context);
    const { value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.ISSUER_LIST_EX });
    expect(value?.issuers).toHaveLength(1);
    expect(textOf(present(value?.issuers[0]))).toContain('host.example.test');
  });

  test('R23, R76: with USE_SUPPLIED_CREDS nobody is asked', async () => {
    const sspi = table();
    const tls = { ...SERVER_TLS, requestClientCertificate: true, rootStore: [certificates.rsa.certificate] };
    const credential = await outbound(sspi, 'CREDSSP', NTLM_INSIDE);
    const contextReq = ISC_REQ.USE_SUPPLIED_CREDS | ISC_REQ.DELEGATE;
    const end = await clientAgainst(sspi, credential, await honestAnswer({ tls }), { tls, contextReq });
    expect(named(end.result)).toBe('SEC_E_OK');
  });

  test.each(['the same credential', 'no credential'])(
    'R76: the same token again with %s goes on anonymously',
    async (which) => {
      const { sspi, context, flight, credential, server } = await askedForCertificate();
      const again = await initiate(sspi, {
        context,
        input: flight,
        contextReq: ISC_REQ.DELEGATE,
        ...(which === 'no credential' ? {} : { credential }),
      });
      expect(named(again.result)).toBe('SEC_I_CONTINUE_NEEDED');
      expect(again.token.length).toBeGreaterThan(0);
      // Not a new ClientHello: the answer to the flight.
      expect([again.token[0], again.token[5]]).not.toEqual([22, 1]);
      expect(named(await finish(sspi, context, again.token, server))).toBe('SEC_E_OK');
      expect(() => server.query('REMOTE_CERT_CONTEXT')).toThrow(
        expect.objectContaining({ status: SEC_E.NO_CREDENTIALS }),
      );
    },
  );

  test('R8, R76: another credential is welcome then; with a certificate the handshake begins anew', async () => {
    const { sspi, context, flight } = await askedForCertificate();
    // R76: a certificate of an authority that the server names.
    const { value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.ISSUER_LIST_EX });
    expect(textOf(present(value?.issuers[0]))).toContain('Test Root');
    const tls = { ...CLIENT_TLS, certificates: [withKey('leaf', 'client', 'intermediate')] };
    const better = await outbound(sspi, 'CREDSSP', { tls, ...NTLM_INSIDE });
    const again = await initiate(sspi, { context, input: flight, credential: better, contextReq: ISC_REQ.DELEGATE });
    expect(named(again.result)).toBe('SEC_I_CONTINUE_NEEDED');
    expect([again.token[0], again.token[5]]).toEqual([22, 1]); // a ClientHello
    // It is for a new connection, on which the exchange goes to its end, and the server sees the certificate.
    const server = await tlsServer(ASKING);
    expect(named(await finish(sspi, context, again.token, server))).toBe('SEC_E_OK');
    expect(server.query('REMOTE_CERT_CONTEXT').certificate).toEqual(der('client'));
    expect(server.query('CERT_TRUST_STATUS').errorStatus).toBe(0);
  });

  test('R8: a credential of another package is not welcome', async () => {
    const { sspi, context, flight } = await askedForCertificate();
    const result = await sspi.initializeSecurityContext({
      context,
      credential: await outbound(sspi, 'NTLM'),
      input: received(flight).desc,
      output: room(9000).desc,
    });
    expect(named(result)).toBe('SEC_E_INVALID_HANDLE');
  });

  const ASKING = { ...SERVER_TLS, requestClientCertificate: true, rootStore: [pem('root.pem')] };

  /** The rest of an exchange, from a token of the client's that a server has not seen yet. */
  async function finish(sspi: Sspi, context: CtxtHandle, first: Uint8Array, server: SecurityContext) {
    const answer = await honestAnswer();
    const next = async (token: Uint8Array) => {
      const input = await answerTo(server, token, [], answer);
      return initiate(sspi, { context, input, contextReq: ISC_REQ.DELEGATE });
    };
    let side = await next(first);
    while (side.result.status === SEC_I.CONTINUE_NEEDED && side.token.length > 0) side = await next(side.token);
    return side.result;
  }

  async function askedForCertificate() {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP', NTLM_INSIDE);
    let flight = new Uint8Array(0);
    const end = await clientAgainst(sspi, credential, await honestAnswer(), {
      tls: ASKING,
      contextReq: ISC_REQ.DELEGATE | ISC_REQ.STREAM,
      tamper: (records) => {
        flight = records.slice();
        return records;
      },
    });
    expect(end.result.status).toBe(SEC_I.INCOMPLETE_CREDENTIALS);
    // R43, R44: a success by number, which tells what intermediate ones tell.
    expect(end.result.contextAttr).toBe(
      ISC_RET.MANUAL_CRED_VALIDATION | ISC_RET.INTERMEDIATE_RETURN | ISC_RET.ALLOCATED_MEMORY | ISC_RET.STREAM,
    );
    expect(end.result.expiry).toBe(NEVER);
    return { sspi, credential, context: present(end.context), flight, server: end.server };
  }

  test('R54, R35, E4: INCOMPLETE_MESSAGE is 0x80090318, a failure by number; nothing has changed', async () => {
    const sspi = table();
    const server = await inbound(sspi, 'CREDSSP');
    const first = await initiate(sspi, { credential: await outbound(sspi, 'CREDSSP'), targetName: TARGET });
    const flight = (await accept(sspi, { credential: server, input: first.token })).token;
    const record = 5 + ((flight[3] ?? 0) << 8) + (flight[4] ?? 0);
    for (const cut of [1, 4, 5, 6, record - 1]) {
      const short = received(flight.subarray(0, cut));
      const result = await sspi.initializeSecurityContext({
        context: first.context,
        input: short.desc,
        output: room(9000).desc,
      });
      expect(result.status).toBe(0x80090318);
      expect(isFailure(result.status)).toBe(true);
      expect(short.empty).toMatchObject({ type: SECBUFFER.MISSING, count: cut < 5 ? 5 - cut : record - cut });
    }
    const whole = await initiate(sspi, { context: first.context, input: flight });
    expect(named(whole.result)).toBe('SEC_I_CONTINUE_NEEDED');
  });
});

describe('failure', () => {
  test('R55: a TSRequest above the limit is SEC_E_INSUFFICIENT_MEMORY', async () => {
    const sspi = table({ limits: { maxToken: 64 } });
    const credential = await outbound(sspi, 'CREDSSP', NTLM_INSIDE);
    const { result } = await clientAgainst(sspi, credential, await honestAnswer());
    expect(result.status).toBe(0x80090300);
    expect(result.error?.code).toBe('TOKEN_TOO_LARGE');
  });

  test.each([
    ['an errorCode without a meaning', 0xc0001234],
    ['STATUS_INTERNAL_ERROR', 0xc00000e5],
  ])('R56: %s is SEC_E_INTERNAL_ERROR', async (_, ntStatus) => {
    const { result } = await against(errorCode(ntStatus));
    expect([result.status, result.error?.ntStatus]).toEqual([0x80090304, ntStatus]);
  });

  test.each([
    ['octets that are no TSRequest', hex('ff00ff00')],
    ['a SEQUENCE that is none', hex('300502010a0500')],
    ['a version alone', hex('3005a003020106')],
    ['negoTokens with garbage in it', encodeTSRequest({ version: 6, negoTokens: [{ negoToken: ascii('garbage') }] })],
    ['pubKeyAuth in place of a token', encodeTSRequest({ version: 6, pubKeyAuth: hex('00') })],
    ['authInfo, which is for clients to send', encodeTSRequest({ version: 6, authInfo: hex('00') })],
  ])('R58: %s is SEC_E_INVALID_TOKEN', async (_, answer) => {
    const { result, context, sspi } = await against(answer);
    expect(result.status).toBe(0x80090308);
    // R68: and so it stays, with the right message too.
    const again = await sspi.initializeSecurityContext({
      context: present(context),
      input: received(ascii('anything')).desc,
      output: room().desc,
    });
    expect(again.status).toBe(0x80090308);
  });

  test.each([
    ['STATUS_LOGON_FAILURE', 0xc000006d],
    ['STATUS_WRONG_PASSWORD', 0xc000006a],
    ['STATUS_ACCOUNT_DISABLED', 0xc0000072],
    ['STATUS_ACCOUNT_LOCKED_OUT', 0xc0000234],
    ['STATUS_PASSWORD_MUST_CHANGE', 0xc0000224],
  ])('R59, T7: errorCode %s is SEC_E_LOGON_DENIED, with the NTSTATUS beside it', async (_, ntStatus) => {
    const { result } = await against(errorCode(ntStatus));
    expect([result.status, result.error?.ntStatus]).toEqual([0x8009030c, ntStatus]);
  });

  test('R59, F11: so is the TLS alert access_denied', async () => {
    const { result } = await against(hex('00'), {}, { tamper: () => hex('1503030002 02 31') });
    expect(result.status).toBe(0x8009030c);
  });

  test.each([
    ['PROMPT_FOR_CREDS', 0x40],
    ['USE_DCE_STYLE', 0x200],
    ['DATAGRAM', 0x400],
  ])('R60: the flag %s is SEC_E_UNSUPPORTED_FUNCTION', async (_, contextReq) => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    const result = await sspi.initializeSecurityContext({ credential, contextReq, targetName: TARGET });
    expect(result.status).toBe(0x80090302);
  });

  test('R60, Y20: a server below the version that is asked for is SEC_E_UNSUPPORTED_FUNCTION', async () => {
    const { result, requests } = await against(
      encodeTSRequest({ version: 4, negoTokens: [{ negoToken: ascii('NTLMSSP\0') }] }),
    );
    expect(result.status).toBe(0x80090302);
    expect(requests).toHaveLength(1);
  });

  test.each([
    ['STATUS_NO_LOGON_SERVERS', 0xc000005e],
    ['STATUS_TRUSTED_RELATIONSHIP_FAILURE', 0xc000018d],
  ])('R61: errorCode %s is SEC_E_NO_AUTHENTICATING_AUTHORITY', async (_, ntStatus) => {
    expect((await against(errorCode(ntStatus))).result.status).toBe(0x80090311);
  });

  test('R61, A5: accounts that cannot be looked up are told to the client as such', async () => {
    const sspi = table();
    const accounts = { find: () => Promise.reject(new Error('the directory is down')) };
    const answer = await honestAnswer({ identity: { kind: 'acceptor', accounts } });
    const { result } = await clientAgainst(sspi, await outbound(sspi, 'CREDSSP', NTLM_INSIDE), answer);
    expect(result.status).toBe(0x80090311);
  });

  test('R62: SEC_E_NO_CREDENTIALS: none, those of a server, a hash where a password is to be delegated', async () => {
    const sspi = table();
    const call = async (credential: Parameters<typeof sspi.initializeSecurityContext>[0]['credential']) =>
      (await sspi.initializeSecurityContext({ credential, contextReq: ISC_REQ.DELEGATE, targetName: TARGET })).status;
    expect(await call(null)).toBe(0x8009030e);
    expect(await call(await inbound(sspi, 'CREDSSP'))).toBe(0x8009030e);
    const identity = {
      kind: 'nt-hash',
      user: 'alice',
      domain: 'EXAMPLE',
      ntHash: new Secret(new Uint8Array(16)),
    } as const;
    expect(await call(await outbound(sspi, 'CREDSSP', { identity }))).toBe(0x8009030e);
    const nothing = await sspi.acquireCredentialsHandle({ package: 'CREDSSP', credentialUse: 2 });
    expect(nothing.status).toBe(0x8009030e);
  });

  test('R63: a target without a host is SEC_E_TARGET_UNKNOWN', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    const result = await sspi.initializeSecurityContext({ credential, targetName: 'TERMSRV/' });
    expect(result.status).toBe(0x80090303);
  });

  test('R64: SEC_E_WRONG_PRINCIPAL: Schannel finds another name in the certificate', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'Schannel');
    const { result } = await clientAgainst(sspi, credential, () => undefined, {
      contextReq: ISC_REQ.STREAM,
      targetName: 'other.example.test',
    });
    expect(result.status).toBe(0x80090322);
  });

  test('R65, Y12: SEC_E_DELEGATION_POLICY: no list names the target; nothing but TLS was sent', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP', NTLM_INSIDE);
    const end = await clientAgainst(sspi, credential, await honestAnswer(), { targetName: 'WSMAN/host.example.test' });
    expect([end.result.status, end.token.length, end.requests]).toEqual([0x8009035e, 0, []]);
  });

  test('R25: with EXTENDED_ERROR the TOKEN buffer of the call that fails is what the server has to hear', async () => {
    const sspi = table();
    for (const [contextReq, status] of [
      [ISC_REQ.DELEGATE | ISC_REQ.EXTENDED_ERROR, 0x80090333], // SEC_E_UNFINISHED_CONTEXT_DELETED
      [ISC_REQ.DELEGATE, undefined],
    ] as const) {
      let client = await initiate(sspi, {
        credential: await outbound(sspi, 'CREDSSP', NTLM_INSIDE),
        targetName: 'WSMAN/host.example.test',
        contextReq,
      });
      const server = await accept(sspi, { credential: await inbound(sspi, 'CREDSSP'), input: client.token });
      client = await initiate(sspi, { context: client.context, input: server.token, contextReq });
      expect(client.result.status).toBe(0x8009035e);
      expect(client.token.length > 0).toBe(status !== undefined);
      if (status === undefined) continue;
      const heard = await accept(sspi, { context: server.context, input: client.token });
      expect([heard.result.status, heard.result.error?.code]).toEqual([status, 'CONNECTION_CLOSED']);
    }
  });

  test('R66, Y13: SEC_E_POLICY_NLTM_ONLY: only an authenticated server may have it', async () => {
    const sspi = table();
    const options = { mechanism: 'ntlm', policy: { ...PERMISSIVE_DELEGATION_POLICY, allowFreshNtlmOnly: [] } } as const;
    const untrusting = await outbound(sspi, 'CREDSSP', { tls: { kind: 'schannel', rootStore: [] }, options });
    const refused = await clientAgainst(sspi, untrusting, await honestAnswer());
    expect(refused.result.status).toBe(0x8009035f);
    expect(refused.requests.some(({ authInfo }) => authInfo !== undefined)).toBe(false);
    const trusting = await outbound(sspi, 'CREDSSP', { options });
    expect(named((await clientAgainst(sspi, trusting, await honestAnswer())).result)).toBe('SEC_E_OK');
  });

  test('R67, Y14: SEC_E_MUTUAL_AUTH_FAILED: neither Kerberos nor the certificate, and MUTUAL_AUTH was asked for', async () => {
    const sspi = table();
    const contextReq = ISC_REQ.MUTUAL_AUTH | ISC_REQ.DELEGATE;
    const untrusting = await outbound(sspi, 'CREDSSP', { ...NTLM_INSIDE, tls: { kind: 'schannel', rootStore: [] } });
    const refused = await clientAgainst(sspi, untrusting, await honestAnswer(), { contextReq });
    expect(refused.result.status).toBe(0x80090363);
    expect(refused.requests.some(({ authInfo }) => authInfo !== undefined)).toBe(false);
    const end = await clientAgainst(sspi, await outbound(sspi, 'CREDSSP', NTLM_INSIDE), await honestAnswer(), {
      contextReq,
    });
    expect(end.result.contextAttr & ISC_RET.MUTUAL_AUTH).toBe(ISC_RET.MUTUAL_AUTH);
  });

  test('R67a, X31: SEC_E_MESSAGE_ALTERED: the server proves another key', async () => {
    const sspi = table();
    const answer = await honestAnswer({ tls: { kind: 'schannel', certificates: [certificates.rsa] } });
    // The server of CredSSP believes in another certificate than its TLS shows: it refuses first, and says so.
    const told = await clientAgainst(sspi, await outbound(sspi, 'CREDSSP', NTLM_INSIDE), answer);
    expect(told.result.error?.ntStatus).toBe(0xc0000022);
    const { answer: truth } = await honest();
    const end = await clientAgainst(sspi, await outbound(sspi, 'CREDSSP', NTLM_INSIDE), async (request) => {
      const reply = present(await truth(request));
      const pubKeyAuth = reply.pubKeyAuth?.slice();
      if (pubKeyAuth !== undefined) pubKeyAuth[16] = (pubKeyAuth[16] ?? 0) ^ 1;
      return encodeTSRequest({ ...reply, pubKeyAuth });
    });
    expect(end.result.status).toBe(0x8009030f);
    expect(end.requests.some(({ authInfo }) => authInfo !== undefined)).toBe(false);
  });

  test('R67b, X29: SEC_E_OUT_OF_SEQUENCE: the proof has another number than the next', async () => {
    const sspi = table();
    const { answer } = await honest();
    const end = await clientAgainst(sspi, await outbound(sspi, 'CREDSSP', NTLM_INSIDE), async (request) => {
      const reply = present(await answer(request));
      const pubKeyAuth = reply.pubKeyAuth?.slice();
      if (pubKeyAuth !== undefined) pubKeyAuth[12] = 1; // SeqNum of the signature, [MS-NLMP] 2.2.2.9.1
      return encodeTSRequest({ ...reply, pubKeyAuth });
    });
    expect(end.result.status).toBe(0x80090310);
  });

  test('R67c, R39: SEC_E_BUFFER_TOO_SMALL: the size that is needed, and the context goes on', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    const small = room(10);
    const first = await sspi.initializeSecurityContext({ credential, targetName: TARGET, output: small.desc });
    expect([first.status, first.context]).toEqual([0x80090321, null]);
    expect(small.token.count).toBeGreaterThan(100);
    const enough = room(small.token.count);
    const second = await sspi.initializeSecurityContext({ credential, targetName: TARGET, output: enough.desc });
    expect(named(second)).toBe('SEC_I_CONTINUE_NEEDED');
  });

  test('R57: SEC_E_INVALID_HANDLE is 0x80090301 (E1)', async () => {
    const sspi = table();
    const { context } = await initiate(sspi, { credential: await outbound(sspi, 'CREDSSP'), targetName: TARGET });
    await sspi.deleteSecurityContext({ context });
    expect((await sspi.initializeSecurityContext({ context })).status).toBe(0x80090301);
  });

  test('R23: PKG_PARAMS that bring another user: the server sees that one, and the flag says so', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP', { identity: { ...IDENTITY, user: 'nobody' }, ...NTLM_INSIDE });
    const server = await inbound(sspi, 'CREDSSP');
    const output = secBuffer(SECBUFFER.TOKEN);
    const contextReq = ISC_REQ.USE_SUPPLIED_CREDS | ISC_REQ.DELEGATE | ISC_REQ.ALLOCATE_MEMORY;
    const first = await sspi.initializeSecurityContext({
      credential,
      contextReq,
      targetName: TARGET,
      input: desc(secBuffer(SECBUFFER.PKG_PARAMS, encodeAuthIdentity(IDENTITY))),
      output: desc(output),
    });
    let client = { result: first, context: present(first.context), token: contentOf(output) };
    let other = await accept(sspi, { credential: server, input: client.token });
    while (client.result.status === SEC_I.CONTINUE_NEEDED) {
      client = await initiate(sspi, { context: client.context, input: other.token, contextReq });
      if (other.result.status === SEC_I.CONTINUE_NEEDED)
        other = await accept(sspi, { context: other.context, input: client.token });
    }
    expect([named(client.result), named(other.result)]).toEqual(['SEC_E_OK', 'SEC_E_OK']);
    expect(client.result.contextAttr & ISC_RET.USED_SUPPLIED_CREDS).toBe(ISC_RET.USED_SUPPLIED_CREDS);
    expect((await sspi.querySecurityContextToken({ context: other.context })).token?.user).toBe('alice');
  });
});

describe('R72: re-authentication', () => {
  const REAUTHENTICATION = { options: { reauthentication: true } } as const;
  const DELEGATE = ISC_REQ.DELEGATE | ISC_REQ.MANUAL_CRED_VALIDATION;

  async function pairOf() {
    return established('CREDSSP', { server: REAUTHENTICATION, contextReq: DELEGATE });
  }

  /** One re-authentication, which the client begins without input. */
  async function again({ sspi, client, server }: Awaited<ReturnType<typeof pairOf>>, credential?: CredHandle) {
    let one = await initiate(sspi, {
      context: client,
      contextReq: DELEGATE,
      ...(credential === undefined ? {} : { credential }),
    });
    let calls = 1;
    expect(named(one.result)).toBe('SEC_I_CONTINUE_NEEDED');
    let other = await accept(sspi, { context: server, input: one.token });
    while (one.result.status === SEC_I.CONTINUE_NEEDED) {
      calls++;
      one = await initiate(sspi, { context: client, input: other.token, contextReq: DELEGATE });
      other = await accept(sspi, { context: server, input: one.token });
    }
    return { one, other, calls };
  }

  test('R72: inside the channel that there is, twice; REAUTHENTICATION comes back, and messages go on', async () => {
    const both = await pairOf();
    const { sspi, client, server } = both;
    for (let turn = 0; turn < 2; turn++) {
      const { one, other, calls } = await again(both);
      expect([named(one.result), named(other.result)]).toEqual(['SEC_E_OK', 'SEC_E_OK']);
      // No TLS handshake: three TSRequests with SPNEGO inside at most one more.
      expect(calls).toBeLessThanOrEqual(4);
      expect(one.result.contextAttr & 0x08000000).toBe(0x08000000);
      const message = opening(await sealed(sspi, client, ascii('after it')));
      expect(named(await sspi.decryptMessage({ context: server, message: desc(...message) }))).toBe('SEC_E_OK');
      expect(textOf(contentOf(present(message[1])))).toBe('after it');
    }
    expect((await sspi.querySecurityContextToken({ context: server })).token?.name).toBe('EXAMPLE\\alice');
  });

  const BOB = { domain: 'EXAMPLE', user: 'bob', password: 'BobPass1!' } as const;
  const BOTH = { ...ACCEPTOR, accounts: memoryAccounts([ALICE, BOB]) } as const;

  test('R8, R72: with another credential as somebody else, and so the next time without one', async () => {
    const both = await established('CREDSSP', {
      server: { ...REAUTHENTICATION, identity: BOTH },
      contextReq: DELEGATE,
    });
    const { sspi, server } = both;
    const who = async () => (await sspi.querySecurityContextToken({ context: server })).token?.user;
    expect(await who()).toBe('alice');
    const credential = await outbound(sspi, 'CREDSSP', { identity: { kind: 'identity', ...BOB } });
    const { one, other } = await again(both, credential);
    expect([named(one.result), named(other.result), await who()]).toEqual(['SEC_E_OK', 'SEC_E_OK', 'bob']);
    const { value } = await sspi.queryContextAttributes({ context: server, attribute: SECPKG_ATTR.CREDS });
    expect(value?.credentials).toMatchObject({ kind: 'password', user: 'bob' });
    // The handle may go: the context holds on to what is behind it.
    expect(named(await sspi.freeCredentialsHandle({ credential }))).toBe('SEC_E_OK');
    const next = await again(both);
    expect([named(next.one.result), named(next.other.result), await who()]).toEqual(['SEC_E_OK', 'SEC_E_OK', 'bob']);
  });

  test('R8, R72: another credential in the middle of it is SEC_E_WRONG_CREDENTIAL_HANDLE, and so it is where nothing begins again', async () => {
    const both = await pairOf();
    const { sspi, client, server } = both;
    const credential = await outbound(sspi, 'CREDSSP', { identity: { kind: 'identity', ...BOB } });
    const first = await initiate(sspi, { context: client, contextReq: DELEGATE });
    const challenge = await accept(sspi, { context: server, input: first.token });
    const wrong = await initiate(sspi, { context: client, input: challenge.token, credential, contextReq: DELEGATE });
    expect(wrong.result.status).toBe(0x80090336);
    const right = await initiate(sspi, { context: client, input: challenge.token, contextReq: DELEGATE });
    expect(named(right.result)).toBe('SEC_I_CONTINUE_NEEDED');
    const ntlm = await established('NTLM');
    const another = await outbound(ntlm.sspi, 'NTLM', { identity: { kind: 'identity', ...BOB } });
    const refused = await initiate(ntlm.sspi, { context: ntlm.client, credential: another });
    expect(refused.result.status).toBe(0x80090336);
  });

  test('R72: a fresh nonce and a fresh inner context each time', async () => {
    let drawn: Uint8Array[] = [];
    const random = {
      bytes: (length: number): Uint8Array => {
        const octets = systemHost.random.bytes(length);
        drawn.push(octets.slice());
        return octets;
      },
    };
    const both = await established('CREDSSP', {
      sspi: table({ host: { ...systemHost, random } }),
      client: NTLM_INSIDE,
      server: { options: { mechanism: 'ntlm', reauthentication: true } },
      contextReq: DELEGATE,
    });
    const rounds = [drawn];
    for (let turn = 0; turn < 2; turn++) {
      drawn = [];
      rounds.push(drawn);
      const { one, other } = await again(both);
      expect([named(one.result), named(other.result)]).toEqual(['SEC_E_OK', 'SEC_E_OK']);
    }
    // [MS-CSSP] 2.2.1: clientNonce is 32 octets; [MS-NLMP] 2.2.1.2: ServerChallenge is 8.
    for (const round of rounds) expect(round.map(({ length }) => length)).toEqual(expect.arrayContaining([8, 32]));
    const all = rounds.flat().map((octets) => Buffer.from(octets).toString('hex'));
    expect(new Set(all).size).toBe(all.length);
  });

  test('R72: meanwhile messages are SEC_E_CONTEXT_EXPIRED, and nobody is asked who the client is', async () => {
    const { sspi, client, server } = await pairOf();
    const record = await sealed(sspi, server, ascii('before'));
    const first = await initiate(sspi, { context: client, contextReq: DELEGATE });
    await accept(sspi, { context: server, input: first.token });
    for (const context of [client, server]) {
      const buffers = [
        secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(40)),
        secBuffer(SECBUFFER.DATA, ascii('x')),
        secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(80)),
      ];
      expect((await sspi.encryptMessage({ context, message: desc(...buffers) })).status).toBe(0x80090317);
      expect((await sspi.decryptMessage({ context, message: desc(...opening(record.slice())) })).status).toBe(
        0x80090317,
      );
    }
    const names = await sspi.queryContextAttributes({ context: server, attribute: SECPKG_ATTR.NAMES });
    expect(named(names)).toBe('SEC_E_INVALID_HANDLE');
    expect(named(await sspi.querySecurityContextToken({ context: server }))).toBe('SEC_E_CONTEXT_EXPIRED');
  });

  test('R72, Z24: a server that was not told to allow it takes no further token', async () => {
    const { sspi, client, server } = await established('CREDSSP', { contextReq: DELEGATE });
    const first = await initiate(sspi, { context: client, contextReq: DELEGATE });
    const { result } = await accept(sspi, { context: server, input: first.token });
    expect(named(result)).toBe('SEC_E_OUT_OF_SEQUENCE');
  });

  test('R72: a client that is given a token then does not begin again', async () => {
    const { sspi, client } = await pairOf();
    expect(named((await initiate(sspi, { context: client, input: ascii('token') })).result)).toBe(
      'SEC_E_OUT_OF_SEQUENCE',
    );
  });

  test('R72, R68: one that fails ends the context', async () => {
    const both = await pairOf();
    const { sspi, client, server } = both;
    const first = await initiate(sspi, { context: client, contextReq: DELEGATE });
    const altered = first.token.slice();
    altered[altered.length - 1] = (altered[altered.length - 1] ?? 0) ^ 1;
    const failed = await accept(sspi, { context: server, input: altered });
    expect(named(failed.result)).toBe('SEC_E_MESSAGE_ALTERED');
    expect(named((await accept(sspi, { context: server, input: first.token })).result)).toBe('SEC_E_MESSAGE_ALTERED');
    const names = await sspi.queryContextAttributes({ context: server, attribute: SECPKG_ATTR.NAMES });
    expect(named(names)).toBe('SEC_E_INVALID_HANDLE');
  });

  test('R72, R35: a cut of the first message changes nothing', async () => {
    const { sspi, client, server } = await pairOf();
    const first = await initiate(sspi, { context: client, contextReq: DELEGATE });
    for (const cut of [1, 4, 5, first.token.length - 1]) {
      const { result } = await accept(sspi, { context: server, input: first.token.subarray(0, cut) });
      expect(named(result)).toBe('SEC_E_INCOMPLETE_MESSAGE');
    }
    expect(named((await accept(sspi, { context: server, input: first.token })).result)).toBe('SEC_I_CONTINUE_NEEDED');
  });

  test.each(['NTLM', 'Negotiate', 'Schannel'] as const)('R72: %s does not authenticate again', async (name) => {
    const { sspi, client } = await established(name);
    expect(named((await initiate(sspi, { context: client })).result)).toBe('SEC_E_OUT_OF_SEQUENCE');
  });
});

describe('mistakes of a caller', () => {
  test('T7, R56: each has a code of its own, a stage and something to try', async () => {
    const { sspi, client, server } = await established('NTLM');
    const credential = await outbound(sspi, 'CREDSSP');
    const { context } = await initiate(sspi, { credential, targetName: TARGET });
    const another = await outbound(sspi, 'CREDSSP');
    const noData = desc(secBuffer(SECBUFFER.DATA, ascii('x')));
    const mistakes = {
      BUFFER_TOO_SMALL: sspi.initializeSecurityContext({ credential, targetName: TARGET, output: room(1).desc }),
      INVALID_BUFFER: sspi.encryptMessage({ context: client, message: { version: 1, buffers: [] } }),
      MISSING_BUFFER: sspi.encryptMessage({ context: client, message: noData }),
      QOP_NOT_SUPPORTED: sspi.encryptMessage({ context: client, message: noData, qop: 0x80000001 }),
      NOT_OWNER: sspi.importSecurityContext({
        package: 'NTLM',
        packedContext: new Uint8Array(80),
        key: new Uint8Array(32),
      }),
      NO_IMPERSONATION: sspi.revertSecurityContext({ context: server }),
      WRONG_CREDENTIAL_HANDLE: sspi.initializeSecurityContext({ context, credential: another, output: room().desc }),
      CONTEXT_NOT_ESTABLISHED: sspi.querySecurityContextToken({ context }),
      PACKAGE_NOT_FOUND: sspi.querySecurityPackageInfo({ packageName: 'Digest' }),
    };
    for (const [code, result] of Object.entries(mistakes)) {
      const { status, error } = await result;
      expect([code, isFailure(status), error?.code]).toEqual([code, true, code]);
      expect([error?.blame, error?.stage === '', error?.hint === '']).toEqual([error?.blame, false, false]);
    }
  });

  test('X26: a mechanism that does not encrypt is INNER_PROTECTION_MISSING', async () => {
    const inner = await ntlmPackage.acquire({ use: 2, authData: IDENTITY, host: systemHost });
    const server = await ntlmPackage.acquire({ use: 1, authData: ACCEPTOR, host: systemHost });
    const client = credsspInitiator({
      publicKey: hex('30'),
      mechanism: inner.initiate({ flags: ISC_REQ.INTEGRITY }),
      credentials: { kind: 'none' },
      serverCertificateTrusted: true,
      flags: 0,
    });
    const acceptor = credsspAcceptor({ publicKey: hex('30'), mechanism: server.accept({ flags: 0 }), flags: 0 });
    const { initiatorError } = await converse(client, acceptor);
    expect(initiatorError?.code).toBe('INNER_PROTECTION_MISSING');
  });
});

describe('C12, X2: a server of CredSSP and client certificates', () => {
  test.each([
    ['TLS 1.2', TLS_1_2],
    ['TLS 1.3', TLS_1_3],
  ])('C12, X2: under %s it asks for none, whatever its credential and its caller say', async (_, enabledProtocols) => {
    const sspi = table();
    const tls = { ...SERVER_TLS, enabledProtocols, requestClientCertificate: true, rootStore: [pem('root.pem')] };
    const server = await inbound(sspi, 'CREDSSP', { tls });
    let client = await initiate(sspi, { credential: await outbound(sspi, 'CREDSSP'), targetName: TARGET });
    let other = await accept(sspi, { credential: server, input: client.token, contextReq: ASC_REQ.MUTUAL_AUTH });
    // RFC 5246 7.4: under TLS 1.2 each message of the flight is in the clear; 13 is CertificateRequest.
    if (enabledProtocols === TLS_1_2) {
      const types: number[] = [];
      for (
        let at = 0;
        at < other.token.length;
        at += 5 + ((other.token[at + 3] ?? 0) << 8) + (other.token[at + 4] ?? 0)
      )
        types.push(other.token[at + 5] ?? -1);
      expect(types).toEqual([2, 11, 12, 14]);
    }
    while (client.result.status !== SEC_E.OK) {
      client = await initiate(sspi, { context: client.context, input: other.token });
      // Not once SEC_I_INCOMPLETE_CREDENTIALS.
      expect([SEC_E.OK, SEC_I.CONTINUE_NEEDED]).toContain(client.result.status);
      other = await accept(sspi, { context: other.context, input: client.token, contextReq: ASC_REQ.MUTUAL_AUTH });
    }
    expect(named(other.result)).toBe('SEC_E_OK');
    const certificate = await sspi.queryContextAttributes({
      context: other.context,
      attribute: SECPKG_ATTR.REMOTE_CERT_CONTEXT,
    });
    expect(named(certificate)).toBe('SEC_E_NO_CREDENTIALS');
  });
});

describe('R41: the alert of a real refusal', () => {
  test.each(['Schannel', 'CREDSSP'] as const)(
    'R41: %s of TLS 1.3 alone tells a client of TLS 1.2 02 46',
    async (name) => {
      const sspi = table();
      const client = await outbound(sspi, name, { tls: { ...CLIENT_TLS, enabledProtocols: TLS_1_2 } });
      const { token } = await initiate(sspi, { credential: client, targetName: TARGET });
      const alert = secBuffer(SECBUFFER.ALERT, new Uint8Array(2));
      const output = secBuffer(SECBUFFER.TOKEN, new Uint8Array(100));
      const refused = await sspi.acceptSecurityContext({
        credential: await inbound(sspi, name, { tls: { ...SERVER_TLS, enabledProtocols: TLS_1_3 } }),
        input: received(token).desc,
        output: desc(output, alert),
      });
      expect(isFailure(refused.status)).toBe(true);
      expect(contentOf(alert)).toEqual(Uint8Array.of(2, 70)); // RFC 8446 6: fatal, protocol_version
      expect(contentOf(output).subarray(-2)).toEqual(Uint8Array.of(2, 70));
    },
  );
});
