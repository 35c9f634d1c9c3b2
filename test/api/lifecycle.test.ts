/** Failure, deletion and misuse of contexts: contract R25, R49-R51, R68, C1-C13, L1, L4; faults Z10, Z11, Z24, Z29. */
import { describe, expect, test } from 'vitest';
import type { CtxtHandle } from '../../src/api/index.ts';
import { ASC_REQ, ISC_REQ, SEC_I, SECBUFFER, SECPKG_CRED, SspiError, secBuffer } from '../../src/sspi/index.ts';
import { accept, credentialOf, desc, door, forged, initiate, named, pair, received, room } from './door.ts';
import { ascii, recordPackage, streamProtection, textOf, tokenPackage, tokenProtection } from './toys.ts';

describe('failure', () => {
  test('R25: a client that fails says nothing, unless EXTENDED_ERROR asks it to', async () => {
    for (const [contextReq, expected] of [
      [0, ''],
      [ISC_REQ.EXTENDED_ERROR, 'no'],
    ] as const) {
      const sspi = door(tokenPackage());
      const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
      const { result, token } = await initiate(sspi, { context, input: ascii('bad'), contextReq });
      expect(named(result)).toBe('SEC_E_LOGON_DENIED');
      expect(textOf(token)).toBe(expected);
    }
  });

  test('R25: EXTENDED_ERROR of the first call counts for all', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const { context } = await initiate(sspi, { credential, contextReq: ISC_REQ.EXTENDED_ERROR });
    expect(textOf((await initiate(sspi, { context, input: ascii('bad') })).token)).toBe('no');
  });

  test('C12, C13: a server that fails always says why', async () => {
    const sspi = door(tokenPackage());
    const { context } = await accept(sspi, { credential: await credentialOf(sspi, 'TOKENS'), input: ascii('hello') });
    const { result, token } = await accept(sspi, { context, input: ascii('bad') });
    expect(named(result)).toBe('SEC_E_LOGON_DENIED');
    expect(textOf(token)).toBe('no');
  });

  test('C13: also on the first call, which leaves no context', async () => {
    const sspi = door(tokenPackage());
    const output = secBuffer(SECBUFFER.TOKEN);
    const result = await sspi.acceptSecurityContext({
      credential: await credentialOf(sspi, 'TOKENS'),
      contextReq: ASC_REQ.ALLOCATE_MEMORY,
      input: received(ascii('bad')).desc,
      output: desc(output),
    });
    expect(named(result)).toBe('SEC_E_LOGON_DENIED');
    expect(result.context).toBeNull();
    expect(textOf(output.buffer ?? new Uint8Array(0))).toBe('no');
  });

  test('C9: a failure is reported even when there is no room to say more', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const first = await sspi.acceptSecurityContext({ credential, input: received(ascii('bad')).desc });
    expect(named(first)).toBe('SEC_E_LOGON_DENIED');
    const { context } = await accept(sspi, { credential, input: ascii('hello') });
    const later = await sspi.acceptSecurityContext({ context, input: received(ascii('bad')).desc });
    expect(named(later)).toBe('SEC_E_LOGON_DENIED');
  });

  test('R68: every further call on a failed context gives the same status, and sends nothing', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const { context } = await initiate(sspi, { credential, contextReq: ISC_REQ.EXTENDED_ERROR });
    await initiate(sspi, { context, input: ascii('bad') });
    for (const input of [ascii('welcome'), ascii('bad'), undefined]) {
      const again = await initiate(sspi, { context, ...(input === undefined ? {} : { input }) });
      expect(named(again.result)).toBe('SEC_E_LOGON_DENIED');
      expect(again.token).toHaveLength(0);
      expect(again.context).toBe(context);
    }
    expect(named(await sspi.deleteSecurityContext({ context }))).toBe('SEC_E_OK');
  });

  test('R68, Z29: a failed context protects no messages and has no attributes', async () => {
    const sspi = door(tokenPackage());
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    await initiate(sspi, { context, input: ascii('bad') });
    const message = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('x')));
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_INVALID_HANDLE');
    expect(named(await sspi.decryptMessage({ context, message }))).toBe('SEC_E_INVALID_HANDLE');
    expect(named(await sspi.makeSignature({ context, message }))).toBe('SEC_E_INVALID_HANDLE');
    expect(named(await sspi.verifySignature({ context, message }))).toBe('SEC_E_INVALID_HANDLE');
    expect(named(await sspi.queryContextAttributes({ context, attribute: 10 }))).toBe('SEC_E_INVALID_HANDLE');
  });

  test('R56: what an exchange throws that is no SspiError is SEC_E_INTERNAL_ERROR', async () => {
    const toy = tokenPackage({
      async *initiate() {
        yield { token: ascii('hello') };
        throw new RangeError('a fault of the package');
      },
    });
    const sspi = door(toy);
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const { result } = await initiate(sspi, { context, input: ascii('x') });
    expect(named(result)).toBe('SEC_E_INTERNAL_ERROR');
    expect(result.error?.cause).toBeInstanceOf(RangeError);
  });

  test('T7: the diagnosis carries code, stage, hint and the NTSTATUS of the peer', async () => {
    const toy = tokenPackage({
      async *initiate() {
        yield { token: ascii('hello') };
        throw new SspiError('PEER_REFUSED', { stage: 'TSRequest errorCode', ntStatus: 0xc000006d });
      },
    });
    const sspi = door(toy);
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const { result } = await initiate(sspi, { context, input: ascii('x') });
    expect(result.error).toMatchObject({ code: 'PEER_REFUSED', stage: 'TSRequest errorCode', ntStatus: 0xc000006d });
    expect(result.error?.hint).not.toBe('');
  });
});

