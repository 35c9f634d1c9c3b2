/** The ports of Node.js, against sockets and files of this machine. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { KdcAddress } from '../../src/host/index.ts';
import { nodeFiles, nodeKdcTransport } from '../../src/host/node.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function tcp(serve: (socket: Socket, received: Buffer) => void): Promise<{ kdc: KdcAddress; server: Server }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (octets) => serve(socket, octets));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push(server);
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  return { kdc: { protocol: 'tcp', host: '127.0.0.1', port }, server };
}

async function udp(serve: (socket: UdpSocket, received: Buffer, port: number) => void): Promise<KdcAddress> {
  const socket = createSocket('udp4');
  socket.on('message', (octets, { port }) => serve(socket, octets, port));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  open.push(socket);
  return { protocol: 'udp', host: '127.0.0.1', port: socket.address().port };
}

const message = Uint8Array.of(1, 2, 3);

function ask(kdc: KdcAddress, signal = new AbortController().signal, maxReply = 1_000): Promise<Uint8Array> {
  return nodeKdcTransport.exchange({ realm: 'R', message, kdc, maxReply, signal });
}

describe('RFC 4120 7.2.1: UDP', () => {
  test('one datagram there, one back', async () => {
    const kdc = await udp((socket, octets, port) => socket.send(Buffer.from([...octets].reverse()), port, '127.0.0.1'));
    expect([...(await ask(kdc))]).toEqual([3, 2, 1]);
  });

  test('an answer that is too long is refused', async () => {
    const kdc = await udp((socket, _, port) => socket.send(Buffer.alloc(1_001), port, '127.0.0.1'));
    await expect(ask(kdc)).rejects.toThrow('1001 octets');
  });

  test('nobody there: an error and no waiting', async () => {
    const kdc = await udp(() => undefined);
    for (const one of open.splice(0)) await one.close();
    await expect(ask(kdc)).rejects.toThrow('ECONNREFUSED');
  });

  test('what comes from another port is not heard', async () => {
    const stranger = createSocket('udp4');
    open.push(stranger);
    const kdc = await udp((socket, _, port) => {
      stranger.send(Buffer.from([66]), port, '127.0.0.1', () => socket.send(Buffer.from([7]), port, '127.0.0.1'));
    });
    expect([...(await ask(kdc))]).toEqual([7]);
  });

  test('silence ends when the caller gives up', async () => {
    const controller = new AbortController();
    const kdc = await udp(() => controller.abort(new Error('enough')));
    await expect(ask(kdc, controller.signal)).rejects.toThrow('enough');
  });
});

describe('RFC 4120 7.2.2: TCP', () => {
  test('the length goes in front, there and back', async () => {
    let heard = '';
    const { kdc } = await tcp((socket, octets) => {
      heard = octets.toString('hex');
      socket.write(Buffer.from('00000002abcd', 'hex'));
    });
    expect([...(await ask(kdc))]).toEqual([0xab, 0xcd]);
    expect(heard).toBe('00000003010203');
  });

  test('an answer in single octets is the same answer', async () => {
    const { kdc } = await tcp(async (socket) => {
      socket.setNoDelay(true);
      for (const octet of Buffer.from('00000003aabbcc', 'hex')) {
        socket.write(Buffer.from([octet]));
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    expect([...(await ask(kdc))]).toEqual([0xaa, 0xbb, 0xcc]);
  });

  test.each([
    ['more than is allowed', '000003e9'],
    ['with the highest bit, which is reserved', '80000001'],
    ['four gigabytes', 'ffffffff'],
  ])('Z42: a length of %s is refused before anything is allocated', async (_, hex) => {
    const { kdc } = await tcp((socket) => socket.write(Buffer.from(hex, 'hex')));
    await expect(ask(kdc)).rejects.toThrow('octets');
  });

  test('a connection that is closed too early is an error', async () => {
    const { kdc } = await tcp((socket) => socket.end(Buffer.from('00000003aa', 'hex')));
    await expect(ask(kdc)).rejects.toThrow('closed');
  });

  test('nothing stays open after an answer, an error, or an abort', async () => {
    const controller = new AbortController();
    const { kdc, server } = await tcp((socket) => {
      if (controller.signal.aborted) socket.write(Buffer.from('00000001aa', 'hex'));
      else controller.abort(new Error('enough'));
    });
    await expect(ask(kdc, controller.signal)).rejects.toThrow('enough');
    await ask(kdc);
    await expect.poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count)))).toBe(0);
  });

  test('proxies are not for this transport', async () => {
    await expect(ask({ protocol: 'https', url: 'https://x/' })).rejects.toThrow('no KDC proxy');
  });

  test('who has given up already is not connected', async () => {
    const { kdc } = await tcp(() => undefined);
    await expect(ask(kdc, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
  });
});

describe('files', () => {
  test('whole files are read, up to a limit', async () => {
    await within(async (directory) => {
      const path = join(directory, 'file');
      await writeFile(path, 'twelve octet');
      expect(new TextDecoder().decode(await nodeFiles.read(path, 12))).toBe('twelve octet');
      await expect(nodeFiles.read(path, 11)).rejects.toThrow('longer than 11 octets');
      await expect(nodeFiles.read(join(directory, 'none'), 11)).rejects.toThrow('ENOENT');
    });
  });

  test('a file without an end is cut off', async () => {
    await expect(nodeFiles.read('/dev/zero', 1_000)).rejects.toThrow('longer than');
  });

  test('a file is replaced all at once, for its owner only, and nothing is left beside it', async () => {
    await within(async (directory) => {
      const path = join(directory, 'ccache');
      await nodeFiles.replace(path, Uint8Array.of(1));
      await nodeFiles.replace(path, Uint8Array.of(2, 3));
      expect([...(await readFile(path))]).toEqual([2, 3]);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(await nodeFiles.list(directory)).toEqual(['ccache']);
    });
  });

  test('a link is replaced, and not what it points at', async () => {
    await within(async (directory) => {
      await writeFile(join(directory, 'victim'), 'x');
      await symlink(join(directory, 'victim'), join(directory, 'ccache'));
      await nodeFiles.replace(join(directory, 'ccache'), Uint8Array.of(1));
      expect(await readFile(join(directory, 'victim'), 'utf8')).toBe('x');
    });
  });

  test('what cannot be put in its place leaves nothing behind', async () => {
    await within(async (directory) => {
      await expect(nodeFiles.replace(directory, Uint8Array.of(1))).rejects.toThrow();
      expect(
        (await readdir(join(directory, '..'))).filter((name) => name.startsWith(`${directory.split('/').at(-1)}.`)),
      ).toEqual([]);
    });
  });
});

async function within(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'sspi-files-'));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}
