/**
 * A logon as a timeline: one line for each step, with milliseconds and octets.
 * @module
 */
import { printable } from '../explain/index.ts';
import type { NlaEvent } from '../rdp/index.ts';
import { RDP_NEG_FAILURE_CODE, RDP_NEG_REQ_FLAG, RDP_PROTOCOL } from '../rdp/index.ts';
import { CERT_TRUST, CERT_TRUST_INFO, type CertTrustStatus, flagNames } from '../sspi/index.ts';
import type { KdcMessage } from './kdc-watch.ts';
import { type Column, tableRow, titleRow } from './table.ts';
import { type Style, styled, type Terminal } from './terminal.ts';

/** What can be on a timeline. */
export type TimelineEvent = NlaEvent | KdcMessage;

/** One line. */
export interface TimelineStep {
  /** Milliseconds since the beginning. */
  readonly at: number;
  readonly step: string;
  readonly direction?: 'sent' | 'received' | undefined;
  /** Octets. */
  readonly octets?: number | undefined;
  /** What happened, in words. */
  readonly what: string;
  /** Whether it is good news, or something to look at. */
  readonly tone?: 'good' | 'bad' | undefined;
}

/** 80 columns in all. */
const COLUMNS: readonly Column[] = [
  { title: 'ms', width: 6, align: 'right' },
  { title: '', width: 2 },
  { title: 'octets', width: 6, align: 'right' },
  { title: 'step', width: 11 },
  { title: 'what', width: 51 },
];

/** The titles of a timeline. */
export function showTimelineTitles(terminal: Terminal): void {
  terminal.out(styled(terminal, 'dim', titleRow(COLUMNS)));
}

/** One step. */
export function showStep(terminal: Terminal, { at, step, direction, octets, what, tone }: TimelineStep): void {
  const arrow = direction === undefined ? '' : direction === 'sent' ? '->' : '<-';
  const harmless = what.split('\n').map(printable).join('\n'); // reasons and names may be a peer's words
  const size = octets === undefined ? '' : String(octets);
  const lines = tableRow(COLUMNS, [at.toFixed(1), arrow, size, step, harmless]);
  for (const line of lines) terminal.out(tone === undefined ? line : styled(terminal, TONES[tone], line));
}

const TONES: Readonly<Record<'good' | 'bad', Style>> = { good: 'green', bad: 'yellow' };

/**
 * What an event is on a timeline; undefined when others say the same.
 * @param inDetail - the messages of the mechanisms inside TSRequests as well
 */
export function stepOf(event: TimelineEvent, inDetail = false): TimelineStep | undefined {
  const at = Math.round(event.at * 10) / 10;
  switch (event.kind) {
    case 'tcp':
      return { at, step: 'TCP', what: `${event.address} port ${event.port}` };
    case 'x224': {
      const { direction, octets } = event;
      return { at, step: 'X.224', direction, octets: octets.length, what: x224Text(event) };
    }
    case 'tls': {
      const { version, cipher, milliseconds, sent, received } = event;
      const octets = sent === undefined || received === undefined ? '' : `; ${sent} octets sent, ${received} received`;
      return { at, step: 'TLS', what: `${version}, ${cipher}\nhandshake ${milliseconds.toFixed(1)} ms${octets}` };
    }
    case 'certificate': {
      const key = Buffer.from(event.publicKeySha256).toString('base64').replace(/=+$/u, '');
      const { verdict } = event;
      if (verdict === undefined) return { at, step: 'certificate', what: `key SHA256:${key}` };
      const what = verdict.trusted ? 'trusted, and for this name' : `NOT trusted: ${trustText(verdict.trust)}`;
      return {
        at,
        step: 'certificate',
        octets: event.certificate.length,
        what: `${what}\nSHA256:${key}`,
        tone: verdict.trusted ? 'good' : 'bad',
      };
    }
    case 'kdc':
      return { at, step: 'KDC', direction: event.direction, octets: event.octets.length, what: event.message };
    case 'message':
      return undefined; // the exchange inside says it in words
    case 'exchange': {
      const { protocol, direction, size, message } = event.event;
      if (protocol !== 'CredSSP')
        return inDetail ? { at, step: `  ${protocol}`, direction, octets: size, what: message } : undefined;
      return { at, step: 'CredSSP', direction, octets: size, what: message };
    }
    case 'mechanism': {
      const { settled, offered, chosen, how, reason } = event;
      const step = how === 'negotiated' || offered.length > 1 ? 'SPNEGO' : 'mechanism';
      if (settled) return { at, step, what: `${chosen}: ${reason}`, tone: 'good' };
      return { at, step, what: `offers ${offered.join(', ')}; hopes for ${chosen}` };
    }
    case 'binding': {
      const form = event.form === 'hash' ? 'hash with nonce' : 'the key itself, without nonce';
      return event.proof === 'sent'
        ? { at, step: 'binding', what: `our proof of the TLS key is on its way (${form}, version ${event.version})` }
        : { at, step: 'binding', what: "the peer's proof holds: it has the key of this TLS channel", tone: 'good' };
    }
    case 'delegation':
      return { at, step: 'delegation', what: delegationText(event) };
    case 'received':
      return { at, step: 'delegation', what: `received: ${event.delegated}` };
    case 'authorization':
      return { at, step: 'access', ...AUTHORIZATION[event.result] };
  }
}

