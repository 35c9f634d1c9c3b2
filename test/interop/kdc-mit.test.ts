/** The KDC client against MIT's KDC: two realms that trust each other, and MIT's own tools on the same files. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { md4 } from '../../src/crypto/index.ts';
import { systemHost, systemTimer } from '../../src/host/index.ts';
import { nodeFiles, nodeKdcTransport } from '../../src/host/node.ts';
import {
  ClientCredentials,
  KeytabKeys,
  logonName,
  NtHashKeys,
  PasswordKeys,
  readTickets,
} from '../../src/kerberos/credentials/index.ts';
import { KEY_USAGE, KerberosKey } from '../../src/kerberos/encryption/index.ts';
import {
  decodeCredentialCache,
  decodeKeytab,
  encodeCredentialCache,
  type Krb5Configuration,
  parseKrb5Conf,
} from '../../src/kerberos/files/index.ts';
import {
  CHANGE_PASSWORD_SERVICE,
  changePassword,
  DEFAULT_POLICY,
  type KdcClient,
  KdcClock,
  KdcNetwork,
  type KerberosPolicy,
  type KerberosTicket,
  kdcLocator,
  type LongTermKeys,
  proxyTransport,
  renewTicket,
  requestInitialTicket,
} from '../../src/kerberos/kdc/index.ts';
import {
  decodeKdcProxyMessage,
  EncTicketPart,
  encodeKdcProxyMessage,
  type PrincipalName,
  parsePrincipal,
  samePrincipal,
  TICKET_FLAGS,
  unseal,
} from '../../src/kerberos/messages/index.ts';
import { Secret, SspiError } from '../../src/sspi/index.ts';
import { freePort, Peers } from './peers.ts';

const REALM = 'EXAMPLE.TEST';
const OTHER = 'OTHER.TEST';
const DAY = 86_400_000;

const peers = new Peers();
let environment: Record<string, string> = {};
let settings: Krb5Configuration;
let ports: { kdc: number; other: number; passwords: number };

const path = (name: string): string => join(peers.state, 'mit-kdc', name);

beforeAll(async () => {
  const [kdc, other, admin, passwords] = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
  ports = { kdc, other, passwords };
  environment = {
    MIT_KDC_PORT: `${kdc}`,
    MIT_KDC_PORT2: `${other}`,
    MIT_KADMIN_PORT: `${admin}`,
    MIT_KPASSWD_PORT: `${passwords}`,
  };
  await peers.must('mit-kdc.sh', ['start'], environment);
  settings = parseKrb5Conf(readFileSync(path('krb5.conf'), 'utf8'));
});

afterAll(async () => {
  await peers.run('mit-kdc.sh', ['stop'], environment);
  await peers.stop();
});

/** One of MIT's tools, with a credential cache of its own. */
function tool(
  name: string,
  args: readonly string[],
  cache = 'cc',
  input = '',
  config = path('krb5.conf'),
): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, KRB5_CONFIG: config, KRB5CCNAME: `FILE:${path(cache)}` };
    const child = execFile(name, args, { env, timeout: 20_000 }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(`${name}: ${stderr}${stdout}`)),
    );
    child.stdin?.on('error', () => undefined); // who asks for nothing may be gone already
    child.stdin?.end(input);
  });
}

function clientWith(
  policy: Partial<KerberosPolicy> = {},
  kdcs?: Record<string, readonly string[]>,
  ahead = 0,
): KdcClient {
  const { clock, random } = systemHost;
  const locator = kdcLocator({ kdcs, settings, random });
  const network = new KdcNetwork({
    transport: proxyTransport({ sockets: nodeKdcTransport, allowPlainHttp: true }),
    locator,
    clock,
    timer: systemTimer,
  });
  const own = { now: () => clock.now() + ahead };
  return { network, clock: new KdcClock(own), random, policy: { ...DEFAULT_POLICY, ...policy } };
}

function credentialsOf(
  user: string,
  keys: LongTermKeys | string,
  policy?: Partial<KerberosPolicy>,
  realm = REALM,
): ClientCredentials {
  return new ClientCredentials({
    kdc: clientWith(policy),
    client: parsePrincipal(user).name,
    realm,
    keys: typeof keys === 'string' ? new PasswordKeys(Secret.fromText(keys)) : keys,
    settings,
  });
}

const alice = (policy?: Partial<KerberosPolicy>): ClientCredentials => credentialsOf('alice', 'AlicePass1!', policy);
const spn = (text: string): PrincipalName => parsePrincipal(text).name;

