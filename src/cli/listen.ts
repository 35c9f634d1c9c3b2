/**
 * Listening on a port.
 * @module
 */
import { once } from 'node:events';
import type { Server } from 'node:net';
import { messageOf } from './frames.ts';
import { UsageError } from './terminal.ts';

/** @returns the port, which the system chose when it was 0. @throws UsageError */
export async function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new UsageError(`cannot listen: ${messageOf(error)}`, 'choose another --host or --port');
  }
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : port;
}
