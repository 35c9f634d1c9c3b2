/**
 * Logons that must fail, and the reason that each must be given. The reasons are written down by hand, from the specifications and
 * the pages of `docs/errors/`; nothing here is computed by the code that is put to the test.
 * @module
 */
import type { CauseCode } from '../explain/index.ts';
import { KRB_ERROR_CODE } from '../kerberos/index.ts';
import type { KdcFaults, LabNlaOptions, MiddleFault, StrangerKind } from '../lab/index.ts';
import type { ConnectNlaOptions } from '../rdp/index.ts';
import type { AcceptorIdentity } from '../sspi/index.ts';

/** Why a logon failed. */
export interface Reason {
  /** The likeliest cause. */
  readonly cause: CauseCode;
  /** By name: to a client the NTSTATUS that it was told, where it was told one; otherwise the status of SSPI. */
  readonly status: string;
}

/** A logon that must fail. */
export interface MustFail {
  /** What is wrong, in a few words. */
  readonly fault: string;
  /** What a client allows. Default: Kerberos, and NTLM where that does not work. */
  readonly by?: 'Kerberos' | 'NTLM' | undefined;
  /** Default: alice, with her password. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly client?: Partial<ConnectNlaOptions> | undefined;
  readonly server?: LabNlaOptions | undefined;
  /** What the server demands of its clients. */
  readonly acceptor?: Partial<AcceptorIdentity> | undefined;
  readonly kdc?: KdcFaults | undefined;
  /** Somebody between the two. */
  readonly between?: MiddleFault | undefined;
  /** Who listens in the place of the server. */
  readonly instead?: StrangerKind | 'nobody' | undefined;
  /** Who is the first that can tell: his reason is the one that counts. */
  readonly noticedBy: 'client' | 'server';
  readonly expected: Reason;
}

const HOUR = 3_600_000;
/** Milliseconds for one message, where none comes. */
const IMPATIENT = 250;
const NOBODY = {
  allowDefault: [],
  allowDefaultNtlmOnly: [],
  allowFresh: [],
  allowFreshNtlmOnly: [],
  allowSaved: [],
  allowSavedNtlmOnly: [],
  denyDefault: [],
  denyFresh: [],
  denySaved: [],
};

/** The password, and the account: the KDC and the server tell the same story, as far as a stranger may hear it. */
const ACCOUNTS: readonly MustFail[] = [
  {
    fault: 'wrong password',
    by: 'Kerberos',
    password: 'not the password',
    noticedBy: 'client',
    expected: { cause: 'WRONG_PASSWORD', status: 'STATUS_WRONG_PASSWORD' },
  },
  {
    fault: 'wrong password',
    by: 'NTLM',
    password: 'not the password',
    noticedBy: 'client',
    expected: { cause: 'WRONG_PASSWORD', status: 'STATUS_LOGON_FAILURE' },
  },
  {
    fault: 'no such user',
    by: 'Kerberos',
    user: 'nobody',
    password: 'any password',
    noticedBy: 'client',
    expected: { cause: 'UNKNOWN_USER', status: 'STATUS_NO_SUCH_USER' },
  },
  {
    // By design: a server does not tell strangers which names there are.
    fault: 'no such user',
    by: 'NTLM',
    user: 'nobody',
    password: 'any password',
    noticedBy: 'client',
    expected: { cause: 'WRONG_PASSWORD', status: 'STATUS_LOGON_FAILURE' },
  },
  ...byBoth('account disabled', 'dora', { cause: 'ACCOUNT_DISABLED', status: 'STATUS_ACCOUNT_DISABLED' }),
  ...byBoth('account expired', 'erin', { cause: 'ACCOUNT_EXPIRED', status: 'STATUS_ACCOUNT_EXPIRED' }),
  ...byBoth('account locked out', 'lena', { cause: 'ACCOUNT_LOCKED', status: 'STATUS_ACCOUNT_LOCKED_OUT' }),
  ...byBoth('password must be changed', 'mona', { cause: 'PASSWORD_EXPIRED', status: 'STATUS_PASSWORD_MUST_CHANGE' }),
  {
    fault: 'Protected Users',
    by: 'NTLM',
    user: 'paula',
    noticedBy: 'client',
    expected: { cause: 'NTLM_BLOCKED_BY_POLICY', status: 'STATUS_ACCOUNT_RESTRICTION' },
  },
  {
    fault: 'right password, but not on this server',
    server: { authorize: () => false },
    noticedBy: 'client',
    expected: { cause: 'LOGON_RESTRICTED', status: 'STATUS_ACCESS_DENIED' },
  },
];

