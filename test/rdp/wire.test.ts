import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { Timing } from '../../src/rdp/timing.ts';
import { Wire } from '../../src/rdp/wire.ts';
import { type Frame, SspiError } from '../../src/sspi/index.ts';
import { socketPair } from './pair.ts';

/** Messages of one length octet and that many octets; 255 is no length. */
function frame(octets: Uint8Array): Frame {
  const [length = 0] = octets;
  if (length === 255) throw new SspiError('MALFORMED_TOKEN', { stage: 'test' });
  return octets.length > length ? { whole: length + 1 } : { missing: length + 1 - octets.length };
}

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

async function wires(patience: ConstructorParameters<typeof Timing>[0] = {}) {
  const pair = await socketPair();
  open.push(pair.near, pair.far);
  return { wire: new Wire(pair.near, new Timing(patience)), near: pair.near, far: pair.far };
}

describe('Wire', () => {
  test('F6: messages are found whatever pieces they come in', async () => {
    const { wire, far } = await wires();
    for (const octet of [3, 10, 20, 30]) {
      far.write(Uint8Array.of(octet));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(await wire.read('a', frame)).toEqual(Uint8Array.of(3, 10, 20, 30));
    far.write(Uint8Array.of(1, 7, 2, 8, 9, 4, 1));
    expect(await wire.read('b', frame)).toEqual(Uint8Array.of(1, 7));
    expect(await wire.read('c', frame)).toEqual(Uint8Array.of(2, 8, 9));
  });

  test('F1: what was read too much is given back with the stream', async () => {
    const { wire, near, far } = await wires();
    far.write(Uint8Array.of(1, 7, 0x16, 0x03));
    await wire.read('a', frame);
    expect(wire.release()).toBe(near);
    const [chunk] = await once(near, 'data');
    expect(chunk).toEqual(Buffer.of(0x16, 0x03));
  });

  test('C17: a peer that sends octet by octet is cut off when its time for one message is over', async () => {
    const { wire, far } = await wires({ legTimeout: 60 });
    far.write(Uint8Array.of(200));
    const drip = setInterval(() => far.write(Uint8Array.of(1)), 5);
    await expect(wire.read('a', frame)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      detail: '60 ms for one message',
    });
    clearInterval(drip);
  });

  test('C17: the deadline holds over all messages', async () => {
    const { wire, far } = await wires({ deadline: 50, legTimeout: 1_000 });
    far.write(Uint8Array.of(0));
    await wire.read('a', frame);
    await expect(wire.read('b', frame)).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await expect(wire.within('c', new Promise(() => undefined))).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });

  test('F1: an abort ends the wait with its reason', async () => {
    const controller = new AbortController();
    const { wire } = await wires({ signal: controller.signal });
    const reading = wire.read('a', frame);
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await expect(wire.write('b', Uint8Array.of(0))).rejects.toThrow('enough');
  });

  test('F1: a connection that ends within a message is CONNECTION_CLOSED, before and after', async () => {
    const { wire, far } = await wires();
    far.end(Uint8Array.of(5, 1, 2));
    await expect(wire.read('a', frame)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', stage: 'a' });
    await expect(wire.read('b', frame)).rejects.toMatchObject({ code: 'CONNECTION_CLOSED', stage: 'b' });
  });

  test('F1: a reset connection is CONNECTION_CLOSED and no unhandled error', async () => {
    const { wire, far } = await wires();
    const reading = wire.read('a', frame);
    far.resetAndDestroy();
    await expect(reading).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    await expect(wire.write('b', Uint8Array.of(0))).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
  });

  test('C17: what can be no message is refused before it is all there', async () => {
    const { wire, far } = await wires();
    far.write(Uint8Array.of(255));
    await expect(wire.read('a', frame)).rejects.toMatchObject({ code: 'MALFORMED_TOKEN' });
  });

  test('C13: the last word arrives although the peer had sent more than was read', async () => {
    const { wire, near, far } = await wires();
    far.write(new Uint8Array(5_000));
    await new Promise((resolve) => setTimeout(resolve, 20));
    far.once('readable', () => far.end());
    const received = once(far, 'data');
    await wire.end(Uint8Array.of(1, 2, 3));
    expect(await received).toEqual([Buffer.of(1, 2, 3)]);
    expect(near.destroyed).toBe(true);
  });
});
