/** Logons where TLS is somebody else's: through a gateway, and with TSRequests carried by the caller. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { subjectPublicKey } from '../../src/credssp/index.ts';
import { LAB_PASSWORD, type Lab, type LabNla, type LabNlaOptions, lab } from '../../src/lab/index.ts';
import {
  acceptExternally,
  type Carrier,
  type CleanPathOptions,
  connectCleanPath,
  type ExternalAcceptOptions,
  type ExternalOptions,
  encodeConnectionConfirm,
  encodeConnectionRequest,
  encodeRdCleanPath,
  logOnExternally,
  type NlaEvent,
  RDP_NEG_FAILURE_CODE,
  RDP_PROTOCOL,
  type RdCleanPath,
  streamCarrier,
  type WebSocketLike,
  webSocketCarrier,
} from '../../src/rdp/external.ts';
import { Secret, SspiError } from '../../src/sspi/index.ts';
import { carrierPair, serveGateway } from '../support/gateway.ts';

const TOKEN = 'let me in';
const GUARD = {
  kind: 'remote-guard',
  logon: { packageName: 'Kerberos', credential: new Secret(Uint8Array.of(10, 0, 0, 0)) },
  supplemental: [],
} as const;
let realm: Lab;
const open: { destroy(): void }[] = [];
beforeEach(async () => {
  realm = await lab();
});
afterEach(async () => {
  for (const one of open.splice(0)) one.destroy();
  await realm.close();
});

/** Through the gateway to a server of the lab. */
async function through(
  door: { readonly host: string; readonly port: number },
  options: Partial<CleanPathOptions> = {},
  tap?: (octets: Uint8Array) => void,
) {
  const [near, far] = carrierPair();
  const gateway = serveGateway(far, { token: TOKEN, server: door, tap });
  gateway.catch(() => undefined);
  return await connectCleanPath({
    carrier: near,
    proxyAuth: TOKEN,
    host: 'localhost',
    identity: realm.identity('alice'),
    platform: realm.host,
    deadline: 4_000,
    ...options,
  });
}

async function refusal(logon: Promise<unknown>): Promise<SspiError> {
  const error: unknown = await logon.catch((reason: unknown) => reason);
  if (error instanceof SspiError) return error;
  throw new Error('it was not refused');
}

