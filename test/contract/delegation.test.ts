/** To whom credentials go: contract §3.8, A5, A15, R17, R21, R23, and X34 of §3.9. */
import { once } from 'node:events';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import {
  DEFAULT_DELEGATION_POLICY,
  decodeTSRequest,
  encodeTSCredentials,
  encodeTSRequest,
  PERMISSIVE_DELEGATION_POLICY,
} from '../../src/credssp/index.ts';
import {
  CREDSSP_SERVER_AUTH,
  type CredSspOptions,
  contentOf,
  type DelegationPolicy,
  encodeAuthIdentity,
  ISC_REQ,
  ISC_RET,
  SEC_I,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  secBuffer,
  systemHost,
} from '../../src/index.ts';
import { acceptNla, type ConnectNlaOptions, connectNla, type NlaEvent } from '../../src/rdp/index.ts';
import { decodeConnectionConfirm, decodeConnectionRequest } from '../../src/rdp/x224.ts';
import { accept, desc, initiate, named, pair, present } from '../api/door.ts';
import { socketPair } from '../rdp/pair.ts';
import { pem, withKey } from '../schannel/support.ts';
import { hex } from '../support/vectors.ts';
import { clientAgainst, honest, honestAnswer } from './fake-server.ts';
import { ALICE, CLIENT_TLS, certificates, credssp, IDENTITY, inbound, outbound, TARGET, table } from './support.ts';

const NOTHING: DelegationPolicy = {
  allowDefault: [],
  allowDefaultNtlmOnly: [],
  allowFresh: [],
  allowFreshNtlmOnly: [],
  allowSaved: [],
  allowSavedNtlmOnly: [],
  denyDefault: [],
  denyFresh: [],
  denySaved: [],
};
const ALL = ['*'];
const UNTRUSTING = { kind: 'schannel', rootStore: [] } as const;

/** The status of a whole exchange. */
async function delegating(
  options: CredSspOptions,
  more: { readonly trusted?: boolean; readonly contextReq?: number; readonly targetName?: string | null } = {},
): Promise<string> {
  const { trusted = true, ...rest } = more;
  const sspi = table();
  const tls = trusted ? CLIENT_TLS : UNTRUSTING;
  const credential = await outbound(sspi, 'CREDSSP', { tls, options: { mechanism: 'ntlm', ...options } });
  return named((await clientAgainst(sspi, credential, await honestAnswer(), rest)).result);
}