async function refusalOf(run: () => Promise<unknown>): Promise<SspiError> {
  const outcome = await run().then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome instanceof SspiError) return outcome;
  throw new Error(`let through, or worse: ${String(outcome)}`);
}

/** What the service sees when it opens the ticket with its keytab. */
function opened(ticket: KerberosTicket, keytab = 'service.keytab') {
  const { sname, encPart } = ticket.ticket;
  const entry = decodeKeytab(readFileSync(path(keytab))).find(
    ({ name, etype }) => samePrincipal(name, sname) && etype === encPart.etype,
  );
  if (entry === undefined) throw new Error('no such key in the keytab');
  const key = KerberosKey.from({ keytype: entry.etype, keyvalue: entry.key.reveal() }, [17, 18, 19, 20, 23]);
  return unseal(EncTicketPart, encPart, key, KEY_USAGE.TICKET);
}

describe('AS', () => {
  test.each([
    ['alice', 'AlicePass1!', [18], 18],
    ['alice', 'AlicePass1!', [17], 17],
    ['alice', 'AlicePass1!', [20], 20],
    ['alice', 'AlicePass1!', [19], 19],
    ['aes128only', 'Aes128Pass1!', undefined, 18],
    ['sha2only', 'Sha2Pass1!', undefined, 18],
  ])('K7: %s with %s and etypes %j', async (user, password, encryptionTypes, sessionType) => {
    const ticket = await credentialsOf(
      user,
      password,
      encryptionTypes === undefined ? {} : { encryptionTypes },
    ).grantingTicket();
    expect(ticket.sessionKey.etype).toBe(sessionType);
    expect(ticket.has(TICKET_FLAGS.PRE_AUTHENT)).toBe(true);
    expect(ticket.has(TICKET_FLAGS.ENC_PA_REP)).toBe(true); // so MIT signed our request, and the signature was right
  });

  test('Z39: an account with an RC4 key only is reached only with RC4 allowed', async () => {
    const refusal = await refusalOf(() => credentialsOf('rc4only', 'Rc4Pass1!').grantingTicket());
    expect([refusal.code, refusal.statusName]).toEqual(['ENCRYPTION_TYPE_UNSUPPORTED', 'SEC_E_KDC_UNKNOWN_ETYPE']);
    const policy = { encryptionTypes: [18, 23] };
    expect((await credentialsOf('rc4only', 'Rc4Pass1!', policy).grantingTicket()).sessionKey.etype).toBe(18);
    const hash = new NtHashKeys(new Secret(md4(Secret.fromText('Rc4Pass1!').reveal())));
    // The key of the user is RC4, the session key need not be.
    expect((await credentialsOf('rc4only', hash, policy).grantingTicket()).sessionKey.etype).toBe(18);
  });

  test('an account without pre-authentication', async () => {
    await expect(credentialsOf('nopreauth', 'NoPre1!').grantingTicket()).resolves.toMatchObject({ clientRealm: REALM });
    expect((await refusalOf(() => credentialsOf('nopreauth', 'wrong').grantingTicket())).code).toBe('LOGON_DENIED');
  });

  test.each([
    ['alice', 'wrong', 'LOGON_DENIED', 0xc000006a],
    ['nobody', 'x', 'LOGON_DENIED', 0xc0000064],
    ['expired', 'Expired1!', 'ACCOUNT_RESTRICTED', 0xc0000193],
    ['mustchange', 'Change1!', 'ACCOUNT_RESTRICTED', 0xc0000071],
  ])('K11: %s with %s is %s', async (user, password, code, ntStatus) => {
    const refusal = await refusalOf(() => credentialsOf(user, password).grantingTicket());
    expect([refusal.code, refusal.statusName, refusal.ntStatus]).toEqual([code, 'SEC_E_LOGON_DENIED', ntStatus]);
  });

  test('a keytab does for a password', async () => {
    const keys = new KeytabKeys(await nodeFiles.read(path('users.keytab'), 1 << 20));
    await expect(credentialsOf('bob', keys).grantingTicket()).resolves.toMatchObject({ serverRealm: REALM });
  });

  test.each([1, -1, 48, -48])('users.md: a clock that is %i hours ahead', async (hours) => {
    const kdc = clientWith({}, undefined, hours * 3_600_000);
    const keys = new PasswordKeys(Secret.fromText('AlicePass1!'));
    const credentials = new ClientCredentials({ kdc, client: spn('alice'), realm: REALM, keys });
    await credentials.ticketFor({ service: spn('HTTP/host.example.test') });
    expect(Math.round(kdc.clock.offset / 3_600_000)).toBe(-hours);
  });

  test.each(['udp', 'tcp'])('over %s', async (protocol) => {
    const kdc = clientWith({}, { [REALM]: [`${protocol}/127.0.0.1:${ports.kdc}`] });
    const keys = new PasswordKeys(Secret.fromText('AlicePass1!'));
    await expect(requestInitialTicket(kdc, { client: spn('alice'), realm: REALM, keys })).resolves.toBeDefined();
  });

  test('users.md: a dead KDC before a living one, and none at all', async () => {
    const dead = `127.0.0.1:${await freePort()}`;
    const keys = new PasswordKeys(Secret.fromText('AlicePass1!'));
    const failOver = clientWith({}, { [REALM]: [dead, `127.0.0.1:${ports.kdc}`] });
    await requestInitialTicket(failOver, { client: spn('alice'), realm: REALM, keys });
    const none = clientWith({}, { [REALM]: [dead] });
    const refusal = await refusalOf(() => requestInitialTicket(none, { client: spn('alice'), realm: REALM, keys }));
    expect([refusal.code, refusal.statusName]).toEqual(['KDC_UNREACHABLE', 'SEC_E_NO_AUTHENTICATING_AUTHORITY']);
  });
});

