/** The functions beside the handshake and the messages: contract §2.5, M15, M16. */
import { describe, expect, test, vi } from 'vitest';
import { createSspi, SECPKG_CONTEXT_EXPORT, type Sspi, shutdownToken } from '../../src/api/index.ts';
import * as library from '../../src/index.ts';
import {
  AUTH_IDENTITY,
  type ClientIdentity,
  contentOf,
  ISC_REQ,
  memoryAccounts,
  negotiatePackage,
  ntlmPackage,
  type PasswordChange,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  SECPKG_CRED_ATTR,
  Secret,
  SspiError,
  secBuffer,
  statusName,
  systemHost,
} from '../../src/index.ts';
import { accept, desc, door, forged, initiate, named, pair, present, room } from '../api/door.ts';
import { ascii, scriptedPackage, textOf, tokenPackage } from '../api/toys.ts';
import {
  ACCEPTOR,
  ALICE,
  certificates,
  established,
  IDENTITY,
  inbound,
  opening,
  outbound,
  PACKAGES,
  PROTECTED,
  sealed,
  table,
} from './support.ts';

const ESTABLISHED_BY = ['NTLM', 'Negotiate', 'CREDSSP'] as const;

describe('InitSecurityInterface', () => {
  test('L11: the members stand in the order of SecurityFunctionTable', () => {
    expect(Object.keys(library.initSecurityInterface())).toEqual([
      'version',
      'enumerateSecurityPackages',
      'queryCredentialsAttributes',
      'acquireCredentialsHandle',
      'freeCredentialsHandle',
      'reserved2',
      'initializeSecurityContext',
      'acceptSecurityContext',
      'completeAuthToken',
      'deleteSecurityContext',
      'applyControlToken',
      'queryContextAttributes',
      'impersonateSecurityContext',
      'revertSecurityContext',
      'makeSignature',
      'verifySignature',
      'freeContextBuffer',
      'querySecurityPackageInfo',
      'reserved3',
      'reserved4',
      'exportSecurityContext',
      'importSecurityContext',
      'addCredentials',
      'reserved8',
      'querySecurityContextToken',
      'encryptMessage',
      'decryptMessage',
      'setContextAttributes',
      'setCredentialsAttributes',
      'changeAccountPassword',
      'queryContextAttributesEx',
      'queryCredentialsAttributesEx',
    ]);
  });

  test('L11: its functions are those of the library, its reserved members nothing', async () => {
    const functions = library.initSecurityInterface();
    expect(functions.version).toBe(5);
    expect([functions.reserved2, functions.reserved3, functions.reserved4, functions.reserved8]).toEqual(
      new Array(4).fill(null),
    );
    expect(functions.initializeSecurityContext).toBe(library.initializeSecurityContext);
    const { packages } = await functions.enumerateSecurityPackages();
    expect(packages.map(({ name }) => name)).toContain('CREDSSP');
  });

  test.each([
    'initializeSecurityContext',
    'acquireCredentialsHandle',
    'enumerateSecurityPackages',
    'querySecurityPackageInfo',
    'queryContextAttributes',
    'queryCredentialsAttributes',
    'initSecurityInterface',
    'changeAccountPassword',
    'importSecurityContext',
    'addCredentials',
    'setContextAttributes',
    'setCredentialsAttributes',
    'queryContextAttributesEx',
    'queryCredentialsAttributesEx',
  ] as const)('R1, L11: %s has its W and its A name', (name) => {
    const plain: unknown = Reflect.get(library, name);
    expect(plain).toBeTypeOf('function');
    expect(Reflect.get(library, `${name}W`)).toBe(plain);
    expect(Reflect.get(library, `${name}A`)).toBe(plain);
  });
});

describe('ApplyControlToken', () => {
  const control = (...numbers: number[]) =>
    desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(new Uint32Array(numbers).buffer)));

  test.each(['Schannel', 'CREDSSP'] as const)('M16: %s: SHUTDOWN, then close_notify from either side', async (name) => {
    const { sspi, client, server } = await established(name);
    for (const [context, peer, call] of [
      [client, server, sspi.initializeSecurityContext],
      [server, client, sspi.acceptSecurityContext],
    ] as const) {
      const input = desc(secBuffer(SECBUFFER.TOKEN, shutdownToken()));
      expect(named(await sspi.applyControlToken({ context, input }))).toBe('SEC_E_OK');
      const output = secBuffer(SECBUFFER.TOKEN);
      const said = await call({ context, contextReq: ISC_REQ.ALLOCATE_MEMORY, output: desc(output) });
      expect(named(said)).toBe('SEC_E_OK');
      expect(contentOf(output).length).toBeGreaterThan(5);
      const closed = await sspi.decryptMessage({ context: peer, message: desc(...opening(contentOf(output))) });
      expect(named(closed)).toBe('SEC_I_CONTEXT_EXPIRED'); // M9
      const message = desc(
        secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(40)),
        secBuffer(SECBUFFER.DATA, ascii('too late')),
        secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(80)),
      );
      expect(named(await sspi.encryptMessage({ context, message }))).toBe('SEC_E_CONTEXT_EXPIRED'); // M5
    }
    for (const context of [client, server])
      expect(named(await sspi.deleteSecurityContext({ context }))).toBe('SEC_E_OK');
  });

  test('M16, R39: close_notify waits for a buffer that takes it', async () => {
    const { sspi, client, server } = await established('CREDSSP');
    await sspi.applyControlToken({ context: client, input: desc(secBuffer(SECBUFFER.TOKEN, shutdownToken())) });
    const small = room(3);
    const tooSmall = await sspi.initializeSecurityContext({ context: client, output: small.desc });
    expect(named(tooSmall)).toBe('SEC_E_BUFFER_TOO_SMALL');
    const large = room(small.token.count);
    expect(named(await sspi.initializeSecurityContext({ context: client, output: large.desc }))).toBe('SEC_E_OK');
    const closed = await sspi.decryptMessage({ context: server, message: desc(...opening(contentOf(large.token))) });
    expect(named(closed)).toBe('SEC_I_CONTEXT_EXPIRED');
  });

  test('M15: an alert of type warning and number close_notify is SHUTDOWN by another name', async () => {
    const { sspi, client } = await established('Schannel');
    expect(named(await sspi.applyControlToken({ context: client, input: control(2, 1, 0) }))).toBe('SEC_E_OK');
    const output = secBuffer(SECBUFFER.TOKEN);
    await sspi.initializeSecurityContext({
      context: client,
      contextReq: ISC_REQ.ALLOCATE_MEMORY,
      output: desc(output),
    });
    expect(contentOf(output).length).toBeGreaterThan(5);
  });

  test.each([
    ['RENEGOTIATE', [0], 'SEC_E_UNSUPPORTED_FUNCTION'],
    ['a fatal alert', [2, 2, 40], 'SEC_E_UNSUPPORTED_FUNCTION'],
    ['SESSION with ENABLE_RECONNECTS', [3, 1], 'SEC_E_UNSUPPORTED_FUNCTION'],
    ['SESSION with DISABLE_RECONNECTS, which holds anyway', [3, 2], 'SEC_E_OK'],
    ['a type that does not exist', [9], 'SEC_E_UNSUPPORTED_FUNCTION'],
    ['an alert cut short', [2, 1], 'SEC_E_INVALID_TOKEN'],
    ['a shutdown with something behind it', [1, 1], 'SEC_E_INVALID_TOKEN'],
    ['nothing', [], 'SEC_E_INVALID_TOKEN'],
  ])('M15: %s', async (_, numbers, status) => {
    const { sspi, client, server } = await established('CREDSSP');
    expect(named(await sspi.applyControlToken({ context: client, input: control(...numbers) }))).toBe(status);
    // None of them has ended the channel.
    const message = opening(await sealed(sspi, client, ascii('goes on')));
    expect(named(await sspi.decryptMessage({ context: server, message: desc(...message) }))).toBe('SEC_E_OK');
    expect(textOf(contentOf(present(message[1])))).toBe('goes on');
  });

  test('M15: no TOKEN, three octets, no context, a context without a channel, one that is not established', async () => {
    const { sspi, client } = await established('CREDSSP');
    const input = desc(secBuffer(SECBUFFER.TOKEN, shutdownToken()));
    expect(named(await sspi.applyControlToken({ context: client, input: desc() }))).toBe('SEC_E_INVALID_TOKEN');
    const short = desc(secBuffer(SECBUFFER.TOKEN, Uint8Array.of(1, 0, 0)));
    expect(named(await sspi.applyControlToken({ context: client, input: short }))).toBe('SEC_E_INVALID_TOKEN');
    const nobody = { kind: 'context', generation: 1 } as const;
    expect(named(await sspi.applyControlToken({ context: nobody, input }))).toBe('SEC_E_INVALID_HANDLE');
    const ntlm = await established('NTLM');
    const refused = await ntlm.sspi.applyControlToken({ context: ntlm.client, input });
    expect(named(refused)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    const { context } = await initiate(sspi, { credential: await outbound(sspi, 'CREDSSP') });
    expect(named(await sspi.applyControlToken({ context, input }))).toBe('SEC_E_INVALID_HANDLE');
  });
});

