/**
 * What a conversation speaks for: the words of the two sides, the checks that failed, and what is missing at its end.
 * @module
 */
import type { DecodedMessage, Explanation } from '../decode.ts';
import type { Fact } from '../observations.ts';
import type { Check } from '../verify/check.ts';
import { MISTAKE } from '../verify/conversation.ts';
import type { CauseCode } from './causes.ts';
import type { Likelihood, Suspicions } from './findings.ts';
import { suspectAlert, suspectKerberosError, suspectNtStatus } from './statuses.ts';

/** Adds what an explanation speaks for. */
export function suspectConversation(found: Suspicions, { messages, checks }: Explanation): void {
  for (const check of checks) if (check.outcome === 'failed') suspectCheck(found, check);
  for (const message of messages) for (const fact of message.facts) suspectFact(found, fact, message);
  for (const conversation of new Set(messages.map((message) => message.conversation)))
    suspectEnd(
      found,
      messages.filter((message) => message.conversation === conversation),
    );
}

const OF_CHECK: Readonly<Record<Check['name'], readonly (readonly [CauseCode, Likelihood])[]>> = {
  certificate: [
    ['WRONG_CERTIFICATE', 'certain'],
    ['TLS_TERMINATED_IN_BETWEEN', 'possible'],
  ],
  'TLS records': [['MESSAGE_TAMPERED', 'likely']],
  NTProofStr: [['WRONG_PASSWORD', 'likely']],
  'NTLMv1 response': [['WRONG_PASSWORD', 'likely']],
  MIC: [['MESSAGE_TAMPERED', 'certain']],
  mechListMIC: [['DOWNGRADE', 'certain']],
  'pubKeyAuth seal': [['MESSAGE_TAMPERED', 'certain']],
  'pubKeyAuth binding': [
    ['TLS_TERMINATED_IN_BETWEEN', 'likely'],
    ['WRONG_CERTIFICATE', 'possible'],
  ],
  authInfo: [['MESSAGE_TAMPERED', 'certain']],
  'channel bindings': [
    ['CHANNEL_BINDING_MISMATCH', 'likely'],
    ['TLS_TERMINATED_IN_BETWEEN', 'possible'],
  ],
  'PA-ENC-TIMESTAMP': [['WRONG_PASSWORD', 'likely']],
  'AS-REP': [['WRONG_PASSWORD', 'likely']],
  'AS-REQ checksum': [['MESSAGE_TAMPERED', 'certain']],
  'TGS-REQ checksum': [['MESSAGE_TAMPERED', 'certain']],
  'TGS-REP': [['MESSAGE_TAMPERED', 'likely']],
  Ticket: [
    ['SERVICE_KEY_MISMATCH', 'likely'],
    ['MESSAGE_TAMPERED', 'possible'],
  ],
  Authenticator: [['MESSAGE_TAMPERED', 'certain']],
  'AP-REP': [['MESSAGE_TAMPERED', 'certain']],
  'KRB-PRIV': [['MESSAGE_TAMPERED', 'certain']],
  'KRB-CRED': [['MESSAGE_TAMPERED', 'certain']],
  'KRB-SAFE': [['MESSAGE_TAMPERED', 'certain']],
  'enc-authorization-data': [['MESSAGE_TAMPERED', 'certain']],
  'PAC server signature': [['MESSAGE_TAMPERED', 'certain']],
  'PAC KDC signature': [['MESSAGE_TAMPERED', 'certain']],
  'PAC ticket signature': [['MESSAGE_TAMPERED', 'certain']],
  'PAC full signature': [['MESSAGE_TAMPERED', 'certain']],
  'GSS message': [['MESSAGE_TAMPERED', 'certain']],
  'WinRM message': [['MESSAGE_TAMPERED', 'certain']],
};

function suspectCheck(found: Suspicions, { name, message, why }: Check): void {
  const evidence = `message ${message}, ${name}: ${why}`;
  if (name === 'pubKeyAuth binding' && why.startsWith(MISTAKE)) {
    found.add('PUBLIC_KEY_NOT_SPKI_CONTENT', 'certain', evidence);
    return;
  }
  if (name === 'NTProofStr' && why.includes('changed on the way') && !why.startsWith('the password is another')) {
    found.add('MESSAGE_TAMPERED', 'certain', evidence);
    return;
  }
  for (const [code, likelihood] of OF_CHECK[name]) found.add(code, likelihood, evidence);
}

