/** Buffers in and out of InitializeSecurityContext and AcceptSecurityContext: contract R33-R42, C4, C7. */
import { describe, expect, test } from 'vitest';
import type { SecBufferDesc } from '../../src/sspi/index.ts';
import { ISC_REQ, SECBUFFER, SECBUFFER_MODIFIER, SspiError, secBuffer } from '../../src/sspi/index.ts';
import { accept, credentialOf, desc, door, initiate, named, pair, present, received, room } from './door.ts';
import { ascii, record, recordPackage, textOf, tokenPackage, tokenProtection } from './toys.ts';

const FINISHED = record(22, ascii('finished'));
const SERVER = record(22, ascii('server'));

/** The octets that count in an output buffer. */
function sent(token: { buffer: Uint8Array | null; count: number }): string {
  return textOf(token.buffer?.subarray(0, token.count) ?? new Uint8Array(0));
}

/** A client of the record toy that waits for the server's record. */
async function waitingClient() {
  const sspi = door(recordPackage());
  const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'RECORDS') });
  return { sspi, context };
}

/** A client of the token toy that waits for the server's token. */
async function waitingTokenClient() {
  const sspi = door(tokenPackage());
  const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
  return { sspi, context };
}

describe('input', () => {
  test('R33: buffers are found by type, in whatever order', async () => {
    const { sspi, context } = await waitingTokenClient();
    const input = desc(
      secBuffer(SECBUFFER.EMPTY),
      secBuffer(SECBUFFER.TARGET_HOST, ascii('host')),
      secBuffer(SECBUFFER.TOKEN, ascii('welcome')),
    );
    const result = await sspi.initializeSecurityContext({ context, input, output: room().desc });
    expect(named(result)).toBe('SEC_E_OK');
  });

  test('R33: a missing EMPTY buffer is tolerated', async () => {
    const { sspi, context } = await waitingClient();
    const short = desc(secBuffer(SECBUFFER.TOKEN, SERVER.subarray(0, 7)));
    const incomplete = await sspi.initializeSecurityContext({ context, input: short, output: room().desc });
    expect(named(incomplete)).toBe('SEC_E_INCOMPLETE_MESSAGE');
    const whole = desc(secBuffer(SECBUFFER.TOKEN, Uint8Array.from([...SERVER, ...FINISHED])));
    const result = await sspi.initializeSecurityContext({ context, input: whole, output: room().desc });
    expect(named(result)).toBe('SEC_E_OK');
  });

  test.each<[string, SecBufferDesc | null]>([
    ['no descriptor', null],
    ['no buffers', desc()],
    ['no TOKEN', desc(secBuffer(SECBUFFER.DATA, ascii('welcome')), secBuffer(SECBUFFER.EMPTY))],
    ['ulVersion 1', { version: 1, buffers: [secBuffer(SECBUFFER.TOKEN, ascii('welcome'))] }],
    ['a count beyond the octets', desc({ type: SECBUFFER.TOKEN, count: 8, buffer: ascii('welcome') })],
    ['a count without octets', desc({ type: SECBUFFER.TOKEN, count: 8, buffer: null })],
    ['a negative count', desc({ type: SECBUFFER.TOKEN, count: -1, buffer: ascii('welcome') })],
    ['a count that is no whole number', desc({ type: SECBUFFER.TOKEN, count: 1.5, buffer: ascii('welcome') })],
  ])('R33: %s is SEC_E_INVALID_TOKEN, and the context goes on', async (_, input) => {
    const { sspi, context } = await waitingTokenClient();
    const result = await sspi.initializeSecurityContext({ context, input, output: room().desc });
    expect(named(result)).toBe('SEC_E_INVALID_TOKEN');
    expect(result.context).toBe(context);
    const next = await initiate(sspi, { context, input: ascii('welcome') });
    expect(named(next.result)).toBe('SEC_E_OK');
  });

  test('R33, T3: the READONLY bit does not hide a buffer', async () => {
    const { sspi, context } = await waitingTokenClient();
    const type = SECBUFFER.TOKEN | SECBUFFER_MODIFIER.READONLY; // a negative number in JavaScript
    const result = await sspi.initializeSecurityContext({
      context,
      input: desc(secBuffer(type, ascii('welcome'))),
      output: room().desc,
    });
    expect(named(result)).toBe('SEC_E_OK');
  });

  test('T1: only cbBuffer octets count', async () => {
    const { sspi, context } = await waitingTokenClient();
    const input = desc({ type: SECBUFFER.TOKEN, count: 7, buffer: ascii('welcome, and what lay there before') });
    expect(named(await sspi.initializeSecurityContext({ context, input, output: room().desc }))).toBe('SEC_E_OK');
  });

  test('R34: what is not used comes back as EXTRA, as a number and not as a copy', async () => {
    const sspi = door(recordPackage());
    const credential = await credentialOf(sspi, 'RECORDS');
    const input = received(Uint8Array.from([...record(22, ascii('hello')), ...FINISHED]));
    const first = await sspi.acceptSecurityContext({ credential, input: input.desc, output: room().desc });
    expect(named(first)).toBe('SEC_I_CONTINUE_NEEDED');
    expect(input.empty).toEqual({ type: SECBUFFER.EXTRA, count: FINISHED.length, buffer: null });
    expect(input.token.count).toBe(10 + FINISHED.length);

    const rest = present(input.token.buffer).subarray(-input.empty.count);
    const again = received(rest);
    const second = await sspi.acceptSecurityContext({
      context: present(first.context),
      input: again.desc,
      output: room().desc,
    });
    expect(named(second)).toBe('SEC_E_OK');
    expect(again.empty).toEqual({ type: SECBUFFER.EMPTY, count: 0, buffer: null });
  });

  test('R34: EXTRA may come with SEC_E_OK', async () => {
    const { sspi, context } = await waitingClient();
    const application = record(23, ascii('application data'));
    const input = received(Uint8Array.from([...SERVER, ...application]));
    const result = await sspi.initializeSecurityContext({ context, input: input.desc, output: room().desc });
    expect(named(result)).toBe('SEC_E_OK');
    expect(input.empty.type).toBe(SECBUFFER.EXTRA);
    expect(input.empty.count).toBe(application.length);
  });

  test.each(Array.from(SERVER, (_, cut) => cut).filter((cut) => cut > 0))(
    'R35: %s of 11 octets give SEC_E_INCOMPLETE_MESSAGE and MISSING, and change nothing',
    async (cut) => {
      const { sspi, context } = await waitingClient();
      const short = received(SERVER.subarray(0, cut));
      const output = room();
      const result = await sspi.initializeSecurityContext({ context, input: short.desc, output: output.desc });
      expect(named(result)).toBe('SEC_E_INCOMPLETE_MESSAGE');
      expect(result.error).toBeUndefined();
      expect(result.context).toBe(context);
      expect(result.contextAttr).toBe(0);
      expect(short.empty).toEqual({
        type: SECBUFFER.MISSING,
        count: cut < 5 ? 5 - cut : SERVER.length - cut,
        buffer: null,
      });
      expect(short.token).toMatchObject({ type: SECBUFFER.TOKEN, count: cut });
      expect(output.token.count).toBe(64);

      const whole = await sspi.initializeSecurityContext({
        context,
        input: received(SERVER).desc,
        output: output.desc,
      });
      expect(named(whole)).toBe('SEC_E_OK');
    },
  );

  test('R35, C4: a first call of the server with short input leaves no context behind', async () => {
    const toy = recordPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'RECORDS');
    const hello = record(22, ascii('hello'));
    const short = received(hello.subarray(0, 6));
    const result = await sspi.acceptSecurityContext({ credential, input: short.desc, output: room().desc });
    expect(named(result)).toBe('SEC_E_INCOMPLETE_MESSAGE');
    expect(result.context).toBeNull();
    expect(short.empty).toMatchObject({ type: SECBUFFER.MISSING, count: 4 });
    expect(named((await accept(sspi, { credential, input: hello })).result)).toBe('SEC_I_CONTINUE_NEEDED');
  });

  test('the caller may use the input buffer again as soon as the call is over', async () => {
    const kept: Uint8Array[] = [];
    const toy = tokenPackage({
      async *accept(_, first) {
        kept.push(first);
        kept.push(yield { token: ascii('welcome') });
        return { flags: 0, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const buffer = ascii('hello');
    const { context } = await accept(sspi, { credential: await credentialOf(sspi, 'TOKENS'), input: buffer });
    buffer.set(ascii('proof'));
    await accept(sspi, { context, input: buffer });
    expect(kept.map(textOf)).toEqual(['hello', 'proof']);
  });
});

describe('output', () => {
  test('R38: with ALLOCATE_MEMORY the package allocates, whatever is in the buffer', async () => {
    const sspi = door(tokenPackage());
    const token = { type: SECBUFFER.TOKEN, count: 3, buffer: ascii('old') };
    const result = await sspi.initializeSecurityContext({
      credential: await credentialOf(sspi, 'TOKENS'),
      contextReq: ISC_REQ.ALLOCATE_MEMORY,
      output: desc(token),
    });
    expect(result.contextAttr & 0x100).toBe(0x100);
    expect(token.count).toBe(5);
    expect(sent(token)).toBe('hello');
  });

  test('R38, L3: FreeContextBuffer overwrites what was allocated, and nothing else', async () => {
    const own = ascii('the package still needs this');
    const toy = tokenPackage({
      async *initiate() {
        yield { token: own };
        return { flags: 0, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const { token } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    expect(textOf(token)).toBe('the package still needs this');
    const allocated = secBuffer(SECBUFFER.TOKEN);
    await sspi.initializeSecurityContext({
      credential: await credentialOf(sspi, 'TOKENS'),
      contextReq: ISC_REQ.ALLOCATE_MEMORY,
      output: desc(allocated),
    });
    const contextBuffer = present(allocated.buffer);
    expect(named(await sspi.freeContextBuffer({ contextBuffer }))).toBe('SEC_E_OK');
    expect(contextBuffer).toEqual(new Uint8Array(own.length));
    expect(textOf(own)).toBe('the package still needs this');

    const mine = ascii('mine');
    for (const unknown of [mine, null, undefined, {}, 7, 'text'])
      expect(named(await sspi.freeContextBuffer({ contextBuffer: unknown }))).toBe('SEC_E_OK');
    expect(textOf(mine)).toBe('mine');
  });

  test('R40: in a buffer of the caller, cbBuffer says how much of it is the token', async () => {
    const sspi = door(tokenPackage());
    const output = room(64);
    const mine = output.token.buffer;
    await sspi.initializeSecurityContext({ credential: await credentialOf(sspi, 'TOKENS'), output: output.desc });
    expect(output.token.buffer).toBe(mine);
    expect(sent(output.token)).toBe('hello');
  });

  test('R39: the first call with too small a buffer makes no context, and says how large it has to be', async () => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const output = room(4);
    const result = await sspi.initializeSecurityContext({ credential, output: output.desc });
    expect(named(result)).toBe('SEC_E_BUFFER_TOO_SMALL');
    expect(result.context).toBeNull();
    expect(output.token.count).toBe(5);
    await sspi.freeCredentialsHandle({ credential });
    expect(toy.acquired[0]?.disposed).toBe(1);
  });

  test.each([
    ['the same input', ascii('welcome')],
    ['no input', undefined],
  ])('R39: a later call keeps the token pending until a buffer takes it: with %s', async (_, again) => {
    const { sspi, context } = await waitingTokenClient();
    const small = room(4);
    const input = received(ascii('welcome'));
    const first = await sspi.initializeSecurityContext({ context, input: input.desc, output: small.desc });
    expect(named(first)).toBe('SEC_E_BUFFER_TOO_SMALL');
    expect(first.status).toBe(0x80090321);
    expect(first.context).toBe(context);
    expect(small.token.count).toBe(5);

    const output = room(5);
    const second = await sspi.initializeSecurityContext({
      context,
      input: again === undefined ? null : received(again).desc,
      output: output.desc,
    });
    expect(named(second)).toBe('SEC_E_OK');
    expect(sent(output.token)).toBe('proof');
    expect(second.contextAttr).toBe(0x10010);
  });

  test('R39: while a token is pending, other input is out of sequence and nothing is lost', async () => {
    const { sspi, context } = await waitingTokenClient();
    await sspi.initializeSecurityContext({ context, input: received(ascii('welcome')).desc, output: room(1).desc });
    const other = await sspi.initializeSecurityContext({
      context,
      input: received(ascii('another')).desc,
      output: room().desc,
    });
    expect(named(other)).toBe('SEC_E_OUT_OF_SEQUENCE');
    const output = room();
    expect(named(await sspi.initializeSecurityContext({ context, output: output.desc }))).toBe('SEC_E_OK');
    expect(sent(output.token)).toBe('proof');
  });

  test('R39: the context is not established before its last token is handed out', async () => {
    const { sspi, context } = await waitingTokenClient();
    await sspi.initializeSecurityContext({ context, input: received(ascii('welcome')).desc, output: room(1).desc });
    const message = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('data')));
    expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_INVALID_HANDLE');
  });

  test('R39, R34: EXTRA is reported when the pending token is taken', async () => {
    const { sspi, context } = await waitingClient();
    const both = Uint8Array.from([...SERVER, ...record(23, ascii('data'))]);
    const first = received(both);
    await sspi.initializeSecurityContext({ context, input: first.desc, output: room(1).desc });
    expect(first.empty.type).toBe(SECBUFFER.EMPTY);
    const second = received(both);
    const result = await sspi.initializeSecurityContext({ context, input: second.desc, output: room().desc });
    expect(named(result)).toBe('SEC_E_OK');
    expect(second.empty).toMatchObject({ type: SECBUFFER.EXTRA, count: 9 });
  });

  test('R39: what a failed server has to say stays pending too', async () => {
    const sspi = door(tokenPackage());
    const { context } = await accept(sspi, { credential: await credentialOf(sspi, 'TOKENS'), input: ascii('hello') });
    const input = received(ascii('bad'));
    const first = await sspi.acceptSecurityContext({ context, input: input.desc, output: room(1).desc });
    expect(named(first)).toBe('SEC_E_BUFFER_TOO_SMALL');
    const output = room(2);
    const second = await sspi.acceptSecurityContext({
      context,
      input: received(ascii('bad')).desc,
      output: output.desc,
    });
    expect(named(second)).toBe('SEC_E_LOGON_DENIED');
    expect(sent(output.token)).toBe('no');
  });

  test('R42: without TOKEN in the output a step that has nothing to send is fine', async () => {
    const sspi = door(tokenPackage());
    const { context } = await accept(sspi, { credential: await credentialOf(sspi, 'TOKENS'), input: ascii('hello') });
    const result = await sspi.acceptSecurityContext({ context, input: received(ascii('proof')).desc });
    expect(named(result)).toBe('SEC_E_OK');
  });

  test('R42: without TOKEN in the output a token is not lost', async () => {
    const { sspi, context } = await waitingTokenClient();
    for (const output of [null, desc(), desc(secBuffer(SECBUFFER.DATA, new Uint8Array(64)))]) {
      const result = await sspi.initializeSecurityContext({ context, input: received(ascii('welcome')).desc, output });
      expect(named(result)).toBe('SEC_E_INVALID_TOKEN');
      expect(result.error?.code).toBe('MISSING_BUFFER');
    }
    const output = room();
    expect(named(await sspi.initializeSecurityContext({ context, output: output.desc }))).toBe('SEC_E_OK');
    expect(sent(output.token)).toBe('proof');
  });

  test('R40: a READONLY output buffer is SEC_E_INVALID_TOKEN before anything happens', async () => {
    const { sspi, context } = await waitingTokenClient();
    const octets = new Uint8Array(64).fill(7);
    const token = secBuffer((SECBUFFER.TOKEN | SECBUFFER_MODIFIER.READONLY) >>> 0, octets);
    const result = await sspi.initializeSecurityContext({
      context,
      input: received(ascii('welcome')).desc,
      output: desc(token),
    });
    expect(named(result)).toBe('SEC_E_INVALID_TOKEN');
    expect(octets).toEqual(new Uint8Array(64).fill(7));
    expect(named((await initiate(sspi, { context, input: ascii('welcome') })).result)).toBe('SEC_E_OK');
  });

  test('R52: CONTINUE_NEEDED with an empty token', async () => {
    const toy = tokenPackage({
      async *initiate() {
        yield { token: new Uint8Array(0) };
        return { flags: 0, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const token = secBuffer(SECBUFFER.TOKEN, ascii('old'));
    const result = await sspi.initializeSecurityContext({
      credential: await credentialOf(sspi, 'TOKENS'),
      contextReq: ISC_REQ.ALLOCATE_MEMORY,
      output: desc(token),
    });
    expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    expect(token).toEqual({ type: SECBUFFER.TOKEN, count: 0, buffer: null });
  });

  test('R36: an empty TOKEN is input like any other, for the exchange to judge', async () => {
    const seen: number[] = [];
    const toy = tokenPackage({
      async *initiate() {
        seen.push((yield { token: ascii('hello') }).length);
        return { flags: 0, messages: tokenProtection() };
      },
    });
    const sspi = door(toy);
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    expect(named((await initiate(sspi, { context, input: new Uint8Array(0) })).result)).toBe('SEC_E_OK');
    expect(seen).toEqual([0]);
  });

  test.each([
    [SERVER.subarray(0, 3), 'SEC_E_INCOMPLETE_MESSAGE'],
    [ascii('no record at all'), 'SEC_E_INVALID_TOKEN'],
  ])(
    'R35, R25: an old token in an allocated buffer does not look like something to send (%#)',
    async (input, status) => {
      const { sspi, context } = await waitingClient();
      const token = secBuffer(SECBUFFER.TOKEN, ascii('old'));
      const result = await sspi.initializeSecurityContext({
        context,
        contextReq: ISC_REQ.ALLOCATE_MEMORY,
        input: received(input).desc,
        output: desc(token),
      });
      expect(named(result)).toBe(status);
      expect(token).toEqual({ type: SECBUFFER.TOKEN, count: 0, buffer: null });
    },
  );
});

describe('ALERT', () => {
  /** A client that fails with a token. */
  async function alerted(token: Uint8Array, alert: ReturnType<typeof secBuffer>, contextReq: number) {
    const toy = tokenPackage({
      async *initiate() {
        yield { token: ascii('hello') };
        throw new SspiError('TLS_FAILED', { stage: 'toy', token });
      },
    });
    const sspi = door(toy);
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const output = room();
    return sspi.initializeSecurityContext({
      context,
      contextReq,
      input: received(ascii('x')).desc,
      output: desc(output.token, alert),
    });
  }

  test('R41: an ALERT buffer receives level and description', async () => {
    const alert = secBuffer(SECBUFFER.ALERT, new Uint8Array(2));
    const handshakeFailure = Uint8Array.of(21, 3, 3, 0, 2, 2, 40);
    const result = await alerted(handshakeFailure, alert, ISC_REQ.EXTENDED_ERROR);
    expect(named(result)).toBe('SEC_E_ILLEGAL_MESSAGE');
    expect(alert).toEqual({ type: SECBUFFER.ALERT, count: 2, buffer: Uint8Array.of(2, 40) });
  });

  test('R41: in memory that is allocated for it', async () => {
    const alert = secBuffer(SECBUFFER.ALERT);
    await alerted(Uint8Array.of(21, 3, 3, 0, 2, 2, 49), alert, ISC_REQ.EXTENDED_ERROR | ISC_REQ.ALLOCATE_MEMORY);
    expect(alert).toEqual({ type: SECBUFFER.ALERT, count: 2, buffer: Uint8Array.of(2, 49) });
  });

  test('R41: nothing when the alert is encrypted, or there is none', async () => {
    for (const token of [
      Uint8Array.of(21, 3, 3, 0, 3, 9, 9, 9),
      new Uint8Array(0),
      ascii('a'),
      record(23, ascii('ab')),
    ]) {
      const alert = secBuffer(SECBUFFER.ALERT);
      await alerted(token, alert, ISC_REQ.EXTENDED_ERROR | ISC_REQ.ALLOCATE_MEMORY);
      expect(alert).toEqual({ type: SECBUFFER.ALERT, count: 0, buffer: null });
    }
  });
});

test('C7: the server may have a token to send along with SEC_E_OK', async () => {
  const toy = tokenPackage({
    async *accept() {
      yield { token: ascii('welcome') };
      return { token: ascii('goodbye'), flags: 0, messages: tokenProtection() };
    },
  });
  const sspi = door(toy);
  const { context } = await accept(sspi, { credential: await credentialOf(sspi, 'TOKENS'), input: ascii('hello') });
  const { result, token } = await accept(sspi, { context, input: ascii('proof') });
  expect(named(result)).toBe('SEC_E_OK');
  expect(textOf(token)).toBe('goodbye');
});

test('R47, R48, R78: SEC_E_OK comes with the last token, CONTINUE_NEEDED with all before', async () => {
  const { sspi, context } = await waitingTokenClient();
  const { result, token } = await initiate(sspi, { context, input: ascii('welcome') });
  expect(named(result)).toBe('SEC_E_OK');
  expect(textOf(token)).toBe('proof');
  expect((await pair(sspi, 'TOKENS')).serverResult.status).toBe(0);
});
