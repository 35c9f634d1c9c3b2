/**
 * The DNS of Node.js.
 * @module
 */
import { promises } from 'node:dns';
import type { Dns, SrvRecord } from '../dns.ts';

/** Codes that say that there is nothing, and not that something went wrong. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA']);

/** Asks the name servers of the machine; no search list is applied to names. */
export const nodeDns: Dns = {
  async srv(name, signal): Promise<readonly SrvRecord[]> {
    const resolver = new promises.Resolver();
    const cancel = (): void => resolver.cancel();
    signal.throwIfAborted();
    signal.addEventListener('abort', cancel, { once: true });
    try {
      const records = await resolver.resolveSrv(name);
      return records.map(({ priority, weight, port, name: target }) => ({ priority, weight, port, target }));
    } catch (error) {
      signal.throwIfAborted();
      if (NOTHING.has(codeOf(error))) return [];
      throw error;
    } finally {
      signal.removeEventListener('abort', cancel);
    }
  },
};

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}