function suspectFact(found: Suspicions, fact: Fact, { number }: DecodedMessage): void {
  const where = `message ${number}`;
  switch (fact.kind) {
    case 'nt-status':
      suspectNtStatus(found, fact.ntStatus, `${where}, errorCode`);
      return;
    case 'krb-error':
      if (fact.ntStatus !== undefined) suspectNtStatus(found, fact.ntStatus, `${where}, e-data`);
      suspectKerberosError(found, fact.errorCode, `${where}, for ${fact.service}${formatSkew(fact.skewSeconds)}`);
      return;
    case 'tls-alert':
      suspectAlert(found, fact.name, where);
      return;
    case 'rdp-failure':
      found.add('RDP_SECURITY_MISMATCH', 'certain', `${where}, RDP_NEG_FAILURE: ${fact.name}`);
      return;
    case 'spnego-reject':
      found.add('NO_COMMON_MECHANISM', 'possible', `${where}, negState reject`);
      found.add('WRONG_PASSWORD', 'possible', `${where}, negState reject`);
      found.add('NTLM_BLOCKED_BY_POLICY', 'possible', `${where}, negState reject`);
      return;
    case 'authorization':
      if (!fact.granted) found.add('LOGON_RESTRICTED', 'certain', `${where}, AUTHZ_ACCESS_DENIED`);
      return;
    case 'rdp-selected':
      if ((fact.protocols & 0x0a) === 0)
        found.add('RDP_SECURITY_MISMATCH', 'possible', `${where}: the server chose no NLA`);
      return;
    case 'credssp-version':
    case 'no-bindings':
    case 'rdp-requested':
    case 'spnego-offer':
    case 'ntlm':
    case 'ntlm-v1':
    case 'delegated':
    case 'http-status':
      return; // they count at the end
  }
}

/** ` (the clock of the KDC is 412 s ahead)`. */
function formatSkew(seconds: number | undefined): string {
  if (seconds === undefined || seconds === 0) return '';
  return ` (its clock is ${Math.abs(seconds)} s ${seconds < 0 ? 'behind' : 'ahead'})`;
}

/** What a conversation lacks at its end. */
function suspectEnd(found: Suspicions, messages: readonly DecodedMessage[]): void {
  suspectVersion(found, messages);
  suspectHttp(found, messages);
}

/** An old version is nobody's fault as long as credentials are handed over in it. */
function suspectVersion(found: Suspicions, messages: readonly DecodedMessage[]): void {
  const facts = messages.flatMap((message) => message.facts);
  if (facts.some(({ kind }) => kind === 'delegated')) return;
  const old = messages.find((message) =>
    message.facts.some((fact) => fact.kind === 'credssp-version' && fact.version < 5),
  );
  const isRefused = facts.some(({ kind }) => kind === 'nt-status' || kind === 'tls-alert');
  if (old !== undefined)
    found.add(
      'CREDSSP_VERSION_REFUSED',
      isRefused ? 'likely' : 'possible',
      `message ${old.number}: a TSRequest of version 2 to 4, and nothing is delegated`,
    );
}

/** HTTP servers refuse a logon without a word: by asking for one again. */
function suspectHttp(found: Suspicions, messages: readonly DecodedMessage[]): void {
  const sent = messages.findLast(({ facts }) =>
    facts.some((fact) => fact.kind === 'ntlm' && fact.message === 'AUTHENTICATE'),
  );
  if (sent === undefined) return;
  const later = messages.filter(({ number }) => number > sent.number).flatMap(({ facts }) => facts);
  if (!later.some((fact) => fact.kind === 'http-status' && fact.status === 401)) return;
  found.add('WRONG_PASSWORD', 'possible', `message ${sent.number}: the AUTHENTICATE is answered by HTTP 401`);
  if (sent.facts.some(({ kind }) => kind === 'no-bindings'))
    found.add('CHANNEL_BINDING_MISMATCH', 'possible', `message ${sent.number}: the client sends no channel bindings`);
}
