/**
 * `sspi demo`: a CredSSP logon in one process, shown call by call.
 * @module
 */
import { Command } from 'commander';
import { ALICE, type DemoFacts, type DemoLogon, type DemoReason, type DemoRuns, runDemo } from './demo-run.ts';
import { type Column, EXIT, styled, type Terminal, tableRow } from './terminal.ts';

/** The command, whose action gives its exit code to `exit`. */
export function demoCommand(terminal: Terminal, exit: (code: number) => void): Command {
  return new Command('demo')
    .description('log on with CredSSP, client and server in one process over loopback TCP, and show every call')
    .option('--json', 'one JSON document instead of text')
    .action(async (options: { readonly json?: boolean }) => exit(await demo(options.json === true, terminal)));
}

async function demo(json: boolean, terminal: Terminal): Promise<number> {
  const started = performance.now();
  const runs = await runDemo();
  const ok = Object.values(runs).every(({ asExpected }) => asExpected);
  const milliseconds = Math.round(performance.now() - started);

  if (json) terminal.out(JSON.stringify({ ok, milliseconds, ...runs }, undefined, 2));
  else show(terminal, runs, milliseconds);
  return ok ? EXIT.OK : EXIT.FAILED;
}

function show(terminal: Terminal, runs: DemoRuns, milliseconds: number): void {
  const { out } = terminal;
  out('CredSSP with SPNEGO, and Kerberos or NTLMv2 in it, inside TLS, over TCP, through');
  out('the SSPI functions. in, out: octets of the tokens.');
  out('ISC: InitializeSecurityContext (client). ASC: AcceptSecurityContext (server).');
  out('KDC: what the client asks the key distribution center during the next call.');

  const who = `${ALICE.domain}\\${ALICE.user}`;
  showEstablished(terminal, `1. ${who} logs on by Kerberos and delegates the password`, runs.kerberos);
  showEstablished(terminal, '2. The same by NTLM', runs.ntlm);
  showRefused(terminal, '3. A wrong password, by Kerberos: the KDC refuses it', runs.wrongPasswordByKerberos);
  showRefused(terminal, '4. A wrong password, by NTLM: the server refuses it', runs.wrongPasswordByNtlm);

  out('');
  for (const [name, { asExpected }] of [
    ['right password, Kerberos', runs.kerberos],
    ['right password, NTLM', runs.ntlm],
    ['wrong password, Kerberos', runs.wrongPasswordByKerberos],
    ['wrong password, NTLM', runs.wrongPasswordByNtlm],
  ] as const) {
    const verdict = asExpected ? styled(terminal, 'green', 'as expected') : styled(terminal, 'red', 'NOT as expected');
    out(`${name}: ${verdict}`);
  }
  out(styled(terminal, 'dim', `${milliseconds} ms`));
}

function showEstablished(terminal: Terminal, title: string, logon: DemoLogon): void {
  const { out } = terminal;
  heading(terminal, title);
  showCalls(terminal, logon);
  if (logon.clientReason !== undefined) showReason(terminal, 'client', logon.clientReason);
  if (logon.serverReason !== undefined) showReason(terminal, 'server', logon.serverReason);
  showFacts(terminal, 'What the client knows (QueryContextAttributes)', logon.client);
  showFacts(terminal, 'What the server knows', logon.server);
  if (logon.messages.length > 0) out('\nMessages (EncryptMessage, DecryptMessage)');
  for (const { from, text, plain, sealed, opened } of logon.messages) {
    out(`  ${from === 'client' ? 'client -> server' : 'server -> client'}  '${text}'`);
    out(
      `      ${plain} octets, sealed ${sealed}, ${opened ? 'opened by the other side' : 'NOT the same on the other side'}`,
    );
  }
}

function showRefused(terminal: Terminal, title: string, logon: DemoLogon): void {
  heading(terminal, title);
  showCalls(terminal, logon);
  if (logon.serverReason !== undefined) showReason(terminal, 'server', logon.serverReason);
  if (logon.clientReason !== undefined) showReason(terminal, 'client', logon.clientReason);
}

function heading(terminal: Terminal, text: string): void {
  terminal.out('');
  terminal.out(styled(terminal, 'bold', text));
}

/** 80 columns in all. */
const COLUMNS: readonly Column[] = [
  { title: '#', width: 2, align: 'right' },
  { title: 'call', width: 4 },
  { title: 'status', width: 21 },
  { title: 'in', width: 4, align: 'right' },
  { title: 'out', width: 4, align: 'right' },
  { title: 'what goes out', width: 40 },
];

const SHORT = { InitializeSecurityContext: 'ISC', AcceptSecurityContext: 'ASC', KDC: 'KDC' } as const;

function showCalls(terminal: Terminal, { calls }: DemoLogon): void {
  const [titles = ''] = tableRow(
    COLUMNS,
    COLUMNS.map(({ title }) => title),
  );
  terminal.out(styled(terminal, 'dim', titles));
  for (const [at, call] of calls.entries()) {
    const cells = [at + 1, SHORT[call.function], call.status, call.received, call.sent, call.carries || '-'].map(
      String,
    );
    for (const line of tableRow(COLUMNS, cells)) terminal.out(line);
  }
}

const FACT_COLUMNS: readonly Column[] = [
  { title: '', width: 1 },
  { title: '', width: 23 },
  { title: '', width: 54 },
];

function showFacts(terminal: Terminal, title: string, facts: DemoFacts): void {
  if (Object.keys(facts).length === 0) return;
  terminal.out(`\n${title}`);
  for (const [name, value] of Object.entries(facts)) {
    for (const line of tableRow(FACT_COLUMNS, ['', name, value])) terminal.out(line);
  }
}

function showReason(terminal: Terminal, side: string, { status, code, message, hint, ntStatus }: DemoReason): void {
  terminal.out(`\nThe ${side}: ${styled(terminal, 'red', status)}`);
  const facts = { code, why: message, ...(ntStatus === undefined ? {} : { NTSTATUS: ntStatus }), try: hint };
  for (const [name, value] of Object.entries(facts)) {
    for (const line of tableRow(
      [
        { title: '', width: 1 },
        { title: '', width: 9 },
        { title: '', width: 68 },
      ],
      ['', name, value],
    ))
      terminal.out(line);
  }
}
