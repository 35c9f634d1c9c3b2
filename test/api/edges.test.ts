/** What the functions do at the edges: messages under way, buffers that just fit or just do not, octets that have to be gone afterwards. */
import { describe, expect, test, vi } from 'vitest';
import {
  sspiCompareAuthIdentities,
  sspiExcludePackage,
  sspiGetTargetHostName,
} from '../../src/api/auth-identity-functions.ts';
import { type AddCredentialsParameters, type CtxtHandle, createSspi, type Sspi } from '../../src/api/index.ts';
import { systemHost } from '../../src/host/index.ts';
import {
  type AuthData,
  contentOf,
  encodeAuthIdentity,
  ISC_REQ,
  type PasswordChange,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  SECPKG_CRED_ATTR,
  Secret,
  type SecurityPackage,
  SspiError,
  type StreamProtection,
  secBuffer,
} from '../../src/sspi/index.ts';
import { hex } from '../support/vectors.ts';
import { accept, credentialOf, desc, door, forged, initiate, named, pair, present, received, room } from './door.ts';
import { ascii, recordPackage, streamProtection, textOf, tokenPackage, tokenProtection } from './toys.ts';

const KEY = new Uint8Array(32).fill(9);

/** Something that a test lets go on when it likes. */
function gate(): { readonly open: () => void; readonly passed: Promise<void> } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), passed };
}

/** A server's context over records, with a protection that a test makes. */
async function channel(overrides: Partial<StreamProtection>): Promise<{ sspi: Sspi; context: CtxtHandle }> {
  const toy = recordPackage({
    async *accept() {
      yield* []; // over with the first step
      return { flags: 0, messages: streamProtection(overrides) };
    },
  });
  const sspi = door(toy);
  const input = hex('1603030000');
  return { sspi, context: (await accept(sspi, { credential: await credentialOf(sspi, 'RECORDS'), input })).context };
}

const opening = (octets: Uint8Array) => [
  secBuffer(SECBUFFER.DATA, octets),
  secBuffer(SECBUFFER.EMPTY),
  secBuffer(SECBUFFER.EMPTY),
  secBuffer(SECBUFFER.EMPTY),
];

describe('L6: a context on its way elsewhere', () => {
  /** A package whose contexts move, and what was handed to it and taken from it. */
  function moving(): {
    toy: SecurityPackage;
    exported: Uint8Array[];
    imported: Uint8Array[];
  } {
    const [exported, imported]: [Uint8Array[], Uint8Array[]] = [[], []];
    const toy: SecurityPackage = {
      ...tokenPackage(),
      exportContext() {
        const state = ascii('state in the clear');
        exported.push(state);
        return state;
      },
      async importContext(state) {
        imported.push(state);
        expect(textOf(state)).toBe('state in the clear');
        throw new SspiError('MALFORMED_TOKEN', { stage: 'toy' });
      },
    };
    return { toy, exported, imported };
  }

  test('the state that was in the clear is gone on both sides, also when nothing came of it', async () => {
    const { toy, exported, imported } = moving();
    const sspi = door(toy);
    const { client, server } = await pair(sspi, 'TOKENS');
    const refused = await sspi.exportSecurityContext({ context: server, key: new Uint8Array(31) });
    expect(named(refused)).toBe('SEC_E_INVALID_PARAMETER');
    const { packedContext } = await sspi.exportSecurityContext({ context: client, key: KEY });
    expect(exported.map((state) => [...state])).toEqual([new Array(18).fill(0), new Array(18).fill(0)]);

    const result = await sspi.importSecurityContext({
      package: 'TOKENS',
      packedContext: present(packedContext),
      key: KEY,
    });
    expect([named(result), result.context]).toEqual(['SEC_E_INVALID_TOKEN', null]);
    expect(imported.map((state) => [...state])).toEqual([new Array(18).fill(0)]);
    // The one that was refused is still here, the one that was packed is not.
    const message = () => desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('x')));
    expect(named(await sspi.encryptMessage({ context: server, message: message() }))).toBe('SEC_E_OK');
    const gone = await sspi.encryptMessage({ context: client, message: message() });
    expect([named(gone), gone.error?.stage]).toEqual(['SEC_E_CONTEXT_EXPIRED', 'ExportSecurityContext']);
  });

  test.each(['encrypt', 'decrypt'] as const)('not while a message is under way: %s', async (kind) => {
    const slow = gate();
    const plain = streamProtection();
    const toy = recordPackage({
      async *accept() {
        const messages = streamProtection({
          async [kind](octets: Uint8Array): Promise<never> {
            await slow.passed;
            return forged(await plain[kind](octets));
          },
        });
        return { flags: 0, messages };
      },
    });
    const sspi = door({ ...toy, exportContext: () => ascii('state') });
    const credential = await credentialOf(sspi, 'RECORDS');
    const { context } = await accept(sspi, { credential, input: hex('1603030000') });
    const record = await plain.encrypt(ascii('data'));
    const sealing = desc(
      secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(5)),
      secBuffer(SECBUFFER.DATA, ascii('data')),
      secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(4)),
      secBuffer(SECBUFFER.EMPTY),
    );
    const under =
      kind === 'encrypt'
        ? sspi.encryptMessage({ context, message: sealing })
        : sspi.decryptMessage({ context, message: desc(...opening(record)) });
    const busy = await sspi.exportSecurityContext({ context, key: KEY });
    expect([busy.error?.code, busy.error?.stage, busy.packedContext]).toEqual([
      'CONTEXT_BUSY',
      'ExportSecurityContext',
      null,
    ]);
    // M12: nor a second one of its kind.
    const second =
      kind === 'encrypt'
        ? await sspi.encryptMessage({ context, message: sealing })
        : await sspi.decryptMessage({ context, message: desc(...opening(record)) });
    expect([second.error?.code, second.error?.stage]).toEqual(['CONTEXT_BUSY', `${kind} message`]);
    slow.open();
    expect(named(await under)).toBe('SEC_E_OK');
    expect(named(await sspi.exportSecurityContext({ context, key: KEY }))).toBe('SEC_E_OK');
  });
});

