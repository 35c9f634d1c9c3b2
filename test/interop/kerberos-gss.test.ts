/** Kerberos and SPNEGO with Kerberos against MIT's C library, both roles, with tickets of MIT's KDC. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { memoryAccounts, memoryReplayCache } from '../../src/acceptor/index.ts';
import { decode, encode } from '../../src/der/index.ts';
import { nodeHost } from '../../src/host/node.ts';
import {
  decodeGssToken,
  encodeGssToken,
  GSS_MECHANISM,
  KerbTgtReply,
  KerbTgtRequest,
  kerberosPackage,
  Ticket,
  TOKEN_ID,
} from '../../src/kerberos/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import {
  type AcceptOptions,
  type AuthData,
  type InitiateOptions,
  ISC_REQ,
  ISC_RET,
  type KerberosAcceptorSettings,
  type KerberosSettings,
  SECPKG_CRED,
  type SecurityContext,
  type SecurityPackage,
} from '../../src/sspi/index.ts';
import { ALICE, freePort, Peers } from './peers.ts';
import { beLoggedOn, logOn } from './sample-peer.ts';

const peers = new Peers();
const path = (name: string): string => join(peers.state, 'mit-kdc', name);
let environment: Record<string, string> = {};
let kerberos: KerberosSettings;

beforeAll(async () => {
  const [kdc, other, admin, passwords] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  const ports = {
    MIT_KDC_PORT: `${kdc}`,
    MIT_KDC_PORT2: `${other}`,
    MIT_KADMIN_PORT: `${admin}`,
    MIT_KPASSWD_PORT: `${passwords}`,
  };
  environment = { ...ports, KRB5_CONFIG: path('krb5.conf'), KRB5_KTNAME: path('service.keytab') };
  await peers.must('mit-kdc.sh', ['start'], environment);
  kerberos = { configuration: readFileSync(path('krb5.conf'), 'utf8') };
});

afterAll(async () => {
  await peers.run('mit-kdc.sh', ['stop'], environment);
  await peers.stop();
});

const TARGET = 'TERMSRV/host.example.test';
const EVERYTHING =
  ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY | ISC_REQ.REPLAY_DETECT | ISC_REQ.SEQUENCE_DETECT;
const ALL_KINDS = ['W', 'I', 'S', 'M', 'W', 'I'] as const;
const ECHOES = { W: 'echo:héllo W', I: 'echo:héllo I', S: 'echo:héllo S', M: 'echo:héllo M' };

const channel = new TextEncoder().encode('tls-server-end-point:0123456789abcdef');
const otherChannel = new TextEncoder().encode('tls-server-end-point:fedcba9876543210');
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex');

async function client(
  of: SecurityPackage,
  options: Partial<InitiateOptions> = {},
  settings: Partial<KerberosSettings> = {},
  who: { readonly user: string; readonly password: string } = ALICE,
): Promise<SecurityContext> {
  const authData: AuthData = {
    kind: 'identity',
    user: who.user,
    domain: 'EXAMPLE',
    password: who.password,
    kerberos: { ...kerberos, ...settings },
  };
  const credential = await of.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: nodeHost });
  return credential.initiate({ flags: EVERYTHING, targetName: TARGET, ...options });
}

async function service(
  of: SecurityPackage,
  options: Partial<AcceptOptions> = {},
  settings: Partial<KerberosAcceptorSettings> = {},
): Promise<SecurityContext> {
  const kerberosService = {
    keytab: readFileSync(path('service.keytab')),
    replayCache: memoryReplayCache(),
    ...settings,
  };
  const authData: AuthData = { kind: 'acceptor', accounts: memoryAccounts([ALICE]), kerberosService };
  const credential = await of.acquire({ use: SECPKG_CRED.INBOUND, authData, host: nodeHost });
  return credential.accept({ flags: 0, ...options });
}

/** A C acceptor; the second line that it prints is its verdict. */
async function accepting(...args: readonly string[]) {
  const server = peers.start('gss-peer.py', ['server', '--port', '0', '--once', ...args], environment);
  const { listening } = JSON.parse(await server.line());
  return { port: Number(listening), verdict: async () => JSON.parse(await server.line()) };
}

