/**
 * A limit on the time that KDCs may take. Whoever waits for a logon would rather be told that the KDC is away.
 * @module
 */
import { systemTimer, type Timer } from '../host/index.ts';
import { NTSTATUS, SspiError } from '../sspi/index.ts';

/** A deadline that runs. Dispose it when what it limits is over. */
export interface Deadline {
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
  /** The promise, or KDC_UNREACHABLE when the time is over first, whatever becomes of the promise then. */
  within<T extends { dispose(): void }>(promise: Promise<T>): Promise<T>;
  dispose(): void;
}

/** Starts a deadline. */
export function startDeadline(milliseconds: number, timer: Timer = systemTimer): Deadline {
  const controller = new AbortController();
  const { signal } = controller;
  const error = new SspiError('KDC_UNREACHABLE', {
    stage: 'Kerberos',
    detail: `no ticket within ${milliseconds} ms`,
    ntStatus: NTSTATUS.NO_LOGON_SERVERS,
  });
  const stop = timer.after(milliseconds, () => controller.abort(error));
  return {
    signal,
    within: (promise) =>
      new Promise((resolve, reject) => {
        const onAbort = (): void => reject(error);
        signal.addEventListener('abort', onAbort, { once: true });
        promise.then(
          (thing) => {
            signal.removeEventListener('abort', onAbort);
            if (signal.aborted)
              thing.dispose(); // nobody waits for it any more
            else resolve(thing);
          },
          (reason: unknown) => {
            signal.removeEventListener('abort', onAbort);
            reject(reason);
          },
        );
      }),
    dispose: stop,
  };
}
