/**
 * The loop of InitializeSecurityContext and AcceptSecurityContext, without a word: logons over loopback TCP through the SSPI
 * functions, by Kerberos and by NTLM in a realm of the lab, and everything worth telling of them.
 * @module
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, Socket } from 'node:net';
import { krbErrorName } from '../kerberos/index.ts';
import { type KdcEvent, LAB_PASSWORD, type Lab, type LogonOptions } from '../lab/index.ts';
import {
  ASC_REQ,
  ASC_RET,
  type ClientIdentity,
  CREDSSP_SERVER_AUTH,
  type DelegatedCredentials,
  flagNames,
  ISC_REQ,
  ISC_RET,
  NTSTATUS,
  ntStatusName,
  SEC_E,
  SECPKG_ATTR,
  SspiError,
  statusName,
} from '../sspi/index.ts';
import { describeToken } from './describe-token.ts';
import { Endpoint, type EndpointCall } from './endpoint.ts';
import { FrameSocket } from './frames.ts';
import { accept, type Initiated, initiate, type Verdict } from './sample-protocol.ts';

/** Who logs on. */
export const ALICE = 'alice';

/** Listens to what the lab's KDC is asked. */
export interface KdcWatch {
  listener: ((event: KdcEvent) => void) | undefined;
}

/** One row of the table: a call, or a question to the KDC that the client asks within a call. */
export interface LoopCall {
  readonly function: 'InitializeSecurityContext' | 'AcceptSecurityContext' | 'KDC';
  /** The SDK's name; of the KDC, the kind of its answer. */
  readonly status: string;
  /** Octets of the input token. */
  readonly received: number;
  /** Octets of the output token. */
  readonly sent: number;
  /** What is in the output token; of the KDC, what it was asked for. */
  readonly carries: string;
}

/** What one side knows in the end: an attribute by name, and its value in words. */
export type LoopFacts = Readonly<Record<string, string>>;

/** Why one side gave up. */
export interface LoopReason {
  readonly status: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly ntStatus: string | undefined;
}

/** A message that was sealed by one side and opened by the other. */
export interface LoopMessage {
  readonly from: 'client' | 'server';
  readonly text: string;
  /** Octets before and after. */
  readonly plain: number;
  readonly sealed: number;
  readonly opened: boolean;
}

/** One logon. */
export interface LoopLogon {
  readonly calls: readonly LoopCall[];
  readonly client: LoopFacts;
  readonly server: LoopFacts;
  readonly messages: readonly LoopMessage[];
  readonly clientReason: LoopReason | undefined;
  readonly serverReason: LoopReason | undefined;
  /** Everything was as it should be. */
  readonly asExpected: boolean;
}

/** All of them. */
export interface LoopRuns {
  readonly kerberos: LoopLogon;
  readonly ntlm: LoopLogon;
  readonly wrongPasswordByKerberos: LoopLogon;
  readonly wrongPasswordByNtlm: LoopLogon;
}

/**
 * Runs them one after the other.
 * @param kdc - what the realm's KDC tells of its questions
 */
export async function runLoops(realm: Lab, kdc: KdcWatch): Promise<LoopRuns> {
  const run = async (logon: LogonOptions): Promise<Outcome> => {
    const calls: LoopCall[] = [];
    kdc.listener = (event) => calls.push(kdcRow(event));
    try {
      return await logOn(realm, logon, calls);
    } finally {
      kdc.listener = undefined;
    }
  };
  const password = 'not the password';
  return {
    kerberos: expecting(await run({ mechanism: 'both' }), isEstablishedBy('Kerberos')),
    ntlm: expecting(await run({ mechanism: 'ntlm' }), isEstablishedBy('NTLM')),
    wrongPasswordByKerberos: expecting(await run({ mechanism: 'both', password }), isRefusedByKdc),
    wrongPasswordByNtlm: expecting(await run({ mechanism: 'ntlm', password }), isRefusedByServer),
  };
}

/** A logon of which it is not said yet whether it is as it should be. */
interface Outcome extends Omit<LoopLogon, 'asExpected'> {
  /** The server was given what the client has: looked at while the server had it. */
  readonly isDelegated: boolean;
}

function expecting({ isDelegated, ...logon }: Outcome, isExpected: (outcome: Outcome) => boolean): LoopLogon {
  return { ...logon, asExpected: isExpected({ isDelegated, ...logon }) };
}

function isEstablishedBy(mechanism: string): (outcome: Outcome) => boolean {
  return ({ client, messages, isDelegated }) =>
    client['NEGOTIATION_PACKAGE'] === mechanism && isDelegated && messages.every(({ opened }) => opened);
}