const MECHANISMS = [
  { name: 'krb5', of: kerberosPackage, args: ['--mech', 'krb5'] },
  { name: 'SPNEGO with krb5', of: negotiatePackage, args: ['--mech', 'spnego', '--neg', 'krb5'] },
] as const;

test.each([
  ['aes256', TARGET],
  ['rc4', 'HTTP/rc4.example.test'],
])(
  "L6: a context that moves before every message is still the one that MIT's library knows: %s",
  async (_, targetName) => {
    const { port, verdict } = await accepting('--mech', 'krb5');
    const context = await client(kerberosPackage, { targetName }, { encryptionTypes: [18, 23] });
    const { exportContext, importContext } = kerberosPackage;
    if (exportContext === undefined || importContext === undefined) throw new TypeError('they do not move');
    const { echoes } = await logOn(port, context, ALL_KINDS, async (here) =>
      importContext(exportContext(here), nodeHost),
    );
    expect(await verdict()).toMatchObject({ ok: true });
    expect(echoes).toEqual(ECHOES);
  },
);

describe.each(MECHANISMS)("we initiate, MIT's library accepts: $name", ({ of, args }) => {
  test('K5, K10: mutual authentication, one session key, messages of every kind', async () => {
    const { port, verdict } = await accepting(...args);
    const context = await client(of);
    const { echoes } = await logOn(port, context, ALL_KINDS);
    const said = await verdict();
    expect(said).toMatchObject({ ok: true, initiator_name: 'alice@EXAMPLE.TEST' });
    expect(said.sessionKey).toBe(hex(context.query('SESSION_KEY').sessionKey.reveal()));
    expect(said.flags).toEqual(
      expect.arrayContaining(['mutual_authentication', 'confidentiality', 'integrity', 'out_of_sequence_detection']),
    );
    expect(echoes).toEqual(ECHOES);
  });

  test.each([
    ['aes128', 'HTTP/aes128.example.test'],
    ['aes-sha2', 'HTTP/sha2.example.test'],
    ['rc4', 'HTTP/rc4.example.test'],
  ])('K6, K7: %s', async (_, targetName) => {
    const { port, verdict } = await accepting(...args);
    const { echoes } = await logOn(port, await client(of, { targetName }, { encryptionTypes: [18, 17, 20, 19, 23] }), [
      'W',
      'I',
      'S',
    ]);
    expect(await verdict()).toMatchObject({ ok: true });
    expect(echoes).toEqual({ W: ECHOES.W, I: ECHOES.I, S: ECHOES.S });
  });

  test('without mutual authentication', async () => {
    const { port, verdict } = await accepting(...args);
    const { echoes } = await logOn(port, await client(of, { flags: ISC_REQ.CONFIDENTIALITY }), ['W', 'S']);
    expect(await verdict()).toMatchObject({ ok: true });
    expect(echoes).toEqual({ W: ECHOES.W, S: ECHOES.S });
  });

  test.each([
    ['the same', channel, true],
    ['another', otherChannel, false],
  ])('Z52: bound to %s channel', async (_, applicationData, ok) => {
    const { port, verdict } = await accepting(...args, '--cbt', hex(channel));
    await logOn(port, await client(of, { channelBindings: { applicationData } }));
    expect(await verdict()).toMatchObject({ ok });
  });

  test('Y6: delegation to a service that the KDC trusts', async () => {
    const { port, verdict } = await accepting(...args);
    const context = await client(of, { flags: EVERYTHING | ISC_REQ.DELEGATE });
    await logOn(port, context, ['W']);
    expect(await verdict()).toMatchObject({ ok: true, flags: expect.arrayContaining(['delegate_to_peer']) });
    expect(context.query('FLAGS').flags & ISC_RET.DELEGATE).not.toBe(0);
  });

  test('Y6: and not to another', async () => {
    const { port, verdict } = await accepting(...args);
    const context = await client(of, { flags: EVERYTHING | ISC_REQ.DELEGATE, targetName: 'WSMAN/host.example.test' });
    await logOn(port, context, ['W']);
    expect((await verdict()).flags).not.toContain('delegate_to_peer');
    expect(context.query('FLAGS').flags & ISC_RET.DELEGATE).toBe(0);
  });
});

