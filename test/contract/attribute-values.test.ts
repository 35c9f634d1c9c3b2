/** What the attributes of a CredSSP context say, and from when on they say it: contract §2.3, Q2, Q3, Q7. */
import { createHash, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { type CtxtHandle, SECPKG_ATTR, type Sspi } from '../../src/index.ts';
import { initiate, named, type Pair, present } from '../api/door.ts';
import { pem, withKey } from '../schannel/support.ts';
import { TLS_1_2, TLS_1_3 } from '../support/credssp.ts';
import { clientAgainst } from './fake-server.ts';
import { establishedByTicket } from './realm.ts';
import { CLIENT_TLS, certificates, established, outbound, TARGET, table } from './support.ts';

/** As node:crypto reads it, which is not how we do. */
const certificate = new X509Certificate(certificates.ec.certificate);
const DER = Uint8Array.from(certificate.raw);
const NOT_AFTER = BigInt(Date.parse(certificate.validTo)) * 10_000n + 116_444_736_000_000_000n;

const tls = { ...CLIENT_TLS, enabledProtocols: TLS_1_2 };
const asked = async (sspi: Sspi, context: CtxtHandle, attribute: number): Promise<unknown> =>
  (await sspi.queryContextAttributes({ context, attribute })).value;

describe('Q3: both sides of an exchange with NTLM inside, TLS 1.2', () => {
  let both: Pair;
  beforeAll(async () => {
    both = await established('CREDSSP', { contextReq: 1, client: { tls } });
  });

  const packageNamed = (name: string) => expect.objectContaining({ name });
  const ofAlice = { domain: 'EXAMPLE', user: 'alice', name: 'EXAMPLE\\alice', mechanism: 'NTLM', identifyOnly: false };
  const bindings = Buffer.concat([
    Buffer.from('tls-server-end-point:'),
    createHash('sha256').update(DER).digest(), // the certificate is signed with ECDSA and SHA-256
  ]);

  test.each<[string, number, unknown, unknown]>([
    ['NAMES', 1, { userName: 'EXAMPLE\\alice' }, { userName: 'EXAMPLE\\alice' }],
    ['PACKAGE_INFO', 10, packageNamed('CREDSSP'), packageNamed('CREDSSP')],
    [
      'NEGOTIATION_INFO: COMPLETE, NTLM',
      12,
      { packageInfo: packageNamed('NTLM'), state: 0 },
      { packageInfo: packageNamed('NTLM'), state: 0 },
    ],
    [
      'NATIVE_NAMES',
      13,
      { clientName: 'EXAMPLE\\alice', serverName: TARGET },
      { clientName: 'EXAMPLE\\alice', serverName: TARGET },
    ],
    ['CREDENTIAL_NAME', 16, { credentialType: 40, credentialName: 'EXAMPLE\\alice' }, null],
    ['ACCESS_TOKEN', 18, null, expect.objectContaining(ofAlice)],
    [
      'ENDPOINT_BINDINGS',
      26,
      expect.objectContaining({ applicationData: Uint8Array.from(bindings) }),
      expect.objectContaining({ applicationData: Uint8Array.from(bindings) }),
    ],
    ['CLIENT_SPECIFIED_TARGET', 27, null, { targetName: TARGET }],
    ['LAST_CLIENT_TOKEN_STATUS: yes', 30, { status: 0 }, { status: 0 }],
    ['APPLICATION_PROTOCOL: none was asked for', 35, { protocol: undefined }, { protocol: undefined }],
    ['IS_LOOPBACK', 37, { loopback: false }, null],
    ['REMOTE_CERT_CONTEXT', 0x53, { certificate: DER }, null],
    ['LOCAL_CERT_CONTEXT', 0x54, null, { certificate: DER }],
    ['REMOTE_CERTIFICATES', 0x5f, { certificates: [DER] }, { certificates: [] }],
    ['REMOTE_CERT_CHAIN', 0x67, { certificates: [DER] }, { certificates: [] }],
    ['SUBJECT_SECURITY_ATTRIBUTES: NTLM has none', 128, null, { attributes: [] }],
    ['C_ACCESS_TOKEN', 0x80000012, null, expect.objectContaining(ofAlice)],
    ['NEGOTIATION_PACKAGE', 0x80000081, packageNamed('NTLM'), packageNamed('NTLM')],
    ['C_FULL_ACCESS_TOKEN', 0x80000082, null, expect.objectContaining(ofAlice)],
    ['SERVER_AUTH_FLAGS: CERTIFICATE', 0x80000083, { flags: 2 }, null],
    [
      'CERT_TRUST_STATUS: trusted, IS_SELF_SIGNED',
      0x80000084,
      { errorStatus: 0, infoStatus: 8, policyStatus: 0 },
      null,
    ],
  ])('Q3: %s (%i)', async (_, attribute, ofClient, ofServer) => {
    expect(await asked(both.sspi, both.client, attribute)).toEqual(ofClient);
    expect(await asked(both.sspi, both.server, attribute)).toEqual(ofServer);
  });

  test('Q3: REMOTE_CERTIFICATES and REMOTE_CERT_CHAIN are what the server sent, leaf first', async () => {
    const sent = ['server', 'intermediate'];
    const pair = await established('CREDSSP', {
      targetName: 'TERMSRV/server.example.com',
      client: { tls: { kind: 'schannel', rootStore: [pem('root.pem')] } },
      server: { tls: { kind: 'schannel', certificates: [withKey('leaf', ...sent)] } },
      contextReq: 0,
    });
    const certificates = sent.map((name) => Uint8Array.from(new X509Certificate(pem(`${name}.pem`)).raw));
    for (const attribute of [SECPKG_ATTR.REMOTE_CERTIFICATES, SECPKG_ATTR.REMOTE_CERT_CHAIN])
      expect(await asked(pair.sspi, pair.client, attribute)).toEqual({ certificates });
    expect(await asked(pair.sspi, pair.client, SECPKG_ATTR.REMOTE_CERT_CONTEXT)).toEqual({
      certificate: certificates[0],
    });
  });

  test('Q3: SESSION_KEY is one key of 16 octets on both sides, and another one in the next exchange', async () => {
    const keyOf = async ({ sspi, ...pair }: Pair, side: 'client' | 'server') => {
      const attribute = SECPKG_ATTR.SESSION_KEY;
      const { value } = await sspi.queryContextAttributes({ context: pair[side], attribute });
      return present(value).sessionKey.reveal().slice();
    };
    const key = await keyOf(both, 'client');
    expect(key).toHaveLength(16);
    expect(await keyOf(both, 'server')).toEqual(key);
    const next = await established('CREDSSP', { client: { tls } });
    expect(await keyOf(next, 'client')).not.toEqual(key);
  });

  test('Q3, R46: LIFESPAN ends with the certificate', async () => {
    // Times are local (contract R45); here it is Greenwich where it is local.
    const pair = await established('CREDSSP', { sspi: table({ timezoneOffset: () => 0 }) });
    const { value } = await pair.sspi.queryContextAttributes({
      context: pair.client,
      attribute: SECPKG_ATTR.LIFESPAN,
    });
    expect(value?.expiry).toBe(NOT_AFTER);
    expect(present(value).start).toBeLessThan(NOT_AFTER);
  });
});

test('Q3, Q5: with a ticket inside it is Kerberos that NEGOTIATION_INFO, NATIVE_NAMES and SERVER_AUTH_FLAGS speak of', async () => {
  const { sspi, client, server } = await establishedByTicket('CREDSSP');
  // A client knows whom it wanted; a server knows by which of its names it was meant.
  for (const [context, serverName] of [
    [client, TARGET],
    [server, `${TARGET}@EXAMPLE.TEST`],
  ] as const) {
    const info = { packageInfo: expect.objectContaining({ name: 'Kerberos' }), state: 0 };
    expect(await asked(sspi, context, SECPKG_ATTR.NEGOTIATION_INFO)).toEqual(info);
    const names = { clientName: 'alice@EXAMPLE.TEST', serverName };
    expect(await asked(sspi, context, SECPKG_ATTR.NATIVE_NAMES)).toEqual(names);
  }
  // NEGOTIATE and CERTIFICATE: the ticket, and the certificate beside it.
  expect(await asked(sspi, client, SECPKG_ATTR.SERVER_AUTH_FLAGS)).toEqual({ flags: 3 });
});

test.each(['Kerberos', 'Negotiate'] as const)(
  'Q3, R45: %s: PASSWORD_EXPIRY is of the PAC, in local time, and a server’s alone',
  async (name) => {
    const { sspi, client, server } = await establishedByTicket(name);
    const attribute = SECPKG_ATTR.PASSWORD_EXPIRY;
    const { token } = await sspi.querySecurityContextToken({ context: server });
    const utc = present(token?.authorization?.passwordMustChange);
    const { value } = await sspi.queryContextAttributes({ context: server, attribute });
    expect(value).toEqual({ expires: utc + 36_000_000_000n }); // one hour in ticks: the zone of this table
    const ofClient = await sspi.queryContextAttributes({ context: client, attribute });
    expect(named(ofClient)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  },
);

describe('Q7: SIZES: cbMaxToken of the package, no signatures, the block of the cipher, what a record has around the data', () => {
  // TLS_AES_256_GCM_SHA384 and TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 5 + 17, 13 + 16 octets around the data, and 27 for a KeyUpdate
  // under TLS 1.3 (contract Q8).
  test.each([
    ['TLS 1.2', TLS_1_2, 13 + 16],
    ['TLS 1.3', TLS_1_3, 5 + 17 + 27],
  ])('Q7: %s', async (_, enabledProtocols, securityTrailer) => {
    const pair = await established('CREDSSP', { client: { tls: { ...CLIENT_TLS, enabledProtocols } } });
    const sizes = { maxToken: 90_567, maxSignature: 0, blockSize: 1, securityTrailer };
    for (const context of [pair.client, pair.server])
      expect(await asked(pair.sspi, context, SECPKG_ATTR.SIZES)).toEqual(sizes);
  });
});

describe('Q2: what a client may ask for as soon as TLS is up', () => {
  const early = [10, 0x53, 0x80000084, 0x80000083, 0x5a, 0x64, 4];

  test.each([
    ['trusted', CLIENT_TLS, { flags: 2 }],
    ['not trusted', { kind: 'schannel', rootStore: [] } as const, { flags: 0 }],
  ])('Q2, Q5, R24: TLS 1.2, a certificate that is %s', async (_, credential, serverAuth) => {
    const sspi = table();
    // The server says nothing inside TLS: the client waits with its first TSRequest sent.
    const { result, context } = await clientAgainst(
      sspi,
      await outbound(sspi, 'CREDSSP', { tls: { ...credential, enabledProtocols: TLS_1_2 } }),
      () => undefined,
    );
    const client = present(context);
    expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    for (const attribute of early) {
      const told = await sspi.queryContextAttributes({ context: client, attribute });
      expect([attribute, named(told), told.value === null]).toEqual([attribute, 'SEC_E_OK', false]);
    }
    expect(await asked(sspi, client, SECPKG_ATTR.REMOTE_CERT_CONTEXT)).toEqual({ certificate: DER });
    expect(await asked(sspi, client, SECPKG_ATTR.SERVER_AUTH_FLAGS)).toEqual(serverAuth);
    // SIZES is known, too, and still not told; nor is who the client will have been.
    for (const attribute of [0, 1, 2, 5, 9, 12, 13, 14, 16, 25, 26, 0x5d, 0x5f, 0x67, 0x6b])
      expect([attribute, named(await sspi.queryContextAttributes({ context: client, attribute }))]).toEqual([
        attribute,
        'SEC_E_INVALID_HANDLE',
      ]);
  });

  test('Q2: before that, only the package', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    const { context } = await initiate(sspi, { credential, targetName: TARGET });
    for (const attribute of early.slice(1))
      expect(named(await sspi.queryContextAttributes({ context, attribute }))).toBe('SEC_E_INVALID_HANDLE');
    expect(await asked(sspi, context, 10)).toMatchObject({ name: 'CREDSSP' });
  });
});
