/** How a CredSSP exchange goes, call by call: contract §1.1, §1.4, §1.5, §3.3-§3.7, §4. */
import dns from 'node:dns';
import net from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import {
  credsspAcceptor,
  credsspInitiator,
  DEFAULT_DELEGATION_POLICY,
  decodeTSRequest,
  encodeTSRequest,
  type MechanismContext,
  PERMISSIVE_DELEGATION_POLICY,
  type TSRequest,
} from '../../src/credssp/index.ts';
import {
  ASC_REQ,
  contentOf,
  encodeSecChannelBindings,
  ISC_REQ,
  ISC_RET,
  SEC_E,
  SEC_I,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  Secret,
  secBuffer,
  statusName,
  systemHost,
} from '../../src/index.ts';
import { createNegotiatePackage, negotiatePackage } from '../../src/negotiate/index.ts';
import { kerberosMechanism, ntlmMechanism } from '../../src/negotiate/package.ts';
import { MESSAGE_TYPE, messageName, ntlmPackage } from '../../src/ntlm/index.ts';
import { statusOfAlert } from '../../src/schannel/alerts.ts';
import { SessionCache } from '../../src/schannel/session-cache.ts';
import { accept, desc, initiate, named, present, received } from '../api/door.ts';
import { ascii } from '../api/toys.ts';
import { fakeMechanism } from '../negotiate/fake-mechanism.ts';
import { TLS_1_2, TLS_1_3 } from '../support/credssp.ts';
import { converse } from '../support/loop.ts';
import { hex, toHex } from '../support/vectors.ts';
import { clientAgainst, honest, honestAnswer } from './fake-server.ts';
import { both, everything } from './situations.ts';
import { ACCEPTOR, CLIENT_TLS, IDENTITY, inbound, outbound, SERVER_TLS, sealed, TARGET, table } from './support.ts';

const DELEGATE = ISC_REQ.DELEGATE;

/** One exchange of CREDSSP through the door, and every token of it. */
async function exchange(
  protocols: number,
  mechanism: 'negotiate' | 'ntlm',
  more: { readonly tls13?: 'combined' | 'split'; readonly targetName?: string } = {},
) {
  const sspi = table();
  const { tls13, targetName = TARGET } = more;
  const credential = await outbound(sspi, 'CREDSSP', {
    tls: { ...CLIENT_TLS, enabledProtocols: protocols },
    options: { mechanism, tls13 },
  });
  const server = await inbound(sspi, 'CREDSSP', { tls: { ...SERVER_TLS, enabledProtocols: protocols } });
  let client = await initiate(sspi, { credential, targetName, contextReq: DELEGATE });
  let other = await accept(sspi, { credential: server, input: client.token });
  const clientTokens = [client.token];
  const serverTokens = [other.token];
  while (client.result.status === SEC_I.CONTINUE_NEEDED) {
    client = await initiate(sspi, { context: client.context, input: other.token, contextReq: DELEGATE });
    clientTokens.push(client.token);
    if (other.result.status !== SEC_I.CONTINUE_NEEDED) break;
    other = await accept(sspi, { context: other.context, input: client.token });
    serverTokens.push(other.token);
  }
  return { sspi, client, server: other, clientTokens, serverTokens };
}

/** Content types of the records in a token. */
function recordTypes(token: Uint8Array): number[] {
  const types: number[] = [];
  for (let at = 0; at < token.length; at += 5 + ((token[at + 3] ?? 0) << 8) + (token[at + 4] ?? 0))
    types.push(token[at] ?? -1);
  return types;
}

