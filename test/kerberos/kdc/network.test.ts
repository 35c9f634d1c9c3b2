/** From a realm to an answer: fail-over, datagrams that are too small, KDCs that say nothing. */
import { describe, expect, test } from 'vitest';
import { encode } from '../../../src/der/index.ts';
import { type KdcExchange, type KdcTransport, kdcAddressText, systemHost } from '../../../src/host/index.ts';
import { type KdcLocator, KdcNetwork, type KdcNetworkLimits, kdcLocator } from '../../../src/kerberos/kdc/index.ts';
import { KRB_ERROR_CODE, KrbError, ticketGrantingService } from '../../../src/kerberos/messages/index.ts';
import { SspiError } from '../../../src/sspi/index.ts';
import { refusalOf } from './scripted-kdc.ts';
import { settled, TestTimer } from './test-timer.ts';

const ANSWER = Uint8Array.of(0x6b, 1, 2, 3);

function krbError(errorCode: number): Uint8Array {
  return encode(KrbError, {
    pvno: 5,
    msgType: 30,
    stime: 0,
    susec: 0,
    errorCode,
    realm: 'R',
    sname: ticketGrantingService('R'),
  });
}

type Behaviour = 'silent' | 'refuses' | Uint8Array | (() => Promise<Uint8Array>);

/** KDCs by address; what is not listed refuses. */
class Transport implements KdcTransport {
  readonly asked: string[] = [];
  readonly open = new Set<string>();
  behaviour: Record<string, Behaviour>;

  constructor(behaviour: Record<string, Behaviour>) {
    this.behaviour = behaviour;
  }

  exchange({ kdc, signal }: KdcExchange): Promise<Uint8Array> {
    const address = kdcAddressText(kdc);
    this.asked.push(address);
    const does = this.behaviour[address] ?? 'refuses';
    if (does === 'refuses') return Promise.reject(new Error('connection refused'));
    if (typeof does === 'function') return does();
    if (does !== 'silent') return Promise.resolve(does);
    this.open.add(address);
    signal.addEventListener('abort', () => this.open.delete(address));
    return new Promise(() => undefined); // and never settles, abort or not
  }
}

function scene(
  behaviour: Record<string, Behaviour>,
  kdcs: readonly string[],
  limits?: KdcNetworkLimits,
  locator?: KdcLocator,
) {
  const timer = new TestTimer();
  const transport = new Transport(behaviour);
  const network = new KdcNetwork({
    transport,
    locator: locator ?? kdcLocator({ kdcs: { R: kdcs }, random: systemHost.random }),
    clock: timer,
    timer,
    limits,
  });
  const ask = (message = new Uint8Array(100), signal?: AbortSignal) =>
    network.exchange({ realm: 'R', message, signal });
  return { timer, transport, network, ask };
}

