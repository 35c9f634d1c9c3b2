import { once } from 'node:events';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { selfSigned } from '../../src/lab/self-signed.ts';
import { Timing } from '../../src/rdp/timing.ts';
import { startTlsClient, startTlsServer, type TlsVersions } from '../../src/rdp/tls.ts';
import type { CertificateWithKey } from '../../src/sspi/index.ts';
import { socketPair } from './pair.ts';

let certificate: CertificateWithKey;
beforeAll(() => {
  certificate = selfSigned({ key: 'ec', dnsNames: ['host.example.test'], now: Date.now() });
});

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

async function handshake(client: TlsVersions, server: TlsVersions) {
  const { near, far } = await socketPair();
  open.push(near, far);
  const timing = new Timing({ deadline: 5_000 });
  return Promise.allSettled([
    startTlsClient(near, 'host.example.test', client, timing),
    startTlsServer(far, certificate, server, timing),
  ]);
}

describe('TLS on an RDP connection', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as const)('X1: %s on both ends, with the name in SNI', async (version) => {
    const [client, server] = await handshake({ maxVersion: version }, { minVersion: version });
    if (client.status !== 'fulfilled' || server.status !== 'fulfilled') throw new Error('no handshake');
    expect(client.value.getProtocol()).toBe(version);
    expect(server.value.getProtocol()).toBe(version);
    expect(server.value.servername).toBe('host.example.test');
    expect(client.value.isSessionReused()).toBe(false);
    client.value.write('hello');
    expect(await once(server.value, 'data')).toEqual([Buffer.from('hello')]);
  });

  test('X5: without a common version both ends say so, and both sockets are destroyed', async () => {
    const [client, server] = await handshake({ maxVersion: 'TLSv1.2' }, { minVersion: 'TLSv1.3' });
    expect(client).toMatchObject({ reason: { code: 'TLS_ALERT', detail: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' } });
    expect(server).toMatchObject({ reason: { code: 'TLS_FAILED' } });
    expect(open).toMatchObject([{ destroyed: true }, { destroyed: true }]);
  });

  test('F1: a peer that does not speak TLS', async () => {
    const { near, far } = await socketPair();
    open.push(near, far);
    far.write('HTTP/1.1 400 Bad Request\r\n\r\n');
    await expect(startTlsClient(near, '127.0.0.1', {}, new Timing({}))).rejects.toMatchObject({ code: 'TLS_FAILED' });
  });

  test.each(['client', 'server'] as const)('F1: a peer that hangs up on our %s', async (role) => {
    const { near, far } = await socketPair();
    open.push(near, far);
    const timing = new Timing({ legTimeout: 3_000 });
    const started =
      role === 'client' ? startTlsClient(near, '', {}, timing) : startTlsServer(near, certificate, {}, timing);
    far.destroy();
    await expect(started).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' });
    expect(near.destroyed).toBe(true);
  });

  test.each(['client', 'server'] as const)('C17: a peer that is silent towards our %s', async (role) => {
    const { near, far } = await socketPair();
    open.push(near, far);
    const timing = new Timing({ legTimeout: 50 });
    const started =
      role === 'client' ? startTlsClient(near, '', {}, timing) : startTlsServer(near, certificate, {}, timing);
    await expect(started).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', stage: 'TLS handshake' });
    expect(near.destroyed).toBe(true);
  });

  test('F8: a key that does not belong to the certificate, and what is no certificate', async () => {
    const other = selfSigned({ key: 'ec', dnsNames: ['other'], now: Date.now() });
    for (const wrong of [
      { ...certificate, privateKey: other.privateKey },
      { certificate: 'no PEM', privateKey: 'no PEM' },
    ]) {
      const { near, far } = await socketPair();
      open.push(near, far);
      await expect(startTlsServer(near, wrong, {}, new Timing({}))).rejects.toMatchObject({
        code: 'CERTIFICATE_UNUSABLE',
      });
    }
  });
});
