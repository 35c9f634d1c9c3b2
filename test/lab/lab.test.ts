import { createConnection } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { memoryReplayCache } from '../../src/acceptor/index.ts';
import { LAB_ACCOUNTS, type Lab, type LogonOptions, lab, startMiddle } from '../../src/lab/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { connectNla, type NlaConnection } from '../../src/rdp/index.ts';
import { ASC_REQ, type AuthData, ISC_REQ, NTSTATUS, SEC_E, SECPKG_CRED, SspiError } from '../../src/sspi/index.ts';

let realm: Lab;
beforeEach(async () => {
  realm = await lab();
});
afterEach(() => realm.close());

/** A logon of a client of the lab over RDP. */
async function connect(
  door: { readonly host: string; readonly port: number },
  user = 'alice',
  logon: LogonOptions = {},
  deadline?: number,
): Promise<NlaConnection> {
  return await connectNla({
    host: realm.server,
    stream: createConnection(door),
    identity: realm.identity(user, logon),
    platform: realm.host,
    rootStore: [realm.certificate.certificate],
    deadline,
  });
}

async function refusal(logon: Promise<unknown>): Promise<SspiError> {
  const error: unknown = await logon.catch((reason: unknown) => reason);
  if (error instanceof SspiError) return error;
  throw new Error(`not refused: ${inspect(error)}`);
}

describe('a lab with an RDP server', () => {
  test.each(['kerberos', 'ntlm'] as const)('X1, S10: a logon by %s', async (mechanism) => {
    const server = await realm.nla();
    const { stream } = await connect(server, 'alice', { mechanism });
    const logon = await server.next();
    stream.destroy();
    if (logon.kind === 'refused') throw logon.error;
    const { identity, credentials } = logon.session;
    expect(identity).toMatchObject({ name: 'LAB\\alice', mechanism: mechanism === 'ntlm' ? 'NTLM' : 'Kerberos' });
    expect(credentials).toMatchObject({ kind: 'password', user: 'alice', domain: 'LAB' });
    expect(identity.authorization?.sid).toBe(mechanism === 'ntlm' ? undefined : `${realm.kdc.sid}-1104`);
  });

  test('S11: without a KDC the logon is by NTLM, unless only Kerberos will do', async () => {
    const server = await realm.nla();
    realm.kdc.faults = { unknownServices: true };
    const { stream } = await connect(server);
    const logon = await server.next();
    stream.destroy();
    expect(logon).toMatchObject({ kind: 'accepted', session: { identity: { mechanism: 'NTLM' } } });
    const error = await refusal(connect(server, 'alice', { mechanism: 'kerberos' }));
    expect(error).toMatchObject({ code: 'SPN_UNKNOWN' });
  });

  test.each([
    ['dora', NTSTATUS.ACCOUNT_DISABLED],
    ['erin', NTSTATUS.ACCOUNT_EXPIRED],
    ['lena', NTSTATUS.ACCOUNT_LOCKED_OUT],
    ['mona', NTSTATUS.PASSWORD_MUST_CHANGE],
  ])('K11, N19: %s is refused, by Kerberos and by NTLM, for the same reason', async (user, ntStatus) => {
    const server = await realm.nla();
    const byKerberos = await refusal(connect(server, user, { mechanism: 'kerberos' }));
    expect(byKerberos).toMatchObject({ code: 'ACCOUNT_RESTRICTED', status: SEC_E.LOGON_DENIED, ntStatus });
    const byNtlm = await refusal(connect(server, user, { mechanism: 'ntlm' }));
    expect(byNtlm).toMatchObject({ status: SEC_E.LOGON_DENIED, ntStatus });
  });

  test('Protected Users log on by Kerberos only', async () => {
    const server = await realm.nla();
    const { stream } = await connect(server, 'paula', { mechanism: 'kerberos' });
    stream.destroy();
    const error = await refusal(connect(server, 'paula', { mechanism: 'ntlm' }));
    expect(error).toMatchObject({ status: SEC_E.LOGON_DENIED, ntStatus: NTSTATUS.ACCOUNT_RESTRICTION });
  });

  test('S11: Kerberos only, and a KDC that says nothing: over within the deadline, and no NTLM on the wire', async () => {
    const server = await realm.nla();
    realm.kdc.faults = { silent: true };
    const { kerberos, ...identity } = realm.identity('alice', { mechanism: 'kerberos' });
    const sent: string[] = [];
    const started = performance.now();
    const logon = connectNla({
      host: realm.server,
      stream: createConnection(server),
      identity: { ...identity, kerberos: { ...kerberos, deadline: 300 } },
      platform: realm.host,
      observe: (event) => event.kind === 'exchange' && sent.push(event.event.message),
    });
    expect(await refusal(logon)).toMatchObject({ code: 'KDC_UNREACHABLE', status: SEC_E.NO_AUTHENTICATING_AUTHORITY });
    expect(performance.now() - started).toBeLessThan(1_500);
    expect(sent.join()).not.toContain('NTLM');
  });

  test('the example of the door', async () => {
    const server = await realm.nla();
    const { stream } = await connectNla({
      host: 'localhost',
      port: server.port,
      identity: realm.identity('alice'),
      rootStore: [realm.certificate.certificate],
      platform: realm.host,
    });
    stream.destroy();
    const accepted = { kind: 'accepted', session: { identity: { name: 'LAB\\alice', mechanism: 'Kerberos' } } };
    expect(await server.next()).toMatchObject(accepted);
  });

  test('S11: a wrong password is not tried again by NTLM', async () => {
    const server = await realm.nla();
    const error = await refusal(connect(server, 'alice', { password: 'wrong' }));
    expect(error).toMatchObject({ code: 'LOGON_DENIED', ntStatus: NTSTATUS.WRONG_PASSWORD });
  });
});

