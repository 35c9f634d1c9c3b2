/**
 * What the functions refuse, each with the status that its page gives and with the stage, which tells callers where to look; and that
 * nothing has happened then.
 */
import { describe, expect, test } from 'vitest';
import { type CredHandle, type CtxtHandle, createSspi, type Sspi } from '../../src/api/index.ts';
import { systemHost } from '../../src/host/index.ts';
import { SECBUFFER, SECPKG_ATTR, SECPKG_CRED, secBuffer } from '../../src/sspi/index.ts';
import { credentialOf, desc, door, forged, initiate, named, pair, present, received, room } from './door.ts';
import { ascii, recordPackage, textOf, tokenPackage } from './toys.ts';

/** Calls functions with whatever a caller in JavaScript may pass. */
type Loose = Record<keyof Sspi, (parameters: unknown) => Promise<{ status: number; error?: { stage: string } }>>;

/** Everything that a call may name, of one table. */
interface There {
  readonly sspi: Sspi;
  readonly credential: CredHandle;
  readonly outbound: CredHandle;
  readonly other: CredHandle;
  readonly client: CtxtHandle;
  readonly server: CtxtHandle;
  readonly begun: CtxtHandle;
  readonly channel: CtxtHandle;
  readonly failed: CtxtHandle;
}

async function everything(): Promise<There> {
  const sspi = door(tokenPackage(), recordPackage());
  const credential = await credentialOf(sspi, 'TOKENS');
  const { client, server } = await pair(sspi, 'TOKENS');
  const { client: channel } = await pair(sspi, 'RECORDS');
  const records = await credentialOf(sspi, 'RECORDS');
  const failing = await initiate(sspi, { credential: records });
  await initiate(sspi, { context: failing.context, input: Uint8Array.of(22, 3, 3, 0, 1, 1) });
  return {
    sspi,
    credential,
    outbound: await credentialOf(sspi, 'TOKENS', SECPKG_CRED.OUTBOUND),
    other: await credentialOf(sspi, 'RECORDS'),
    client,
    server,
    begun: (await initiate(sspi, { credential })).context,
    channel,
    failed: failing.context,
  };
}

const message = () => desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(64)), secBuffer(SECBUFFER.DATA, ascii('x')));
const control = (...octets: number[]) => desc(secBuffer(SECBUFFER.TOKEN, Uint8Array.from(octets)));
const IDENTITY = { kind: 'identity', user: 'alice', domain: 'CORP', password: 'x' } as const;
const acquire = { package: 'TOKENS', credentialUse: SECPKG_CRED.OUTBOUND };
const INFO = SECPKG_ATTR.KEYING_MATERIAL_INFO;

type Row = readonly [
  what: string,
  name: keyof Sspi,
  parameters: (there: There) => object,
  status: string,
  stage: string | RegExp,
];