describe('we initiate in DCE style', () => {
  test('K13: three legs', async () => {
    const { port, verdict } = await accepting('--mech', 'krb5');
    const { echoes } = await logOn(port, await client(kerberosPackage, { flags: EVERYTHING | ISC_REQ.USE_DCE_STYLE }), [
      'M',
      'S',
    ]);
    expect(await verdict()).toMatchObject({ ok: true });
    expect(echoes).toEqual({ M: ECHOES.M, S: ECHOES.S });
  });
});

describe('what goes wrong, by name', () => {
  test('K11: a service without the key', async () => {
    const { port } = await accepting('--mech', 'krb5', '--keytab', path('service-other.keytab'));
    const { error } = await logOn(port, await client(kerberosPackage));
    expect(error).toMatchObject({ code: 'SERVICE_UNKNOWN' }); // MIT's library says KRB_AP_ERR_NOT_US
    expect(error?.detail).toContain('said by TERMSRV/host.example.test@EXAMPLE.TEST');
  });

  test('K11: a client whose clock is wrong', async () => {
    const { port } = await accepting('--mech', 'krb5');
    const early = { now: () => Date.now() + 20 * 60_000 };
    const ccache = await tickets();
    const credential = await kerberosPackage.acquire({
      use: SECPKG_CRED.OUTBOUND,
      authData: { kind: 'ccache', ccache },
      host: { ...nodeHost, clock: early },
    });
    const { error } = await logOn(port, credential.initiate({ flags: EVERYTHING, targetName: TARGET }));
    expect(error).toMatchObject({ code: 'TIME_SKEW' });
    expect(error?.detail).toMatch(/the clock of the service is 1(199|200|201) s behind/u);
  });

  test('S11: SPNEGO with a service that the KDC does not know falls back to NTLM, and says why', async () => {
    const users = peers.file('users', `${ALICE.domain}:${ALICE.user}:${ALICE.password}\n`);
    const { port, verdict } = await accepting('--mech', 'spnego', '--neg', 'krb5,ntlm', '--users', users);
    const context = await client(negotiatePackage, { targetName: 'HTTP/nobody.example.test' });
    await logOn(port, context, ['W', 'S']);
    expect(await verdict()).toMatchObject({ ok: true, mech: '1.3.6.1.4.1.311.2.2.10' });
    expect(context.query('NEGOTIATION_PACKAGE').name).toBe('NTLM');
    expect(context.query('NEGO_STATUS').reason).toContain('KDC_ERR_S_PRINCIPAL_UNKNOWN');
  });

  test('S5, Z26: a server that only does NTLM', async () => {
    const users = peers.file('users', `${ALICE.domain}:${ALICE.user}:${ALICE.password}\n`);
    const { port, verdict } = await accepting('--mech', 'spnego', '--neg', 'ntlm', '--users', users);
    const context = await client(negotiatePackage);
    await logOn(port, context, ['W', 'S']);
    expect(await verdict()).toMatchObject({ ok: true });
    expect(context.query('NEGO_STATUS').reason).toContain('the server preferred NTLM to Kerberos');
  });
});

/** One of MIT's tools. */
function tool(name: string, args: readonly string[], env: Record<string, string>, input = ''): void {
  execFileSync(name, args, { env: { ...process.env, ...env }, input });
}

/** What `kinit` does, for the C initiator. */
function kinit(cache: string, user: string = ALICE.user, password: string = ALICE.password): Record<string, string> {
  const env = { ...environment, KRB5CCNAME: `FILE:${join(peers.state, cache)}` };
  tool('kinit', ['-f', user], env, `${password}\n`);
  return env;
}

