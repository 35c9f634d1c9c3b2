import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** Two ends of a loopback TCP connection. */
export async function socketPair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  const accepted = once(server, 'connection');
  const near = connect({ port, host: '127.0.0.1' });
  const [far] = (await accepted) as [Socket]; // what the event gives
  await (near.connecting ? once(near, 'connect') : undefined);
  server.close();
  return { near, far };
}