describe('KDCs of a realm', () => {
  test('a short message goes over UDP', async () => {
    const { ask, transport, timer } = scene({ 'udp a:88': ANSWER }, ['a']);
    expect(await ask()).toEqual(ANSWER);
    expect(transport.asked).toEqual(['udp a:88']);
    expect(timer.pending).toBe(0);
  });

  test('a long message goes over TCP', async () => {
    const { ask, transport } = scene({ 'tcp a:88': ANSWER }, ['a']);
    expect(await ask(new Uint8Array(1_466))).toEqual(ANSWER);
    expect(transport.asked).toEqual(['tcp a:88']);
  });

  test('what does not fit into a datagram at all goes over TCP only', async () => {
    const { ask, transport } = scene({}, ['a']);
    expect((await refusalOf(() => ask(new Uint8Array(65_508)))).code).toBe('KDC_UNREACHABLE');
    expect(transport.asked).toEqual(['tcp a:88']);
  });

  test('KRB_ERR_RESPONSE_TOO_BIG: the same KDC over TCP, at once', async () => {
    const tooBig = krbError(KRB_ERROR_CODE.KRB_ERR_RESPONSE_TOO_BIG);
    const { ask, transport } = scene({ 'udp a:88': tooBig, 'tcp a:88': ANSWER, 'udp b:88': ANSWER }, ['a', 'b']);
    expect(await ask()).toEqual(ANSWER);
    expect(transport.asked).toEqual(['udp a:88', 'tcp a:88']);
  });

  test('over TCP nothing is too big: the next KDC is asked', async () => {
    const tooBig = krbError(KRB_ERROR_CODE.KRB_ERR_RESPONSE_TOO_BIG);
    const { ask, transport } = scene({ 'tcp a:88': tooBig, 'tcp b:88': ANSWER }, ['tcp/a', 'tcp/b']);
    expect(await ask()).toEqual(ANSWER);
    expect(transport.asked).toEqual(['tcp a:88', 'tcp b:88']);
  });

  test('one that refuses costs no time', async () => {
    const { ask, transport, timer } = scene({ 'udp b:88': ANSWER }, ['a', 'b']);
    expect(await ask()).toEqual(ANSWER);
    expect(transport.asked).toEqual(['udp a:88', 'udp b:88']);
    expect(timer.now()).toBe(0);
  });

  test('one that is silent costs a second, and is dropped when another answers', async () => {
    const { ask, transport, timer } = scene({ 'udp a:88': 'silent', 'udp b:88': ANSWER }, ['a', 'b']);
    const answer = ask();
    await timer.advance(999);
    expect(transport.asked).toEqual(['udp a:88']);
    await timer.advance(1);
    expect(await answer).toEqual(ANSWER);
    expect([...transport.open]).toEqual([]);
    expect(timer.pending).toBe(0);
  });

  test('the slow answer of the first still counts while others are asked', async () => {
    let answer: (octets: Uint8Array) => void = () => undefined;
    const slow = () => new Promise<Uint8Array>((resolve) => (answer = resolve));
    const { ask, transport, timer } = scene({ 'udp a:88': slow, 'udp b:88': 'silent' }, ['a', 'b']);
    const reply = ask();
    await timer.advance(1_500);
    expect(transport.asked).toEqual(['udp a:88', 'udp b:88']);
    answer(ANSWER);
    expect(await reply).toEqual(ANSWER);
    expect([...transport.open]).toEqual([]);
  });

  test('the next message goes to the KDC that answered, the dead one comes last', async () => {
    const { ask, transport, timer } = scene({ 'udp a:88': 'silent', 'udp b:88': ANSWER }, ['a', 'b']);
    const first = ask();
    await timer.advance(1_000);
    await first;
    transport.asked.length = 0;
    expect(await ask()).toEqual(ANSWER);
    expect(transport.asked).toEqual(['udp b:88']);
    expect(timer.now()).toBe(1_000);
  });

  test('a KDC that refused is asked last for a minute', async () => {
    const { ask, transport, timer } = scene({ 'udp b:88': ANSWER }, ['a', 'b']);
    await ask();
    transport.asked.length = 0;
    await ask();
    expect(transport.asked).toEqual(['udp b:88']);
    await timer.advance(60_000);
    transport.asked.length = 0;
    await ask();
    expect(transport.asked).toEqual(['udp a:88', 'udp b:88']);
  });
});

describe('password changes', () => {
  test('go over TCP, and to one server at a time', async () => {
    let answer: (octets: Uint8Array) => void = () => undefined;
    const slow = () =>
      new Promise<Uint8Array>((resolve) => {
        answer = resolve;
      });
    const { network, transport, timer } = scene({ 'tcp a:464': slow, 'tcp b:464': ANSWER }, ['a', 'b']);
    const reply = network.exchange({ realm: 'R', message: new Uint8Array(10), service: 'kpasswd' });
    await timer.advance(4_999);
    expect(transport.asked).toEqual(['tcp a:464']);
    answer(Uint8Array.of(0, 1)); // whatever it is: these frames look otherwise
    expect(await reply).toEqual(Uint8Array.of(0, 1));
  });

  test('go to the next server when the first is not there', async () => {
    const { network } = scene({ 'tcp b:464': ANSWER }, ['a', 'b']);
    expect(await network.exchange({ realm: 'R', message: new Uint8Array(10), service: 'kpasswd' })).toEqual(ANSWER);
  });
});

describe('where KDCs are', () => {
  function counting(endpoints: () => readonly { host: string; port: number }[]) {
    const asked: string[] = [];
    const locator: KdcLocator = {
      locate(realm, service) {
        asked.push(`${service} ${realm}`);
        return Promise.resolve(endpoints());
      },
    };
    return { asked, locator };
  }

  test('it is asked once a minute', async () => {
    const { asked, locator } = counting(() => [{ host: 'a', port: 88 }]);
    const { ask, timer } = scene({ 'udp a:88': ANSWER }, [], undefined, locator);
    await ask();
    await ask();
    expect(asked).toEqual(['kdc R']);
    await timer.advance(60_000);
    await ask();
    expect(asked).toEqual(['kdc R', 'kdc R']);
  });

  test('and anew when none of them answered', async () => {
    let host = 'a';
    const { asked, locator } = counting(() => [{ host, port: 88 }]);
    const { ask } = scene({ 'udp b:88': ANSWER }, [], undefined, locator);
    expect((await refusalOf(ask)).code).toBe('KDC_UNREACHABLE');
    host = 'b';
    expect(await ask()).toEqual(ANSWER);
    expect(asked).toHaveLength(2);
  });
});

