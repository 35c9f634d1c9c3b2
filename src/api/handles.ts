/**
 * Handles: opaque, frozen, never used again (contract T4). What is behind one is found in a table that nobody else can reach,
 * so a handle cannot be forged, and one table's handle means nothing to another.
 * @module
 */

/** `CredHandle`, from `acquireCredentialsHandle`. */
export interface CredHandle {
  readonly kind: 'credential';
  readonly generation: number;
}

/** `CtxtHandle`, from `initializeSecurityContext` and `acceptSecurityContext`. */
export interface CtxtHandle {
  readonly kind: 'context';
  readonly generation: number;
}

/** What is behind the handles of one kind. An entry goes when its handle does. */
export class HandleTable<Handle extends object, Entry> {
  readonly #make: (generation: number) => Handle;
  readonly #entries = new WeakMap<object, Entry>();
  #generation = 0;

  constructor(make: (generation: number) => Handle) {
    this.#make = make;
  }

  add(entry: Entry): Handle {
    this.#generation += 1;
    const handle = Object.freeze(this.#make(this.#generation));
    this.#entries.set(handle, entry);
    return handle;
  }

  /** Whether something is one of this table's handles. */
  has(handle: unknown): handle is Handle {
    return this.find(handle) !== undefined;
  }

  /** What is behind a handle, whatever a caller passed for one. */
  find(handle: unknown): Entry | undefined {
    return typeof handle === 'object' && handle !== null ? this.#entries.get(handle) : undefined;
  }
}
