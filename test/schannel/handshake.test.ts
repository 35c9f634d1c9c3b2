/** InitializeSecurityContext and AcceptSecurityContext (Schannel): input, output, framing. */
import { describe, expect, test } from 'vitest';
import { frameRecords } from '../../src/schannel/index.ts';
import { type ExchangeEvent, ISC_RET, SEC_E, SEC_I, type SecurityContext } from '../../src/sspi/index.ts';
import {
  connect,
  connected,
  EMPTY,
  failureOf,
  octetsOf,
  pair,
  stepped,
  streamOf,
  TLS1_2,
  TLS1_3,
  VARIANTS,
} from './support.ts';

describe.each(VARIANTS)('handshake: $version with $key', ({ key, version, enabledProtocols }) => {
  test('R3 R47 R48: tokens go back and forth until both sides say SEC_E_OK', async () => {
    const { client, server } = await pair({ key, enabledProtocols });
    const transcript = await connect(client, server);
    expect(client.state).toBe('established');
    expect(server.state).toBe('established');
    // TLS 1.2 has four flights. In TLS 1.3 the client has the last word, and tickets follow.
    expect(transcript.map(({ from }) => from)).toEqual(['client', 'server', 'client', 'server']);
    expect(client.query('CIPHER_INFO').protocol).toBe(version === 'TLSv1.2' ? 0x0303 : 0x0304);
    expect(server.query('CIPHER_INFO')).toEqual(client.query('CIPHER_INFO'));
  });

  test('R35: at every cut of every token, SEC_E_INCOMPLETE_MESSAGE says how much is missing, and nothing changes', async () => {
    const { client, server } = await pair({ key, enabledProtocols });
    const contexts = { client, server };
    let input = (await stepped(client)).token;
    let to: 'client' | 'server' = 'server';
    while (input.length > 0 && contexts[to].state === 'negotiating') {
      const first = firstRecordLength(input);
      for (let cut = 1; cut < first; cut++) {
        const step = await contexts[to].step(input.subarray(0, cut));
        const missing = cut < 5 ? 5 - cut : first - cut;
        expect(step).toEqual({ status: SEC_E.INCOMPLETE_MESSAGE, missing, consumed: 0 });
      }
      input = (await stepped(contexts[to], input)).token;
      to = to === 'server' ? 'client' : 'server';
    }
    expect(client.state).toBe('established');
    expect(server.state).toBe('established');
  });

  test('R34: octets behind the last whole record come back as EXTRA, at every cut', async () => {
    const { client, server } = await pair({ key, enabledProtocols });
    const hello = (await stepped(client)).token;
    const flight = (await stepped(server, hello)).token;
    const first = firstRecordLength(flight);
    const step = await stepped(client, flight.subarray(0, first + 3));
    expect(step.status).toBe(SEC_I.CONTINUE_NEEDED);
    expect(step.consumed).toBe(first);
    // The rest, one record at a time; the state machine must not mind.
    let token = step.token;
    for (let at = first; at < flight.length; ) {
      const length = firstRecordLength(flight.subarray(at));
      const next = await stepped(client, flight.subarray(at, at + length));
      expect(next.consumed).toBe(length);
      token = next.token;
      at += length;
    }
    const last = await stepped(server, token);
    expect(last.status).toBe(SEC_E.OK);
  });

  test('R34: application data right behind the last handshake record is EXTRA of the last call, with SEC_E_OK', async () => {
    const { client, server } = await pair({ key, enabledProtocols });
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    const second = await stepped(client, flight);
    const data = octetsOf('early bird');
    if (client.state === 'established') {
      const record = await streamOf(client).encrypt(data);
      const step = await stepped(server, Uint8Array.from([...second.token, ...record]));
      expect(step.status).toBe(SEC_E.OK);
      expect(step.consumed).toBe(second.token.length);
      expect(await streamOf(server).decrypt(record)).toEqual({
        kind: 'data',
        plaintext: data,
        consumed: record.length,
      });
    } else {
      const third = await stepped(server, second.token);
      const record = await streamOf(server).encrypt(data);
      const step = await stepped(client, Uint8Array.from([...third.token, ...record]));
      expect(step.status).toBe(SEC_E.OK);
      expect(step.consumed).toBe(third.token.length);
      expect(await streamOf(client).decrypt(record)).toEqual({
        kind: 'data',
        plaintext: data,
        consumed: record.length,
      });
    }
  });

  test('R34: the same when the last flight comes record by record, with the data behind its last one', async () => {
    const { client, server } = await pair({ key, enabledProtocols });
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    const second = await stepped(client, flight);
    const clientEnds = client.state === 'established';
    const last = clientEnds ? second.token : (await stepped(server, second.token)).token;
    const [from, to] = clientEnds ? [client, server] : [server, client];
    const record = await streamOf(from).encrypt(octetsOf('behind'));
    const finished = lastRecordOf(last);
    for (let at = 0; at < last.length - finished; ) {
      const length = firstRecordLength(last.subarray(at));
      expect((await stepped(to, last.subarray(at, at + length))).consumed).toBe(length);
      at += length;
    }
    const step = await stepped(to, Uint8Array.from([...last.subarray(last.length - finished), ...record]));
    expect([step.status, step.consumed]).toEqual([SEC_E.OK, finished]);
    expect(await streamOf(to).decrypt(record)).toMatchObject({ kind: 'data', plaintext: octetsOf('behind') });
  });

  test('R43 R46: flags and expiry of the last call', async () => {
    const { client, server } = await pair({ key, enabledProtocols });
    const steps: { flags: number; expiry: bigint; status: number }[] = [];
    let input = EMPTY;
    for (const context of [client, server, client, server, client]) {
      if (context.state !== 'negotiating') break;
      const step = await stepped(context, input);
      steps.push(step);
      input = step.token;
    }
    const last = steps.findLast(({ status }) => status === SEC_E.OK);
    expect(client.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).toBe(ISC_RET.MUTUAL_AUTH);
    expect(client.query('FLAGS').flags & (ISC_RET.CONFIDENTIALITY | ISC_RET.INTEGRITY)).toBe(0x10010);
    // make.sh gives every certificate 36,500 days: it ends in the year 2125 or 2126.
    const year = new Date(Number((last?.expiry ?? 0n) / 10_000n) - 11_644_473_600_000).getUTCFullYear();
    expect(year).toBeGreaterThanOrEqual(2125);
    expect(year).toBeLessThan(2130);
  });
});