describe('L10: ChangeAccountPassword', () => {
  function authority(refuse: boolean): { sspi: Sspi; asked: PasswordChange[] } {
    const asked: PasswordChange[] = [];
    const toy: SecurityPackage = {
      ...tokenPackage(),
      async changePassword(request) {
        asked.push(request);
        const { oldPassword, newPassword } = request;
        expect([oldPassword, newPassword].map((secret) => Buffer.from(secret.reveal()).toString('utf16le'))).toEqual([
          'old',
          'new',
        ]);
        if (!refuse) return { kind: 'changed' };
        const policy = { minPasswordLength: 7, passwordHistoryLength: 24, passwordProperties: 1 };
        return { kind: 'refused', policy: { ...policy, maxPasswordAge: -2n, minPasswordAge: -1n } };
      },
    };
    return { sspi: door(toy), asked };
  }
  const change = {
    packageName: 'tokens',
    domainName: 'CORP',
    accountName: 'alice',
    oldPassword: 'old',
    newPassword: 'new',
  };

  test('changed: SEC_E_OK, nothing in the buffer, and the copies of the passwords are gone', async () => {
    for (const response of [undefined, secBuffer(SECBUFFER.CHANGE_PASS_RESPONSE, new Uint8Array(24))]) {
      const { sspi, asked } = authority(false);
      const output = response === undefined ? undefined : desc(response);
      expect(named(await sspi.changeAccountPassword({ ...change, output }))).toBe('SEC_E_OK');
      expect(response?.count ?? 0).toBe(0);
      expect(asked).toMatchObject([{ domain: 'CORP', user: 'alice' }]);
      expect(asked.map((one) => [one.oldPassword.disposed, one.newPassword.disposed])).toEqual([[true, true]]);
    }
  });

  test('a Secret of the caller’s stays the caller’s, and one that is gone is refused', async () => {
    const { sspi, asked } = authority(false);
    const oldPassword = Secret.fromText('old');
    expect(named(await sspi.changeAccountPassword({ ...change, oldPassword }))).toBe('SEC_E_OK');
    expect(oldPassword.disposed).toBe(false);
    oldPassword.dispose();
    const refused = await sspi.changeAccountPassword({ ...change, oldPassword });
    expect([named(refused), refused.error?.stage, asked.length]).toEqual(['SEC_E_INVALID_PARAMETER', 'password', 1]);
  });

  test('refused: DOMAIN_PASSWORD_INFORMATION says what would be good enough, in little-endian order', async () => {
    const { sspi } = authority(true);
    const response = secBuffer(SECBUFFER.CHANGE_PASS_RESPONSE, new Uint8Array(30));
    const refused = await sspi.changeAccountPassword({ ...change, output: desc(response) });
    expect(refused.error).toMatchObject({ code: 'PASSWORD_CHANGE_REFUSED', stage: 'ChangeAccountPassword' });
    expect(refused.error?.ntStatus).toBe(0xc000006c);
    expect(contentOf(response)).toEqual(hex('0700 1800 01000000 feffffffffffffff ffffffffffffffff'));
    expect((await sspi.changeAccountPassword(change)).error?.code).toBe('PASSWORD_CHANGE_REFUSED');
  });

  test.each<[string, object, string, string]>([
    [
      'too little room',
      { output: desc(secBuffer(SECBUFFER.CHANGE_PASS_RESPONSE, new Uint8Array(23))) },
      'SEC_E_BUFFER_TOO_SMALL',
      'pOutput',
    ],
    ['a domain that is no text', { domainName: 7 }, 'SEC_E_INVALID_PARAMETER', 'pszDomainName'],
    ['a name with a NUL', { accountName: 'ali\0ce' }, 'SEC_E_INVALID_PARAMETER', 'pszAccountName'],
    ['a password that is none', { newPassword: 7 }, 'SEC_E_INVALID_PARAMETER', 'password'],
    ['dwReserved', { reserved: 1 }, 'SEC_E_INVALID_PARAMETER', 'dwReserved'],
  ])('%s: nobody is asked', async (_, more, status, stage) => {
    const { sspi, asked } = authority(false);
    const result = await sspi.changeAccountPassword(forged({ ...change, ...more }));
    expect([named(result), result.error?.stage, asked.length]).toEqual([status, stage, 0]);
  });
});