describe('ImpersonateSecurityContext, RevertSecurityContext, QuerySecurityContextToken', () => {
  test.each(ESTABLISHED_BY)('C10, L5: %s: the client of the server, as an identity', async (name) => {
    const { sspi, server } = await established(name);
    const { status, token } = await sspi.querySecurityContextToken({ context: server });
    expect(statusName(status)).toBe('SEC_E_OK');
    expect(token).toMatchObject({ domain: 'EXAMPLE', user: 'alice', name: 'EXAMPLE\\alice', anonymous: false });
  });

  test('C10, L5: a function runs in the name of the client, and so does what it awaits; outside nobody is', async () => {
    const { sspi, server } = await established('CREDSSP');
    const seen: (string | undefined)[] = [];
    const note = (): void => void seen.push(sspi.impersonatedIdentity()?.name);
    note();
    const result = await sspi.impersonateSecurityContext({
      context: server,
      async run(identity) {
        note();
        await new Promise((resolve) => setImmediate(resolve));
        note();
        return identity.user;
      },
    });
    note();
    expect(result).toEqual({ status: 0, value: 'alice' });
    expect(seen).toEqual([undefined, 'EXAMPLE\\alice', 'EXAMPLE\\alice', undefined]);
  });

  test('L5, Z56: two that run side by side do not become each other', async () => {
    const sspi = table();
    const bob = { domain: 'EXAMPLE', user: 'bob', password: 'BobPass1!' };
    const identity = { kind: 'acceptor', accounts: memoryAccounts([ALICE, bob]) } as const;
    const alice = await established('NTLM', { sspi, server: { identity } });
    const other = await established('NTLM', {
      sspi,
      client: { identity: { kind: 'identity', ...bob } },
      server: { identity },
    });
    const names = await Promise.all(
      [alice, other, alice, other].map(({ server }, turn) =>
        sspi.impersonateSecurityContext({
          context: server,
          async run() {
            await new Promise((resolve) => setTimeout(resolve, 4 - turn));
            return sspi.impersonatedIdentity()?.user;
          },
        }),
      ),
    );
    expect(names.map(({ value }) => value)).toEqual(['alice', 'bob', 'alice', 'bob']);
    expect(sspi.impersonatedIdentity()).toBeUndefined();
  });

  test('L5: of nested ones the last wins; Revert ends that of its context, and the other is there again', async () => {
    const sspi = table();
    const bob = { domain: 'EXAMPLE', user: 'bob', password: 'BobPass1!' };
    const identity = { kind: 'acceptor', accounts: memoryAccounts([ALICE, bob]) } as const;
    const outer = await established('NTLM', { sspi, server: { identity } });
    const inner = await established('NTLM', {
      sspi,
      client: { identity: { kind: 'identity', ...bob } },
      server: { identity },
    });
    const current = (): string | undefined => sspi.impersonatedIdentity()?.user;
    await sspi.impersonateSecurityContext({
      context: outer.server,
      run: () =>
        sspi.impersonateSecurityContext({
          context: inner.server,
          async run() {
            expect(current()).toBe('bob');
            expect(named(await sspi.revertSecurityContext({ context: inner.server }))).toBe('SEC_E_OK');
            expect(current()).toBe('alice');
            expect(named(await sspi.revertSecurityContext({ context: inner.server }))).toBe('SEC_E_NO_IMPERSONATION');
            expect(named(await sspi.revertSecurityContext({ context: outer.server }))).toBe('SEC_E_OK');
            expect(current()).toBeUndefined();
          },
        }),
    });
    expect.assertions(6);
  });

  test('L5: what is left running behind the function is nobody’s, and what the function throws comes out', async () => {
    const { sspi, server } = await established('NTLM');
    let later: Promise<ClientIdentity | undefined> | undefined;
    const failing = sspi.impersonateSecurityContext({
      context: server,
      run() {
        later = new Promise((resolve) => setTimeout(() => resolve(sspi.impersonatedIdentity()), 2));
        throw new RangeError('of the application');
      },
    });
    await expect(failing).rejects.toThrow(RangeError);
    expect(await later).toBeUndefined();
    expect(sspi.impersonatedIdentity()).toBeUndefined();
  });

  test('L5: a client that may only be identified, or is nobody, is not impersonated; its identity can be asked for', async () => {
    const sspi = table();
    const identified = await established('NTLM', { sspi, contextReq: PROTECTED | ISC_REQ.IDENTIFY });
    const anonymous = await established('NTLM', {
      sspi,
      client: { identity: { kind: 'anonymous' } },
      server: { identity: { ...ACCEPTOR, allowAnonymous: true } },
      contextReq: ISC_REQ.NULL_SESSION,
      serverReq: 0,
    });
    const run = vi.fn();
    for (const { server } of [identified, anonymous]) {
      const refused = await sspi.impersonateSecurityContext({ context: server, run });
      expect(named(refused)).toBe('SEC_E_NO_IMPERSONATION');
      expect(refused.status).toBe(0x8009030b);
      expect(named(await sspi.querySecurityContextToken({ context: server }))).toBe('SEC_E_OK');
    }
    expect(run).not.toHaveBeenCalled();
    expect((await sspi.querySecurityContextToken({ context: identified.server })).token?.identifyOnly).toBe(true);
  });

  test('L5: contexts of clients, of TLS alone, under way, and none at all', async () => {
    const { sspi, client } = await established('CREDSSP');
    const tls = await established('Schannel', { sspi });
    const { context: begun } = await initiate(sspi, { credential: await outbound(sspi, 'NTLM') });
    const run = vi.fn();
    for (const [context, status] of [
      [client, 'SEC_E_UNSUPPORTED_FUNCTION'],
      [tls.server, 'SEC_E_UNSUPPORTED_FUNCTION'],
      [begun, 'SEC_E_INVALID_HANDLE'],
      [{ kind: 'context', generation: 1 }, 'SEC_E_INVALID_HANDLE'],
    ] as const) {
      expect(named(await sspi.impersonateSecurityContext({ context, run }))).toBe(status);
      const token = await sspi.querySecurityContextToken({ context });
      expect([named(token), token.token]).toEqual([status, null]);
    }
    expect(named(await sspi.revertSecurityContext({ context: client }))).toBe('SEC_E_NO_IMPERSONATION');
    expect(run).not.toHaveBeenCalled();
  });

  test('L5, Z11: a table without a scope impersonates nobody, and says so', async () => {
    const sspi = table({ identityScope: undefined });
    const { server } = await established('NTLM', { sspi });
    const run = vi.fn();
    expect(named(await sspi.impersonateSecurityContext({ context: server, run }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    expect(run).not.toHaveBeenCalled();
    expect(named(await sspi.revertSecurityContext({ context: server }))).toBe('SEC_E_NO_IMPERSONATION');
    const noFunction = await table().impersonateSecurityContext({ context: server, run: forged(undefined) });
    expect(named(noFunction)).toBe('SEC_E_INVALID_HANDLE'); // of another table
  });
});

describe('ExportSecurityContext and ImportSecurityContext', () => {
  const KEY = Uint8Array.from({ length: 32 }, (_, at) => 7 * at + 1);

  /** Seals a message with the one and opens it with the other. */
  async function delivers(from: { sspi: Sspi; context: library.CtxtHandle }, to: typeof from, text: string) {
    const [token, data] = [secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii(text))];
    const sealing = await from.sspi.encryptMessage({ context: from.context, message: desc(token, data) });
    if (sealing.status !== 0) return named(sealing);
    const opened = await to.sspi.decryptMessage({ context: to.context, message: desc(token, data) });
    return opened.status === 0 ? textOf(contentOf(data)) : named(opened);
  }

  test.each(['client', 'server'] as const)('L6: NTLM: the %s goes on elsewhere where it stood', async (moved) => {
    const { sspi, client, server } = await established('NTLM');
    const ends = { client: { sspi, context: client }, server: { sspi, context: server } };
    // Two one way and one the other: numbers and key streams of the directions differ.
    expect(await delivers(ends.client, ends.server, 'one')).toBe('one');
    expect(await delivers(ends.client, ends.server, 'two, of another length')).toBe('two, of another length');
    expect(await delivers(ends.server, ends.client, 'back')).toBe('back');

    const exported = await sspi.exportSecurityContext({ context: ends[moved].context, key: KEY });
    expect(named(exported)).toBe('SEC_E_OK');
    const elsewhere = table();
    const packedContext = present(exported.packedContext);
    const imported = await elsewhere.importSecurityContext({
      package: 'ntlm',
      packedContext,
      key: new Secret(KEY.slice()),
    });
    expect(named(imported)).toBe('SEC_E_OK');
    const there = { sspi: elsewhere, context: present(imported.context) };
    const [a, b] = moved === 'client' ? [there, ends.server] : [ends.client, there];
    expect(await delivers(a, b, 'three')).toBe('three');
    expect(await delivers(b, a, 'and back again')).toBe('and back again');
    // The old one would use the same key stream for something else.
    expect(await delivers(ends[moved], ends[moved], 'twice')).toBe('SEC_E_CONTEXT_EXPIRED');
    expect(named(await sspi.deleteSecurityContext({ context: ends[moved].context }))).toBe('SEC_E_OK');

    const names = await elsewhere.queryContextAttributes({ context: there.context, attribute: SECPKG_ATTR.NAMES });
    expect(names.value?.userName).toBe('EXAMPLE\\alice');
    const flags = async (at: typeof there) =>
      (await at.sspi.queryContextAttributes({ context: at.context, attribute: SECPKG_ATTR.FLAGS })).value?.flags;
    expect(await flags(there)).toBeGreaterThan(0);
    const token = await elsewhere.querySecurityContextToken({ context: there.context });
    expect(token.token?.name).toBe(moved === 'server' ? 'EXAMPLE\\alice' : undefined);
    // It is established, and takes no further token.
    const call = moved === 'client' ? initiate : accept;
    const more = await call(elsewhere, { context: there.context, input: ascii('token') });
    expect(named(more.result)).toBe('SEC_E_OUT_OF_SEQUENCE');
    expect(named(await elsewhere.deleteSecurityContext({ context: there.context }))).toBe('SEC_E_OK');
  });

  test('L6: a context that has protected nothing yet moves as well', async () => {
    const { sspi, client, server } = await established('NTLM');
    const { packedContext } = await sspi.exportSecurityContext({ context: server, key: KEY });
    const imported = await sspi.importSecurityContext({
      package: 'NTLM',
      packedContext: present(packedContext),
      key: KEY,
    });
    const context = present(imported.context);
    expect(await delivers({ sspi, context: client }, { sspi, context }, 'first')).toBe('first');
  });

  test('L6: DELETE_OLD deletes at once; RESET_NEW and TO_KERNEL cannot be had, and change nothing', async () => {
    const { sspi, client, server } = await established('NTLM');
    for (const flags of [SECPKG_CONTEXT_EXPORT.RESET_NEW, SECPKG_CONTEXT_EXPORT.TO_KERNEL, 3, 8]) {
      const refused = await sspi.exportSecurityContext({ context: client, flags, key: KEY });
      expect([named(refused), refused.packedContext]).toEqual(['SEC_E_UNSUPPORTED_FUNCTION', null]);
    }
    expect(await delivers({ sspi, context: client }, { sspi, context: server }, 'still')).toBe('still');
    await sspi.exportSecurityContext({ context: client, flags: SECPKG_CONTEXT_EXPORT.DELETE_OLD, key: KEY });
    const gone = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.NAMES });
    expect(named(gone)).toBe('SEC_E_INVALID_HANDLE');
  });

  test('L6: the secrets are not to be seen in what is exported', async () => {
    const { sspi, client } = await established('NTLM');
    const { value } = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.SESSION_KEY });
    const sessionKey = Buffer.from(present(value).sessionKey.reveal());
    const { packedContext } = await sspi.exportSecurityContext({ context: client, key: KEY });
    expect(sessionKey).toHaveLength(16);
    expect(Buffer.from(present(packedContext)).includes(sessionKey)).toBe(false);
    expect(Buffer.from(present(packedContext)).includes('alice')).toBe(false);
  });

  test('L6: any octet changed, any cut, another key, another package: SEC_E_NOT_OWNER', async () => {
    const { sspi, client } = await established('NTLM');
    const packedContext = present((await sspi.exportSecurityContext({ context: client, key: KEY })).packedContext);
    const statuses = new Set<string>();
    const tryIt = async (octets: Uint8Array, key: Uint8Array = KEY): Promise<void> => {
      const { context, ...result } = await sspi.importSecurityContext({ package: 'NTLM', packedContext: octets, key });
      expect(context).toBeNull();
      statuses.add(named(result));
    };
    for (let at = 0; at < packedContext.length; at++) {
      const changed = packedContext.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x40;
      await tryIt(changed);
      await tryIt(packedContext.subarray(0, at));
    }
    await tryIt(
      packedContext,
      KEY.map((octet) => octet ^ 1),
    );
    expect([...statuses]).toEqual(['SEC_E_NOT_OWNER']);
  });

  test('L6: the statuses for everything else', async () => {
    const { sspi, client } = await established('NTLM');
    const packed = present((await sspi.exportSecurityContext({ context: client, key: KEY })).packedContext);
    for (const [name, status] of [
      ['CREDSSP', 'SEC_E_UNSUPPORTED_FUNCTION'],
      ['Schannel', 'SEC_E_UNSUPPORTED_FUNCTION'],
      ['Negotiate', 'SEC_E_NOT_OWNER'], // it was sealed for NTLM
      ['Digest', 'SEC_E_SECPKG_NOT_FOUND'],
    ] as const) {
      const imported = await sspi.importSecurityContext({ package: name, packedContext: packed, key: KEY });
      expect(named(imported)).toBe(status);
    }
    for (const name of ['CREDSSP', 'Schannel'] as const) {
      const other = await established(name);
      const exported = await other.sspi.exportSecurityContext({ context: other.client, key: KEY });
      expect(named(exported)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    }
    const fresh = await established('NTLM');
    for (const key of [KEY.subarray(1), forged<Uint8Array>('text'), forged<Uint8Array>(undefined)]) {
      const exported = await fresh.sspi.exportSecurityContext({ context: fresh.client, key });
      expect(named(exported)).toBe('SEC_E_INVALID_PARAMETER');
    }
    const { context } = await initiate(sspi, { credential: await outbound(sspi, 'NTLM') });
    expect(named(await sspi.exportSecurityContext({ context, key: KEY }))).toBe('SEC_E_INVALID_HANDLE');
    const none = { package: 'NTLM', packedContext: forged<Uint8Array>('text'), key: KEY };
    expect(named(await sspi.importSecurityContext(none))).toBe('SEC_E_INVALID_PARAMETER');
  });

  test('L6: the state of a context whose messages are broken does not move', async () => {
    const { sspi, client } = await established('NTLM');
    const message = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('no')));
    expect(named(await sspi.decryptMessage({ context: client, message }))).toBe('SEC_E_MESSAGE_ALTERED');
    expect(named(await sspi.exportSecurityContext({ context: client, key: KEY }))).toBe('SEC_E_MESSAGE_ALTERED');
  });
});