function lastRecordOf(flight: Uint8Array): number {
  let at = 0;
  while (at + firstRecordLength(flight.subarray(at)) < flight.length) at += firstRecordLength(flight.subarray(at));
  return flight.length - at;
}

function firstRecordLength(input: Uint8Array): number {
  return 5 + new DataView(input.buffer, input.byteOffset).getUint16(3);
}

describe('the first call', () => {
  test('R32: a HelloRequest may come before the ClientHello', async () => {
    const { client } = await pair();
    const step = await stepped(client, Uint8Array.of(22, 3, 3, 0, 4, 0, 0, 0, 0));
    expect(step.token[5]).toBe(1);
  });

  test('R32: anything else may not', async () => {
    const { client } = await pair();
    const failure = await failureOf(client.step(Uint8Array.of(23, 3, 3, 0, 1, 0)));
    expect(failure.status).toBe(SEC_E.INVALID_TOKEN);
  });

  test('C4: a server needs a ClientHello', async () => {
    const { server } = await pair();
    expect((await failureOf(server.step())).status).toBe(SEC_E.INVALID_TOKEN);
  });

  test('R16: SNI carries the host of the target name, and nothing for IP addresses', async () => {
    const hello = async (targetName: string | undefined): Promise<string> => {
      const { client } = await pair({ initiate: { targetName } });
      return Buffer.from((await stepped(client)).token).toString('latin1');
    };
    expect(await hello('TERMSRV/host.example.com:3389')).toContain('host.example.com');
    expect(await hello('host.example.com')).toContain('host.example.com');
    expect(hasExtension(await octetsOfHello('192.0.2.1'), 0)).toBe(false);
    expect(hasExtension(await octetsOfHello('[2001:db8::1]:443'), 0)).toBe(false);
    expect(hasExtension(await octetsOfHello(undefined), 0)).toBe(false);
    expect(hasExtension(await octetsOfHello('a.example'), 0)).toBe(true);
    // RFC 6066 3: no final dot, and A-labels only. "xn--bcher-kva" is the example of RFC 3492's authors for "bücher".
    expect(await hello('bücher.example.')).toContain('xn--bcher-kva.example');
  });

  async function octetsOfHello(targetName: string | undefined): Promise<Uint8Array> {
    const { client } = await pair({ initiate: { targetName } });
    return (await stepped(client)).token;
  }

  test('R17: a target name that cannot be one', async () => {
    await expect(pair({ initiate: { targetName: 'TERMSRV/' } })).rejects.toMatchObject({ code: 'TARGET_UNKNOWN' });
    await expect(pair({ initiate: { targetName: 'a\0b' } })).rejects.toMatchObject({ status: SEC_E.TARGET_UNKNOWN });
  });

  test('R15 X3: no session ticket extension and no pre-shared key is offered', async () => {
    const hello = await octetsOfHello('server.example.com');
    expect(hasExtension(hello, 35)).toBe(false);
    expect(hasExtension(hello, 41)).toBe(false);
  });

  test('X6: ALPN only on request, and what was chosen is known', async () => {
    expect(hasExtension(await octetsOfHello('server.example.com'), 16)).toBe(false);
    const { client, server } = await connected({
      initiate: { applicationProtocols: ['h2', 'http/1.1'] },
      accept: { applicationProtocols: ['http/1.1'] },
    });
    expect(client.query('APPLICATION_PROTOCOL')).toEqual({ protocol: 'http/1.1' });
    expect(server.query('APPLICATION_PROTOCOL')).toEqual({ protocol: 'http/1.1' });
    await expect(connected({ initiate: { applicationProtocols: ['x'.repeat(256)] } })).rejects.toMatchObject({
      status: SEC_E.INVALID_PARAMETER,
    });
    const without = await connected();
    expect(without.client.query('APPLICATION_PROTOCOL')).toEqual({ protocol: undefined });
  });
});