describe('somebody in between', () => {
  test.each(['kerberos', 'ntlm'] as const)('Z1: shows a certificate of his own: %s', async (mechanism) => {
    const server = await realm.nla();
    const middle = await realm.middle(server, 'swapped-certificate');
    await refusal(connect(middle, 'alice', { mechanism }));
    // The server is the first who can tell, from the client's proof.
    expect(await server.next()).toMatchObject({ kind: 'refused', error: { code: 'PUBLIC_KEY_MISMATCH' } });
  });

  test('Z12: takes the MIC out', async () => {
    const server = await realm.nla();
    const middle = await realm.middle(server, 'stripped-mic');
    const error = await refusal(connect(middle, 'alice', { mechanism: 'ntlm' }));
    expect(error).toMatchObject({ status: SEC_E.LOGON_DENIED });
    expect(await server.next()).toMatchObject({ kind: 'refused', error: { code: 'MIC_INVALID' } });
  });

  test('Z1: says that the other side is old', async () => {
    const server = await realm.nla();
    const middle = await realm.middle(server, 'old-version');
    await refusal(connect(middle));
    expect(await server.next()).toMatchObject({ kind: 'refused', error: { code: 'VERSION_REFUSED' } });
  });

  test.each([
    ['oversize', 'TOKEN_TOO_LARGE', 4_000],
    ['reset', 'CONNECTION_CLOSED', 4_000],
    ['stalled', 'DEADLINE_EXCEEDED', 300],
  ] as const)('C17: %s: the client is told so, in bounded time', async (fault, code, deadline) => {
    const server = await realm.nla();
    const middle = await realm.middle(server, fault);
    expect(await refusal(connect(middle, 'alice', {}, deadline))).toMatchObject({ code });
  });

  test('Z26: strikes Kerberos from the list: the mechListMIC shows it', async () => {
    const server = await realm.nla();
    const middle = await realm.middle(server, 'struck-kerberos');
    await refusal(connect(middle));
    expect(await server.next()).toMatchObject({ kind: 'refused', error: { code: 'MECH_LIST_MIC_INVALID' } });
  });

  test('Z51: says again what the first client said', async () => {
    const server = await realm.nla();
    const middle = await realm.middle(server, 'replayed');
    const { stream } = await connect(middle);
    stream.destroy();
    expect(await server.next()).toMatchObject({ kind: 'accepted' });
    await refusal(connect(middle));
    expect(await server.next()).toMatchObject({ kind: 'refused', error: { code: 'REPLAY_DETECTED' } });
  });

  test('is slow: the logon goes through, or not, as patient as the client is', async () => {
    const server = await realm.nla();
    const middle = await realm.middle(server, 'slow');
    expect(await refusal(connect(middle, 'alice', {}, 250))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    expect(await server.next()).toMatchObject({ kind: 'refused' });
    const { stream } = await connect(middle);
    stream.destroy();
    expect(await server.next()).toMatchObject({ kind: 'accepted' });
  });

  test('does what a function says', async () => {
    const server = await realm.nla();
    const seen: string[] = [];
    const middle = await realm.middle(server, (request, from) => {
      seen.push(from);
      return request;
    });
    const { stream } = await connect(middle);
    stream.destroy();
    expect(seen.slice(0, 2)).toEqual(['client', 'server']);
  });

  test('does nothing, and the logon goes through', async () => {
    const server = await realm.nla();
    await using middle = await startMiddle({ server, certificate: realm.certificate });
    const { stream } = await connect(middle);
    stream.destroy();
    expect(await server.next()).toMatchObject({ kind: 'accepted' });
  });
});

describe('strangers in the place of the server', () => {
  const soon = (kind: string): number => (kind === 'silent' ? 300 : 4_000);
  test.each([
    ['echo', { code: 'NOT_RDP', stage: 'X.224 Connection Confirm' }],
    ['https', { code: 'CONNECTION_CLOSED', stage: 'X.224 Connection Confirm' }],
    ['silent', { code: 'DEADLINE_EXCEEDED', stage: 'X.224 Connection Confirm' }],
    ['rdp-without-nla', { code: 'RDP_WITHOUT_NLA' }],
    ['rdp-standard', { code: 'RDP_WITHOUT_NLA' }],
  ] as const)('F3, F4: %s', async (kind, expected) => {
    const stranger = await realm.stranger(kind);
    expect(await refusal(connect(stranger, 'alice', {}, soon(kind)))).toMatchObject(expected);
  });

  test('they end with the lab', async () => {
    const other = await lab();
    const { host, port } = await other.stranger('echo');
    await other.close();
    await expect(connect({ host, port })).rejects.toThrow();
  });
});

describe('what Kerberos can do in a lab', () => {
  test('Y6, K2: delegation: the server goes on in the name of the user, and its own server sees him', async () => {
    const client = realm.identity('alice', { mechanism: 'kerberos' });
    const first = await establish(client, realm.acceptor(), { flags: ISC_REQ.DELEGATE });
    const { delegated } = first.acceptor.query('ACCESS_TOKEN');
    if (delegated === undefined) throw new Error('nothing was delegated');
    const onward: AuthData = { ...delegated, kerberos: { configuration: realm.krb5Conf } };
    const second = await establish(onward, realm.acceptor(), { targetName: `HTTP/${realm.server}` });
    expect(second.acceptor.query('ACCESS_TOKEN')).toMatchObject({ name: 'LAB\\alice', mechanism: 'Kerberos' });
    delegated.ccache.dispose();
  });

  test('K12: from user to user', async () => {
    const kerberos = { realm: realm.realm, configuration: realm.krb5Conf };
    const client: AuthData = {
      ...realm.identity('alice', { mechanism: 'kerberos' }),
      kerberos: { ...kerberos, userToUser: 'always' },
    };
    const server: AuthData = {
      kind: 'kerberos-acceptor',
      replayCache: memoryReplayCache(),
      userToUser: realm.identity('bob', { mechanism: 'kerberos' }),
    };
    const { acceptor } = await establish(client, server, { targetName: 'bob' });
    expect(acceptor.query('ACCESS_TOKEN')).toMatchObject({ name: 'LAB\\alice', mechanism: 'Kerberos' });
  });
});

/** Contexts of Negotiate against each other, until both are established. */
async function establish(
  client: AuthData,
  server: AuthData,
  { flags = 0, targetName = realm.targetName }: { readonly flags?: number; readonly targetName?: string } = {},
) {
  const { host } = realm;
  const outbound = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData: client, host });
  const inbound = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: server, host });
  const initiator = outbound.initiate({ flags: ISC_REQ.MUTUAL_AUTH | flags, targetName });
  const acceptor = inbound.accept({ flags: ASC_REQ.MUTUAL_AUTH });
  let turn = await initiator.step();
  for (let legs = 0; legs < 10; legs++) {
    const answer = await acceptor.step('token' in turn ? turn.token : undefined);
    if (answer.status === SEC_E.OK && initiator.state === 'established') break;
    turn = await initiator.step('token' in answer ? answer.token : undefined);
    if (acceptor.state === 'established' && initiator.state === 'established') break;
  }
  return { initiator, acceptor };
}

