/** What AcceptSecurityContext of CREDSSP returns itself (contract C9), each code in a situation that a server really comes into. */
import { describe, expect, test } from 'vitest';
import { type AcceptorIdentity, ASC_REQ, ISC_REQ, SEC_I, type SspiOptions, systemHost } from '../../src/index.ts';
import { accept, initiate, received, room, type Side } from '../api/door.ts';
import { inbound, outbound, TARGET, table } from './support.ts';

interface Situation {
  /** Of the server's table. */
  readonly sspi?: Partial<SspiOptions>;
  readonly identity?: AcceptorIdentity;
  /** What the client says its password is. */
  readonly password?: string;
  /** Of the server. */
  readonly contextReq?: number;
  readonly change?: (token: Uint8Array) => Uint8Array;
}

/** An honest client against the server of a situation, until the server has had enough; and what the client made of its last word. */
async function refused(situation: Situation): Promise<{ server: Side; client: Side }> {
  const { identity, password = 'AlicePass1!', contextReq = 0, change = (token) => token } = situation;
  const near = table();
  const far = table(situation.sspi);
  const alice = { kind: 'identity', domain: 'EXAMPLE', user: 'alice', password } as const;
  const into = await inbound(far, 'CREDSSP', { identity });
  let client = await initiate(near, {
    credential: await outbound(near, 'CREDSSP', { identity: alice, options: { mechanism: 'ntlm' } }),
    targetName: TARGET,
    contextReq: ISC_REQ.DELEGATE,
  });
  let server = await accept(far, { credential: into, input: change(client.token), contextReq });
  for (let leg = 0; leg < 5 && server.result.status === SEC_I.CONTINUE_NEEDED; leg++) {
    client = await initiate(near, { context: client.context, input: server.token, contextReq: ISC_REQ.DELEGATE });
    server = await accept(far, { context: server.context, input: change(client.token), contextReq });
  }
  if (server.token.length > 0) client = await initiate(near, { context: client.context, input: server.token });
  return { server, client };
}

const failing = (): never => {
  throw new Error('not today');
};

describe('AcceptSecurityContext (CredSSP)', () => {
  test('C9, C13: SEC_E_NO_AUTHENTICATING_AUTHORITY: the directory is down', async () => {
    const accounts = { find: () => Promise.reject(new Error('no answer')) };
    const { server, client } = await refused({ identity: { kind: 'acceptor', accounts } });
    expect(server.result.status).toBe(0x80090311);
    // STATUS_NO_LOGON_SERVERS.
    expect([client.result.status, client.result.error?.ntStatus]).toEqual([0x80090311, 0xc000005e]);
  });

  test('C9, C13: SEC_E_INTERNAL_ERROR: the random source fails', async () => {
    // The handshake goes well; what fails is the challenge of eight octets.
    const bytes = (length: number) => (length === 8 ? failing() : systemHost.random.bytes(length));
    const { server, client } = await refused({ sspi: { host: { ...systemHost, random: { bytes } } } });
    expect([server.result.status, server.result.error?.code]).toEqual([0x80090304, 'INTERNAL_ERROR']);
    // STATUS_INTERNAL_ERROR, and not what went wrong.
    expect([client.result.status, client.result.error?.ntStatus]).toEqual([0x80090304, 0xc00000e5]);
    expect(String(client.result.error)).not.toContain('not today');
  });

  test('C9, C17: SEC_E_INSUFFICIENT_MEMORY: a TSRequest above the limit of the server', async () => {
    const { server } = await refused({ sspi: { limits: { maxToken: 64 } } });
    expect([server.result.status, server.result.error?.code]).toEqual([0x80090300, 'TOKEN_TOO_LARGE']);
  });

  test('C9, C13: SEC_E_LOGON_DENIED: a wrong password', async () => {
    const { server, client } = await refused({ password: 'wrong' });
    expect(server.result.status).toBe(0x8009030c);
    expect([client.result.status, client.result.error?.ntStatus]).toEqual([0x8009030c, 0xc000006d]);
  });

  test('C9: what the first call itself can say', async () => {
    const sspi = table();
    const credential = await inbound(sspi, 'CREDSSP');
    const hello = await initiate(sspi, { credential: await outbound(sspi, 'CREDSSP'), targetName: TARGET });
    const status = async (
      given: Omit<Parameters<typeof sspi.acceptSecurityContext>[0], 'output'>,
      token = hello.token,
    ) => (await sspi.acceptSecurityContext({ input: received(token).desc, output: room(9000).desc, ...given })).status;
    const noTls = new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n');
    expect(await status({ credential }, noTls)).toBe(0x80090308); // SEC_E_INVALID_TOKEN
    expect(await status({ credential }, hello.token.subarray(0, -1))).toBe(0x80090318); // SEC_E_INCOMPLETE_MESSAGE
    expect(await status({ credential, contextReq: ASC_REQ.DATAGRAM })).toBe(0x80090302); // SEC_E_UNSUPPORTED_FUNCTION
    expect(await status({ credential: await outbound(sspi, 'CREDSSP') })).toBe(0x8009030e); // SEC_E_NO_CREDENTIALS
    expect(await status({ credential })).toBe(0x00090312); // SEC_I_CONTINUE_NEEDED
    await sspi.freeCredentialsHandle({ credential });
    expect(await status({ credential })).toBe(0x80090301); // SEC_E_INVALID_HANDLE
  });
});