/** Looks for an extension in a ClientHello (RFC 8446 4.1.2). */
function hasExtension(hello: Uint8Array, wanted: number): boolean {
  const view = new DataView(hello.buffer, hello.byteOffset, hello.length);
  let at = 5 + 4 + 2 + 32;
  at += 1 + view.getUint8(at);
  at += 2 + view.getUint16(at);
  at += 1 + view.getUint8(at);
  for (at += 2; at < hello.length; at += 4 + view.getUint16(at + 2)) if (view.getUint16(at) === wanted) return true;
  return false;
}

describe('framing', () => {
  test('R34 R35: whole records are counted together', () => {
    const record = Uint8Array.of(23, 3, 3, 0, 2, 9, 9);
    const two = Uint8Array.from([...record, ...record]);
    expect(frameRecords(two)).toEqual({ whole: 14 });
    for (let cut = 8; cut < 14; cut++) expect(frameRecords(two.subarray(0, cut))).toEqual({ whole: 7 });
    for (let cut = 5; cut < 7; cut++) expect(frameRecords(two.subarray(0, cut))).toEqual({ missing: 7 - cut });
    for (let cut = 1; cut < 5; cut++) expect(frameRecords(two.subarray(0, cut))).toEqual({ missing: 5 - cut });
  });

  test.each([
    ['a content type below 20', [19]],
    ['a content type above 24', [25]],
    ['SSL 2.0', [0x80, 0x2e, 1, 3, 0]],
    ['HTTP', [...octetsOf('GET / HTTP/1.1\r\n')]],
    ['major version 2', [22, 2]],
    ['minor version 5', [22, 3, 5]],
    ['a record of 18,433 octets', [22, 3, 3, 0x48, 0x01]],
    ['RDP plaintext', [3, 0, 0, 19]],
  ])('R58: %s is refused at once', (_, octets) => {
    expect(() => frameRecords(Uint8Array.from(octets))).toThrow(
      expect.objectContaining({ status: SEC_E.INVALID_TOKEN }),
    );
  });

  test('the largest record of TLS 1.2 is none too large', () => {
    expect(frameRecords(Uint8Array.of(23, 3, 3, 0x48, 0x00))).toEqual({ missing: 18_432 });
  });

  test('nonsense behind a whole record is left for the next call', () => {
    expect(frameRecords(Uint8Array.of(23, 3, 3, 0, 1, 9, 0x47, 0x45))).toEqual({ whole: 6 });
  });
});

describe('watching', () => {
  test.each([
    [
      TLS1_2,
      [
        'ClientHello',
        'ServerHello, Certificate, ServerKeyExchange, ServerHelloDone',
        'ClientKeyExchange, ChangeCipherSpec, encrypted',
      ],
    ],
    [TLS1_3, ['ClientHello', 'ServerHello, ChangeCipherSpec, encrypted', 'ChangeCipherSpec, encrypted']],
  ])('the observer sees the messages by name (%#)', async (enabledProtocols, expected) => {
    const seen: ExchangeEvent[] = [];
    await connected({ enabledProtocols, initiate: { observe: (event) => seen.push(event) } });
    expect(seen.every(({ protocol }) => protocol === 'TLS')).toBe(true);
    expected.forEach((start, at) => {
      expect(seen[at]?.message.startsWith(start)).toBe(true);
    });
    expect(seen[0]).toMatchObject({ direction: 'sent', message: 'ClientHello' });
    expect(seen[1]).toMatchObject({ direction: 'received' });
  });
});

describe('many at once', () => {
  test('200 contexts, their steps interleaved, do not mix', async () => {
    const pairs = await Promise.all(Array.from({ length: 100 }, () => pair({ key: 'ec' })));
    await Promise.all(pairs.map(({ client, server }) => connect(client, server)));
    const talk = async (from: SecurityContext, to: SecurityContext, text: string): Promise<string> => {
      const record = await streamOf(from).encrypt(octetsOf(text));
      const opened = await streamOf(to).decrypt(record);
      return opened.kind === 'data' ? new TextDecoder().decode(opened.plaintext) : opened.kind;
    };
    const heard = await Promise.all(pairs.map(({ client, server }, at) => talk(client, server, `number ${at}`)));
    expect(heard).toEqual(pairs.map((_, at) => `number ${at}`));
    for (const { client, server } of pairs) {
      client.dispose();
      server.dispose();
    }
  });
});