describe('Y1: the nine lists', () => {
  const sources = [
    ['fresh', 'allowFresh', 'allowFreshNtlmOnly', 'denyFresh'],
    ['saved', 'allowSaved', 'allowSavedNtlmOnly', 'denySaved'],
    ['default', 'allowDefault', 'allowDefaultNtlmOnly', 'denyDefault'],
  ] as const;

  test.each(sources)('Y1, Y5, Y7: %s credentials go by their own three', async (source, allow, ntlmOnly, deny) => {
    const others = Object.fromEntries(
      Object.keys(NOTHING).map((list) => [list, [allow, ntlmOnly, deny].includes(list as never) ? [] : ALL]),
    );
    const policy = { ...NOTHING, ...others };
    // All the other lists may say what they like.
    expect(await delegating({ source, policy })).toBe('SEC_E_DELEGATION_POLICY');
    expect(await delegating({ source, policy: { ...policy, [allow]: ALL } })).toBe('SEC_E_OK');
    expect(await delegating({ source, policy: { ...policy, [ntlmOnly]: ALL } }, { trusted: false })).toBe('SEC_E_OK');
    // Y7: the two are not unioned.
    expect(await delegating({ source, policy: { ...policy, [ntlmOnly]: ALL } })).toBe('SEC_E_DELEGATION_POLICY');
    expect(await delegating({ source, policy: { ...policy, [allow]: ALL } }, { trusted: false })).toBe(
      'SEC_E_POLICY_NLTM_ONLY',
    );
    // Y4: deny wins.
    const denied = { ...policy, [allow]: ALL, [ntlmOnly]: ALL, [deny]: ['TERMSRV/host.example.*'] };
    expect(await delegating({ source, policy: denied })).toBe('SEC_E_DELEGATION_POLICY');
    expect(await delegating({ source, policy: denied }, { trusted: false })).toBe('SEC_E_DELEGATION_POLICY');
  });

  test('Y2, Y15: where nothing is configured: fresh and saved to remote desktops, default nowhere', async () => {
    for (const source of ['fresh', 'saved'] as const)
      for (const trusted of [true, false]) expect(await delegating({ source }, { trusted })).toBe('SEC_E_OK');
    expect(await delegating({ source: 'default' })).toBe('SEC_E_DELEGATION_POLICY');
    expect(await delegating({}, { targetName: 'WSMAN/host.example.test' })).toBe('SEC_E_DELEGATION_POLICY');
  });

  test.each([
    ['TERMSRV/host.example.test', true],
    ['termsrv/HOST.EXAMPLE.TEST', true],
    ['TERMSRV/*.example.test', true],
    ['*/host.example.test', true],
    ['TERMSRV/host*', true],
    ['TERMSRV/*.test*', false], // more than one: it is ignored
    ['WSMAN/*', false],
    ['', false],
  ])('Y3: the pattern %s: %s', async (pattern, allowed) => {
    const policy = { ...NOTHING, allowFresh: [pattern] };
    expect(await delegating({ policy })).toBe(allowed ? 'SEC_E_OK' : 'SEC_E_DELEGATION_POLICY');
  });

  test('a policy with a list missing, or with something else in one, is a mistake', async () => {
    const sspi = table();
    for (const policy of [{ allowFresh: ALL }, { ...NOTHING, denySaved: 'x' }, { ...NOTHING, allowFresh: [7] }]) {
      const authData = credssp({ spnegoCred: IDENTITY, options: JSON.parse(JSON.stringify({ policy })) });
      const acquired = await sspi.acquireCredentialsHandle({ package: 'CREDSSP', credentialUse: 2, authData });
      expect(named(acquired)).toBe('SEC_E_INVALID_PARAMETER');
    }
  });
});

describe('what is said first', () => {
  const BOTH = ISC_REQ.DELEGATE | ISC_REQ.MUTUAL_AUTH;

  test.each([
    ['SEC_E_POLICY_NLTM_ONLY', { ...PERMISSIVE_DELEGATION_POLICY, allowFreshNtlmOnly: [] }],
    ['SEC_E_OK', { ...NOTHING, allowFresh: ['x'], allowFreshNtlmOnly: ['TERMSRV/*'] }],
  ])(
    'Y14, R22: a server that had to be authenticated and was not: before the lists are asked, which would say %s',
    async (lists, policy) => {
      expect(await delegating({ policy }, { trusted: false, contextReq: BOTH })).toBe('SEC_E_MUTUAL_AUTH_FAILED');
      expect(await delegating({ policy }, { trusted: false, contextReq: ISC_REQ.DELEGATE })).toBe(lists);
    },
  );

  test('Y11, Y14: but where no list names the target the exchange does not begin', async () => {
    const policy = { ...NOTHING, allowFresh: ['x'], allowFreshNtlmOnly: ['y'] };
    expect(await delegating({ policy }, { trusted: false, contextReq: BOTH })).toBe('SEC_E_DELEGATION_POLICY');
  });
});

