import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { expect, test } from 'vitest';
import { selfSigned } from '../../src/lab/self-signed.ts';

const now = Date.now();

test.each(['ec', 'rsa'] as const)('F8: a self-signed %s certificate is what OpenSSL takes for one', (key) => {
  const { certificate, privateKey } = selfSigned({
    key,
    dnsNames: ['localhost', 'demo.example.test'],
    addresses: ['127.0.0.1'],
    now,
  });
  const x509 = new X509Certificate(certificate);
  expect(x509.verify(x509.publicKey)).toBe(true);
  expect(x509.checkPrivateKey(createPrivateKey(String(privateKey)))).toBe(true);
  expect(x509.subject).toBe('CN=localhost');
  expect(x509.issuer).toBe('CN=localhost');
  expect(x509.subjectAltName).toBe('DNS:localhost, DNS:demo.example.test, IP Address:127.0.0.1');
  expect(x509.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  expect(new Date(x509.validFrom).getTime()).toBe(Math.floor((now - 86_400_000) / 1000) * 1000);
  expect(x509.checkHost('demo.example.test')).toBe('demo.example.test');
  expect(x509.checkIP('127.0.0.1')).toBe('127.0.0.1');
});

test('F8: a client that trusts the certificate completes a strict TLS handshake with it', async () => {
  const pair = selfSigned({ key: 'ec', dnsNames: ['localhost'], now });
  const server = createServer({ cert: pair.certificate, key: String(pair.privateKey) }, (socket) => socket.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a listening TCP server has one
  const client: TLSSocket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: pair.certificate });
  await once(client, 'secureConnect');
  expect(client.authorized).toBe(true);
  client.destroy();
  server.close();
});
