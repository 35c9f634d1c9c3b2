import { afterEach, describe, expect, test, vi } from 'vitest';
import { memoryAccounts, memoryReplayCache } from '../../src/acceptor/index.ts';
import { decode } from '../../src/der/index.ts';
import type { Host, KdcExchange } from '../../src/host/index.ts';
import {
  ApRep,
  ApReq,
  Authenticator,
  decodeGssToken,
  decodeKdcProxyMessage,
  EncApRepPart,
  encodeGssToken,
  encodeKdcProxyMessage,
  encodeKeytab,
  GSS_MECHANISM,
  KERBEROS_INFO,
  kerberosPackage,
  TOKEN_ID,
  unseal,
  userToUserPackage,
  writeTickets,
} from '../../src/kerberos/index.ts';
import { createNegotiatePackage, negotiatePackage, ntlmMechanism } from '../../src/negotiate/index.ts';
import { kerberosMechanism } from '../../src/negotiate/package.ts';
import {
  type AuthData,
  type AuthIdentity,
  type Credential,
  ISC_RET,
  type KerberosSettings,
  type KeytabIdentity,
  NEVER,
  SEC_E,
  SECPKG_CRED,
  Secret,
  toFileTime,
} from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import {
  clientWith,
  failureOf,
  initiator,
  MUTUAL,
  NOW,
  realmOf,
  SERVICE,
  serviceWith,
  stillHost,
  tokenOf,
} from './ap-support.ts';
import { ScriptedKdc, type ScriptedKdcOptions, TestClock, testKey } from './kdc/scripted-kdc.ts';

const REALM = 'EXAMPLE.TEST';
const KDC: KerberosSettings = { realm: REALM, kdc: 'tcp/kdc.example.test' };
const ALICE: AuthIdentity = { kind: 'identity', user: 'alice', domain: 'EXAMPLE', password: 'AlicePass1!' };

function outbound(authData: AuthData, host: Host = stillHost()): Promise<Credential> {
  return kerberosPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
}

/** A keytab of the scripted KDC's keys. */
function keytabOf(...names: readonly string[]): Uint8Array {
  return encodeKeytab(
    names.map((name) => {
      const nameString = name.split('/');
      const { keytype, keyvalue } = testKey(name).reveal();
      const key = new Secret(keyvalue.slice());
      return {
        name: { nameType: nameString.length, nameString },
        realm: REALM,
        timestamp: NOW,
        kvno: 1,
        etype: keytype,
        key,
      };
    }),
  );
}

/** A machine from which one KDC can be reached. */
function hostWith(options: Partial<ScriptedKdcOptions> = {}) {
  const clock = new TestClock();
  clock.time = NOW;
  const kdc = new ScriptedKdc({ realm: REALM, clock, services: [SERVICE], ...options });
  const exchange = vi.fn(({ realm, message }: KdcExchange) => kdc.exchange({ realm, message }));
  const host: Host = { ...stillHost(), clock, kdcTransport: { exchange } };
  return { host, kdc, exchange, clock };
}

