/**
 * `sspi demo`: a CredSSP logon in one process, shown call by call.
 * @module
 */
import { Command } from 'commander';
import { selfSigned } from '../lab/index.ts';
import {
  ALICE,
  type DemoFacts,
  type DemoLogon,
  type DemoReason,
  HOST,
  rightPassword,
  wrongPassword,
} from './demo-run.ts';
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
  const certificate = selfSigned({ key: 'ec', dnsNames: [HOST], now: Date.now() });
  const right = await rightPassword(certificate);
  const wrong = await wrongPassword(certificate);
  const ok = right.asExpected && wrong.asExpected;
  const milliseconds = Math.round(performance.now() - started);

  if (json)
    terminal.out(JSON.stringify({ ok, milliseconds, rightPassword: right, wrongPassword: wrong }, undefined, 2));
  else show(terminal, right, wrong, milliseconds);
  return ok ? EXIT.OK : EXIT.FAILED;
}

function show(terminal: Terminal, right: DemoLogon, wrong: DemoLogon, milliseconds: number): void {
  const { out } = terminal;
  out('CredSSP with SPNEGO and NTLMv2 inside TLS, over TCP, through the SSPI functions.');
  out('ISC: InitializeSecurityContext (client). ASC: AcceptSecurityContext (server).');
  out('in, out: octets of the tokens.');

  heading(terminal, `1. ${ALICE.domain}\\${ALICE.user} logs on and delegates the password`);
  showCalls(terminal, right);
  if (right.clientReason !== undefined) showReason(terminal, 'client', right.clientReason);
  if (right.serverReason !== undefined) showReason(terminal, 'server', right.serverReason);
  showFacts(terminal, 'What the client knows (QueryContextAttributes)', right.client);
  showFacts(terminal, 'What the server knows', right.server);
  if (right.messages.length > 0) out('\nMessages (EncryptMessage, DecryptMessage)');
  for (const { from, text, plain, sealed, opened } of right.messages) {
    out(`  ${from === 'client' ? 'client -> server' : 'server -> client'}  '${text}'`);
    out(
      `      ${plain} octets, sealed ${sealed}, ${opened ? 'opened by the other side' : 'NOT the same on the other side'}`,
    );
  }

  heading(terminal, '2. The same with a wrong password');
  showCalls(terminal, wrong);
  if (wrong.serverReason !== undefined) showReason(terminal, 'server', wrong.serverReason);
  if (wrong.clientReason !== undefined) showReason(terminal, 'client', wrong.clientReason);

  out('');
  for (const [name, { asExpected }] of [
    ['right password', right],
    ['wrong password', wrong],
  ] as const)
    out(
      `${name}: ${asExpected ? styled(terminal, 'green', 'as expected') : styled(terminal, 'red', 'NOT as expected')}`,
    );
  out(styled(terminal, 'dim', `${milliseconds} ms`));
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

const SHORT = { InitializeSecurityContext: 'ISC', AcceptSecurityContext: 'ASC' } as const;

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
