/**
 * The way to lab KDCs without a network: the port that Kerberos asks KDCs through, answered in the same process.
 * @module
 */
import type { KdcTransport } from '../host/index.ts';
import type { LabKdc } from './kdc.ts';

/**
 * A transport that ends at KDCs in this process, by the realm that is asked for and whatever the address. An answer that is too
 * large for UDP has to be fetched over TCP, as from any KDC.
 * @param kdcs - looked at anew with every message: more may come
 * @example
 * const host = { ...systemHost, kdcTransport: memoryTransport([kdc, kdcOfTheOtherRealm]) };
 */
export function memoryTransport(kdcs: readonly LabKdc[]): KdcTransport {
  return {
    async exchange({ realm, message, kdc: { protocol }, maxReply, signal }) {
      signal.throwIfAborted();
      const kdc = kdcs.find((one) => one.realm.toLowerCase() === realm.toLowerCase());
      if (kdc === undefined) throw new Error(`there is no KDC of ${realm} here`);
      const answer = await unlessAborted(
        protocol === 'udp' ? kdc.handleDatagram(message) : kdc.handle(message),
        signal,
      );
      if (answer.length > maxReply) throw new Error(`an answer of ${answer.length} octets`);
      return answer;
    },
  };
}

/** Silence is waited for no longer than the caller wants. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
