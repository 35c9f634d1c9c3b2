/** How much room the Ex functions ask for: `sizeof()` of each structure on 64-bit Windows, contract L11, Q1, §2.3. */
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { type CredHandle, type CtxtHandle, createSspi, type Sspi } from '../../src/api/index.ts';
import { CONTEXT_STRUCTURE_SIZES, CREDENTIAL_STRUCTURE_SIZES } from '../../src/api/structure-sizes.ts';
import { SECPKG_ATTR, SECPKG_CRED_ATTR, systemHost } from '../../src/index.ts';
import { named, present } from '../api/door.ts';
import { ascii, tokenPackage } from '../api/toys.ts';
import { TLS_1_2 } from '../support/credssp.ts';
import { clientAgainst } from './fake-server.ts';
import { establishedByTicket } from './realm.ts';
import { CLIENT_TLS, certificates, established, inbound, outbound, SERVER_TLS, table } from './support.ts';

// Counted by hand from the declarations in sspi.h and schannel.h: pointers and handles have 8 octets and stand at multiples of 8,
// `unsigned long`, DWORD, ALG_ID and enumerations have 4, WORD 2, WCHAR 2, BOOLEAN 1; the whole is a multiple of its largest member.

type Who = 'client' | 'server' | 'asked' | 'ofTicket';

const CONTEXT_ATTRIBUTES: readonly (readonly [keyof typeof SECPKG_ATTR, number, number, Who])[] = [
  ['SIZES', 0, 16, 'client'], // four DWORDs
  ['NAMES', 1, 8, 'client'],
  ['LIFESPAN', 2, 16, 'client'], // two FILETIMEs
  ['STREAM_SIZES', 4, 20, 'client'], // five DWORDs
  ['KEY_INFO', 5, 32, 'client'], // two pointers, three DWORDs, 4 at the end
  ['PASSWORD_EXPIRY', 8, 8, 'ofTicket'], // a FILETIME
  ['SESSION_KEY', 9, 16, 'client'], // DWORD, 4 between, pointer
  ['PACKAGE_INFO', 10, 8, 'client'],
  ['NEGOTIATION_INFO', 12, 16, 'client'], // pointer, DWORD, 4 at the end
  ['NATIVE_NAMES', 13, 16, 'client'], // two pointers
  ['FLAGS', 14, 4, 'client'],
  ['CREDENTIAL_NAME', 16, 16, 'client'], // DWORD, 4 between, pointer
  ['ACCESS_TOKEN', 18, 8, 'server'],
  ['UNIQUE_BINDINGS', 25, 16, 'client'], // DWORD, 4 between, pointer
  ['ENDPOINT_BINDINGS', 26, 16, 'client'],
  ['CLIENT_SPECIFIED_TARGET', 27, 8, 'server'],
  ['LAST_CLIENT_TOKEN_STATUS', 30, 4, 'client'],
  ['NEGO_STATUS', 32, 4, 'client'],
  ['APPLICATION_PROTOCOL', 35, 264, 'client'], // two enumerations, one octet, 255 octets
  ['IS_LOOPBACK', 37, 1, 'client'],
  ['REMOTE_CERT_CONTEXT', 0x53, 8, 'client'],
  ['LOCAL_CERT_CONTEXT', 0x54, 8, 'server'],
  ['ISSUER_LIST_EX', 0x59, 16, 'asked'], // pointer, DWORD, 4 at the end
  ['CONNECTION_INFO', 0x5a, 28, 'client'], // seven DWORDs
  ['SESSION_INFO', 0x5d, 40, 'client'], // two DWORDs, 32 octets
  ['APP_DATA', 0x5e, 16, 'client'], // two DWORDs, pointer
  ['REMOTE_CERTIFICATES', 0x5f, 8, 'client'],
  ['CIPHER_INFO', 0x64, 680, 'client'], // ten DWORDs, five names of 64 WCHARs
  ['REMOTE_CERT_CHAIN', 0x67, 8, 'client'],
  ['KEYING_MATERIAL', 0x6b, 16, 'client'], // DWORD, 4 between, pointer
  ['SUBJECT_SECURITY_ATTRIBUTES', 128, 8, 'server'],
  ['SUBJECT_SECURITY_ATTRIBUTES', 124, 8, 'server'], // its other number, E12
  ['C_ACCESS_TOKEN', 0x80000012, 8, 'server'],
  ['CREDS', 0x80000080, 16, 'server'], // DWORD, 4 between, pointer
  ['NEGOTIATION_PACKAGE', 0x80000081, 8, 'client'],
  ['C_FULL_ACCESS_TOKEN', 0x80000082, 8, 'server'],
  ['SERVER_AUTH_FLAGS', 0x80000083, 4, 'client'],
  ['CERT_TRUST_STATUS', 0x80000084, 8, 'client'], // two DWORDs
  ['CREDS_2', 0x80000086, 16, 'server'],
];

/** Is set and never read. */
const KEYING_MATERIAL_INFO = 40; // WORD, 6 between, pointer, WORD, 6 between, pointer, DWORD, 4 at the end

const CREDENTIAL_ATTRIBUTES: readonly (readonly [keyof typeof SECPKG_CRED_ATTR, number, number])[] = [
  ['NAMES', 1, 8],
  ['KDC_PROXY_SETTINGS', 3, 16], // two DWORDs, four WORDs
  ['CERT', 4, 16], // DWORD, 4 between, pointer
  ['SUPPORTED_ALGS', 0x56, 16], // DWORD, 4 between, pointer
  ['CIPHER_STRENGTHS', 0x57, 8], // two DWORDs
  ['SUPPORTED_PROTOCOLS', 0x58, 4],
];

