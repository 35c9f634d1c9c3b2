import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import { selfSigned } from '../../src/lab/self-signed.ts';
import {
  type AcceptNlaOptions,
  acceptNla,
  type ConnectNlaOptions,
  connectNla,
  encodeConnectionConfirm,
  encodeConnectionRequest,
  type NlaEvent,
  RDP_NEG_FAILURE_CODE,
  RDP_PROTOCOL,
} from '../../src/rdp/index.ts';
import { type CertificateWithKey, Secret, SspiError } from '../../src/sspi/index.ts';
import { socketPair } from './pair.ts';

const ALICE = { domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' } as const;
const accounts = memoryAccounts([ALICE]);
let certificate: CertificateWithKey;
beforeAll(() => {
  certificate = selfSigned({ key: 'ec', dnsNames: ['host.example.test'], now: Date.now() });
});

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

async function pair(): Promise<{ near: Socket; far: Socket }> {
  const sockets = await socketPair();
  open.push(sockets.near, sockets.far);
  return sockets;
}

const client = (stream: Socket, options: Partial<ConnectNlaOptions> = {}) =>
  connectNla({
    stream,
    host: 'host.example.test',
    identity: { kind: 'identity', ...ALICE },
    deadline: 5_000,
    ...options,
  });

const server = (stream: Socket, options: Partial<AcceptNlaOptions> = {}) =>
  acceptNla({ stream, certificate, identity: { kind: 'acceptor', accounts }, deadline: 5_000, ...options });

/** Both ends against each other. */
async function logOn(connecting: Partial<ConnectNlaOptions> = {}, accepting: Partial<AcceptNlaOptions> = {}) {
  const { near, far } = await pair();
  const [connected, accepted] = await Promise.allSettled([client(near, connecting), server(far, accepting)]);
  return { connected, accepted, near, far };
}

/** Both ends against each other, where both must be content. */
async function logOnWell(connecting: Partial<ConnectNlaOptions> = {}, accepting: Partial<AcceptNlaOptions> = {}) {
  const { connected, accepted } = await logOn(connecting, accepting);
  if (connected.status === 'rejected') throw connected.reason;
  if (accepted.status === 'rejected') throw accepted.reason;
  return { connection: connected.value, session: accepted.value };
}

const passwordOf = (secret: Secret): string => new TextDecoder('utf-16le').decode(secret.reveal());

describe('Network Level Authentication between our two ends', () => {
  const matrix = ([2, 3, 4, 5, 6] as const).flatMap((version) =>
    (['TLSv1.2', 'TLSv1.3'] as const).flatMap((tls) =>
      (['negotiate', 'ntlm'] as const).map((mechanism) => ({ version, tls, mechanism })),
    ),
  );

  test.each(matrix)('F1, X14: version $version over $tls with $mechanism', async ({ version, tls, mechanism }) => {
    const { connection, session } = await logOnWell(
      { tls: { minVersion: tls }, credssp: { mechanism, maxVersion: version, minVersion: 2 } },
      { tls: { maxVersion: tls }, credssp: { minVersion: 2 } },
    );
    expect(connection.session.version).toBe(version);
    expect(session).toMatchObject({ session: { version }, identity: { name: 'EXAMPLE\\alice' } });
    connection.stream.write('what RDP has to say');
    expect(await once(session.stream, 'data')).toEqual([Buffer.from('what RDP has to say')]);
  });

  test('C14: the delegated credentials are those that were sent, and go with the session', async () => {
    const { session } = await logOnWell();
    const { credentials } = session;
    if (credentials.kind !== 'password') throw new Error(credentials.kind);
    expect({ ...credentials, password: passwordOf(credentials.password) }).toEqual({ kind: 'password', ...ALICE });
    session.dispose();
    expect(credentials.password.disposed).toBe(true);
  });

  test('X4: each TSRequest leaves in a record of its own', async () => {
    const [inner, outer] = [await pair(), await pair()];
    const records: number[] = [];
    inner.far.on('data', (chunk: Buffer) => {
      // The client's writes come as they are on loopback: whole records, behind the X.224 request.
      for (let at = chunk[0] === 3 ? chunk.length : 0; at + 5 <= chunk.length; at += 5 + chunk.readUInt16BE(at + 3))
        if (chunk[at] === 23) records.push(chunk.readUInt16BE(at + 3));
      outer.near.write(chunk);
    });
    outer.near.on('data', (chunk: Buffer) => inner.far.write(chunk));
    const sizes: number[] = [];
    const observe = (event: NlaEvent): void => {
      if (event.kind === 'message' && event.direction === 'sent') sizes.push(event.octets.length);
    };
    await Promise.all([client(inner.near, { observe, tls: { maxVersion: 'TLSv1.2' } }), server(outer.far)]);
    expect(sizes).toHaveLength(3);
    // AES-GCM of TLS 1.2 adds 8 octets of nonce and 16 of tag (contract Q8).
    expect(records).toEqual(sizes.map((size) => size + 24));
  });

  test('F9: under HYBRID_EX a user who may not come in is told so', async () => {
    const { connected, accepted, far } = await logOn({}, { authorize: ({ user }) => user !== 'alice' });
    expect(connected).toMatchObject({
      reason: { code: 'ACCOUNT_RESTRICTED', stage: 'Early User Authorization Result' },
    });
    expect(accepted).toMatchObject({ reason: { code: 'ACCOUNT_RESTRICTED', stage: 'authorize' } });
    expect(far.destroyed).toBe(true);
  });

  test('F9: without HYBRID_EX there is no result to send', async () => {
    const { connection, session } = await logOnWell(
      {},
      { protocols: RDP_PROTOCOL.HYBRID, authorize: () => Promise.resolve(true) },
    );
    expect(connection.session.selectedProtocol).toBe(RDP_PROTOCOL.HYBRID);
    connection.stream.write('next');
    expect(await once(session.stream, 'data')).toEqual([Buffer.from('next')]);
  });

  test('F2: what the client says in the clear reaches the application', async () => {
    const correlationId = Uint8Array.from({ length: 16 }, (_, at) => at + 1);
    const { session } = await logOnWell({ cookie: 'alice', correlationId });
    const negotiation = { flags: 0, requestedProtocols: 0xb, correlationId };
    expect(session.session.request).toEqual({ cookie: 'alice', negotiation });
  });

  test('X34: a client with a hash logs on and delegates nothing', async () => {
    // MD4 of the UTF-16LE octets of 'Password', [MS-NLMP] 4.2.2.1.2.
    const ntHash = new Secret(Uint8Array.from(Buffer.from('a4f49c406510bdcab6824ee7c30fd852', 'hex')));
    const identity = { kind: 'nt-hash', user: 'User', domain: 'Domain', ntHash } as const;
    const known = memoryAccounts([{ user: 'User', domain: 'Domain', password: 'Password' }]);
    const { session } = await logOnWell({ identity }, { identity: { kind: 'acceptor', accounts: known } });
    expect(session.identity.name).toBe('Domain\\User');
    expect(session.credentials).toEqual({ kind: 'none' });
  });

  test('Y6, F8: the certificate counts when it is trusted and for the host', async () => {
    const required = { requireServerAuthentication: true, rootStore: [certificate.certificate] };
    const { connection } = await logOnWell(required);
    expect(connection.session.trust).toMatchObject({ errorStatus: 0, policyStatus: 0 });
    const { connected } = await logOn({ ...required, host: 'other.example.test' });
    expect(connected).toMatchObject({
      reason: { code: 'MUTUAL_AUTH_FAILED', stage: 'delegation', detail: expect.stringContaining('for another name') },
    });
  });
});

describe('Network Level Authentication that fails', () => {
  test.each([3, 4, 6])(
    'C13, Z7: version %i: a wrong password is told with its NTSTATUS, and both sockets are gone',
    async (version) => {
      const identity = { kind: 'identity', ...ALICE, password: 'wrong' } as const;
      const versions = { maxVersion: version, minVersion: 2 };
      const { connected, accepted, near, far } = await logOn({ identity, credssp: versions }, { credssp: versions });
      expect(connected).toMatchObject({ reason: { code: 'PEER_REFUSED', ntStatus: 0xc000006d } });
      expect(accepted).toMatchObject({ reason: { code: 'LOGON_DENIED' } });
      expect([near.destroyed, far.destroyed]).toEqual([true, true]);
    },
  );

  test.each([2, 5])('X20: version %i: the connection is closed without a word', async (version) => {
    const identity = { kind: 'identity', ...ALICE, password: 'wrong' } as const;
    const versions = { maxVersion: version, minVersion: 2 };
    const { connected, accepted } = await logOn({ identity, credssp: versions }, { credssp: versions });
    expect(connected).toMatchObject({ reason: { code: 'CONNECTION_CLOSED' } });
    expect(accepted).toMatchObject({ reason: { code: 'LOGON_DENIED' } });
  });

  test('Y18, Z1: an old server gets neither proof nor password', async () => {
    const { connected, accepted } = await logOn({}, { credssp: { maxVersion: 4 } });
    expect(connected).toMatchObject({ reason: { code: 'VERSION_REFUSED' } });
    expect(accepted).toMatchObject({ status: 'rejected' });
  });

  test('F4: a client that offers no CredSSP is told that it is required', async () => {
    const { near, far } = await pair();
    const accepting = server(far);
    near.write(encodeConnectionRequest({ negotiation: { flags: 0, requestedProtocols: RDP_PROTOCOL.SSL } }));
    const [confirm]: unknown[] = await once(near, 'data');
    const failureCode = RDP_NEG_FAILURE_CODE.HYBRID_REQUIRED_BY_SERVER;
    expect(confirm).toEqual(Buffer.from(encodeConnectionConfirm({ kind: 'failure', failureCode })));
    near.end();
    await expect(accepting).rejects.toMatchObject({ code: 'RDP_WITHOUT_NLA' });
  });

  test('F10: a client that begins with TLS is refused at its first octet', async () => {
    const { near, far } = await pair();
    const accepting = server(far);
    near.write(Uint8Array.of(0x16));
    await expect(accepting).rejects.toMatchObject({ code: 'NOT_RDP', stage: 'X.224 Connection Request' });
    expect(far.destroyed).toBe(true);
  });

  test('C17: octets that are no TSRequest, and a TSRequest that is too large, end the logon at their header', async () => {
    for (const [octets, code] of [
      [Uint8Array.of(0x16, 0x03), 'MALFORMED_TOKEN'],
      [Uint8Array.of(0x30, 0x84, 0x7f, 0xff, 0xff, 0xff), 'TOKEN_TOO_LARGE'],
    ] as const) {
      const { near, far } = await pair();
      const accepting = server(far);
      near.write(encodeConnectionRequest({ negotiation: { flags: 0, requestedProtocols: RDP_PROTOCOL.HYBRID } }));
      await once(near, 'data');
      const tls = connectTls({ socket: near, rejectUnauthorized: false });
      tls.on('error', () => undefined);
      await once(tls, 'secureConnect');
      tls.write(octets);
      await expect(accepting).rejects.toMatchObject({ code });
      expect(far.destroyed).toBe(true);
    }
  });

  test('C17: an account source that hangs does not hold the connection for ever', async () => {
    const hanging = { find: () => new Promise<undefined>(() => undefined) };
    const { connected, accepted } = await logOn(
      {},
      { identity: { kind: 'acceptor', accounts: hanging }, legTimeout: 100 },
    );
    expect(accepted).toMatchObject({ reason: { code: 'DEADLINE_EXCEEDED' } });
    expect(connected).toMatchObject({ reason: { code: 'CONNECTION_CLOSED' } });
  });

  test.each([
    ['before the request', 0],
    ['behind the request', 1],
    ['behind the TLS handshake', 2],
    ['within a TSRequest', 3],
  ])('F1: a client that resets the connection %s is an error, and no unhandled one', async (_, stages) => {
    const { near, far } = await pair();
    near.on('error', () => undefined);
    const accepting = server(far);
    const outcome = expect(accepting).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    if (stages > 0) {
      near.write(encodeConnectionRequest({ negotiation: { flags: 0, requestedProtocols: RDP_PROTOCOL.HYBRID } }));
      await once(near, 'data');
    }
    if (stages > 1) {
      const tls = connectTls({ socket: near, rejectUnauthorized: false }).on('error', () => undefined);
      await once(tls, 'secureConnect');
      if (stages > 2) await new Promise((resolve) => tls.write(Uint8Array.of(0x30, 0x10), resolve));
    }
    near.resetAndDestroy();
    await outcome;
    expect(far.destroyed).toBe(true);
  });

  test('F1: an abort ends both sides with its reason', async () => {
    const controller = new AbortController();
    const { near, far } = await pair();
    const waiting = Promise.allSettled([
      client(near, { signal: controller.signal }),
      server(far, { signal: controller.signal, legTimeout: 4_000 }),
    ]);
    controller.abort(new Error('enough'));
    for (const outcome of await waiting) expect(outcome).toMatchObject({ reason: { message: 'enough' } });
    expect([near.destroyed, far.destroyed]).toEqual([true, true]);
  });

  test('F1: a server that cannot be reached', async () => {
    const connecting = connectNla({ host: '127.0.0.1', port: 1, identity: { kind: 'identity', ...ALICE } });
    await expect(connecting).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
    await expect(connecting).rejects.toBeInstanceOf(SspiError);
  });

  test('F8: a certificate that cannot be used, and an identity without a password', async () => {
    const { accepted } = await logOn({}, { certificate: { certificate: 'none', privateKey: 'none' } });
    expect(accepted).toMatchObject({ reason: { code: 'CERTIFICATE_UNUSABLE' } });
    const { connected } = await logOn({ identity: { kind: 'identity', user: 'alice' } });
    expect(connected).toMatchObject({ reason: { code: 'NO_CREDENTIALS' } });
  });
});
