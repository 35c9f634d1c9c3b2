/**
 * Values that follow a flow of control, with Node's AsyncLocalStorage.
 * @module
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { FlowScope } from '../flow.ts';

/** A new one, which has nothing to do with any other. */
export function nodeFlowScope<T>(): FlowScope<T> {
  const storage = new AsyncLocalStorage<T>();
  return {
    get current() {
      return storage.getStore();
    },
    run: (value, work) => storage.run(value, work),
  };
}
