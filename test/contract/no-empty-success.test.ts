/**
 * Nothing says SEC_E_OK for something that it did not do: each function of the table, on each package, with each kind of handle in
 * each state. Where it says SEC_E_OK, the effect is looked for.
 */
import { describe, expect, test } from 'vitest';
import { securityFunctionTable } from '../../src/api/index.ts';
import {
  type AuthData,
  contentOf,
  ISC_REQ,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  SECPKG_CRED_ATTR,
  secBuffer,
  statusName,
} from '../../src/index.ts';
import { accept, desc, forged, initiate, named, present } from '../api/door.ts';
import { ascii, textOf } from '../api/toys.ts';
import { expectedOf, MOVING, ON_CONTEXTS, type Probe } from './probes.ts';
import {
  ALL_PACKAGES,
  type AnyPackage,
  both,
  credentials,
  everything,
  isStream,
  REQUESTED,
  reach,
  STATES,
  targetOf,
} from './situations.ts';
import { IDENTITY, table } from './support.ts';

describe.each(ALL_PACKAGES)('%s: contexts', (name) => {
  test.each(STATES)('Z11, L11: %s', async (state) => {
    const [seen, wanted]: [string[], string[]] = [[], []];
    for (const [functionName, probe] of Object.entries<Probe>(ON_CONTEXTS)) {
      const there = await reach(name, state);
      if (there === undefined) {
        expect([name, state]).toEqual(['Kerberos', expect.stringMatching(/^server, (half-open|failed)$/)]);
        return;
      }
      const { status, shows } = await probe.call(there);
      seen.push(`${functionName} ${statusName(status)}`);
      wanted.push(`${functionName} ${expectedOf(probe, there, functionName)}`);
      if (status === 0 && shows !== undefined) await shows();
      // The only success that has nothing to show is one that is not expected anywhere.
      if (status === 0) expect(shows, functionName).toBeDefined();
    }
    expect(seen).toEqual(wanted);
  });
});

describe.each(ALL_PACKAGES)('%s: attributes', (name) => {
  test('Q2, Z11: each number is a value, or a status and none', async () => {
    const { sspi, client, server } = await both(everything(), name);
    const numbers = [
      ...Array.from({ length: 0x81 }, (_, at) => at),
      ...Array.from({ length: 0x90 }, (_, at) => 0x80000000 + at),
    ];
    for (const context of [client, server]) {
      let values = 0;
      for (const attribute of numbers) {
        const { status, value } = await sspi.queryContextAttributes({ context, attribute });
        if (status === 0) {
          values += 1;
          // Something is in it: a number, a text, octets, a list. APPLICATION_PROTOCOL may be none, and says so.
          expect([attribute, Object.keys(present(value)).length]).not.toEqual([attribute, 0]);
          continue;
        }
        expect([attribute, value]).toEqual([attribute, null]);
        // No certificate of its own: Schannel has a status for that.
        const known = [
          'SEC_E_UNSUPPORTED_FUNCTION',
          ...([0x54, 0x53].includes(attribute) ? ['SEC_E_NO_CREDENTIALS'] : []),
        ];
        expect([attribute, known]).toEqual([attribute, expect.arrayContaining([statusName(status)])]);
      }
      expect(values).toBeGreaterThan(4);
    }
  });

  test('L7, Z11: what is set while the exchange is under way is there when it is over', async () => {
    const sspi = everything();
    const { client: credential, server } = await credentials(sspi, name);
    const first = await initiate(sspi, { credential, targetName: targetOf(name), contextReq: REQUESTED });
    const attribute = SECPKG_ATTR.APP_DATA;
    const set = await sspi.setContextAttributes({
      context: first.context,
      attribute,
      value: { appData: ascii('kept') },
    });
    expect(named(set)).toBe(isStream(name) ? 'SEC_E_OK' : 'SEC_E_UNSUPPORTED_FUNCTION');
    if (!isStream(name)) return;
    let [client, other] = [first, await accept(sspi, { credential: server, input: first.token })];
    while (named(client.result) === 'SEC_I_CONTINUE_NEEDED') {
      client = await initiate(sspi, { context: first.context, input: other.token, contextReq: REQUESTED });
      if (named(other.result) === 'SEC_I_CONTINUE_NEEDED')
        other = await accept(sspi, { context: other.context, input: client.token });
    }
    const { value } = await sspi.queryContextAttributes({ context: first.context, attribute });
    expect(textOf(present(value).appData)).toBe('kept');
  });
});