describe('TGS', () => {
  test.each([
    ['TERMSRV/host.example.test', 18],
    ['HTTP/sha2.example.test', 20],
    ['HTTP/aes128.example.test', 17],
    ['HTTP/rc4.example.test', 23],
  ])('K9: a ticket for %s, which its keytab opens', async (service, etype) => {
    const ticket = await alice().ticketFor({ service: spn(service) });
    expect(ticket.ticket.encPart.etype).toBe(etype);
    const inside = opened(ticket);
    expect([inside.crealm, inside.cname.nameString]).toEqual([REALM, ['alice']]);
    expect(inside.key).toEqual(ticket.sessionKey.reveal());
  });

  test.each([17, 18, 19, 20])('K7: session keys of etype %i', async (etype) => {
    const ticket = await alice({ encryptionTypes: [etype] }).ticketFor({ service: spn('TERMSRV/host.example.test') });
    expect(ticket.sessionKey.etype).toBe(etype);
    expect(opened(ticket).key.keytype).toBe(etype);
  });

  test('K11: an unknown service is SPN_UNKNOWN', async () => {
    const refusal = await refusalOf(() => alice().ticketFor({ service: spn('HTTP/nowhere.example.test') }));
    expect([refusal.code, refusal.statusName]).toEqual(['SPN_UNKNOWN', 'SEC_E_TARGET_UNKNOWN']);
  });

  test('K9: across realms, by krb5.conf, by name, and back', async () => {
    const there = await alice().ticketFor({ service: spn('TERMSRV/host.other.test') });
    expect([there.serverRealm, opened(there, 'service-other.keytab').crealm]).toEqual([OTHER, REALM]);
    const named = await alice().ticketFor({ service: spn('HTTP/host.other.test'), realm: OTHER });
    expect(named.serverRealm).toBe(OTHER);
    const carol = credentialsOf('carol', 'CarolPass1!', {}, OTHER);
    expect(opened(await carol.ticketFor({ service: spn('HTTP/host.example.test') })).crealm).toBe(OTHER);
  });

  test('K9: the KDC refers to the other realm when nobody says where a host is', async () => {
    const keys = new PasswordKeys(Secret.fromText('AlicePass1!'));
    const credentials = new ClientCredentials({ kdc: clientWith(), client: spn('alice'), realm: REALM, keys });
    expect((await credentials.ticketFor({ service: spn('HTTP/host.other.test') })).serverRealm).toBe(OTHER);
  });

  test('K12: user-to-user', async () => {
    const bob = credentialsOf('bob', 'BobPass1!');
    const granting = await bob.grantingTicket();
    const ticket = await alice().ticketFor({ service: spn('bob'), secondTicket: granting.ticket });
    const inside = unseal(EncTicketPart, ticket.ticket.encPart, granting.sessionKey, KEY_USAGE.TICKET);
    expect(inside.cname.nameString).toEqual(['alice']);
  });

  test('renewed and forwarded', async () => {
    const credentials = alice({ renewableLifetime: 2 * DAY, forwardable: true });
    const ticket = await credentials.grantingTicket();
    expect(ticket.isRenewable(Date.now())).toBe(true);
    const renewed = await renewTicket(credentials.kdc, ticket);
    expect(renewed.authTime).toBe(ticket.authTime);
    expect(renewed.renewTill).toBe(ticket.renewTill);
    expect((await credentials.forwardedTicket()).has(TICKET_FLAGS.FORWARDED)).toBe(true);
  });

  test('a hundred contexts at once', async () => {
    const credentials = alice();
    const tickets = await Promise.all(
      Array.from({ length: 100 }, () => credentials.ticketFor({ service: spn('HTTP/host.example.test') })),
    );
    expect(new Set(tickets.map(({ ticket }) => Buffer.from(ticket.encPart.cipher).toString('hex'))).size).toBe(1);
  });
});