describe('the package', () => {
  test('P4: what it says of itself', () => {
    expect(kerberosPackage.info).toMatchObject({
      name: 'Kerberos',
      capabilities: 0xf3bbf,
      rpcId: 16,
      maxToken: 48_000,
      version: 1,
    });
  });

  test.each([
    ['nothing', undefined],
    ['an anonymous client', { kind: 'anonymous' }],
    ['a name and a password, and no KDC', ALICE],
    ['an empty list of KDCs', { ...ALICE, kerberos: { kdc: [] } }],
    [
      'a configuration without KDCs',
      { ...ALICE, kerberos: { configuration: '[libdefaults]\ndefault_realm = EXAMPLE.TEST' } },
    ],
    ['the DNS, where there is none', { ...ALICE, kerberos: { dns: true } }],
    ['a KDC and no password', { kind: 'identity', user: 'alice', domain: REALM, kerberos: KDC }],
    ['a KDC and no name', { kind: 'identity', password: 'x', kerberos: KDC }],
    [
      'an NT hash, where RC4 is not allowed',
      { kind: 'nt-hash', user: 'alice', ntHash: new Secret(new Uint8Array(16)), kerberos: KDC },
    ],
    ['a keytab of somebody else', { kind: 'keytab', principal: 'bob', keytab: keytabOf('alice'), kerberos: KDC }],
    [
      'a keytab of another realm',
      { kind: 'keytab', keytab: keytabOf('alice'), kerberos: { ...KDC, realm: 'OTHER.TEST' } },
    ],
    ['a service, NTLM only', { kind: 'acceptor', accounts: memoryAccounts([]) }],
  ] satisfies [string, AuthData | undefined][])('S11: %s: no credentials, at once', async (_, authData) => {
    expect(
      await failureOf(kerberosPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: stillHost() })),
    ).toMatchObject({
      code: 'NO_CREDENTIALS',
    });
  });

  test.each([
    ['Schannel credentials', { kind: 'schannel' }, 'UNKNOWN_CREDENTIALS'],
    ['a broken keytab', { kind: 'keytab', keytab: new Uint8Array(3), kerberos: KDC }, 'FILE_MALFORMED'],
    ['a broken credential cache', { kind: 'ccache', ccache: new Uint8Array(3) }, 'FILE_MALFORMED'],
    ['a broken krb5.conf', { ...ALICE, kerberos: { configuration: '[realms]\nX = {' } }, 'FILE_MALFORMED'],
    ['an identity that cannot be', { ...ALICE, user: 'a\0', kerberos: KDC }, 'UNKNOWN_CREDENTIALS'],
  ] satisfies [string, AuthData, string][])('A12: %s', async (_, authData, code) => {
    expect(await failureOf(outbound(authData))).toMatchObject({ code });
  });

  test('A1, A16: nobody is asked when credentials are acquired', async () => {
    const { host, exchange } = hostWith();
    await outbound({ ...ALICE, kerberos: KDC }, host);
    expect(exchange).not.toHaveBeenCalled();
  });

  test.each([
    [{ kdc: 'kdc.example.test' }, true],
    [{ configuration: '[realms]\nEXAMPLE.TEST = {\n kdc = kdc.example.test\n}' }, true],
    [{ dns: true }, false],
    [{ configuration: '[libdefaults]\ndns_lookup_kdc = true' }, false],
  ])('%o tells where KDCs are', async (kerberos, always) => {
    const host: Host = { ...stillHost(), dns: { srv: async () => [] } };
    expect((await outbound({ ...ALICE, kerberos }, host)).info.name).toBe('Kerberos');
    if (!always) expect(await failureOf(outbound({ ...ALICE, kerberos }))).toMatchObject({ code: 'NO_CREDENTIALS' });
  });

  test('the expiry of a credential cache is that of its ticket-granting ticket', async () => {
    const realm = realmOf();
    const grantingTicket = realm.grantingTicket();
    const owner = { name: grantingTicket.client, realm: REALM };
    const ccache = new Secret(writeTickets({ owner, kdcOffset: 0, tickets: [grantingTicket] }));
    const credential = await outbound({ kind: 'ccache', ccache });
    expect(credential.expiry).toBe(toFileTime(NOW + 9 * 3_600_000));
    expect((await outbound({ ...ALICE, kerberos: KDC })).expiry).toBe(NEVER);
  });

  test('a ticket out of a credential cache needs no KDC', async () => {
    const realm = realmOf();
    const ticket = realm.ticket({ service: SERVICE });
    const ccache = writeTickets({ owner: { name: ticket.client, realm: REALM }, kdcOffset: 0, tickets: [ticket] });
    const client = initiator(await outbound({ kind: 'ccache', ccache }));
    const server = (await serviceWith(realm)).accept({ flags: 0 });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
  });

  test('one that holds others does not make one up', async () => {
    const ticket = realmOf().ticket({ service: 'cifs/other.example.test' });
    const ccache = writeTickets({ owner: { name: ticket.client, realm: REALM }, kdcOffset: 0, tickets: [ticket] });
    expect(await failureOf(initiator(await outbound({ kind: 'ccache', ccache })).step())).toMatchObject({
      code: 'NO_CREDENTIALS',
    });
  });

  test('an NT hash is a key of RC4, for those who allow it', async () => {
    const ntHash = new Secret(testKey('alice', 23).reveal().keyvalue.slice());
    const { host } = hostWith({ etype: 23 });
    const authData = {
      kind: 'nt-hash',
      user: 'alice',
      ntHash,
      kerberos: { ...KDC, encryptionTypes: [23, 18] },
    } as const;
    expect((await tokenOf(initiator(await outbound(authData, host)))).length).toBeGreaterThan(500);
  });

  test('A14: contexts outlive their credential, and nothing starts after it', async () => {
    const realm = realmOf();
    const service = await serviceWith(realm);
    const server = service.accept({ flags: 0 });
    service.dispose();
    expect(await server.step(await tokenOf(initiator(clientWith(realm))))).toMatchObject({ status: SEC_E.OK });
    expect(() => service.accept({ flags: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_HANDLE' }));
  });

  test('A14: keys go with the last context', async () => {
    const { host } = hostWith();
    const credential = await outbound({ kind: 'keytab', keytab: keytabOf('alice'), kerberos: KDC }, host);
    const context = initiator(credential);
    credential.dispose();
    await tokenOf(context);
    context.dispose();
    expect(() => credential.initiate({ flags: 0 })).toThrow(expect.objectContaining({ code: 'INVALID_HANDLE' }));
  });

  test.each([
    [SECPKG_CRED.INBOUND, 'initiate'],
    [SECPKG_CRED.OUTBOUND, 'accept'],
  ] as const)('C2, R7: a credential for use %i does not %s', async (use, call) => {
    const credential = use === SECPKG_CRED.INBOUND ? await serviceWith(realmOf()) : clientWith(realmOf());
    expect(() => credential[call]({ flags: 0 })).toThrow(expect.objectContaining({ code: 'NO_CREDENTIALS' }));
  });
});

describe('the attributes of a credential, contract L8', () => {
  afterEach(() => vi.unstubAllGlobals());

  const PROXY = 'https://proxy.example.test/KdcProxy';
  const alice: KeytabIdentity = { kind: 'keytab', keytab: keytabOf('alice'), kerberos: KDC };

  /** A KDC behind a proxy, and what came to the proxy. */
  function proxied() {
    const { host, kdc, exchange } = hostWith();
    const posts: { readonly url: string; readonly body: Uint8Array }[] = [];
    vi.stubGlobal('fetch', async (url: string, init: { readonly body: Uint8Array }) => {
      posts.push({ url, body: init.body });
      const { message, targetDomain = '' } = decodeKdcProxyMessage(init.body);
      const answer = await kdc.exchange({ realm: targetDomain, message });
      return new Response(Uint8Array.from(encodeKdcProxyMessage(answer)));
    });
    return { host, kdc, exchange, posts };
  }

  test.each(['Kerberos', 'Negotiate'])('L8: NAMES of a password, a keytab and a cache: %s', async (name) => {
    const securityPackage = name === 'Kerberos' ? kerberosPackage : negotiatePackage;
    const ticket = realmOf().ticket({ service: SERVICE });
    const ccache = writeTickets({ owner: { name: ticket.client, realm: REALM }, kdcOffset: 0, tickets: [ticket] });
    for (const authData of [{ ...ALICE, kerberos: KDC }, alice, { kind: 'ccache', ccache }] satisfies AuthData[]) {
      const credential = await securityPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: stillHost() });
      expect(credential.attributes?.NAMES?.()).toEqual({ userName: 'alice@EXAMPLE.TEST' });
    }
  });

  test('L8: a name that only a KDC can place is told as it was written; a service has none, and takes no proxies', async () => {
    const { attributes } = await outbound({ ...ALICE, user: 'alice@corp.example', domain: '', kerberos: KDC });
    expect(attributes?.NAMES?.()).toEqual({ userName: 'alice@corp.example' });
    const service = await serviceWith(realmOf());
    expect(service.attributes).toEqual({});
    expect(service.setKdcProxy).toBeUndefined();
  });

  test('L8, F25: a proxy takes what is asked from now on; a context under way keeps its KDC', async () => {
    const { host, kdc, exchange, posts } = proxied();
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    exchange.mockImplementation(async ({ realm, message }) => {
      await released;
      return kdc.exchange({ realm, message });
    });
    const credential = await outbound(alice, host);
    const before = tokenOf(initiator(credential));
    await vi.waitFor(() => expect(exchange).toHaveBeenCalledTimes(1));

    credential.setKdcProxy?.({ version: 1, flags: 1, proxyServer: [PROXY] });
    expect((await tokenOf(initiator(credential))).length).toBeGreaterThan(500);
    expect(exchange).toHaveBeenCalledTimes(1);
    expect(posts.map(({ url }) => url)).toEqual([PROXY, PROXY, PROXY]); // AS twice, TGS
    for (const { body } of posts) {
      // KDC-PROXY-MESSAGE, [MS-KKDCP] 2.2.2: a SEQUENCE that ends in [1] GeneralString "EXAMPLE.TEST"
      expect(body[0]).toBe(0x30);
      expect(Buffer.from(body.subarray(-16)).toString('hex')).toBe('a10e1b0c4558414d504c452e54455354');
    }

    release();
    expect((await before).length).toBeGreaterThan(500);
    expect(posts).toHaveLength(3);
    expect(exchange.mock.calls.every(([{ kdc: address }]) => address.protocol === 'tcp')).toBe(true);
  });

  test('L8: unless it is forced, a proxy is asked when the KDC does not answer', async () => {
    const { host, exchange, posts } = proxied();
    const credential = await outbound(alice, host);
    credential.setKdcProxy?.({ proxyServer: PROXY });
    await tokenOf(initiator(credential));
    expect([exchange.mock.calls.length, posts.length]).toEqual([3, 0]);

    exchange.mockRejectedValue(new Error('away'));
    const other = await outbound(alice, host);
    other.setKdcProxy?.({ proxyServer: PROXY });
    await tokenOf(initiator(other));
    expect(posts).toHaveLength(3);
  });

  test('L8: tickets that are there are good with a proxy too', async () => {
    const { host, posts } = proxied();
    const credential = await outbound(alice, host);
    await tokenOf(initiator(credential));
    credential.setKdcProxy?.({ flags: 1, proxyServer: PROXY });
    await tokenOf(initiator(credential));
    expect(posts).toHaveLength(0);
  });
});