describe('R17: a target that is left out', () => {
  const LEFT_OUT = { targetName: null } as const;

  test('R17, Y3: is for no pattern but the star', async () => {
    expect(await delegating({}, LEFT_OUT)).toBe('SEC_E_DELEGATION_POLICY');
    const stars = (allowFreshNtlmOnly: readonly string[]): CredSspOptions => ({
      policy: { ...DEFAULT_DELEGATION_POLICY, allowFreshNtlmOnly },
    });
    expect(await delegating(stars(['*']), LEFT_OUT)).toBe('SEC_E_OK');
    for (const pattern of ['', '*/*', 'TERMSRV/', '*/'])
      expect(await delegating(stars([pattern]), LEFT_OUT)).toBe('SEC_E_DELEGATION_POLICY');
  });

  test('R17, R22: names nobody whom a certificate could authenticate', async () => {
    const more = { ...LEFT_OUT, contextReq: ISC_REQ.DELEGATE | ISC_REQ.MUTUAL_AUTH };
    expect(await delegating({ policy: PERMISSIVE_DELEGATION_POLICY }, more)).toBe('SEC_E_MUTUAL_AUTH_FAILED');
  });

  test('R17: no KDC is asked, and NTLM goes on, in SPNEGO, with the credentials at its end', async () => {
    const exchange = vi.fn(() => Promise.reject(new Error('nobody should ask')));
    const sspi = table({ host: { ...systemHost, kdcTransport: { exchange } } });
    const kerberos = { realm: 'EXAMPLE.TEST', kdc: 'kdc.example.test' };
    const logOn = async (targetName: string | undefined) => {
      const both = await pair(sspi, 'CREDSSP', {
        clientCredential: await outbound(sspi, 'CREDSSP', {
          identity: { ...IDENTITY, kerberos },
          options: { policy: PERMISSIVE_DELEGATION_POLICY },
        }),
        serverCredential: await inbound(sspi, 'CREDSSP'),
        contextReq: ISC_REQ.DELEGATE,
        ...(targetName === undefined ? {} : { targetName }),
      });
      const { token } = await sspi.querySecurityContextToken({ context: both.server });
      const delegated = both.clientResult.contextAttr & ISC_RET.DELEGATE;
      return { who: token?.name, delegated, asked: exchange.mock.calls.length };
    };
    expect(await logOn(undefined)).toEqual({ who: 'EXAMPLE\\alice', delegated: ISC_RET.DELEGATE, asked: 0 });
    expect((await logOn(TARGET)).asked).toBeGreaterThan(0); // it is the target that it hangs on
  });
});

describe('sources', () => {
  test.each(['saved', 'default'] as const)('A15: AUTOLOGON_RESTRICTED takes no %s credentials', async (source) => {
    const sspi = table();
    const acquire = async (use: number, from: 'fresh' | 'saved' | 'default') => {
      const authData = credssp({ spnegoCred: IDENTITY, options: { source: from } });
      return named(await sspi.acquireCredentialsHandle({ package: 'CREDSSP', credentialUse: use, authData }));
    };
    const restricted = SECPKG_CRED.OUTBOUND | SECPKG_CRED.AUTOLOGON_RESTRICTED;
    expect(await acquire(restricted, source)).toBe('SEC_E_NO_CREDENTIALS');
    expect(await acquire(restricted, 'fresh')).toBe('SEC_E_OK');
    expect(await acquire(SECPKG_CRED.OUTBOUND, source)).toBe('SEC_E_OK');
  });

  test.each(['default', 'saved'] as const)(
    'A15, R23, Y5: on a handle with %s credentials, those of PKG_PARAMS are fresh; without them there are none',
    async (source) => {
      const sspi = table();
      const contextReq = ISC_REQ.USE_SUPPLIED_CREDS | ISC_REQ.DELEGATE | ISC_REQ.ALLOCATE_MEMORY;
      const supplied = async (policy: DelegationPolicy) => {
        const [nobody, options] = [{ ...IDENTITY, user: 'nobody' }, { mechanism: 'ntlm', source, policy } as const];
        const credential = await outbound(sspi, 'CREDSSP', { identity: nobody, options });
        const server = await inbound(sspi, 'CREDSSP');
        const output = secBuffer(SECBUFFER.TOKEN);
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
          if (other.result.status === SEC_I.CONTINUE_NEEDED && client.token.length > 0)
            other = await accept(sspi, { context: other.context, input: client.token });
        }
        return { client, server: other, credential };
      };

      const byFresh = await supplied({ ...NOTHING, allowFresh: [TARGET] });
      expect([named(byFresh.client.result), named(byFresh.server.result)]).toEqual(['SEC_E_OK', 'SEC_E_OK']);
      const { token } = await sspi.querySecurityContextToken({ context: byFresh.server.context });
      expect(token?.user).toBe('alice');

      const { client } = await supplied({ ...NOTHING, allowDefault: ALL, allowSaved: ALL });
      expect(named(client.result)).toBe('SEC_E_DELEGATION_POLICY');

      const { credential } = byFresh;
      const output = secBuffer(SECBUFFER.TOKEN);
      const bare = await sspi.initializeSecurityContext({
        credential,
        contextReq,
        targetName: TARGET,
        output: desc(output),
      });
      expect([named(bare), bare.context, output.count]).toEqual(['SEC_E_NO_CREDENTIALS', null, 0]);
    },
  );

  test('A5, A1, A16: acquiring asks nobody: the accounts of a server, and a wrong password, show only in the exchange', async () => {
    const sspi = table();
    const find = vi.fn(async () => undefined);
    const authData = credssp({
      spnegoCred: { kind: 'acceptor', accounts: { find } },
      schannelCred: { kind: 'schannel', certificates: [certificates.ec] },
    });
    const acquired = await sspi.acquireCredentialsHandle({ package: 'CREDSSP', credentialUse: 1, authData });
    expect([named(acquired), find.mock.calls.length]).toEqual(['SEC_E_OK', 0]);
    const answer = await honestAnswer({ identity: { kind: 'acceptor', accounts: { find } } });
    const wrong = { ...IDENTITY, password: 'wrong' };
    const credential = await outbound(sspi, 'CREDSSP', { identity: wrong, options: { mechanism: 'ntlm' } });
    expect(named((await clientAgainst(sspi, credential, answer)).result)).toBe('SEC_E_LOGON_DENIED');
    expect(find).toHaveBeenCalled();
  });
});