/** The KDC has said why, and the server has heard nothing of the password, nor of a second try by NTLM. */
function isRefusedByKdc({ calls, clientReason }: Outcome): boolean {
  return (
    clientReason?.status === statusName(SEC_E.LOGON_DENIED) &&
    clientReason.ntStatus === ntStatusName(NTSTATUS.WRONG_PASSWORD) &&
    calls.every(({ carries }) => !carries.includes('NTLM'))
  );
}

/** Both sides know why. */
function isRefusedByServer({ clientReason, serverReason }: Outcome): boolean {
  const denied = statusName(SEC_E.LOGON_DENIED);
  const told = ntStatusName(NTSTATUS.LOGON_FAILURE);
  return clientReason?.status === denied && serverReason?.status === denied && clientReason.ntStatus === told;
}

async function logOn(realm: Lab, logon: LogonOptions, calls: LoopCall[]): Promise<Outcome> {
  const sockets = await connection();
  const client = await clientEnd(realm, logon);
  const server = await serverEnd(realm);
  const observe = (end: Endpoint, call: EndpointCall): void => void calls.push(row(end, call));
  let serverReason: LoopReason | undefined;
  try {
    const handshake = await Promise.allSettled([
      initiate(sockets.client, client, { observe }).catch((error: unknown) => {
        sockets.client.end(); // or the server would wait for what does not come
        throw error;
      }),
      accept(sockets.server, server, {
        observe: (end, call) => {
          observe(end, call);
          if (call.error !== undefined) serverReason = reasonOf(call.error);
        },
        describe: async () => ({ ok: true, protocol: 'credssp' }), // the frame is in the clear: it says nothing else
      }),
    ]);
    const clientReason = handshake[0].status === 'rejected' ? reasonOf(handshake[0].reason) : undefined;
    if (!bothEstablished(handshake))
      return { calls, client: {}, server: {}, messages: [], clientReason, serverReason, isDelegated: false };
    const messages = [
      await exchange('client', 'Hello, this is the client.', [client, sockets.client], [server, sockets.server]),
      await exchange('server', 'Welcome. The server sealed this.', [server, sockets.server], [client, sockets.client]),
    ];
    const delegated = await server.delegated();
    return {
      calls,
      client: await clientFacts(client, realm.server),
      server: await serverFacts(server, delegated),
      messages,
      clientReason,
      serverReason,
      isDelegated: isAlice(delegated, realm.domain),
    };
  } finally {
    sockets.client.end();
    sockets.server.end();
    await client.close();
    await server.close();
  }
}

/** A TCP connection of this process with itself. */
async function connection(): Promise<{ client: FrameSocket; server: FrameSocket }> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo; // a TCP server that listens has one
  const accepted = once(listener, 'connection');
  const near = connect({ host: '127.0.0.1', port });
  const [far]: unknown[] = await accepted;
  listener.close();
  if (!(far instanceof Socket)) throw new SspiError('INTERNAL_ERROR', { stage: 'loop' });
  return { client: new FrameSocket(near), server: new FrameSocket(far) };
}

function clientEnd(realm: Lab, logon: LogonOptions): Promise<Endpoint> {
  return Endpoint.open({
    protocol: 'credssp',
    role: 'initiator',
    targetName: realm.targetName,
    contextReq:
      ISC_REQ.MUTUAL_AUTH | ISC_REQ.DELEGATE | ISC_REQ.CONFIDENTIALITY | ISC_REQ.EXTENDED_ERROR | ISC_REQ.STREAM,
    authData: realm.credsspClient(ALICE, logon),
    host: realm.host,
  });
}

function serverEnd(realm: Lab): Promise<Endpoint> {
  return Endpoint.open({
    protocol: 'credssp',
    role: 'acceptor',
    contextReq: ASC_REQ.CONFIDENTIALITY | ASC_REQ.EXTENDED_ERROR | ASC_REQ.STREAM,
    authData: realm.credsspServer(),
    host: realm.host,
  });
}

/** What the client asks the KDC. */
function kdcRow({ request, service, answer, received, sent, errorCode }: KdcEvent): LoopCall {
  const asked = `${request} for ${service ?? 'nothing'}`;
  const carries = errorCode === undefined ? asked : `${asked}: ${krbErrorName(errorCode)}`;
  return { function: 'KDC', status: answer, received, sent, carries };
}

function row(end: Endpoint, call: EndpointCall): LoopCall {
  return {
    function: end.options.role === 'initiator' ? 'InitializeSecurityContext' : 'AcceptSecurityContext',
    status: statusName(call.status),
    received: call.received,
    sent: call.token.length,
    carries: describeToken(call),
  };
}

