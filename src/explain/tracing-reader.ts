/**
 * DER as a tree, by the very schemas that the protocols use: a reader that writes down what it passes. So there is no second
 * description of any message, and a message that breaks off is shown up to where it does.
 * @module
 */
import { OctetsError } from '../crypto/index.ts';
import { DerError, type Readable, Reader, type Schema } from '../der/index.ts';
import { SspiError } from '../sspi/index.ts';
import { counted, hexText, printable, timeText } from './text.ts';
import type { Branch } from './tree.ts';

/** A value that was read. */
export interface ReadField {
  /** The name of the field, as its schema has it; of an element of a list, that of the list. */
  readonly name: string;
  readonly value: unknown;
  readonly branch: Branch;
  /** The values of its neighbours that were read before it: the type of a thing often stands in front of it. */
  readonly before: ReadonlyMap<string, unknown>;
  /** What the message around is called: the name of the field above. */
  readonly parent: string;
}

/** Gives a field its text, or looks into it; undefined for the usual text. */
export type Dress = (field: ReadField) => string | undefined;

/** What is to be read, and where it belongs. */
export interface Tracing<T> {
  readonly schema: Schema<T>;
  readonly octets: Uint8Array;
  /** Becomes the root; its name stays. */
  readonly branch: Branch;
  readonly dress: Dress;
}

/**
 * Reads one value and writes it down below `branch`, whose offset is that of the octets.
 * @returns the value, or undefined when the octets are not whole or not right: the branch says so then
 */
export function traceDer<T>({ schema, octets, branch, dress }: Tracing<T>): T | undefined {
  const padded = withRoom(octets);
  const reader = new TracingReader(padded, branch, dress, octets.length);
  try {
    const value = reader.read(schema);
    if (padded.length > octets.length) return reader.cutShort();
    if (reader.position !== octets.length) {
      branch.note('MALFORMED', `${counted(octets.length - reader.position, 'octet')} behind the end`);
      return undefined;
    }
    return value;
  } catch (error) {
    reader.faulted(error);
    return undefined;
  }
}

/** So many octets that are missing are made up for, to show what stands in front of the cut. */
const MOST_MISSING = 1 << 20;

/** When the whole is shorter than its first header says, zeros stand in for the rest: tag 0 ends the reading there. */
function withRoom(octets: Uint8Array): Uint8Array {
  const first = octets[1] ?? 0;
  const count = first < 0x80 ? 0 : first & 0x7f;
  if (octets.length < 2 || count > 4) return octets;
  let length = count === 0 ? first : 0;
  for (let i = 0; i < count; i++) length = length * 256 + (octets[2 + i] ?? 0);
  const whole = 2 + count + length;
  if (whole <= octets.length || whole - octets.length > MOST_MISSING) return octets;
  const padded = new Uint8Array(whole);
  padded.set(octets);
  return padded;
}

interface Open {
  readonly branch: Branch;
  readonly schemaName: string;
  readonly fieldName: string;
  readonly values: Map<string, unknown>;
  /** How many elements of a list were read. */
  elements: number;
}

class TracingReader extends Reader {
  readonly #root: Branch;
  readonly #dress: Dress;
  readonly #real: number;
  readonly #open: Open[] = [];
  #nextName: string | undefined;

  constructor(octets: Uint8Array, root: Branch, dress: Dress, real: number) {
    super(octets, { lengths: 'ber-long', maxSize: 1 << 24 });
    this.#root = root;
    this.#dress = dress;
    this.#real = real;
  }

  override enter(name: string): void {
    this.#nextName = name;
    super.enter(name);
  }

  override readAs<T>(schema: Readable<T>, tag: number): T {
    const around = this.#open.at(-1);
    const name = this.#nextName;
    this.#nextName = undefined;
    const branch = this.#branchFor(around, name);
    const fieldName = name ?? around?.fieldName ?? this.#root.name;
    this.#open.push({ branch, schemaName: schema.name, fieldName, values: new Map(), elements: 0 });

    const value = super.readAs(schema, tag);

    this.#open.pop();
    this.#close(branch, schema.name, fieldName, value, around, name !== undefined);
    return value;
  }