describe('the sequence of calls', () => {
  test.each([
    ['TLS 1.2 with raw NTLM', TLS_1_2, 'ntlm', 5],
    ['TLS 1.3 with raw NTLM', TLS_1_3, 'ntlm', 4],
    ['TLS 1.2 with SPNEGO', TLS_1_2, 'negotiate', 5],
    ['TLS 1.3 with SPNEGO', TLS_1_3, 'negotiate', 4],
  ] as const)('R71, X12: %s takes the number of calls of contract §1.5', async (_, protocols, mechanism, calls) => {
    const { client, server, clientTokens } = await exchange(protocols, mechanism);
    expect([named(client.result), named(server.result)]).toEqual(['SEC_E_OK', 'SEC_E_OK']);
    // "SPNEGO/Kerberos mutual: same or +1".
    expect([calls, mechanism === 'ntlm' ? calls : calls + 1]).toContain(clientTokens.length);
    // Each call has something to send, the last one the credentials.
    expect(clientTokens.every((token) => token.length > 0)).toBe(true);
  });

  test('R70, R2, R3: the steps of the page: a token out, carried over, taken in, until both say SEC_E_OK', async () => {
    const { sspi, client, server, clientTokens, serverTokens } = await exchange(TLS_1_2, 'ntlm');
    expect([client.result.status, server.result.status]).toEqual([SEC_E.OK, SEC_E.OK]);
    // Opaque: they are TLS records, of the handshake first and of application data behind it.
    expect(clientTokens.map(recordTypes)).toEqual([[22], [22, 20, 22], [23], [23], [23]]);
    expect(serverTokens.map(recordTypes)).toEqual([[22, 22, 22, 22], [20, 22], [23], [23], []]);
    for (const { context } of [client, server])
      expect(named(await sspi.deleteSecurityContext({ context }))).toBe('SEC_E_OK');
  });

  test('R74, R43: attributes are there on every success, and FreeContextBuffer takes what was allocated', async () => {
    const sspi = table();
    const output = secBuffer(SECBUFFER.TOKEN);
    const first = await sspi.initializeSecurityContext({
      credential: await outbound(sspi, 'CREDSSP'),
      targetName: TARGET,
      contextReq: ISC_REQ.ALLOCATE_MEMORY,
      output: desc(output),
    });
    expect(first.contextAttr).toBe(
      ISC_RET.ALLOCATED_MEMORY | ISC_RET.INTERMEDIATE_RETURN | ISC_RET.MANUAL_CRED_VALIDATION,
    );
    const octets = present(output.buffer);
    expect(octets.some((octet) => octet !== 0)).toBe(true);
    expect(named(await sspi.freeContextBuffer({ contextBuffer: octets }))).toBe('SEC_E_OK');
    expect(octets.every((octet) => octet === 0)).toBe(true);
  });

  test('R5: the package does no I/O: with sockets and the DNS out of reach it works the same', async () => {
    const spies = [
      vi.spyOn(net, 'connect'),
      vi.spyOn(net.Socket.prototype, 'connect'),
      vi.spyOn(dns, 'lookup'),
      vi.spyOn(globalThis, 'fetch'),
    ];
    const { client } = await exchange(TLS_1_3, 'negotiate');
    expect(named(client.result)).toBe('SEC_E_OK');
    expect(spies.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0, 0]);
    vi.restoreAllMocks();
  });

  test('R12: the target is a text, and it may be left out', async () => {
    const sspi = table();
    const policy = PERMISSIVE_DELEGATION_POLICY;
    const credential = await outbound(sspi, 'CREDSSP', { options: { policy } });
    for (const targetName of [undefined, null, 'host', 'TERMSRV/host.example.test']) {
      const result = await sspi.initializeSecurityContext({
        credential,
        targetName,
        contextReq: ISC_REQ.ALLOCATE_MEMORY,
        output: desc(secBuffer(SECBUFFER.TOKEN)),
      });
      expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    }
  });

  test('R77, X23: NTLM’s challenge and response travel in negoTokens, inside TLS', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP', { options: { mechanism: 'ntlm' } });
    const replies: TSRequest[] = [];
    const { answer } = await honest();
    const { requests, result } = await clientAgainst(sspi, credential, async (request) => {
      const reply = await answer(request);
      if (reply !== undefined) replies.push(reply);
      return reply === undefined ? undefined : encodeTSRequest(reply);
    });
    expect(named(result)).toBe('SEC_E_OK');
    const messageIn = ({ negoTokens }: TSRequest): string | undefined =>
      negoTokens === undefined ? undefined : messageName(present(negoTokens[0]).negoToken);
    expect(requests.map(messageIn)).toEqual(['NEGOTIATE', 'AUTHENTICATE', undefined]);
    expect(replies.map(messageIn)).toEqual(['CHALLENGE', undefined]);
    expect(MESSAGE_TYPE.CHALLENGE).toBe(2);
  });

  test('R13, R16: the name is for the certificate, for SNI unless it is an address, and for NTLM as it is', async () => {
    const hello = async (targetName: string): Promise<string> => {
      const sspi = table();
      const policy = PERMISSIVE_DELEGATION_POLICY;
      const first = await initiate(sspi, {
        credential: await outbound(sspi, 'CREDSSP', { options: { policy } }),
        targetName,
      });
      return Buffer.from(first.token).toString('latin1');
    };
    expect(await hello('TERMSRV/host.example.test:3389')).toContain('host.example.test');
    expect(await hello('TERMSRV/192.0.2.1')).not.toContain('192.0.2.1');
  });

  test.each([
    ['a name', 'TERMSRV/host.example.test', true],
    ['an address', 'TERMSRV/192.0.2.1', false],
    ['nothing at all', undefined, false],
  ])('R17, R16: %s: whether the ClientHello has a server_name', async (_, targetName, there) => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    const { token } = await initiate(sspi, { credential, ...(targetName === undefined ? {} : { targetName }) });
    const extensions = extensionsOf(token);
    expect(extensions.has(0)).toBe(there); // server_name, RFC 6066 3
    expect(extensions.has(13)).toBe(true); // signature_algorithms: the extensions were found
  });
});

