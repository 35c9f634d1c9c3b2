/** QueryContextAttributes: contract §2.3, Q1-Q9, and times R45. */
import { describe, expect, test } from 'vitest';
import type { CtxtHandle } from '../../src/api/index.ts';
import { SECPKG_ATTR, Secret } from '../../src/sspi/index.ts';
import { accept, credentialOf, door, forged, initiate, named, pair, present } from './door.ts';
import { ascii, recordPackage, type Script, streamProtection, TOKEN_SIZES, textOf, tokenPackage } from './toys.ts';

/** A server's context that knows what a script publishes before its last leg. */
async function serverThatKnows(publish: NonNullable<Script['accept']>) {
  const toy = recordPackage({ accept: publish });
  const sspi = door(toy);
  const credential = await credentialOf(sspi, 'RECORDS');
  const { context, result } = await accept(sspi, { credential, input: Uint8Array.of(22, 3, 3, 0, 0) });
  return { sspi, context, result };
}

const CERTIFICATE = Uint8Array.of(0x30, 3, 2, 1, 5);

describe('QueryContextAttributes', () => {
  test('Q7: SIZES of an established context', async () => {
    const { sspi, client } = await pair(door(tokenPackage()), 'TOKENS');
    const { status, value } = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.SIZES });
    expect(status).toBe(0);
    expect(value).toEqual(TOKEN_SIZES);
    expect(value?.securityTrailer).toBe(16);
  });

  test('Q3: PACKAGE_INFO is there from the first call on', async () => {
    const sspi = door(tokenPackage());
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    const { value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.PACKAGE_INFO });
    expect(value?.name).toBe('TOKENS');
  });

  test('Q2: before the exchange is over only what TLS knows is told', async () => {
    const { sspi, context } = await serverThatKnows(async function* (scope) {
      scope.publish('REMOTE_CERT_CONTEXT', () => ({ certificate: CERTIFICATE }));
      scope.publish('STREAM_SIZES', () => streamProtection().streamSizes);
      scope.publish('ISSUER_LIST_EX', () => ({ issuers: [CERTIFICATE] }));
      scope.publish('SERVER_AUTH_FLAGS', () => ({ flags: 2 }));
      scope.publish('CERT_TRUST_STATUS', () => ({ errorStatus: 0x20, infoStatus: 8, policyStatus: 0 }));
      scope.publish('NAMES', () => ({ userName: 'whoever the client claims to be' }));
      yield { token: ascii('more') };
      return { flags: 0, messages: streamProtection() };
    });
    for (const attribute of [0x53, 4, 0x59, 0x80000083, 0x80000084, 10]) {
      const result = await sspi.queryContextAttributes({ context, attribute });
      expect(named(result)).toBe('SEC_E_OK');
      expect(result.value).not.toBeNull();
    }
    const early = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.NAMES });
    expect(named(early)).toBe('SEC_E_INVALID_HANDLE');
    expect(early.value).toBeNull();
    await accept(sspi, { context, input: Uint8Array.of(22, 3, 3, 0, 0) });
    const late = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.NAMES });
    expect(late.value?.userName).toBe('whoever the client claims to be');
  });

  test('Q2: what is not known yet is SEC_E_INVALID_HANDLE, what never will be SEC_E_UNSUPPORTED_FUNCTION', async () => {
    const sspi = door(tokenPackage());
    const { context } = await initiate(sspi, { credential: await credentialOf(sspi, 'TOKENS') });
    expect(named(await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.SIZES }))).toBe(
      'SEC_E_INVALID_HANDLE',
    );
    for (const attribute of [SECPKG_ATTR.STREAM_SIZES, 3, 6, 7, 99, -1, 0x8000ffff]) {
      const result = await sspi.queryContextAttributes({ context, attribute });
      expect(named(result)).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    }
    for (const attribute of ['SIZES', null, {}, Symbol('sizes')])
      expect(named(await sspi.queryContextAttributes({ context, attribute: forged<number>(attribute) }))).toBe(
        'SEC_E_UNSUPPORTED_FUNCTION',
      );
  });

  test('Q2, E1: no context, or a deleted one, is SEC_E_INVALID_HANDLE 0x80090301', async () => {
    const { sspi, client } = await pair(door(tokenPackage()), 'TOKENS');
    await sspi.deleteSecurityContext({ context: client });
    for (const context of [client, forged<CtxtHandle>(null), forged<CtxtHandle>({})]) {
      const { status } = await sspi.queryContextAttributes({ context, attribute: 0 });
      expect(status).toBe(0x80090301);
    }
  });

  test('Q3, E12: SUBJECT_SECURITY_ATTRIBUTES has two numbers', async () => {
    const { sspi, context } = await serverThatKnows(async function* (scope) {
      scope.publish('SUBJECT_SECURITY_ATTRIBUTES', () => ({ attributes: [] }));
      yield { token: ascii('more') };
      return { flags: 0, messages: streamProtection() };
    });
    await accept(sspi, { context, input: Uint8Array.of(22, 3, 3, 0, 0) });
    for (const attribute of [124, 128]) {
      const { value } = await sspi.queryContextAttributes({ context, attribute });
      expect(value).toEqual({ attributes: [] });
    }
  });

  test('Q3: numbers with the alternate bit may be negative, as JavaScript computes them', async () => {
    const { sspi, context } = await serverThatKnows(async function* (scope) {
      scope.publish('SERVER_AUTH_FLAGS', () => ({ flags: 3 }));
      yield { token: ascii('more') };
      return { flags: 0, messages: streamProtection() };
    });
    const { value } = await sspi.queryContextAttributes({ context, attribute: 0x80000083 | 0 });
    expect(value).toEqual({ flags: 3 });
  });

  test('R45, Q2: LIFESPAN is local time', async () => {
    const { sspi, context } = await serverThatKnows(async function* (scope) {
      // 2024-01-01T00:00:00Z and never
      scope.publish('LIFESPAN', () => ({ start: 133_485_408_000_000_000n, expiry: 0x7fffffffffffffffn }));
      yield { token: ascii('more') };
      return { flags: 0, messages: streamProtection() };
    });
    await accept(sspi, { context, input: Uint8Array.of(22, 3, 3, 0, 0) });
    const { value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.LIFESPAN });
    expect(value).toEqual({ start: 133_485_444_000_000_000n, expiry: 0x7fffffffffffffffn });
  });

  test('Q3: FLAGS are the bits that the last call gave', async () => {
    const { sspi, client, clientResult } = await pair(door(tokenPackage()), 'TOKENS', { contextReq: 0x800 });
    const { value } = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.FLAGS });
    expect(value?.flags).toBe(clientResult.contextAttr);
    expect(value?.flags).toBe(0x10010 | 0x800 | 0x100);
  });

  test("Q1, L3: octets are the caller's own, and FreeContextBuffer overwrites only them", async () => {
    const certificate = CERTIFICATE.slice();
    const { sspi, context } = await serverThatKnows(async function* (scope) {
      scope.publish('REMOTE_CERT_CONTEXT', () => ({ certificate }));
      scope.publish('REMOTE_CERTIFICATES', () => ({ certificates: [certificate, certificate] }));
      yield { token: ascii('more') };
      return { flags: 0, messages: streamProtection() };
    });
    await accept(sspi, { context, input: Uint8Array.of(22, 3, 3, 0, 0) });
    const one = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.REMOTE_CERT_CONTEXT });
    expect(one.value?.certificate).toEqual(CERTIFICATE);
    await sspi.freeContextBuffer({ contextBuffer: one.value?.certificate });
    expect(one.value?.certificate).toEqual(new Uint8Array(5));
    const all = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.REMOTE_CERTIFICATES });
    expect(all.value?.certificates).toEqual([CERTIFICATE, CERTIFICATE]);
    await sspi.freeContextBuffer({ contextBuffer: all.value });
    expect(all.value?.certificates).toEqual([new Uint8Array(5), new Uint8Array(5)]);
    expect(certificate).toEqual(CERTIFICATE);
  });

  test('Q9: bindings come as SEC_CHANNEL_BINDINGS: 32 octets, then the application data', async () => {
    const { sspi, context } = await serverThatKnows(async function* (scope) {
      scope.publish('ENDPOINT_BINDINGS', () => ({ applicationData: ascii('tls-server-end-point:1') }));
      yield { token: ascii('more') };
      return { flags: 0, messages: streamProtection() };
    });
    await accept(sspi, { context, input: Uint8Array.of(22, 3, 3, 0, 0) });
    const { value } = await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.ENDPOINT_BINDINGS });
    const { bindings, applicationData } = present(value);
    const header = [...new Array<number>(24).fill(0), 22, 0, 0, 0, 32, 0, 0, 0];
    expect([...bindings]).toEqual([...header, ...ascii('tls-server-end-point:1')]);
    expect(textOf(applicationData)).toBe('tls-server-end-point:1');
  });

  test('Q3, Q6, E13: CREDS and CREDS_2 give the packed logon, its length in octets, and the typed value', async () => {
    const password = Secret.fromText('P');
    const { sspi, context } = await serverThatKnows(async function* (scope) {
      const credentials = { kind: 'password', domain: 'D', user: 'U', password } as const;
      scope.publish('CREDS', () => credentials);
      scope.publish('CREDS_2', () => credentials);
      yield { token: ascii('more') };
      return { flags: 0, messages: streamProtection() };
    });
    expect(named(await sspi.queryContextAttributes({ context, attribute: SECPKG_ATTR.CREDS }))).toBe(
      'SEC_E_INVALID_HANDLE',
    );
    await accept(sspi, { context, input: Uint8Array.of(22, 3, 3, 0, 0) });
    for (const attribute of [SECPKG_ATTR.CREDS, SECPKG_ATTR.CREDS_2]) {
      const { value } = await sspi.queryContextAttributes({ context, attribute });
      const { authBuffer, credentials } = present(value);
      expect(authBuffer).toHaveLength(56 + 6);
      expect(authBuffer[0]).toBe(2); // KerbInteractiveLogon
      expect([...authBuffer.subarray(56)]).toEqual([0x44, 0, 0x55, 0, 0x50, 0]); // D, U, P
      expect(credentials).toMatchObject({ kind: 'password', domain: 'D', user: 'U' });
      await sspi.freeContextBuffer({ contextBuffer: authBuffer });
      expect(authBuffer).toEqual(new Uint8Array(62));
    }
    expect(textOf(password.reveal())).toBe('P\0');
  });
});
