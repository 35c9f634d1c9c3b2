/**
 * `sspi completion`: scripts for shells, made of the commands and options that there are.
 * @module
 */
import { Argument, Command } from 'commander';
import { EXIT } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const HELP = `
Examples:
  source <(sspi completion bash)
  sspi completion zsh > "\${fpath[1]}/_sspi"
  sspi completion fish > ~/.config/fish/completions/sspi.fish`;

/** The command, whose action gives its exit code to `exit`. */
export function completionCommand(terminal: Terminal, exit: (code: number) => void, program: () => Command): Command {
  return new Command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .addHelpText('after', HELP)
    .action((shell: Shell) => {
      terminal.out(SCRIPTS[shell](entriesOf(program())));
      exit(EXIT.OK);
    });
}

/** A command by the words that lead to it, and what can follow. */
interface Entry {
  readonly path: string;
  readonly words: readonly Word[];
}

interface Word {
  readonly word: string;
  readonly about: string;
  /** For options with a value: the values that there are, or `file`. Undefined: no value, or any. */
  readonly values?: readonly string[] | 'file' | undefined;
}

function entriesOf(program: Command): Entry[] {
  const visit = (command: Command, path: readonly string[]): Entry[] => {
    const commands = command.commands.map((one) => ({ word: one.name(), about: one.description() }));
    const options = [...command.options, ...helpOf(command)].flatMap(({ long, description, argChoices, flags }) =>
      long === undefined || long === null
        ? []
        : [
            {
              word: long,
              about: description,
              values: argChoices ?? (/<file>/u.test(flags) ? ('file' as const) : undefined),
            },
          ],
    );
    const choices = command.registeredArguments.flatMap(({ argChoices = [] }) =>
      argChoices.map((word) => ({ word, about: '' })),
    );
    return [
      { path: path.join(' '), words: [...commands, ...choices, ...options] },
      ...command.commands.flatMap((one) => visit(one, [...path, one.name()])),
    ];
  };
  return visit(program, []);
}

/** Commander keeps the option that every command has apart from the others. */
function helpOf(command: Command): Command['options'] {
  return command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long === '--help');
}

const SCRIPTS: Readonly<Record<Shell, (entries: readonly Entry[]) => string>> = { bash, zsh, fish };

function bash(entries: readonly Entry[]): string {
  const words = entries.map(
    ({ path, words }) => `    '${path}') words='${words.map(({ word }) => word).join(' ')}' ;;`,
  );
  return [
    '# sspi completion for bash',
    '_sspi() {',
    '  local current=$' + '{COMP_WORDS[COMP_CWORD]} previous=$' + '{COMP_WORDS[COMP_CWORD-1]} path= words= word',
    '  for word in "$' + '{COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case "$path $word" in',
    ...entries
      .filter(({ path }) => path !== '')
      .map(({ path }) => `      '${parentOf(path)} ${lastOf(path)}') path='${path}' ;;`),
    '    esac',
    '  done',
    '  case "$path $previous" in',
    ...valuesOf(entries).map(
      ({ path, word, values }) =>
        `    '${path} ${word}') COMPREPLY=($(compgen ${values === 'file' ? '-f' : `-W '${values.join(' ')}'`} -- "$current")); return ;;`,
    ),
    '  esac',
    '  case "$path" in',
    ...words,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _sspi sspi',
  ].join('\n');
}

function zsh(entries: readonly Entry[]): string {
  const described = ({ word, about }: Word): string => `'${word}:${plain(about)}'`;
  return [
    '#compdef sspi',
    '_sspi() {',
    '  local path= word',
    '  local -a entries',
    '  for word in "$' + '{words[@]:1:CURRENT-2}"; do',
    '    case "$path $word" in',
    ...entries
      .filter(({ path }) => path !== '')
      .map(({ path }) => `      '${parentOf(path)} ${lastOf(path)}') path='${path}' ;;`),
    '    esac',
    '  done',
    '  case "$path $words[CURRENT-1]" in',
    ...valuesOf(entries).map(
      ({ path, word, values }) =>
        `    '${path} ${word}') ${values === 'file' ? '_files' : `compadd -- ${values.join(' ')}`}; return ;;`,
    ),
    '  esac',
    '  case "$path" in',
    ...entries.map(({ path, words }) => `    '${path}') entries=(${words.map(described).join(' ')}) ;;`),
    '  esac',
    "  _describe 'sspi' entries || _files",
    '}',
    'if [ "$funcstack[1]" = _sspi ]; then _sspi "$@"; else compdef _sspi sspi; fi',
  ].join('\n');
}

function fish(entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ path, words }) => {
    const isHere =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    return words.map(({ word, about, values }) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      const value = values === undefined ? '' : values === 'file' ? ' -r -F' : ` -x -a '${values.join(' ')}'`;
      return `complete -c sspi -n '${isHere}' ${what}${value} -d '${plain(about)}'`;
    });
  });
  return ['# sspi completion for fish', ...lines].join('\n');
}

function valuesOf(entries: readonly Entry[]): { path: string; word: string; values: readonly string[] | 'file' }[] {
  return entries.flatMap(({ path, words }) =>
    words.flatMap(({ word, values }) => (values === undefined ? [] : [{ path, word, values }])),
  );
}

function parentOf(path: string): string {
  return path.split(' ').slice(0, -1).join(' ');
}

function lastOf(path: string): string {
  return path.split(' ').at(-1) ?? '';
}

/** Text that no shell takes for anything else. */
function plain(text: string): string {
  return text
    .replace(/['"`$\\:[\]]/gu, ' ')
    .replace(/\s+/gu, ' ')
    .trim();
}
