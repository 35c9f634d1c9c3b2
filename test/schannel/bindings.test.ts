/** Certificates and keys as others see them: SubjectPublicKey, channel bindings, exporter. */
import { createHash, X509Certificate } from 'node:crypto';
import { createServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { acquireTls, subjectPublicKey, tlsExporter, tlsServerEndPoint } from '../../src/schannel/index.ts';
import { SECPKG_CRED } from '../../src/sspi/index.ts';
import { connected, der, failureOf, pem, selfSigned, TLS1_2, TLS1_3, VARIANTS, withKey } from './support.ts';

function prefixed(prefix: string, octets: Uint8Array): Uint8Array {
  return Uint8Array.from(Buffer.concat([Buffer.from(prefix, 'latin1'), octets]));
}

describe('SubjectPublicKey', () => {
  test('X30 Z8 Z49: of an RSA certificate it is the RSAPublicKey', () => {
    const expected = new X509Certificate(pem('rsa.pem')).publicKey.export({ type: 'pkcs1', format: 'der' });
    expect(Buffer.from(subjectPublicKey(der('rsa'))).equals(expected)).toBe(true);
  });

  test('X30 Z8 Z49: of an EC certificate it is the uncompressed point', () => {
    const { x = '', y = '' } = new X509Certificate(pem('ec.pem')).publicKey.export({ format: 'jwk' });
    const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
    expect(Buffer.from(subjectPublicKey(der('ec'))).equals(point)).toBe(true);
  });

  test('X30 Z8 Z49: of an Ed25519 certificate it is the key of 32 octets', () => {
    const { x = '' } = new X509Certificate(pem('ed25519.pem')).publicKey.export({ format: 'jwk' });
    expect(subjectPublicKey(der('ed25519'))).toEqual(Uint8Array.from(Buffer.from(x, 'base64url')));
  });

  test('X30: cut anywhere it is refused', () => {
    const whole = der('ec');
    for (let cut = 0; cut < whole.length; cut++) expect(() => subjectPublicKey(whole.subarray(0, cut))).toThrow();
  });
});

describe('tls-server-end-point', () => {
  // RFC 5929 4.1: the hash of the signature; SHA-1 gives way to SHA-256. Ed25519 is our choice, see the documentation.
  test.each([
    ['rsa', 'sha256'],
    ['rsa-sha1', 'sha256'],
    ['rsa-sha384', 'sha384'],
    ['rsa-sha512', 'sha512'],
    ['rsa-pss384', 'sha384'],
    ['ec', 'sha256'],
    ['ec-sha512', 'sha512'],
    ['ed25519', 'sha256'],
  ])('Q9: %s is hashed with %s', (name, hash) => {
    const expected = prefixed('tls-server-end-point:', createHash(hash).update(der(name)).digest());
    expect(tlsServerEndPoint(der(name))).toEqual(expected);
  });
});

describe.each(VARIANTS)('both sides see the same: $version with $key', ({ key, enabledProtocols, version }) => {
  test('Q9: ENDPOINT_BINDINGS, UNIQUE_BINDINGS, KEYING_MATERIAL and the certificates', async () => {
    const { client, server } = await connected({ key, enabledProtocols });
    const endpoint = client.query('ENDPOINT_BINDINGS');
    expect(endpoint).toEqual(server.query('ENDPOINT_BINDINGS'));
    expect(endpoint.applicationData).toEqual(
      prefixed('tls-server-end-point:', createHash('sha256').update(der(key)).digest()),
    );
    expect(client.query('REMOTE_CERT_CONTEXT').certificate).toEqual(der(key));
    expect(client.query('REMOTE_CERTIFICATES').certificates).toEqual([der(key)]);
    expect(server.query('LOCAL_CERT_CONTEXT').certificate).toEqual(der(key));
    expect(() => client.query('LOCAL_CERT_CONTEXT')).toThrow(expect.objectContaining({ code: 'NO_CREDENTIALS' }));
    expect(() => server.query('REMOTE_CERT_CONTEXT')).toThrow(expect.objectContaining({ code: 'NO_CREDENTIALS' }));

    const exported = client.query('KEYING_MATERIAL').export('EXPORTER-test', new Uint8Array([1, 2]), 40);
    expect(exported.length).toBe(40);
    expect(server.query('KEYING_MATERIAL').export('EXPORTER-test', new Uint8Array([1, 2]), 40)).toEqual(exported);
    expect(server.query('KEYING_MATERIAL').export('EXPORTER-other', new Uint8Array([1, 2]), 40)).not.toEqual(exported);

    if (version === 'TLSv1.2') {
      const unique = client.query('UNIQUE_BINDINGS');
      expect(unique).toEqual(server.query('UNIQUE_BINDINGS'));
      expect(unique.applicationData.length).toBe('tls-unique:'.length + 12); // RFC 5246 7.4.9: verify_data is 12 octets
    } else {
      expect(() => client.query('UNIQUE_BINDINGS')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }));
      expect(() => server.query('UNIQUE_BINDINGS')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }));
    }
  });
});