describe('what is not delegated', () => {
  test('Y9, R21: without DELEGATE no list is asked, and three empty texts are sent', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP', { options: { mechanism: 'ntlm', policy: NOTHING } });
    const { answer, context } = await honest();
    const end = await clientAgainst(
      sspi,
      credential,
      async (request) => {
        const reply = await answer(request);
        return reply === undefined ? undefined : encodeTSRequest(reply);
      },
      { contextReq: 0, targetName: 'WSMAN/anything' },
    );
    expect(named(end.result)).toBe('SEC_E_OK');
    expect(end.result.contextAttr & ISC_RET.DELEGATE).toBe(0);
    expect(context.query('CREDS')).toEqual({ kind: 'none' });
    // V20f: TSCredentials of type 1 with three empty strings.
    const empty = hex('3017a003020101a110040e300ca0020400a1020400a2020400');
    expect(encodeTSCredentials({ kind: 'none' })).toEqual(empty);
  });

  test('Y9, R22: the server must be authenticated all the same when that was asked for', async () => {
    const contextReq = ISC_REQ.MUTUAL_AUTH;
    expect(await delegating({ policy: NOTHING }, { trusted: false, contextReq })).toBe('SEC_E_MUTUAL_AUTH_FAILED');
    expect(await delegating({ policy: NOTHING }, { trusted: true, contextReq })).toBe('SEC_E_OK');
  });

  test('Q5: SERVER_AUTH_FLAGS: 2 for the certificate, 0 for nothing; 1 would be Kerberos, 4 the same machine', async () => {
    expect(CREDSSP_SERVER_AUTH).toEqual({ NEGOTIATE: 1, CERTIFICATE: 2, LOOPBACK: 4 });
    for (const [tls, flags] of [
      [CLIENT_TLS, 2],
      [UNTRUSTING, 0],
    ] as const) {
      const sspi = table();
      const credential = await outbound(sspi, 'CREDSSP', { tls, options: { mechanism: 'ntlm' } });
      const { context } = await clientAgainst(sspi, credential, await honestAnswer());
      const { value } = await sspi.queryContextAttributes({
        context: present(context),
        attribute: SECPKG_ATTR.SERVER_AUTH_FLAGS,
      });
      expect(value).toEqual({ flags });
    }
  });

  test('A19: a certificate for Remote Desktop Authentication authenticates the server like one for TLS servers', async () => {
    const [certificate, root] = [withKey('leaf', 'remote-desktop', 'intermediate'), pem('root.pem')];
    const sspi = table();
    const tls = { kind: 'schannel', certificates: [certificate] } as const;
    const credential = await outbound(sspi, 'CREDSSP', {
      tls: { kind: 'schannel', rootStore: [root] },
      options: { mechanism: 'ntlm', policy: PERMISSIVE_DELEGATION_POLICY },
    });
    const { context, result } = await clientAgainst(sspi, credential, await honestAnswer({ tls }), {
      tls,
      targetName: 'TERMSRV/server.example.com',
    });
    expect(named(result)).toBe('SEC_E_OK');
    const { value } = await sspi.queryContextAttributes({
      context: present(context),
      attribute: SECPKG_ATTR.SERVER_AUTH_FLAGS,
    });
    expect(value?.flags).toBe(2);
  });
});

