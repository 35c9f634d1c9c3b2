/**
 * `sspi logon`: log on to a remote desktop server, and explain what comes of it. Without a target: to a lab in this process, and
 * then everything that must fail.
 * @module
 */
import { Command, Option } from 'commander';
import { nodeHost } from '../host/node.ts';
import { negotiatePackage } from '../negotiate/index.ts';
import type { ConnectNlaOptions } from '../rdp/index.ts';
import { type CredSspOptions, SECPKG_CRED, SspiError } from '../sspi/index.ts';
import { LOGON_EXIT_CODES } from './exit-codes.ts';
import { readTrusted } from './files.ts';
import {
  disposeIdentity,
  type IdentityOptions,
  identityOptions,
  type LogonIdentity,
  mechanismOf,
  readIdentity,
} from './logon-identity.ts';
import { logonInLab } from './logon-lab.ts';
import { LogonRecorder } from './logon-record.ts';
import { runLogon } from './logon-run.ts';
import { numberBetween, versionOptions } from './peer-options.ts';
import { POLICY_HELP, readPolicy } from './policy-file.ts';
import { wrap } from './table.ts';
import { parseTarget, type Target } from './target.ts';
import { interruptible, jsonText, styled, type Terminal, UsageError } from './terminal.ts';
import { showStep, showTimelineTitles } from './timeline.ts';
import { TraceFile } from './trace-file.ts';
import { showVerdict } from './verdict.ts';

/** Options of the command line, as commander gives them. */
interface LogonOptions extends IdentityOptions {
  readonly target?: string;
  readonly policy?: string;
  readonly ca?: string;
  readonly spn?: string;
  readonly restrictedAdmin?: boolean;
  readonly delegate: boolean;
  readonly minVersion?: number;
  readonly maxVersion?: number;
  readonly json?: boolean;
  readonly trace?: string;
  readonly replayable?: boolean;
  readonly explain?: boolean;
}

const HELP = `
Without --target everything happens in this process: a realm with its KDC, its
accounts and an RDP server. Logons by Kerberos and by NTLM, and then every logon
that must fail, with the reason that is reported and the one that is expected.

Passwords come from a file, from standard input or from a question, never from
the command line: other users of the machine can read that.

${POLICY_HELP}

${LOGON_EXIT_CODES}

Examples:
  sspi logon
  sspi logon --target server.example.com --user 'EXAMPLE\\alice'
  sspi logon --target rdp://10.0.0.7:3389 --user alice --password-file pw.txt
  sspi logon --target server.example.com --user alice@EXAMPLE.COM \\
             --kdc dc1.example.com --ca ca.pem --explain
  sspi logon --target server --user 'EXAMPLE\\alice' --password-stdin --json \\
             < pw.txt | jq .verdict`;

/** The command, whose action gives its exit code to `exit`. */
export function logonCommand(terminal: Terminal, exit: (code: number) => void): Command {
  const command = new Command('logon')
    .description(
      'log on to a remote desktop server (NLA), and explain the outcome; without --target: to an embedded lab',
    )
    .option('--target <address>', 'server: host, host:port or rdp://host:port');
  for (const option of identityOptions()) command.addOption(option);
  command
    .option('--policy <file>', 'delegation policy: to whom credentials may go (JSON, see below)')
    .option('--ca <file>', 'trusted certificates in PEM; the server has to be authenticated then')
    .option('--spn <name>', 'service principal name (default: TERMSRV/host)')
    .option('--restricted-admin', 'Restricted Admin: hand no credentials over')
    .option('--no-delegate', "the same for servers without Restricted Admin: an empty password in nobody's name")
    .addOption(new Option('--timeout <seconds>', 'time for everything').argParser(numberBetween(1, 600)).default(30));
  for (const option of versionOptions()) command.addOption(option);
  return command
    .option('--json', 'one JSON document instead of text')
    .option('--trace <file>', 'write every message to a file, for `sspi decode`')
    .option('--replayable', 'into the trace everything that `sspi replay` needs; among it is the session key')
    .option('--explain', 'messages inside of messages; every cause that is thought of')
    .addHelpText('after', HELP)
    .action(async (options: LogonOptions) => exit(await logon(options, terminal)));
}

async function logon(options: LogonOptions, terminal: Terminal): Promise<number> {
  if (options.target !== undefined) return await logonTo(parseTarget(options.target), options, terminal);
  assertNothingForATarget(options);
  return await logonInLab({ json: options.json === true, inFull: options.explain === true }, terminal);
}

