/**
 * The way to lab KDCs without a network: the port that Kerberos asks KDCs through, answered in the same process.
 * @module
 */
import type { KdcAddress, KdcTransport } from '../host/index.ts';
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
      const answer = await unlessAborted(answerOf(kdc, message, protocol), signal);
      if (answer.length > maxReply) throw new Error(`an answer of ${answer.length} octets`);
      return answer;
    },
  };
}

const AS_REQ = 0x6a;
const TGS_REQ = 0x6c;

/** Whom a message is for it says itself, as to a KDC proxy ([MS-KKDCP] 3.2.5.1): what is not for the KDC is a password change. */
function answerOf(kdc: LabKdc, message: Uint8Array, protocol: KdcAddress['protocol']): Promise<Uint8Array> {
  const [first] = message;
  if (first !== AS_REQ && first !== TGS_REQ) return kdc.handlePasswordChange(message);
  return protocol === 'udp' ? kdc.handleDatagram(message) : kdc.handle(message);
}

/** Silence is waited for no longer than the caller wants. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return await new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