describe('TLS 1.3 coupling', () => {
  test.each(['tickets', 'nothing'])(
    'X12: split: Finished alone, and the TSRequest with the next token, which carries %s',
    async (carries) => {
      const sspi = table();
      const credential = await outbound(sspi, 'CREDSSP', {
        tls: { ...CLIENT_TLS, enabledProtocols: TLS_1_3 },
        options: { tls13: 'split', mechanism: 'ntlm' },
      });
      const server = await inbound(sspi, 'CREDSSP', { tls: { ...SERVER_TLS, enabledProtocols: TLS_1_3 } });
      const hello = await initiate(sspi, { credential, targetName: TARGET, contextReq: DELEGATE });
      const flight = await accept(sspi, { credential: server, input: hello.token });
      const finished = await initiate(sspi, { context: hello.context, input: flight.token });
      // ChangeCipherSpec of the compatibility mode, and one record: Finished.
      expect(recordTypes(finished.token)).toEqual([20, 23]);
      const ticket = await accept(sspi, { context: flight.context, input: finished.token });
      expect(named(ticket.result)).toBe('SEC_I_CONTINUE_NEEDED');
      // The 401 of a WinRM server may carry nothing at all, or tickets.
      if (carries === 'tickets') expect(recordTypes(ticket.token)).toEqual([23, 23]);
      const { context } = hello;
      let client = await initiate(sspi, { context, input: carries === 'tickets' ? ticket.token : new Uint8Array(0) });
      let calls = 3;
      let other = ticket;
      expect(recordTypes(client.token)).toEqual([23]);
      for (;;) {
        other = await accept(sspi, { context: flight.context, input: client.token });
        if (client.result.status !== SEC_I.CONTINUE_NEEDED) break;
        // The tickets come in front of the next records: late, or again, as EXTRA of the call that had a TSRequest to send (R34).
        const late = calls === 3 ? ticket.token : new Uint8Array(0);
        const input = Uint8Array.from([...late, ...other.token]);
        client = await initiate(sspi, { context, input, contextReq: DELEGATE });
        calls++;
      }
      expect([named(client.result), named(other.result), calls]).toEqual(['SEC_E_OK', 'SEC_E_OK', 5]);
      const { value } = await sspi.queryContextAttributes({ context: flight.context, attribute: SECPKG_ATTR.CREDS });
      expect(value?.credentials).toMatchObject({ kind: 'password', user: 'alice' });
    },
  );

  test('X13: tickets alone are swallowed, and nothing is answered to them', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP', {
      tls: { ...CLIENT_TLS, enabledProtocols: TLS_1_3 },
      options: { mechanism: 'ntlm' },
    });
    const server = await inbound(sspi, 'Schannel', { tls: { ...SERVER_TLS, enabledProtocols: TLS_1_3 } });
    const hello = await initiate(sspi, { credential, targetName: TARGET });
    const flight = await accept(sspi, { credential: server, input: hello.token });
    const finished = await initiate(sspi, { context: hello.context, input: flight.token });
    // Schannel's server sends its tickets with its last word.
    const finishedOnly = finished.token.subarray(0, finished.token.length);
    const done = await accept(sspi, { context: flight.context, input: finishedOnly });
    expect(done.token.length).toBeGreaterThan(0);
    const swallowed = await initiate(sspi, { context: hello.context, input: done.token });
    expect([named(swallowed.result), swallowed.token.length]).toEqual(['SEC_I_CONTINUE_NEEDED', 0]);
  });

  test('R15, X3, E6: no resumption is offered: the ClientHello has neither ticket nor key to an earlier session', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    const server = await inbound(sspi, 'CREDSSP');
    for (let turn = 0; turn < 3; turn++) {
      let client = await initiate(sspi, { credential, targetName: TARGET, contextReq: DELEGATE });
      // Extension 41, pre_shared_key, would be the last one; 35, session_ticket, would not be empty.
      expect(extensionsOf(client.token).get(41)).toBeUndefined();
      expect(extensionsOf(client.token).get(35)?.length ?? 0).toBe(0);
      let other = await accept(sspi, { credential: server, input: client.token });
      while (client.result.status === SEC_I.CONTINUE_NEEDED) {
        client = await initiate(sspi, { context: client.context, input: other.token, contextReq: DELEGATE });
        other = await accept(sspi, { context: other.context, input: client.token });
      }
      const { value } = await sspi.queryContextAttributes({
        context: client.context,
        attribute: SECPKG_ATTR.SESSION_INFO,
      });
      expect(value?.reconnect).toBe(false);
    }
  });
});

