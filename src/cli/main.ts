#!/usr/bin/env node
/**
 * The `sspi` command.
 * @module
 */
import { run } from './program.ts';
import { systemTerminal } from './terminal.ts';

process.exitCode = await run(process.argv.slice(2), systemTerminal());