/** Kerberos: its clock, its names, its keys. */
const KERBEROS: readonly MustFail[] = [
  {
    fault: 'the KDC is silent',
    by: 'Kerberos',
    kdc: { silent: true },
    noticedBy: 'client',
    expected: { cause: 'KDC_UNREACHABLE', status: 'STATUS_NO_LOGON_SERVERS' },
  },
  {
    fault: 'nobody has this SPN',
    by: 'Kerberos',
    client: { targetName: 'TERMSRV/elsewhere.lab.example' },
    noticedBy: 'client',
    expected: { cause: 'SPN_UNKNOWN', status: 'SEC_E_TARGET_UNKNOWN' },
  },
  {
    fault: 'the SPN is on another account',
    by: 'Kerberos',
    kdc: { wrongKey: 'ticket' },
    noticedBy: 'client',
    expected: { cause: 'SERVICE_KEY_MISMATCH', status: 'SEC_E_WRONG_PRINCIPAL' },
  },
  {
    fault: 'the KDC is an hour ahead of the server',
    by: 'Kerberos',
    kdc: { clockAhead: HOUR },
    noticedBy: 'server',
    expected: { cause: 'CLOCK_SKEW', status: 'SEC_E_TIME_SKEW' },
  },
  {
    fault: 'the KDC does not believe the clock',
    by: 'Kerberos',
    kdc: { errorCode: KRB_ERROR_CODE.KRB_AP_ERR_SKEW },
    noticedBy: 'client',
    expected: { cause: 'CLOCK_SKEW', status: 'STATUS_TIME_DIFFERENCE_AT_DC' },
  },
  {
    fault: 'no encryption type in common',
    by: 'Kerberos',
    kdc: { errorCode: KRB_ERROR_CODE.KDC_ERR_ETYPE_NOSUPP },
    noticedBy: 'client',
    expected: { cause: 'ENCRYPTION_TYPE_MISMATCH', status: 'SEC_E_KDC_UNKNOWN_ETYPE' },
  },
  {
    fault: 'an answer to another question',
    by: 'Kerberos',
    kdc: { forgeAnswer: (part) => ({ ...part, nonce: part.nonce ^ 1 }) },
    noticedBy: 'client',
    expected: { cause: 'MESSAGE_TAMPERED', status: 'SEC_E_MESSAGE_ALTERED' },
  },
  {
    fault: 'a ticket shown a second time',
    by: 'Kerberos',
    between: 'replayed',
    noticedBy: 'server',
    expected: { cause: 'REPLAY', status: 'SEC_E_LOGON_DENIED' },
  },
];

/** Somebody on the way, who has the server's key where that is not said otherwise. */
const BETWEEN: readonly MustFail[] = [
  {
    fault: 'a certificate of his own',
    by: 'Kerberos',
    between: 'swapped-certificate',
    noticedBy: 'server',
    expected: { cause: 'TLS_TERMINATED_IN_BETWEEN', status: 'SEC_E_MESSAGE_ALTERED' },
  },
  {
    fault: 'a certificate of his own',
    by: 'NTLM',
    between: 'swapped-certificate',
    noticedBy: 'server',
    expected: { cause: 'TLS_TERMINATED_IN_BETWEEN', status: 'SEC_E_MESSAGE_ALTERED' },
  },
  {
    fault: 'takes the MIC out',
    by: 'NTLM',
    between: 'stripped-mic',
    noticedBy: 'server',
    expected: { cause: 'MESSAGE_TAMPERED', status: 'SEC_E_LOGON_DENIED' },
  },
  {
    fault: 'strikes Kerberos from the list',
    between: 'struck-kerberos',
    noticedBy: 'server',
    expected: { cause: 'DOWNGRADE', status: 'SEC_E_MESSAGE_ALTERED' },
  },
  {
    fault: 'says that both know version 2 only',
    between: 'old-version',
    noticedBy: 'server',
    expected: { cause: 'CREDSSP_VERSION_REFUSED', status: 'SEC_E_UNSUPPORTED_FUNCTION' },
  },
  {
    fault: 'an answer of four megabytes',
    between: 'oversize',
    noticedBy: 'client',
    expected: { cause: 'LIMIT_REACHED', status: 'SEC_E_INSUFFICIENT_MEMORY' },
  },
  {
    fault: 'cuts the connection',
    between: 'reset',
    noticedBy: 'client',
    expected: { cause: 'SERVER_UNREACHABLE', status: 'SEC_E_INCOMPLETE_MESSAGE' },
  },
  {
    fault: 'keeps the answer to himself',
    between: 'stalled',
    client: { legTimeout: IMPATIENT },
    noticedBy: 'client',
    expected: { cause: 'SERVER_UNREACHABLE', status: 'SEC_E_CONTEXT_EXPIRED' },
  },
];

