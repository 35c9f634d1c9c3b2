/**
 * Requirement ids: where they are defined, and where a test's name claims them.
 * @module
 */

const ID = '[A-Z][0-9]+[a-z]?';

/** Why a requirement needs no test here: it describes and demands nothing, or its room is not built yet. */
const MARK = '\\((descriptive|later: [a-z, ]+)\\)';

/**
 * A definition begins a list item or a table row: `- **R35** ...`, `| **R55** | ...`, `| E1 | ...`, `- V20a ...`; a mark may
 * follow the id: `- **R75** (descriptive) ...`, `- **F16** (later: winrm) ...`.
 */
const DEFINITION = new RegExp(`^\\s*(?:- |\\| )?\\**(${ID})\\**(?=[\\s*])(?: ${MARK})?`, 'gm');

/** The ids that a document defines, in its order. */
export function definedIds(markdown: string): Set<string> {
  return new Set([...markdown.matchAll(DEFINITION)].flatMap(([, id]) => (id === undefined ? [] : [id])));
}

/** The marks of the ids that a document excuses from having a test: `descriptive`, or `later: ` and the rooms that will hold it. */
export function marksOf(markdown: string): Map<string, string> {
  return new Map(
    [...markdown.matchAll(DEFINITION)].flatMap(([, id, mark]): [string, string][] =>
      id === undefined || mark === undefined ? [] : [[id, mark]],
    ),
  );
}

/** Ids at the head of a name, up to a colon: `R35: ...`, `R34, R35: ...`, `N13-N15: ...`. */
const HEAD = new RegExp(`^\\s*(${ID}(?:\\s*(?:[,/+&–-]|and|\\s)\\s*${ID})*)\\s*:`);
const RANGE = /^([A-Z])([0-9]+)\s*[–-]\s*\1([0-9]+)$/;

/** The ids that a test's or suite's title claims; ranges are written out. */
export function claimedIds(title: string): string[] {
  const head = HEAD.exec(title)?.[1];
  if (head === undefined) return [];
  const pieces = head.match(new RegExp(`${ID}(?:\\s*[–-]\\s*${ID})?`, 'g')) ?? [];
  return pieces.flatMap((piece) => {
    const range = RANGE.exec(piece);
    if (range === null) return piece.split(/\s*[–-]\s*/);
    const [, letter = '', first = '', last = ''] = range;
    const length = Number(last) - Number(first) + 1;
    return Array.from({ length: Math.max(0, length) }, (_, index) => `${letter}${Number(first) + index}`);
  });
}

/** Whether an id is defined, itself or as its lettered parts: `R67` stands for R67a to R67c. */
export function isDefined(id: string, defined: ReadonlySet<string>): boolean {
  return defined.has(id) || [...'abcdefghij'].some((letter) => defined.has(id + letter));
}
