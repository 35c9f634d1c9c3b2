import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { createServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { memoryAccounts, memoryReplayCache } from '../../src/acceptor/index.ts';
import { credsspAcceptor, credsspInitiator, decodeTSRequest, encodeTSRequest } from '../../src/credssp/index.ts';
import { credsspPackage } from '../../src/credssp/package.ts';
import { type Host, systemHost } from '../../src/host/index.ts';
import { kerberosPackage } from '../../src/kerberos/index.ts';
import { type NegotiateContext, negotiatePackage } from '../../src/negotiate/index.ts';
import {
  type AcceptorIdentity,
  ASC_RET,
  type AuthIdentity,
  CREDSSP_SERVER_AUTH,
  type Credential,
  type CredSspOptions,
  type ExchangeEvent,
  fromFileTime,
  ISC_REQ,
  ISC_RET,
  type KerberosSettings,
  SEC_E,
  SECPKG_CRED,
  Secret,
  type SecurityContext,
  SspiError,
  toFileTime,
} from '../../src/sspi/index.ts';
import { certificates } from '../support/credssp.ts';
import { TestRealm } from '../support/kdc.ts';
import { converse } from '../support/loop.ts';
import { PasswordKdc } from '../support/password-kdc.ts';
import { failureOf } from './ap-support.ts';

const TARGET = 'TERMSRV/host.example.test';
const PASSWORD = 'AlicePass1!';
const { clock, random } = systemHost;
const realm = new TestRealm({ now: clock.now(), random });

/** A machine in the realm. */
function hostWith(services: readonly string[] = [TARGET]) {
  const kdc = new PasswordKdc({ realm, clock, users: { alice: PASSWORD, bob: 'BobPass1!' }, services });
  const host: Host = { ...systemHost, kdcTransport: kdc };
  return { kdc, host };
}

function alice(more: Partial<AuthIdentity> = {}): AuthIdentity {
  const kerberos: KerberosSettings = { realm: realm.realm, kdc: 'kdc.example.test' };
  return { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: PASSWORD, kerberos, ...more };
}

const service = (more: Partial<AcceptorIdentity> = {}): AcceptorIdentity => ({
  kind: 'acceptor',
  accounts: memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password: PASSWORD }]),
  kerberosService: { keytab: realm.keytab(TARGET), replayCache: memoryReplayCache() },
  ...more,
});

function outbound(identity: AuthIdentity, host: Host, options?: CredSspOptions): Promise<Credential> {
  const schannelCred = { kind: 'schannel', rootStore: [] } as const;
  const authData = { kind: 'credssp', schannelCred, spnegoCred: identity, options } as const;
  return credsspPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
}

function inbound(identity: AcceptorIdentity, host: Host): Promise<Credential> {
  const schannelCred = { kind: 'schannel', certificates: [certificates.ec] } as const;
  const authData = { kind: 'credssp', schannelCred, spnegoCred: identity } as const;
  return credsspPackage.acquire({ use: SECPKG_CRED.INBOUND, authData, host });
}

const FLAGS = ISC_REQ.DELEGATE | ISC_REQ.MUTUAL_AUTH | ISC_REQ.EXTENDED_ERROR;

