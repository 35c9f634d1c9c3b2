/**
 * Explanations as text for a screen of 80 columns, and as JSON.
 * @module
 */
import type { DecodedMessage, Explanation } from './decode.ts';
import type { Diagnosis } from './diagnose/diagnose.ts';
import { counted } from './text.ts';
import type { Note, TreeNode } from './tree.ts';
import type { Check } from './verify/check.ts';

/** How to write. */
export interface RenderOptions {
  /** Columns, 40 at least. Default 80. */
  readonly width?: number | undefined;
  /** Trees of the messages, not only one line for each. Default true. */
  readonly trees?: boolean | undefined;
  /** What the conversation comes down to, when somebody asked. */
  readonly diagnosis?: Diagnosis | undefined;
}

/** An explanation as text, without colours, lines separated by `\n`. */
export function renderText(
  explanation: Explanation,
  { width = 80, trees = true, diagnosis }: RenderOptions = {},
): string {
  const columns = Math.max(40, width);
  const lines: string[] = [];
  const { container, messages, checks, notes } = explanation;
  lines.push(`${counted(messages.length, 'message')}, read as ${container}`);
  for (const note of notes) lines.push(...noteLines(note, '', columns));

  let conversation: string | undefined;
  const several = new Set(messages.map((message) => message.conversation)).size > 1;
  for (const message of messages) {
    if (several && message.conversation !== conversation)
      lines.push('', ...wrapped(`== ${message.conversation}`, '   ', columns));
    conversation = message.conversation;
    lines.push('', ...wrapped(headline(message), '    ', columns));
    if (trees) lines.push(...treeLines(message.tree, columns));
    else lines.push(...notesOf(message.tree).flatMap((note) => noteLines(note, '    ', columns)));
  }
  if (checks.length > 0) lines.push('', 'Checks', ...checks.flatMap((check) => checkLines(check, columns)));
  if (diagnosis !== undefined && diagnosis.causes.length > 0) lines.push('', ...diagnosisLines(diagnosis, columns));
  return lines.map((line) => line.trimEnd()).join('\n');
}

/** An explanation as a JSON document. */
export function renderJson(explanation: Explanation, diagnosis?: Diagnosis): string {
  return JSON.stringify({ ...explanation, ...(diagnosis === undefined ? {} : { diagnosis }) }, undefined, 2);
}

/** A diagnosis as text. */
export function renderDiagnosis(diagnosis: Diagnosis, width = 80): string {
  return diagnosisLines(diagnosis, Math.max(40, width)).join('\n');
}

function headline({ number, from, context, summary, length }: DecodedMessage): string {
  const who = from === undefined ? '' : ` ${from}`;
  const around = context === undefined ? '' : ` (${context})`;
  const size = length === 0 ? '' : `, ${counted(length, 'octet')}`;
  return `#${number}${who}: ${summary}${around}${size}`;
}

/** Offset and length in two columns, then the names indented. */
function treeLines(tree: TreeNode, columns: number): string[] {
  const lines: string[] = [];
  const write = (node: TreeNode, depth: number): void => {
    const indent = '  '.repeat(Math.min(depth, 12));
    const place = `${String(node.offset).padStart(5)} ${String(node.length).padStart(5)}  `;
    const decrypted = node.decrypted === true ? ' (decrypted; offsets from here on are its own)' : '';
    const value = node.value === undefined ? '' : `: ${node.value}`;
    const hanging = ' '.repeat(place.length + indent.length + 2);
    lines.push(...wrapped(`${place}${indent}${node.name}${decrypted}${value}`, hanging, columns));
    for (const note of node.notes) lines.push(...noteLines(note, hanging, columns));
    for (const child of node.children) write(child, depth + 1);
  };
  write(tree, 0);
  return lines;
}

function* allNotes(tree: TreeNode): Generator<Note, void, undefined> {
  yield* tree.notes;
  for (const child of tree.children) yield* allNotes(child);
}

function notesOf(tree: TreeNode): Note[] {
  return [...allNotes(tree)];
}

function noteLines({ code, text }: Note, indent: string, columns: number): string[] {
  return wrapped(`${indent}! ${code}: ${text}`, `${indent}  `, columns);
}

const MARKS: Readonly<Record<Check['outcome'], string>> = {
  verified: 'ok    ',
  failed: 'FAILED',
  'not-checked': '--    ',
};

function checkLines({ name, message, outcome, why }: Check, columns: number): string[] {
  return wrapped(`${MARKS[outcome]}  #${message} ${name}: ${why}`, ' '.repeat(10), columns);
}

function diagnosisLines({ causes }: Diagnosis, columns: number): string[] {
  if (causes.length === 0) return ['Nothing in it tells of a failure.'];
  const lines = ['Diagnosis'];
  for (const { code, likelihood, title, evidence, tryThis, page } of causes) {
    lines.push(...wrapped(`${code} (${likelihood}): ${title}`, '  ', columns));
    for (const one of evidence) lines.push(...wrapped(`  because ${one}`, '          ', columns));
    for (const one of tryThis) lines.push(...wrapped(`  try     ${one}`, '          ', columns));
    lines.push(`  see     ${page}`);
  }
  return lines;
}

/** A line broken at spaces, or where it must be, with `hanging` in front of what goes on. */
function wrapped(line: string, hanging: string, columns: number): string[] {
  const lines: string[] = [];
  const indent = hanging.length > columns - 20 ? ' '.repeat(Math.max(0, columns - 40)) : hanging;
  let rest = line;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(' ', columns);
    const least = (lines.length === 0 ? (/^\s*/u.exec(rest)?.[0].length ?? 0) : indent.length) + 8;
    const at = space > least ? space : columns;
    lines.push(rest.slice(0, at));
    rest = indent + rest.slice(at).trimStart();
  }
  return [...lines, rest];
}