describe('SetContextAttributes', () => {
  test.each(['Schannel', 'CREDSSP'] as const)('L7: %s keeps APP_DATA, a copy of it', async (name) => {
    const { sspi, client: context } = await established(name);
    const attribute = SECPKG_ATTR.APP_DATA;
    expect(named(await sspi.queryContextAttributes({ context, attribute }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    const appData = ascii('of the application');
    expect(named(await sspi.setContextAttributes({ context, attribute, value: { appData } }))).toBe('SEC_E_OK');
    appData.fill(0);
    const { value } = await sspi.queryContextAttributes({ context, attribute });
    expect(textOf(present(value).appData)).toBe('of the application');
  });

  test.each(['Schannel', 'CREDSSP'] as const)(
    'L7, Q3: %s: KEYING_MATERIAL is what KEYING_MATERIAL_INFO asked for',
    async (name) => {
      const { sspi, client, server } = await established(name);
      const value = { label: 'EXPORTER-test', contextValue: ascii('context'), length: 24 };
      const derived: (Uint8Array | undefined)[] = [];
      for (const context of [client, server]) {
        const before = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.KEYING_MATERIAL });
        expect(before.value?.keyingMaterial).toBeUndefined();
        const attribute = SECPKG_ATTR.KEYING_MATERIAL_INFO;
        expect(named(await sspi.setContextAttributes({ context, attribute, value }))).toBe('SEC_E_OK');
        const after = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.KEYING_MATERIAL });
        derived.push(after.value?.keyingMaterial);
      }
      // What makes it keying material: both sides have it, and nobody else can.
      expect(derived[0]).toHaveLength(24);
      expect(derived[0]).toEqual(derived[1]);
      expect(new Set(derived[0]).size).toBeGreaterThan(4);
    },
  );

  test('L7: other attributes, other packages, and values that are none', async () => {
    const { sspi, client: context } = await established('CREDSSP');
    const set = async (attribute: number, value: unknown): Promise<string> =>
      named(await sspi.setContextAttributes(forged({ context, attribute, value })));
    for (const attribute of [101, 105, 34, 0, 4, 0x80000086, -1, 1.5])
      expect(await set(attribute, { appData: ascii('x') })).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    for (const value of [undefined, null, 7, {}, { appData: 'text' }])
      expect(await set(94, value)).toBe('SEC_E_INVALID_PARAMETER');
    for (const value of [{}, { label: '', length: 1 }, { label: 'x', length: 0 }, { label: 'x', length: 1e9 }])
      expect(await set(106, value)).toBe('SEC_E_INVALID_PARAMETER');
    const ntlm = await established('NTLM');
    const appData = { context: ntlm.client, attribute: SECPKG_ATTR.APP_DATA, value: { appData: ascii('x') } };
    expect(named(await ntlm.sspi.setContextAttributes(appData))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    expect(named(await sspi.setContextAttributes({ ...appData, context: ntlm.client }))).toBe('SEC_E_INVALID_HANDLE');
  });
});