describe('L11: identities that are none', () => {
  const alice = { kind: 'identity', user: 'alice' } as const;

  test('comparing them fails, and nothing is the same then', () => {
    for (const bad of [{ kind: 'nt-hash' }, 7, { ...alice, user: 7 }]) {
      const result = sspiCompareAuthIdentities(alice, forged(bad));
      expect(named(result)).toBe('SEC_E_UNKNOWN_CREDENTIALS');
      expect([result.sameSuppliedUser, result.sameSuppliedIdentity]).toEqual([false, false]);
    }
  });

  test('neither is a package excluded for them, nor one without a name', () => {
    const none = sspiExcludePackage(forged({ kind: 'nt-hash' }), 'ntlm');
    expect([named(none), none.authIdentity]).toEqual(['SEC_E_UNKNOWN_CREDENTIALS', null]);
    for (const name of ['', 'a b', 'a,b', '!a', 7, undefined])
      expect(named(sspiExcludePackage(alice, forged(name)))).toBe('SEC_E_INVALID_PARAMETER');
  });

  test('the host of something that is no text', () => {
    const result = sspiGetTargetHostName(forged(7));
    expect([named(result), result.error?.stage, result.hostName]).toEqual([
      'SEC_E_INVALID_PARAMETER',
      'pszTargetName',
      null,
    ]);
  });
});

