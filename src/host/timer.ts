/**
 * Waiting, as a port: tests let time pass without waiting.
 * @module
 */

/** Calls back later. */
export interface Timer {
  /**
   * Calls back once.
   * @param milliseconds - from now
   * @returns takes the call back; may be called when it is too late
   */
  after(milliseconds: number, callback: () => void): () => void;
}

/** The platform's own timers. */
export const systemTimer: Timer = {
  after(milliseconds, callback) {
    const timeout = setTimeout(callback, milliseconds);
    return () => clearTimeout(timeout);
  },
};
