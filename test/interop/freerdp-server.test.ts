import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ConnectNlaOptions, connectNla, type NlaConnection, RDP_PROTOCOL } from '../../src/rdp/index.ts';
import { type ExchangeEvent, NTSTATUS, SspiError } from '../../src/sspi/index.ts';
import { MCS_CONNECT, mcsConnectInitial, mcsTag } from './mcs.ts';
import { ALICE, CAROL, freePort, Peers } from './peers.ts';

const peers = new Peers();
let port = 0;
let certificate = '';
let env: Record<string, string> = {};

beforeAll(async () => {
  port = await freePort();
  env = { FREERDP_SHADOW_PORT: String(port) };
  await peers.must('freerdp-shadow.sh', ['start'], env);
  certificate = peers.read('freerdp-shadow/home/.config/freerdp/shadow/shadow.crt');
});
afterAll(async () => {
  await peers.run('freerdp-shadow.sh', ['stop'], env);
  await peers.stop();
});

/** FreeRDP 2 does not know SPNEGO without Kerberos: NTLM goes in bare, as it does from mstsc (contract X23). */
const BARE_NTLM = { mechanism: 'ntlm' } as const;

function logOn(options: Partial<ConnectNlaOptions> = {}): Promise<NlaConnection> {
  const identity = { kind: 'identity', ...ALICE } as const;
  return connectNla({ host: '127.0.0.1', port, identity, credssp: BARE_NTLM, legTimeout: 5_000, ...options });
}

/** Goes one step further: a server that answers MCS Connect Initial has let us in. */
async function letIn({ stream, session }: NlaConnection): Promise<string> {
  const answer = once(stream, 'data');
  stream.write(mcsConnectInitial(session.selectedProtocol));
  const [tpkt]: unknown[] = await answer;
  stream.destroy();
  return tpkt instanceof Uint8Array ? mcsTag(tpkt) : '';
}

async function refused(logon: Promise<NlaConnection>): Promise<SspiError> {
  const outcome = await logon.catch((error: unknown) => error);
  if (outcome instanceof SspiError) return outcome;
  throw new Error('the logon was not refused');
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('our connector against freerdp-shadow-cli, %s', (version) => {
  const tls = { minVersion: version, maxVersion: version } as const;

  test('F1, F6, X14: right password: the server lets us in and goes on', async () => {
    const events: ExchangeEvent[] = [];
    const connection = await logOn({ tls, observe: (event) => event.kind === 'exchange' && events.push(event.event) });
    expect(connection.session).toMatchObject({ version: 6, selectedProtocol: RDP_PROTOCOL.HYBRID });
    expect(connection.stream.getProtocol()).toBe(version);
    expect(events.filter(({ protocol }) => protocol === 'CredSSP').map(({ message }) => message)).toEqual([
      'TSRequest v6 {negoTokens: NTLM NEGOTIATE}',
      'TSRequest v6 {negoTokens: NTLM CHALLENGE, clientNonce}',
      'TSRequest v6 {negoTokens: NTLM AUTHENTICATE, pubKeyAuth, clientNonce}',
      'TSRequest v6 {pubKeyAuth, clientNonce}',
      'TSRequest v6 {authInfo}',
    ]);
    expect(await letIn(connection)).toBe(MCS_CONNECT.response);
  });

  test('N8: a local account whose password is not ASCII', async () => {
    const connection = await logOn({ tls, identity: { kind: 'identity', ...CAROL } });
    expect(await letIn(connection)).toBe(MCS_CONNECT.response);
  });

  // FreeRDP 2.11 finds a wrong password when it verifies the MIC, in CompleteAuthToken, and hangs up without an errorCode.
  test('Z22: wrong password: refused, and the error says what it most likely means', async () => {
    const error = await refused(logOn({ tls, identity: { kind: 'identity', ...ALICE, password: 'wrong' } }));
    expect(error).toMatchObject({ code: 'CONNECTION_CLOSED', stage: 'TSRequest' });
    expect(error.message).toContain('the password or the account is wrong');
  });

  // At versions 2 to 4 the server echoes its key plus one; that of 2.11 is right, whatever is said of other releases.
  test.each([2, 3, 4, 5, 6])('X14, X30: TSRequest pinned at version %i: right and wrong password', async (pinned) => {
    const credssp = { ...BARE_NTLM, maxVersion: pinned, minVersion: pinned };
    const connection = await logOn({ tls, credssp });
    expect(connection.session.version).toBe(pinned);
    expect(await letIn(connection)).toBe(MCS_CONNECT.response);
    const error = await refused(logOn({ tls, credssp, identity: { kind: 'identity', ...ALICE, password: 'wrong' } }));
    expect(error.code).toBe('CONNECTION_CLOSED');
  });
});

describe('our connector and the certificate of freerdp-shadow-cli', () => {
  test('Y6, F8: its self-signed certificate is not trusted, and that is no obstacle', async () => {
    const { session, stream } = await logOn();
    expect(session.trust.errorStatus).not.toBe(0);
    stream.destroy();
  });

  test('Y6, Y14: where the server must be authenticated, the certificate has to be trusted', async () => {
    const error = await refused(logOn({ requireServerAuthentication: true }));
    expect(error.code).toBe('MUTUAL_AUTH_FAILED');
    const trusted = await logOn({ requireServerAuthentication: true, rootStore: [certificate] });
    expect(trusted.session.trust).toMatchObject({ errorStatus: 0, policyStatus: 0 });
    expect(await letIn(trusted)).toBe(MCS_CONNECT.response);
  });

  test('Y12: a target that the policy does not allow gets no password', async () => {
    const error = await refused(logOn({ targetName: 'HTTP/127.0.0.1' }));
    expect(error.code).toBe('DELEGATION_POLICY');
  });

  test('X20, T7: what FreeRDP does not understand it refuses with an errorCode that is no NTSTATUS', async () => {
    const error = await refused(logOn({ credssp: { mechanism: 'negotiate' } }));
    expect(error.code).toBe('PEER_REFUSED');
    expect(error.ntStatus).not.toBe(NTSTATUS.SUCCESS);
  });
});