describe('QueryCredentialsAttributes and SetCredentialsAttributes', () => {
  test.each([
    [{ domain: 'CORP', user: 'bob' }, 'CORP\\bob'],
    [{ user: 'bob@corp.example' }, 'bob@corp.example'],
    [{ user: 'CORP\\bob' }, 'CORP\\bob'],
  ])('L8: NAMES of %j', async (who, userName) => {
    const sspi = table();
    const identity = { kind: 'identity', password: 'x', ...who } as const;
    for (const name of ['NTLM', 'Negotiate', 'CREDSSP'] as const) {
      const credential = await outbound(sspi, name, { identity });
      const result = await sspi.queryCredentialsAttributes({ credential, attribute: SECPKG_CRED_ATTR.NAMES });
      expect(result).toEqual({ status: 0, value: { userName } });
    }
  });

  test('L8: CERT is the certificate, in octets of the caller’s own', async () => {
    const sspi = table();
    const [, base64 = ''] = /CERTIFICATE-----([^-]+)-----/.exec(certificates.ec.certificate) ?? [];
    for (const name of ['Schannel', 'CREDSSP'] as const) {
      const credential = await inbound(sspi, name);
      for (let turn = 0; turn < 2; turn++) {
        const { value } = await sspi.queryCredentialsAttributes({ credential, attribute: SECPKG_CRED_ATTR.CERT });
        expect(Buffer.from(present(value).certificate)).toEqual(Buffer.from(base64, 'base64'));
        value?.certificate.fill(0);
      }
      const without = await outbound(sspi, name);
      const none = await sspi.queryCredentialsAttributes({ credential: without, attribute: SECPKG_CRED_ATTR.CERT });
      expect(named(none)).toBe('SEC_E_NO_CREDENTIALS');
    }
  });

  test.each([
    [undefined, SECPKG_CRED.OUTBOUND, 0x800 | 0x2000],
    [undefined, SECPKG_CRED.INBOUND, 0x400 | 0x1000],
    [undefined, SECPKG_CRED.BOTH, 0x800 | 0x2000 | 0x400 | 0x1000],
    [0x800, SECPKG_CRED.OUTBOUND, 0x800],
    [0x80 | 0x200 | 0x800, SECPKG_CRED.OUTBOUND, 0x80 | 0x200 | 0x800],
    [0x3000, SECPKG_CRED.INBOUND, 0x1000],
  ])('L8, A26: grbitEnabledProtocols %s with use %i speaks 0x%i', async (enabledProtocols, use, protocols) => {
    const sspi = table();
    const result = await sspi.acquireCredentialsHandle({
      package: 'Schannel',
      credentialUse: use,
      authData: { kind: 'schannel', certificates: [certificates.ec], enabledProtocols },
    });
    const credential = present(result.credential, result.status);
    const { value } = await sspi.queryCredentialsAttributes({
      credential,
      attribute: SECPKG_CRED_ATTR.SUPPORTED_PROTOCOLS,
    });
    expect(value).toEqual({ protocols });
    const algorithms = await sspi.queryCredentialsAttributes({ credential, attribute: 0x56 });
    // ALG_ID of AES-128, AES-256 and ephemeral ECDH (wincrypt.h); SHA-1 only where there is more than TLS 1.3.
    expect(algorithms.value?.algorithms).toEqual(expect.arrayContaining([0x660e, 0x6610, 0xae06]));
    expect(algorithms.value?.algorithms.includes(0x8004)).toBe((protocols & 0xfff) !== 0);
    const strengths = await sspi.queryCredentialsAttributes({ credential, attribute: 0x57 });
    expect(strengths.value).toEqual({ minimum: 128, maximum: 256 });
  });

  test('L8: what a package does not know is SEC_E_UNSUPPORTED_FUNCTION, a freed handle SEC_E_INVALID_HANDLE', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'NTLM');
    for (const attribute of [0, 2, 3, 4, 5, 0x56, 0x57, 0x58, 99])
      expect(named(await sspi.queryCredentialsAttributes({ credential, attribute }))).toBe(
        'SEC_E_UNSUPPORTED_FUNCTION',
      );
    const server = await inbound(sspi, 'NTLM');
    const names = await sspi.queryCredentialsAttributes({ credential: server, attribute: SECPKG_CRED_ATTR.NAMES });
    expect(named(names)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    await sspi.freeCredentialsHandle({ credential });
    const freed = await sspi.queryCredentialsAttributes({ credential, attribute: SECPKG_CRED_ATTR.NAMES });
    expect(named(freed)).toBe('SEC_E_INVALID_HANDLE');
  });

  test('L8: KDC_PROXY_SETTINGS reach a package that has KDCs, and can be read back', async () => {
    const settings: unknown[] = [];
    const toy = tokenPackage();
    const sspi = createSspi({
      packages: [
        {
          ...toy,
          acquire: async (request) => ({
            ...(await toy.acquire(request)),
            setKdcProxy: (given) => void settings.push(given),
          }),
        },
      ],
      host: systemHost,
    });
    const { credential } = await sspi.acquireCredentialsHandle({ package: 'TOKENS', credentialUse: 2 });
    const handle = present(credential);
    const attribute = SECPKG_CRED_ATTR.KDC_PROXY_SETTINGS;
    const value = { proxyServer: 'https://kdc.example.com/KdcProxy' };
    expect(named(await sspi.queryCredentialsAttributes({ credential: handle, attribute }))).toBe(
      'SEC_E_UNSUPPORTED_FUNCTION',
    );
    expect(named(await sspi.setCredentialsAttributes({ credential: handle, attribute, value }))).toBe('SEC_E_OK');
    const expected = { version: 1, flags: 0, proxyServer: ['https://kdc.example.com/KdcProxy'] };
    expect(settings).toEqual([expected]);
    const read = await sspi.queryCredentialsAttributes({ credential: handle, attribute });
    expect(read.value).toEqual(expected);
    for (const bad of [
      { proxyServer: 'http://kdc.example.com' },
      { proxyServer: [] },
      { proxyServer: 'kdc.example.com' },
      { version: 2, ...value },
      { flags: 2, ...value },
      null,
    ]) {
      const refused = await sspi.setCredentialsAttributes(forged({ credential: handle, attribute, value: bad }));
      expect(named(refused)).toBe('SEC_E_INVALID_PARAMETER');
    }
    expect(settings).toHaveLength(1);
  });

  test('L8, Z11: packages without KDCs do not take proxies, and no package takes the other attributes', async () => {
    const sspi = table();
    const value = { proxyServer: 'https://kdc.example.com/KdcProxy' };
    for (const name of ['NTLM', 'Schannel'] as const) {
      const credential = await outbound(sspi, name);
      const attribute = SECPKG_CRED_ATTR.KDC_PROXY_SETTINGS;
      const result = await sspi.setCredentialsAttributes({ credential, attribute, value });
      expect(named(result)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
      const bypass = await sspi.setCredentialsAttributes(forged({ credential, attribute: 5, value: { bypass: true } }));
      expect(named(bypass)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    }
  });
});

describe('AddCredentials', () => {
  test('L9: Negotiate takes the credential of a mechanism, and contexts started afterwards use it', async () => {
    const sspi = table();
    const wrong = { ...IDENTITY, password: 'WrongPass1!' };
    const credential = await outbound(sspi, 'Negotiate', { identity: wrong });
    const serverCredential = await inbound(sspi, 'Negotiate');
    await expect(
      pair(sspi, 'Negotiate', { clientCredential: credential, serverCredential, contextReq: PROTECTED }),
    ).rejects.toThrow('LOGON_DENIED');
    const added = await sspi.addCredentials({
      credential,
      package: 'ntlm',
      credentialUse: SECPKG_CRED.OUTBOUND,
      authData: IDENTITY,
    });
    expect(named(added)).toBe('SEC_E_OK');
    expect(added.expiry).toBe(0x7fffffffffffffffn);
    const options = { clientCredential: credential, serverCredential, contextReq: PROTECTED };
    const { server } = await pair(sspi, 'Negotiate', options);
    expect((await sspi.querySecurityContextToken({ context: server })).token?.name).toBe('EXAMPLE\\alice');
  });

  test('L9, A14: a context under way goes on with what it began with', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'Negotiate');
    const serverCredential = await inbound(sspi, 'Negotiate');
    let client = await initiate(sspi, { credential, contextReq: PROTECTED });
    const wrong = { ...IDENTITY, password: 'WrongPass1!' };
    await sspi.addCredentials({ credential, package: 'NTLM', credentialUse: 2, authData: wrong });
    await sspi.freeCredentialsHandle({ credential });
    let server = await accept(sspi, { credential: serverCredential, input: client.token });
    while (named(server.result) === 'SEC_I_CONTINUE_NEEDED') {
      client = await initiate(sspi, { context: client.context, input: server.token, contextReq: PROTECTED });
      server = await accept(sspi, { context: server.context, input: client.token });
    }
    expect(named(server.result)).toBe('SEC_E_OK');
  });

  test.each([SECPKG_CRED.INBOUND, SECPKG_CRED.BOTH])(
    'L9, Z11: accounts that are added for use %i take nothing away from the client, and make a server of the handle as well',
    async (credentialUse) => {
      const sspi = table();
      const credential = await outbound(sspi, 'Negotiate');
      await expect(accept(sspi, { credential, input: ascii('token') })).rejects.toThrow('SEC_E_NO_CREDENTIALS');
      const added = await sspi.addCredentials({ credential, package: 'NTLM', credentialUse, authData: ACCEPTOR });
      expect(named(added)).toBe('SEC_E_OK');
      const roles = [
        { clientCredential: credential, serverCredential: await inbound(sspi, 'Negotiate') },
        { clientCredential: await outbound(sspi, 'Negotiate'), serverCredential: credential },
        { clientCredential: credential, serverCredential: credential },
      ];
      for (const credentials of roles) {
        const ends = await pair(sspi, 'Negotiate', { ...credentials, contextReq: PROTECTED });
        expect((await sspi.querySecurityContextToken({ context: ends.server })).token?.name).toBe('EXAMPLE\\alice');
      }
    },
  );

  test('L9, Z11: the credentials of a client, likewise, take nothing away from the server', async () => {
    const sspi = table();
    const credential = await inbound(sspi, 'Negotiate');
    const add = { credential, package: 'NTLM', credentialUse: SECPKG_CRED.OUTBOUND, authData: IDENTITY };
    expect(named(await sspi.addCredentials(add))).toBe('SEC_E_OK');
    const options = { clientCredential: credential, serverCredential: credential, contextReq: PROTECTED };
    const { server } = await pair(sspi, 'Negotiate', options);
    expect((await sspi.querySecurityContextToken({ context: server })).token?.name).toBe('EXAMPLE\\alice');
  });

  test('L9, Z11: a handle becomes nobody, or somebody, as the credential that is added says', async () => {
    const sspi = table();
    const acceptor = { ...ACCEPTOR, allowAnonymous: true };
    const serverCredential = await inbound(sspi, 'Negotiate', { identity: acceptor });
    const credential = await outbound(sspi, 'Negotiate');
    const nameAfter = async (authData: library.AuthData, contextReq: number): Promise<string | undefined> => {
      const add = { credential, package: 'NTLM', credentialUse: SECPKG_CRED.OUTBOUND, authData };
      expect(named(await sspi.addCredentials(add))).toBe('SEC_E_OK');
      const { server } = await pair(sspi, 'Negotiate', { clientCredential: credential, serverCredential, contextReq });
      return (await sspi.querySecurityContextToken({ context: server })).token?.name;
    };
    expect(await nameAfter({ kind: 'anonymous' }, 0)).toBe('NT AUTHORITY\\ANONYMOUS LOGON');
    expect(await nameAfter(IDENTITY, PROTECTED)).toBe('EXAMPLE\\alice');
  });

  test('L9: the marshalled form, and mistakes', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'Negotiate');
    const add = async (more: object): Promise<string> =>
      named(
        await sspi.addCredentials(
          forged({ credential, package: 'NTLM', credentialUse: 2, authData: IDENTITY, ...more }),
        ),
      );
    expect(await add({ authData: library.encodeAuthIdentity(IDENTITY) })).toBe('SEC_E_OK');
    expect(await add({ package: 'Digest' })).toBe('SEC_E_SECPKG_NOT_FOUND');
    expect(await add({ package: 7 })).toBe('SEC_E_SECPKG_NOT_FOUND');
    expect(await add({ credentialUse: 0x80000002 })).toBe('SEC_E_INVALID_PARAMETER');
    expect(await add({ authData: { kind: 'nonsense' } })).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    expect(await add({ authData: null })).toBe('SEC_E_NO_CREDENTIALS');
    expect(await add({ credential: {} })).toBe('SEC_E_INVALID_HANDLE');
    expect(await add({ principal: 'alice' })).toBe('SEC_E_OK');
    expect(await add({ principal: 'bob' })).toBe('SEC_E_NO_CREDENTIALS');
    expect(await add({ principal: 7 })).toBe('SEC_E_INVALID_PARAMETER');
    expect(await add({ credentialUse: 0x22 })).toBe('SEC_E_NO_CREDENTIALS');
  });

  test.each(['NTLM', 'Schannel', 'CREDSSP'] as const)('L9: %s does not do that', async (name) => {
    const sspi = table();
    const credential = await outbound(sspi, name);
    const result = await sspi.addCredentials({ credential, package: 'NTLM', credentialUse: 2, authData: IDENTITY });
    expect(named(result)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  });
});