describe.each([
  ['TLSv1.2', TLS1_2],
  ['TLSv1.3', TLS1_3],
] as const)('against a bare node:tls server over a socket: %s', (version, enabledProtocols) => {
  test('Q9: what we call tls-unique, tls-exporter and the peer certificate is what the other implementation says', async () => {
    const { certificate: cert, privateKey: key } = selfSigned('rsa');
    const server = createServer({ cert, key: String(key), minVersion: version, maxVersion: version });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const address = server.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const theirs = new Promise<{ finished: Buffer | undefined; exporter: Buffer }>((resolve) => {
      server.on('secureConnection', (socket) => {
        socket.on('error', () => socket.destroy());
        const exporter = socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
        resolve({ finished: socket.getPeerFinished(), exporter });
      });
    });

    const engine = acquireTls({ kind: 'schannel', enabledProtocols }, SECPKG_CRED.OUTBOUND).client({});
    const { Socket } = await import('node:net');
    const socket = new Socket();
    await new Promise<void>((resolve) => {
      socket.connect(port, '127.0.0.1', resolve);
    });
    socket.write((await engine.handshake()).token);
    let received = Buffer.alloc(0);
    for await (const chunk of socket) {
      received = Buffer.concat([received, Buffer.from(chunk)]);
      const whole = wholeRecords(received);
      if (whole === 0) continue;
      const { token } = await engine.handshake(received.subarray(0, whole));
      received = received.subarray(whole);
      socket.write(token);
      if (engine.established) break;
    }
    const { finished, exporter } = await theirs;
    expect(tlsExporter(engine)).toEqual(prefixed('tls-exporter:', exporter));
    if (version === 'TLSv1.2') expect(engine.firstFinished).toEqual(Uint8Array.from(finished ?? []));
    expect(engine.peerCertificates).toEqual([der('rsa')]);
    expect(engine.parameters.protocol).toBe(version);
    server.close();
    socket.destroy();
    engine.dispose();
  });
});

function wholeRecords(octets: Buffer): number {
  let end = 0;
  while (end + 5 <= octets.length && end + 5 + octets.readUInt16BE(end + 3) <= octets.length)
    end += 5 + octets.readUInt16BE(end + 3);
  return end;
}

describe('the certificate that a server sent', () => {
  test('X30: of several it is the one for the name that the client asked for', async () => {
    const certificates = [withKey('rsa', 'rsa'), withKey('ec', 'cn-only')];
    const named = await connected({
      server: { certificates },
      client: { rootStore: [pem('cn-only.pem')] },
      initiate: { targetName: 'cn.example.com' },
    });
    expect(named.client.query('REMOTE_CERT_CONTEXT').certificate).toEqual(der('cn-only'));
    expect(named.server.query('LOCAL_CERT_CONTEXT').certificate).toEqual(der('cn-only'));
    expect(named.server.query('ENDPOINT_BINDINGS')).toEqual(named.client.query('ENDPOINT_BINDINGS'));
  });

  test('X30: of two for keys of one kind the first is the default', async () => {
    const certificates = [withKey('rsa', 'rsa'), withKey('rsa-of-another', 'rsa-of-another')];
    const { client, server } = await connected({
      server: { certificates },
      client: { flags: 0x8 },
      initiate: { targetName: undefined },
    });
    expect(client.query('REMOTE_CERT_CONTEXT').certificate).toEqual(der('rsa'));
    expect(server.query('LOCAL_CERT_CONTEXT').certificate).toEqual(der('rsa'));
  });
});