/** What one side wants and the other does not. */
const POLICIES: readonly MustFail[] = [
  {
    fault: 'the server knows CredSSP 2 only',
    server: { credssp: { minVersion: 2, maxVersion: 2 } },
    noticedBy: 'client',
    expected: { cause: 'CREDSSP_VERSION_REFUSED', status: 'SEC_E_UNSUPPORTED_FUNCTION' },
  },
  {
    fault: 'the client knows CredSSP 4 at most',
    client: { credssp: { minVersion: 2, maxVersion: 4 } },
    noticedBy: 'server',
    expected: { cause: 'CREDSSP_VERSION_REFUSED', status: 'SEC_E_UNSUPPORTED_FUNCTION' },
  },
  {
    fault: 'the server takes no NTLM',
    by: 'NTLM',
    acceptor: { packageList: '!ntlm' },
    noticedBy: 'server',
    expected: { cause: 'NO_COMMON_MECHANISM', status: 'SEC_E_LOGON_DENIED' },
  },
  {
    fault: 'the server demands channel bindings', // CredSSP has none inside: its own proof binds to TLS
    by: 'NTLM',
    acceptor: { channelBindingPolicy: 'required' },
    noticedBy: 'server',
    expected: { cause: 'CHANNEL_BINDING_MISMATCH', status: 'SEC_E_BAD_BINDINGS' },
  },
  {
    fault: 'the server wants another service name',
    by: 'NTLM',
    acceptor: { targetNames: ['HTTP/server.lab.example'] },
    noticedBy: 'server',
    expected: { cause: 'SPN_UNKNOWN', status: 'SEC_E_WRONG_PRINCIPAL' },
  },
  {
    fault: 'credentials may go nowhere',
    client: { credssp: { policy: NOBODY } },
    noticedBy: 'client',
    expected: { cause: 'DELEGATION_POLICY', status: 'SEC_E_DELEGATION_POLICY' },
  },
  {
    fault: 'credentials only to a server that is known',
    by: 'NTLM',
    client: { credssp: { policy: { ...NOBODY, allowFresh: ['TERMSRV/*'] } }, rootStore: [] },
    noticedBy: 'client',
    expected: { cause: 'DELEGATION_POLICY', status: 'SEC_E_POLICY_NLTM_ONLY' },
  },
  {
    fault: 'the certificate must be trusted, and is not',
    by: 'NTLM',
    client: { requireServerAuthentication: true, rootStore: [] },
    noticedBy: 'client',
    expected: { cause: 'CERTIFICATE_UNTRUSTED', status: 'SEC_E_MUTUAL_AUTH_FAILED' },
  },
  {
    fault: 'the server takes no Restricted Admin',
    client: { restrictedAdmin: true },
    noticedBy: 'client',
    expected: { cause: 'RDP_SECURITY_MISMATCH', status: 'SEC_E_UNSUPPORTED_FUNCTION' },
  },
  {
    fault: 'no TLS version in common',
    client: { tls: { minVersion: 'TLSv1.3' } },
    server: { tls: { maxVersion: 'TLSv1.2' } },
    noticedBy: 'client',
    expected: { cause: 'TLS_FAILED', status: 'SEC_E_ILLEGAL_MESSAGE' },
  },
];

/** Who is no RDP server with Network Level Authentication. */
const STRANGERS: readonly MustFail[] = [
  {
    fault: 'nobody listens',
    instead: 'nobody',
    noticedBy: 'client',
    expected: { cause: 'SERVER_UNREACHABLE', status: 'SEC_E_TARGET_UNKNOWN' },
  },
  {
    fault: 'somebody listens, and says nothing',
    instead: 'silent',
    client: { legTimeout: IMPATIENT },
    noticedBy: 'client',
    expected: { cause: 'SERVER_UNREACHABLE', status: 'SEC_E_CONTEXT_EXPIRED' },
  },
  {
    fault: 'an echo server',
    instead: 'echo',
    noticedBy: 'client',
    expected: { cause: 'NOT_THE_PROTOCOL', status: 'SEC_E_INVALID_TOKEN' },
  },
  {
    fault: 'a web server',
    instead: 'https', // hangs up on what is no ClientHello
    noticedBy: 'client',
    expected: { cause: 'NOT_THE_PROTOCOL', status: 'SEC_E_INCOMPLETE_MESSAGE' },
  },
  {
    fault: 'RDP without Network Level Authentication',
    instead: 'rdp-without-nla',
    noticedBy: 'client',
    expected: { cause: 'RDP_SECURITY_MISMATCH', status: 'SEC_E_UNSUPPORTED_FUNCTION' },
  },
  {
    fault: 'RDP from before the negotiation',
    instead: 'rdp-standard',
    noticedBy: 'client',
    expected: { cause: 'RDP_SECURITY_MISMATCH', status: 'SEC_E_UNSUPPORTED_FUNCTION' },
  },
];

/** All of them, in groups. */
export const MUST_FAIL: readonly (readonly [group: string, rows: readonly MustFail[]])[] = [
  ['Accounts', ACCOUNTS],
  ['Kerberos', KERBEROS],
  ['Somebody in between', BETWEEN],
  ['Policies', POLICIES],
  ['Not the server', STRANGERS],
];

/** Both mechanisms give the same reason to who knows the password. */
function byBoth(fault: string, user: string, expected: Reason): MustFail[] {
  return (['Kerberos', 'NTLM'] as const).map((by) => ({ fault, by, user, noticedBy: 'client', expected }));
}
