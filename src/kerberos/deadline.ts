/**
 * A limit on the time that KDCs may take. Whoever waits for a logon would rather be told that the KDC is away.
 * @module
 */
import { systemTimer, type Timer } from '../host/index.ts';
import { NTSTATUS, SspiError } from '../sspi/index.ts';

/** A deadline that runs. Dispose it when what it limits is over, or is not wanted any more: what is under way is given up then. */
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
  const end = (): void => {
    const detail = `no ticket within ${milliseconds} ms`;
    const ntStatus = NTSTATUS.NO_LOGON_SERVERS;
    controller.abort(new SspiError('KDC_UNREACHABLE', { stage: 'Kerberos', detail, ntStatus }));
  };
  const stop = timer.after(milliseconds, end);
  return {
    signal,
    within: (promise) =>
      new Promise((resolve, reject) => {
        const onAbort = (): void => reject(signal.reason);
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
    dispose() {
      stop();
      if (!signal.aborted) controller.abort(new SspiError('INVALID_HANDLE', { stage: 'Kerberos', detail: 'given up' }));
    },
  };
}
