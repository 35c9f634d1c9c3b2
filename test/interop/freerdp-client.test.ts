import { afterAll, describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { type AcceptNlaOptions, RDP_PROTOCOL } from '../../src/rdp/index.ts';
import { NTSTATUS } from '../../src/sspi/index.ts';
import { MCS_CONNECT } from './mcs.ts';
import { acceptOne, certificateOf } from './nla-server.ts';
import { ALICE, CAROL, Peers } from './peers.ts';

const peers = new Peers();
afterAll(async () => {
  await peers.run('xfreerdp-auth.sh', ['stop']);
  await peers.stop();
});

/**
 * Exit codes of xfreerdp 2.11: it has one of its own for each NTSTATUS that it knows, and 132 for all others. After a logon it
 * goes on with MCS, where our server ends: that is 147, too, so that a good logon is judged by what the server got.
 */
const EXIT = { authenticationFailure: 132, logonFailure: 134, accountDisabled: 151, closed: 147 } as const;

type Account = { readonly domain: string; readonly user: string; readonly password: string };

function xfreerdp(account: Account, options: Partial<AcceptNlaOptions> = {}) {
  const { user, domain, password } = account;
  const run = (port: number) => peers.run('xfreerdp-auth.sh', ['127.0.0.1', String(port), user, domain, password]);
  return acceptOne(run, options);
}

const wrong = { ...ALICE, password: 'not the password' };

describe('xfreerdp against our acceptor', () => {
  test.each([
    ['TLSv1.2', 'rsa'],
    ['TLSv1.3', 'rsa'],
    ['TLSv1.2', 'ec'],
    ['TLSv1.3', 'ec'],
  ] as const)('F1, C14: %s, %s key, right password: the credentials are those that were sent', async (version, key) => {
    const tls = { minVersion: version, maxVersion: version };
    const { server } = await xfreerdp(ALICE, { tls, certificate: certificateOf(key) });
    expect(server).toMatchObject({
      status: 'fulfilled',
      value: { identity: { name: 'EXAMPLE\\alice', mechanism: 'NTLM' }, ...ALICE, version: 6, tls: version },
    });
  });

  test('F1, F2: it shows its cookie, selects HYBRID and goes on with MCS', async () => {
    const { server } = await xfreerdp(ALICE);
    const value = { cookie: 'alice', selectedProtocol: RDP_PROTOCOL.HYBRID, next: MCS_CONNECT.initial };
    expect(server).toMatchObject({ status: 'fulfilled', value });
  });

  test('X7: a local account whose password is not ASCII', async () => {
    const { server } = await xfreerdp(CAROL);
    expect(server).toMatchObject({ status: 'fulfilled', value: { identity: { name: 'carol' }, ...CAROL } });
  });

  test.each([2, 3, 4, 5, 6])('X14, X30: right password at version %i', async (version) => {
    const { server } = await xfreerdp(ALICE, { credssp: { maxVersion: version, minVersion: 2 } });
    expect(server).toMatchObject({ status: 'fulfilled', value: { ...ALICE, version, next: MCS_CONNECT.initial } });
  });

  test.each([3, 4, 6])('C13, X20: wrong password at version %i: it is told STATUS_LOGON_FAILURE', async (version) => {
    const { server, client } = await xfreerdp(wrong, { credssp: { maxVersion: version, minVersion: 2 } });
    expect(server).toMatchObject({
      status: 'rejected',
      reason: { code: 'LOGON_DENIED', ntStatus: NTSTATUS.LOGON_FAILURE },
    });
    expect(client.output).toContain('STATUS_LOGON_FAILURE [0xC000006D] from server');
    expect(client.code).toBe(EXIT.logonFailure);
  });

  test.each([2, 5])(
    'X20: wrong password at version %i, which has no errorCode: the connection is closed',
    async (version) => {
      const { server, client } = await xfreerdp(wrong, { credssp: { maxVersion: version, minVersion: 2 } });
      expect(server).toMatchObject({ status: 'rejected', reason: { code: 'LOGON_DENIED' } });
      expect(client.code).toBe(EXIT.closed);
    },
  );

  test('Z7: an unknown user looks like a wrong password', async () => {
    const { server, client } = await xfreerdp({ ...ALICE, user: 'nobody' });
    expect(server).toMatchObject({
      status: 'rejected',
      reason: { code: 'LOGON_DENIED', ntStatus: NTSTATUS.LOGON_FAILURE },
    });
    expect(client.code).toBe(EXIT.logonFailure);
  });

  test('T8: a disabled account whose password is right is told so', async () => {
    const accounts = memoryAccounts([{ ...ALICE, restriction: NTSTATUS.ACCOUNT_DISABLED }]);
    const { server, client } = await xfreerdp(ALICE, { identity: { kind: 'acceptor', accounts } });
    expect(server).toMatchObject({ status: 'rejected', reason: { code: 'ACCOUNT_RESTRICTED' } });
    expect(client.code).toBe(EXIT.accountDisabled);
  });

  test('T8: without its accounts the server says that it has no authority to ask: 132 for an NTSTATUS that it does not know', async () => {
    const accounts = { find: () => Promise.reject(new Error('the database is gone')) };
    const { server, client } = await xfreerdp(ALICE, { identity: { kind: 'acceptor', accounts } });
    expect(server).toMatchObject({ status: 'rejected' });
    expect(client.output).toContain('STATUS_NO_LOGON_SERVERS');
    expect(client.code).toBe(EXIT.authenticationFailure);
  });
});
