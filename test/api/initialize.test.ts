/** InitializeSecurityContext, contract §1: handles, target, flags, credentials. The buffers have a file of their own. */
import { describe, expect, test } from 'vitest';
import type { CtxtHandle } from '../../src/api/index.ts';
import {
  encodeApplicationProtocols,
  encodeAuthIdentity,
  encodeSecChannelBindings,
  type InitiateOptions,
  ISC_REQ,
  ISC_RET,
  SECBUFFER,
  SECPKG_CRED,
  SECPKG_FLAG,
  secBuffer,
} from '../../src/sspi/index.ts';
import { credentialOf, desc, door, forged, initiate, named, pair, present, received, room } from './door.ts';
import { ascii, OUTBOUND, record, recordPackage, type Script, textOf, tokenPackage, tokenProtection } from './toys.ts';

/** A token package that shows with which options its contexts are started. */
function watched(overrides: Partial<Script> = {}): { toy: ReturnType<typeof tokenPackage>; seen: InitiateOptions[] } {
  const seen: InitiateOptions[] = [];
  const toy = tokenPackage({
    async *initiate(_, __, options) {
      seen.push(options);
      yield { token: ascii('hello') };
      return { flags: 0, messages: tokenProtection() };
    },
    ...overrides,
  });
  return { toy, seen };
}

