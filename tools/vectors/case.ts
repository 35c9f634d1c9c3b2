/**
 * One case of a known-answer file, read field by field. The reader notes which fields were asked for, so that a check which
 * overlooks a field of its case cannot pass for a check of the whole case.
 * @module
 */
import { fromHex, toHex } from '../../src/crypto/index.ts';

/** A JSON object as it was parsed. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Fields that choose the handler, or tell where a fact comes from and why it matters: nothing in them is to be compared. */
const REMARKS: ReadonlySet<string> = new Set(['op', 'kind', 'type', 'id', 'source', 'note', 'why', 'name']);

/** The case does not hold: what was expected and what came out. */
export class Mismatch extends Error {}

/** Whether a parsed value is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads the fields of a JSON object and remembers which were read. */
export class CaseReader {
  readonly #value: JsonObject;
  readonly #path: string;
  readonly #read = new Set<string>();
  readonly #inner: CaseReader[] = [];

  constructor(value: JsonObject, path = '') {
    this.#value = value;
    this.#path = path;
  }

  has(key: string): boolean {
    return this.#value[key] !== undefined;
  }

  /** Present, but null: the fact is that there is nothing. */
  isNull(key: string): boolean {
    return this.#take(key) === null;
  }

  text(key: string): string {
    const value = this.#take(key);
    if (typeof value !== 'string') throw new Mismatch(`${this.#path}${key}: not a text`);
    return value;
  }

  number(key: string): number {
    const value = this.#take(key);
    if (typeof value !== 'number') throw new Mismatch(`${this.#path}${key}: not a number`);
    return value;
  }

  boolean(key: string): boolean {
    const value = this.#take(key);
    if (typeof value !== 'boolean') throw new Mismatch(`${this.#path}${key}: not a truth value`);
    return value;
  }

  hex(key: string): Uint8Array {
    return fromHex(this.text(key));
  }

  /** The octets, or undefined where the field is absent or null. */
  optionalHex(key: string): Uint8Array | undefined {
    return this.#take(key) == null ? undefined : this.hex(key);
  }

  optionalText(key: string): string | undefined {
    return this.#take(key) == null ? undefined : this.text(key);
  }

  object(key: string): CaseReader {
    const value = this.#take(key);
    if (!isObject(value)) throw new Mismatch(`${this.#path}${key}: not an object`);
    return this.#open(value, `${key}.`);
  }

  /** The elements of a list of objects, each with a reader of its own. */
  objects(key: string): CaseReader[] {
    return this.list(key).map((value, index) => {
      if (!isObject(value)) throw new Mismatch(`${this.#path}${key}[${index}]: not an object`);
      return this.#open(value, `${key}[${index}].`);
    });
  }

  list(key: string): readonly unknown[] {
    const value = this.#take(key);
    if (!Array.isArray(value)) throw new Mismatch(`${this.#path}${key}: not a list`);
    return value;
  }

  texts(key: string): string[] {
    return this.list(key).map(String);
  }

  hexes(key: string): Uint8Array[] {
    return this.texts(key).map((text) => fromHex(text));
  }

  /** Fields that nobody asked for, with their paths. */
  unread(): string[] {
    const own = Object.keys(this.#value).filter((key) => !this.#read.has(key) && !REMARKS.has(key));
    return [...own.map((key) => this.#path + key), ...this.#inner.flatMap((reader) => reader.unread())];
  }

  #take(key: string): unknown {
    this.#read.add(key);
    return this.#value[key];
  }

  #open(value: JsonObject, step: string): CaseReader {
    const reader = new CaseReader(value, this.#path + step);
    this.#inner.push(reader);
    return reader;
  }
}

/** Compares what the code made with what the case says. */
export function same(what: string, actual: unknown, expected: unknown): void {
  const [got, want] = [show(actual), show(expected)];
  if (got !== want) throw new Mismatch(`${what}: expected ${want}, got ${got}`);
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `<${toHex(value)}>`;
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  return JSON.stringify(value) ?? 'undefined';
}