describe('R39: a token that did not fit', () => {
  /** hello, then `again`, then the end. */
  const threeLegs = () =>
    tokenPackage({
      async *initiate() {
        yield { token: ascii('hello') };
        yield { token: ascii('again') };
        return { flags: 0, messages: tokenProtection() };
      },
    });

  test('is handed out for the same input or for none, also in the middle of the exchange', async () => {
    for (const input of [received(ascii('welcome')).desc, received(ascii('')).desc, undefined]) {
      const sspi = door(threeLegs());
      const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
      const small = room(4);
      const first = await sspi.initializeSecurityContext({
        context,
        input: received(ascii('welcome')).desc,
        output: small.desc,
      });
      expect([named(first), small.token.count]).toEqual(['SEC_E_BUFFER_TOO_SMALL', 5]);
      const enough = room(5);
      const second = await sspi.initializeSecurityContext({ context, input, output: enough.desc });
      expect([named(second), textOf(contentOf(enough.token))]).toEqual(['SEC_I_CONTINUE_NEEDED', 'again']);
    }
  });

  test.each(['welcomf', 'xelcome', 'welcom', 'welcome!', 'another'])('and for no other: %s', async (other) => {
    const sspi = door(threeLegs());
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    await sspi.initializeSecurityContext({ context, input: received(ascii('welcome')).desc, output: room(4).desc });
    const refused = await sspi.initializeSecurityContext({
      context,
      input: received(ascii(other)).desc,
      output: room().desc,
    });
    expect(refused.error).toMatchObject({ code: 'MESSAGE_OUT_OF_ORDER', stage: 'pInput' });
    const enough = room();
    await sspi.initializeSecurityContext({ context, output: enough.desc });
    expect(textOf(contentOf(enough.token))).toBe('again');
  });

  test('R68: a context that failed says so, whatever else is wrong with the call', async () => {
    const sspi = door(tokenPackage());
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    await initiate(sspi, { context, input: ascii('bad') });
    const calls = [{ contextReq: ISC_REQ.DATAGRAM }, { credential: forged<never>({}) }, { input: null }];
    for (const more of calls)
      expect(named(await sspi.initializeSecurityContext({ context, ...more }))).toBe('SEC_E_LOGON_DENIED');
  });
});

describe('R41: ALERT buffers', () => {
  const alert = hex('15030300020231');
  const failing = () =>
    recordPackage({
      async *accept() {
        yield* []; // over with the first step
        throw new SspiError('TLS_FAILED', { stage: 'toy', token: alert });
      },
    });

  test.each([
    ['of the right size', 2, hex('0231'), 2],
    ['larger', 3, hex('023100'), 2],
    ['too small', 1, hex('00'), 1],
  ])('%s', async (_, size, octets, count) => {
    const sspi = door(failing());
    const buffer = secBuffer(SECBUFFER.ALERT, new Uint8Array(size));
    const result = await sspi.acceptSecurityContext({
      credential: await credentialOf(sspi, 'RECORDS'),
      input: received(hex('1603030000')).desc,
      output: desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(64)), buffer),
    });
    expect(named(result)).not.toBe('SEC_E_OK');
    expect([buffer.buffer, buffer.count]).toEqual([octets, count]);
  });

  test('without one the failure is the same', async () => {
    const sspi = door(failing());
    const credential = await credentialOf(sspi, 'RECORDS');
    const { token } = room();
    const result = await sspi.acceptSecurityContext({
      credential,
      input: received(hex('1603030000')).desc,
      output: desc(token),
    });
    expect([result.error?.code, contentOf(token)]).toEqual(['TLS_FAILED', alert]);
  });
});