describe('InitializeSecurityContext: handles', () => {
  test('R6: OUTBOUND and BOTH credentials start a context', async () => {
    const sspi = door(tokenPackage());
    for (const use of [SECPKG_CRED.OUTBOUND, SECPKG_CRED.BOTH]) {
      const { result } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS', use) });
      expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    }
  });

  test('R7: an INBOUND credential is SEC_E_NO_CREDENTIALS', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS', SECPKG_CRED.INBOUND);
    const result = await sspi.initializeSecurityContext({ credential });
    expect(named(result)).toBe('SEC_E_NO_CREDENTIALS');
    expect(result.context).toBeNull();
  });

  test('R8: no credential on the first call is SEC_E_NO_CREDENTIALS', async () => {
    const sspi = door(tokenPackage());
    for (const credential of [null, undefined])
      expect(named(await sspi.initializeSecurityContext({ credential }))).toBe('SEC_E_NO_CREDENTIALS');
  });

  test('R8, R9: later calls need no credential, take the same one, and refuse another', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const other = await credentialOf(sspi, 'TOKENS');
    const { context } = await initiate(sspi, { credential });
    const refused = await sspi.initializeSecurityContext({
      credential: other,
      context,
      input: received(ascii('welcome')).desc,
      output: room().desc,
    });
    expect(named(refused)).toBe('SEC_E_WRONG_CREDENTIAL_HANDLE');
    const same = await initiate(sspi, { credential, context, input: ascii('welcome') });
    expect(named(same.result)).toBe('SEC_E_OK');
    expect(same.context).toBe(context);
  });

  test.each<[string, unknown]>([
    ['an empty object', {}],
    ['all zeros', { lower: 0n, upper: 0n }],
    ['a forged handle', { kind: 'context', generation: 1 }],
    ['the number 0', 0],
    ['an empty text', ''],
  ])('R11: %s as context is SEC_E_INVALID_HANDLE, and not a first call', async (_, context) => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const result = await sspi.initializeSecurityContext({ credential, context: forged<CtxtHandle>(context) });
    expect(named(result)).toBe('SEC_E_INVALID_HANDLE');
    expect(result.context).toBeNull();
    expect(toy.acquired[0]?.contexts).toBe(0);
  });

  test('R57: a deleted context, and a context of the other side, are SEC_E_INVALID_HANDLE', async () => {
    const sspi = door(tokenPackage());
    const { client, server } = await pair(sspi, 'TOKENS');
    expect(named(await sspi.initializeSecurityContext({ context: server }))).toBe('SEC_E_INVALID_HANDLE');
    expect(named(await sspi.acceptSecurityContext({ context: client }))).toBe('SEC_E_INVALID_HANDLE');
    await sspi.deleteSecurityContext({ context: client });
    const result = await sspi.initializeSecurityContext({ context: client });
    expect(named(result)).toBe('SEC_E_INVALID_HANDLE');
    expect(result.context).toBeNull();
  });

  test('R37: later calls give the same handle again', async () => {
    const sspi = door(tokenPackage());
    const first = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const second = await initiate(sspi, { context: first.context, input: ascii('welcome') });
    expect(second.context).toBe(first.context);
    expect(Object.isFrozen(first.context)).toBe(true);
  });

  test('R10: an overlapping call is SEC_E_OUT_OF_SEQUENCE and does not disturb the first', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const toy = tokenPackage({
      async *initiate() {
        yield { token: ascii('hello') };
        await gate;
        return { token: ascii('proof'), flags: 0, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const under = initiate(sspi, { context, input: ascii('welcome') });
    const overlapping = await sspi.initializeSecurityContext({ context, input: received(ascii('welcome')).desc });
    expect(named(overlapping)).toBe('SEC_E_OUT_OF_SEQUENCE');
    expect(overlapping.error?.code).toBe('CONTEXT_BUSY');
    expect(overlapping.context).toBe(context);
    release();
    const { result, token } = await under;
    expect(named(result)).toBe('SEC_E_OK');
    expect(textOf(token)).toBe('proof');
  });

  test('R73: the handle of a first call stays to be deleted when a later call fails', async () => {
    const sspi = door(tokenPackage());
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const failed = await initiate(sspi, { context, input: ascii('bad') });
    expect(named(failed.result)).toBe('SEC_E_LOGON_DENIED');
    expect(failed.context).toBe(context);
    expect(named(await sspi.deleteSecurityContext({ context }))).toBe('SEC_E_OK');
  });

  test('R69: a context that is established, or only begun, may be given up', async () => {
    const sspi = door(tokenPackage());
    const { client } = await pair(sspi, 'TOKENS');
    expect(named(await sspi.deleteSecurityContext({ context: client }))).toBe('SEC_E_OK');
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    expect(named(await sspi.deleteSecurityContext({ context }))).toBe('SEC_E_OK');
  });
});

describe('InitializeSecurityContext: parameters', () => {
  test.each([
    'TERMSRV/host.example.com',
    'TERMSRV/host:3389',
    'ldap/host/domain.example.com',
    'Microsoft Virtual Console Service/host',
    'host',
    '192.0.2.1',
  ])('R16: the target %s reaches the package as it is', async (targetName) => {
    const { toy, seen } = watched();
    const sspi = door(toy);
    await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS'), targetName });
    expect(seen[0]?.targetName).toBe(targetName);
  });

  test.each(['', '/', '/host', 'TERMSRV/', 'TERMSRV/ho\0st', 'https://host/', ':3389', 'a/b/c/d'])(
    'R17: the target %j is SEC_E_TARGET_UNKNOWN',
    async (targetName) => {
      const sspi = door(tokenPackage());
      const credential = await credentialOf(sspi, 'TOKENS');
      const result = await sspi.initializeSecurityContext({ credential, targetName });
      expect(named(result)).toBe('SEC_E_TARGET_UNKNOWN');
    },
  );

  test('R17: no target is allowed', async () => {
    const { toy, seen } = watched();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const result = await sspi.initializeSecurityContext({ credential, targetName: null, output: room().desc });
    expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    expect(seen[0]?.targetName).toBeUndefined();
  });

  test('R18: another target on a later call is ignored', async () => {
    const { toy, seen } = watched();
    const sspi = door(toy);
    const { context } = await initiate(sspi, {
      credential: await credentialOf(sspi, 'TOKENS'),
      targetName: 'TERMSRV/first',
    });
    const { result } = await initiate(sspi, { context, targetName: 'TERMSRV/second', input: ascii('welcome') });
    expect(named(result)).toBe('SEC_E_OK');
    expect(seen.map(({ targetName }) => targetName)).toEqual(['TERMSRV/first']);
  });

  test.each([['reserved1'], ['reserved2']])('R29: %s other than 0 is SEC_E_INVALID_PARAMETER', async (name) => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    for (const value of [1, -1, '0', {}]) {
      const result = await sspi.initializeSecurityContext({ credential, ...forged<object>({ [name]: value }) });
      expect(named(result)).toBe('SEC_E_INVALID_PARAMETER');
      expect(result.status).toBe(0x8009035d);
    }
  });

  test('R30: TargetDataRep is NATIVE or NETWORK', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    for (const [targetDataRep, status] of [
      [0x10, 'SEC_I_CONTINUE_NEEDED'],
      [0, 'SEC_I_CONTINUE_NEEDED'],
      [1, 'SEC_E_INVALID_PARAMETER'],
      [0x20, 'SEC_E_INVALID_PARAMETER'],
    ] as const)
      expect(named(await sspi.initializeSecurityContext({ credential, targetDataRep, output: room().desc }))).toBe(
        status,
      );
  });

  test.each([
    ['PROMPT_FOR_CREDS', 0x40],
    ['USE_DCE_STYLE', 0x200],
    ['DATAGRAM', 0x400],
    ['CALL_LEVEL', 0x1000],
    ['FRAGMENT_SUPPLIED', 0x2000],
    ['NULL_SESSION', 0x40000],
    ['FRAGMENT_TO_FIT', 0x200000],
    ['USE_HTTP_STYLE', 0x1000000],
    ['STREAM and DATAGRAM', 0x8400],
  ])('R27: %s is SEC_E_UNSUPPORTED_FUNCTION', async (_, contextReq) => {
    const toy = recordPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'RECORDS');
    const result = await sspi.initializeSecurityContext({ credential, contextReq, output: room().desc });
    expect(named(result)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    expect(toy.acquired[0]?.contexts).toBe(0);
  });

  test('R27: NULL_SESSION is for the package to decide where there is no TLS, DATAGRAM where it can do that', async () => {
    const { toy, seen } = watched({ capabilities: SECPKG_FLAG.DATAGRAM });
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const asked = await initiate(sspi, { credential, contextReq: ISC_REQ.NULL_SESSION | ISC_REQ.DATAGRAM });
    expect(named(asked.result)).toBe('SEC_I_CONTINUE_NEEDED');
    expect((seen[0]?.flags ?? 0) & 0x40400).toBe(0x40400);
    const both = await sspi.initializeSecurityContext({ credential, contextReq: ISC_REQ.STREAM | ISC_REQ.DATAGRAM });
    expect(named(both)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  });

  test.each([0x4, 0x8, 0x10, 0x10000, 0x20, 0x20000, 0x20000000, 0x800000, 0x400000, 0x40000000, 2 ** 32])(
    'R19, R26: the flag 0x%s is never a mistake',
    async (contextReq) => {
      const sspi = door(recordPackage());
      const credential = await credentialOf(sspi, 'RECORDS');
      const result = await sspi.initializeSecurityContext({ credential, contextReq, output: room().desc });
      expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
      expect(result.contextAttr).toBe(ISC_RET.INTERMEDIATE_RETURN); // and not granted for the asking
    },
  );

  test.each([1.5, Number.NaN, 2 ** 34, -(2 ** 32), '1', {}])(
    'R19: fContextReq %s is no mask: SEC_E_INVALID_PARAMETER',
    async (contextReq) => {
      const sspi = door(recordPackage());
      const credential = await credentialOf(sspi, 'RECORDS');
      const result = await sspi.initializeSecurityContext({ credential, contextReq: forged<number>(contextReq) });
      expect(named(result)).toBe('SEC_E_INVALID_PARAMETER');
    },
  );
});