function bothEstablished([client, server]: readonly [
  PromiseSettledResult<Initiated>,
  PromiseSettledResult<Verdict>,
]): boolean {
  return client.status === 'fulfilled' && client.value.verdict.ok && server.status === 'fulfilled' && server.value.ok;
}

function isAlice(delegated: DelegatedCredentials | undefined, domain: string): boolean {
  if (delegated?.kind !== 'password') return false;
  const password = new TextDecoder('utf-16le').decode(delegated.password.reveal());
  return delegated.user === ALICE && delegated.domain === domain && password === LAB_PASSWORD;
}

async function exchange(
  from: LoopMessage['from'],
  text: string,
  [sender, outgoing]: readonly [Endpoint, FrameSocket],
  [receiver, incoming]: readonly [Endpoint, FrameSocket],
): Promise<LoopMessage> {
  const plaintext = new TextEncoder().encode(text);
  const sealed = await sender.wrap(plaintext);
  outgoing.write(sealed);
  const opened = await receiver.unwrap(await incoming.expect());
  return {
    from,
    text,
    plain: plaintext.length,
    sealed: sealed.length,
    opened: new TextDecoder().decode(opened) === text,
  };
}

async function clientFacts(client: Endpoint, host: string): Promise<LoopFacts> {
  const cipher = await client.attribute(SECPKG_ATTR.CIPHER_INFO);
  const inner = await client.attribute(SECPKG_ATTR.NEGOTIATION_PACKAGE);
  const trust = await client.attribute(SECPKG_ATTR.CERT_TRUST_STATUS);
  const authenticated = await client.attribute(SECPKG_ATTR.SERVER_AUTH_FLAGS);
  const granted = await client.attribute(SECPKG_ATTR.FLAGS);
  const sizes = await client.attribute(SECPKG_ATTR.STREAM_SIZES);
  const trusted = trust?.errorStatus === 0 && trust.policyStatus === 0;
  return {
    CIPHER_INFO: cipher?.cipherSuiteName ?? '',
    NEGOTIATION_PACKAGE: inner?.name ?? '',
    CERT_TRUST_STATUS: trusted ? `trusted, and it is for ${host}` : 'not trusted',
    SERVER_AUTH_FLAGS: flagNames(CREDSSP_SERVER_AUTH, authenticated?.flags ?? 0).join(', '),
    STREAM_SIZES:
      sizes === undefined ? '' : `header ${sizes.header}, trailer ${sizes.trailer}, at most ${sizes.maximumMessage}`,
    FLAGS: flagNames(ISC_RET, granted?.flags ?? 0).join(', '),
  };
}

async function serverFacts(server: Endpoint, delegated: DelegatedCredentials | undefined): Promise<LoopFacts> {
  const identity = await server.attribute(SECPKG_ATTR.C_ACCESS_TOKEN);
  const target = await server.attribute(SECPKG_ATTR.CLIENT_SPECIFIED_TARGET);
  const granted = await server.attribute(SECPKG_ATTR.FLAGS);
  return {
    C_ACCESS_TOKEN: identity === undefined ? '' : `${identity.name}, proved by ${identity.mechanism}`,
    ...authorizationFacts(identity),
    CREDS: describeDelegated(delegated),
    CLIENT_SPECIFIED_TARGET: target?.targetName ?? '',
    FLAGS: flagNames(ASC_RET, granted?.flags ?? 0).join(', '),
  };
}

/** What the domain says of the user in the PAC of the ticket: Kerberos alone has that. */
function authorizationFacts(identity: ClientIdentity | undefined): LoopFacts {
  const { principal, authorization } = identity ?? {};
  if (principal === undefined || authorization === undefined) return {};
  const { sid = '', groups, userPrincipalName = '' } = authorization;
  return { principal, UPN: userPrincipalName, SID: sid, groups: groups.join(' ') };
}

/** A Secret shows itself as `[redacted]`. */
function describeDelegated(delegated: DelegatedCredentials | undefined): string {
  if (delegated?.kind !== 'password') return delegated?.kind ?? '';
  return `domain ${delegated.domain}, user ${delegated.user}, password ${delegated.password}`;
}

function reasonOf(error: unknown): LoopReason {
  const known = error instanceof SspiError ? error : new SspiError('INTERNAL_ERROR', { stage: 'loop', cause: error });
  const { statusName: status, code, message, hint, ntStatus } = known;
  return { status, code, message, hint, ntStatus: ntStatus === undefined ? undefined : ntStatusName(ntStatus) };
}
