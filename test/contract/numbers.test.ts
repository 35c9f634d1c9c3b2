/** Constants, written down once more from the headers: contract §2.1, §2.3, §2.6, §2.7. */
import { describe, expect, test } from 'vitest';
import {
  CERT_TRUST,
  CREDSPP_SUBMIT_TYPE,
  flagNames,
  SECBUFFER,
  SECBUFFER_MODIFIER,
  SECPKG_ATTR,
  SECPKG_CRED,
  SECPKG_CRED_ATTR,
  SECPKG_CRED_CLASS,
  SECPKG_FLAG,
  SECPKG_NEGOTIATION,
} from '../../src/index.ts';
import { named, present } from '../api/door.ts';
import { TLS_1_2 } from '../support/credssp.ts';
import { CLIENT_TLS, established, PACKAGES, table } from './support.ts';

test('T2: types of buffers, sspi.h', () => {
  expect(SECBUFFER).toEqual({
    EMPTY: 0,
    DATA: 1,
    TOKEN: 2,
    PKG_PARAMS: 3,
    MISSING: 4,
    EXTRA: 5,
    STREAM_TRAILER: 6,
    STREAM_HEADER: 7,
    NEGOTIATION_INFO: 8,
    PADDING: 9,
    STREAM: 10,
    MECHLIST: 11,
    MECHLIST_SIGNATURE: 12,
    TARGET: 13,
    CHANNEL_BINDINGS: 14,
    CHANGE_PASS_RESPONSE: 15,
    TARGET_HOST: 16,
    ALERT: 17,
    APPLICATION_PROTOCOLS: 18,
    SRTP_PROTECTION_PROFILES: 19,
    SRTP_MASTER_KEY_IDENTIFIER: 20,
    TOKEN_BINDING: 21,
    PRESHARED_KEY: 22,
    PRESHARED_KEY_IDENTITY: 23,
    DTLS_MTU: 24,
    SEND_GENERIC_TLS_EXTENSION: 25,
    SUBSCRIBE_GENERIC_TLS_EXTENSION: 26,
    FLAGS: 27,
    TRAFFIC_SECRETS: 28,
    CERTIFICATE_REQUEST_CONTEXT: 29,
  });
});

describe('packages', () => {
  test('P5: capabilities, sspi.h', () => {
    const bits = [
      'INTEGRITY',
      'PRIVACY',
      'TOKEN_ONLY',
      'DATAGRAM',
      'CONNECTION',
      'MULTI_REQUIRED',
      'CLIENT_ONLY',
      'EXTENDED_ERROR',
      'IMPERSONATION',
      'ACCEPT_WIN32_NAME',
      'STREAM',
      'NEGOTIABLE',
      'GSS_COMPATIBLE',
      'LOGON',
      'ASCII_BUFFERS',
      'FRAGMENT',
      'MUTUAL_AUTH',
      'DELEGATION',
      'READONLY_WITH_CHECKSUM',
      'RESTRICTED_TOKENS',
      'NEGO_EXTENDER',
      'NEGOTIABLE2',
      'APPCONTAINER_PASSTHROUGH',
      'APPCONTAINER_CHECKS',
      'CREDENTIAL_ISOLATION_ENABLED',
      'APPLY_LOOPBACK',
    ];
    expect(SECPKG_FLAG).toEqual(Object.fromEntries(bits.map((name, bit) => [name, 2 ** bit])));
  });

  test('P3: CREDSSP: 0x00810733, bit by bit', async () => {
    const { packageInfo } = await table().querySecurityPackageInfo({ packageName: 'CREDSSP' });
    expect(flagNames(SECPKG_FLAG, present(packageInfo).capabilities)).toEqual([
      'INTEGRITY',
      'PRIVACY',
      'CONNECTION',
      'MULTI_REQUIRED',
      'IMPERSONATION',
      'ACCEPT_WIN32_NAME',
      'STREAM',
      'MUTUAL_AUTH',
      'APPCONTAINER_CHECKS',
    ]);
    // Not NEGO_EXTENDER, which Windows 7 had in its place (0x110733).
    expect(present(packageInfo).capabilities & 0x100000).toBe(0);
  });

  test('A19: it goes by the name CREDSSP; TSSSP is another package, and not here', async () => {
    const sspi = table();
    expect(named(await sspi.querySecurityPackageInfo({ packageName: 'credssp' }))).toBe('SEC_E_OK');
    expect(named(await sspi.querySecurityPackageInfo({ packageName: 'TSSSP' }))).toBe('SEC_E_SECPKG_NOT_FOUND');
  });

  test.each(PACKAGES)('P2, Q3: %s: a context names the package that it is of', async (name) => {
    const { sspi, client } = await established(name);
    const { value } = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.PACKAGE_INFO });
    expect(value?.name).toBe(name);
  });
});