describe('a logon through a gateway', () => {
  test.each(['kerberos', 'ntlm'] as const)('F12, X30: by %s', async (mechanism) => {
    const door = await realm.nla();
    const seen: NlaEvent[] = [];
    const connection = await through(door, {
      identity: realm.identity('alice', { mechanism }),
      observe: (event) => seen.push(event),
    });
    const name = mechanism === 'ntlm' ? 'LAB\\alice' : 'alice@LAB.EXAMPLE';
    expect(connection).toMatchObject({
      identity: { name, mechanism: mechanism === 'ntlm' ? 'NTLM' : 'Kerberos', targetName: 'TERMSRV/localhost' },
      authorization: 'granted',
      serverAddress: '127.0.0.1',
      session: { version: 6, selectedProtocol: RDP_PROTOCOL.HYBRID_EX, delegation: { delegated: 'password' } },
      received: new Uint8Array(0),
    });
    expect(await door.next()).toMatchObject({ kind: 'accepted', session: { identity: { name: 'LAB\\alice' } } });
    expect(seen.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['x224', 'certificate', 'binding', 'delegation']),
    );
    expect(seen.map(({ kind }) => kind)).not.toContain('tls');
  });

  test('F12: afterwards the carrier is at the first octet of MCS', async () => {
    const door = await realm.nla();
    const [near, far] = carrierPair();
    void serveGateway(far, { token: TOKEN, server: door });
    const identity = realm.identity('alice');
    await connectCleanPath({ carrier: near, proxyAuth: TOKEN, host: 'localhost', identity, platform: realm.host });
    const logon = await door.next();
    if (logon.kind === 'refused') throw logon.error;
    await near.send(Uint8Array.of(3, 0, 0, 4));
    expect(await once(logon.session.stream, 'data')).toEqual([Buffer.from([3, 0, 0, 4])]);
    logon.session.stream.write(Uint8Array.of(3, 0, 0, 5));
    expect(await near.receive()).toEqual(Uint8Array.of(3, 0, 0, 5));
    near.close?.();
  });

  test('F12: the gateway, which has TLS, does not see the password', async () => {
    const door = await realm.nla();
    const seen: Uint8Array[] = [];
    await through(door, {}, (octets) => seen.push(octets.slice()));
    const all = Buffer.concat(seen);
    expect(all.length).toBeGreaterThan(1_000);
    expect(all.includes(Buffer.from(LAB_PASSWORD, 'utf16le'))).toBe(false);
    expect(await door.next()).toMatchObject({ session: { credentials: { kind: 'password', user: 'alice' } } });
  });

  test('Y6: who judges the certificate decides whether it counts', async () => {
    const door = await realm.nla();
    const ntlm = { identity: realm.identity('alice', { mechanism: 'ntlm' }), requireServerAuthentication: true };
    expect(await refusal(through(door, ntlm))).toMatchObject({ code: 'MUTUAL_AUTH_FAILED' });
    const judged: Uint8Array[] = [];
    const { identity } = await through(door, {
      ...ntlm,
      judge: (certificates) => {
        judged.push(...certificates);
        return Promise.resolve(true);
      },
    });
    expect(identity.serverAuthentication).toEqual(['certificate']);
    expect(judged).toHaveLength(1);
  });

  test('X31: a gateway that shows another certificate than the server has', async () => {
    const door = await realm.nla();
    const middle = await realm.middle(door, 'swapped-certificate');
    await refusal(through(middle));
    expect(await door.next()).toMatchObject({ kind: 'refused', error: { code: 'PUBLIC_KEY_MISMATCH' } });
  });

  test('C13: a wrong password', async () => {
    const door = await realm.nla();
    const identity = realm.identity('alice', { password: 'wrong', mechanism: 'ntlm' });
    expect(await refusal(through(door, { identity }))).toMatchObject({ code: 'PEER_REFUSED', ntStatus: 0xc000006d });
  });

  test('F9: a user who may not come in', async () => {
    const door = await realm.nla({ authorize: () => false });
    expect(await refusal(through(door))).toMatchObject({ code: 'ACCOUNT_RESTRICTED' });
  });

  test('F12: a token that the gateway does not know, and a server that is not there', async () => {
    const door = await realm.nla();
    const stage = 'RDCleanPath';
    const unknown = through(door, { proxyAuth: 'let me in, please' });
    expect(await refusal(unknown)).toMatchObject({ code: 'GATEWAY_REFUSED', stage, detail: 'HTTP 401' });
    await door.close();
    expect(await refusal(through(door))).toMatchObject({ code: 'GATEWAY_REFUSED', stage, detail: 'WSA error 10061' });
  });

  test('F4, F12: a server without Network Level Authentication', async () => {
    const stranger = await realm.stranger('rdp-without-nla');
    // It never speaks TLS either, so that the gateway gives up later than the client does.
    expect(await refusal(through(stranger, { deadline: 300 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' });
  });
});

/** A gateway that says one thing. */
async function answered(...answers: readonly Uint8Array[]): Promise<SspiError> {
  const [near, far] = carrierPair();
  let closed = false;
  const carrier: Carrier = {
    ...near,
    close: () => {
      closed = true;
    },
  };
  void far.receive().then(async () => {
    for (const answer of answers) await far.send(answer);
    far.close?.();
  });
  const identity = realm.identity('alice');
  const options = { carrier, proxyAuth: TOKEN, host: 'localhost', identity, platform: realm.host, deadline: 1_000 };
  const error = await refusal(connectCleanPath(options));
  expect(closed).toBe(true);
  return error;
}

describe('a gateway that does not do what it should', () => {
  const confirm = (selectedProtocol: number): Uint8Array =>
    encodeConnectionConfirm({ kind: 'selected', selectedProtocol, flags: 0 });
  const response = (message: Partial<RdCleanPath & { kind: 'response' }>): Uint8Array =>
    encodeRdCleanPath({
      kind: 'response',
      serverAddress: '192.0.2.1',
      x224ConnectionPdu: confirm(RDP_PROTOCOL.HYBRID),
      serverCertificates: [Uint8Array.of(0x30, 0)],
      ...message,
    });

  test.each([
    ['garbage', () => Buffer.from('HTTP/1.1 404 Not Found\r\n\r\n'), { code: 'MALFORMED_TOKEN', stage: 'RDCleanPath' }],
    [
      'a request',
      () => encodeRdCleanPath({ kind: 'request', destination: 'a', proxyAuth: 'b', preconnectionBlob: 'c' }),
      { code: 'UNEXPECTED_MESSAGE' },
    ],
    ['a certificate that is none', () => response({}), { code: 'MALFORMED_TOKEN', stage: 'server certificate' }],
    [
      'no answer of the server',
      () => response({ x224ConnectionPdu: undefined }),
      { code: 'MALFORMED_TOKEN', stage: 'RDCleanPath' },
    ],
    [
      'a server that chose TLS only',
      () => response({ x224ConnectionPdu: confirm(RDP_PROTOCOL.SSL) }),
      { code: 'RDP_WITHOUT_NLA' },
    ],
    [
      'a server that refused',
      () => {
        const failureCode = RDP_NEG_FAILURE_CODE.SSL_CERT_NOT_ON_SERVER;
        const x224ConnectionPdu = encodeConnectionConfirm({ kind: 'failure', failureCode });
        return encodeRdCleanPath({ kind: 'error', errorCode: 2, x224ConnectionPdu });
      },
      { code: 'RDP_CERTIFICATE_MISSING' },
    ],
    [
      'an alert of TLS',
      () => encodeRdCleanPath({ kind: 'error', errorCode: 1, tlsAlertCode: 48 }),
      { code: 'GATEWAY_REFUSED', detail: 'TLS alert 48' },
    ],
    ['an error without a reason', () => encodeRdCleanPath({ kind: 'error', errorCode: 1 }), { detail: 'code 1' }],
    ['half an answer', () => response({}).subarray(0, 30), { code: 'CONNECTION_CLOSED', stage: 'RDCleanPath' }],
  ] as const)('F12: %s', async (_, answer, expected) => {
    expect(await answered(answer())).toMatchObject(expected);
  });

  test('C17: silence, and an abort', async () => {
    const [near] = carrierPair();
    const options = { carrier: near, proxyAuth: TOKEN, host: 'localhost', identity: realm.identity('alice') };
    expect(await refusal(connectCleanPath({ ...options, legTimeout: 50 }))).toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    });
    const [other] = carrierPair();
    const reason = new Error('enough');
    const aborted = connectCleanPath({ ...options, carrier: other, signal: AbortSignal.abort(reason) });
    await expect(aborted).rejects.toBe(reason);
    const sent: Uint8Array[] = [];
    const watched: Carrier = { ...other, send: (octets) => void sent.push(octets) };
    const again = connectCleanPath({ ...options, carrier: watched, signal: AbortSignal.abort(reason) });
    await expect(again).rejects.toBe(reason);
    expect(sent).toEqual([]); // the token of the gateway above all
  });

  test('F12: a carrier that throws', async () => {
    const carrier: Carrier = { send: () => undefined, receive: () => Promise.reject(new Error('no network')) };
    const options = { carrier, proxyAuth: TOKEN, host: 'localhost', identity: realm.identity('alice') };
    expect(await refusal(connectCleanPath(options))).toMatchObject({ code: 'CONNECTION_CLOSED', detail: 'no network' });
  });
});

describe('TSRequests carried by the caller', () => {
  /** What a caller does himself: X.224, TLS, and a look at the certificate. */
  async function secured(door: LabNla): Promise<TLSSocket> {
    const socket: Socket = createConnection(door);
    open.push(socket);
    const requestedProtocols = RDP_PROTOCOL.SSL | RDP_PROTOCOL.HYBRID;
    socket.write(encodeConnectionRequest({ negotiation: { flags: 0, requestedProtocols } }));
    await once(socket, 'data');
    const tls = connectTls({ socket, rejectUnauthorized: false }).on('error', () => undefined);
    await once(tls, 'secureConnect');
    return tls;
  }

  async function logOn(server: LabNlaOptions, options: Partial<ExternalOptions> = {}) {
    const door = await realm.nla(server);
    const tls = await secured(door);
    const carrier = streamCarrier(Duplex.toWeb(tls));
    const outcome = logOnExternally({
      carrier,
      certificates: [Uint8Array.from(tls.getPeerCertificate().raw)],
      selectedProtocol: RDP_PROTOCOL.HYBRID,
      host: 'localhost',
      identity: realm.identity('alice'),
      platform: realm.host,
      ...options,
    });
    return { outcome, door };
  }

  test('F12: a logon over the streams of the platform', async () => {
    const { outcome, door } = await logOn({ protocols: RDP_PROTOCOL.HYBRID }, { trusted: true });
    expect(await outcome).toMatchObject({
      identity: { mechanism: 'Kerberos', serverAuthentication: ['Kerberos', 'certificate'] },
      authorization: 'not-told',
    });
    expect(await door.next()).toMatchObject({ kind: 'accepted' });
  });

  test('X31: with the wrong certificate', async () => {
    const { outcome } = await logOn({}, { certificates: [derOf('rsa')] });
    expect(await refusal(outcome)).toMatchObject({ code: 'PEER_REFUSED', ntStatus: 0xc0000022 });
  });

  test.each([
    [{ selectedProtocol: RDP_PROTOCOL.SSL }, 'INVALID_PARAMETER'],
    [{ certificates: [] }, 'INVALID_PARAMETER'],
    [{ certificates: [Uint8Array.of(1, 2, 3)] }, 'MALFORMED_TOKEN'],
    [{ restrictedAdmin: true }, 'RDP_RESTRICTED_ADMIN_REFUSED'],
    [{ credentials: GUARD }, 'RDP_REMOTE_GUARD_REFUSED'],
  ] as const)('F12: %o', async (options, code) => {
    const { outcome } = await logOn({}, options);
    expect(await refusal(outcome)).toMatchObject({ code });
  });
});

describe("a server whose TLS is somebody else's", () => {
  const request = { negotiation: { flags: 0, requestedProtocols: RDP_PROTOCOL.HYBRID | RDP_PROTOCOL.HYBRID_EX } };
  const shown = derOf('ec');

  /** Both sides, and nothing between them. */
  async function bothSides(accepting: Partial<ExternalAcceptOptions> = {}, connecting: Partial<ExternalOptions> = {}) {
    const [near, far] = carrierPair();
    const selectedProtocol = RDP_PROTOCOL.HYBRID_EX;
    return await Promise.allSettled([
      logOnExternally({
        carrier: near,
        certificates: [shown],
        selectedProtocol,
        host: 'localhost',
        identity: realm.identity('alice'),
        platform: realm.host,
        deadline: 4_000,
        ...connecting,
      }),
      acceptExternally({
        carrier: far,
        certificate: shown,
        request,
        selectedProtocol,
        identity: realm.acceptor(),
        platform: realm.host,
        deadline: 4_000,
        ...accepting,
      }),
    ]);
  }

  test('F12: lets a client in, and has what it handed over until it is disposed', async () => {
    const [client, server] = await bothSides();
    expect(client).toMatchObject({ value: { authorization: 'granted', session: { version: 6 } } });
    if (server.status === 'rejected') throw server.reason;
    expect(server.value).toMatchObject({
      identity: { name: 'LAB\\alice', mechanism: 'Kerberos' },
      authorization: 'granted',
      session: { request, selectedProtocol: RDP_PROTOCOL.HYBRID_EX, version: 6 },
      received: new Uint8Array(0),
    });
    const { credentials } = server.value;
    if (credentials.kind !== 'password') throw new Error(credentials.kind);
    expect(new TextDecoder('utf-16le').decode(credentials.password.reveal())).toBe(LAB_PASSWORD);
    server.value.dispose();
    expect(credentials.password.disposed).toBe(true);
  });

  test('C13: tells a client why it is refused', async () => {
    const identity = realm.identity('alice', { password: 'wrong', mechanism: 'ntlm' });
    const [client, server] = await bothSides({}, { identity });
    expect(client).toMatchObject({ reason: { code: 'PEER_REFUSED', ntStatus: 0xc000006d } });
    expect(server).toMatchObject({ reason: { code: 'LOGON_DENIED' } });
    const [denied] = await bothSides({ authorize: () => false });
    expect(denied).toMatchObject({ reason: { code: 'ACCOUNT_RESTRICTED' } });
  });

  test('X31: a client that was shown another certificate', async () => {
    const [client, server] = await bothSides({}, { certificates: [derOf('rsa')] });
    expect(client).toMatchObject({ reason: { code: 'PEER_REFUSED', ntStatus: 0xc0000022 } });
    expect(server).toMatchObject({ reason: { code: 'PUBLIC_KEY_MISMATCH' } });
  });

  test.each([
    [{ selectedProtocol: RDP_PROTOCOL.SSL }, 'INVALID_PARAMETER'],
    [{ request: { negotiation: { flags: 0, requestedProtocols: RDP_PROTOCOL.SSL } } }, 'INVALID_PARAMETER'],
    [{ certificate: Uint8Array.of(1, 2, 3) }, 'CERTIFICATE_UNUSABLE'],
  ] as const)('F12, F7: %o', async (options, code) => {
    const [, server] = await bothSides(options, { deadline: 200 });
    expect(server).toMatchObject({ reason: { code } });
  });
});

describe('a WebSocket as a carrier', () => {
  class Fake implements WebSocketLike {
    binaryType = 'blob';
    readyState = 0;
    readonly sent: Uint8Array[] = [];
    readonly #listeners = new Map<string, ((event: { readonly data: unknown }) => void)[]>();
    send(octets: Uint8Array): void {
      this.sent.push(octets);
    }
    close(): void {
      this.happen('close', 3);
    }
    addEventListener(type: string, listener: (event: { readonly data: unknown }) => void): void {
      this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    }
    happen(type: string, readyState: number, data?: unknown): void {
      this.readyState = readyState;
      for (const listener of this.#listeners.get(type) ?? []) listener({ data });
    }
  }

  const octets = (...values: number[]): ArrayBuffer => Uint8Array.from(values).buffer;

  test('F12: waits until it is open, and gives what comes in its order', async () => {
    const socket = new Fake();
    const opening = webSocketCarrier(socket);
    socket.happen('open', 1);
    const carrier = await opening;
    expect(socket.binaryType).toBe('arraybuffer');
    socket.happen('message', 1, octets(1));
    socket.happen('message', 1, octets(2, 3));
    expect([await carrier.receive(), await carrier.receive()]).toEqual([Uint8Array.of(1), Uint8Array.of(2, 3)]);
    const next = carrier.receive();
    socket.happen('message', 1, octets(4));
    expect(await next).toEqual(Uint8Array.of(4));
    void carrier.send(Uint8Array.of(5));
    expect(socket.sent).toEqual([Uint8Array.of(5)]);
    carrier.close?.();
    expect(await carrier.receive()).toBeUndefined();
  });

  test('F12: one that does not open', async () => {
    const socket = new Fake();
    const opening = webSocketCarrier(socket);
    socket.happen('error', 3);
    expect(await refusal(opening)).toMatchObject({ code: 'CONNECTION_FAILED', stage: 'WebSocket' });
  });

  test('C17: text, and more than anybody asks for', async () => {
    for (const [data, code] of [
      ['hello', 'MALFORMED_TOKEN'],
      [new ArrayBuffer(5 * 1024 * 1024), 'TOKEN_TOO_LARGE'],
    ] as const) {
      const socket = new Fake();
      socket.readyState = 1;
      const carrier = await webSocketCarrier(socket);
      socket.happen('message', 1, data);
      if (typeof data !== 'string') await carrier.receive();
      expect(await refusal(carrier.receive())).toMatchObject({ code });
    }
  });
});

describe('the key of a certificate', () => {
  // RFC 5480 2.2, RFC 8017 A.1.1: what the BIT STRING holds begins so.
  test.each([
    ['rsa', '30820'],
    ['ec', '04'],
  ] as const)('X30: %s', (kind, beginning) => {
    const der = derOf(kind);
    const key = Buffer.from(subjectPublicKey(der)).toString('hex');
    expect(key.startsWith(beginning)).toBe(true);
    expect(Buffer.from(der).toString('hex')).toContain(`00${key}`); // behind the octet of unused bits
  });
});

function derOf(name: 'rsa' | 'ec'): Uint8Array {
  const text = readFileSync(new URL(`../certificates/${name}.pem`, import.meta.url), 'utf8');
  return Uint8Array.from(Buffer.from(text.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64'));
}
