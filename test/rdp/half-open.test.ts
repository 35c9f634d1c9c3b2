import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createConnection } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import { type Lab, lab } from '../../src/lab/index.ts';
import { connectNla, encodeConnectionRequest, HalfOpen, RDP_PROTOCOL } from '../../src/rdp/index.ts';
import { SspiError } from '../../src/sspi/index.ts';

let realm: Lab;
const open: Socket[] = [];
beforeEach(async () => {
  realm = await lab();
});
afterEach(async () => {
  for (const socket of open.splice(0)) socket.destroy();
  await realm.close();
});

async function knock(door: { readonly host: string; readonly port: number }): Promise<Socket> {
  const socket = createConnection(door).on('error', () => undefined);
  open.push(socket);
  await once(socket, 'connect');
  return socket;
}

const logOn = (door: { readonly port: number }) =>
  connectNla({
    host: 'localhost',
    port: door.port,
    identity: realm.identity('alice'),
    platform: realm.host,
    rootStore: [realm.certificate.certificate],
  });

function refusal(enter: () => unknown): SspiError {
  try {
    enter();
  } catch (error) {
    if (error instanceof SspiError) return error;
  }
  throw new Error('nobody was turned away');
}

describe('how many clients are on their way in', () => {
  test('C17: all together', () => {
    const halfOpen = new HalfOpen({ total: 2, perSource: 2 });
    const leave = halfOpen.enter('192.0.2.1');
    halfOpen.enter(undefined);
    expect(refusal(() => halfOpen.enter('192.0.2.2'))).toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
    leave();
    leave(); // once is what counts
    expect(halfOpen.count).toBe(1);
    halfOpen.enter('192.0.2.2');
    expect(refusal(() => halfOpen.enter('192.0.2.3'))).toMatchObject({ code: 'TOO_MANY_CONNECTIONS' });
  });

  test('C17: from one source, and it has room again when one is through', () => {
    const halfOpen = new HalfOpen({ perSource: 1 });
    const leave = halfOpen.enter('192.0.2.1');
    expect(refusal(() => halfOpen.enter('192.0.2.1')).detail).toBe('1 from 192.0.2.1');
    expect(refusal(() => halfOpen.enter('::ffff:192.0.2.1')).detail).toBe('1 from 192.0.2.1');
    halfOpen.enter('192.0.2.2');
    leave();
    halfOpen.enter('192.0.2.1');
    expect(halfOpen.count).toBe(2);
  });

  // RFC 4291 2.2 for the forms, and 2.5.1 for the 64 bits of the network.
  test.each([
    ['2001:db8:0:1::7', '2001:db8:0:1:ffff::8'],
    ['2001:db8::1', '2001:0db8:0000:0000:1:2:3:4'],
    ['fe80::1%eth0', 'fe80::2%eth1'],
    ['::1', '0:0:0:0::5'],
  ])('C17: %s and %s are one network', (first, second) => {
    const halfOpen = new HalfOpen({ perSource: 1 });
    halfOpen.enter(first);
    expect(refusal(() => halfOpen.enter(second)).code).toBe('TOO_MANY_CONNECTIONS');
  });

  test('C17: networks beside each other are two', () => {
    const halfOpen = new HalfOpen({ perSource: 1 });
    halfOpen.enter('2001:db8:0:1::7');
    halfOpen.enter('2001:db8:0:2::7');
    expect(halfOpen.count).toBe(2);
  });

  test.each([{ total: 0 }, { perSource: 1.5 }, { total: Number.NaN }])('a limit that is none: %o', (limits) => {
    expect(refusal(() => new HalfOpen(limits)).code).toBe('INVALID_PARAMETER');
  });
});

describe('a door with a limit', () => {
  test('C17: who knocks and says nothing keeps nobody out for longer than the patience', async () => {
    const halfOpen = new HalfOpen({ perSource: 2 });
    const door = await realm.nla({ halfOpen, legTimeout: 300 });
    await knock(door);
    await knock(door);
    const started = performance.now();
    const third = await knock(door);
    await once(third, 'close'); // nothing was read, nothing answered
    expect(performance.now() - started).toBeLessThan(250);
    expect(await door.next()).toMatchObject({ kind: 'refused', error: { code: 'TOO_MANY_CONNECTIONS' } });
    for (const _ of [1, 2])
      expect(await door.next()).toMatchObject({ kind: 'refused', error: { code: 'DEADLINE_EXCEEDED' } });
    expect(halfOpen.count).toBe(0);
    const { stream } = await logOn(door);
    expect(await door.next()).toMatchObject({ kind: 'accepted' });
    expect(halfOpen.count).toBe(0); // a client that is in is not on its way any more
    stream.destroy();
  });

  test('C17: who says a little now and then is through with his time all the same', async () => {
    const door = await realm.nla({ deadline: 400, legTimeout: 300 });
    const slow = await knock(door);
    const request = encodeConnectionRequest({ negotiation: { flags: 0, requestedProtocols: RDP_PROTOCOL.HYBRID } });
    const started = performance.now();
    slow.write(request);
    await once(slow, 'data');
    const timer = setInterval(() => slow.write(Uint8Array.of(0x16)), 50); // of a ClientHello that never comes
    expect(await door.next()).toMatchObject({ kind: 'refused' });
    clearInterval(timer);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});

describe('a server with a keytab and no accounts', () => {
  test('C2, K1: lets in by Kerberos, and by nothing else', async () => {
    const identity = { kind: 'kerberos-acceptor', keytab: realm.keytab, replayCache: memoryReplayCache() } as const;
    const door = await realm.nla({ identity });
    const { stream, identity: who } = await logOn(door);
    stream.destroy();
    expect(who.mechanism).toBe('Kerberos');
    expect(await door.next()).toMatchObject({ session: { identity: { principal: 'alice@LAB.EXAMPLE' } } });
    const byNtlm = connectNla({
      host: 'localhost',
      port: door.port,
      identity: realm.identity('alice', { mechanism: 'ntlm' }),
      platform: realm.host,
    });
    await expect(byNtlm).rejects.toThrow(SspiError);
    expect(await door.next()).toMatchObject({ kind: 'refused', error: { code: 'NO_COMMON_MECHANISM' } });
  });
});