/** Extensions of a ClientHello by number (RFC 8446 4.1.2): behind version, random, session id, suites, compression. */
function extensionsOf(record: Uint8Array): Map<number, Uint8Array> {
  const u16 = (at: number): number => ((record[at] ?? 0) << 8) | (record[at + 1] ?? 0);
  let at = 5 + 4 + 2 + 32;
  at += 1 + (record[at] ?? 0);
  at += 2 + u16(at);
  at += 1 + (record[at] ?? 0);
  const end = at + 2 + u16(at);
  const extensions = new Map<number, Uint8Array>();
  for (at += 2; at + 4 <= end; at += 4 + u16(at + 2))
    extensions.set(u16(at), record.subarray(at + 4, at + 4 + u16(at + 2)));
  return extensions;
}

/** AV_PAIRs of an AUTHENTICATE by id, in hexadecimal: NtChallengeResponse is told at 20, its temp begins at 16, they at 28 of that. */
function avPairsOf(authenticate: Uint8Array): Map<number, string> {
  const octets = Buffer.from(authenticate);
  const pairs = new Map<number, string>();
  for (let at = octets.readUInt32LE(24) + 16 + 28; octets.readUInt16LE(at) !== 0; at += 4 + octets.readUInt16LE(at + 2))
    pairs.set(octets.readUInt16LE(at), octets.toString('hex', at + 4, at + 4 + octets.readUInt16LE(at + 2)));
  return pairs;
}

describe('R14: the session cache', () => {
  const owner = { targetName: 'host.example.com', process: 1, logonSession: 'a', credential: {} };

  test('R14: a session is found when all five conditions hold', () => {
    const cache = new SessionCache<string>();
    cache.store(owner, 'session', 1000);
    expect(cache.find({ ...owner }, 999)).toBe('session');
    expect(cache.find({ ...owner, targetName: 'HOST.example.com' }, 999)).toBe('session');
  });

  test.each([
    ['another target', { targetName: 'other.example.com' }],
    ['another process', { process: 2 }],
    ['another logon session', { logonSession: 'b' }],
    ['another credential handle that looks the same', { credential: {} }],
  ])('R14: not for %s', (_, difference) => {
    const cache = new SessionCache<string>();
    cache.store(owner, 'session', 1000);
    expect(cache.find({ ...owner, ...difference }, 0)).toBeUndefined();
    expect(cache.find(owner, 0)).toBe('session');
  });

  test('R14: not when it has expired, and then it is gone', () => {
    const cache = new SessionCache<string>();
    cache.store(owner, 'session', 1000);
    expect(cache.find(owner, 1000)).toBeUndefined();
    expect(cache.size).toBe(0);
  });

  test('R14: a newer session takes the place of an older one, and the oldest give way', () => {
    const cache = new SessionCache<number>(2);
    cache.store(owner, 1, 1000);
    cache.store(owner, 2, 1000);
    expect([cache.size, cache.find(owner, 0)]).toEqual([1, 2]);
    for (const number of [3, 4]) cache.store({ ...owner, targetName: `${number}` }, number, 1000);
    expect([cache.size, cache.find(owner, 0)]).toEqual([2, undefined]);
    expect(cache.find({ ...owner, targetName: '4' }, 0)).toBe(4);
  });
});

