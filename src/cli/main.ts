#!/usr/bin/env node
/**
 * The `sspi` command: the process around it. Colours only on a terminal, and never against https://no-color.org.
 * @module
 */
import { EXIT } from './exit-codes.ts';
import { run } from './program.ts';
import { askSecret } from './prompt.ts';
import { Interrupted, type Terminal } from './terminal.ts';

const { env, stdin, stdout, stderr } = process;
const isPlain = (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';

// A reader that has seen enough (`sspi logon | head`) closes the pipe, and whoever writes on must not die of it with a stack trace.
// A full disk is another thing: there is nowhere left to say so, but the exit code must not say that all is well.
for (const stream of [stdout, stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.PIPE_CLOSED);
    process.once('exit', () => {
      process.exitCode = EXIT.INTERNAL;
    });
  });

const terminal: Terminal = {
  out: (line) => void stdout.write(`${line}\n`),
  note: (line) => void stderr.write(`${line}\n`),
  colours: stdout.isTTY === true && !isPlain,
  askSecret: stdin.isTTY ? (question) => askSecret(stdin, (text) => void stderr.write(text), question) : undefined,
  onInterrupt(handler) {
    const interrupt = (): void => handler(new Interrupted(EXIT.INTERRUPTED));
    const terminate = (): void => handler(new Interrupted(EXIT.TERMINATED));
    process.once('SIGINT', interrupt).once('SIGTERM', terminate);
    return () => void process.off('SIGINT', interrupt).off('SIGTERM', terminate);
  },
};

process.exitCode = await run(process.argv.slice(2), terminal);