describe('a service', () => {
  const keytab = realmOf().keytab(SERVICE);
  const replayCache = memoryReplayCache();
  const inbound = (authData: object, use: number = SECPKG_CRED.INBOUND) =>
    kerberosPackage.acquire({ use, authData: authData as AuthData, host: stillHost() }); // also what types would not allow

  test.each([
    ['no replay cache', { kind: 'kerberos-acceptor', keytab }, 'INVALID_PARAMETER'],
    ['something else for a replay cache', { kind: 'kerberos-acceptor', keytab, replayCache: {} }, 'INVALID_PARAMETER'],
    ['no keys', { kind: 'kerberos-acceptor', replayCache }, 'NO_CREDENTIALS'],
    [
      'skew without end',
      { kind: 'kerberos-acceptor', keytab, replayCache, maxSkew: Number.POSITIVE_INFINITY },
      'INVALID_PARAMETER',
    ],
    ['a broken keytab', { kind: 'kerberos-acceptor', keytab: Uint8Array.of(5, 1), replayCache }, 'FILE_MALFORMED'],
    ['text for a keytab', { kind: 'kerberos-acceptor', keytab: 'x', replayCache }, 'UNKNOWN_CREDENTIALS'],
    [
      'only keys of RC4',
      { kind: 'kerberos-acceptor', keytab: realmOf(23).keytab(SERVICE), replayCache },
      'ENCRYPTION_TYPE_REFUSED',
    ],
    ['a client', { ...ALICE, kerberos: KDC }, 'NO_CREDENTIALS'],
  ])('Z51: %s', async (_, authData, code) => {
    expect(await failureOf(inbound(authData))).toMatchObject({ code });
  });

  test('keys of a service are not credentials of a client', async () => {
    const authData = { kind: 'kerberos-acceptor', keytab, replayCache };
    expect(await failureOf(inbound(authData, SECPKG_CRED.OUTBOUND))).toMatchObject({ code: 'NO_CREDENTIALS' });
  });

  test('user to user is a mechanism for those who asked for it', async () => {
    const use = SECPKG_CRED.INBOUND;
    const host = stillHost();
    const plain = { kind: 'kerberos-acceptor', keytab, replayCache } as const;
    expect(await failureOf(userToUserPackage.acquire({ use, authData: plain, host }))).toMatchObject({
      code: 'NO_CREDENTIALS',
    });
    const userToUser: KeytabIdentity = { kind: 'keytab', keytab: keytabOf('bob'), kerberos: KDC };
    const credential = await userToUserPackage.acquire({ use, authData: { ...plain, userToUser }, host });
    expect(credential.info.name).toBe('Kerberos');
  });
});