const AUTHORIZATION = {
  granted: { what: 'the user may use this server (Early User Authorization)', tone: 'good' },
  denied: { what: 'the user may NOT use this server', tone: 'bad' },
  'not-told': { what: 'not told: the protocol that was chosen has no word for it', tone: undefined },
} as const;

function x224Text(event: NlaEvent & { readonly kind: 'x224' }): string {
  if (event.message === 'request') {
    const { negotiation, cookie } = event.request;
    if (negotiation === undefined) return 'request without negotiation';
    const flags = flagNames(RDP_NEG_REQ_FLAG, negotiation.flags);
    const extras = [...(cookie === undefined ? [] : [`cookie ${cookie}`]), ...flags];
    return `request: ${[protocolText(negotiation.requestedProtocols), ...extras].join('; ')}`;
  }
  const { confirm } = event;
  switch (confirm.kind) {
    case 'selected':
      return `confirm: ${protocolText(confirm.selectedProtocol)}`;
    case 'failure':
      return `failure: ${nameOf(RDP_NEG_FAILURE_CODE, confirm.failureCode)}`;
    case 'none':
      return 'confirm: standard RDP security only';
  }
}

function protocolText(mask: number): string {
  return mask === 0 ? 'RDP' : flagNames(RDP_PROTOCOL, mask).join(', ');
}

function nameOf(names: Readonly<Record<string, number>>, value: number): string {
  return Object.entries(names).find(([, known]) => known === value)?.[0] ?? `code ${value}`;
}

function trustText({ errorStatus, infoStatus, policyStatus }: CertTrustStatus): string {
  const chain = flagNames(CERT_TRUST, errorStatus).map((name) =>
    name.replace(/^IS_/u, '').replaceAll('_', ' ').toLowerCase(),
  );
  const selfSigned = (infoStatus & CERT_TRUST_INFO.IS_SELF_SIGNED) === 0 ? [] : ['self-signed'];
  return [...selfSigned, ...chain, ...(policyStatus === 0 ? [] : ['the name does not match'])].join(', ');
}

function delegationText({
  delegated,
  target,
  serverAuthenticated,
  rule,
}: NlaEvent & { readonly kind: 'delegation' }): string {
  if (rule === undefined) return `nothing is handed over to ${target}`;
  const known =
    serverAuthenticated === undefined ? '' : `; the server is ${serverAuthenticated ? '' : 'not '}authenticated`;
  const { decision, matched } = rule;
  const by = matched === undefined ? 'by no rule' : `by ${matched.list} '${matched.pattern}'`;
  return decision === 'allowed'
    ? `${delegated} to ${target}, allowed ${by}${known}`
    : `${delegated} to ${target}: ${decision}, ${by}${known}`;
}