describe('CredSSP over Kerberos, with TLS inside', () => {
  test('Y6, Q5, C15: the server is authenticated by Kerberos, whatever its certificate, and the password is delegated', async () => {
    const { host, kdc } = hostWith();
    const client = (await outbound(alice(), host)).initiate({ flags: FLAGS, targetName: TARGET });
    const server = (await inbound(service(), host)).accept({ flags: 0 });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(kdc.asked).toEqual(['AS alice', 'AS alice', `TGS ${TARGET}`]);
    expect(client.query('NEGOTIATION_PACKAGE').name).toBe('Kerberos');
    expect(server.query('NEGOTIATION_PACKAGE').name).toBe('Kerberos');
    expect(client.query('SERVER_AUTH_FLAGS').flags).toBe(CREDSSP_SERVER_AUTH.NEGOTIATE);
    expect(client.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).not.toBe(0);
    expect(server.query('FLAGS').flags & ASC_RET.MUTUAL_AUTH).not.toBe(0);
    const credentials = server.query('CREDS');
    expect(credentials).toMatchObject({ kind: 'password', user: 'alice', domain: 'EXAMPLE' });
    expect(server.query('ACCESS_TOKEN')).toMatchObject({ name: 'EXAMPLE\\alice', mechanism: 'Kerberos' });
  });

  test('R46: the context ends with the ticket, when that is before the certificate', async () => {
    const { host } = hostWith();
    const client = (await outbound(alice(), host)).initiate({ flags: FLAGS, targetName: TARGET });
    const server = (await inbound(service(), host)).accept({ flags: 0 });
    const before = clock.now();
    await converse(client, server);
    const [one, other] = [client, server].map((context) => context.query('LIFESPAN'));
    const hours = (fromFileTime(one?.expiry ?? 0n) - before) / 3_600_000;
    expect(hours).toBeGreaterThan(1);
    expect(hours).toBeLessThan(24); // of the ticket: the certificate is good for much longer
    expect(Date.parse(new X509Certificate(certificates.ec.certificate).validTo)).toBeGreaterThan(
      before + 48 * 3_600_000,
    );
    expect(other?.expiry).toBe(one?.expiry);
    expect(one?.start).toBeGreaterThanOrEqual(toFileTime(before - 1));
  });

  test('Y13, Y14: the same without Kerberos has no authenticated server', async () => {
    const { host } = hostWith();
    const client = (await outbound(alice({ kerberos: undefined }), host)).initiate({
      flags: FLAGS,
      targetName: TARGET,
    });
    const server = (await inbound(service(), host)).accept({ flags: 0 });
    const { initiatorError } = await converse(client, server);
    expect(initiatorError).toMatchObject({ code: 'MUTUAL_AUTH_FAILED' });
  });

  test('Y7: a target of the plain list only is delegated to with Kerberos', async () => {
    const { host } = hostWith();
    const none: readonly string[] = [];
    const policy = {
      allowDefault: none,
      allowDefaultNtlmOnly: none,
      allowFresh: [TARGET],
      allowFreshNtlmOnly: none,
      allowSaved: none,
      allowSavedNtlmOnly: none,
      denyDefault: none,
      denyFresh: none,
      denySaved: none,
    };
    const outcome = async (identity: AuthIdentity) => {
      const client = (await outbound(identity, host, { policy })).initiate({
        flags: ISC_REQ.DELEGATE,
        targetName: TARGET,
      });
      return converse(client, (await inbound(service(), host)).accept({ flags: 0 }));
    };
    expect((await outcome(alice())).initiatorError).toBeUndefined();
    expect((await outcome(alice({ kerberos: undefined }))).initiatorError).toMatchObject({ code: 'POLICY_NTLM_ONLY' });
  });

  test('S11: a service that the KDC does not know: NTLM, and NEGO_STATUS says why', async () => {
    const { host } = hostWith([]);
    const client = (await outbound(alice(), host)).initiate({ flags: ISC_REQ.DELEGATE, targetName: TARGET });
    await converse(client, (await inbound(service(), host)).accept({ flags: 0 }));
    expect(client.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
    expect(client.query('NEGO_STATUS').reason).toContain('KDC_ERR_S_PRINCIPAL_UNKNOWN');
  });

  test('R63: and where NTLM is not allowed, it is SEC_E_TARGET_UNKNOWN, and nothing comes inside TLS', async () => {
    const { host, kdc } = hostWith([]);
    const sent: string[] = [];
    const observe = ({ protocol, message }: ExchangeEvent) => sent.push(`${protocol} ${message}`);
    const identity = alice({ packageList: '!ntlm' });
    const client = (await outbound(identity, host)).initiate({ flags: FLAGS, targetName: TARGET, observe });
    const { initiatorError } = await converse(client, (await inbound(service(), host)).accept({ flags: 0 }));
    expect(initiatorError?.statusName).toBe('SEC_E_TARGET_UNKNOWN');
    expect(initiatorError?.status).toBe(0x80090303);
    expect(initiatorError?.message).toContain('KDC_ERR_S_PRINCIPAL_UNKNOWN');
    expect(kdc.asked.at(-1)).toBe(`TGS ${TARGET}`);
    expect(sent.filter((message) => !message.startsWith('TLS'))).toEqual([]);
  });

  test.each([
    ['another key for the name', { principal: TARGET, keyOf: 'TERMSRV/other.example.test' }, 'TICKET_UNREADABLE'],
    ['the name of another service only', { principal: 'TERMSRV/other.example.test' }, 'SERVICE_UNKNOWN'],
  ])('R64, C13, T8: a server with %s refuses the logon: its errorCode has no word for more', async (_, entry, code) => {
    const { host } = hostWith();
    const kerberosService = { keytab: realm.keytab(entry), replayCache: memoryReplayCache() };
    const client = (await outbound(alice({ packageList: '!ntlm' }), host)).initiate({
      flags: FLAGS,
      targetName: TARGET,
    });
    const server = (await inbound(service({ kerberosService }), host)).accept({ flags: 0 });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect(acceptorError?.code).toBe(code);
    expect(initiatorError).toMatchObject({ code: 'PEER_REFUSED', statusName: 'SEC_E_LOGON_DENIED' });
    expect(initiatorError?.ntStatus).toBe(0xc000006d);
  });

  test('S11: a wrong password ends it, although NTLM would be there', async () => {
    const { host } = hostWith();
    const client = (await outbound(alice({ password: 'wrong' }), host)).initiate({ flags: FLAGS, targetName: TARGET });
    const { tokens, initiatorError } = await converse(client, (await inbound(service(), host)).accept({ flags: 0 }));
    expect(initiatorError).toMatchObject({ status: SEC_E.LOGON_DENIED });
    expect(tokens.some(({ token }) => includes(token, 'NTLMSSP'))).toBe(false);
  });

  test.each([
    ['silent', (): Promise<Uint8Array> => new Promise(() => undefined)],
    ['gone', (): Promise<Uint8Array> => Promise.reject(new Error('connection refused'))],
  ])('R61: Kerberos only, and the KDC %s: within the deadline, and no NTLM token is sent', async (_, exchange) => {
    const host: Host = { ...systemHost, kdcTransport: { exchange } };
    const identity = alice({
      packageList: '!ntlm',
      kerberos: { realm: realm.realm, kdc: 'kdc.example.test', deadline: 150 },
    });
    const sent: string[] = [];
    const observe = ({ protocol, message }: ExchangeEvent) => sent.push(`${protocol} ${message}`);
    const client = (await outbound(identity, host)).initiate({ flags: FLAGS, targetName: TARGET, observe });
    const started = performance.now();
    const { tokens, initiatorError, acceptorError } = await converse(
      client,
      (await inbound(service(), host)).accept({ flags: 0 }),
    );
    expect(performance.now() - started).toBeLessThan(1500);
    expect(initiatorError).toMatchObject({ status: SEC_E.NO_AUTHENTICATING_AUTHORITY });
    expect(acceptorError?.code).not.toBe('INTERNAL_ERROR');
    // TLS hides what it carries; the client's observer sees it.
    expect(tokens.filter(({ from }) => from === 'initiator').length).toBeLessThanOrEqual(3);
    expect(sent.filter((message) => !message.startsWith('TLS'))).toEqual([]);
  });
});

describe('on the wire, to a server that only speaks TLS', () => {
  /** Goes on with a logon over a socket until it fails, or waits for an answer that never comes. @returns what the server read */
  async function overheard(identity: AuthIdentity) {
    const cert = String(certificates.ec.certificate);
    const key = String(certificates.ec.privateKey);
    const read: Buffer[] = [];
    let answered = 0;
    const server = createServer({ cert, key }, (socket) => {
      socket.on('data', (octets) => read.push(octets)).on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo; // a listening TCP server has one
    const away: Host = {
      ...systemHost,
      kdcTransport: { exchange: () => Promise.reject(new Error('connection refused')) },
    };
    const client = (await outbound(identity, away)).initiate({ flags: ISC_REQ.DELEGATE, targetName: TARGET });
    const socket = connect(port, '127.0.0.1');
    const chunks = socket[Symbol.asyncIterator]();
    let input: Uint8Array = new Uint8Array(0);
    const failure = await (async () => {
      for (;;) {
        const step = await client.step(input);
        if ('token' in step) socket.write(step.token);
        const { value, done } = await chunks.next();
        if (done === true) return undefined;
        answered += value.length;
        const rest = 'missing' in step ? input : input.subarray(step.consumed);
        input = new Uint8Array(Buffer.concat([rest, value]));
        if (read.length > 0) return undefined;
      }
    })().catch((error: unknown) => error);
    if (failure instanceof SspiError && failure.token !== undefined) socket.write(failure.token);
    await new Promise((resolve) => setTimeout(resolve, 50)); // whatever was sent has arrived
    client.dispose();
    socket.destroy();
    server.close();
    return { failure, answered, text: Buffer.concat(read).toString('latin1') };
  }

  test('R61: Kerberos only, and the KDC away: the server answers, and not one octet comes inside its TLS', async () => {
    const { failure, answered, text } = await overheard(alice({ packageList: '!ntlm' }));
    expect(failure).toMatchObject({ status: SEC_E.NO_AUTHENTICATING_AUTHORITY });
    expect(answered).toBeGreaterThan(500); // the server's flight, with its certificate
    expect(text).toBe('');
  });

  test('and where NTLM is allowed, it is seen there', async () => {
    const { text } = await overheard(alice());
    expect(text).toContain('NTLMSSP');
  });
});

describe("CredSSP over Kerberos, TSRequests under somebody else's TLS", () => {
  const publicKey = new Uint8Array(
    new X509Certificate(certificates.rsa.certificate).publicKey.export({ type: 'pkcs1', format: 'der' }),
  );
  const INNER = ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.REPLAY_DETECT;

  function ends(initiated: SecurityContext | NegotiateContext, accepted: SecurityContext | NegotiateContext) {
    const password = Secret.fromText(PASSWORD);
    const client = credsspInitiator({
      publicKey,
      mechanism: initiated,
      credentials: { kind: 'password', domain: 'EXAMPLE', user: 'alice', password },
      serverCertificateTrusted: false,
      targetName: TARGET,
      flags: ISC_REQ.DELEGATE | ISC_REQ.MUTUAL_AUTH,
    });
    return { client, server: credsspAcceptor({ publicKey, mechanism: accepted, flags: 0 }) };
  }

  test('X19, X27: in SPNEGO', async () => {
    const { host } = hostWith();
    const request = { flags: INNER, targetName: TARGET };
    const initiated = (await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: alice(), host })).initiate(
      request,
    );
    const accepted = (await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: service(), host })).accept({
      flags: 0,
    });
    const { client, server } = ends(initiated, accepted);
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(tokens).toHaveLength(5); // nego, nego, pubKeyAuth, pubKeyAuth, authInfo
    expect(client.query('SERVER_AUTH_FLAGS').flags).toBe(CREDSSP_SERVER_AUTH.NEGOTIATE);
    expect(server.query('CREDS')).toMatchObject({ kind: 'password', user: 'alice' });
  });

  test.each([
    ['KRB_AP_ERR_MODIFIED', { principal: TARGET, keyOf: 'TERMSRV/other.example.test' }],
    ['KRB_AP_ERR_NOT_US', { principal: 'TERMSRV/other.example.test' }],
  ])('R64: a server that lets Kerberos say %s is not the one that was meant', async (name, entry) => {
    const { host } = hostWith();
    const initiated = (
      await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: alice({ packageList: '!ntlm' }), host })
    ).initiate({ flags: INNER, targetName: TARGET });
    const kerberosService = { keytab: realm.keytab(entry), replayCache: memoryReplayCache() };
    const accepted = (
      await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: service({ kerberosService }), host })
    ).accept({ flags: 0 });
    const { client } = ends(initiated, accepted);
    const hello = await client.step();
    const { negoTokens } = decodeTSRequest('token' in hello ? hello.token : new Uint8Array(0));
    const refusal = await failureOf(accepted.step(negoTokens?.[0]?.negoToken));
    // SPNEGO's reject with a KRB-ERROR in it, in negoTokens: all that versions 2 and 5 have for it.
    const answer = { version: 6, negoTokens: [{ negoToken: refusal.token ?? new Uint8Array(0) }] };
    const failure = await failureOf(client.step(encodeTSRequest(answer)));
    expect([failure.statusName, failure.status]).toEqual(['SEC_E_WRONG_PRINCIPAL', 0x80090322]);
    expect(failure.message).toContain(name);
    expect(failure.token).toBeUndefined();
  });

  test('X23: without SPNEGO', async () => {
    const { host } = hostWith();
    const kerberosService = { keytab: realm.keytab(TARGET), replayCache: memoryReplayCache() };
    const initiated = (await kerberosPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: alice(), host })).initiate({
      flags: INNER,
      targetName: TARGET,
    });
    const accepted = (
      await kerberosPackage.acquire({
        use: SECPKG_CRED.INBOUND,
        authData: { kind: 'kerberos-acceptor', ...kerberosService },
        host,
      })
    ).accept({ flags: 0 });
    const { client, server } = ends(initiated, accepted);
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(server.query('CREDS')).toMatchObject({ kind: 'password', user: 'alice' });
  });

  test('K12: from user to user, as RDP hosts without an SPN have it', async () => {
    const { host, kdc } = hostWith();
    const userToUser: AuthIdentity = alice({ user: 'bob', password: 'BobPass1!' });
    const authData = alice({
      packageList: '!ntlm',
      kerberos: { realm: realm.realm, kdc: 'kdc.example.test', userToUser: 'always' },
    });
    const initiated = (await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host })).initiate({
      flags: INNER,
      targetName: 'bob',
    });
    const acceptorData = { kind: 'kerberos-acceptor', userToUser, replayCache: memoryReplayCache() } as const;
    const accepted = (
      await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: acceptorData, host })
    ).accept({ flags: 0 });
    const { client, server } = ends(initiated, accepted);
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(kdc.asked.at(-1)).toBe('TGS bob');
    expect(server.query('CREDS')).toMatchObject({ kind: 'password', user: 'alice' });
  });

  test('R61: Kerberos only, and the KDC away: nothing at all is sent', async () => {
    const host: Host = {
      ...systemHost,
      kdcTransport: { exchange: () => Promise.reject(new Error('connection refused')) },
    };
    const authData = alice({ packageList: '!ntlm' });
    const initiated = (await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host })).initiate({
      flags: INNER,
      targetName: TARGET,
    });
    const { client } = ends(initiated, initiated);
    const failure = await failureOf(client.step());
    expect(failure).toMatchObject({ status: SEC_E.NO_AUTHENTICATING_AUTHORITY });
    expect(failure.token).toBeUndefined();
  });
});

function includes(octets: Uint8Array, text: string): boolean {
  return Buffer.from(octets).includes(text, 0, 'latin1');
}