describe('passwords', () => {
  test('RFC 3244: the own one, there and back', async () => {
    await credentialsOf('bob', 'BobPass1!').changePassword(Secret.fromText('Pässwörd2€'));
    const again = credentialsOf('bob', 'Pässwörd2€');
    await again.grantingTicket();
    await again.changePassword(Secret.fromText('BobPass1!'));
    await credentialsOf('bob', 'BobPass1!').grantingTicket();
  });

  test('RFC 3244: who must change it can', async () => {
    const keys = new PasswordKeys(Secret.fromText('Change1!'));
    const kdc = clientWith();
    const ticket = await requestInitialTicket(kdc, {
      client: spn('mustchange'),
      realm: REALM,
      keys,
      service: CHANGE_PASSWORD_SERVICE,
    });
    await changePassword(kdc, { ticket, newPassword: Secret.fromText('Changed1!') });
    await credentialsOf('mustchange', 'Changed1!').grantingTicket();
  });

  test('RFC 3244: one for somebody else, by who may and by who may not', async () => {
    const target = { name: spn('nopreauth'), realm: REALM };
    const change = async (user: string, password: string): Promise<void> => {
      const kdc = clientWith();
      const keys = new PasswordKeys(Secret.fromText(password));
      const ticket = await requestInitialTicket(kdc, {
        client: spn(user),
        realm: REALM,
        keys,
        service: CHANGE_PASSWORD_SERVICE,
      });
      await changePassword(kdc, { ticket, newPassword: Secret.fromText('NoPre1!'), target });
    };
    const refusal = await refusalOf(() => change('alice', 'AlicePass1!'));
    expect(refusal.code).toBe('PASSWORD_CHANGE_REFUSED');
    expect(refusal.message).toContain('ACCESSDENIED');
    await change('alice/admin', 'Admin1!');
  });
});

