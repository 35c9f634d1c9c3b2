import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { Endpoint } from '../../src/cli/endpoint.ts';
import { ASC_REQ, ISC_REQ, SEC_E, SEC_I, SECPKG_ATTR } from '../../src/sspi/index.ts';
import { ALICE, type LineProcess, Peers } from './peers.ts';

const peers = new Peers();
const ends: Endpoint[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end.close();
});
afterAll(() => peers.stop());

const FEATURES = 'SF NTLMSSP_FEATURE_SESSION_KEY NTLMSSP_FEATURE_SIGN NTLMSSP_FEATURE_SEAL';

async function initiator(protocol: 'ntlm' | 'negotiate', password: string): Promise<Endpoint> {
  const contextReq = ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY | ISC_REQ.REPLAY_DETECT | ISC_REQ.SEQUENCE_DETECT;
  const authData = { kind: 'identity', ...ALICE, password } as const;
  return opened(
    await Endpoint.open({ protocol, role: 'initiator', contextReq, targetName: 'HTTP/host.example.test', authData }),
  );
}

/** The SPNEGO client of ntlm_auth authenticates only: it offers no sealing, and cannot be told to. */
async function acceptor(protocol: 'ntlm' | 'negotiate'): Promise<Endpoint> {
  const contextReq = protocol === 'ntlm' ? ASC_REQ.CONFIDENTIALITY | ASC_REQ.INTEGRITY : 0;
  const authData = { kind: 'acceptor', accounts: memoryAccounts([ALICE]) } as const;
  return opened(await Endpoint.open({ protocol, role: 'acceptor', contextReq, authData }));
}

function opened(end: Endpoint): Endpoint {
  ends.push(end);
  return end;
}

const toBase64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
const fromBase64 = (text: string | undefined): Uint8Array => Uint8Array.from(Buffer.from(text ?? '', 'base64'));
const sessionKeyOf = async (end: Endpoint): Promise<string> =>
  toBase64((await end.attribute(SECPKG_ATTR.SESSION_KEY))?.sessionKey.reveal() ?? new Uint8Array(0));

/** Sends our tokens to ntlm_auth and its tokens to us, until it says `AF` or `NA`. */
async function logOnTo(server: LineProcess, end: Endpoint) {
  let call = await end.call();
  let reply = await server.ask(`YR ${toBase64(call.token)}`);
  while (reply.startsWith('TT ')) {
    call = await end.call(fromBase64(reply.split(' ')[1]));
    reply = await server.ask(`KK ${toBase64(call.token)}`);
  }
  return { call, reply };
}

/** The other way round, until our context says what it thinks. */
async function beLoggedOnBy(client: LineProcess, end: Endpoint) {
  let said = await client.ask('YR');
  for (;;) {
    const call = await end.call(fromBase64(said.split(' ')[1]));
    if (call.status !== SEC_I.CONTINUE_NEEDED) return { call, client };
    said = await client.ask(`TT ${toBase64(call.token)}`);
  }
}

describe("NTLM against Samba's ntlm_auth", () => {
  test('N9, N11: it accepts our logon, with the same session key', async () => {
    const server = peers.start('ntlm-auth.sh', ['server', ALICE.password]);
    await server.ask(FEATURES);
    const end = await initiator('ntlm', ALICE.password);
    const { call, reply } = await logOnTo(server, end);
    expect(reply).toBe('AF EXAMPLE\\alice');
    expect(call.status).toBe(SEC_E.OK);
    expect(await server.ask('GK')).toBe(`GK ${await sessionKeyOf(end)}`);
  });

  test('Z22: it refuses a wrong password', async () => {
    const server = peers.start('ntlm-auth.sh', ['server', ALICE.password]);
    const { reply } = await logOnTo(server, await initiator('ntlm', 'wrong'));
    expect(reply).toMatch(/^NA NT_STATUS_/u);
  });

  test('N9, N11: we accept its logon, with the same session key', async () => {
    const client = peers.start('ntlm-auth.sh', ['client', ALICE.user, ALICE.domain, ALICE.password]);
    await client.ask(FEATURES);
    const end = await acceptor('ntlm');
    const { call } = await beLoggedOnBy(client, end);
    expect(call.error).toBeUndefined();
    expect(call.status).toBe(SEC_E.OK);
    expect((await end.attribute(SECPKG_ATTR.NAMES))?.userName).toBe('EXAMPLE\\alice');
    expect(await client.ask('GK')).toBe(`GK ${await sessionKeyOf(end)}`);
  });

  test('Z22: we refuse its wrong password', async () => {
    const client = peers.start('ntlm-auth.sh', ['client', ALICE.user, ALICE.domain, 'wrong']);
    await client.ask(FEATURES);
    const { call } = await beLoggedOnBy(client, await acceptor('ntlm'));
    expect(call).toMatchObject({ status: SEC_E.LOGON_DENIED, error: { code: 'LOGON_DENIED' } });
  });
});

describe("SPNEGO with NTLM against Samba's ntlm_auth", () => {
  test('S2, S4: it accepts our logon', async () => {
    const server = peers.start('ntlm-auth.sh', ['spnego-server', ALICE.password]);
    const end = await initiator('negotiate', ALICE.password);
    let call = await end.call();
    let reply = await server.ask(`YR ${toBase64(call.token)}`);
    for (let leg = 0; leg < 3 && reply.startsWith('TT '); leg++) {
      call = await end.call(fromBase64(reply.split(' ')[1]));
      reply = await server.ask(`KK ${toBase64(call.token)}`);
    }
    // AF, its last token, and who it was.
    expect(reply).toMatch(/^AF \S+ EXAMPLE\\alice$/u);
    call = await end.call(fromBase64(reply.split(' ')[1]));
    expect(call.error).toBeUndefined();
    expect(call.status).toBe(SEC_E.OK);
    expect(call.events.map(({ message }) => message)).toContainEqual(expect.stringContaining('mechListMIC'));
  });

  test('Z22: it refuses a wrong password', async () => {
    const server = peers.start('ntlm-auth.sh', ['spnego-server', ALICE.password]);
    const { reply } = await logOnTo(server, await initiator('negotiate', 'wrong'));
    expect(reply).toMatch(/^NA /u);
  });

  test('S2, S4, S6: we accept its logon', async () => {
    const client = peers.start('ntlm-auth.sh', ['spnego-client', ALICE.user, ALICE.domain, ALICE.password]);
    const end = await acceptor('negotiate');
    const { call } = await beLoggedOnBy(client, end);
    expect(call.error).toBeUndefined();
    expect(call.status).toBe(SEC_E.OK);
    expect((await end.attribute(SECPKG_ATTR.NAMES))?.userName).toBe('EXAMPLE\\alice');
    expect((await end.attribute(SECPKG_ATTR.NEGOTIATION_PACKAGE))?.name).toBe('NTLM');
    expect(await client.ask(`TT ${toBase64(call.token)}`)).toMatch(/^AF/u);
  });

  test('Z22: we refuse its wrong password', async () => {
    const client = peers.start('ntlm-auth.sh', ['spnego-client', ALICE.user, ALICE.domain, 'wrong']);
    const { call } = await beLoggedOnBy(client, await acceptor('negotiate'));
    expect(call).toMatchObject({ status: SEC_E.LOGON_DENIED, error: { code: 'LOGON_DENIED' } });
  });
});
