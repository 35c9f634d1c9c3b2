/**
 * A value that follows a flow of control across everything it awaits, as a port: whom a server acts for while it answers a request.
 * JavaScript has no threads to hang it on, and the language has nothing for it yet.
 * @module
 */

/** One such value. */
export interface FlowScope<T> {
  /** The value of the flow that asks; undefined outside of every `run`. */
  readonly current: T | undefined;
  /** Calls `work`; in it, and in whatever it starts, `current` is `value`. Flows beside it do not notice. */
  run<R>(value: T, work: () => R): R;
}