describe('InitializeSecurityContext: attributes', () => {
  test('R44, R20: an intermediate answer says only what is settled', async () => {
    const sspi = door(recordPackage());
    const asked = ISC_REQ.STREAM | ISC_REQ.CONNECTION | ISC_REQ.EXTENDED_ERROR | ISC_REQ.MUTUAL_AUTH | ISC_REQ.DELEGATE;
    const { result } = await initiate(sspi, { credential: await credentialOf(sspi, 'RECORDS'), contextReq: asked });
    // ALLOCATED_MEMORY 0x100, CONNECTION 0x800, INTERMEDIATE_RETURN 0x1000, EXTENDED_ERROR 0x4000, STREAM 0x8000.
    expect(result.contextAttr).toBe(0xd900);
  });

  test('R43, R44, Z55: the final answer is what the package granted, with the echoes', async () => {
    const sspi = door(recordPackage());
    const { clientResult, serverResult } = await pair(sspi, 'RECORDS', {
      contextReq: ISC_REQ.STREAM | ISC_REQ.EXTENDED_ERROR,
      serverReq: 0x10000 | 0x8000,
    });
    expect(clientResult.contextAttr).toBe(0x1001c | 0x100 | 0x4000 | 0x8000);
    // The same requests have other numbers on the server's side: STREAM 0x10000, EXTENDED_ERROR 0x8000 (E22).
    expect(serverResult.contextAttr).toBe(0x2001c | 0x100 | 0x8000 | 0x10000);
  });

  test('R28, Z55: a stream is not claimed by a package that is none', async () => {
    const sspi = door(tokenPackage());
    const { clientResult } = await pair(sspi, 'TOKENS', { contextReq: ISC_REQ.STREAM | ISC_REQ.CONNECTION });
    expect(clientResult.contextAttr & ISC_RET.STREAM).toBe(0);
    expect(clientResult.contextAttr & ISC_RET.CONNECTION).toBe(ISC_RET.CONNECTION);
  });

  test('R43: ALLOCATED_MEMORY says how this call handled memory', async () => {
    const sspi = door(tokenPackage());
    const first = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const second = await sspi.initializeSecurityContext({
      context: first.context,
      input: received(ascii('welcome')).desc,
      output: room().desc,
    });
    expect(first.result.contextAttr & ISC_RET.ALLOCATED_MEMORY).toBe(ISC_RET.ALLOCATED_MEMORY);
    expect(second.contextAttr & ISC_RET.ALLOCATED_MEMORY).toBe(0);
  });

  test('R45, R46: the expiry is local time once it is known, and NEVER before', async () => {
    const toy = tokenPackage({
      async *initiate() {
        yield { token: ascii('hello') };
        // 2025-01-01T00:00:00Z
        return { flags: 0, expiry: 133_801_632_000_000_000n, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const first = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    expect(first.result.expiry).toBe(0x7fffffffffffffffn);
    const { result } = await initiate(sspi, { context: first.context, input: ascii('welcome') });
    expect(result.expiry).toBe(133_801_668_000_000_000n);
  });
});

describe('InitializeSecurityContext: what comes besides tokens', () => {
  test('R31, R32: a token on the first call is SEC_E_INVALID_TOKEN', async () => {
    const sspi = door(recordPackage(), tokenPackage());
    for (const name of ['RECORDS', 'TOKENS']) {
      const credential = await credentialOf(sspi, name);
      const result = await sspi.initializeSecurityContext({
        credential,
        input: received(record(22, ascii('hello'))).desc,
        output: room().desc,
      });
      expect(named(result)).toBe('SEC_E_INVALID_TOKEN');
      expect(result.context).toBeNull();
    }
  });

  test('R32: a HelloRequest record on the first call is what the call does anyway', async () => {
    const sspi = door(recordPackage());
    const helloRequest = Uint8Array.of(22, 3, 1, 0, 4, 0, 0, 0, 0);
    const { result, token } = await initiate(sspi, {
      credential: await credentialOf(sspi, 'RECORDS'),
      input: helloRequest,
    });
    expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    expect(token).toEqual(record(22, ascii('hello')));
  });

  test('R32: EMPTY, PKG_PARAMS, CHANNEL_BINDINGS, APPLICATION_PROTOCOLS may come with the first call', async () => {
    const { toy, seen } = watched();
    const sspi = door(toy);
    const applicationData = ascii('tls-server-end-point:0123456789');
    const result = await sspi.initializeSecurityContext({
      credential: await credentialOf(sspi, 'TOKENS'),
      input: desc(
        secBuffer(SECBUFFER.EMPTY),
        secBuffer(SECBUFFER.PKG_PARAMS, ascii('not looked at without USE_SUPPLIED_CREDS')),
        secBuffer(SECBUFFER.CHANNEL_BINDINGS, encodeSecChannelBindings({ applicationData })),
        secBuffer(SECBUFFER.APPLICATION_PROTOCOLS, encodeApplicationProtocols(['h2', 'http/1.1'])),
      ),
      output: room().desc,
    });
    expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    expect(seen[0]?.channelBindings?.applicationData).toEqual(applicationData);
    expect(seen[0]?.applicationProtocols).toEqual(['h2', 'http/1.1']);
  });

  test.each([
    ['CHANNEL_BINDINGS', SECBUFFER.CHANNEL_BINDINGS],
    ['APPLICATION_PROTOCOLS', SECBUFFER.APPLICATION_PROTOCOLS],
  ])('R32, Q9: %s that point outside their buffer are SEC_E_INVALID_PARAMETER', async (_, type) => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const buffer = new Uint8Array(40).fill(0xff);
    const result = await sspi.initializeSecurityContext({
      credential,
      input: desc(secBuffer(type, buffer)),
      output: room().desc,
    });
    expect(named(result)).toBe('SEC_E_INVALID_PARAMETER');
    expect(toy.acquired[0]?.contexts).toBe(0);
  });

  test('Z52: channel bindings that come late, or change, are refused and not ignored', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const bindings = (text: string) =>
      secBuffer(SECBUFFER.CHANNEL_BINDINGS, encodeSecChannelBindings({ applicationData: ascii(text) }));
    const late = await initiate(sspi, { credential });
    const token = secBuffer(SECBUFFER.TOKEN, ascii('welcome'));
    const refused = await sspi.initializeSecurityContext({
      context: late.context,
      input: desc(token, bindings('a')),
      output: room().desc,
    });
    expect(named(refused)).toBe('SEC_E_INVALID_PARAMETER');

    const first = await sspi.initializeSecurityContext({
      credential,
      input: desc(bindings('a')),
      output: room().desc,
    });
    const context = present(first.context);
    const changed = await sspi.initializeSecurityContext({
      context,
      input: desc(token, bindings('b')),
      output: room().desc,
    });
    expect(named(changed)).toBe('SEC_E_INVALID_PARAMETER');
    const same = await sspi.initializeSecurityContext({
      context,
      input: desc(token, bindings('a')),
      output: room().desc,
    });
    expect(named(same)).toBe('SEC_E_OK');
  });

  test('R23: USE_SUPPLIED_CREDS takes the credentials from PKG_PARAMS', async () => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const identity = encodeAuthIdentity({ kind: 'identity', user: 'bob', domain: 'CORP', password: 'BobPass1!' });
    const first = await sspi.initializeSecurityContext({
      credential,
      contextReq: ISC_REQ.USE_SUPPLIED_CREDS,
      input: desc(secBuffer(SECBUFFER.PKG_PARAMS, identity)),
      output: room().desc,
    });
    expect(named(first)).toBe('SEC_I_CONTINUE_NEEDED');
    expect(first.contextAttr & ISC_RET.USED_SUPPLIED_CREDS).toBe(0);
    expect(toy.acquired[1]?.request.authData).toMatchObject({ kind: 'identity', user: 'bob', domain: 'CORP' });
    expect(toy.acquired.map(({ contexts }) => contexts)).toEqual([0, 1]);

    const context = present(first.context);
    const done = await initiate(sspi, { credential, context, input: ascii('welcome') });
    expect(named(done.result)).toBe('SEC_E_OK');
    expect(done.result.contextAttr & ISC_RET.USED_SUPPLIED_CREDS).toBe(ISC_RET.USED_SUPPLIED_CREDS);
    expect(toy.acquired[1]?.disposed).toBe(0);
    await sspi.deleteSecurityContext({ context });
    expect(toy.acquired.map(({ disposed }) => disposed)).toEqual([0, 1]);
  });

  test('R23, A12: PKG_PARAMS that is no identity is SEC_E_UNKNOWN_CREDENTIALS', async () => {
    const sspi = door(tokenPackage());
    const result = await sspi.initializeSecurityContext({
      credential: await credentialOf(sspi, 'TOKENS'),
      contextReq: ISC_REQ.USE_SUPPLIED_CREDS,
      input: desc(secBuffer(SECBUFFER.PKG_PARAMS, ascii('alice:AlicePass1!'))),
      output: room().desc,
    });
    expect(named(result)).toBe('SEC_E_UNKNOWN_CREDENTIALS');
  });

  test('R23: for CREDSSP the identity goes into the CREDSSP_CRED of the handle, without its certificates', async () => {
    const toy = tokenPackage({ name: 'CREDSSP' });
    const sspi = door(toy);
    const { credential } = await sspi.acquireCredentialsHandle({
      package: 'CREDSSP',
      ...OUTBOUND,
      authData: {
        kind: 'credssp',
        spnegoCred: { kind: 'identity', user: 'alice' },
        schannelCred: { kind: 'schannel', rootStore: ['root'], certificates: [{ certificate: 'c', privateKey: 'k' }] },
        options: { minVersion: 6 },
      },
    });
    await sspi.initializeSecurityContext({
      credential,
      contextReq: ISC_REQ.USE_SUPPLIED_CREDS,
      input: desc(secBuffer(SECBUFFER.PKG_PARAMS, encodeAuthIdentity({ kind: 'identity', user: 'bob' }))),
      output: room().desc,
    });
    expect(toy.acquired[1]?.request.authData).toMatchObject({
      kind: 'credssp',
      spnegoCred: { user: 'bob' },
      schannelCred: { rootStore: ['root'], certificates: undefined },
      options: { minVersion: 6 },
    });
  });

  test('R53, R76: SEC_I_INCOMPLETE_CREDENTIALS consumes nothing; another credential may come with the same token', async () => {
    const brought: unknown[] = [];
    const toy = tokenPackage({
      async *initiate(scope) {
        let token = yield { token: ascii('hello') };
        brought.push(scope.credential);
        token = yield { wanted: 'credential' };
        brought.push(scope.credential);
        return { token, flags: 0, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const { context } = await initiate(sspi, { credential });
    const input = received(ascii('request'));
    const wanted = await sspi.initializeSecurityContext({ context, input: input.desc, output: room().desc });
    expect(named(wanted)).toBe('SEC_I_INCOMPLETE_CREDENTIALS');
    expect(input.empty.type).toBe(SECBUFFER.EMPTY);

    const other = await credentialOf(sspi, 'TOKENS');
    const output = room();
    const result = await sspi.initializeSecurityContext({
      credential: other,
      context,
      input: received(ascii('request')).desc,
      output: output.desc,
    });
    expect(named(result)).toBe('SEC_E_OK');
    expect(textOf(ascii('request'))).toBe(textOf(present(output.token.buffer).subarray(0, output.token.count)));
    expect(brought[0]).toBeUndefined();
    expect(brought[1]).toBeDefined();
    await sspi.freeCredentialsHandle({ credential: other });
    expect(toy.acquired[1]?.disposed).toBe(0);
    await sspi.deleteSecurityContext({ context });
    expect(toy.acquired[1]?.disposed).toBe(1);
  });
});
