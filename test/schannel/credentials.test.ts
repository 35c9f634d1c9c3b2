/** AcquireCredentialsHandle (Schannel): certificates, protocols, flags (contract A6, A12, A23-A26). */
import { describe, expect, test } from 'vitest';
import { systemHost } from '../../src/host/index.ts';
import { acquireTls, schannelPackage } from '../../src/schannel/index.ts';
import { ASC_REQ, ISC_REQ, NEVER, SCH_CRED, SEC_E, SECPKG_CRED, Secret, SP_PROT } from '../../src/sspi/index.ts';
import { connected, inbound, outbound, pem, selfSigned, withKey } from './support.ts';

describe('certificates', () => {
  test('A6: inbound use without a certificate', async () => {
    await expect(inbound({})).rejects.toMatchObject({ code: 'NO_CREDENTIALS', status: SEC_E.NO_CREDENTIALS });
    await expect(schannelPackage.acquire({ use: SECPKG_CRED.BOTH, host: systemHost })).rejects.toMatchObject({
      code: 'NO_CREDENTIALS',
    });
  });

  test.each([
    ['a certificate that is none', { certificate: 'not PEM', privateKey: pem('rsa.key') }],
    ['a certificate cut off', { certificate: pem('rsa.pem').slice(0, 400), privateKey: pem('rsa.key') }],
    ['a key that is none', { certificate: pem('rsa.pem'), privateKey: 'not PEM' }],
    ['the key of another certificate', { certificate: pem('rsa.pem'), privateKey: pem('rsa-of-another.key') }],
    ['a key of another kind', { certificate: pem('rsa.pem'), privateKey: pem('ec.key') }],
  ])('A12: %s', async (_, certificate) => {
    for (const acquire of [inbound, outbound])
      await expect(acquire({ certificates: [certificate] })).rejects.toMatchObject({
        code: 'CERTIFICATE_UNUSABLE',
        status: SEC_E.UNKNOWN_CREDENTIALS,
      });
    // A second certificate is looked at no less than the first.
    await expect(inbound({ certificates: [selfSigned('rsa'), certificate] })).rejects.toMatchObject({
      code: 'CERTIFICATE_UNUSABLE',
    });
  });

  test('A12: nothing of a key gets into the error', async () => {
    const key = pem('rsa.key').replace('M', 'N');
    const failure = await inbound({ certificates: [{ certificate: pem('rsa.pem'), privateKey: key }] }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(Error);
    expect(JSON.stringify(failure) + String(failure)).not.toContain(key.slice(60, 90));
  });

  test("A23: the key may come as octets in a Secret, which stays the caller's", async () => {
    const privateKey = new Secret(new TextEncoder().encode(pem('ec.key')));
    const { client } = await connected({ server: { certificates: [{ certificate: pem('ec.pem'), privateKey }] } });
    expect(client.state).toBe('established');
    expect(privateKey.disposed).toBe(false);
    expect(new TextDecoder().decode(privateKey.reveal())).toBe(pem('ec.key'));
  });

  test('A10: the expiry is that of the certificate, or never', async () => {
    expect((await outbound()).expiry).toBe(NEVER);
    const year = new Date(
      Number((await inbound({ certificates: [selfSigned('rsa')] })).expiry / 10_000n) - 11_644_473_600_000,
    ).getUTCFullYear();
    expect(year).toBeGreaterThanOrEqual(2125); // make.sh: 36,500 days
  });

  test('A23: a root store with something else in it', async () => {
    const credential = acquireTls({ kind: 'schannel', rootStore: [pem('root.pem')] }, SECPKG_CRED.OUTBOUND);
    expect(credential.anchors.named('somebody else')).toEqual([]);
    await expect(outbound({ rootStore: ['rubbish'] })).rejects.toMatchObject({ code: 'CERTIFICATE_UNUSABLE' });
    const broken = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';
    await expect(outbound({ rootStore: [broken] })).rejects.toMatchObject({ code: 'CERTIFICATE_UNUSABLE' });
  });

  test('A12: credentials of another package', async () => {
    const request = {
      use: SECPKG_CRED.OUTBOUND,
      authData: { kind: 'identity', user: 'alice' } as const,
      host: systemHost,
    };
    await expect(schannelPackage.acquire(request)).rejects.toMatchObject({ status: SEC_E.UNKNOWN_CREDENTIALS });
  });
});

describe('use', () => {
  test('R7 C2: a credential for one role does not serve the other', async () => {
    const server = await inbound({ certificates: [selfSigned('ec')] });
    expect(() => server.initiate({ flags: 0 })).toThrow(expect.objectContaining({ status: SEC_E.NO_CREDENTIALS }));
    const client = await outbound();
    expect(() => client.accept({ flags: 0 })).toThrow(expect.objectContaining({ status: SEC_E.NO_CREDENTIALS }));
  });

  test('A4: OUTBOUND is 2, and 0 is taken for it', async () => {
    const credential = await schannelPackage.acquire({ use: 0, host: systemHost });
    expect(credential.initiate({ flags: 0 }).state).toBe('negotiating');
  });

  test('R27: what TLS over a stream cannot do', async () => {
    const client = await outbound();
    for (const flag of [
      ISC_REQ.PROMPT_FOR_CREDS,
      ISC_REQ.USE_DCE_STYLE,
      ISC_REQ.DATAGRAM,
      ISC_REQ.CALL_LEVEL,
      ISC_REQ.FRAGMENT_SUPPLIED,
      ISC_REQ.NULL_SESSION,
      ISC_REQ.FRAGMENT_TO_FIT,
      ISC_REQ.USE_HTTP_STYLE,
    ])
      expect(() => client.initiate({ flags: flag })).toThrow(
        expect.objectContaining({ status: SEC_E.UNSUPPORTED_FUNCTION }),
      );
    const server = await inbound({ certificates: [selfSigned('ec')] });
    for (const flag of [
      ASC_REQ.DATAGRAM,
      ASC_REQ.USE_DCE_STYLE,
      ASC_REQ.CALL_LEVEL,
      ASC_REQ.FRAGMENT_SUPPLIED,
      ASC_REQ.ALLOW_NULL_SESSION,
      ASC_REQ.FRAGMENT_TO_FIT,
    ])
      expect(() => server.accept({ flags: flag })).toThrow(
        expect.objectContaining({ status: SEC_E.UNSUPPORTED_FUNCTION }),
      );
  });
});

describe('grbitEnabledProtocols', () => {
  const everything = SP_PROT.TLS1_2_CLIENT | SP_PROT.TLS1_2_SERVER | SP_PROT.TLS1_3_CLIENT | SP_PROT.TLS1_3_SERVER;
  test.each([
    ['nothing said', 0, 0x0304],
    ['both', everything, 0x0304],
    ['TLS 1.2', SP_PROT.TLS1_2_CLIENT | SP_PROT.TLS1_2_SERVER, 0x0303],
    ['TLS 1.3', SP_PROT.TLS1_3_CLIENT | SP_PROT.TLS1_3_SERVER, 0x0304],
    ['TLS 1.1, which has to be asked for', SP_PROT.TLS1_1_CLIENT | SP_PROT.TLS1_1_SERVER, 0x0302],
    ['TLS 1.0, which has to be asked for', SP_PROT.TLS1_0_CLIENT | SP_PROT.TLS1_0_SERVER, 0x0301],
  ])('A26: %s', async (_, enabledProtocols, expected) => {
    const { client, server } = await connected({ key: 'rsa', enabledProtocols });
    expect(client.query('CIPHER_INFO').protocol).toBe(expected);
    expect(server.query('CIPHER_INFO').protocol).toBe(expected);
  });

  test('A26: versions of the other side are none of ours', async () => {
    await expect(outbound({ enabledProtocols: SP_PROT.TLS1_2_SERVER })).rejects.toMatchObject({
      status: SEC_E.UNKNOWN_CREDENTIALS,
    });
  });

  test('X5: TLS 1.0 splits no records', async () => {
    const { client } = await connected({ key: 'rsa', enabledProtocols: SP_PROT.TLS1_0_CLIENT | SP_PROT.TLS1_0_SERVER });
    const { messages } = client;
    const record = messages.kind === 'stream' ? await messages.encrypt(new Uint8Array(100)) : new Uint8Array(0);
    expect(new DataView(record.buffer).getUint16(3)).toBe(record.length - 5);
  });
});

test('A24: flags that contradict each other', async () => {
  const flags = SCH_CRED.MANUAL_CRED_VALIDATION | SCH_CRED.AUTO_CRED_VALIDATION;
  await expect(outbound({ flags, certificates: [withKey('ec', 'ec')] })).rejects.toMatchObject({
    status: SEC_E.UNKNOWN_CREDENTIALS,
  });
});