describe('M6: where the plaintext of a record is', () => {
  const decrypting = async (decrypt: StreamProtection['decrypt'], length = 12) => {
    const { sspi, context } = await channel({ decrypt });
    const memory = Uint8Array.from({ length: length + 8 }, (_, at) => 100 + at);
    const input = memory.subarray(4, 4 + length);
    const buffers = opening(input);
    const result = await sspi.decryptMessage({ context, message: desc(...buffers) });
    return {
      result,
      memory,
      input,
      parts: buffers.map(({ type, count, buffer }) => [type, count, buffer === null ? null : [...buffer]]),
    };
  };

  test.each([0, 5, 9])('within the record, at %i: nothing is moved', async (at) => {
    const { result, memory, parts } = await decrypting(async (input) => ({
      kind: 'data',
      plaintext: input.subarray(at, at + 3),
      consumed: 12,
    }));
    expect(named(result)).toBe('SEC_E_OK');
    const octets = Array.from({ length: 12 }, (_, index) => 104 + index);
    expect(parts).toEqual([
      [SECBUFFER.STREAM_HEADER, at, octets.slice(0, at)],
      [SECBUFFER.DATA, 3, octets.slice(at, at + 3)],
      [SECBUFFER.STREAM_TRAILER, 9 - at, octets.slice(at + 3)],
      [SECBUFFER.EMPTY, 0, null],
    ]);
    expect([...memory]).toEqual(Array.from({ length: 20 }, (_, index) => 100 + index));
  });

  test.each<[string, (input: Uint8Array) => Uint8Array]>([
    ['before it in the same memory', (input) => new Uint8Array(input.buffer, input.byteOffset - 2, 3)],
    ['reaching behind it', (input) => new Uint8Array(input.buffer, input.byteOffset + 8, 3)],
    ['elsewhere', () => ascii('abc')],
  ])('%s: it is put behind the header', async (_, where) => {
    const { parts } = await decrypting(async (input) => ({ kind: 'data', plaintext: where(input), consumed: 10 }));
    const data = parts[1]?.[2];
    expect(parts.map(([type, count]) => [type, count])).toEqual([
      [SECBUFFER.STREAM_HEADER, 5],
      [SECBUFFER.DATA, 3],
      [SECBUFFER.STREAM_TRAILER, 2],
      [SECBUFFER.EXTRA, 2],
    ]);
    const expected: Record<string, number[]> = {
      'before it in the same memory': [102, 103, 104],
      'reaching behind it': [112, 113, 114],
      elsewhere: [97, 98, 99],
    };
    expect(data).toEqual(expected[_]);
  });

  test('as long as the record, it begins where the record does; longer cannot be', async () => {
    const whole = await decrypting(async () => ({ kind: 'data', plaintext: ascii('abcdefghijkl'), consumed: 12 }));
    expect(whole.parts[1]).toEqual([SECBUFFER.DATA, 12, [...ascii('abcdefghijkl')]]);
    const longer = await decrypting(async () => ({ kind: 'data', plaintext: ascii('abcdefghijklm'), consumed: 12 }));
    expect(longer.result.error).toMatchObject({ code: 'INTERNAL_ERROR', stage: 'DecryptMessage' });
    expect([...longer.memory]).toEqual(Array.from({ length: 20 }, (_, index) => 100 + index));
  });

  test('M6: the four buffers are DATA and EMPTY; others between them stay as they are', async () => {
    const { sspi, context } = await channel({});
    const record = await streamProtection().encrypt(ascii('data'));
    const between = secBuffer(SECBUFFER.TOKEN, ascii('mine'));
    const [data, ...empty] = opening(record);
    const buffers = [present(data), between, ...empty];
    expect(named(await sspi.decryptMessage({ context, message: desc(...buffers) }))).toBe('SEC_E_OK');
    expect(between).toEqual(secBuffer(SECBUFFER.TOKEN, ascii('mine')));
    expect(buffers.map(({ type }) => type)).toEqual([
      SECBUFFER.STREAM_HEADER,
      SECBUFFER.TOKEN,
      SECBUFFER.DATA,
      SECBUFFER.STREAM_TRAILER,
      SECBUFFER.EMPTY,
    ]);
    const tooFew = [secBuffer(SECBUFFER.DATA, record), between, ...opening(record).slice(1, 3)];
    expect((await sspi.decryptMessage({ context, message: desc(...tooFew) })).error?.stage).toBe('DecryptMessage');
  });

  test('M9: a token that opens to more than it holds cannot be', async () => {
    const toy = tokenPackage({
      async *accept() {
        return { flags: 0, messages: tokenProtection({ unwrap: (token) => new Uint8Array(token.length + 1) }) };
      },
    });
    const sspi = door(toy);
    const { context } = await accept(sspi, { credential: await credentialOf(sspi, 'TOKENS'), input: ascii('x') });
    const stream = secBuffer(SECBUFFER.STREAM, ascii('token'));
    const result = await sspi.decryptMessage({ context, message: desc(stream, secBuffer(SECBUFFER.DATA, null)) });
    expect(result.error).toMatchObject({ code: 'INTERNAL_ERROR', stage: 'DecryptMessage' });
    expect(textOf(contentOf(stream))).toBe('token');
  });
});