describe('from a keytab to an established context, through a KDC', () => {
  test('K8, K9, K10: AS, TGS and AP exchange', async () => {
    const { host, kdc } = hostWith();
    const client = initiator(await outbound({ kind: 'keytab', keytab: keytabOf('alice'), kerberos: KDC }, host));
    const authData = {
      kind: 'kerberos-acceptor',
      keytab: keytabOf(SERVICE),
      replayCache: memoryReplayCache(),
    } as const;
    const service = await kerberosPackage.acquire({ use: SECPKG_CRED.INBOUND, authData, host });
    const server = service.accept({ flags: 0 });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(kdc.asked).toEqual(['AS alice', 'AS alice', `TGS ${SERVICE}`]);
    expect(server.query('ACCESS_TOKEN')).toMatchObject({
      name: 'alice@EXAMPLE.TEST',
      domain: REALM,
      user: 'alice',
      mechanism: 'Kerberos',
    });
  });

  test('a hundred contexts of one credential ask the KDC once', async () => {
    const { host, exchange } = hostWith();
    const credential = await outbound({ kind: 'keytab', keytab: keytabOf('alice'), kerberos: KDC }, host);
    await Promise.all(Array.from({ length: 100 }, () => tokenOf(initiator(credential))));
    expect(exchange).toHaveBeenCalledTimes(3);
  });

  test.each([
    [6, 'LOGON_DENIED'],
    [24, 'LOGON_DENIED'],
    [18, 'ACCOUNT_RESTRICTED'],
    [14, 'ENCRYPTION_TYPE_UNSUPPORTED'],
  ])('K11: what the KDC says first, %i, is what the first step says: %s', async (errorCode, code) => {
    const { host, kdc } = hostWith();
    kdc.lies = { error: () => ({ errorCode }) };
    const credential = await outbound({ kind: 'keytab', keytab: keytabOf('alice'), kerberos: KDC }, host);
    expect(await failureOf(initiator(credential).step())).toMatchObject({ code });
  });
});

