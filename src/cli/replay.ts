/**
 * `sspi replay`: a recorded logon once more, with the clock and the chance of then; and where it goes another way.
 * @module
 */
import { Command } from 'commander';
import { type Difference, printable, type Replay, readTrace, replay, type Trace } from '../explain/index.ts';
import { nodeHost } from '../host/node.ts';
import { credentialsOf, nlaClientContext } from '../rdp/index.ts';
import { Secret, SspiError } from '../sspi/index.ts';
import { EXIT } from './exit-codes.ts';
import { readText } from './files.ts';
import { disposeIdentity, type IdentityOptions, identityOptions, readIdentity } from './logon-identity.ts';
import { credsspOptionsOf, recordedLogonOf } from './logon-record.ts';
import { wrap } from './table.ts';
import { styled, type Terminal, UsageError } from './terminal.ts';

const HELP = `
FILE is what \`sspi logon --trace FILE --replayable\` wrote. The credentials are
not in it: give them as they were given then. Nothing is sent to anybody.

Exit codes:
  0  our side said the same, octet for octet
  1  it did not: the message and the part of it are named
  2  the command line, or a file named on it, cannot be used

Examples:
  sspi replay logon.jsonl --user 'EXAMPLE\\alice' --password-file pw.txt
  sspi replay logon.jsonl --user alice@EXAMPLE.COM --kdc dc1.example.com --json`;

interface Options extends Omit<IdentityOptions, 'timeout'> {
  readonly json?: boolean;
}

/** The command, whose action gives its exit code to `exit`. */
export function replayCommand(terminal: Terminal, exit: (code: number) => void): Command {
  const command = new Command('replay')
    .description('run a recorded logon again, octet for octet, and say where it goes another way')
    .argument('<file>', 'what `sspi logon --trace --replayable` wrote');
  for (const option of identityOptions()) command.addOption(option);
  return command
    .option('--json', 'one JSON document instead of text')
    .addHelpText('after', HELP)
    .action(async (file: string, options: Options) => exit(await run(file, options, terminal)));
}

async function run(file: string, options: Options, terminal: Terminal): Promise<number> {
  const trace = parsed(await readText(file, 'FILE'));
  const logon = recordedLogonOf(trace.header);
  const identity = await readIdentity({ ...options, timeout: 30 }, terminal);
  const credentials = logon.delegates ? credentialsOf(identity) : ({ kind: 'none' } as const);
  try {
    const outcome = await replay(
      trace,
      async (host) => {
        const { targetName, requireServerAuthentication } = logon;
        const settings = { host: '', targetName, requireServerAuthentication, credssp: credsspOptionsOf(logon) };
        const { context } = await nlaClientContext(logon, { ...settings, identity, credentials, platform: host });
        return context;
      },
      { files: nodeHost.files },
    );
    if (options.json === true) terminal.out(JSON.stringify(documentOf(outcome), undefined, 2));
    else for (const line of textOf(outcome, terminal)) terminal.out(line);
    return outcome.kind === 'same' ? EXIT.OK : EXIT.FAILED;
  } finally {
    disposeIdentity(identity);
    if (credentials.kind === 'password' && credentials.password instanceof Secret) credentials.password.dispose();
  }
}

/** @throws UsageError */
function parsed(text: string): Trace {
  try {
    return readTrace(text);
  } catch (error) {
    if (error instanceof SspiError) throw new UsageError(`FILE: ${error.message}`, 'give a whole trace');
    throw error;
  }
}

function documentOf(outcome: Replay): unknown {
  const { error, ...rest } = outcome;
  const told = error && { code: error.code, status: error.statusName, stage: error.stage, message: error.message };
  return { ok: outcome.kind === 'same', ...rest, error: told };
}

function textOf(outcome: Replay, terminal: Terminal): string[] {
  const { error } = outcome;
  const said = error === undefined ? [] : wrap(printable(`it ends with: ${error.message} [${error.code}]`), 80);
  if (outcome.kind === 'same') {
    const count = `${outcome.compared} message${outcome.compared === 1 ? '' : 's'}`;
    return [styled(terminal, 'green', `THE SAME: ${count} of ours, octet for octet`), ...said];
  }
  return [
    styled(terminal, 'red', `DIFFERENT at message ${outcome.message}`),
    ...wrap(`  ${printable(outcome.summary)}`, 80),
    ...differenceLines(outcome.difference),
    ...said,
  ];
}

function differenceLines(difference: Difference): string[] {
  switch (difference.kind) {
    case 'octets':
      return [
        `not the same from octet ${difference.offset} on:`,
        ...difference.parts.flatMap((part) => wrap(`  ${part}`, 80)),
      ];
    case 'digest':
      return ['its SHA-256 is another one; only that was recorded of it'];
    case 'silence':
      return ['it was sent then, and nothing is sent now'];
    case 'speech':
      return ['nothing was sent there then, and something is sent now'];
    case 'draw':
      return wrap(`what was not asked for then: ${printable(difference.detail)}`, 80);
  }
}
