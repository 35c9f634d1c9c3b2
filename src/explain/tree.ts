/**
 * What a decoded message looks like: a tree of names and values that knows where in the octets everything stands, and what is
 * wrong with it. Plain data, so that it goes into JSON as it is.
 * @module
 */

/** What a {@link Note} is about, under a code that stays the same. */
export type NoteCode =
  /** The octets are not what they should be; nothing behind this place could be read. */
  | 'MALFORMED'
  /** The octets end before the message does. */
  | 'TRUNCATED'
  /** There is more, and it was left out: more than is shown of one input. */
  | 'LIMIT'
  /** Legible, but an honest receiver refuses it, and so does this library. */
  | 'REFUSED'
  /** Legible and legal, and a weakness. */
  | 'WEAK'
  /** Not a form that is known here. */
  | 'UNKNOWN'
  /** A remark that helps to read it. */
  | 'REMARK';

/** Something to know about a place in a message. */
export interface Note {
  readonly code: NoteCode;
  readonly text: string;
}

/** A part of a message. */
export interface TreeNode {
  /** In the words of the specification, for example `negoTokens`. */
  readonly name: string;
  /** Where it begins, in octets from the beginning of the message, or of the plaintext around it. */
  readonly offset: number;
  /** Octets. */
  readonly length: number;
  /** As text for people. Never a secret. */
  readonly value?: string | undefined;
  /** Set where offsets start to count from the beginning of what was decrypted. */
  readonly decrypted?: true | undefined;
  readonly children: readonly TreeNode[];
  readonly notes: readonly Note[];
}

/** How much one input may fill. Whoever sends octets to be looked at does not decide how much memory that takes. */
export class Budget {
  #left: number;

  /** @param nodes - nodes and notes in all */
  constructor(nodes: number) {
    this.#left = nodes;
  }

  /** Takes one; false when there are none left. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    return true;
  }

  get exhausted(): boolean {
    return this.#left === 0;
  }
}

/** A {@link TreeNode} that is still being written. */
export class Branch implements TreeNode {
  name: string;
  readonly offset: number;
  length: number;
  value: string | undefined;
  decrypted: true | undefined;
  children: Branch[] = [];
  readonly notes: Note[] = [];
  readonly #budget: Budget;

  constructor(budget: Budget, name: string, offset: number, length: number, value?: string) {
    this.#budget = budget;
    this.name = name;
    this.offset = offset;
    this.length = length;
    this.value = value;
  }

  get budget(): Budget {
    return this.#budget;
  }

  /** A part of this part. When the budget is used up it can be written to like any other, but is shown nowhere. */
  add(name: string, offset: number, length: number, value?: string): Branch {
    const child = new Branch(this.#budget, name, offset, length, value);
    if (this.#budget.take()) this.children.push(child);
    else this.#leaveOut();
    return child;
  }

  /** What was found under an encryption: offsets in it count anew. */
  addDecrypted(name: string, length: number): Branch {
    const child = this.add(name, 0, length);
    child.decrypted = true;
    return child;
  }

  note(code: NoteCode, text: string): void {
    if (this.#budget.take()) this.notes.push({ code, text });
  }

  /** The part of that name, wherever it stands in here; the first one, level by level. */
  find(name: string): Branch | undefined {
    return this.children.find((child) => child.name === name) ?? firstOf(this.children, (child) => child.find(name));
  }

  #leaveOut(): void {
    if (this.notes.some(({ code }) => code === 'LIMIT')) return;
    this.notes.push({ code: 'LIMIT', text: 'there is more, which is not shown' });
  }
}

function firstOf<A, B>(list: readonly A[], find: (one: A) => B | undefined): B | undefined {
  for (const one of list) {
    const found = find(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every node of a tree, itself first. */
export function* nodesOf(node: TreeNode): Generator<TreeNode, void, undefined> {
  yield node;
  for (const child of node.children) yield* nodesOf(child);
}
