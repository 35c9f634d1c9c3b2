/**
 * The Early User Authorization Result, octet for octet ([MS-RDPBCGR] 2.2.10.2): each of our ends against TLS of the runtime and
 * octets that are written down here, because two ends that share a wrong constant understand each other well.
 */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { memoryAccounts } from '../../src/acceptor/index.ts';
import {
  credsspAcceptor,
  credsspInitiator,
  PERMISSIVE_DELEGATION_POLICY,
  subjectPublicKey,
} from '../../src/credssp/index.ts';
import { systemHost } from '../../src/host/index.ts';
import { selfSigned } from '../../src/lab/self-signed.ts';
import { ntlmPackage } from '../../src/ntlm/index.ts';
import { acceptNla, connectNla } from '../../src/rdp/index.ts';
import { type CertificateWithKey, ISC_REQ, SECPKG_CRED, Secret, type SecurityContext } from '../../src/sspi/index.ts';
import { hex } from '../support/vectors.ts';
import { socketPair } from './pair.ts';

const ALICE = { domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' } as const;
const TARGET = 'TERMSRV/host.example.test';
const INNER = ISC_REQ.INTEGRITY | ISC_REQ.CONFIDENTIALITY; // the same bits as a server's
const accounts = memoryAccounts([ALICE]);
const mechanism = { mechanism: 'ntlm' } as const;

/** A request for SSL, HYBRID and HYBRID_EX, and a confirm that selects HYBRID_EX (contract F3, F4). */
const REQUEST = hex('030000130ee00000000000010008000b000000');
const CONFIRM = hex('030000130ed000001234000200080008000000');

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

/** Everything that has come by now, at least one octet. */
async function heard(socket: Socket): Promise<Uint8Array> {
  const [chunk]: unknown[] = await once(socket, 'data');
  if (!(chunk instanceof Uint8Array)) throw new TypeError('no octets');
  return chunk;
}

/** Speaks one side of CredSSP over TLS of the runtime. TSRequests of this size come in one piece. */
async function speak(tls: TLSSocket, engine: SecurityContext): Promise<void> {
  let step = engine.role === 'initiator' ? await engine.step() : await engine.step(await heard(tls));
  for (;;) {
    if (!('token' in step)) throw new TypeError('a piece of a TSRequest');
    if (step.token.length > 0) tls.write(step.token);
    if (engine.state === 'established') return;
    step = await engine.step(await heard(tls));
  }
}

/** A server that lets alice log on and then writes `result`, whatever it is. */
async function serverSaying(stream: Socket, result: Uint8Array): Promise<void> {
  expect((await heard(stream)).subarray(0, 4)).toEqual(Buffer.from(REQUEST.subarray(0, 4)));
  stream.write(CONFIRM);
  const { certificate: cert, privateKey } = certificate;
  if (typeof privateKey !== 'string') throw new TypeError('a PEM is expected');
  const tls = new TLSSocket(stream, { isServer: true, cert, key: privateKey });
  tls.on('error', () => undefined);
  const inner = await ntlmPackage.acquire({
    use: SECPKG_CRED.INBOUND,
    authData: { kind: 'acceptor', accounts },
    host: systemHost,
  });
  const [, base64 = ''] = /CERTIFICATE-----([^-]+)-----/.exec(cert) ?? [];
  const publicKey = subjectPublicKey(Uint8Array.from(Buffer.from(base64, 'base64')));
  await speak(tls, credsspAcceptor({ publicKey, mechanism: inner.accept({ flags: INNER }), flags: 0 }));
  tls.write(result);
}

describe('F9: what a server of another make writes, as our client reads it', () => {
  const connecting = async (result: string) => {
    const { near, far } = await pair();
    const [connected] = await Promise.allSettled([
      connectNla({
        stream: near,
        host: 'host.example.test',
        identity: { kind: 'identity', ...ALICE },
        deadline: 5_000,
        credssp: mechanism,
      }),
      serverSaying(far, hex(result)),
    ]);
    return connected;
  };

  test('00000000: the user may come in', async () => {
    const connected = await connecting('00000000');
    expect(connected).toMatchObject({ status: 'fulfilled', value: { authorization: 'granted' } });
  });

  test('05000000: the user may not', async () => {
    expect(await connecting('05000000')).toMatchObject({
      reason: { code: 'ACCOUNT_RESTRICTED', stage: 'Early User Authorization Result', ntStatus: 0xc0000022 },
    });
  });

  test.each(['01000000', '00000005', '00000001', '05000001'])('%s: nothing that exists', async (result) => {
    expect(await connecting(result)).toMatchObject({
      reason: { code: 'MALFORMED_TOKEN', stage: 'Early User Authorization Result' },
    });
  });
});

test.each([
  ['may come in', true, '00000000'],
  ['may not', false, '05000000'],
])('F9: what our server writes when the user %s', async (_, allowed, expected) => {
  const { near, far } = await pair();
  const accepting = Promise.allSettled([
    acceptNla({
      stream: far,
      certificate,
      identity: { kind: 'acceptor', accounts },
      deadline: 5_000,
      authorize: () => allowed,
    }),
  ]);
  near.write(REQUEST);
  // What is selected, in the last four octets: HYBRID_EX.
  expect(Buffer.from((await heard(near)).subarray(15)).toString('hex')).toBe('08000000');
  const tls = connectTls({ socket: near, rejectUnauthorized: false });
  tls.on('error', () => undefined);
  await once(tls, 'secureConnect');
  const inner = await ntlmPackage.acquire({
    use: SECPKG_CRED.OUTBOUND,
    authData: { kind: 'identity', ...ALICE },
    host: systemHost,
  });
  const { raw } = tls.getPeerCertificate();
  await speak(
    tls,
    credsspInitiator({
      publicKey: subjectPublicKey(new Uint8Array(raw)),
      mechanism: inner.initiate({ flags: INNER, targetName: TARGET }),
      credentials: { kind: 'password', ...ALICE, password: Secret.fromText(ALICE.password) },
      serverCertificateTrusted: false,
      targetName: TARGET,
      flags: ISC_REQ.DELEGATE,
      options: { policy: PERMISSIVE_DELEGATION_POLICY },
    }),
  );
  expect(Buffer.from(await heard(tls)).toString('hex')).toBe(expected);
  expect(await accepting).toMatchObject([{ status: allowed ? 'fulfilled' : 'rejected' }]);
});