describe('ChangeAccountPassword', () => {
  const CHANGE = {
    packageName: 'AUTHORITY',
    domainName: 'EXAMPLE',
    accountName: 'alice',
    oldPassword: 'old',
    newPassword: 'new',
  };

  function authority(changePassword: NonNullable<library.SecurityPackage['changePassword']>): Sspi {
    return createSspi({
      packages: [{ ...scriptedPackage({ name: 'AUTHORITY' }), changePassword }],
      host: systemHost,
    });
  }

  test('L10: a package that knows an authority is given names and passwords, which are wiped afterwards', async () => {
    let seen: (Omit<PasswordChange, 'host'> & { readonly texts: readonly string[] }) | undefined;
    const sspi = authority(async ({ host, ...request }) => {
      const read = (secret: Secret): string => new TextDecoder('utf-16le').decode(secret.reveal());
      seen = { ...request, texts: [read(request.oldPassword), read(request.newPassword)] };
      expect(host).toBe(systemHost);
      return { kind: 'changed' };
    });
    const response = secBuffer(SECBUFFER.CHANGE_PASS_RESPONSE, new Uint8Array(24));
    const result = await sspi.changeAccountPassword({ ...CHANGE, output: desc(response) });
    expect([named(result), response.count]).toEqual(['SEC_E_OK', 0]);
    expect(seen).toMatchObject({ domain: 'EXAMPLE', user: 'alice', texts: ['old', 'new'] });
    expect([seen?.oldPassword.disposed, seen?.newPassword.disposed]).toEqual([true, true]);
    const own = Secret.fromText('own');
    await sspi.changeAccountPassword({ ...CHANGE, newPassword: own });
    expect(own.disposed).toBe(false);
  });

  test('L10: what the policy of the domain demands comes as DOMAIN_PASSWORD_INFORMATION', async () => {
    const policy = {
      minPasswordLength: 7,
      passwordHistoryLength: 24,
      passwordProperties: 1,
      maxPasswordAge: -36_288_000_000_000n, // 42 days
      minPasswordAge: -864_000_000_000n, // one day
    };
    const sspi = authority(async () => ({ kind: 'refused', policy }));
    const response = secBuffer(SECBUFFER.CHANGE_PASS_RESPONSE, new Uint8Array(40));
    const result = await sspi.changeAccountPassword({ ...CHANGE, output: desc(response) });
    expect(named(result)).toBe('SEC_E_LOGON_DENIED');
    expect(result.error).toMatchObject({ code: 'PASSWORD_CHANGE_REFUSED', ntStatus: 0xc000006c });
    // u16 7, u16 24, u32 1; the negatives of 0x2100f5598000 and 0xc92a69c000 in two's complement; all little-endian.
    expect(Buffer.from(contentOf(response)).toString('hex')).toBe(
      `${'0700'}${'1800'}${'01000000'}${'0080a60affdeffff'}${'004096d536ffffff'}`,
    );
    const small = secBuffer(SECBUFFER.CHANGE_PASS_RESPONSE, new Uint8Array(23));
    const tooSmall = await sspi.changeAccountPassword({ ...CHANGE, output: desc(small) });
    expect([named(tooSmall), small.count]).toEqual(['SEC_E_BUFFER_TOO_SMALL', 24]);
    expect(named(await sspi.changeAccountPassword(CHANGE))).toBe('SEC_E_LOGON_DENIED');
  });

  test('L10: what the package throws comes out as its status; mistakes never reach it', async () => {
    const changePassword = vi.fn(async () => {
      throw new SspiError('NO_AUTHENTICATING_AUTHORITY', { stage: 'kpasswd' });
    });
    const sspi = authority(changePassword);
    expect(named(await sspi.changeAccountPassword(CHANGE))).toBe('SEC_E_NO_AUTHENTICATING_AUTHORITY');
    for (const more of [
      { reserved: 1 },
      { accountName: 7 },
      { domainName: 'a\0b' },
      { newPassword: null },
      { oldPassword: undefined },
    ]) {
      const result = await sspi.changeAccountPassword(forged({ ...CHANGE, ...more }));
      expect(named(result)).toBe('SEC_E_INVALID_PARAMETER');
    }
    expect(changePassword).toHaveBeenCalledTimes(1);
  });

  test.each(['NTLM', 'Schannel', 'CREDSSP'])('L10, Z11: %s does not do that, and says so', async (packageName) => {
    expect(named(await table().changeAccountPassword({ ...CHANGE, packageName }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    const unknown = await table().changeAccountPassword({ ...CHANGE, packageName: 'Digest' });
    expect(named(unknown)).toBe('SEC_E_SECPKG_NOT_FOUND');
  });
});

describe('identities', () => {
  const {
    sspiCompareAuthIdentities,
    sspiCopyAuthIdentity,
    sspiEncodeAuthIdentityAsStrings,
    sspiEncodeStringsAsAuthIdentity,
    sspiExcludePackage,
    sspiFreeAuthIdentity,
    sspiGetTargetHostName,
    sspiIsAuthIdentityEncrypted,
    sspiMarshalAuthIdentity,
    sspiUnmarshalAuthIdentity,
    sspiValidateAuthIdentity,
    sspiZeroAuthIdentity,
  } = library;

  test.each([
    ['alice', 'CORP', 'AlicePass1!'],
    ['alice@corp.example', null, ''],
    [null, null, null],
    ['', '', 'pässwörd 🔑'],
  ])('A20: texts %s, %s, %s become an identity and come back', (user, domain, password) => {
    const { status, authIdentity } = sspiEncodeStringsAsAuthIdentity(user, domain, password);
    expect(statusName(status)).toBe('SEC_E_OK');
    expect(sspiEncodeAuthIdentityAsStrings(present(authIdentity))).toEqual({
      status: 0,
      userName: user,
      domainName: domain,
      packedCredentials: password,
    });
  });

  test('A22: marshalled and unmarshalled, the same identity comes out', () => {
    const { authIdentity } = sspiEncodeStringsAsAuthIdentity('alice', 'CORP', 'AlicePass1!');
    const { byteArray } = sspiMarshalAuthIdentity(present(authIdentity));
    expect([...present(byteArray).subarray(0, 6)]).toEqual([0x01, 0x02, 0, 0, 48, 0]); // version 0x201, header of 48 octets
    const { authIdentity: again } = sspiUnmarshalAuthIdentity(present(byteArray));
    expect(sspiCompareAuthIdentities(authIdentity, again)).toMatchObject({ sameSuppliedIdentity: true });
    expect(named(sspiUnmarshalAuthIdentity(present(byteArray).subarray(1)))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    expect(named(sspiUnmarshalAuthIdentity(forged('text')))).toBe('SEC_E_INVALID_PARAMETER');
  });

  test.each([
    ['the same', 'alice', 'CORP', 'one', true, true],
    ['in other letters', 'ALICE', 'corp', 'one', true, true],
    ['another password', 'alice', 'CORP', 'two', true, false],
    ['no password', 'alice', 'CORP', null, true, false],
    ['another user', 'bob', 'CORP', 'one', false, false],
    ['no domain', 'alice', null, 'one', false, false],
  ])('A20: compared with %s', (_, user, domain, password, sameSuppliedUser, sameSuppliedIdentity) => {
    const { authIdentity: one } = sspiEncodeStringsAsAuthIdentity('alice', 'CORP', 'one');
    const { authIdentity: other } = sspiEncodeStringsAsAuthIdentity(user, domain, password);
    const expected = { status: 0, sameSuppliedUser, sameSuppliedIdentity };
    expect(sspiCompareAuthIdentities(one, other)).toEqual(expected);
    expect(sspiCompareAuthIdentities(other, one)).toEqual(expected);
  });

  test('A20: nothing is the same as nothing, and as nothing else', () => {
    const { authIdentity } = sspiEncodeStringsAsAuthIdentity('alice', null, null);
    expect(sspiCompareAuthIdentities(null, null)).toMatchObject({ sameSuppliedUser: true, sameSuppliedIdentity: true });
    expect(sspiCompareAuthIdentities(null, authIdentity)).toMatchObject({ sameSuppliedUser: false });
  });

  test('Z11: a copy has a life of its own; zeroing overwrites, and says so when it cannot', () => {
    const { authIdentity } = sspiEncodeStringsAsAuthIdentity('alice', 'CORP', 'AlicePass1!');
    const original = present(authIdentity);
    const copy = present(sspiCopyAuthIdentity(original).authIdentity);
    const { password } = original;
    if (!(password instanceof Secret)) throw new TypeError('the password is a Secret');
    const octets = password.reveal();
    expect(named(sspiZeroAuthIdentity(original))).toBe('SEC_E_OK');
    expect(octets.every((octet) => octet === 0)).toBe(true);
    expect(sspiEncodeAuthIdentityAsStrings(copy).packedCredentials).toBe('AlicePass1!');
    expect(named(sspiFreeAuthIdentity(copy))).toBe('SEC_E_OK');
    expect(named(sspiEncodeAuthIdentityAsStrings(copy))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    expect(named(sspiZeroAuthIdentity(null))).toBe('SEC_E_OK');
    for (const nothing of [undefined, 7, {}, { kind: 'anonymous' }])
      expect(named(sspiZeroAuthIdentity(forged(nothing)))).toBe('SEC_E_INVALID_PARAMETER');
    expect(named(sspiZeroAuthIdentity({ kind: 'identity', password: 'text' }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  });

  test('A12, A20: validation, encryption, host names', () => {
    const { ANSI, UNICODE, SYSTEM_ENCRYPTED } = AUTH_IDENTITY;
    expect(named(sspiValidateAuthIdentity(IDENTITY))).toBe('SEC_E_OK');
    expect(named(sspiValidateAuthIdentity({ ...IDENTITY, flags: ANSI | UNICODE }))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    expect(named(sspiValidateAuthIdentity(forged(null)))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    expect(named(sspiMarshalAuthIdentity(forged({ kind: 'anonymous' })))).toBe('SEC_E_UNKNOWN_CREDENTIALS');
    expect(sspiIsAuthIdentityEncrypted(IDENTITY)).toBe(false);
    expect(sspiIsAuthIdentityEncrypted({ ...IDENTITY, flags: SYSTEM_ENCRYPTED })).toBe(true);
    expect(sspiGetTargetHostName('TERMSRV/host.example.com:3389')).toEqual({ status: 0, hostName: 'host.example.com' });
    expect(named(sspiGetTargetHostName('TERMSRV/'))).toBe('SEC_E_TARGET_UNKNOWN');
  });

  test('A21: a package that is excluded is not used', async () => {
    const { authIdentity } = sspiExcludePackage(IDENTITY, 'ntlm');
    expect(present(authIdentity).packageList).toBe('!ntlm');
    const both = sspiExcludePackage(present(authIdentity), 'kerberos');
    expect(present(both.authIdentity).packageList).toBe('!ntlm,!kerberos');
    const sspi = createSspi({ packages: [negotiatePackage, ntlmPackage], host: systemHost });
    const acquired = await sspi.acquireCredentialsHandle({
      package: 'Negotiate',
      credentialUse: 2,
      authData: present(both.authIdentity),
    });
    expect(named(acquired)).toBe('SEC_E_NO_CREDENTIALS');
    expect(named(sspiExcludePackage(IDENTITY, 'a,b'))).toBe('SEC_E_INVALID_PARAMETER');
  });
});

describe('every function', () => {
  test('L1, Z10: refuses handles that were never any, without an exception', async () => {
    const sspi = door(tokenPackage());
    const nothing = [undefined, null, 0, 'text', {}, []];
    for (const handle of nothing) {
      const context = forged<library.CtxtHandle>(handle);
      const credential = forged<library.CredHandle>(handle);
      const token = desc(secBuffer(SECBUFFER.TOKEN, shutdownToken()));
      const run = (): undefined => undefined;
      for (const result of [
        await sspi.applyControlToken({ context, input: token }),
        await sspi.impersonateSecurityContext({ context, run }),
        await sspi.revertSecurityContext({ context }),
        await sspi.querySecurityContextToken({ context }),
        await sspi.exportSecurityContext({ context, key: new Uint8Array(32) }),
        await sspi.setContextAttributes({ context, attribute: 0x5e, value: { appData: ascii('x') } }),
        await sspi.queryContextAttributesEx({ context, attribute: 0, size: 16 }),
        await sspi.queryCredentialsAttributes({ credential, attribute: 1 }),
        await sspi.setCredentialsAttributes({ credential, attribute: 3, value: { proxyServer: 'https://x' } }),
        await sspi.addCredentials({ credential, package: 'NTLM', credentialUse: 2 }),
      ])
        expect(named(result)).toBe('SEC_E_INVALID_HANDLE');
    }
    const calls: readonly ((parameters: never) => Promise<{ readonly status: number }>)[] = [
      sspi.applyControlToken,
      sspi.impersonateSecurityContext,
      sspi.revertSecurityContext,
      sspi.querySecurityContextToken,
      sspi.exportSecurityContext,
      sspi.importSecurityContext,
      sspi.setContextAttributes,
      sspi.queryContextAttributesEx,
      sspi.queryCredentialsAttributes,
      sspi.queryCredentialsAttributesEx,
      sspi.setCredentialsAttributes,
      sspi.addCredentials,
      sspi.changeAccountPassword,
    ];
    for (const call of calls)
      for (const parameters of nothing) {
        const { status } = await call(forged<never>(parameters));
        expect(status).toBeGreaterThan(0x80000000);
      }
  });

  test.each(PACKAGES)('M13, M3: %s: pfQOP is 0, for there is no other quality of protection', async (name) => {
    const { sspi, client, server } = await established(name);
    if (name === 'Schannel' || name === 'CREDSSP') {
      const message = opening(await sealed(sspi, client, ascii('data')));
      expect(await sspi.decryptMessage({ context: server, message: desc(...message) })).toEqual({ status: 0, qop: 0 });
      return;
    }
    const [token, data] = [secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('data'))];
    expect(named(await sspi.encryptMessage({ context: client, message: desc(token, data) }))).toBe('SEC_E_OK');
    expect(await sspi.decryptMessage({ context: server, message: desc(token, data) })).toEqual({ status: 0, qop: 0 });
    const signature = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('signed')));
    expect(named(await sspi.makeSignature({ context: client, message: signature }))).toBe('SEC_E_OK');
    expect(await sspi.verifySignature({ context: server, message: signature })).toEqual({ status: 0, qop: 0 });
  });
});
