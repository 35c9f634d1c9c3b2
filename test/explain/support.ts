/** What the tests of this room share. */
import { readFileSync } from 'node:fs';
import {
  type Check,
  type DecodeOptions,
  decode,
  type Explanation,
  nodesOf,
  type TreeNode,
} from '../../src/explain/index.ts';

/** The password of all recordings. */
export const PASSWORD = 'AlicePass1!';

export function transcript(name: string): string {
  return readFileSync(new URL(`../transcripts/${name}.jsonl`, import.meta.url), 'utf8');
}

export function serverCertificate(): string {
  return readFileSync(new URL('../transcripts/freerdp2-shadow.crt', import.meta.url), 'utf8');
}

/** A part of a message by its name: the first of that name. */
export function part({ messages }: Explanation, message: number, name: string): TreeNode {
  const tree = messages[message - 1]?.tree;
  if (tree === undefined) throw new TypeError(`there is no message ${message}`);
  for (const node of nodesOf(tree)) if (node.name === name) return node;
  throw new TypeError(`message ${message} has no ${name}`);
}

/** All notes of all messages, as `CODE: text`. */
export function notesOf({ messages, notes }: Explanation): string[] {
  const found = notes.map(({ code, text }) => `${code}: ${text}`);
  for (const { tree } of messages)
    for (const node of nodesOf(tree)) found.push(...node.notes.map(({ code, text }) => `${code}: ${text}`));
  return found;
}

/** `#6 MIC` for each check with that outcome. */
export function outcomes({ checks }: Explanation, outcome: Check['outcome']): string[] {
  return checks.filter((check) => check.outcome === outcome).map(({ name, message }) => `#${message} ${name}`);
}

/** A recording with one octet of one TSRequest changed. */
export function withFlip(recording: string, message: number, at: number, mask = 0x01): string {
  const lines = recording.trim().split('\n');
  const line: unknown = JSON.parse(lines[message - 1] ?? '');
  const ts = Reflect.get(Object(line), 'ts');
  const der = Buffer.from(String(Reflect.get(Object(ts), 'der')), 'hex');
  der[at] = (der[at] ?? 0) ^ mask;
  Reflect.set(Object(ts), 'der', der.toString('hex'));
  lines[message - 1] = JSON.stringify(line);
  return lines.join('\n');
}

/** Decodes octets and expects that decoding came to its end by itself, whatever they are. */
export async function decodedCalmly(input: Uint8Array | string, options: DecodeOptions = {}): Promise<Explanation> {
  const explanation = await decode(input, options);
  const broken = notesOf(explanation).filter(
    (note) => note.includes('broke off: it cannot be read') || note.endsWith(': it cannot be read'),
  );
  if (broken.length > 0) throw new TypeError(`a decoder failed in a way of its own: ${broken.join('; ')}`);
  return explanation;
}
