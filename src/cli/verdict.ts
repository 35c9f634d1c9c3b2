/**
 * How a logon ended, in words: logged on as whom, or why not, what speaks for that, and what to try.
 * @module
 */
import { type Cause, type Diagnosis, diagnose, printable } from '../explain/index.ts';
import type { NlaConnection } from '../rdp/index.ts';
import { ntStatusName, SspiError } from '../sspi/index.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { wrap } from './table.ts';
import { styled, type Terminal } from './terminal.ts';

/** How it ended. Nothing in it is secret. */
export type Verdict =
  | {
      readonly ok: true;
      readonly exitCode: 0;
      readonly name: string;
      readonly mechanism: string;
      readonly target: string;
      /** What proved that the server is the one that was meant. */
      readonly serverAuthentication: readonly string[];
      readonly version: number;
      readonly delegated: string;
      readonly authorization: string;
    }
  | {
      readonly ok: false;
      readonly exitCode: number;
      readonly code: string;
      readonly stage: string;
      readonly status: string;
      readonly ntStatus: string | undefined;
      readonly message: string;
      readonly hint: string;
      readonly diagnosis: Diagnosis;
    };

/** What a connection says. */
export function verdictOf({ identity, authorization, session }: NlaConnection): Verdict {
  const { name, mechanism, targetName: target, serverAuthentication } = identity;
  const { version, delegation } = session;
  const { delegated } = delegation;
  return {
    ok: true,
    exitCode: EXIT.OK,
    name,
    mechanism,
    target,
    serverAuthentication,
    version,
    delegated,
    authorization,
  };
}

/** What an error says. */
export function failureVerdict(error: unknown): Verdict & { readonly ok: false } {
  const known = error instanceof SspiError ? error : new SspiError('INTERNAL_ERROR', { stage: 'logon', cause: error });
  const { code, stage, statusName, ntStatus, message, hint } = known;
  return {
    ok: false,
    exitCode: exitCodeOf(known),
    code,
    stage,
    status: statusName,
    ntStatus: ntStatus === undefined ? undefined : ntStatusName(ntStatus),
    message,
    hint,
    diagnosis: diagnose(known),
  };
}

const WIDTH = 80;

/** @param inFull - every cause with all that speaks for it, not only the likeliest */
export function showVerdict(terminal: Terminal, verdict: Verdict, milliseconds: number, inFull: boolean): void {
  terminal.out('');
  if (verdict.ok) showLogon(terminal, verdict, milliseconds);
  else showFailure(terminal, verdict, milliseconds, inFull);
}

function showLogon(terminal: Terminal, verdict: Verdict & { readonly ok: true }, milliseconds: number): void {
  const { name, mechanism, target, serverAuthentication, version, delegated } = verdict;
  terminal.out(
    styled(
      terminal,
      'green',
      `LOGGED ON as ${printable(name)} by ${mechanism}, CredSSP ${version}, in ${milliseconds} ms`,
    ),
  );
  const proved =
    serverAuthentication.length === 0 ? 'by nothing but its own key' : `by ${serverAuthentication.join(' and ')}`;
  line(terminal, 'server', `${target}, authenticated ${proved}`);
  line(terminal, 'delegated', delegated === 'none' ? 'nothing' : delegated);
}

function showFailure(
  terminal: Terminal,
  verdict: Verdict & { readonly ok: false },
  milliseconds: number,
  inFull: boolean,
): void {
  const { diagnosis, code, status, ntStatus, stage, message, hint, exitCode } = verdict;
  const [best, ...others] = diagnosis.causes;
  const headline = `FAILED after ${milliseconds} ms: ${best?.code ?? code}${best === undefined ? '' : ` (${best.likelihood})`}`;
  terminal.out(styled(terminal, 'red', headline));
  line(terminal, 'meaning', best?.title ?? message);
  line(terminal, 'stage', stage);
  line(terminal, 'error', `${code}, ${status}${ntStatus === undefined ? '' : `, ${ntStatus}`}`);
  line(terminal, 'because', message);
  for (const advice of best?.tryThis ?? [hint]) line(terminal, 'try', advice);
  if (best !== undefined) line(terminal, 'see', best.page);
  if (inFull) for (const cause of others) showCause(terminal, cause);
  else if (others.length > 0)
    line(terminal, 'or', `${others.map((cause) => cause.code).join(', ')} (--explain tells more)`);
  line(terminal, 'exit', String(exitCode));
}

function showCause(terminal: Terminal, { code, likelihood, title, evidence, tryThis, page }: Cause): void {
  line(terminal, 'or', `${code} (${likelihood}): ${title}`);
  for (const one of evidence) line(terminal, '  because', one);
  for (const one of tryThis) line(terminal, '  try', one);
  line(terminal, '  see', page);
}

const NAME = 11;

function line(terminal: Terminal, name: string, text: string): void {
  for (const [at, part] of wrap(printable(text), WIDTH - NAME - 2).entries())
    terminal.out(`  ${(at === 0 ? name : '').padEnd(NAME)}${part}`);
}
