import { afterAll, describe, expect, test } from 'vitest';
import { ALICE, Peers } from './peers.ts';
import { accepting, sspi, verdictOf } from './sspi-command.ts';

const peers = new Peers();
afterAll(() => peers.stop());

const accounts = peers.file('accounts', `${ALICE.domain}:${ALICE.user}:${ALICE.password}\n`);
const right = peers.file('right', `${ALICE.password}\n`);
const wrong = peers.file('wrong', 'not the password\n');
/** Application data of channel bindings, and of another channel. */
const channel = Buffer.from('tls-server-end-point:0123456789abcdef').toString('hex');
const otherChannel = Buffer.from('tls-server-end-point:fedcba9876543210').toString('hex');

const CASES = [
  { protocol: 'ntlm', peer: ['--mech', 'ntlm'] },
  { protocol: 'negotiate', peer: ['--mech', 'spnego', '--neg', 'ntlm'] },
] as const;

describe.each(CASES)('$protocol, we initiate, gss-ntlmssp accepts', ({ protocol, peer }) => {
  /** Starts the peer and logs on to it. GSS-NTLMSSP has no gss_wrap_iov, so that no `M` frames are sent. */
  async function logOn(passwordFile: string, peerArgs: readonly string[] = [], args: readonly string[] = []) {
    const server = peers.start('gss-peer.py', [
      'server',
      '--port',
      '0',
      '--users',
      accounts,
      '--once',
      ...peer,
      ...peerArgs,
    ]);
    const { listening } = JSON.parse(await server.line());
    const who = ['--user', ALICE.user, '--domain', ALICE.domain, '--password-file', passwordFile];
    const ran = await sspi('peer', 'initiate', '--protocol', protocol, '--port', String(listening), ...who, ...args);
    return { ran, server: JSON.parse(await server.line()) };
  }

  test('N9, N14: right password: the same session key, and messages wrapped and signed both ways', async () => {
    const { ran, server } = await logOn(right, [], ['--data', 'héllo', '--kinds', 'W,S,W,S']);
    const verdict = verdictOf(ran);
    expect(verdict).toMatchObject({ ok: true, mechanism: 'NTLM', data: Array(4).fill('echo:héllo') });
    expect(server).toMatchObject({ ok: true, initiator_name: 'EXAMPLE\\alice', sessionKey: verdict['sessionKey'] });
    expect(ran.code).toBe(0);
  });

  test('Z22: wrong password: no context', async () => {
    const { ran, server } = await logOn(wrong);
    expect(server).toMatchObject({ ok: false });
    expect(verdictOf(ran)).toMatchObject({ ok: false });
    expect(ran.code).toBe(1);
  });

  test('N10: channel bindings: the same channel is accepted', async () => {
    const { ran, server } = await logOn(right, ['--cbt', channel], ['--channel-bindings', channel, '--data', 'bound']);
    expect(server).toMatchObject({ ok: true });
    expect(verdictOf(ran)).toMatchObject({ ok: true, data: ['echo:bound'] });
  });

  test('N10: channel bindings: another channel is refused', async () => {
    const { ran, server } = await logOn(right, ['--cbt', channel], ['--channel-bindings', otherChannel]);
    expect(server).toMatchObject({ ok: false });
    expect(ran.code).toBe(1);
  });
});

describe.each(CASES)('$protocol, gss-ntlmssp initiates, we accept', ({ protocol, peer }) => {
  async function beLoggedOn(password: string, peerArgs: readonly string[] = [], args: readonly string[] = []) {
    const { port, done } = await accepting('--protocol', protocol, '--accounts', accounts, ...args);
    const who = ['--user', `${ALICE.domain}\\${ALICE.user}`, '--password', password, '--ops', 'W,S,W,S'];
    const client = await peers.run('gss-peer.py', ['client', '--port', String(port), ...peer, ...who, ...peerArgs]);
    return { ran: await done, client: JSON.parse(client.output.split('\n')[0] ?? '') };
  }

  test('N9, N14: right password: the same session key, and messages wrapped and signed both ways', async () => {
    const { ran, client } = await beLoggedOn(ALICE.password);
    const verdict = verdictOf(ran);
    expect(verdict).toMatchObject({ ok: true, principal: 'EXAMPLE\\alice', mechanism: 'NTLM' });
    expect(client).toMatchObject({ ok: true, sessionKey: verdict['sessionKey'], data: { W: true, S: true } });
    expect(ran.code).toBe(0);
  });

  test('N10: the service that the client asked for', async () => {
    const { ran } = await beLoggedOn(ALICE.password);
    expect(verdictOf(ran)).toMatchObject({ target: 'TERMSRV/host.example.test' });
  });

  test('Z22: wrong password: LOGON_DENIED', async () => {
    const { ran, client } = await beLoggedOn('not the password');
    expect(verdictOf(ran)).toMatchObject({ ok: false, code: 'LOGON_DENIED', ntStatus: '0xc000006d' });
    expect(client).toMatchObject({ ok: false });
    expect(ran.code).toBe(1);
  });

  test('N19: channel bindings: the same channel is accepted', async () => {
    const { ran, client } = await beLoggedOn(ALICE.password, ['--cbt', channel], ['--channel-bindings', channel]);
    expect(verdictOf(ran)).toMatchObject({ ok: true });
    expect(client).toMatchObject({ ok: true });
  });

  test.each([
    ['another channel', ['--cbt', otherChannel]],
    ['no bindings', []],
  ])('N19, Z18: channel bindings: %s is refused', async (_, bindings) => {
    const { ran } = await beLoggedOn(ALICE.password, bindings, ['--channel-bindings', channel]);
    expect(verdictOf(ran)).toMatchObject({ ok: false, code: 'BAD_BINDINGS' });
  });
});