describe('files', () => {
  test('what we write klist lists and kvno uses', async () => {
    const credentials = alice({ forwardable: true, renewableLifetime: DAY });
    await credentials.ticketFor({ service: spn('HTTP/host.example.test') });
    await nodeFiles.replace(path('ours'), credentials.toCredentialCache());
    const listed = await tool('klist', ['-ef'], 'ours');
    expect(listed).toContain('Default principal: alice@EXAMPLE.TEST');
    expect(listed).toMatch(
      /krbtgt\/EXAMPLE\.TEST@EXAMPLE\.TEST\n.*Flags: FRIA\n.*aes256-cts-hmac-sha1-96, aes256-cts-hmac-sha1-96/,
    );
    expect(listed).toContain('HTTP/host.example.test@EXAMPLE.TEST');
    const kvno = await tool('kvno', ['TERMSRV/host.example.test', 'HTTP/host.other.test@OTHER.TEST'], 'ours');
    expect(kvno).toContain('TERMSRV/host.example.test@EXAMPLE.TEST: kvno = 1');
    expect(kvno).toContain('HTTP/host.other.test@OTHER.TEST: kvno =');
    await tool('kinit', ['-R'], 'ours');
  });

  test('what kinit and kvno write we use', async () => {
    await tool('kinit', ['-r', '2d', 'alice'], 'theirs', 'AlicePass1!\n');
    await tool('kvno', ['WSMAN/host.example.test'], 'theirs');
    const { owner, tickets } = readTickets(readFileSync(path('theirs')), DEFAULT_POLICY.encryptionTypes);
    expect([owner.realm, tickets.length]).toEqual([REALM, 2]);
    const credentials = new ClientCredentials({
      kdc: clientWith(),
      client: owner.name,
      realm: owner.realm,
      tickets,
      settings,
    });
    expect(opened(await credentials.ticketFor({ service: spn('WSMAN/host.example.test') })).cname.nameString).toEqual([
      'alice',
    ]);
    expect(opened(await credentials.ticketFor({ service: spn('TERMSRV/host.example.test') })).cname.nameString).toEqual(
      ['alice'],
    );
    expect((await credentials.ticketFor({ service: spn('HTTP/host.other.test') })).serverRealm).toBe(OTHER);
  });

  test('format 3, both ways', async () => {
    writeFileSync(path('format3.conf'), '[libdefaults]\n ccache_type = 3\n');
    const config = `${path('format3.conf')}:${path('krb5.conf')}`;
    await tool('kinit', ['alice'], 'theirs3', 'AlicePass1!\n', config);
    await tool('kvno', ['HTTP/host.example.test'], 'theirs3', '', config);
    const theirs = decodeCredentialCache(readFileSync(path('theirs3')));
    expect([theirs.version, theirs.credentials.length]).toEqual([3, 2]);
    const { tickets } = readTickets(readFileSync(path('theirs3')), DEFAULT_POLICY.encryptionTypes);
    expect(tickets.map(({ server }) => server.nameString)).toEqual([
      ['krbtgt', REALM],
      spn('HTTP/host.example.test').nameString,
    ]);

    const credentials = alice();
    await credentials.ticketFor({ service: spn('HTTP/host.example.test') });
    const ours = decodeCredentialCache(credentials.toCredentialCache());
    await nodeFiles.replace(path('ours3'), encodeCredentialCache({ ...ours, version: 3 }));
    expect(await tool('klist', [], 'ours3')).toContain('HTTP/host.example.test@EXAMPLE.TEST');
    expect(await tool('kvno', ['TERMSRV/host.example.test'], 'ours3', '', config)).toContain('kvno = 1');
  });

  test('U2U as MIT asks for it is kept as U2U', async () => {
    await tool('kinit', ['bob'], 'bob', 'BobPass1!\n');
    await tool('kinit', ['alice'], 'alice', 'AlicePass1!\n');
    await tool('kvno', ['--u2u', `FILE:${path('bob')}`, 'bob@EXAMPLE.TEST'], 'alice');
    const { tickets } = readTickets(readFileSync(path('alice')), DEFAULT_POLICY.encryptionTypes);
    expect(tickets.map(({ secondTicket }) => secondTicket !== undefined)).toEqual([false, true]);
  });

  test('a keytab that MIT wrote tells whose it is', () => {
    const names = new KeytabKeys(readFileSync(path('users.keytab'))).principals.map(({ name }) =>
      name.nameString.join('/'),
    );
    expect(names).toEqual(['alice', 'bob', 'aes128only', 'sha2only', 'rc4only']);
  });
});

describe('F25: a KDC proxy in between', () => {
  let server: Server;
  let requests = 0;

  /** A proxy as [MS-KKDCP] 3.2.5.1 has it: the realm in the message finds the KDC. */
  beforeAll(async () => {
    server = createServer(async (request, response) => {
      requests++;
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { message, targetDomain } = decodeKdcProxyMessage(new Uint8Array(Buffer.concat(chunks)));
      const port =
        targetDomain === OTHER ? ports.other : message[0] === 0x6a || message[0] === 0x6c ? ports.kdc : ports.passwords;
      const kdc = { protocol: 'tcp', host: '127.0.0.1', port } as const;
      const { signal } = new AbortController();
      const reply = await nodeKdcTransport.exchange({ realm: '', message, kdc, maxReply: 1 << 20, signal });
      response.setHeader('Content-Type', 'application/kerberos');
      response.end(encodeKdcProxyMessage(reply));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterAll(() => server.close());

  test('F25: logon, services and passwords go through it', async () => {
    const { port } = server.address() as AddressInfo; // a listening TCP server has one
    const kdc = clientWith();
    const url = `http://127.0.0.1:${port}/KdcProxy`;
    const network = new KdcNetwork({
      transport: proxyTransport({ allowPlainHttp: true }), // no sockets, as in a browser
      locator: { locate: () => Promise.resolve([{ url }]) },
      clock: systemHost.clock,
      timer: systemTimer,
    });
    const { name, realm } = logonName('alice', REALM);
    const keys = new PasswordKeys(Secret.fromText('AlicePass1!'));
    const credentials = new ClientCredentials({ kdc: { ...kdc, network }, client: name, realm, keys, settings });
    expect((await credentials.ticketFor({ service: spn('HTTP/host.other.test') })).serverRealm).toBe(OTHER);
    await credentials.changePassword(Secret.fromText('AlicePass1!'));
    expect(requests).toBe(2 + 2 + 2 + 1);
  });
});

test('the self-check of the peer passes', async () => {
  const { code, output } = await peers.run('mit-kdc-check.sh', [], environment);
  writeFileSync(path('check.log'), output);
  expect(output).not.toContain('FAIL');
  expect(code).toBe(0);
});