describe('misuse', () => {
  test('Z24, R72: a further call on an established context is SEC_E_OUT_OF_SEQUENCE, and the context stays good', async () => {
    const sspi = door(tokenPackage());
    const { client, server } = await pair(sspi, 'TOKENS');
    for (const input of [ascii('welcome'), ascii('proof'), new Uint8Array(0)]) {
      const again = await initiate(sspi, { context: client, input });
      expect(named(again.result)).toBe('SEC_E_OUT_OF_SEQUENCE');
      expect(again.token).toHaveLength(0);
    }
    expect(named((await initiate(sspi, { context: client })).result)).toBe('SEC_E_OUT_OF_SEQUENCE');
    expect(named((await accept(sspi, { context: server, input: ascii('proof') })).result)).toBe(
      'SEC_E_OUT_OF_SEQUENCE',
    );
    const message = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('data')));
    expect(named(await sspi.encryptMessage({ context: client, message }))).toBe('SEC_E_OK');
  });

  test('Z10: every function refuses a context that is not ready for it', async () => {
    const sspi = door(tokenPackage());
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const message = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('x')));
    for (const result of [
      await sspi.encryptMessage({ context, message }),
      await sspi.decryptMessage({ context, message }),
      await sspi.makeSignature({ context, message }),
      await sspi.verifySignature({ context, message }),
      await sspi.queryContextAttributes({ context, attribute: 0 }),
    ])
      expect(named(result)).toBe('SEC_E_INVALID_HANDLE');
    expect(named((await initiate(sspi, { context, input: ascii('welcome') })).result)).toBe('SEC_E_OK');
  });

  test('L4, R49-R51, Z11: CompleteAuthToken does nothing, says so, and is never asked for', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS');
    const first = await initiate(sspi, { credential });
    expect([SEC_I.COMPLETE_NEEDED, SEC_I.COMPLETE_AND_CONTINUE]).not.toContain(first.result.status);
    const token = desc(secBuffer(SECBUFFER.TOKEN, ascii('hello')));
    const completed = await sspi.completeAuthToken({ context: first.context, token });
    expect(named(completed)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    const none = await sspi.completeAuthToken({ context: forged<CtxtHandle>({}), token });
    expect(named(none)).toBe('SEC_E_INVALID_HANDLE');
    expect(named((await initiate(sspi, { context: first.context, input: ascii('welcome') })).result)).toBe('SEC_E_OK');
  });
});