test('A4: uses of credentials', () => {
  expect(SECPKG_CRED).toEqual({
    INBOUND: 0x1,
    OUTBOUND: 0x2,
    BOTH: 0x3,
    DEFAULT: 0x4,
    AUTOLOGON_RESTRICTED: 0x10,
    PROCESS_POLICY_ONLY: 0x20,
    RESERVED: 0xf0000000,
  });
});

test('A17, E14: CREDSPP_SUBMIT_TYPE, spelled as credssp.h spells it', () => {
  expect(CREDSPP_SUBMIT_TYPE).toEqual({
    CredsspPasswordCreds: 2,
    CredsspSchannelCreds: 4,
    CredsspCertificateCreds: 13,
    CredsspSubmitBufferBoth: 50,
    CredsspSubmitBufferBothOld: 51,
    CredsspCredEx: 100,
  });
});

describe('attributes', () => {
  test('Q3, E11: the eleven of the CredSSP page, and ACCESS_TOKEN, which is 18 and not 13', () => {
    expect(SECPKG_ATTR).toMatchObject({
      SIZES: 0,
      PACKAGE_INFO: 10,
      SUBJECT_SECURITY_ATTRIBUTES: 128,
      C_ACCESS_TOKEN: 0x80000012,
      CREDS: 0x80000080,
      NEGOTIATION_PACKAGE: 0x80000081,
      C_FULL_ACCESS_TOKEN: 0x80000082,
      SERVER_AUTH_FLAGS: 0x80000083,
      CERT_TRUST_STATUS: 0x80000084,
      CREDS_2: 0x80000086,
      NATIVE_NAMES: 13,
      ACCESS_TOKEN: 18,
    });
  });

  test('Q3: those that contract §2.3 marks S: a client and a server of CredSSP have them', async () => {
    const { sspi, client, server } = await established('CREDSSP', { contextReq: 1 });
    const both = [0, 1, 2, 4, 5, 9, 10, 12, 13, 14, 26, 30, 32, 35, 0x5a, 0x5d, 0x5f, 0x64, 0x67, 0x6b];
    const onlyClient = [16, 37, 0x53, 0x80000083, 0x80000084];
    const onlyServer = [18, 27, 0x54, 124, 128, 0x80000012, 0x80000080, 0x80000082, 0x80000086];
    const has = async (context: typeof client, attribute: number): Promise<boolean> => {
      const { status, value } = await sspi.queryContextAttributes({ context, attribute });
      expect(status === 0).toBe(value !== null);
      return status === 0;
    };
    for (const [attribute, client_, server_] of [
      ...both.map((one) => [one, true, true] as const),
      ...onlyClient.map((one) => [one, true, false] as const),
      ...onlyServer.map((one) => [one, false, true] as const),
      [0x80000081, true, true] as const,
    ])
      expect([attribute, await has(client, attribute), await has(server, attribute)]).toEqual([
        attribute,
        client_,
        server_,
      ]);
  });

  test('Q3, Q9: UNIQUE_BINDINGS exist under TLS 1.2, where both sides have the same, and not under TLS 1.3', async () => {
    const tls = { client: { tls: { ...CLIENT_TLS, enabledProtocols: TLS_1_2 } } };
    const { sspi, client, server } = await established('CREDSSP', tls);
    const attribute = SECPKG_ATTR.UNIQUE_BINDINGS;
    const [one, other] = [client, server].map((context) => sspi.queryContextAttributes({ context, attribute }));
    const bindings = (await one)?.value?.applicationData;
    expect(Buffer.from(present(bindings)).toString('latin1')).toMatch(/^tls-unique:.{12}$/s);
    expect((await other)?.value?.applicationData).toEqual(bindings);
    const newer = await established('CREDSSP');
    const none = await newer.sspi.queryContextAttributes({ context: newer.client, attribute });
    expect(named(none)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  });

  test('Q2, Q3: those that it marks with a dash are SEC_E_UNSUPPORTED_FUNCTION', async () => {
    const { sspi, client, server } = await established('CREDSSP');
    const numbers = [3, 6, 7, 8, 11, 15, 17, 19, 20, 21, 22, 23, 24, 31, 33, 34, 36, 0x50, 0x51, 0x52, 0x55];
    const schannel = [
      0x5b, 0x5c, 0x60, 0x61, 0x62, 0x63, 0x65, 0x66, 0x68, 0x69, 0x6c, 0x6d, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74,
      0x75,
    ];
    for (const context of [client, server])
      for (const attribute of [...numbers, ...schannel, 0x80000085])
        expect([attribute, named(await sspi.queryContextAttributes({ context, attribute }))]).toEqual([
          attribute,
          'SEC_E_UNSUPPORTED_FUNCTION',
        ]);
  });

  test('Q3: CREDENTIAL_NAME is the client’s own name, and explicit; IS_LOOPBACK goes by the name of the target', async () => {
    const far = await established('CREDSSP');
    const { value } = await far.sspi.queryContextAttributes({
      context: far.client,
      attribute: SECPKG_ATTR.CREDENTIAL_NAME,
    });
    expect(value).toEqual({ credentialType: 40, credentialName: 'EXAMPLE\\alice' });
    for (const [targetName, loopback] of [
      ['TERMSRV/host.example.test', false],
      ['TERMSRV/localhost', true],
      ['TERMSRV/127.0.0.1:3389', true],
      ['TERMSRV/[::1]', true],
      ['TERMSRV/localhost.example.test', false],
    ] as const) {
      const { sspi, client } = await established('CREDSSP', { targetName, contextReq: 0 });
      const result = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.IS_LOOPBACK });
      expect([targetName, result.value]).toEqual([targetName, { loopback }]);
    }
  });

  test('L8: attributes of credentials; §2.3: states and classes', () => {
    expect(SECPKG_CRED_ATTR).toEqual({
      NAMES: 1,
      SSI_PROVIDER: 2,
      KDC_PROXY_SETTINGS: 3,
      CERT: 4,
      PAC_BYPASS: 5,
      SUPPORTED_ALGS: 86,
      CIPHER_STRENGTHS: 87,
      SUPPORTED_PROTOCOLS: 88,
    });
    expect(SECPKG_NEGOTIATION).toEqual({ COMPLETE: 0, OPTIMISTIC: 1, IN_PROGRESS: 2, DIRECT: 3, TRY_MULTICRED: 4 });
    expect(SECPKG_CRED_CLASS).toEqual({
      NONE: 0,
      EPHEMERAL: 10,
      PERSISTED_GENERIC: 20,
      PERSISTED_SPECIFIC: 30,
      EXPLICIT: 40,
    });
  });

  test('Q4: dwErrorStatus, wincrypt.h', () => {
    expect(CERT_TRUST).toEqual({
      IS_NOT_TIME_VALID: 0x1,
      IS_REVOKED: 0x4,
      IS_NOT_SIGNATURE_VALID: 0x8,
      IS_NOT_VALID_FOR_USAGE: 0x10,
      IS_UNTRUSTED_ROOT: 0x20,
      REVOCATION_STATUS_UNKNOWN: 0x40,
      IS_CYCLIC: 0x80,
      INVALID_BASIC_CONSTRAINTS: 0x400,
      IS_PARTIAL_CHAIN: 0x10000,
      IS_OFFLINE_REVOCATION: 0x1000000,
    });
  });
});

test('T3, E8: modifiers of buffers; there is no READWRITE: what is not READONLY is written to', () => {
  expect(SECBUFFER_MODIFIER).toEqual({
    ATTRMASK: 0xf0000000,
    READONLY: 0x80000000,
    READONLY_WITH_CHECKSUM: 0x10000000,
  });
  expect(Object.keys({ ...SECBUFFER, ...SECBUFFER_MODIFIER })).not.toContain('READWRITE');
});