describe('M11: what ends a stream', () => {
  test.each<[string, unknown, boolean]>([
    ['an altered message', new SspiError('MESSAGE_ALTERED', { stage: 'toy' }), true],
    ['a decrypt failure', new SspiError('DECRYPT_FAILURE', { stage: 'toy' }), true],
    ['another refusal does not', new SspiError('CONTEXT_EXPIRED', { stage: 'toy' }), false],
    ['nor a fault of the package', new RangeError('toy'), false],
  ])('%s', async (_, thrown, ends) => {
    const plain = streamProtection();
    let failures = 1;
    const { sspi, context } = await channel({
      async decrypt(input) {
        if (failures-- > 0) throw thrown;
        return plain.decrypt(input);
      },
    });
    const record = await plain.encrypt(ascii('data'));
    expect(named(await sspi.decryptMessage({ context, message: desc(...opening(record.slice())) }))).not.toBe(
      'SEC_E_OK',
    );
    const buffers = opening(record);
    const next = await sspi.decryptMessage({ context, message: desc(...buffers) });
    expect(next.error).toBe(ends ? thrown : undefined);
    expect(named(next) === 'SEC_E_OK').toBe(!ends);
  });
});

describe('L7: what keying material is derived for', () => {
  test('is kept as it was given, a copy of it, and from 1 to 255 blocks of it', async () => {
    const asked = vi.fn((_label: string, _context: Uint8Array | undefined, length: number) => new Uint8Array(length));
    const toy = recordPackage({
      attributes: ['KEYING_MATERIAL'],
      async *accept(scope) {
        scope.publish('KEYING_MATERIAL', () => ({ export: asked }));
        return { flags: 0, messages: streamProtection() };
      },
    });
    const sspi = door(toy);
    const { context } = await accept(sspi, {
      credential: await credentialOf(sspi, 'RECORDS'),
      input: hex('1603030000'),
    });
    const attribute = SECPKG_ATTR.KEYING_MATERIAL_INFO;
    const query = { context, attribute: SECPKG_ATTR.KEYING_MATERIAL };
    expect((await sspi.queryContextAttributes(query)).value?.keyingMaterial).toBeUndefined();
    expect(asked).not.toHaveBeenCalled();

    const contextValue = ascii('abc');
    const set = { context, attribute, value: { label: 'EXPORTER-x', contextValue, length: 8160 } };
    expect(named(await sspi.setContextAttributes(set))).toBe('SEC_E_OK');
    contextValue.fill(0);
    const { value } = await sspi.queryContextAttributes(query);
    expect(asked).toHaveBeenLastCalledWith('EXPORTER-x', ascii('abc'), 8160);
    const material = present(value?.keyingMaterial);
    material.fill(1);
    await sspi.freeContextBuffer({ contextBuffer: material }); // it was allocated here, and so it is overwritten
    expect(material.every((octet) => octet === 0)).toBe(true);

    const without = { context, attribute, value: { label: 'EXPORTER-y', length: 1 } };
    expect(named(await sspi.setContextAttributes(without))).toBe('SEC_E_OK');
    await sspi.queryContextAttributes(query);
    expect(asked).toHaveBeenLastCalledWith('EXPORTER-y', undefined, 1);
  });
});

describe('L8: proxies that are not to be had', () => {
  test('every address has to be one, as text, over https; flags are 0 or 1', async () => {
    const settings = vi.fn();
    const toy = tokenPackage();
    const sspi = door({
      ...toy,
      acquire: async (request) => ({ ...(await toy.acquire(request)), setKdcProxy: settings }),
    });
    const credential = await credentialOf(sspi, 'TOKENS');
    const set = async (value: unknown) =>
      sspi.setCredentialsAttributes(forged({ credential, attribute: SECPKG_CRED_ATTR.KDC_PROXY_SETTINGS, value }));
    const good = 'https://kdc.example.com/';
    for (const bad of [
      7,
      { proxyServer: [good, 'http://kdc.example.com/'] },
      { proxyServer: [good, 7] },
      { proxyServer: new URL(good) },
      { proxyServer: good, flags: 3 },
    ]) {
      const refused = await set(bad);
      expect([named(refused), refused.error?.stage]).toEqual(['SEC_E_INVALID_PARAMETER', 'KDC_PROXY_SETTINGS']);
    }
    expect(settings).not.toHaveBeenCalled();
    const result = await set({ proxyServer: [good, 'https://other.example.com/'], flags: 1 });
    expect([named(result), settings.mock.calls.length]).toEqual(['SEC_E_OK', 1]);
    expect(
      named(await sspi.setCredentialsAttributes(forged({ credential, attribute: 1, value: { proxyServer: good } }))),
    ).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  });
});