/** A credential cache of MIT's with a ticket for {@link TARGET} in it. */
async function tickets(): Promise<Uint8Array> {
  tool('kvno', [TARGET], kinit('kvno'));
  return readFileSync(join(peers.state, 'kvno'));
}

describe.each(MECHANISMS)("MIT's library initiates, we accept: $name", ({ of, args }) => {
  async function beCalled(
    peerArgs: readonly string[] = [],
    options: Partial<AcceptOptions> = {},
    settings: Partial<KerberosAcceptorSettings> = {},
  ) {
    const context = await service(of, options, settings);
    const identity = { name: '', delegated: false, target: '' };
    const { port, done } = await beLoggedOn(context, (established) => {
      const { name, delegated } = established.query('ACCESS_TOKEN');
      Object.assign(identity, {
        name,
        delegated: delegated !== undefined,
        target: established.query('CLIENT_SPECIFIED_TARGET').targetName,
      });
      return {};
    });
    const { output } = await peers.run(
      'gss-peer.py',
      ['client', '--port', `${port}`, ...args, ...peerArgs],
      kinit('cc'),
    );
    return { error: await done, said: JSON.parse(output.split('\n')[0] ?? ''), identity };
  }

  test('K10, K14: mutual authentication, messages of every kind', async () => {
    const { error, said, identity } = await beCalled();
    expect(error).toBeUndefined();
    expect(said).toMatchObject({ ok: true, data: { W: true, I: true, S: true, M: true } });
    expect(identity).toMatchObject({ name: 'alice@EXAMPLE.TEST', target: TARGET });
  });

  test.each([['aes128'], ['sha2'], ['rc4']])('K6, K7: %s', async (name) => {
    const { error, said } = await beCalled(
      ['--service', `HTTP@${name}.example.test`],
      {},
      { encryptionTypes: [18, 17, 20, 19, 23] },
    );
    expect(error).toBeUndefined();
    expect(said).toMatchObject({ ok: true, data: { W: true, I: true, S: true, M: true } });
  });

  test('Z39: RC4 is refused unless it is allowed', async () => {
    const { error, said } = await beCalled(['--service', 'HTTP@rc4.example.test']);
    expect(error).toMatchObject({ code: 'ENCRYPTION_TYPE_REFUSED' });
    expect(said).toMatchObject({ ok: false });
  });

  test('without mutual authentication', async () => {
    const { error, said } = await beCalled(['--flags', 'confidentiality,integrity', '--ops', 'W,S']);
    expect(error).toBeUndefined();
    expect(said).toMatchObject({ ok: true });
  });

  test('K13: DCE style', async () => {
    const { error, said } = await beCalled([
      '--flags',
      'mutual_authentication,dce_style,confidentiality,integrity',
      '--ops',
      'M,S',
    ]);
    expect(error).toBeUndefined();
    expect(said).toMatchObject({ ok: true, data: { M: true, S: true } });
  });

  test.each([
    ['the same', ['--cbt', hex(channel)], undefined],
    ['another', ['--cbt', hex(otherChannel)], 'BAD_BINDINGS'],
    ['no', [], 'BAD_BINDINGS'],
  ])('Z52: bound to %s channel', async (_, peerArgs, code) => {
    const { error } = await beCalled(peerArgs, { channelBindings: { applicationData: channel } });
    expect(error?.code).toBe(code);
  });

  test('the delegated ticket is of use for a second hop', async () => {
    const context = await service(of);
    let authData: AuthData | undefined;
    const { port, done } = await beLoggedOn(context, (established) => {
      const { delegated } = established.query('ACCESS_TOKEN');
      authData = delegated && { ...delegated, kerberos };
      return {};
    });
    const flags =
      'mutual_authentication,delegate_to_peer,confidentiality,integrity,out_of_sequence_detection,replay_detection';
    await peers.run('gss-peer.py', ['client', '--port', `${port}`, ...args, '--flags', flags], kinit('cc'));
    expect(await done).toBeUndefined();
    const credential = await kerberosPackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host: nodeHost });
    const second = await accepting('--mech', 'krb5');
    await logOn(second.port, credential.initiate({ flags: EVERYTHING, targetName: 'HTTP/host.example.test' }), ['W']);
    expect(await second.verdict()).toMatchObject({ ok: true, initiator_name: 'alice@EXAMPLE.TEST' });
  });

  test('K14: a service that has no key for it', async () => {
    const { error, said } = await beCalled(['--service', 'HTTP@host.example.test'], {}, { targetNames: [TARGET] });
    expect(error).toMatchObject({ code: 'TARGET_NAME_REFUSED' });
    expect(said).toMatchObject({ ok: false });
  });
});

