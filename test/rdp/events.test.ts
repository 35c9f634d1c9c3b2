/** What an observer is told, and what the result says: who, how, and why so. */
import { createHash, X509Certificate } from 'node:crypto';
import { createConnection } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DEFAULT_DELEGATION_POLICY, decodeTSRequest } from '../../src/credssp/index.ts';
import { LAB_PASSWORD, type Lab, type LabNlaOptions, type LogonOptions, lab } from '../../src/lab/index.ts';
import { type ConnectNlaOptions, connectNla, type NlaEvent, RDP_PROTOCOL } from '../../src/rdp/index.ts';

let realm: Lab;
beforeEach(async () => {
  realm = await lab();
});
afterEach(() => realm.close());

interface Run {
  readonly logon?: LogonOptions;
  /** What the client calls the server. */
  readonly called?: string;
  readonly client?: Partial<ConnectNlaOptions>;
  readonly server?: LabNlaOptions;
}

async function run({ logon = {}, called, client = {}, server = {} }: Run = {}) {
  const [ours, theirs]: [NlaEvent[], NlaEvent[]] = [[], []];
  const door = await realm.nla({ observe: (event) => theirs.push(event), ...server });
  const connecting = connectNla({
    host: called ?? 'localhost',
    port: door.port,
    stream: called === undefined ? undefined : createConnection(door),
    identity: realm.identity('alice', logon),
    platform: realm.host,
    rootStore: [realm.certificate.certificate],
    observe: (event) => ours.push(event),
    ...client,
  });
  const [outcome] = await Promise.allSettled([connecting]);
  const accepted = await door.next();
  if (outcome.status === 'fulfilled') outcome.value.stream.destroy();
  return { outcome, accepted, ours, theirs };
}

async function runWell(options: Run = {}) {
  const { outcome, accepted, ...events } = await run(options);
  if (outcome.status === 'rejected') throw outcome.reason;
  if (accepted.kind === 'refused') throw accepted.error;
  return { connection: outcome.value, acceptance: accepted.session, ...events };
}

const of = <K extends NlaEvent['kind']>(kind: K, events: readonly NlaEvent[]) =>
  events.filter((event): event is NlaEvent & { kind: K } => event.kind === kind);

const sha256OfSubjectPublicKey = (pem: string): Uint8Array => {
  // SPKI of an EC key of P-256: 26 octets of algorithm and headers, then the point (RFC 5480 2.2).
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return Uint8Array.from(createHash('sha256').update(spki.subarray(26)).digest());
};

