/**
 * Runs known-answer files: the JSON form `{ title, source?, common?, cases: [...] }` of `test/vectors/`.
 *
 * What a case is about is told by its own fields, not by the name of its file, so that a file of any name and folder runs. A
 * case counts as passed only when a handler knows its kind, compared it, and read every field of it.
 * @module
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CaseReader, isObject, type JsonObject, Mismatch } from './case.ts';

/** Knows one kind of case. */
export interface CaseHandler {
  /** For people: what the kind is called. */
  readonly kind: string;
  applies(value: JsonObject): boolean;
  /**
   * Compares the case with what our code makes of it; throws when it does not hold.
   * @param common - the file's `common` object, for the files that have one
   * @returns a text that says what we chose, where the case leaves it to the implementer
   */
  check(fields: CaseReader, common: CaseReader): unknown;
}

/** A handler for the cases that have this value in this field. */
export function handlerFor(field: 'kind' | 'op' | 'type', value: string, check: CaseHandler['check']): CaseHandler {
  return { kind: value, applies: (candidate) => candidate[field] === value, check };
}

/** How one case went. */
export interface CaseResult {
  readonly name: string;
  readonly state: 'passed' | 'failed' | 'not covered';
  /** Why it failed or is not covered, or which choice was pinned. */
  readonly detail?: string | undefined;
}

/** How one file went. */
export interface FileResult {
  readonly file: string;
  readonly title: string;
  readonly cases: readonly CaseResult[];
}

/** The JSON files of the paths named: a file is itself, a folder its `*.json`. */
export function vectorFiles(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => name.endsWith('.json'));
    return names.sort().map((name) => join(path, name));
  });
}

/** Runs every case of a file. A file that is not of the form is one failed case. */
export async function runFile(file: string, handlers: readonly CaseHandler[]): Promise<FileResult> {
  try {
    const content: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (!isObject(content) || !Array.isArray(content['cases'])) throw new Mismatch('no list of cases');
    const common = isObject(content['common']) ? content['common'] : {};
    const cases: CaseResult[] = [];
    for (const [index, value] of content['cases'].entries()) cases.push(await runCase(value, index, common, handlers));
    return { file, title: String(content['title'] ?? basename(file)), cases };
  } catch (error) {
    return { file, title: basename(file), cases: [{ name: 'file', state: 'failed', detail: String(error) }] };
  }
}

async function runCase(
  value: unknown,
  index: number,
  common: JsonObject,
  handlers: readonly CaseHandler[],
): Promise<CaseResult> {
  const name = nameOf(value, index);
  if (!isObject(value)) return { name, state: 'failed', detail: 'not an object' };
  const handler = handlers.find((candidate) => candidate.applies(value));
  if (handler === undefined) return { name, state: 'not covered', detail: 'no handler for this kind of case' };
  const fields = new CaseReader(value);
  try {
    const pinned = await handler.check(fields, new CaseReader(common));
    const unread = fields.unread();
    if (unread.length > 0) return { name, state: 'not covered', detail: `not compared: ${unread.join(', ')}` };
    return { name, state: 'passed', detail: typeof pinned === 'string' ? pinned : undefined };
  } catch (error) {
    return { name, state: 'failed', detail: error instanceof Mismatch ? error.message : describe(error) };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function nameOf(value: unknown, index: number): string {
  if (!isObject(value)) return `#${index}`;
  const parts = ['kind', 'op', 'type', 'id', 'name', 'inner', 'version'].map((key) => value[key]);
  const words = parts.filter((part) => typeof part === 'string' || typeof part === 'number');
  return `#${index} ${words.join(' ')}`.trim();
}