test('X30 L1: a choice of certificates that fails ends the handshake, and not the process', async () => {
  const certificates = [withKey('rsa', 'rsa'), withKey('ec', 'cn-only')];
  const tls = acquireTls({ kind: 'schannel', certificates }, SECPKG_CRED.INBOUND);
  const server = tls.server({});
  tls.dispose(); // the keys are gone before the name is known
  const client = acquireTls(undefined, SECPKG_CRED.OUTBOUND).client({ serverName: 'cn.example.com' });
  const { token } = await client.handshake();
  expect((await failureOf(server.handshake(token))).code).toBe('TLS_FAILED');
});

describe('attributes of the channel', () => {
  test('Q10: TLS 1.2 with AES-128-GCM and ECDHE', async () => {
    const { client, server } = await connected({ key: 'rsa', enabledProtocols: TLS1_2 });
    // OpenSSL's first choice under TLS 1.2, IANA C02F. ALG_IDs from contract Q10; AEAD reports hash 0.
    expect(client.query('CIPHER_INFO')).toMatchObject({
      protocol: 0x0303,
      cipherSuite: 0xc02f,
      cipherSuiteName: 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
      cipherName: 'AES',
      cipherLength: 128,
      hashLength: 0,
      exchangeName: 'ECDH',
      certificateName: 'RSA',
    });
    expect(client.query('CONNECTION_INFO')).toMatchObject({
      protocol: 0x800,
      cipher: 0x660e,
      cipherStrength: 128,
      hash: 0,
      exchange: 0xae06,
    });
    expect(server.query('CONNECTION_INFO')).toMatchObject({ protocol: 0x400, cipher: 0x660e, exchange: 0xae06 });
    expect(client.query('KEY_INFO')).toMatchObject({
      signatureAlgorithmName: 'RSA',
      encryptAlgorithmName: 'AES',
      keySize: 128,
      encryptAlgorithm: 0x660e,
    });
    expect(client.query('SESSION_INFO').reconnect).toBe(false);
    expect(client.query('SESSION_INFO')).toEqual(server.query('SESSION_INFO'));
    expect(client.query('SESSION_INFO').sessionId.length).toBe(32);
  });

  test('Q7 Q8 Q10: TLS 1.3 with AES-256-GCM', async () => {
    const { client, server } = await connected({ key: 'rsa', enabledProtocols: TLS1_3 });
    expect(client.query('CIPHER_INFO')).toMatchObject({ protocol: 0x0304, cipherSuite: 0x1302, cipherLength: 256 });
    expect(client.query('CONNECTION_INFO')).toMatchObject({
      protocol: 0x2000,
      cipher: 0x6610,
      cipherStrength: 256,
      exchange: 0xae06,
    });
    expect(server.query('CONNECTION_INFO').protocol).toBe(0x1000);
    expect(client.query('STREAM_SIZES')).toEqual({
      header: 5,
      trailer: 44,
      maximumMessage: 16_384,
      buffers: 4,
      blockSize: 1,
    });
    expect(client.query('SIZES')).toEqual({ maxToken: 24_576, maxSignature: 0, blockSize: 1, securityTrailer: 49 });
    expect(client.query('PACKAGE_INFO')).toMatchObject({
      name: 'Schannel',
      capabilities: 0x107b3,
      rpcId: 14,
      maxToken: 24_576,
    });
    expect(client.query('SESSION_INFO').sessionId.length).toBe(0);
    const { start, expiry } = client.query('LIFESPAN');
    expect(expiry).toBeGreaterThan(start);
  });

  test('Q2: what is not known yet, and what never will be', async () => {
    const { client } = await connected();
    expect(() => client.query('ISSUER_LIST_EX')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }));
    expect(() => client.query('CREDS')).toThrow(expect.objectContaining({ code: 'UNSUPPORTED_FUNCTION' }));
    const engine = acquireTls(undefined, SECPKG_CRED.OUTBOUND).client({});
    expect(() => engine.parameters).toThrow(expect.objectContaining({ code: 'CONTEXT_NOT_ESTABLISHED' }));
    expect(engine.peerCertificates).toEqual([]);
    expect(engine.ownCertificate).toBeUndefined();
  });
});