describe('R23: credentials that a call brings', () => {
  const identity = encodeAuthIdentity({ kind: 'identity', user: 'bob', domain: 'CORP', password: 'x' });
  const brought = () => desc(secBuffer(SECBUFFER.PKG_PARAMS, identity.slice()));

  test('are for the client’s side, whatever the handle is for, and their password is gone afterwards', async () => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const use = SECPKG_CRED.BOTH | SECPKG_CRED.AUTOLOGON_RESTRICTED;
    const credential = await credentialOf(sspi, 'TOKENS', use);
    const call = { credential, contextReq: ISC_REQ.USE_SUPPLIED_CREDS, input: brought(), output: room().desc };
    expect(named(await sspi.initializeSecurityContext(call))).toBe('SEC_I_CONTINUE_NEEDED');
    const supplied = present(toy.acquired[1]).request;
    expect(supplied.use).toBe(SECPKG_CRED.OUTBOUND | SECPKG_CRED.AUTOLOGON_RESTRICTED);
    const password = (data: AuthData | undefined) => (data?.kind === 'identity' ? data.password : undefined);
    const secret = password(supplied.authData);
    expect(secret instanceof Secret && secret.disposed).toBe(true);
  });

  test('are nothing to a server', async () => {
    const toy = tokenPackage();
    const sspi = door(toy);
    const credential = await credentialOf(sspi, 'TOKENS');
    const input = desc(secBuffer(SECBUFFER.TOKEN, ascii('hello')), ...brought().buffers);
    const result = await sspi.acceptSecurityContext({
      credential,
      contextReq: ISC_REQ.USE_SUPPLIED_CREDS,
      input,
      output: room().desc,
    });
    expect([named(result), toy.acquired.length]).toEqual(['SEC_I_CONTINUE_NEEDED', 1]);
  });

  test('A12: the password within marshalled credentials is gone when AcquireCredentialsHandle and AddCredentials return', async () => {
    const seen: unknown[] = [];
    const toy = tokenPackage();
    const sspi = createSspi({
      packages: [
        {
          ...toy,
          acquire: async (request) => ({
            ...(await toy.acquire(request)),
            add: async (_: string, added: typeof request) => void seen.push(added),
          }),
        },
      ],
      host: systemHost,
    });
    const acquired = await sspi.acquireCredentialsHandle({
      package: 'TOKENS',
      credentialUse: 2,
      authData: identity.slice(),
    });
    const adding: AddCredentialsParameters = {
      credential: present(acquired.credential),
      package: 'x',
      credentialUse: 2,
      principal: null,
      authData: identity.slice(),
    };
    expect(named(await sspi.addCredentials(adding))).toBe('SEC_E_OK');
    const wiped = { kind: 'identity', user: 'bob', password: expect.objectContaining({ disposed: true }) };
    expect(toy.acquired[0]?.request).toMatchObject({ principal: undefined, authData: wiped });
    expect(seen).toMatchObject([{ use: 2, principal: undefined, authData: wiped }]);
  });
});

describe('M16: the end of a channel', () => {
  test('is said once, by the call that follows; the one after that is out of sequence', async () => {
    const { sspi, context } = await channel({});
    const shutdown = desc(secBuffer(SECBUFFER.TOKEN, hex('01000000')));
    expect(named(await sspi.applyControlToken({ context, input: shutdown }))).toBe('SEC_E_OK');
    const said = await accept(sspi, { context, input: ascii('whatever') });
    expect([named(said.result), said.token]).toEqual(['SEC_E_OK', hex('15030300020100')]);
    const after = await accept(sspi, { context, input: ascii('whatever') });
    expect([named(after.result), after.token]).toEqual(['SEC_E_OUT_OF_SEQUENCE', hex('')]);
  });
});
