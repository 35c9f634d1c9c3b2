/** What a client meets in the place of a server that does what it wants; and what it says about it. */

import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/lab/self-signed.ts';
import { type ConnectNlaOptions, connectNla, type NlaEvent } from '../../src/rdp/index.ts';
import { SspiError } from '../../src/sspi/index.ts';

const ALICE = { kind: 'identity', domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' } as const;

const servers: { server: Server; sockets: Set<Socket> }[] = [];
afterEach(() => {
  for (const { server, sockets } of servers.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  servers.push({ server, sockets });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port; // a TCP server that listens has one
}

/** A server that answers the first octets with these, and nothing else. */
const answering = (hex: string): Server =>
  createServer((socket) => void socket.once('data', () => socket.write(Buffer.from(hex, 'hex'))));

async function failure(server: Server, options: Partial<ConnectNlaOptions> = {}): Promise<SspiError> {
  const port = await listening(server);
  const logon = connectNla({ host: '127.0.0.1', port, identity: ALICE, deadline: 2_000, ...options });
  const error: unknown = await logon.catch((reason: unknown) => reason);
  if (error instanceof SspiError) return error;
  throw new Error('it did not fail');
}

/** TPKT, X.224 Connection Confirm, and the eight octets of the negotiation ([MS-RDPBCGR] 2.2.1.2). */
const confirm = (negotiation: string): string => `030000130ed000001234 00${negotiation}`.replaceAll(' ', '');

describe('the answer of a server', () => {
  // [MS-RDPBCGR] 2.2.1.2.2: type 3, flags 0, length 8, failureCode.
  test.each([
    ['0300080001000000', 'RDP_TLS_REQUIRED', 'SSL_REQUIRED_BY_SERVER'],
    ['0300080002000000', 'RDP_TLS_NOT_ALLOWED', 'SSL_NOT_ALLOWED_BY_SERVER'],
    ['0300080003000000', 'RDP_CERTIFICATE_MISSING', 'SSL_CERT_NOT_ON_SERVER'],
    ['0300080004000000', 'RDP_FLAGS_INCONSISTENT', 'INCONSISTENT_FLAGS'],
    ['0300080005000000', 'RDP_NLA_REQUIRED', 'HYBRID_REQUIRED_BY_SERVER'],
    ['0300080006000000', 'RDP_USER_CERTIFICATE_REQUIRED', 'SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER'],
    ['0300080063000000', 'RDP_NEGOTIATION_FAILED', 'code 99'],
    // 2.2.1.2.1: type 2, flags, length 8, selectedProtocol.
    ['0200080000000000', 'RDP_WITHOUT_NLA', 'the server chose RDP'],
    ['0200080001000000', 'RDP_WITHOUT_NLA', 'the server chose SSL'],
    ['0200080004000000', 'RDP_WITHOUT_NLA', 'the server chose RDSTLS'],
  ] as const)('F4, F7: %s: %s', async (negotiation, code, detail) => {
    const error = await failure(answering(confirm(negotiation)));
    expect(error).toMatchObject({ code, detail, stage: 'X.224 Connection Confirm' });
    expect(error.hint).not.toBe('');
  });

  test('F4: a server from before the negotiation', async () => {
    expect(await failure(answering('0300000b06d00000123400'))).toMatchObject({
      code: 'RDP_WITHOUT_NLA',
      detail: 'the server knows only standard RDP security',
    });
  });

  test('F5: a server that does not support Restricted Admin, which was asked for', async () => {
    const error = await failure(answering(confirm('0200080008000000')), { restrictedAdmin: true });
    expect(error).toMatchObject({ code: 'RDP_RESTRICTED_ADMIN_REFUSED', stage: 'X.224 Connection Confirm' });
  });

  test('F1: a server that chooses NLA and then speaks no TLS', async () => {
    const server = createServer((socket) => {
      let said = false;
      socket.on('data', () => {
        socket.write(said ? 'I have changed my mind' : Buffer.from(confirm('0200080002000000'), 'hex'));
        said = true;
      });
    });
    expect(await failure(server)).toMatchObject({ code: 'TLS_FAILED', stage: 'TLS handshake' });
  });

  test('F1: a server that chooses NLA and hangs up on TLS', async () => {
    const server = createServer((socket) => {
      socket.once('data', () => {
        socket.write(Buffer.from(confirm('0200080002000000'), 'hex'));
        socket.once('data', () => socket.end());
      });
    });
    expect(await failure(server)).toMatchObject({ code: 'CONNECTION_CLOSED', stage: 'TLS handshake' });
  });
});

describe('what is no RDP server', () => {
  const stage = 'X.224 Connection Confirm';

  test('F3: an HTTP server', async () => {
    const server = createHttpServer();
    server.on('clientError', (_, socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    expect(await failure(server)).toMatchObject({ code: 'NOT_RDP', stage, detail: 'it looks like HTTP' });
  });

  test('F3: an echo server', async () => {
    const server = createServer((socket) => void socket.pipe(socket));
    expect(await failure(server)).toMatchObject({ code: 'NOT_RDP', stage, detail: 'it repeats what it is sent' });
  });

  test('F3: a port that speaks TLS from the first octet', async () => {
    const { certificate, privateKey } = selfSigned({ key: 'ec', dnsNames: ['localhost'], now: Date.now() });
    const server = createTlsServer({ cert: certificate, key: String(privateKey) });
    server.on('tlsClientError', () => undefined);
    // Node.js hangs up without the alert that others send; the next test has one.
    expect(await failure(server)).toMatchObject({ code: 'CONNECTION_CLOSED', stage });
  });

  test.each([
    ['15030100020246', 'it looks like TLS from the first octet: an alert'],
    [Buffer.from('SSH-2.0-OpenSSH_9.6\r\n').toString('hex'), 'it looks like SSH'],
    [Buffer.from('RFB 003.008\n').toString('hex'), 'it looks like VNC'],
    [Buffer.from('220 mail.example.test ESMTP\r\n').toString('hex'), 'no TPKT header'],
    ['04', 'no TPKT header'],
    ['0300ffff', 'no TPKT header'],
  ])('F3: what begins with %s: %s', async (octets, detail) => {
    expect(await failure(answering(octets))).toMatchObject({ code: 'NOT_RDP', stage, detail });
  });

  test('C17: silence', async () => {
    const error = await failure(
      createServer((socket) => void socket.resume()),
      { legTimeout: 100 },
    );
    expect(error).toMatchObject({ code: 'DEADLINE_EXCEEDED', stage, detail: '100 ms for one message' });
  });

  test('C17: an answer octet by octet does not stretch the patience', async () => {
    const server = createServer((socket) => {
      const timer = setInterval(() => socket.write(Uint8Array.of(3)), 20);
      socket.on('close', () => clearInterval(timer));
      socket.once('data', () => socket.write(Uint8Array.of(3, 0, 0, 100)));
    });
    expect(await failure(server, { legTimeout: 200 })).toMatchObject({ code: 'DEADLINE_EXCEEDED', stage });
  });

  test('F1: whoever hangs up at once', async () => {
    expect(await failure(createServer((socket) => void socket.end()))).toMatchObject({
      code: 'CONNECTION_CLOSED',
      stage,
    });
  });

  test('F1: nobody', async () => {
    const server = createServer();
    const port = await listening(server);
    server.close();
    const connecting = connectNla({ host: '127.0.0.1', port, identity: ALICE });
    await expect(connecting).rejects.toMatchObject({ code: 'CONNECTION_FAILED', stage: 'TCP' });
  });

  test('F1: a name that is none', async () => {
    const connecting = connectNla({ host: 'nobody.invalid', identity: ALICE, legTimeout: 3_000 });
    await expect(connecting).rejects.toMatchObject({ code: 'CONNECTION_FAILED', stage: 'TCP' });
  });

  test('F1: an abort before it began, and in the middle', async () => {
    const reason = new Error('never mind');
    const port = await listening(createServer((socket) => void socket.resume()));
    const connecting = connectNla({ host: '127.0.0.1', port, identity: ALICE, signal: AbortSignal.abort(reason) });
    await expect(connecting).rejects.toBe(reason);
    const controller = new AbortController();
    const observe = ({ kind }: NlaEvent): void => {
      if (kind === 'x224') setTimeout(() => controller.abort(reason), 10);
    };
    const waiting = connectNla({ host: '127.0.0.1', port, identity: ALICE, signal: controller.signal, observe });
    await expect(waiting).rejects.toBe(reason);
  });
});