describe('KDCs that are no use', () => {
  test('none known: KDC_NOT_FOUND', async () => {
    const { ask } = scene({}, []);
    const error = await refusalOf(ask);
    expect([error.code, error.statusName]).toEqual(['KDC_NOT_FOUND', 'SEC_E_NO_AUTHENTICATING_AUTHORITY']);
  });

  test('all refuse: KDC_UNREACHABLE names each with its reason', async () => {
    const { ask } = scene({}, ['a', 'b']);
    const error = await refusalOf(ask);
    expect([error.code, error.statusName, error.ntStatus]).toEqual([
      'KDC_UNREACHABLE',
      'SEC_E_NO_AUTHENTICATING_AUTHORITY',
      0xc000005e,
    ]);
    expect(error.message).toContain('udp a:88: connection refused; udp b:88: connection refused; tcp a:88');
  });

  test('all silent: it ends within the deadline, and nothing stays open', async () => {
    const all: Record<string, Behaviour> = { 'udp a:88': 'silent', 'tcp a:88': 'silent' };
    const { ask, timer, transport } = scene(all, ['a']);
    const outcome = refusalOf(ask);
    await timer.advance(6_000);
    const error = await outcome;
    expect(error.code).toBe('KDC_UNREACHABLE');
    expect(error.message).toContain('udp a:88: no answer within 5000 ms');
    expect([...transport.open]).toEqual([]);
    expect(timer.pending).toBe(0);
  });

  test('many silent ones together take no longer than the whole may take', async () => {
    const names = Array.from({ length: 20 }, (_, index) => `kdc${index}`);
    const all = Object.fromEntries(names.map((name): [string, Behaviour] => [`udp ${name}:88`, 'silent']));
    const { ask, timer, transport } = scene(
      all,
      names.map((name) => `udp/${name}`),
      { total: 3_000 },
    );
    const outcome = refusalOf(ask);
    await timer.advance(2_999);
    expect(timer.pending).toBeGreaterThan(0);
    await timer.advance(1);
    expect((await outcome).code).toBe('KDC_UNREACHABLE');
    expect([...transport.open]).toEqual([]);
    expect(timer.pending).toBe(0);
  });

  test('a locator that never answers ends within the deadline too', async () => {
    const { ask, timer } = scene({}, [], undefined, { locate: () => new Promise(() => undefined) });
    const outcome = refusalOf(ask);
    await timer.advance(10_000);
    expect((await outcome).code).toBe('KDC_UNREACHABLE');
  });

  test('what is no message of Kerberos is no answer', async () => {
    const { ask, transport } = scene(
      { 'udp a:88': Uint8Array.of(1, 2, 3), 'udp b:88': new Uint8Array(0), 'tcp a:88': ANSWER },
      ['a', 'b'],
    );
    expect(await ask()).toEqual(ANSWER);
    expect(transport.asked).toEqual(['udp a:88', 'udp b:88', 'tcp a:88']);
  });

  test('KDC_ERR_SVC_UNAVAILABLE counts when nobody says anything better', async () => {
    const unavailable = krbError(KRB_ERROR_CODE.KDC_ERR_SVC_UNAVAILABLE);
    const better = scene({ 'udp a:88': unavailable, 'udp b:88': ANSWER }, ['udp/a', 'udp/b']);
    expect(await better.ask()).toEqual(ANSWER);
    const nothing = scene({ 'udp a:88': unavailable }, ['udp/a', 'udp/b']);
    expect(await nothing.ask()).toEqual(unavailable);
  });

  test('the caller can give up', async () => {
    const { ask, transport, timer } = scene({ 'udp a:88': 'silent' }, ['a']);
    const controller = new AbortController();
    const outcome = refusalOf(() => ask(undefined, controller.signal));
    await settled();
    controller.abort(new SspiError('DEADLINE_EXCEEDED', { stage: 'test' }));
    expect((await outcome).code).toBe('DEADLINE_EXCEEDED');
    expect([...transport.open]).toEqual([]);
    expect(timer.pending).toBe(0);
  });

  test('a caller that has given up already sends nothing', async () => {
    const { ask, transport, timer } = scene({ 'udp a:88': ANSWER }, ['a']);
    expect((await refusalOf(() => ask(undefined, AbortSignal.abort()))).code).toBe('KDC_UNREACHABLE');
    expect(transport.asked).toEqual([]);
    expect(timer.pending).toBe(0);
  });

  test('a transport that throws instead of rejecting is one that failed', async () => {
    const throws = (): never => {
      throw new Error('no sockets');
    };
    const { ask } = scene({ 'udp a:88': throws, 'tcp a:88': ANSWER }, ['a']);
    expect(await ask()).toEqual(ANSWER);
  });
});