describe('labs beside each other', () => {
  test('K9: a client of one realm, a server of another that trusts it', async () => {
    await using other = await lab({ realm: 'OTHER.EXAMPLE', accounts: [] });
    realm.trust(other);
    const authData = realm.identity('alice', { mechanism: 'kerberos' });
    const client = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: realm.host });
    const service = { use: SECPKG_CRED.INBOUND, authData: other.acceptor(), host: other.host };
    const server = await negotiatePackage.acquire(service);
    const initiator = client.initiate({ flags: ISC_REQ.MUTUAL_AUTH, targetName: other.targetName });
    const acceptor = server.accept({ flags: ASC_REQ.MUTUAL_AUTH });
    const first = await initiator.step();
    const answer = await acceptor.step('token' in first ? first.token : undefined);
    expect(answer.status).toBe(SEC_E.OK);
    await initiator.step('token' in answer ? answer.token : undefined);
    const { principal, authorization } = acceptor.query('ACCESS_TOKEN');
    expect(principal).toBe('alice@LAB.EXAMPLE');
    expect(authorization?.sid).toBe(`${realm.kdc.sid}-1104`);
    for (const one of [initiator, acceptor, client, server]) one.dispose();
  });

  test('several at once, each with names and keys of its own', async () => {
    await using second = await lab({ listen: true });
    await using third = await lab({ listen: true });
    expect(second.listener?.port).not.toBe(third.listener?.port);
    expect(second.krb5Conf).toContain(`kdc = 127.0.0.1:${second.listener?.port}`);
    expect(second.keytab).not.toEqual(third.keytab);
  });

  test('what was closed is closed, also twice', async () => {
    const one = await lab({ listen: true });
    const server = await one.nla();
    await one.close();
    await one.close();
    await expect(connect(server)).rejects.toMatchObject({ code: expect.stringMatching(/CONNECTION/) });
    expect(one.keytab.every((octet) => octet === 0)).toBe(true);
  });

  test('no password of the lab is in what is printed of it', () => {
    expect(inspect(realm, { depth: 10 })).not.toContain(LAB_ACCOUNTS[0]?.password);
  });
});