test('R68, Z11: what was left with a context goes when authenticating again fails', async () => {
  const { sspi, client: context } = await both(everything(), 'CREDSSP');
  const attribute = SECPKG_ATTR.APP_DATA;
  await sspi.setContextAttributes({ context, attribute, value: { appData: ascii('kept') } });
  const again = await initiate(sspi, { context, contextReq: REQUESTED });
  expect(named(again.result)).toBe('SEC_I_CONTINUE_NEEDED');
  await initiate(sspi, { context, input: ascii('nonsense, and enough of it'), contextReq: REQUESTED });
  const gone = await sspi.queryContextAttributes({ context, attribute });
  expect([named(gone), gone.value]).toEqual(['SEC_E_INVALID_HANDLE', null]);
});

/** Functions that take a credential. */
const ON_CREDENTIALS = [
  'queryCredentialsAttributes',
  'queryCredentialsAttributesEx',
  'setCredentialsAttributes',
  'addCredentials',
  'freeCredentialsHandle',
] as const;

describe.each(ALL_PACKAGES)('%s: credentials', (name) => {
  test('L2, L8, L9, Z11: handles that are none, of another table, freed', async () => {
    const sspi = everything();
    const { client: freed } = await credentials(sspi, name);
    const fresh = await initiate(sspi, { credential: freed, targetName: targetOf(name), contextReq: REQUESTED });
    expect(named(await sspi.freeCredentialsHandle({ credential: freed }))).toBe('SEC_E_OK');
    const after = await sspi.initializeSecurityContext({ credential: freed, targetName: targetOf(name) });
    expect(named(after)).toBe('SEC_E_INVALID_HANDLE'); // what freeing did
    const { client: foreign } = await credentials(everything(), name);
    for (const handle of [undefined, {}, fresh.context, foreign, freed]) {
      const credential = forged<typeof freed>(handle);
      const calls = {
        queryCredentialsAttributes: sspi.queryCredentialsAttributes({ credential, attribute: 1 }),
        queryCredentialsAttributesEx: sspi.queryCredentialsAttributesEx({ credential, attribute: 1, size: 99 }),
        setCredentialsAttributes: sspi.setCredentialsAttributes({
          credential,
          attribute: SECPKG_CRED_ATTR.KDC_PROXY_SETTINGS,
          value: { proxyServer: 'https://kdc.example.test/KdcProxy' },
        }),
        addCredentials: sspi.addCredentials({ credential, package: 'NTLM', credentialUse: 2, authData: IDENTITY }),
        freeCredentialsHandle: sspi.freeCredentialsHandle({ credential }),
      } satisfies Record<(typeof ON_CREDENTIALS)[number], unknown>;
      for (const [called, result] of Object.entries(calls))
        expect([called, named(await result)]).toEqual([called, 'SEC_E_INVALID_HANDLE']);
    }
  });

  test('L8, Z11: each attribute is a value, or a status and none; what is set can be read', async () => {
    const sspi = everything();
    const [NAMES, CERT, ...TLS] = [1, 4, 0x56, 0x57, 0x58];
    const told = {
      NTLM: { client: [NAMES], server: [] },
      Kerberos: { client: [NAMES], server: [] },
      Negotiate: { client: [NAMES], server: [] },
      Schannel: { client: TLS, server: [CERT, ...TLS] },
      CREDSSP: { client: [NAMES, ...TLS], server: [CERT, ...TLS] },
    }[name];
    for (const [side, credential] of Object.entries(await credentials(sspi, name))) {
      const known: number[] = [];
      for (let attribute = 0; attribute < 0x60; attribute++) {
        const { status, value } = await sspi.queryCredentialsAttributes({ credential, attribute });
        expect([attribute, value === null]).toEqual([attribute, status !== 0]);
        if (status === 0) known.push(attribute);
        expect(['SEC_E_OK', 'SEC_E_UNSUPPORTED_FUNCTION', 'SEC_E_NO_CREDENTIALS']).toContain(statusName(status));
        const sized = await sspi.queryCredentialsAttributesEx({ credential, attribute, size: 1000 });
        expect([attribute, sized.status, sized.value]).toEqual([attribute, status, value]);
        const settings = forged<{ proxyServer: string }>({ proxyServer: 'https://kdc.example.test/KdcProxy' });
        const set = await sspi.setCredentialsAttributes({ credential, attribute: forged(attribute), value: settings });
        const hasKdcs = name === 'Kerberos' && side === 'client' && attribute === 3;
        expect([attribute, named(set)]).toEqual([attribute, hasKdcs ? 'SEC_E_OK' : 'SEC_E_UNSUPPORTED_FUNCTION']);
        const read = await sspi.queryCredentialsAttributes({ credential, attribute });
        if (hasKdcs) expect(read.value).toMatchObject({ proxyServer: ['https://kdc.example.test/KdcProxy'] });
        else expect([read.status, read.value]).toEqual([status, value]);
      }
      expect([side, known]).toEqual([side, side === 'client' ? told.client : told.server]);
    }
  });

  test('L9, Z11: a credential is added where one can be, and then it is used', async () => {
    const sspi = everything();
    const { client: credential } = await credentials(sspi, name);
    const added = await sspi.addCredentials({
      credential,
      package: 'NTLM',
      credentialUse: 2,
      authData: { ...IDENTITY, user: 'bob' },
    });
    if (name !== 'Negotiate') {
      expect(named(added)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
      return;
    }
    const { value } = await sspi.queryCredentialsAttributes({ credential, attribute: SECPKG_CRED_ATTR.NAMES });
    expect([named(added), value]).toEqual(['SEC_E_OK', { userName: 'EXAMPLE\\bob' }]);
  });
});

/** Functions that take neither. */
const WITHOUT_HANDLE = [
  'enumerateSecurityPackages',
  'querySecurityPackageInfo',
  'acquireCredentialsHandle',
  'importSecurityContext',
  'changeAccountPassword',
  'freeContextBuffer',
] as const;

describe('without a handle', () => {
  test('P1: the packages that are listed are those that can be had', async () => {
    const sspi = everything();
    const { packages } = await sspi.enumerateSecurityPackages();
    expect(packages.map(({ name }) => name).sort()).toEqual([...ALL_PACKAGES].sort());
    for (const info of packages) {
      expect(await sspi.querySecurityPackageInfo({ packageName: info.name })).toEqual({ status: 0, packageInfo: info });
      await credentials(sspi, forged<AnyPackage>(info.name));
    }
  });

  test.each(ALL_PACKAGES)('A2, A11, Z11: %s: without credentials there is no handle', async (packageName) => {
    const sspi = everything();
    const request = { package: packageName, credentialUse: SECPKG_CRED.INBOUND };
    for (const authData of [undefined, null]) {
      const result = await sspi.acquireCredentialsHandle({ ...request, authData });
      expect([named(result), result.credential]).toEqual(['SEC_E_NO_CREDENTIALS', null]);
    }
    for (const authData of [{ kind: 'nonsense' }, ascii('octets'), 7]) {
      const result = await sspi.acquireCredentialsHandle({ ...request, authData: forged<AuthData>(authData) });
      expect([named(result), result.credential]).toEqual(['SEC_E_UNKNOWN_CREDENTIALS', null]);
    }
  });

  test.each(ALL_PACKAGES)(
    'L6, L10, Z11: %s: nothing is imported from nothing, no password changed nowhere',
    async (name) => {
      const sspi = everything();
      const imported = await sspi.importSecurityContext({
        package: name,
        packedContext: new Uint8Array(200),
        key: new Uint8Array(32),
      });
      const status = MOVING.includes(name) ? 'SEC_E_NOT_OWNER' : 'SEC_E_UNSUPPORTED_FUNCTION';
      expect([named(imported), imported.context]).toEqual([status, null]);
      const changed = await sspi.changeAccountPassword({
        packageName: name,
        domainName: 'EXAMPLE',
        accountName: 'alice',
        oldPassword: 'AlicePass1!',
        newPassword: 'AlicePass2!',
      });
      // Those who do it ask a KDC, and nothing tells where there is one.
      const asks = name === 'Kerberos' || name === 'Negotiate';
      expect(named(changed)).toBe(asks ? 'SEC_E_NO_AUTHENTICATING_AUTHORITY' : 'SEC_E_UNSUPPORTED_FUNCTION');
    },
  );

  test('L3: FreeContextBuffer overwrites what was allocated; the rest is not its business, and by its page no mistake', async () => {
    const sspi = everything();
    const output = secBuffer(SECBUFFER.TOKEN);
    const { client: credential } = await credentials(sspi, 'NTLM');
    await sspi.initializeSecurityContext({ credential, contextReq: ISC_REQ.ALLOCATE_MEMORY, output: desc(output) });
    const token = contentOf(output);
    expect(token.length).toBeGreaterThan(30);
    expect(named(await sspi.freeContextBuffer({ contextBuffer: output.buffer }))).toBe('SEC_E_OK');
    expect(token.every((octet) => octet === 0)).toBe(true);
    const own = ascii('the caller’s own');
    expect(named(await sspi.freeContextBuffer({ contextBuffer: own }))).toBe('SEC_E_OK');
    expect(own.some((octet) => octet !== 0)).toBe(true);
  });

  test('L11: no function of the table was left out', () => {
    const functions = Object.entries(securityFunctionTable(table())).filter(
      ([, member]) => typeof member === 'function',
    );
    const probed = [...Object.keys(ON_CONTEXTS), ...ON_CREDENTIALS, ...WITHOUT_HANDLE];
    expect(functions.map(([functionName]) => functionName).sort()).toEqual(probed.sort());
  });
});
