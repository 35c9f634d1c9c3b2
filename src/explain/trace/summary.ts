/**
 * A message of a trace in one line, and the parts of it that differ from another one's.
 * @module
 */
import { KeyLog } from '../input/key-log.ts';
import { MessageDecoder } from '../messages/recognise.ts';
import type { Side } from '../observations.ts';
import { Reading } from '../reading.ts';
import { Branch, Budget, type TreeNode } from '../tree.ts';

const MOST_NODES = 5000;

/** What a message is, in one line. */
export function summaryOf(octets: Uint8Array, from: Side): string {
  return described(octets, from).summary;
}

/** How many parts are of interest. */
const MOST_PARTS = 16;

/**
 * The innermost parts of a message in which two octet strings differ, each with those around it: `TSRequest / negoTokens / ...`. Of
 * strings of different lengths only as far as the shorter one goes, and the part behind it.
 */
export function differingParts(octets: Uint8Array, other: Uint8Array, from: Side): string[] {
  const { tree } = described(octets, from);
  const parts = new Set<string>();
  for (let at = 0; at < octets.length && parts.size < MOST_PARTS; at++) {
    if (octets[at] === other[at]) continue;
    const { path, end } = partAt(tree, at);
    parts.add(path);
    at = Math.max(at, end - 1); // one part counts once
    if (at >= other.length) break;
  }
  if (parts.size === 0) parts.add(`${tree.name}, behind its end`);
  return [...parts];
}

/** The innermost part in which an octet stands, up to where the next part within it begins. */
function partAt(tree: TreeNode, offset: number): { readonly path: string; readonly end: number } {
  const names: string[] = [];
  let end = tree.offset + tree.length;
  for (let node: TreeNode | undefined = tree; node !== undefined; ) {
    names.push(node.name);
    end = Math.min(end, node.offset + node.length);
    const children: readonly TreeNode[] = node.children.filter(({ decrypted }) => decrypted !== true);
    for (const child of children) if (child.offset > offset) end = Math.min(end, child.offset);
    node = innermost(children.filter((child) => holds(child, offset)));
  }
  return { path: names.join(' / '), end };
}

function holds({ offset, length }: TreeNode, at: number): boolean {
  return offset <= at && at < offset + length;
}

/** The smallest one: a header may be shown beside what it is the header of. */
function innermost(nodes: readonly TreeNode[]): TreeNode | undefined {
  return nodes.reduce<TreeNode | undefined>(
    (best, node) => (best === undefined || node.length < best.length ? node : best),
    undefined,
  );
}

/** Decoders note what they cannot read; should one fail in another way, the message is just octets. */
function described(octets: Uint8Array, from: Side): { readonly summary: string; readonly tree: TreeNode } {
  const tree = new Branch(new Budget(MOST_NODES), 'message', 0, octets.length);
  try {
    return { summary: new MessageDecoder(new KeyLog()).describe(octets, tree, new Reading(1, from)).summary, tree };
  } catch {
    return { summary: `${octets.length} octets`, tree };
  }
}
