/** The driver that makes a security context of an exchange: contract R34, R35, R44, R68, C17, Q2, L1; faults Z10, Z29. */
import { describe, expect, test } from 'vitest';
import { OctetsError } from '../../src/crypto/index.ts';
import { DerError } from '../../src/der/index.ts';
import { systemHost } from '../../src/host/index.ts';
import {
  contextOf,
  type Exchange,
  type ExchangeEvent,
  type ExchangeOptions,
  type PackageInfo,
  type Scope,
  type SecurityContext,
  SspiError,
  type Step,
} from '../../src/sspi/index.ts';
import { ascii, frameToyRecords, record, textOf, tokenProtection } from '../api/toys.ts';

const INFO: PackageInfo = { name: 'TOY', comment: '', capabilities: 0, version: 1, rpcId: 0, maxToken: 64 };

type Start = (scope: Scope, first: Uint8Array) => Exchange;

function context(start: Start, options: Partial<ExchangeOptions> = {}): SecurityContext {
  return contextOf({ info: INFO, role: 'initiator', start, attributes: [], ...options });
}

/** The code that a promise rejects with. */
async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error instanceof SspiError ? error.code : `not an SspiError: ${String(error)}`;
}

function tokenOf(step: Step): string {
  return 'token' in step ? textOf(step.token) : 'no token';
}

async function* greet(): Exchange {
  const answer = yield { token: ascii('hello') };
  return { token: ascii(`so you are ${textOf(answer)}`), flags: 0x10, messages: tokenProtection() };
}

describe('steps', () => {
  test('R44, R48: legs carry the intermediate flags, the last one what was agreed', async () => {
    const toy = context(greet, { intermediateFlags: 0x1000 });
    expect(toy.state).toBe('negotiating');
    const first = await toy.step();
    expect(first).toMatchObject({ status: 0x00090312, consumed: 0, flags: 0x1000, expiry: 0x7fffffffffffffffn });
    expect(tokenOf(first)).toBe('hello');
    const last = await toy.step(ascii('me'));
    expect(last).toMatchObject({ status: 0, consumed: 2, flags: 0x10 });
    expect(tokenOf(last)).toBe('so you are me');
    expect(toy.state).toBe('established');
    expect(toy.query('FLAGS')).toEqual({ flags: 0x10 });
  });

  test('an acceptor sees the first message when it starts', async () => {
    const seen: string[] = [];
    const toy = context(async function* (_, first) {
      seen.push(textOf(first));
      seen.push(textOf(yield { token: ascii('x') }));
      return { flags: 0 };
    });
    await toy.step(ascii('one'));
    await toy.step(ascii('two'));
    expect(seen).toEqual(['one', 'two']);
  });

  test('R34: what an exchange does not use is not consumed, nor what is no whole unit', async () => {
    const toy = context(
      async function* (_, first) {
        yield { token: new Uint8Array(0), extra: first.length - 6 };
        return { flags: 0, extra: 1 };
      },
      { frame: frameToyRecords },
    );
    const two = Uint8Array.from([...record(22, ascii('a')), ...record(22, ascii('b')), 22, 3]);
    expect(await toy.step(two)).toMatchObject({ status: 0x00090312, consumed: 6 });
    expect(await toy.step(record(22, ascii('c')))).toMatchObject({ status: 0, consumed: 5 });
  });

  test('R35: short input does not reach the exchange', async () => {
    let reached = 0;
    const toy = context(
      async function* () {
        reached += 1;
        yield { token: ascii('x') };
        return { flags: 0 };
      },
      { frame: frameToyRecords },
    );
    expect(await toy.step(Uint8Array.of(22, 3))).toEqual({ status: 0x80090318, missing: 3, consumed: 0 });
    expect(reached).toBe(0);
    expect(toy.state).toBe('negotiating');
    await toy.step(record(22, ascii('a')));
    expect(reached).toBe(1);
  });

  test('R76: a wanted credential comes with the next step, and the input again', async () => {
    const toy = context(async function* (scope, first) {
      expect(scope.credential).toBeUndefined();
      const again = yield { wanted: 'credential' };
      expect(textOf(again)).toBe(textOf(first));
      return { flags: scope.credential === undefined ? 0 : 1 };
    });
    expect(await toy.step(ascii('x'))).toMatchObject({ status: 0x00090320, consumed: 0, flags: 0 });
    const credential = {
      info: INFO,
      use: 2,
      expiry: 0n,
      initiate: () => toy,
      accept: () => toy,
      dispose: () => undefined,
    };
    expect(await toy.step(ascii('x'), credential)).toMatchObject({ status: 0, flags: 1 });
  });
});

