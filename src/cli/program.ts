/**
 * The commands of `sspi`. Exit codes: 0 as it should be, 1 a context or a check failed, 2 the command line cannot be used.
 * @module
 */
import { Command, CommanderError } from 'commander';
import { decodeCommand } from './decode.ts';
import { demoCommand } from './demo.ts';
import { peerAcceptCommand } from './peer-accept.ts';
import { peerInitiateCommand } from './peer-initiate.ts';
import { EXIT, errorLine, type Terminal, UsageError } from './terminal.ts';

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
    return error instanceof UsageError ? EXIT.USAGE : EXIT.FAILED;
  }
}

function programOf(terminal: Terminal, exit: (code: number) => void): Command {
  const peer = new Command('peer')
    .description('speak the sample protocol with another implementation: a test tool, which shows keys and passwords')
    .addCommand(peerAcceptCommand(terminal, exit))
    .addCommand(peerInitiateCommand(terminal, exit));
  const program = new Command('sspi')
    .description("Microsoft's SSPI in TypeScript: CredSSP, Negotiate, NTLM")
    .addHelpText('after', '\nExit codes: 0 all well, 1 a context or a check failed, 2 the command line cannot be used.')
    .addCommand(demoCommand(terminal, exit))
    .addCommand(decodeCommand(terminal, exit))
    .addCommand(peer);
  for (const command of [program, peer, ...program.commands, ...peer.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.note(`sspi: ${text.trimEnd()}`),
    });
  }
  return program;
}