const ROWS: readonly Row[] = [
  [
    'a package that is not there',
    'acquireCredentialsHandle',
    () => ({ ...acquire, package: 'Digest' }),
    'SEC_E_SECPKG_NOT_FOUND',
    'package name',
  ],
  [
    'SECPKG_CRED_DEFAULT',
    'acquireCredentialsHandle',
    () => ({ ...acquire, credentialUse: 4 }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'SECPKG_CRED_DEFAULT',
  ],
  [
    'PROCESS_POLICY_ONLY',
    'acquireCredentialsHandle',
    () => ({ ...acquire, credentialUse: 0x20 }),
    'SEC_E_NO_CREDENTIALS',
    'SECPKG_CRED_PROCESS_POLICY_ONLY',
  ],
  [
    'unknown bits of fCredentialUse',
    'acquireCredentialsHandle',
    () => ({ ...acquire, credentialUse: 0x100 }),
    'SEC_E_INVALID_PARAMETER',
    'fCredentialUse',
  ],
  [
    'a principal that is no text',
    'acquireCredentialsHandle',
    () => ({ ...acquire, principal: 7 }),
    'SEC_E_INVALID_PARAMETER',
    'pszPrincipal',
  ],
  [
    'a principal alone',
    'acquireCredentialsHandle',
    () => ({ ...acquire, principal: 'alice' }),
    'SEC_E_NO_CREDENTIALS',
    'pszPrincipal',
  ],
  [
    'the empty principal alone',
    'acquireCredentialsHandle',
    () => ({ ...acquire, principal: '' }),
    'SEC_E_NO_CREDENTIALS',
    'pszPrincipal',
  ],
  [
    'a principal for nobody',
    'acquireCredentialsHandle',
    () => ({ ...acquire, principal: 'alice', authData: { kind: 'anonymous' } }),
    'SEC_E_NO_CREDENTIALS',
    'pszPrincipal',
  ],
  [
    'the principal of somebody else',
    'acquireCredentialsHandle',
    () => ({ ...acquire, principal: 'bob', authData: IDENTITY }),
    'SEC_E_NO_CREDENTIALS',
    'pszPrincipal',
  ],
  [
    'a principal of an empty domain',
    'acquireCredentialsHandle',
    () => ({ ...acquire, principal: '\\alice', authData: { ...IDENTITY, domain: '' } }),
    'SEC_E_NO_CREDENTIALS',
    'pszPrincipal',
  ],
  [
    'a package that takes no further credentials',
    'addCredentials',
    ({ credential }) => ({ ...acquire, credential }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'AddCredentials (TOKENS)',
  ],
  [
    'a credential that is none',
    'addCredentials',
    () => ({ ...acquire, credential: {} }),
    'SEC_E_INVALID_HANDLE',
    'credential handle',
  ],
  [
    'a context that is none',
    'queryContextAttributes',
    () => ({ context: {}, attribute: 0 }),
    'SEC_E_INVALID_HANDLE',
    'context handle',
  ],
  [
    'a context that is none',
    'deleteSecurityContext',
    () => ({ context: {} }),
    'SEC_E_INVALID_HANDLE',
    'context handle',
  ],
  [
    'a first call without a credential',
    'initializeSecurityContext',
    () => ({}),
    'SEC_E_NO_CREDENTIALS',
    'phCredential',
  ],
  [
    'a first call without a credential, by NULL',
    'initializeSecurityContext',
    () => ({ credential: null, context: null }),
    'SEC_E_NO_CREDENTIALS',
    'phCredential',
  ],
  [
    'a credential of the other side',
    'acceptSecurityContext',
    ({ outbound }) => ({ credential: outbound, input: received(ascii('hello')).desc }),
    'SEC_E_NO_CREDENTIALS',
    'phCredential',
  ],
  [
    'a target that is no text',
    'initializeSecurityContext',
    ({ credential }) => ({ credential, targetName: 7 }),
    'SEC_E_INVALID_PARAMETER',
    'pszTargetName',
  ],
  [
    'Reserved1',
    'initializeSecurityContext',
    ({ credential }) => ({ credential, reserved1: 1 }),
    'SEC_E_INVALID_PARAMETER',
    'Reserved1',
  ],
  [
    'Reserved2',
    'initializeSecurityContext',
    ({ credential }) => ({ credential, reserved2: 1 }),
    'SEC_E_INVALID_PARAMETER',
    'Reserved2',
  ],
  [
    'fContextReq',
    'initializeSecurityContext',
    ({ credential }) => ({ credential, contextReq: 'x' }),
    'SEC_E_INVALID_PARAMETER',
    'fContextReq',
  ],
  [
    'no buffer for a token',
    'initializeSecurityContext',
    ({ credential }) => ({ credential }),
    'SEC_E_INVALID_TOKEN',
    'pOutput',
  ],
  [
    'a descriptor that is none',
    'initializeSecurityContext',
    ({ credential }) => ({ credential, output: 7 }),
    'SEC_E_INVALID_TOKEN',
    'pOutput',
  ],
  [
    'too little room for a token',
    'initializeSecurityContext',
    ({ credential }) => ({ credential, output: room(1).desc }),
    'SEC_E_BUFFER_TOO_SMALL',
    'pOutput',
  ],
  [
    'octets before the first ClientHello',
    'initializeSecurityContext',
    ({ other }) => ({ credential: other, input: received(ascii('x')).desc, output: room().desc }),
    'SEC_E_INVALID_TOKEN',
    'first call',
  ],
  [
    'a server’s first call without a token',
    'acceptSecurityContext',
    ({ credential }) => ({ credential, output: room().desc }),
    'SEC_E_INVALID_TOKEN',
    'pInput',
  ],
  [
    'a context of the other side',
    'acceptSecurityContext',
    ({ begun }) => ({ context: begun, input: received(ascii('x')).desc }),
    'SEC_E_INVALID_HANDLE',
    'phContext',
  ],
  [
    'a further call without a token',
    'initializeSecurityContext',
    ({ begun }) => ({ context: begun, output: room().desc }),
    'SEC_E_INVALID_TOKEN',
    'pInput',
  ],
  [
    'a credential of another package',
    'initializeSecurityContext',
    ({ begun, other }) => ({
      context: begun,
      credential: other,
      input: received(ascii('welcome')).desc,
      output: room().desc,
    }),
    'SEC_E_INVALID_HANDLE',
    'phCredential',
  ],
  [
    'another credential that nobody asked for',
    'initializeSecurityContext',
    ({ begun, outbound }) => ({
      context: begun,
      credential: outbound,
      input: received(ascii('welcome')).desc,
      output: room().desc,
    }),
    'SEC_E_WRONG_CREDENTIAL_HANDLE',
    'phCredential',
  ],
  [
    'a context that is not there yet',
    'encryptMessage',
    ({ begun }) => ({ context: begun, message: message() }),
    'SEC_E_INVALID_HANDLE',
    'context handle',
  ],
  [
    'fQOP',
    'encryptMessage',
    ({ client }) => ({ context: client, message: message(), qop: 2 }),
    'SEC_E_QOP_NOT_SUPPORTED',
    'fQOP',
  ],
  [
    'signatures of a stream',
    'makeSignature',
    ({ channel }) => ({ context: channel, message: message() }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'signatures (RECORDS)',
  ],
  [
    'signatures of a stream',
    'verifySignature',
    ({ channel }) => ({ context: channel, message: message() }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'signatures (RECORDS)',
  ],
  [
    'no DATA',
    'encryptMessage',
    ({ client }) => ({ context: client, message: control(...new Uint8Array(64)) }),
    'SEC_E_INVALID_TOKEN',
    'EncryptMessage',
  ],
  [
    'no TOKEN',
    'encryptMessage',
    ({ client }) => ({ context: client, message: desc(secBuffer(SECBUFFER.DATA, ascii('x'))) }),
    'SEC_E_INVALID_TOKEN',
    'EncryptMessage',
  ],
  [
    'no DATA',
    'makeSignature',
    ({ client }) => ({ context: client, message: control(...new Uint8Array(64)) }),
    'SEC_E_INVALID_TOKEN',
    'MakeSignature',
  ],
  [
    'no DATA',
    'verifySignature',
    ({ client }) => ({ context: client, message: control(...new Uint8Array(64)) }),
    'SEC_E_INVALID_TOKEN',
    'VerifySignature',
  ],
  [
    'no DATA',
    'decryptMessage',
    ({ client }) => ({ context: client, message: control(...new Uint8Array(64)) }),
    'SEC_E_INVALID_TOKEN',
    'DecryptMessage',
  ],
  [
    'a stream without EMPTY buffers',
    'decryptMessage',
    ({ channel }) => ({ context: channel, message: desc(secBuffer(SECBUFFER.DATA, ascii('x'))) }),
    'SEC_E_INVALID_TOKEN',
    'DecryptMessage',
  ],
  [
    'two DATA buffers of a stream',
    'decryptMessage',
    ({ channel }) => ({
      context: channel,
      message: desc(
        secBuffer(SECBUFFER.DATA, ascii('x')),
        secBuffer(SECBUFFER.DATA, ascii('x')),
        secBuffer(SECBUFFER.EMPTY),
        secBuffer(SECBUFFER.EMPTY),
      ),
    }),
    'SEC_E_INVALID_TOKEN',
    'DecryptMessage',
  ],
  [
    'an attribute of nothing',
    'queryContextAttributes',
    ({ client }) => ({ context: client, attribute: 3000 }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'attribute 3000',
  ],
  [
    'an attribute that is no number',
    'queryContextAttributes',
    ({ client }) => ({ context: client, attribute: 'SIZES' }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'attribute ?',
  ],
  [
    'an attribute too early',
    'queryContextAttributes',
    ({ begun }) => ({ context: begun, attribute: SECPKG_ATTR.NAMES }),
    'SEC_E_INVALID_HANDLE',
    /attribute NAMES/,
  ],
  [
    'APP_DATA that nobody set',
    'queryContextAttributes',
    ({ channel }) => ({ context: channel, attribute: SECPKG_ATTR.APP_DATA }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'attribute APP_DATA',
  ],
  [
    'a size that is no number',
    'queryContextAttributesEx',
    ({ client }) => ({ context: client, attribute: 0, size: '16' }),
    'SEC_E_INVALID_PARAMETER',
    'cbBuffer',
  ],
  [
    'a size between numbers',
    'queryContextAttributesEx',
    ({ client }) => ({ context: client, attribute: 0, size: 16.5 }),
    'SEC_E_INVALID_PARAMETER',
    'cbBuffer',
  ],
  [
    'a size below nothing',
    'queryContextAttributesEx',
    ({ client }) => ({ context: client, attribute: 0, size: -1 }),
    'SEC_E_INVALID_PARAMETER',
    'cbBuffer',
  ],
  [
    'no room at all',
    'queryContextAttributesEx',
    ({ client }) => ({ context: client, attribute: 0, size: 0 }),
    'SEC_E_BUFFER_TOO_SMALL',
    'cbBuffer',
  ],
  [
    'an attribute of credentials that is none',
    'queryCredentialsAttributes',
    ({ credential }) => ({ credential, attribute: 99 }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'credential attribute 99 (TOKENS)',
  ],
  [
    'an attribute that cannot be set',
    'setCredentialsAttributes',
    ({ credential }) => ({ credential, attribute: 1, value: {} }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'set credential attribute 1 (TOKENS)',
  ],
  [
    'APP_DATA of a package without a channel',
    'setContextAttributes',
    ({ client }) => ({ context: client, attribute: SECPKG_ATTR.APP_DATA, value: { appData: ascii('x') } }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    `set attribute ${SECPKG_ATTR.APP_DATA} (TOKENS)`,
  ],
  [
    'an attribute that is not for setting',
    'setContextAttributes',
    ({ channel }) => ({ context: channel, attribute: 0, value: {} }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'set attribute 0 (RECORDS)',
  ],
  [
    'APP_DATA of a channel that failed',
    'setContextAttributes',
    ({ failed }) => ({ context: failed, attribute: SECPKG_ATTR.APP_DATA, value: { appData: ascii('x') } }),
    'SEC_E_INVALID_HANDLE',
    'context handle',
  ],
  [
    'APP_DATA of a channel that failed',
    'queryContextAttributes',
    ({ failed }) => ({ context: failed, attribute: SECPKG_ATTR.APP_DATA }),
    'SEC_E_INVALID_HANDLE',
    /./,
  ],
  [
    'no value',
    'setContextAttributes',
    ({ channel }) => ({ context: channel, attribute: SECPKG_ATTR.APP_DATA, value: null }),
    'SEC_E_INVALID_PARAMETER',
    'pBuffer',
  ],
  [
    'a label that is no text',
    'setContextAttributes',
    ({ channel }) => ({ context: channel, attribute: INFO, value: { label: 7, length: 32 } }),
    'SEC_E_INVALID_PARAMETER',
    'pBuffer',
  ],
  [
    'an empty label',
    'setContextAttributes',
    ({ channel }) => ({ context: channel, attribute: INFO, value: { label: '', length: 32 } }),
    'SEC_E_INVALID_PARAMETER',
    'pBuffer',
  ],
  [
    'a context value that is no octets',
    'setContextAttributes',
    ({ channel }) => ({
      context: channel,
      attribute: INFO,
      value: { label: 'EXPORTER-x', contextValue: 'x', length: 32 },
    }),
    'SEC_E_INVALID_PARAMETER',
    'pBuffer',
  ],
  [
    'a length that is text',
    'setContextAttributes',
    ({ channel }) => ({ context: channel, attribute: INFO, value: { label: 'EXPORTER-x', length: '32' } }),
    'SEC_E_INVALID_PARAMETER',
    'pBuffer',
  ],
  [
    'a length between numbers',
    'setContextAttributes',
    ({ channel }) => ({ context: channel, attribute: INFO, value: { label: 'EXPORTER-x', length: 1.5 } }),
    'SEC_E_INVALID_PARAMETER',
    'pBuffer',
  ],
  [
    'a length of nothing',
    'setContextAttributes',
    ({ channel }) => ({ context: channel, attribute: INFO, value: { label: 'EXPORTER-x', length: 0 } }),
    'SEC_E_INVALID_PARAMETER',
    'pBuffer',
  ],
  [
    'more than 255 blocks',
    'setContextAttributes',
    ({ channel }) => ({ context: channel, attribute: INFO, value: { label: 'EXPORTER-x', length: 8161 } }),
    'SEC_E_INVALID_PARAMETER',
    'pBuffer',
  ],
  [
    'a control token for a package without a channel',
    'applyControlToken',
    ({ client }) => ({ context: client, input: control(1, 0, 0, 0) }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'ApplyControlToken (TOKENS)',
  ],
  [
    'no control token',
    'applyControlToken',
    ({ channel }) => ({ context: channel, input: desc() }),
    'SEC_E_INVALID_TOKEN',
    'pInput',
  ],
  [
    'half a control token',
    'applyControlToken',
    ({ channel }) => ({ context: channel, input: control(1, 0) }),
    'SEC_E_INVALID_TOKEN',
    'ApplyControlToken',
  ],
  [
    'a shutdown with something behind it',
    'applyControlToken',
    ({ channel }) => ({ context: channel, input: control(1, 0, 0, 0, 0, 0, 0, 0) }),
    'SEC_E_INVALID_TOKEN',
    'ApplyControlToken',
  ],
  [
    'a fatal close_notify',
    'applyControlToken',
    ({ channel }) => ({ context: channel, input: control(2, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0) }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'ApplyControlToken',
  ],
  [
    'another warning',
    'applyControlToken',
    ({ channel }) => ({ context: channel, input: control(2, 0, 0, 0, 1, 0, 0, 0, 90, 0, 0, 0) }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'ApplyControlToken',
  ],
  [
    'a package without an authority',
    'changeAccountPassword',
    () => ({ packageName: 'TOKENS' }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'ChangeAccountPassword (TOKENS)',
  ],
  [
    'a package whose contexts cannot move',
    'exportSecurityContext',
    ({ client }) => ({ context: client, key: new Uint8Array(32) }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'ExportSecurityContext (TOKENS)',
  ],
  [
    'a package whose contexts cannot move',
    'importSecurityContext',
    () => ({ package: 'TOKENS', packedContext: ascii('x'), key: new Uint8Array(32) }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'ImportSecurityContext (TOKENS)',
  ],
  [
    'a client’s context',
    'querySecurityContextToken',
    ({ client }) => ({ context: client }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'context handle',
  ],
  [
    'nobody to stop impersonating',
    'revertSecurityContext',
    ({ server }) => ({ context: server }),
    'SEC_E_NO_IMPERSONATION',
    'RevertSecurityContext',
  ],
  [
    'nothing to complete',
    'completeAuthToken',
    ({ begun }) => ({ context: begun, token: message() }),
    'SEC_E_UNSUPPORTED_FUNCTION',
    'CompleteAuthToken (TOKENS)',
  ],
];

describe('T7: a refusal has its status, and says where', () => {
  test.each(ROWS)('%s: %s', async (_what, name, parameters, status, stage) => {
    const there = await everything();
    const loose = forged<Loose>(there.sspi);
    const result = await loose[name](parameters(there));
    expect(named(result)).toBe(status);
    expect(present(result.error).stage).toEqual(typeof stage === 'string' ? stage : expect.stringMatching(stage));
    // The handles are as good as before.
    expect(named((await initiate(there.sspi, { context: there.begun, input: ascii('welcome') })).result)).toBe(
      'SEC_E_OK',
    );
    const [token, data] = [secBuffer(SECBUFFER.TOKEN, new Uint8Array(64)), secBuffer(SECBUFFER.DATA, ascii('x'))];
    await there.sspi.encryptMessage({ context: there.client, message: desc(token, data) });
    expect(named(await there.sspi.decryptMessage({ context: there.server, message: desc(token, data) }))).toBe(
      'SEC_E_OK',
    );
    expect(textOf(present(data.buffer))).toBe('x');
  });

  test('two packages of one name, in whatever case, make no table', () => {
    const twice = [tokenPackage(), tokenPackage({ name: 'tokens' })];
    expect(() => createSspi({ packages: twice, host: systemHost })).toThrow(
      expect.objectContaining({ code: 'INVALID_PARAMETER', stage: 'createSspi' }),
    );
  });
});
