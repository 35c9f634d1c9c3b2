/**
 * `sspi logon` without a target: a realm in this process, logons to its server by Kerberos and by NTLM, the loops of the SSPI
 * functions behind them, and every logon that must fail.
 * @module
 */
import { LAB_ACCOUNTS, type Lab, lab } from '../lab/index.ts';
import { EXIT } from './exit-codes.ts';
import { ALICE, type KdcWatch, type LoopRuns, runLoops } from './lab-loops.ts';
import { heading, showGroup, showLoops, showMustFail, showMustFailTitles } from './lab-report.ts';
import { type LogonRun, runLogon } from './logon-run.ts';
import { type MustFailResult, runMustFail } from './must-fail-run.ts';
import { jsonText, styled, type Terminal } from './terminal.ts';
import { showStep, showTimelineTitles } from './timeline.ts';
import { showVerdict } from './verdict.ts';

/** Of the domain: Domain Admins. */
const ADMINS = 512;

/** How to show it. */
export interface LabLogonOptions {
  readonly json: boolean;
  readonly inFull: boolean;
}

/** @returns the exit code: 0 when every outcome was the expected one */
export async function logonInLab({ json, inFull }: LabLogonOptions, terminal: Terminal): Promise<number> {
  const started = performance.now();
  const show: Terminal = json ? { out: () => undefined, note: terminal.note, colours: false } : terminal;
  const kdc: KdcWatch = { listener: undefined };
  await using realm = await lab({
    accounts: LAB_ACCOUNTS.map((account) => (account.user === ALICE ? { ...account, groups: [ADMINS] } : account)),
    observe: (event) => kdc.listener?.(event),
  });
  const who = `${realm.domain}\\${ALICE}`;
  show.out(`This is the lab: the realm ${realm.realm}, its KDC and accounts, and an RDP server,`);
  show.out('all in this process. `sspi logon --target host` logs on to yours.');

  heading(show, `1. ${who} logs on by Kerberos`);
  const kerberos = await timelineOf(realm, 'both', show, inFull);
  heading(show, '2. The same by NTLM');
  const ntlm = await timelineOf(realm, 'ntlm', show, inFull);
  const loops = await runLoops(realm, kdc);
  showLoops(show, loops, who, 3);
  heading(show, '4. What must fail, and for what reason');
  const mustFail = await mustFailOf(realm, show);

  const outcomes = outcomesOf(kerberos, ntlm, loops, mustFail);
  const ok = Object.values(outcomes).every((outcome) => outcome);
  const milliseconds = Math.round(performance.now() - started);
  if (json) terminal.out(jsonText({ ok, milliseconds, outcomes, kerberos, ntlm, loops, mustFail }, 2));
  else showOutcomes(terminal, outcomes, milliseconds);
  return ok ? EXIT.OK : EXIT.FAILED;
}

async function timelineOf(
  realm: Lab,
  mechanism: 'both' | 'ntlm',
  terminal: Terminal,
  inFull: boolean,
): Promise<LogonRun> {
  await using server = await realm.nla();
  showTimelineTitles(terminal);
  const run = await runLogon(
    {
      host: 'localhost',
      port: server.port,
      targetName: realm.targetName,
      identity: realm.identity(ALICE, { mechanism }),
      rootStore: [realm.certificate.certificate],
      platform: realm.host,
      requireServerAuthentication: true,
    },
    { onStep: (step) => showStep(terminal, step), inDetail: inFull },
  );
  showVerdict(terminal, run.verdict, run.milliseconds, inFull);
  const logon = await server.next();
  if (logon.kind === 'accepted') logon.session.dispose();
  return run;
}

async function mustFailOf(realm: Lab, terminal: Terminal): Promise<MustFailResult[]> {
  terminal.out('[server]: it is the server that notices, and its reason that counts.');
  showMustFailTitles(terminal);
  const results: MustFailResult[] = [];
  for await (const result of runMustFail(realm)) {
    if (result.group !== results.at(-1)?.group) showGroup(terminal, result.group);
    showMustFail(terminal, result);
    results.push(result);
  }
  return results;
}

type Outcomes = Readonly<Record<string, boolean>>;

function outcomesOf(
  kerberos: LogonRun,
  ntlm: LogonRun,
  loops: LoopRuns,
  mustFail: readonly MustFailResult[],
): Outcomes {
  const isBy = ({ verdict }: LogonRun, mechanism: string): boolean => verdict.ok && verdict.mechanism === mechanism;
  const equal = mustFail.filter((result) => result.equal).length;
  return {
    'logon over RDP by Kerberos': isBy(kerberos, 'Kerberos'),
    'logon over RDP by NTLM': isBy(ntlm, 'NTLM'),
    'right password, Kerberos': loops.kerberos.asExpected,
    'right password, NTLM': loops.ntlm.asExpected,
    'wrong password, Kerberos': loops.wrongPasswordByKerberos.asExpected,
    'wrong password, NTLM': loops.wrongPasswordByNtlm.asExpected,
    [`${equal} of ${mustFail.length} logons that must fail, for the expected reason`]:
      mustFail.length > 0 && equal === mustFail.length,
  };
}

function showOutcomes(terminal: Terminal, outcomes: Outcomes, milliseconds: number): void {
  terminal.out('');
  for (const [name, outcome] of Object.entries(outcomes)) {
    const verdict = outcome ? styled(terminal, 'green', 'as expected') : styled(terminal, 'red', 'NOT as expected');
    terminal.out(`${name}: ${verdict}`);
  }
  terminal.out(styled(terminal, 'dim', `${milliseconds} ms`));
}