/** Of no package here. */
const SSI_PROVIDER = 24; // pointer, DWORD, 4 between, pointer
const PAC_BYPASS = 1; // BOOLEAN

describe('QueryContextAttributesEx', () => {
  let contexts: Readonly<Record<Who, { readonly sspi: Sspi; readonly context: CtxtHandle }>>;

  beforeAll(async () => {
    const tls = { ...CLIENT_TLS, enabledProtocols: TLS_1_2 };
    const { sspi, client, server } = await established('CREDSSP', { contextReq: 1, client: { tls } });
    await sspi.setContextAttributes({
      context: client,
      attribute: SECPKG_ATTR.APP_DATA,
      value: { appData: ascii('of the application') },
    });
    const asks = { ...SERVER_TLS, requestClientCertificate: true, rootStore: [certificates.rsa.certificate] };
    const asked = await clientAgainst(sspi, await outbound(sspi, 'CREDSSP'), () => undefined, { tls: asks });
    const byTicket = await establishedByTicket('Kerberos');
    contexts = {
      client: { sspi, context: client },
      server: { sspi, context: server },
      asked: { sspi, context: present(asked.context) },
      ofTicket: { sspi: byTicket.sspi, context: byTicket.server },
    };
  });

  test.each(CONTEXT_ATTRIBUTES)(
    'L11, Q1, §2.3: %s (%i): %i octets are enough, one less is SEC_E_BUFFER_TOO_SMALL',
    async (_, attribute, size, who) => {
      const { sspi, context } = contexts[who];
      const enough = await sspi.queryContextAttributesEx({ context, attribute, size });
      expect([named(enough), enough.value === null]).toEqual(['SEC_E_OK', false]);
      const short = await sspi.queryContextAttributesEx({ context, attribute, size: size - 1 });
      expect([named(short), short.value]).toEqual(['SEC_E_BUFFER_TOO_SMALL', null]);
    },
  );

  test('L11, Q1: with room enough it says what the plain form says', async () => {
    const { sspi, context } = contexts.client;
    for (const attribute of [0, 1, 4, 5, 13, 14, 0x53, 0x5a, 0x64, 0x80000084]) {
      const { value } = await sspi.queryContextAttributesEx({ context, attribute, size: 1000 });
      expect(value).toEqual((await sspi.queryContextAttributes({ context, attribute })).value);
    }
  });

  test('L11: an attribute that is not there is not there in any size, and a size below 0 or between numbers is none', async () => {
    const { sspi, context } = contexts.client;
    const unknown = await sspi.queryContextAttributesEx({ context, attribute: 3, size: 1000 });
    expect(named(unknown)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    for (const size of [-1, 16.5, Number.NaN])
      expect(named(await sspi.queryContextAttributesEx({ context, attribute: 0, size }))).toBe(
        'SEC_E_INVALID_PARAMETER',
      );
  });
});

describe('QueryCredentialsAttributesEx', () => {
  const holders: Partial<Record<string, (sspi: Sspi) => Promise<CredHandle>>> = {
    NAMES: (sspi) => outbound(sspi, 'NTLM'),
    KDC_PROXY_SETTINGS: async (sspi) => {
      const { credential } = await sspi.acquireCredentialsHandle({ package: 'TOKENS', credentialUse: 2 });
      const attribute = SECPKG_CRED_ATTR.KDC_PROXY_SETTINGS;
      const value = { proxyServer: 'https://kdc.example.com/KdcProxy' };
      await sspi.setCredentialsAttributes({ credential: present(credential), attribute, value });
      return present(credential);
    },
  };

  /** Also with a package that takes proxies, which none of ours does. */
  function tableWithProxies(): Sspi {
    const toy = tokenPackage();
    const acquire: typeof toy.acquire = async (request) => ({ ...(await toy.acquire(request)), setKdcProxy: vi.fn() });
    return createSspi({ packages: [{ ...toy, acquire }], host: systemHost });
  }

  test.each(CREDENTIAL_ATTRIBUTES)(
    'L8, L11: %s (%i): %i octets are enough, one less is SEC_E_BUFFER_TOO_SMALL',
    async (name, attribute, size) => {
      const sspi = name === 'KDC_PROXY_SETTINGS' ? tableWithProxies() : table();
      const credential = await (holders[name]?.(sspi) ?? inbound(sspi, 'Schannel'));
      const enough = await sspi.queryCredentialsAttributesEx({ credential, attribute, size });
      expect([named(enough), enough.value === null]).toEqual(['SEC_E_OK', false]);
      const short = await sspi.queryCredentialsAttributesEx({ credential, attribute, size: size - 1 });
      expect([named(short), short.value]).toEqual(['SEC_E_BUFFER_TOO_SMALL', null]);
    },
  );
});

test('L11: the tables above leave no attribute out', () => {
  const sizes = (rows: readonly (readonly [string, number, number, ...unknown[]])[]) =>
    Object.fromEntries(rows.map(([name, , size]) => [name, size]));
  expect(CONTEXT_STRUCTURE_SIZES).toEqual({ ...sizes(CONTEXT_ATTRIBUTES), KEYING_MATERIAL_INFO });
  expect(CREDENTIAL_STRUCTURE_SIZES).toEqual({ ...sizes(CREDENTIAL_ATTRIBUTES), SSI_PROVIDER, PAC_BYPASS });
});