describe("user to user, with MIT's library at the other end", () => {
  const BOB = { user: 'bob', password: 'BobPass1!' };
  const peer = (role: string, cache: string, who: typeof BOB) =>
    peers.start('user-to-user.py', [role], kinit(cache, who.user, who.password));
  const octetsOf = (text: string | undefined) => new Uint8Array(Buffer.from(text ?? '', 'hex'));
  const tokenOf = async (context: SecurityContext, input?: Uint8Array) => {
    const step = await context.step(input);
    if (!('token' in step)) throw new TypeError('the step gave no token');
    return decodeGssToken(step.token);
  };
  const framed = (tokenId: number, message: Uint8Array) => encodeGssToken(GSS_MECHANISM.USER_TO_USER, tokenId, message);

  test('K12: we initiate, with the ticket that it hands out; it opens ours, and proves itself', async () => {
    const bob = peer('accept', 'u2u-bob', BOB);
    const granting = decode(Ticket, octetsOf(await bob.line()));
    const context = await client(kerberosPackage, { targetName: 'bob' }, { userToUser: 'always' });
    expect(await tokenOf(context)).toMatchObject({ tokenId: TOKEN_ID.TGT_REQ });
    const handedOut = framed(TOKEN_ID.TGT_REP, encode(KerbTgtReply, { pvno: 5, msgType: 17, ticket: granting }));
    const { tokenId, message } = await tokenOf(context, handedOut);
    expect(tokenId).toBe(TOKEN_ID.AP_REQ);
    const [reply, name] = (await bob.ask(hex(message))).split(' ');
    expect(name).toBe('alice@EXAMPLE.TEST');
    await context.step(framed(TOKEN_ID.AP_REP, octetsOf(reply)));
    expect(context.state).toBe('established');
    expect(context.query('FLAGS').flags & ISC_RET.MUTUAL_AUTH).not.toBe(0);
  });

  test('K12: it initiates, with the ticket that we hand out; we open it, and prove ourselves', async () => {
    const userToUser: AuthData = { kind: 'identity', ...BOB, domain: 'EXAMPLE', kerberos };
    const authData: AuthData = { kind: 'kerberos-acceptor', userToUser, replayCache: memoryReplayCache() };
    const credential = await kerberosPackage.acquire({ use: SECPKG_CRED.INBOUND, authData, host: nodeHost });
    const context = credential.accept({ flags: 0 });
    const asked = framed(TOKEN_ID.TGT_REQ, encode(KerbTgtRequest, { pvno: 5, msgType: 16 }));
    const { tokenId, message } = await tokenOf(context, asked);
    expect(tokenId).toBe(TOKEN_ID.TGT_REP);
    const { ticket } = decode(KerbTgtReply, message);

    const alice = peer('initiate', 'u2u-alice', ALICE);
    const request = octetsOf(await alice.ask(`bob@EXAMPLE.TEST ${hex(encode(Ticket, ticket))}`));
    const answer = await tokenOf(context, framed(TOKEN_ID.AP_REQ, request));
    expect(context.state).toBe('established');
    expect(context.query('ACCESS_TOKEN').name).toBe('alice@EXAMPLE.TEST');
    expect(answer.tokenId).toBe(TOKEN_ID.AP_REP);
    expect(await alice.ask(hex(answer.message))).toBe('ok');
  });
});
