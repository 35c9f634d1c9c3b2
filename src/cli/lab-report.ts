/**
 * What happened in the lab, for people: the loops call by call, and the logons that must fail.
 * @module
 */
import type { LoopFacts, LoopLogon, LoopReason, LoopRuns } from './lab-loops.ts';
import type { MustFailResult } from './must-fail-run.ts';
import { type Column, tableRow, titleRow } from './table.ts';
import { styled, type Terminal } from './terminal.ts';

/** The loops. @param first - number of the first heading */
export function showLoops(terminal: Terminal, runs: LoopRuns, who: string, first: number): void {
  const { out } = terminal;
  heading(terminal, `${first}. The same through the SSPI functions, call by call`);
  out('CredSSP with SPNEGO, and Kerberos or NTLMv2 in it, inside TLS, over TCP.');
  out('in, out: octets of the tokens.');
  out('ISC: InitializeSecurityContext (client). ASC: AcceptSecurityContext (server).');
  out('KDC: what the client asks the key distribution center during the next call.');
  showEstablished(terminal, `${first}.1 ${who} logs on by Kerberos and delegates the password`, runs.kerberos);
  showEstablished(terminal, `${first}.2 The same by NTLM`, runs.ntlm);
  showRefused(terminal, `${first}.3 A wrong password, by Kerberos: the KDC refuses it`, runs.wrongPasswordByKerberos);
  showRefused(terminal, `${first}.4 A wrong password, by NTLM: the server refuses it`, runs.wrongPasswordByNtlm);
}

/** Titles of the table of logons that must fail. */
export function showMustFailTitles(terminal: Terminal): void {
  terminal.out(styled(terminal, 'dim', titleRow(MUST_FAIL_COLUMNS)));
}

/** One of them. */
export function showMustFail(terminal: Terminal, result: MustFailResult): void {
  const { group, fault, by, noticedBy, expected, reported, equal } = result;
  const what = `${fault}${by === undefined || by === group ? '' : `, ${by}`}${noticedBy === 'server' ? ' [server]' : ''}`;
  const cell = (reason: MustFailResult['expected'] | undefined): string =>
    reason === undefined ? 'logged on' : `${reason.cause}\n${reason.status}`;
  const lines = tableRow(MUST_FAIL_COLUMNS, [equal ? 'ok' : 'NO', what, cell(reported), cell(expected)]);
  const [first = '', ...rest] = lines;
  const mark = styled(terminal, equal ? 'green' : 'red', first.slice(0, 2));
  for (const line of [`${mark}${first.slice(2)}`, ...rest]) terminal.out(line);
}

/** A group of them. */
export function showGroup(terminal: Terminal, group: string): void {
  terminal.out(styled(terminal, 'cyan', group));
}

/** 80 columns in all. */
const MUST_FAIL_COLUMNS: readonly Column[] = [
  { title: '', width: 2 },
  { title: 'what is wrong', width: 19 },
  { title: 'reason reported', width: 28 },
  { title: 'reason expected', width: 28 },
];

function showEstablished(terminal: Terminal, title: string, logon: LoopLogon): void {
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

function showRefused(terminal: Terminal, title: string, logon: LoopLogon): void {
  heading(terminal, title);
  showCalls(terminal, logon);
  if (logon.serverReason !== undefined) showReason(terminal, 'server', logon.serverReason);
  if (logon.clientReason !== undefined) showReason(terminal, 'client', logon.clientReason);
}

/** A heading, with a line before it. */
export function heading(terminal: Terminal, text: string): void {
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

function showCalls(terminal: Terminal, { calls }: LoopLogon): void {
  terminal.out(styled(terminal, 'dim', titleRow(COLUMNS)));
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

function showFacts(terminal: Terminal, title: string, facts: LoopFacts): void {
  if (Object.keys(facts).length === 0) return;
  terminal.out(`\n${title}`);
  for (const [name, value] of Object.entries(facts)) {
    for (const line of tableRow(FACT_COLUMNS, ['', name, value])) terminal.out(line);
  }
}

function showReason(terminal: Terminal, side: string, { status, code, message, hint, ntStatus }: LoopReason): void {
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