describe('a logon as its observers see it', () => {
  test('F1: what happens, in its order, and each with a later time', async () => {
    const { ours, theirs } = await runWell({ logon: { mechanism: 'ntlm' } });
    const steps = (events: readonly NlaEvent[]): string[] =>
      events.flatMap((event) => {
        if (event.kind === 'exchange') return [];
        if (event.kind === 'x224') return [`${event.kind} ${event.message} ${event.direction}`];
        if (event.kind === 'message') return [`message ${event.direction}`];
        if (event.kind === 'binding') return [`binding ${event.proof}`];
        if (event.kind === 'mechanism') return [`mechanism ${event.settled ? 'settled' : 'hoped for'}`];
        return [event.kind];
      });
    expect(steps(ours)).toEqual([
      'tcp',
      'x224 request sent',
      'x224 confirm received',
      'tls',
      'certificate',
      'mechanism hoped for',
      'message sent',
      'message received',
      'binding sent',
      'mechanism settled',
      'message sent',
      'message received',
      'binding verified',
      'delegation',
      'message sent',
      'authorization',
    ]);
    expect(steps(theirs)).toEqual([
      'x224 request received',
      'x224 confirm sent',
      'tls',
      'certificate',
      'message received',
      'mechanism settled',
      'message sent',
      'message received',
      'binding verified',
      'binding sent',
      'message sent',
      'message received',
      'received',
      'authorization',
    ]);
    for (const events of [ours, theirs]) {
      const times = events.map(({ at }) => at);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
  });

  test('F3, F6: octets are those of the wire: both sides have the same', async () => {
    const { ours, theirs } = await runWell();
    const octets = (events: readonly NlaEvent[], direction: string): string[] =>
      [...of('x224', events), ...of('message', events)].flatMap((event) =>
        event.direction === direction ? [Buffer.from(event.octets).toString('hex')] : [],
      );
    expect(octets(ours, 'sent')).toEqual(octets(theirs, 'received'));
    expect(octets(ours, 'received')).toEqual(octets(theirs, 'sent'));
    expect(octets(ours, 'sent')[0]).toBe('030000130ee000000000000100 08000b000000'.replaceAll(' ', '')); // contract F3
    for (const { octets: request } of of('message', ours)) expect(decodeTSRequest(request).version).toBe(6);
  });

  test('F8, X30: TLS, and the key of the certificate', async () => {
    const { ours, theirs, connection } = await runWell({ client: { tls: { maxVersion: 'TLSv1.2' } } });
    const [tls] = of('tls', ours);
    expect(tls).toMatchObject({ version: 'TLSv1.2', cipher: expect.stringMatching(/^TLS_ECDHE_/) });
    expect(connection.session.tls).toEqual({ version: tls?.version, cipher: tls?.cipher });
    expect(tls?.sent).toBeGreaterThan(100);
    expect(tls?.sent).toBe(of('tls', theirs)[0]?.received);
    const publicKeySha256 = sha256OfSubjectPublicKey(realm.certificate.certificate);
    expect(of('certificate', ours)[0]).toMatchObject({ publicKeySha256, verdict: { trusted: true } });
    expect(of('certificate', theirs)[0]).toMatchObject({ publicKeySha256, verdict: undefined });
    expect(connection.session).toMatchObject({ publicKeySha256, trusted: true, trust: { errorStatus: 0 } });
  });

  test.each([
    [6, 'hash'],
    [4, 'key'],
  ] as const)('X16, X31: the proofs at version %i: %s', async (version, form) => {
    const credssp = { maxVersion: version, minVersion: 2 };
    const { ours, theirs } = await runWell({ client: { credssp }, server: { credssp: { minVersion: 2 } } });
    for (const events of [ours, theirs])
      expect(of('binding', events)).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ proof: 'sent', form, version }),
          expect.objectContaining({ proof: 'verified', form, version }),
        ]),
      );
  });

  test('X33: with somebody in between there is a proof sent and none verified', async () => {
    const door = await realm.nla();
    const middle = await realm.middle(door, 'swapped-certificate');
    const ours: NlaEvent[] = [];
    const connecting = connectNla({
      host: 'localhost',
      port: middle.port,
      identity: realm.identity('alice'),
      platform: realm.host,
      rootStore: [realm.certificate.certificate],
      observe: (event) => ours.push(event),
    });
    await expect(connecting).rejects.toThrow();
    expect(of('binding', ours).map(({ proof }) => proof)).toEqual(['sent']);
    expect(of('certificate', ours)[0]?.verdict?.trusted).toBe(false);
    expect(of('delegation', ours)).toEqual([]);
  });

  test('what is in them that must not be: nothing', async () => {
    const failing = await run({ logon: { password: `${LAB_PASSWORD}?`, mechanism: 'ntlm' } });
    const { ours, theirs, connection, acceptance } = await runWell();
    const everything = [ours, theirs, failing, connection.session, connection.identity, acceptance.session];
    // As text, and as the octets that travel.
    expect(inspect(everything, { depth: 12, maxArrayLength: 0 })).not.toContain(LAB_PASSWORD);
    const octets = [...ours, ...theirs, ...failing.ours, ...failing.theirs].flatMap((event) =>
      'octets' in event ? [Buffer.from(event.octets)] : [],
    );
    expect(octets.length).toBeGreaterThan(15);
    for (const encoding of ['utf16le', 'utf8'] as const)
      for (const one of octets) expect(one.includes(Buffer.from(LAB_PASSWORD, encoding))).toBe(false);
  });
});

describe('as whom, and how it was proved', () => {
  test('Q5, S10: by Kerberos', async () => {
    const { connection, acceptance, ours } = await runWell({
      logon: { mechanism: 'kerberos' },
      client: { rootStore: [] },
    });
    expect(connection.identity).toEqual({
      name: 'alice@LAB.EXAMPLE',
      mechanism: 'Kerberos',
      targetName: 'TERMSRV/localhost',
      serverAuthentication: ['Kerberos'],
    });
    expect(connection.session).toMatchObject({ trusted: false, mechanism: { chosen: 'Kerberos', how: 'negotiated' } });
    expect(acceptance.identity.name).toBe('LAB\\alice');
    expect(acceptance.session.mechanism.chosen).toBe('Kerberos');
    expect(of('mechanism', ours).map(({ settled }) => settled)).toEqual([false, true]);
  });

  test('S11: by NTLM after Kerberos could not be used, with the reason', async () => {
    realm.kdc.faults = { unknownServices: true };
    const { connection } = await runWell();
    expect(connection.identity).toMatchObject({
      name: 'LAB\\alice',
      mechanism: 'NTLM',
      serverAuthentication: ['certificate'],
    });
    const { offered, reason } = connection.session.mechanism;
    expect(offered).toEqual(['NTLM']);
    expect(reason).toContain('KDC_ERR_S_PRINCIPAL_UNKNOWN');
  });

  test('X23: by NTLM without SPNEGO', async () => {
    const { connection, acceptance } = await runWell({ client: { credssp: { mechanism: 'ntlm' } } });
    expect(connection.session.mechanism).toMatchObject({ offered: ['NTLM'], chosen: 'NTLM', how: 'direct' });
    expect(acceptance.session.mechanism).toMatchObject({ offered: ['NTLM'], chosen: 'NTLM', how: 'direct' });
  });

  test('Q5: nothing proves who an NTLM server with an unknown certificate is', async () => {
    const { connection } = await runWell({ logon: { mechanism: 'ntlm' }, client: { rootStore: [] } });
    expect(connection.identity.serverAuthentication).toEqual([]);
  });

  test('Y6: a client that insists on the certificate says nothing to a server without a trusted one', async () => {
    const { outcome, ours } = await run({ client: { rootStore: [], requireTrustedCertificate: true } });
    expect(outcome).toMatchObject({
      reason: { code: 'CERTIFICATE_UNTRUSTED', stage: 'server certificate', token: undefined },
    });
    expect(of('message', ours)).toEqual([]);
    const other = await run({ called: 'other.example.test', client: { requireTrustedCertificate: true } });
    expect(other.outcome).toMatchObject({
      reason: { code: 'CERTIFICATE_UNTRUSTED', detail: expect.stringContaining('another name') },
    });
  });
});