describe('Restricted Admin', () => {
  const open: { destroy(): void }[] = [];
  afterEach(() => {
    for (const socket of open.splice(0)) socket.destroy();
  });

  async function logOn(clientAsks: boolean, serverAllows: boolean, more: Partial<ConnectNlaOptions> = {}) {
    const { near, far } = await socketPair();
    open.push(near, far);
    const seen: Uint8Array[] = [];
    far.once('data', (chunk: Buffer) => seen.push(Uint8Array.from(chunk)));
    near.once('data', (chunk: Buffer) => seen.push(Uint8Array.from(chunk)));
    const [connected, accepted] = await Promise.allSettled([
      connectNla({
        stream: near,
        host: 'host.example.test',
        identity: IDENTITY,
        restrictedAdmin: clientAsks,
        deadline: 4000,
        ...more,
      }),
      acceptNla({
        stream: far,
        certificate: certificates.ec,
        identity: { kind: 'acceptor', accounts: memoryAccounts([ALICE]) },
        restrictedAdmin: serverAllows,
        deadline: 4000,
      }),
    ]);
    return { connected, accepted, seen };
  }

  test('X34, Y10, Y16, F5: asked for and allowed: alice is logged on, and nothing is delegated', async () => {
    // A policy that lets no credentials go anywhere, which a password meets at once.
    const { connected, accepted, seen } = await logOn(true, true, { credssp: { policy: NOTHING } });
    const { connected: withPassword } = await logOn(false, true, { credssp: { policy: NOTHING } });
    expect(withPassword).toMatchObject({ reason: { code: 'DELEGATION_POLICY' } });
    if (connected.status === 'rejected') throw connected.reason;
    if (accepted.status === 'rejected') throw accepted.reason;
    expect(accepted.value).toMatchObject({ session: { restrictedAdmin: true }, credentials: { kind: 'none' } });
    expect(accepted.value.identity.name).toBe('EXAMPLE\\alice');
    // RDP_NEG_REQ flags bit 0, RDP_NEG_RSP flags bit 3 ([MS-RDPBCGR] 2.2.1.1.1, 2.2.1.2.1).
    expect(decodeConnectionRequest(present(seen[0])).negotiation?.flags).toBe(0x01);
    expect(decodeConnectionConfirm(present(seen[1]))).toMatchObject({ kind: 'selected', flags: 0x08 });
  });

  test('Y10, R22: a server that has to be authenticated and is not gets not even the empty credentials', async () => {
    const told: NlaEvent[] = [];
    const more = { requireServerAuthentication: true, rootStore: [], observe: (event: NlaEvent) => told.push(event) };
    const { connected, accepted } = await logOn(true, true, more);
    expect(connected).toMatchObject({ reason: { code: 'MUTUAL_AUTH_FAILED' } });
    expect(accepted.status).toBe('rejected');
    const sent = told.flatMap((event) =>
      event.kind === 'message' && event.direction === 'sent' ? [decodeTSRequest(event.octets)] : [],
    );
    expect(sent.some(({ pubKeyAuth }) => pubKeyAuth !== undefined)).toBe(true); // it came as far as that
    expect(sent.some(({ authInfo }) => authInfo !== undefined)).toBe(false);
    const trusting = { ...more, rootStore: [certificates.ec.certificate] };
    expect(await logOn(true, true, trusting)).toMatchObject({ connected: { status: 'fulfilled' } });
  });

  test('F5, Y16: a server does not allow it by default; the client gives up before TLS', async () => {
    const { connected, accepted } = await logOn(true, false);
    expect(connected).toMatchObject({
      reason: { code: 'RDP_RESTRICTED_ADMIN_REFUSED' },
    });
    expect(accepted.status).toBe('rejected');
  });

  test('F5: a server that allows it takes a password from whoever does not ask', async () => {
    const { accepted } = await logOn(false, true);
    if (accepted.status === 'rejected') throw accepted.reason;
    expect(accepted.value).toMatchObject({
      session: { restrictedAdmin: false },
      credentials: { kind: 'password', user: 'alice' },
    });
    accepted.value.dispose();
    expect(await Promise.race([once(accepted.value.stream, 'close'), Promise.resolve('open')])).toBe('open');
  });
});