describe('Kerberos in Negotiate', () => {
  const accounts = memoryAccounts([{ domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' }]);
  const kerberosService = { keytab: keytabOf(SERVICE), replayCache: memoryReplayCache() };

  async function negotiators(authData: AuthData, host: Host, more: object = {}) {
    const client = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
    const acceptorData = { kind: 'acceptor', accounts, kerberosService, ...more } as const;
    const service = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: acceptorData, host });
    return {
      client: client.initiate({ flags: MUTUAL, targetName: SERVICE }),
      server: service.accept({ flags: 0 }),
      service,
    };
  }
  const keytab: KeytabIdentity = { kind: 'keytab', keytab: keytabOf('alice'), kerberos: KDC };

  test("S3, S4, S10: Kerberos under Microsoft's name, in two legs", async () => {
    const { host } = hostWith();
    const { client, server } = await negotiators(keytab, host);
    const { tokens, initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(tokens).toHaveLength(2);
    for (const context of [client, server]) expect(context.query('NEGOTIATION_PACKAGE').name).toBe('Kerberos');
    expect(client.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).not.toBe(0);
    const hex = Buffer.from(tokens[0]?.token ?? []).toString('hex');
    // mechTypes: 1.2.840.48018.1.2.2, 1.2.840.113554.1.2.2; no NTLM, because there is no password
    expect(hex).toContain('a018301606092a864882f712010202' + '06092a864886f712010202');
    const reply = Buffer.from(tokens[1]?.token ?? []).toString('hex');
    expect(reply).toContain('a10b06092a864882f712010202');
  });

  test('S11: without a KDC NTLM is used at once, and NEGO_STATUS says why', async () => {
    const { host, exchange } = hostWith();
    const { client, server } = await negotiators(ALICE, host);
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(client.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
    expect(client.query('NEGO_STATUS').reason).toContain('Kerberos could not be used');
    expect(client.query('NEGO_STATUS').reason).toContain('nothing tells where a KDC is');
    expect(exchange).not.toHaveBeenCalled();
  });

  test.each([
    [
      'a KDC that is away',
      () => {
        throw new Error('connection refused');
      },
      'connection refused',
      SEC_E.NO_AUTHENTICATING_AUTHORITY,
    ],
  ])('S11: %s: NTLM, and the reason', async (_, exchange, reason, status) => {
    const host: Host = { ...stillHost(), kdcTransport: { exchange: async () => exchange() } };
    const { client, server } = await negotiators({ ...ALICE, kerberos: KDC }, host);
    await converse(client, server);
    expect(client.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
    expect(client.query('NEGO_STATUS')).toMatchObject({ lastStatus: status });
    expect(client.query('NEGO_STATUS').reason).toContain(reason);
  });

  test('S11: a service that the KDC does not know: NTLM, and the reason', async () => {
    const { host, kdc } = hostWith();
    kdc.lies = { error: () => ({ errorCode: 7 }) };
    const { client, server } = await negotiators({ ...ALICE, kerberos: KDC }, host);
    await converse(client, server);
    expect(client.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
    expect(client.query('NEGO_STATUS').reason).toContain('KDC_ERR_S_PRINCIPAL_UNKNOWN');
  });

  test('S11, X24: an IP address: NTLM, and no KDC is asked', async () => {
    const { host, exchange } = hostWith();
    const credential = await negotiatePackage.acquire({
      use: SECPKG_CRED.OUTBOUND,
      authData: { ...ALICE, kerberos: KDC },
      host,
    });
    const context = credential.initiate({ flags: MUTUAL, targetName: 'TERMSRV/10.1.2.3' });
    await tokenOf(context);
    expect(exchange).not.toHaveBeenCalled();
    expect(context.query('NEGO_STATUS').reason).toContain('10.1.2.3 is an address');
  });

  test.each([
    [24, 'LOGON_DENIED'],
    [18, 'ACCOUNT_RESTRICTED'],
    [37, 'TIME_SKEW'],
    [12, 'KDC_POLICY'],
  ])('S11: never after the KDC has refused the client (%i)', async (errorCode, code) => {
    const { host, kdc } = hostWith();
    kdc.lies = { error: () => ({ errorCode }) };
    const { client } = await negotiators({ ...ALICE, kerberos: KDC }, host);
    expect(await failureOf(client.step())).toMatchObject({ code });
  });

  test.each([
    ['!ntlm', 'Kerberos'],
    ['kerberos', 'Kerberos'],
    ['!kerberos', 'NTLM'],
    ['ntlm', 'NTLM'],
  ])('A21: with the package list %s there is %s, and nothing else', async (packageList, expected) => {
    const { host } = hostWith();
    const { client, server } = await negotiators({ ...(expected === 'NTLM' ? ALICE : keytab), packageList }, host);
    await converse(client, server);
    expect(client.query('NEGOTIATION_PACKAGE').name).toBe(expected);
    const { reason } = client.query('NEGO_STATUS');
    expect(reason.split(' is excluded').length).toBe(2);
  });

  test('Kerberos only, and the KDC away: no NTLM token is sent', async () => {
    const host: Host = {
      ...stillHost(),
      kdcTransport: { exchange: () => Promise.reject(new Error('connection refused')) },
    };
    const authData = { ...ALICE, kerberos: KDC, packageList: '!ntlm' };
    const credential = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
    const failure = await failureOf(credential.initiate({ flags: MUTUAL, targetName: SERVICE }).step());
    expect(failure).toMatchObject({ status: SEC_E.NO_AUTHENTICATING_AUTHORITY });
    expect(failure.token).toBeUndefined();
  });

  test('Kerberos only, and nothing that tells where a KDC is', async () => {
    const request = { use: SECPKG_CRED.OUTBOUND, authData: { ...ALICE, packageList: '!ntlm' }, host: stillHost() };
    expect(await failureOf(negotiatePackage.acquire(request))).toMatchObject({ code: 'NO_CREDENTIALS' });
  });

  test('S9, X23: Kerberos without SPNEGO is answered in kind', async () => {
    const { host } = hostWith();
    const client = initiator(await outbound(keytab, host));
    const { service } = await negotiators(keytab, host);
    const server = service.accept({ flags: 0 });
    const { tokens, acceptorError } = await converse(client, server);
    expect(acceptorError).toBeUndefined();
    expect(tokens.map(({ token }) => token[0])).toEqual([0x60, 0x60]);
    expect(server.query('NEGOTIATION_PACKAGE').name).toBe('Kerberos');
  });

  test.each([
    [
      "in Microsoft's frame",
      (message: Uint8Array) => encodeGssToken(GSS_MECHANISM.MICROSOFT_KERBEROS, TOKEN_ID.AP_REQ, message),
      0x60,
    ],
    ['without a frame', (message: Uint8Array) => message, 0x6f],
  ])('S9, X23: an AP-REQ %s', async (_, frame, tag) => {
    const { host } = hostWith();
    const { message } = decodeGssToken(await tokenOf(initiator(await outbound(keytab, host))));
    const { service } = await negotiators(keytab, host);
    expect((await tokenOf(service.accept({ flags: 0 }), frame(message)))[0]).toBe(tag);
  });

  test('Z26, Z31: a client that hopes for Kerberos, at a server without keys: NTLM, protected by mechListMICs', async () => {
    const hopeful = { info: KERBEROS_INFO, acquire: async () => clientWith(realmOf()) };
    const mechanisms = [{ ...kerberosMechanism, package: hopeful }, ntlmMechanism];
    const request = { use: SECPKG_CRED.OUTBOUND, authData: ALICE, host: stillHost() };
    const credential = await createNegotiatePackage({ mechanisms }).acquire(request);
    const client = credential.initiate({ flags: MUTUAL, targetName: SERVICE });
    const { service } = await negotiators(ALICE, stillHost(), { kerberosService: undefined });
    const messages: string[] = [];
    const server = service.accept({ flags: 0, observe: ({ message }) => messages.push(message) });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(server.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
    expect(messages.filter((message) => message.includes('mechListMIC'))).toHaveLength(2);
    expect(client.query('NEGO_STATUS').reason).toContain('the server preferred NTLM to Kerberos');
  });

  /** Kerberos at a server that would rather have NTLM: request-mic (contract S5, S6). */
  async function withMics(change?: (token: Uint8Array, index: number) => Uint8Array) {
    const realm = realmOf();
    const ticket = realm.ticket({ service: SERVICE });
    const only = {
      info: KERBEROS_INFO,
      acquire: async () => clientWith(realm, {}, {}, stillHost(), { ticketFor: async () => ticket.clone() }),
    };
    const clients = createNegotiatePackage({ mechanisms: [{ ...kerberosMechanism, package: only }] });
    const host = stillHost();
    const credential = await clients.acquire({ use: SECPKG_CRED.OUTBOUND, authData: ALICE, host });
    const client = credential.initiate({ flags: MUTUAL, targetName: SERVICE });
    const authData = {
      kind: 'acceptor',
      accounts: memoryAccounts([]),
      kerberosService: { keytab: realm.keytab(SERVICE), replayCache: memoryReplayCache({ clock: host.clock }) },
    } as const;
    const servers = createNegotiatePackage({ mechanisms: [ntlmMechanism, kerberosMechanism] });
    const server = (await servers.acquire({ use: SECPKG_CRED.INBOUND, authData, host })).accept({ flags: 0 });
    const outcome = await converse(client, server, (_, token, index) => change?.(token, index) ?? token);
    return { ...outcome, client, server, ticket };
  }

  test('S6, X28: the mechListMICs of Kerberos are numbered like messages, and the next message is the next number', async () => {
    const { tokens, client, server, ticket, initiatorError, acceptorError } = await withMics();
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(server.query('NEGOTIATION_PACKAGE').name).toBe('Kerberos');
    const whole = tokens.map(({ token }) => Buffer.from(token));
    const [request = Buffer.alloc(0), answer = Buffer.alloc(0)] = whole;
    expect(answer.toString('hex')).toMatch(/^a1....30....a0030a0103|^a1..........30......a0030a0103|a0030a0103/); // request-mic

    // [3] OCTET STRING of 28 octets that begins with the token id of a MIC: RFC 4178 4.2.2, RFC 4121 4.2.6.1
    const mics = whole.flatMap((token) => {
      const at = token.indexOf(Buffer.from('a31e041c0404', 'hex'));
      return at < 0 ? [] : [token.subarray(at + 4, at + 32)];
    });
    expect(mics).toHaveLength(2);
    const apReq = decode(ApReq, request.subarray(request.indexOf(Buffer.from('01006e82', 'hex')) + 2));
    const authenticator = unseal(Authenticator, apReq.authenticator, ticket.sessionKey, 11);
    const at = answer.indexOf(Buffer.from('02006f', 'hex')) + 2;
    const length = answer[at + 1] === 0x81 ? 3 + (answer[at + 2] ?? 0) : 2 + (answer[at + 1] ?? 0);
    const part = unseal(EncApRepPart, decode(ApRep, answer.subarray(at, at + length)).encPart, ticket.sessionKey, 12);
    const [first, second] = mics.map((mic) => mic.readBigUInt64BE(8));
    expect([first, second]).toEqual([BigInt(part.seqNumber ?? -1), BigInt(authenticator.seqNumber ?? -1)]);

    const message = new TextEncoder().encode('hello');
    for (const [from, to, number] of [
      [client, server, second],
      [server, client, first],
    ] as const) {
      if (from.messages.kind !== 'token' || to.messages.kind !== 'token') throw new TypeError('no tokens');
      const wrapped = from.messages.wrap(message);
      expect(Buffer.from(wrapped).readBigUInt64BE(8)).toBe((number ?? -2n) + 1n);
      expect(to.messages.unwrap(wrapped)).toEqual(message);
    }
  });

  test.each([1, 2])('S6: a mechListMIC of Kerberos that was changed, in message %i', async (index) => {
    const { initiatorError, acceptorError } = await withMics((token, at) =>
      at === index ? token.with(-1, (token.at(-1) ?? 0) ^ 1) : token,
    );
    expect(index === 1 ? initiatorError : acceptorError).toMatchObject({ status: SEC_E.MESSAGE_ALTERED });
  });

  test('the error of the service goes to the client inside the rejection', async () => {
    const { host, clock } = hostWith();
    const { client, service } = await negotiators(keytab, host);
    const token = await tokenOf(client);
    clock.time += 3_600_000;
    const failure = await failureOf(service.accept({ flags: 0 }).step(token));
    expect(failure).toMatchObject({ code: 'TIME_SKEW' });
    const told = await failureOf(client.step(failure.token));
    expect(told).toMatchObject({ code: 'NEGOTIATION_REJECTED', status: SEC_E.TIME_SKEW });
    expect(told.detail).toContain('KRB_AP_ERR_SKEW');
  });
});
