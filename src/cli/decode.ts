/**
 * `sspi decode`: what was captured, as a conversation that can be read; what the keys at hand say of it; and why it failed.
 * @module
 */
import { Command } from 'commander';
import {
  type DecodeOptions,
  decode,
  diagnose,
  type Explanation,
  nodesOf,
  renderJson,
  renderText,
} from '../explain/index.ts';
import { Secret, SspiError } from '../sspi/index.ts';
import { readHexSecret, readOctets, readStandardInput } from './decode-files.ts';
import { EXIT } from './exit-codes.ts';
import { readPassword, readText } from './files.ts';
import { type Terminal, UsageError } from './terminal.ts';

/** Exit code when the input is readable, and nothing in it is a message that is known here. */
export const NOTHING_FOUND = 3;

interface Options {
  readonly passwordFile?: string;
  readonly ntHashFile?: string;
  readonly keytab?: string;
  readonly sessionKeyFile?: string;
  readonly cert?: string;
  readonly keylog?: string;
  readonly brief?: boolean;
  readonly json?: boolean;
}

const HELP = `
FILE is a capture (pcap, pcapng), a recording (JSON lines), one message or
several as octets, hexadecimal, base64 or PEM, or lines with HTTP headers.
"-" or nothing is standard input.

Passwords and keys are read from files, and never shown. Nothing is sent
anywhere.

Exit codes:
  0  decoded; every check that could be made holds
  1  decoded; a check failed, or a message is malformed
  2  the command line, or a file named on it, cannot be used
  3  nothing in the input is a message that is known here

Examples:
  sspi decode capture.pcapng
  sspi decode --password-file pw.txt --cert server.pem logon.jsonl
  echo TlRMTVNTUAABAAAAl4II4gAAAAAAAAAAAAAAAAAAAAAKAGFKAAAADw== | sspi decode
  curl -v --negotiate -u : http://server.example/ 2>&1 | sspi decode --brief`;

/** The command, whose action gives its exit code to `exit`. */
export function decodeCommand(terminal: Terminal, exit: (code: number) => void): Command {
  return new Command('decode')
    .description('explain captured messages of TLS, RDP, CredSSP, SPNEGO, NTLM, Kerberos and WinRM')
    .argument('[file]', 'what to decode; "-" is standard input', '-')
    .option('--password-file <file>', 'password of the user: checks and opens what follows from it')
    .option('--nt-hash-file <file>', 'the same from the NT hash, 32 hexadecimal digits')
    .option('--keytab <file>', 'keys of services, users or krbtgt: open tickets')
    .option('--session-key-file <file>', 'the session key of NTLM or Kerberos, in hexadecimal')
    .option('--cert <file>', 'certificate of the server, PEM or DER: for what binds to it')
    .option('--keylog <file>', 'TLS secrets as SSLKEYLOGFILE has them: open what TLS hides')
    .option('--brief', 'one line for each message, without its parts')
    .option('--json', 'one JSON document instead of text')
    .addHelpText('after', HELP)
    .action(async (file: string, options: Options) => exit(await run(file, options, terminal)));
}

async function run(file: string, options: Options, terminal: Terminal): Promise<number> {
  const keys = await keysOf(options);
  try {
    const input = file === '-' ? await readStandardInput() : await readOctets(file, 'FILE');
    const explanation = await explained(input, keys);
    const diagnosis = diagnose(explanation);
    terminal.out(
      options.json === true
        ? renderJson(explanation, diagnosis)
        : renderText(explanation, { diagnosis, trees: options.brief !== true }),
    );
    const code = codeOf(explanation);
    if (code === NOTHING_FOUND) terminal.note(nothingFound(file, explanation));
    return code;
  } finally {
    for (const secret of [keys.password, keys.ntHash, keys.sessionKey]) if (secret instanceof Secret) secret.dispose();
    keys.keytab?.fill(0);
  }
}

/** One line: what was looked for, how the input was read, and what to try. */
function nothingFound(file: string, { container, messages }: Explanation): string {
  const where = file === '-' ? 'standard input' : file;
  const what = messages.length === 0 ? 'no message at all' : 'no message of a protocol that is known here';
  return (
    `sspi: ${where}: ${what} (read as ${container}); ` +
    'give a capture (pcap, pcapng), or one message as octets, hexadecimal or base64: a TSRequest, a token, TLS records'
  );
}

/** What the input holds is never an error; what the keys are made of may be. @throws UsageError */
async function explained(input: Uint8Array, keys: DecodeOptions): Promise<Explanation> {
  try {
    return await decode(input, keys);
  } catch (error) {
    if (error instanceof SspiError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

async function keysOf(options: Options): Promise<DecodeOptions> {
  const { passwordFile, ntHashFile, keytab, sessionKeyFile, cert, keylog } = options;
  return {
    password: passwordFile === undefined ? undefined : await readPassword(passwordFile),
    ntHash: ntHashFile === undefined ? undefined : await readHexSecret(ntHashFile, '--nt-hash-file', [16]),
    sessionKey:
      sessionKeyFile === undefined ? undefined : await readHexSecret(sessionKeyFile, '--session-key-file', [16, 32]),
    keytab: keytab === undefined ? undefined : await readOctets(keytab, '--keytab'),
    keyLog: keylog === undefined ? undefined : await readText(keylog, '--keylog'),
    certificate: cert === undefined ? undefined : await readOctets(cert, '--cert'),
  };
}

function codeOf({ messages, checks }: Explanation): number {
  if (messages.every(({ protocol }) => protocol === 'unknown')) return NOTHING_FOUND;
  const isMalformed = messages.some(({ tree }) => {
    for (const { notes } of nodesOf(tree))
      if (notes.some(({ code }) => code === 'MALFORMED' || code === 'TRUNCATED')) return true;
    return false;
  });
  return isMalformed || checks.some(({ outcome }) => outcome === 'failed') ? EXIT.FAILED : EXIT.OK;
}
