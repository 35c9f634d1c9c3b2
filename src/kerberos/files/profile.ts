/**
 * The syntax of krb5.conf: sections, relations, nested braces, includes.
 * @see https://web.mit.edu/kerberos/krb5-latest/doc/admin/conf_files/krb5_conf.html
 * @module
 */
import type { Files } from '../../host/index.ts';
import { SspiError } from '../../sspi/index.ts';

const STAGE = 'krb5.conf';
/** Files include files this deep. */
const MOST_LEVELS = 8;
const MOST_FILES = 256;
const LONGEST_FILE = 1024 * 1024;
/** Braces within braces. */
const MOST_BRACES = 16;

/** What stands on the right of a name, in the order of the file: texts, and what was in braces. */
export interface ProfileNode {
  readonly values: string[];
  readonly children: Map<string, ProfileNode>;
}

/** What include lines stand for: path to texts, as {@link readIncludes} makes it. */
export type Includes = ReadonlyMap<string, readonly string[]>;

function node(): ProfileNode {
  return { values: [], children: new Map() };
}

/**
 * Reads the files that a text includes, and those that they include.
 * @throws SspiError FILE_MALFORMED when files include each other without end; whatever `files` throws
 */
export async function readIncludes(text: string, files: Pick<Files, 'read' | 'list'>): Promise<Includes> {
  const includes = new Map<string, readonly string[]>();
  let count = 0;
  const follow = async (source: string, level: number): Promise<void> => {
    for (const { kind, path } of includeLines(source)) {
      if (level > MOST_LEVELS) throw malformed('files include each other too deep');
      if (includes.has(path)) continue;
      const paths =
        kind === 'file' ? [path] : (await files.list(path)).filter(isConfiguration).map((name) => `${path}/${name}`);
      count += paths.length;
      if (count > MOST_FILES) throw malformed(`more than ${MOST_FILES} included files`);
      const texts: string[] = [];
      includes.set(path, texts);
      for (const one of paths) texts.push(new TextDecoder().decode(await files.read(one, LONGEST_FILE)));
      for (const included of texts) await follow(included, level + 1);
    }
  };
  await follow(text, 1);
  return includes;
}

/** Names that `includedir` takes: letters, digits, dashes and underscores, or anything that ends in `.conf`. */
function isConfiguration(name: string): boolean {
  return /^[\w-]+$/.test(name) || /^[^.].*\.conf$/.test(name);
}

function includeLines(text: string): { readonly kind: 'file' | 'directory'; readonly path: string }[] {
  return text.split('\n').flatMap((line) => {
    const match = INCLUDE.exec(line.trimEnd());
    return match === null
      ? []
      : [{ kind: match[1] === 'include' ? 'file' : 'directory', path: match[2] ?? '' } as const];
  });
}

const INCLUDE = /^(include|includedir)\s+(\S.*)$/;
const SECTION = /^\[([^\]]+)\](\*?)$/;
const RELATION = /^([^\s=]+)\s*=\s*(.*)$/;

/**
 * Reads a text into its sections.
 * @throws SspiError FILE_MALFORMED with the number of the line
 */
export function parseProfile(text: string, includes: Includes = new Map()): ProfileNode {
  const root = node();
  parseInto(root, text, includes, 1);
  return root;
}

function parseInto(root: ProfileNode, text: string, includes: Includes, level: number): void {
  if (text.length > LONGEST_FILE) throw malformed(`longer than ${LONGEST_FILE} characters`);
  if (level > MOST_LEVELS) throw malformed('files include each other too deep');
  const open: ProfileNode[] = []; // the section, and the braces that are open in it
  for (const [index, whole] of text.split('\n').entries()) {
    const fail = (detail: string): never => {
      throw malformed(`line ${index + 1}: ${detail}`);
    };
    const include = INCLUDE.exec(whole.trimEnd());
    const line = whole.trim();
    if (include !== null) {
      const texts = includes.get(include[2] ?? '') ?? fail('an include that cannot be followed here');
      for (const included of texts) parseInto(root, included, includes, level + 1);
    } else if (line !== '' && !/^[#;]/.test(line) && !/^module\s/.test(line)) {
      parseLine(root, open, line, fail);
    }
  }
  if (open.length > 1) throw malformed('a brace is not closed');
}

function parseLine(root: ProfileNode, open: ProfileNode[], line: string, fail: (detail: string) => never): void {
  const section = SECTION.exec(line);
  if (section !== null) {
    if (open.length > 1) fail('a section within braces');
    open.splice(0, open.length, child(root, section[1] ?? ''));
    return;
  }
  const here = open[open.length - 1] ?? fail('a relation outside of all sections');
  if (/^}\*?$/.test(line)) {
    if (open.length < 2) fail('a brace that was not opened');
    open.pop();
    return;
  }
  const [, name = '', value = ''] = RELATION.exec(line) ?? fail('neither section nor relation');
  const inner = child(here, name.replace(/\*$/, ''));
  if (value !== '{') {
    inner.values.push(unquoted(value));
    return;
  }
  if (open.length > MOST_BRACES) fail('braces nested too deep');
  open.push(inner);
}

function child(parent: ProfileNode, name: string): ProfileNode {
  const found = parent.children.get(name);
  if (found !== undefined) return found;
  const made = node();
  parent.children.set(name, made);
  return made;
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', b: '\b' };

function unquoted(value: string): string {
  const match = /^"((?:[^"\\]|\\.)*)"/.exec(value);
  if (match === null) return value;
  return (match[1] ?? '').replace(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
}

function malformed(detail: string): SspiError {
  return new SspiError('FILE_MALFORMED', { stage: STAGE, detail });
}