describe('what is handed over, and by which rule', () => {
  test('Y6, Y8: a server that was authenticated: the plain list', async () => {
    const { connection, theirs } = await runWell();
    expect(connection.session.delegation).toEqual({
      delegated: 'password',
      target: 'TERMSRV/localhost',
      source: 'fresh',
      serverAuthenticated: true,
      rule: { decision: 'allowed', matched: { list: 'allowFresh', pattern: 'TERMSRV/*' } },
    });
    expect(of('received', theirs)).toMatchObject([{ delegated: 'password' }]);
  });

  test('Y8: one that was not: the list for NTLM', async () => {
    const policy = { ...DEFAULT_DELEGATION_POLICY, allowSavedNtlmOnly: ['*/LOCALHOST'] };
    const { connection } = await runWell({
      logon: { mechanism: 'ntlm' },
      client: { rootStore: [], credssp: { policy, source: 'saved' } },
    });
    expect(connection.session.delegation).toMatchObject({
      source: 'saved',
      serverAuthenticated: false,
      rule: { decision: 'allowed', matched: { list: 'allowSavedNtlmOnly', pattern: '*/LOCALHOST' } },
    });
  });

  test.each([
    ['Y7', { denyFresh: ['*'] }, { decision: 'denied', matched: { list: 'denyFresh', pattern: '*' } }],
    ['Y12', { allowFresh: [], allowFreshNtlmOnly: [] }, { decision: 'denied', matched: undefined }],
    [
      'Y13',
      { allowFreshNtlmOnly: [] },
      { decision: 'needs-server-authentication', matched: { list: 'allowFresh', pattern: 'TERMSRV/*' } },
    ],
  ] as const)('%s: what stood in the way', async (_, change, rule) => {
    const policy = { ...DEFAULT_DELEGATION_POLICY, ...change };
    const { outcome, ours } = await run({
      logon: { mechanism: 'ntlm' },
      client: { rootStore: [], credssp: { policy } },
    });
    expect(outcome).toMatchObject({ reason: { stage: 'delegation' } });
    expect(of('delegation', ours)).toMatchObject([{ delegated: 'none', target: 'TERMSRV/localhost', rule }]);
  });

  test('X34, Y10: under Restricted Admin there is nothing to ask a list about', async () => {
    const { connection, acceptance } = await runWell({
      client: { restrictedAdmin: true },
      server: { restrictedAdmin: true },
    });
    expect(connection.session).toMatchObject({ restrictedAdmin: true, serverFlags: 8 });
    expect(connection.session.delegation).toMatchObject({ delegated: 'none', rule: undefined });
    expect(acceptance).toMatchObject({ credentials: { kind: 'none' }, session: { restrictedAdmin: true } });
  });
});

describe('whether the user may come in', () => {
  test.each([
    [RDP_PROTOCOL.HYBRID_EX, 'granted'],
    [RDP_PROTOCOL.HYBRID, 'not-told'],
  ] as const)('F9: protocol %i: %s', async (protocols, authorization) => {
    const { connection, acceptance, ours, theirs } = await runWell({ server: { protocols } });
    expect([connection.authorization, acceptance.authorization]).toEqual([authorization, authorization]);
    for (const events of [ours, theirs]) expect(of('authorization', events)).toMatchObject([{ result: authorization }]);
  });

  test('F9: denied', async () => {
    const { outcome, ours, theirs } = await run({ server: { authorize: () => false } });
    expect(outcome).toMatchObject({ reason: { code: 'ACCOUNT_RESTRICTED' } });
    for (const events of [ours, theirs]) expect(of('authorization', events)).toMatchObject([{ result: 'denied' }]);
  });
});