describe('versions and tokens on the wire', () => {
  const PUBLIC_KEY = hex('3082010a0282010100c0ffee');

  async function engines(client: object = {}, server: object = {}, inner = ntlmPackage) {
    const out = await inner.acquire({ use: SECPKG_CRED.OUTBOUND, authData: IDENTITY, host: systemHost });
    const into = await inner.acquire({ use: SECPKG_CRED.INBOUND, authData: ACCEPTOR, host: systemHost });
    const flags = ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY;
    return {
      client: credsspInitiator({
        publicKey: PUBLIC_KEY,
        mechanism: out.initiate({ flags, targetName: TARGET }),
        credentials: { kind: 'password', domain: 'EXAMPLE', user: 'alice', password: Secret.fromText('x') },
        serverCertificateTrusted: false,
        targetName: TARGET,
        flags: DELEGATE,
        options: client,
      }),
      server: credsspAcceptor({
        publicKey: PUBLIC_KEY,
        mechanism: into.accept({ flags: ASC_REQ.INTEGRITY | ASC_REQ.CONFIDENTIALITY }),
        flags: 0,
        options: server,
      }),
    };
  }

  test('X15, X14: the version is 6 unless told otherwise, in every message of both sides', async () => {
    for (const [maxVersion, expected] of [
      [undefined, 6],
      [5, 5],
      [2, 2],
    ] as const) {
      const { client, server } = await engines({ maxVersion, minVersion: 2 }, { maxVersion, minVersion: 2 });
      const { tokens } = await converse(client, server);
      expect(tokens.map(({ token }) => decodeTSRequest(token).version)).toEqual(new Array(5).fill(expected));
    }
    for (const maxVersion of [1, 7, 2.5]) {
      const { client } = await engines({ maxVersion });
      await expect(client.step()).rejects.toMatchObject({ status: SEC_E.INVALID_PARAMETER });
    }
  });

  test.each([
    [6, 4, 4],
    [4, 6, 4],
    [6, 5, 5],
    [5, 6, 5],
    [6, 6, 6],
  ])('X16: client %i and server %i: the proof has the form of version %i', async (one, other, effective) => {
    const { client, server } = await engines({ maxVersion: one, minVersion: 2 }, { maxVersion: other, minVersion: 2 });
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    const proofs = tokens
      .map(({ token }) => decodeTSRequest(token))
      .filter(({ pubKeyAuth }) => pubKeyAuth !== undefined);
    // 16 octets of signature, and either the key itself or a SHA-256.
    const length = 16 + (effective >= 5 ? 32 : PUBLIC_KEY.length);
    expect(proofs.map(({ pubKeyAuth }) => pubKeyAuth?.length)).toEqual([length, length]);
    expect(proofs[0]?.clientNonce?.length).toBe(effective >= 5 ? 32 : undefined);
    expect(proofs[1]?.clientNonce).toBeUndefined();
  });

  test('X19, E21: the server’s proof may bring negoTokens along, or come behind them', async () => {
    const { client, server } = await engines({}, {}, negotiatePackage);
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    const both = tokens
      .filter(({ from }) => from === 'acceptor')
      .map(({ token }) => decodeTSRequest(token))
      .filter(({ pubKeyAuth, negoTokens }) => pubKeyAuth !== undefined && negoTokens !== undefined);
    expect(both).toHaveLength(1);
    expect(both[0]?.negoTokens?.[0]?.negoToken[0]).toBe(0xa1); // NegTokenResp
  });

  test('X24: Kerberos is preferred to NTLM wherever both can be had', async () => {
    const kerberos = fakeMechanism({ name: 'Kerberos', oids: kerberosMechanism.oids, messages: 2 });
    const negotiate = createNegotiatePackage({ mechanisms: [kerberos, ntlmMechanism] });
    const out = await negotiate.acquire({ use: SECPKG_CRED.OUTBOUND, authData: IDENTITY, host: systemHost });
    const into = await negotiate.acquire({ use: SECPKG_CRED.INBOUND, authData: ACCEPTOR, host: systemHost });
    const client = out.initiate({ flags: ISC_REQ.INTEGRITY, targetName: TARGET });
    await converse(client, into.accept({ flags: 0 }));
    expect(client.query('NEGOTIATION_PACKAGE').name).toBe('Kerberos');
    // And the package itself has them in that order: it is what decides.
    const names = ['Kerberos', 'NTLM'];
    expect([kerberosMechanism.name, ntlmMechanism.name]).toEqual(names);
  });

  test('X25: of the mechanism inside, protection and mutual authentication are asked, and no delegation', async () => {
    const asked: number[] = [];
    const original = negotiatePackage.acquire;
    const spy = vi.spyOn(negotiatePackage, 'acquire').mockImplementation(async (request) => {
      const credential = await original.call(negotiatePackage, request);
      const begin = credential.initiate.bind(credential);
      vi.spyOn(credential, 'initiate').mockImplementation((options) => {
        asked.push(options.flags);
        return begin(options);
      });
      return credential;
    });
    const sspi = table();
    await clientAgainst(sspi, await outbound(sspi, 'CREDSSP'), () => undefined);
    spy.mockRestore();
    // MUTUAL_AUTH 2, REPLAY_DETECT 4, SEQUENCE_DETECT 8, CONFIDENTIALITY 0x10, INTEGRITY 0x10000; DELEGATE 1 is not there.
    expect(asked).toEqual([0x1001e]);
  });

  test('X25: NTLM inside names the target under its proof, and is bound to no channel, whatever bindings the caller has', async () => {
    const sspi = table();
    const bindings = encodeSecChannelBindings({ applicationData: ascii('tls-server-end-point:of another channel') });
    const { result, requests } = await clientAgainst(
      sspi,
      await outbound(sspi, 'CREDSSP', { options: { mechanism: 'ntlm' } }),
      await honestAnswer(),
      { first: desc(secBuffer(SECBUFFER.CHANNEL_BINDINGS, bindings)) },
    );
    expect(named(result)).toBe('SEC_E_OK');
    const pairs = avPairsOf(present(requests[1]?.negoTokens?.[0]).negoToken);
    // MsvAvTargetName 9 in UTF-16LE; MsvChannelBindings 10, of which zeros say that there are none ([MS-NLMP] 2.2.2.1).
    expect(pairs.get(9)).toBe(Buffer.from('TERMSRV/host.example.test', 'utf16le').toString('hex'));
    expect(pairs.get(10)).toBe('00'.repeat(16));
  });

  test('X25, Q1: and a CREDSSP server learns that name', async () => {
    for (const mechanism of ['ntlm', 'negotiate'] as const) {
      const { sspi, server } = await exchange(TLS_1_3, mechanism);
      const attribute = SECPKG_ATTR.CLIENT_SPECIFIED_TARGET;
      const { value } = await sspi.queryContextAttributes({ context: server.context, attribute });
      expect(value).toEqual({ targetName: 'TERMSRV/host.example.test' });
    }
  });

  test.each([
    ['without confidentiality', ISC_REQ.INTEGRITY],
    ['without integrity and confidentiality', 0],
  ])('X26: a mechanism %s is SEC_E_SECURITY_QOS_FAILED, before the proof leaves', async (_, flags) => {
    const out = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: IDENTITY, host: systemHost });
    const into = await ntlmPackage.acquire({ use: SECPKG_CRED.INBOUND, authData: ACCEPTOR, host: systemHost });
    const mechanism: MechanismContext = out.initiate({ flags, targetName: TARGET });
    const client = credsspInitiator({
      publicKey: PUBLIC_KEY,
      mechanism,
      credentials: { kind: 'none' },
      serverCertificateTrusted: true,
      flags: 0,
    });
    const server = credsspAcceptor({ publicKey: PUBLIC_KEY, mechanism: into.accept({ flags: 0 }), flags: 0 });
    const { tokens, initiatorError } = await converse(client, server);
    expect(statusName(initiatorError?.status ?? 0)).toBe('SEC_E_SECURITY_QOS_FAILED');
    expect(tokens.every(({ token }) => decodeTSRequest(token).pubKeyAuth === undefined)).toBe(true);
  });

  test('F12: with TLS elsewhere the tokens are bare TSRequests, and the key is whatever the caller says it is', async () => {
    const { client, server } = await engines();
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(tokens.every(({ token }) => token[0] === 0x30)).toBe(true);
    // There is no channel of its own to protect messages with.
    expect(() => client.messages).toThrow(expect.objectContaining({ status: SEC_E.UNSUPPORTED_FUNCTION }));
  });

  test('F6: TSRequests follow each other as they are: no length, no TPKT in front', async () => {
    const { client, server } = await engines();
    const first = await client.step();
    const token = 'token' in first ? first.token : hex('');
    const twice = Uint8Array.from([...token, ...token]);
    const step = await server.step(twice);
    expect(step.consumed).toBe(token.length);
  });
});

