/** Known-answer files of test/vectors, for tests that walk through them. */
import { readFileSync } from 'node:fs';

/** One case of a known-answer file; which fields it has depends on its kind. */
export type VectorCase = Readonly<Record<string, unknown>>;

/** The cases of test/vectors/NAME.json, optionally of one kind only. */
export function vectorCases(name: string, kind?: string): readonly VectorCase[] {
  const parsed: unknown = JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), 'utf8'));
  if (!isRecord(parsed) || !Array.isArray(parsed['cases'])) throw new TypeError(`${name}.json has no cases`);
  const cases = parsed['cases'].filter(isRecord);
  const wanted = kind === undefined ? cases : cases.filter((one) => (one['kind'] ?? one['op'] ?? one['type']) === kind);
  if (wanted.length === 0) throw new TypeError(`${name}.json has no case of kind ${kind}`);
  return wanted;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field that must be text. */
export function text(of: VectorCase, name: string): string {
  const value = of[name];
  if (typeof value !== 'string') throw new TypeError(`${name} is not text`);
  return value;
}

/** A field that must be a number. */
export function number(of: VectorCase, name: string): number {
  const value = of[name];
  if (typeof value !== 'number') throw new TypeError(`${name} is not a number`);
  return value;
}

/** A field that must be hexadecimal octets. */
export function octets(of: VectorCase, name: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text(of, name), 'hex'));
}

/** A field that must be an object. */
export function record(of: VectorCase, name: string): VectorCase {
  const value = of[name];
  if (!isRecord(value)) throw new TypeError(`${name} is not an object`);
  return value;
}

/** Octets of hexadecimal text. */
export function hex(value: string): Uint8Array {
  return Uint8Array.from(Buffer.from(value.replace(/\s/g, ''), 'hex'));
}

/** Hexadecimal text of octets. */
export function toHex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}