describe('AcceptSecurityContext', () => {
  test('C2: an OUTBOUND credential is SEC_E_NO_CREDENTIALS', async () => {
    const sspi = door(tokenPackage());
    const credential = await credentialOf(sspi, 'TOKENS', SECPKG_CRED.OUTBOUND);
    const result = await sspi.acceptSecurityContext({ credential, input: received(ascii('hello')).desc });
    expect(named(result)).toBe('SEC_E_NO_CREDENTIALS');
  });

  test('C3: the handle of the first call is the context of the next', async () => {
    const sspi = door(tokenPackage());
    const first = await accept(sspi, { credential: await credentialOf(sspi, 'TOKENS'), input: ascii('hello') });
    const second = await accept(sspi, { context: first.context, input: ascii('proof') });
    expect(named(second.result)).toBe('SEC_E_OK');
    expect(second.context).toBe(first.context);
  });

  test.each([
    ['no input', null],
    ['no TOKEN', desc(secBuffer(SECBUFFER.EMPTY))],
    ['an empty TOKEN', desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(0)), secBuffer(SECBUFFER.EMPTY))],
  ])('C4: %s on the first call is SEC_E_INVALID_TOKEN', async (_, input) => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const result = await sspi.acceptSecurityContext({ credential, input, output: room().desc });
    expect(named(result)).toBe('SEC_E_INVALID_TOKEN');
    expect(result.context).toBeNull();
    expect(toy.acquired[0]?.contexts).toBe(0);
  });

  test.each([
    ['USE_DCE_STYLE', 0x200],
    ['DATAGRAM', 0x400],
    ['CALL_LEVEL', 0x1000],
    ['FRAGMENT_SUPPLIED', 0x2000],
    ['ALLOW_NULL_SESSION', 0x100000],
    ['FRAGMENT_TO_FIT', 0x800000],
  ])('C6: %s is SEC_E_UNSUPPORTED_FUNCTION', async (_, contextReq) => {
    const sspi = door(recordPackage());
    const credential = await credentialOf(sspi, 'RECORDS');
    const result = await sspi.acceptSecurityContext({ credential, contextReq, input: received(ascii('x')).desc });
    expect(named(result)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  });

  test.each([0x1, 0x4, 0x8, 0x40, 0x800, 0x8000, 0x10000, 0x200000])(
    'C5, C6: 0x%s is no mistake, and DELEGATE is accepted',
    async (contextReq) => {
      const sspi = door(tokenPackage());
      const credential = await credentialOf(sspi, 'TOKENS');
      const { result } = await accept(sspi, { credential, contextReq, input: ascii('hello') });
      expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    },
  );

  test('C8, Z55: attributes and expiry are reported', async () => {
    const toy = tokenPackage({
      async *accept() {
        yield { token: ascii('welcome') };
        // 2025-01-01T00:00:00Z
        return { flags: 0x20012, expiry: 133_801_632_000_000_000n, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const first = await accept(sspi, { credential: await credentialOf(sspi, 'TOKENS'), input: ascii('hello') });
    expect(first.result.expiry).toBe(0x7fffffffffffffffn);
    const { result } = await accept(sspi, { context: first.context, input: ascii('proof') });
    expect(result.contextAttr).toBe(0x20012 | 0x100);
    expect(result.expiry).toBe(133_801_668_000_000_000n);
  });

  test('C11: what is good enough is for the server to judge: fewer attributes are no failure', async () => {
    const sspi = door(tokenPackage());
    const { serverResult } = await pair(sspi, 'TOKENS', { serverReq: ASC_REQ.MUTUAL_AUTH | ASC_REQ.DELEGATE });
    expect(serverResult.contextAttr & 0x3).toBe(0);
  });
});

describe('DeleteSecurityContext', () => {
  test('L1: deleting twice is SEC_E_OK, a handle that never was one SEC_E_INVALID_HANDLE', async () => {
    const sspi = door(tokenPackage());
    const { client } = await pair(sspi, 'TOKENS');
    expect(named(await sspi.deleteSecurityContext({ context: client }))).toBe('SEC_E_OK');
    expect(named(await sspi.deleteSecurityContext({ context: client }))).toBe('SEC_E_OK');
    for (const handle of [{}, null, { ...client }])
      expect(named(await sspi.deleteSecurityContext({ context: forged(handle) }))).toBe('SEC_E_INVALID_HANDLE');
  });

  test('L1: a call of the handshake that is under way fails with SEC_E_INVALID_HANDLE', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const toy = tokenPackage({
      async *initiate() {
        yield { token: ascii('hello') };
        await gate;
        return { token: ascii('secret'), flags: 0, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const output = room();
    const under = sspi.initializeSecurityContext({ context, input: received(ascii('x')).desc, output: output.desc });
    await sspi.deleteSecurityContext({ context });
    release();
    const result = await under;
    expect(named(result)).toBe('SEC_E_INVALID_HANDLE');
    expect(result.context).toBeNull();
    expect(output.token.count).toBe(0);
    expect(output.token.buffer).toEqual(new Uint8Array(64));
  });

  test('L1: a message that is under way fails with SEC_E_INVALID_HANDLE, and its buffers stay as they are', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const toy = recordPackage({
      async *accept() {
        const slow = streamProtection();
        return {
          flags: 0,
          messages: streamProtection({
            encrypt: async (plaintext) => {
              await gate;
              return slow.encrypt(plaintext);
            },
          }),
        };
      },
    });
    const sspi = door(toy);
    const hello = Uint8Array.of(22, 3, 3, 0, 0);
    const { context } = await accept(sspi, { credential: await credentialOf(sspi, 'RECORDS'), input: hello });
    const data = secBuffer(SECBUFFER.DATA, ascii('data'));
    const message = desc(
      secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(5)),
      data,
      secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(4)),
      secBuffer(SECBUFFER.EMPTY),
    );
    const under = sspi.encryptMessage({ context, message });
    await sspi.deleteSecurityContext({ context });
    release();
    expect(named(await under)).toBe('SEC_E_INVALID_HANDLE');
    expect(textOf(data.buffer ?? new Uint8Array(0))).toBe('data');
  });

  test('L1: keys are zeroised with the context', async () => {
    let zeroised = 0;
    const toy = tokenPackage({
      async *accept(scope) {
        scope.own({
          dispose: () => {
            zeroised += 1;
          },
        });
        return { flags: 0, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const { context } = await accept(sspi, { credential: await credentialOf(sspi, 'TOKENS'), input: ascii('x') });
    expect(zeroised).toBe(0);
    await sspi.deleteSecurityContext({ context });
    await sspi.deleteSecurityContext({ context });
    expect(zeroised).toBe(1);
  });
});