describe('what users of the package make of it', () => {
  test.each([
    [10, 'SEC_E_ILLEGAL_MESSAGE'],
    [21, 'SEC_E_DECRYPT_FAILURE'],
    [42, 'SEC_E_CERT_UNKNOWN'],
    [45, 'SEC_E_CERT_EXPIRED'],
    [48, 'SEC_E_UNTRUSTED_ROOT'],
    [49, 'SEC_E_LOGON_DENIED'],
    [80, 'SEC_E_INTERNAL_ERROR'],
    [120, 'SEC_E_APPLICATION_PROTOCOL_MISMATCH'],
  ])('F11, M17, E18: the alert %i of a server is %s at the client', async (number, status) => {
    const sspi = table();
    const alert = Uint8Array.of(21, 3, 3, 0, 2, 2, number);
    const end = await clientAgainst(sspi, await outbound(sspi, 'CREDSSP'), () => undefined, { tamper: () => alert });
    expect(named(end.result)).toBe(status);
    expect(statusName(statusOfAlert(number))).toBe(status);
  });

  test.each([
    'WSMAN/host.example.test',
    'HTTP/host.example.test',
    'Microsoft Virtual Console Service/host.example.test',
  ])('F14, F26: the target %s needs a policy that names it, and works with one', async (targetName) => {
    const sspi = table();
    for (const [policy, status] of [
      [DEFAULT_DELEGATION_POLICY, 'SEC_E_DELEGATION_POLICY'],
      [{ ...DEFAULT_DELEGATION_POLICY, allowFresh: [targetName] }, 'SEC_E_OK'],
      [PERMISSIVE_DELEGATION_POLICY, 'SEC_E_OK'],
    ] as const) {
      const credential = await outbound(sspi, 'CREDSSP', { options: { mechanism: 'ntlm', policy } });
      const end = await clientAgainst(sspi, credential, await honestAnswer(), { targetName });
      expect(named(end.result)).toBe(status);
    }
  });

  test('F22: the WinRM forms of NTLM: a header of 16 octets, and the data behind it', async () => {
    const out = await ntlmPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: IDENTITY, host: systemHost });
    const into = await ntlmPackage.acquire({ use: SECPKG_CRED.INBOUND, authData: ACCEPTOR, host: systemHost });
    const flags = ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY;
    const client = out.initiate({ flags, targetName: 'HTTP/host.example.test' });
    const server = into.accept({ flags: ASC_REQ.INTEGRITY | ASC_REQ.CONFIDENTIALITY });
    await converse(client, server);
    const [one, other] = [client.messages, server.messages];
    if (one.kind !== 'token' || other.kind !== 'token') throw new TypeError('NTLM has tokens');
    const data = ascii('<s:Envelope/>');
    const header = one.seal(data);
    expect(header).toHaveLength(16);
    other.unseal(header, data);
    expect(data).toEqual(ascii('<s:Envelope/>'));
  });

  test('F22: the WinRM forms of Kerberos with AES: a header of 60 octets, and the data behind it', async () => {
    // The service of this pair is HTTP/host.example.test.
    const { sspi, client, server } = await both(everything(), 'Kerberos');
    const { value } = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.SIZES });
    expect(value?.securityTrailer).toBe(60);
    const envelope = ascii('<s:Envelope/>');
    for (const [from, to, flags] of [
      [client, server, '06'],
      [server, client, '07'],
    ] as const) {
      const parts = [secBuffer(SECBUFFER.TOKEN, new Uint8Array(60)), secBuffer(SECBUFFER.DATA, envelope.slice())];
      expect(named(await sspi.encryptMessage({ context: from, message: desc(...parts) }))).toBe('SEC_E_OK');
      const [header, data] = parts.map((part) => contentOf(part).slice());
      // RFC 4121 4.2.6.2: sealed, under the acceptor's subkey; EC 0 and RRC 28 as Windows has them; the number follows.
      expect(toHex(present(header).subarray(0, 8))).toBe(`0504${flags}ff0000001c`);
      expect([header?.length, data?.length]).toEqual([60, envelope.length]);
      expect(data).not.toEqual(envelope);
      const opened = [secBuffer(SECBUFFER.TOKEN, present(header)), secBuffer(SECBUFFER.DATA, present(data))];
      expect(named(await sspi.decryptMessage({ context: to, message: desc(...opened) }))).toBe('SEC_E_OK');
      expect(opened.map((part) => contentOf(part)).at(1)).toEqual(envelope);
    }
  });

  test('F24, S10: Negotiate for MSSQLSvc: raw SPNEGO tokens, and the acceptor learns the target', async () => {
    const sspi = table();
    const targetName = 'MSSQLSvc/host.example.test:1433';
    let client = await initiate(sspi, { credential: await outbound(sspi, 'Negotiate'), targetName });
    expect([client.token[0], ...client.token.subarray(2, 10)]).toEqual([0x60, 6, 6, 0x2b, 6, 1, 5, 5, 2]);
    let server = await accept(sspi, { credential: await inbound(sspi, 'Negotiate'), input: client.token });
    while (client.result.status === SEC_I.CONTINUE_NEEDED) {
      client = await initiate(sspi, { context: client.context, input: server.token });
      if (server.result.status !== SEC_I.CONTINUE_NEEDED) break;
      server = await accept(sspi, { context: server.context, input: client.token });
    }
    const { value } = await sspi.queryContextAttributes({
      context: server.context,
      attribute: SECPKG_ATTR.CLIENT_SPECIFIED_TARGET,
    });
    expect(value?.targetName).toBe(targetName);
  });
});