describe('failure', () => {
  test('R68: a context that failed keeps its error, and gives its token only once', async () => {
    const toy = context(async function* () {
      yield { token: ascii('hello') };
      throw new SspiError('LOGON_DENIED', { stage: 'toy', token: ascii('alert'), ntStatus: 0xc000006d });
    });
    await toy.step();
    const first = await toy.step(ascii('x')).catch((error: unknown) => error);
    const second = await toy.step(ascii('x')).catch((error: unknown) => error);
    expect(first).toMatchObject({ code: 'LOGON_DENIED', token: ascii('alert'), ntStatus: 0xc000006d });
    expect(second).toMatchObject({ code: 'LOGON_DENIED', token: undefined, ntStatus: 0xc000006d });
    expect(toy.state).toBe('failed');
    expect(() => toy.messages).toThrow(expect.objectContaining({ status: 0x80090301 }));
    expect(() => toy.query('PACKAGE_INFO')).toThrow(expect.objectContaining({ status: 0x80090301 }));
  });

  test.each([
    [new DerError('indefinite length'), 'MALFORMED_TOKEN'],
    [new OctetsError('odd'), 'MALFORMED_TOKEN'],
    [new RangeError('a fault of ours'), 'INTERNAL_ERROR'],
    ['not even an error', 'INTERNAL_ERROR'],
  ])('R56, R58: %s is %s', async (thrown, code) => {
    const toy = context(async function* () {
      yield { token: ascii('hello') };
      throw thrown;
    });
    await toy.step();
    expect(await codeOf(toy.step(ascii('x')))).toBe(code);
  });

  test('R68: what a frame refuses is the end as well', async () => {
    const toy = context(greet, { frame: frameToyRecords });
    expect(await codeOf(toy.step(ascii('no record')))).toBe('NOT_TLS');
    expect(await codeOf(toy.step())).toBe('NOT_TLS');
  });

  test('C17: messages, legs and time have limits', async () => {
    const tooLarge = context(greet, { limits: { maxToken: 4 } });
    await tooLarge.step();
    expect(await codeOf(tooLarge.step(ascii('12345')))).toBe('TOKEN_TOO_LARGE');

    const endless = context(
      async function* () {
        for (;;) yield { token: ascii('and on') };
      },
      { limits: { maxLegs: 3 } },
    );
    for (let leg = 0; leg < 3; leg++) await endless.step(ascii('x'));
    expect(await codeOf(endless.step(ascii('x')))).toBe('TOO_MANY_LEGS');

    let now = 1000;
    const slow = context(greet, { host: { ...systemHost, clock: { now: () => now } }, limits: { deadline: 500 } });
    await slow.step();
    now = 1501;
    expect(await codeOf(slow.step(ascii('me')))).toBe('DEADLINE_EXCEEDED');
  });

  test('Z24: an established context takes no step, and stays good', async () => {
    const toy = context(greet);
    await toy.step();
    await toy.step(ascii('me'));
    expect(await codeOf(toy.step(ascii('more')))).toBe('CONTEXT_FINISHED');
    expect(toy.state).toBe('established');
    expect(toy.messages.kind).toBe('token');
  });

  test('R10: a step during a step is refused, and does not disturb it', async () => {
    const toy = context(greet);
    const under = toy.step();
    expect(await codeOf(toy.step())).toBe('CONTEXT_BUSY');
    expect(tokenOf(await under)).toBe('hello');
  });
});

describe('attributes', () => {
  test('Q2: unknown yet, never known, known', async () => {
    const toy = context(
      async function* (scope) {
        yield { token: ascii('x') };
        scope.publish('NAMES', () => ({ userName: 'alice' }));
        return { flags: 0 };
      },
      { attributes: ['NAMES'] },
    );
    expect(toy.query('PACKAGE_INFO')).toBe(INFO);
    expect(() => toy.query('NAMES')).toThrow(expect.objectContaining({ code: 'CONTEXT_NOT_ESTABLISHED' }));
    expect(() => toy.query('SIZES')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }));
    expect(() => toy.messages).toThrow(expect.objectContaining({ code: 'CONTEXT_NOT_ESTABLISHED' }));
    await toy.step();
    await toy.step(ascii('y'));
    expect(toy.query('NAMES')).toEqual({ userName: 'alice' });
    expect(() => toy.messages).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }));
  });
});

describe('the end', () => {
  test('L1: what the context owns is disposed once, the newest first, at failure or deletion', async () => {
    const log: string[] = [];
    const start: Start = async function* (scope) {
      for (const name of ['a', 'b']) scope.own({ dispose: () => log.push(name) });
      yield { token: ascii('x') };
      throw new SspiError('LOGON_DENIED', { stage: 'toy' });
    };
    const failing = context(start, { onEnd: () => log.push('end') });
    await failing.step();
    await failing.step().catch(() => undefined);
    failing.dispose();
    failing.dispose();
    expect(log.splice(0)).toEqual(['b', 'a', 'end']);

    const deleted = context(start, { onEnd: () => log.push('end') });
    await deleted.step();
    deleted.dispose();
    expect(log).toEqual(['b', 'a', 'end']);
    expect(await codeOf(deleted.step())).toBe('INVALID_HANDLE');
    expect(deleted.state).toBe('disposed');
  });

  test('L1: a step during which the context is deleted fails, and what it acquires later is disposed at once', async () => {
    let release: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    let disposed = 0;
    const toy = context(async function* (scope) {
      yield { token: ascii('x') };
      await gate;
      scope.own({
        dispose: () => {
          disposed += 1;
        },
      });
      return { flags: 0 };
    });
    await toy.step();
    const under = toy.step(ascii('y'));
    toy.dispose();
    release();
    expect(await codeOf(under)).toBe('INVALID_HANDLE');
    expect(disposed).toBe(1);
  });

  test('an observer is told of messages', async () => {
    const events: ExchangeEvent[] = [];
    const event: ExchangeEvent = { protocol: 'NTLM', direction: 'sent', message: 'NTLM NEGOTIATE', size: 40 };
    const toy = context(
      async function* (scope) {
        scope.trace(() => event);
        yield { token: ascii('x') };
        return { flags: 0 };
      },
      { observe: (seen) => events.push(seen) },
    );
    await toy.step();
    expect(events).toEqual([event]);
  });
});
