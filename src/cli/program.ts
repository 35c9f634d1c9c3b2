/**
 * The commands of `sspi`. Exit codes: see `exit-codes.ts`.
 * @module
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { completionCommand } from './completion.ts';
import { decodeCommand } from './decode.ts';
import { EXIT } from './exit-codes.ts';
import { logonCommand } from './logon.ts';
import { peerAcceptCommand } from './peer-accept.ts';
import { peerInitiateCommand } from './peer-initiate.ts';
import { replayCommand } from './replay.ts';
import { serveRdpCommand } from './serve-rdp.ts';
import { errorLine, Interrupted, type Terminal, UsageError } from './terminal.ts';

const HELP = `
Exit codes: 0 as it should be, 1 refused or failed, 2 the command line cannot be
used; \`sspi logon --help\` has the others.

Examples:
  sspi logon                              watch logons, and how they fail
  sspi logon --target host --user 'DOM\\me' why can I not log on there?
  sspi decode capture.pcapng              what went over the wire?
  sspi serve rdp --accounts accounts.txt  a door to test clients on`;

/**
 * Runs a command line.
 * @param args - without `node` and the script
 * @returns the exit code
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = EXIT.OK;
  const program = programOf(terminal, (given) => {
    code = given;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE; // it has said why
    terminal.note(errorLine(error));
    if (error instanceof Interrupted) return error.exitCode;
    return error instanceof UsageError ? EXIT.USAGE : EXIT.FAILED;
  }
}

function programOf(terminal: Terminal, exit: (code: number) => void): Command {
  const peer = new Command('peer')
    .description('speak the sample protocol with another implementation: a test tool, which shows keys and passwords')
    .addCommand(peerAcceptCommand(terminal, exit))
    .addCommand(peerInitiateCommand(terminal, exit));
  const serve = new Command('serve')
    .description('a server to test clients on')
    .addCommand(serveRdpCommand(terminal, exit));
  const program: Command = new Command('sspi')
    .description(
      "Microsoft's SSPI in TypeScript: log on by CredSSP, Negotiate, Kerberos and NTLM, and see why it fails",
    )
    .version(versionOf(), '--version', 'print the version')
    .addHelpText('after', HELP)
    .addCommand(logonCommand(terminal, exit))
    .addCommand(decodeCommand(terminal, exit))
    .addCommand(replayCommand(terminal, exit))
    .addCommand(serve)
    .addCommand(peer)
    .addCommand(completionCommand(terminal, exit, () => program));
  for (const command of everyCommand(program)) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd().replace(/^error: /u, 'sspi: error: ')),
    });
  }
  return program;
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}

/** `package.json` stands two folders above this file, in the sources as in `dist`. */
function versionOf(): string {
  const parsed: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed ? String(parsed.version) : 'unknown';
}