test('R34: what comes behind the last record of the exchange is EXTRA, with SEC_E_OK', async () => {
  const { sspi, client, server } = await exchange(TLS_1_2, 'ntlm');
  expect([named(client.result), named(server.result)]).toEqual(['SEC_E_OK', 'SEC_E_OK']);
  // Once more, and the application's first record right behind the credentials.
  const credential = await outbound(sspi, 'CREDSSP', { tls: { ...CLIENT_TLS, enabledProtocols: TLS_1_2 } });
  const into = await inbound(sspi, 'CREDSSP', { tls: { ...SERVER_TLS, enabledProtocols: TLS_1_2 } });
  let one = await initiate(sspi, { credential, targetName: TARGET, contextReq: DELEGATE });
  let other = await accept(sspi, { credential: into, input: one.token });
  for (;;) {
    one = await initiate(sspi, { context: one.context, input: other.token, contextReq: DELEGATE });
    if (one.result.status === SEC_E.OK) break;
    other = await accept(sspi, { context: other.context, input: one.token });
  }
  const record = await sealed(sspi, one.context, ascii('MCS Connect-Initial'));
  const input = received(Uint8Array.from([...one.token, ...record]));
  const output = secBuffer(SECBUFFER.TOKEN);
  const last = await sspi.acceptSecurityContext({
    context: other.context,
    contextReq: ASC_REQ.ALLOCATE_MEMORY,
    input: input.desc,
    output: desc(output),
  });
  expect([named(last), contentOf(output).length]).toEqual(['SEC_E_OK', 0]);
  expect(input.empty).toMatchObject({ type: SECBUFFER.EXTRA, count: record.length });
});