/** What only means something with a target would be ignored silently. @throws UsageError */
function assertNothingForATarget({ json: _, explain: __, delegate, timeout, ...others }: LogonOptions): void {
  const [name] = Object.entries(others).flatMap(([option, value]) => (value === undefined ? [] : [option]));
  const ignored = name ?? (delegate ? undefined : 'noDelegate') ?? (timeout === 30 ? undefined : 'timeout');
  if (ignored === undefined) return;
  const option = ignored.replace(/[A-Z]/gu, (letter) => `-${letter.toLowerCase()}`);
  throw new UsageError(`--${option} needs --target`, 'without --target the logon is to the embedded lab');
}

async function logonTo(target: Target, options: LogonOptions, terminal: Terminal): Promise<number> {
  const settings = await settingsOf(target, options);
  if (options.replayable === true && options.trace === undefined)
    throw new UsageError('--replayable needs --trace', 'name the file that the trace goes to');
  using trace = options.trace === undefined ? undefined : new TraceFile(options.trace);
  const recorder = options.replayable === true && trace !== undefined ? new LogonRecorder(trace, settings) : undefined;
  if (recorder !== undefined)
    terminal.note(
      'sspi: this trace will hold the session key, by Kerberos a usable ticket, too: give it only to whom you would give the session',
    );
  else trace?.begin({ command: 'logon', ...target, mechanism: mechanismOf(options).mechanism });
  const identity = await readIdentity(options, terminal);
  try {
    await assertUsable(identity);
    const isText = options.json !== true;
    if (isText) showBeginning(terminal, target, options);
    const run = await interruptible(terminal, (signal) =>
      runLogon(
        { ...settings, identity, signal, platform: recorder?.host ?? settings.platform },
        {
          onStep: isText ? (step) => showStep(terminal, step) : undefined,
          onEvent: (event) => (recorder ?? trace)?.add(event),
          inDetail: options.explain === true,
        },
      ),
    );
    const { verdict, milliseconds } = run;
    if (isText) showVerdict(terminal, verdict, milliseconds, options.explain === true);
    else terminal.out(jsonText({ ok: verdict.ok, target, ...run }, 2));
    return verdict.exitCode;
  } finally {
    disposeIdentity(identity);
  }
}

function showBeginning(terminal: Terminal, { host, port }: Target, options: LogonOptions): void {
  const { mechanism, why } = mechanismOf(options);
  for (const line of wrap(`Logon to ${host} port ${port} by ${mechanism}: ${why}`, 80))
    terminal.out(styled(terminal, 'bold', line));
  showTimelineTitles(terminal);
}

/** What is wrong with files and names is told before anybody is asked: it has nothing to do with the server. @throws UsageError */
async function assertUsable(identity: LogonIdentity): Promise<void> {
  try {
    const request = { use: SECPKG_CRED.OUTBOUND, authData: identity, host: nodeHost };
    (await negotiatePackage.acquire(request)).dispose();
  } catch (error) {
    if (error instanceof SspiError) throw new UsageError(error.message, error.hint);
    throw error;
  }
}

/** Everything but the identity. @throws UsageError */
async function settingsOf(
  { host, port }: Target,
  options: LogonOptions,
): Promise<Omit<ConnectNlaOptions, 'identity'> & { readonly platform: typeof nodeHost }> {
  const { ca, spn, restrictedAdmin, delegate, timeout } = options;
  return {
    host,
    port,
    targetName: spn,
    rootStore: ca === undefined ? undefined : [await readTrusted(ca)],
    requireServerAuthentication: ca !== undefined, // whoever names a CA wants the server to be authenticated
    restrictedAdmin,
    credentials: delegate ? undefined : { kind: 'none' },
    credssp: await credsspOf(options),
    deadline: timeout * 1000,
    legTimeout: timeout * 1000,
    platform: nodeHost,
  };
}

async function credsspOf(options: LogonOptions): Promise<CredSspOptions> {
  const { minVersion, maxVersion, policy } = options;
  if ((minVersion ?? 2) > (maxVersion ?? 6))
    throw new UsageError('--min-version is above --max-version', 'leave one of them out');
  const { mechanism } = mechanismOf(options);
  return {
    minVersion,
    maxVersion,
    policy: policy === undefined ? undefined : await readPolicy(policy),
    mechanism: mechanism === 'ntlm' ? 'ntlm' : 'negotiate',
  };
}