  override skip(): void {
    const at = this.position;
    super.skip();
    const around = this.#open.at(-1)?.branch ?? this.#root;
    around.add('(later field)', this.#root.offset + at, this.position - at, 'not known here, passed over');
  }

  /** The octets were at an end before the value was. */
  cutShort(): undefined {
    const missing = this.octets.length - this.#real;
    this.#root.note('TRUNCATED', `${counted(missing, 'octet')} missing at the end`);
    return undefined;
  }

  faulted(error: unknown): void {
    const innermost = this.#open.at(-1)?.branch ?? this.#root;
    for (const { branch } of this.#open)
      branch.length = Math.max(branch.length, this.#clip(branch.offset, this.position));
    if (this.octets.length > this.#real && this.position >= this.#real) {
      this.cutShort();
      return;
    }
    innermost.note('MALFORMED', reasonOf(error));
  }

  #branchFor(around: Open | undefined, name: string | undefined): Branch {
    const at = this.#root.offset + this.position;
    if (around === undefined) return this.#root;
    if (name !== undefined) return around.branch.add(name, at, 0);
    if (isList(around.schemaName)) return around.branch.add(`#${++around.elements}`, at, 0);
    return around.branch; // a tag around a value is not worth a line
  }

  #close(
    branch: Branch,
    schemaName: string,
    fieldName: string,
    value: unknown,
    around: Open | undefined,
    named: boolean,
  ): void {
    branch.length = this.#clip(branch.offset, this.position);
    if (named) around?.values.set(fieldName, value);
    if (schemaName.startsWith('CHOICE') && isChosen(value)) branch.name = `${branch.name} (${value.kind})`;
    // Of a value within tags only the outermost reading counts: the others have the same branch.
    if (around !== undefined && around.branch === branch) return;
    const parent = around?.fieldName ?? '';
    const before = around?.values ?? new Map<string, unknown>();
    const dressed = this.#dress({ name: fieldName, value: this.#really(value), branch, before, parent });
    if (isPlainList(value) && branch.children.every(({ children }) => children.length === 0)) {
      branch.value = branch.children.map((child) => child.value ?? '').join(', ');
      branch.children = [];
    } else {
      branch.value = dressed ?? (branch.children.length > 0 ? undefined : usualText(this.#really(value), schemaName));
    }
  }

  /** Octets without the zeros that stand in for what is missing. */
  #really(value: unknown): unknown {
    const madeUp = this.position - this.#real;
    if (madeUp <= 0 || !(value instanceof Uint8Array)) return value;
    return value.subarray(0, Math.max(0, value.length - madeUp));
  }

  /** As far as the octets were really there. */
  #clip(offset: number, end: number): number {
    return Math.max(0, Math.min(end, this.#real) - (offset - this.#root.offset));
  }
}

function isList(schemaName: string): boolean {
  return schemaName === 'SEQUENCE OF' || schemaName === 'SET OF';
}

function isChosen(value: unknown): value is { readonly kind: string } {
  return typeof value === 'object' && value !== null && 'kind' in value && typeof value.kind === 'string';
}

/** A list of numbers or texts stands on one line. */
function isPlainList(value: unknown): boolean {
  return (
    Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === 'number' || typeof one === 'string')
  );
}

/** The text of a value that nobody has anything special to say about; undefined for what has parts. */
function usualText(value: unknown, schemaName: string): string | undefined {
  switch (typeof value) {
    case 'number':
      return schemaName.includes('GeneralizedTime') ? timeText(value) : String(value);
    case 'string':
      return printable(value);
    case 'boolean':
    case 'bigint':
      return String(value);
    default:
      return value instanceof Uint8Array ? hexText(value) : undefined;
  }
}

/** A branch for what is inside an OCTET STRING, at whose end it stands. */
export function contentOf(field: Branch, content: Uint8Array, name = 'content'): Branch {
  return field.add(name, field.offset + Math.max(0, field.length - content.length), content.length);
}

/** What is wrong, in words that hold no content. */
export function reasonOf(error: unknown): string {
  if (error instanceof DerError || error instanceof OctetsError) return error.message;
  if (error instanceof SspiError) return error.detail ?? error.message;
  // A fault of ours. It ends here as well: who looks at a broken message must not be sent away with a stack trace.
  return 'it cannot be read';
}
