/** The door over the packages of the library: what their tokens look like from outside (contract §1.5, §2.2-§2.4, P2, P4). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type CredHandle, type CtxtHandle, createSspi, type Sspi } from '../../src/api/index.ts';
import * as library from '../../src/index.ts';
import {
  ASC_REQ,
  type AuthData,
  credsspPackage,
  ISC_REQ,
  ISC_RET,
  memoryAccounts,
  negotiatePackage,
  ntlmPackage,
  SECBUFFER,
  SECPKG_ATTR,
  SECPKG_CRED,
  type SecBuffer,
  schannelPackage,
  secBuffer,
  systemHost,
} from '../../src/index.ts';
import { accept, desc, initiate, named, type Pair, pair, present, received, room } from './door.ts';
import { ascii, textOf } from './toys.ts';

const ALICE = { domain: 'EXAMPLE', user: 'alice', password: 'AlicePass1!' };
const ACCEPTOR = { kind: 'acceptor', accounts: memoryAccounts([ALICE]) } as const;
const IDENTITY = { kind: 'identity', ...ALICE } as const;

function pem(file: string): string {
  return readFileSync(new URL(`../certificates/${file}`, import.meta.url), 'utf8');
}

const SERVER_TLS = {
  kind: 'schannel',
  certificates: [{ certificate: pem('rsa.pem'), privateKey: pem('rsa.key') }],
} as const;
const CLIENT_TLS = { kind: 'schannel', rootStore: [pem('rsa.pem')] } as const;

/** What each package is given on either side. */
const MATERIAL: Readonly<Record<string, { readonly client: AuthData; readonly server: AuthData }>> = {
  NTLM: { client: IDENTITY, server: ACCEPTOR },
  Negotiate: { client: IDENTITY, server: ACCEPTOR },
  Schannel: { client: CLIENT_TLS, server: SERVER_TLS },
  CREDSSP: {
    client: { kind: 'credssp', spnegoCred: IDENTITY, schannelCred: CLIENT_TLS },
    server: { kind: 'credssp', spnegoCred: ACCEPTOR, schannelCred: SERVER_TLS },
  },
};
const NAMES = Object.keys(MATERIAL);
const PROTECTED =
  ISC_REQ.CONFIDENTIALITY | ISC_REQ.INTEGRITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.MANUAL_CRED_VALIDATION;

function table(): Sspi {
  return createSspi({ packages: [negotiatePackage, ntlmPackage, schannelPackage, credsspPackage], host: systemHost });
}

async function handles(
  sspi: Sspi,
  name: string,
  client?: AuthData,
): Promise<{ client: CredHandle; server: CredHandle }> {
  const material = present(MATERIAL[name]);
  const acquire = async (credentialUse: number, authData: AuthData): Promise<CredHandle> => {
    const result = await sspi.acquireCredentialsHandle({ package: name, credentialUse, authData });
    return present(result.credential, result.status);
  };
  return {
    client: await acquire(SECPKG_CRED.OUTBOUND, client ?? material.client),
    server: await acquire(SECPKG_CRED.INBOUND, material.server),
  };
}

/** Both sides of an exchange of a package, established. */
async function established(name: string, contextReq = PROTECTED): Promise<Pair> {
  const sspi = table();
  const { client, server } = await handles(sspi, name);
  const both = await pair(sspi, name, {
    clientCredential: client,
    serverCredential: server,
    contextReq,
    serverReq: ASC_REQ.CONFIDENTIALITY | ASC_REQ.INTEGRITY,
    targetName: 'TERMSRV/localhost',
  });
  // What comes behind the handshake is for DecryptMessage, and holds nothing for the application (contract M7, M10).
  for (let rest = both.lastToken; rest.length > 0; ) {
    const opened = [secBuffer(SECBUFFER.DATA, rest), ...[1, 2, 3].map(() => secBuffer(SECBUFFER.EMPTY))];
    expect(named(await sspi.decryptMessage({ context: both.client, message: desc(...opened) }))).toBe('SEC_E_OK');
    expect(opened[1]).toMatchObject({ type: SECBUFFER.DATA, count: 0 });
    rest = content(present(opened[3]));
  }
  return both;
}

function content({ buffer, count }: SecBuffer): Uint8Array {
  return buffer?.subarray(0, count) ?? new Uint8Array(0);
}

/** Sends a text through a stream from one context to the other. */
async function throughStream(sspi: Sspi, from: CtxtHandle, to: CtxtHandle, text: string): Promise<string> {
  const sizes = present(
    (await sspi.queryContextAttributes({ context: from, attribute: SECPKG_ATTR.STREAM_SIZES })).value,
  );
  const parts = [
    secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(sizes.header)),
    secBuffer(SECBUFFER.DATA, ascii(text)),
    secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(sizes.trailer)),
    secBuffer(SECBUFFER.EMPTY),
  ];
  const encrypted = await sspi.encryptMessage({ context: from, message: desc(...parts) });
  expect(named(encrypted)).toBe('SEC_E_OK');
  const record = Uint8Array.from(parts.slice(0, 3).flatMap((part) => [...content(part)]));
  // Of the trailer of TLS 1.3 a record alone needs 17: RFC 8446 5.2, type and tag.
  expect(record).toHaveLength(sizes.header + text.length + 17);
  expect(textOf(record)).not.toContain(text);
  const opened = [secBuffer(SECBUFFER.DATA, record), ...[1, 2, 3].map(() => secBuffer(SECBUFFER.EMPTY))];
  const decrypted = await sspi.decryptMessage({ context: to, message: desc(...opened) });
  expect(named(decrypted)).toBe('SEC_E_OK');
  expect(opened.map(({ type }) => type)).toEqual([
    SECBUFFER.STREAM_HEADER,
    SECBUFFER.DATA,
    SECBUFFER.STREAM_TRAILER,
    SECBUFFER.EMPTY,
  ]);
  return textOf(content(present(opened[1])));
}

describe('the packages', () => {
  test('P2, P4: they say about themselves what Windows says', async () => {
    const { packages } = await library.enumerateSecurityPackages();
    const rows = packages.map(({ name, capabilities, version, rpcId, maxToken }) => [
      name,
      capabilities,
      version,
      rpcId,
      maxToken,
    ]);
    expect(rows).toEqual([
      ['Negotiate', 0x83bb3, 1, 9, 65791],
      ['Kerberos', 0xf3bbf, 1, 16, 48000],
      ['NTLM', 0x82b37, 1, 10, 2888],
      ['Schannel', 0x107b3, 1, 14, 24576],
      ['CREDSSP', 0x810733, 1, 0xffff, 90567],
    ]);
    const { packageInfo } = await library.querySecurityPackageInfo({ packageName: 'credssp' });
    expect(packageInfo?.comment).toBe('Microsoft CredSSP Security Provider');
  });

  test('the functions of the library are a table over these packages', async () => {
    const acquired = await library.acquireCredentialsHandle({ package: 'ntlm', credentialUse: 2, authData: IDENTITY });
    const credential = present(acquired.credential, acquired.status);
    const output = secBuffer(SECBUFFER.TOKEN);
    const result = await library.initializeSecurityContext({
      credential,
      contextReq: ISC_REQ.ALLOCATE_MEMORY,
      output: desc(output),
    });
    expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    expect(textOf(content(output).subarray(0, 8))).toBe('NTLMSSP\0');
    expect(named(await library.deleteSecurityContext({ context: present(result.context) }))).toBe('SEC_E_OK');
    expect(named(await library.freeCredentialsHandle({ credential }))).toBe('SEC_E_OK');
  });

  test.each(NAMES)('R4, R47, C1: %s establishes both sides', async (name) => {
    const { clientResult, serverResult } = await established(name);
    expect(clientResult.contextAttr & ISC_RET.CONFIDENTIALITY).toBe(ISC_RET.CONFIDENTIALITY);
    expect(clientResult.contextAttr & ISC_RET.INTERMEDIATE_RETURN).toBe(0);
    expect(serverResult.contextAttr).not.toBe(0);
  });

  test.each(NAMES)('Z24: %s takes no further token afterwards', async (name) => {
    const { sspi, client, server } = await established(name);
    const token = ascii('one token more');
    expect(named((await initiate(sspi, { context: client, input: token })).result)).toBe('SEC_E_OUT_OF_SEQUENCE');
    expect(named((await accept(sspi, { context: server, input: token })).result)).toBe('SEC_E_OUT_OF_SEQUENCE');
  });

  test.each(NAMES)('R58, R68: %s refuses garbage, and goes on refusing', async (name) => {
    const sspi = table();
    const { client, server } = await handles(sspi, name);
    const { context } = await initiate(sspi, { credential: client, targetName: 'localhost', contextReq: PROTECTED });
    for (const input of ['garbage that is no token of anybody', 'and more of it']) {
      const { result } = await initiate(sspi, { context, input: ascii(input) });
      expect(named(result)).toBe('SEC_E_INVALID_TOKEN');
    }
    const first = await sspi.acceptSecurityContext({
      credential: server,
      input: received(ascii('garbage that is no token of anybody')).desc,
      output: room(1000).desc,
    });
    expect(named(first)).toBe('SEC_E_INVALID_TOKEN');
    expect(first.context).toBeNull();
  });

  test.each(['Schannel', 'CREDSSP'])('R35: %s: every cut of the ClientHello changes nothing', async (name) => {
    const sspi = table();
    const { client, server } = await handles(sspi, name);
    const { token } = await initiate(sspi, { credential: client, targetName: 'localhost', contextReq: PROTECTED });
    for (const cut of [1, 2, 3, 4, 5, 6, Math.floor(token.length / 2), token.length - 1]) {
      const input = received(token.subarray(0, cut));
      const result = await sspi.acceptSecurityContext({ credential: server, input: input.desc, output: room(9).desc });
      expect(named(result)).toBe('SEC_E_INCOMPLETE_MESSAGE');
      expect(input.empty).toMatchObject({
        type: SECBUFFER.MISSING,
        count: cut < 5 ? 5 - cut : token.length - cut,
      });
    }
    expect(named((await accept(sspi, { credential: server, input: token })).result)).toBe('SEC_I_CONTINUE_NEEDED');
  });

  test('R32: a HelloRequest comes before the ClientHello of Schannel and CREDSSP, and other records do not', async () => {
    const sspi = table();
    for (const name of ['Schannel', 'CREDSSP']) {
      const { client } = await handles(sspi, name);
      const helloRequest = Uint8Array.of(22, 3, 3, 0, 4, 0, 0, 0, 0);
      const { token } = await initiate(sspi, { credential: client, targetName: 'localhost', input: helloRequest });
      expect(token[0]).toBe(22);
      const other = await sspi.initializeSecurityContext({
        credential: client,
        input: received(Uint8Array.of(23, 3, 3, 0, 1, 0)).desc,
        output: room().desc,
      });
      expect(named(other)).toBe('SEC_E_INVALID_TOKEN');
    }
  });
});

describe('messages', () => {
  test.each(['Schannel', 'CREDSSP'])('M1, M6: %s carries messages both ways', async (name) => {
    const { sspi, client, server } = await established(name);
    expect(await throughStream(sspi, client, server, 'from the client')).toBe('from the client');
    expect(await throughStream(sspi, server, client, 'from the server')).toBe('from the server');
    expect(await throughStream(sspi, client, server, 'x'.repeat(16384))).toHaveLength(16384);
    const nothing = [
      secBuffer(SECBUFFER.STREAM_HEADER, new Uint8Array(40)),
      secBuffer(SECBUFFER.DATA, new Uint8Array(0)),
      secBuffer(SECBUFFER.STREAM_TRAILER, new Uint8Array(80)),
    ];
    expect(named(await sspi.encryptMessage({ context: client, message: desc(...nothing) }))).toBe('SEC_E_OK');
    expect(await throughStream(sspi, client, server, 'and on')).toBe('and on');
  });

  test.each(['Schannel', 'CREDSSP'])('M14: %s signs nothing', async (name) => {
    const { sspi, client } = await established(name);
    const message = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii('data')));
    expect(named(await sspi.makeSignature({ context: client, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
    expect(named(await sspi.verifySignature({ context: client, message }))).toBe('SEC_E_UNSUPPORTED_FUNCTION');
  });

  test.each(['NTLM', 'Negotiate'])('M1, M6, M14: %s seals, signs and counts', async (name) => {
    const { sspi, client, server } = await established(name);
    const { value } = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.SIZES });
    expect(value).toMatchObject({ maxSignature: 16, securityTrailer: 16 });
    for (const text of ['first', 'second']) {
      const [token, data] = [secBuffer(SECBUFFER.TOKEN, new Uint8Array(16)), secBuffer(SECBUFFER.DATA, ascii(text))];
      expect(named(await sspi.encryptMessage({ context: client, message: desc(token, data) }))).toBe('SEC_E_OK');
      expect(textOf(content(data))).not.toBe(text);
      expect(named(await sspi.decryptMessage({ context: server, message: desc(token, data) }))).toBe('SEC_E_OK');
      expect(textOf(content(data))).toBe(text);
    }
    const stream = secBuffer(SECBUFFER.STREAM, new Uint8Array(20));
    const [token, data] = [
      secBuffer(SECBUFFER.TOKEN, content(stream).subarray(0, 16)),
      secBuffer(SECBUFFER.DATA, content(stream).subarray(16)),
    ];
    data.buffer?.set(ascii('data'));
    await sspi.encryptMessage({ context: server, message: desc(token, data) });
    const plaintext = secBuffer(SECBUFFER.DATA);
    expect(named(await sspi.decryptMessage({ context: client, message: desc(stream, plaintext) }))).toBe('SEC_E_OK');
    expect(textOf(content(plaintext))).toBe('data');

    const signature = secBuffer(SECBUFFER.TOKEN, new Uint8Array(16));
    const signed = desc(signature, secBuffer(SECBUFFER.DATA, ascii('signed')));
    expect(named(await sspi.makeSignature({ context: client, message: signed }))).toBe('SEC_E_OK');
    expect(named(await sspi.verifySignature({ context: server, message: signed }))).toBe('SEC_E_OK');
    const replayed = await sspi.verifySignature({ context: server, message: signed });
    expect(['SEC_E_OUT_OF_SEQUENCE', 'SEC_E_MESSAGE_ALTERED']).toContain(named(replayed));
  });

  test.each(['NTLM', 'Negotiate'])('Z21: %s refuses a signature of fewer than 16 octets', async (name) => {
    const { sspi, client } = await established(name);
    for (const size of [0, 1, 15]) {
      const message = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(size)), secBuffer(SECBUFFER.DATA, ascii('data')));
      expect(named(await sspi.makeSignature({ context: client, message }))).toBe('SEC_E_BUFFER_TOO_SMALL');
      const short = desc(secBuffer(SECBUFFER.TOKEN, new Uint8Array(size)), secBuffer(SECBUFFER.DATA, ascii('data')));
      const { status } = await sspi.verifySignature({ context: client, message: short });
      expect(status).toBeGreaterThan(0x80000000);
    }
  });
});

describe('attributes', () => {
  test.each(['NTLM', 'Negotiate', 'CREDSSP'])('Q3: %s tells the server who the client is', async (name) => {
    const { sspi, server } = await established(name);
    const { value } = await sspi.queryContextAttributes({ context: server, attribute: SECPKG_ATTR.NAMES });
    expect(value?.userName).toBe('EXAMPLE\\alice');
  });

  test('Q3, Q6: CREDSSP hands the delegated password over, packed', async () => {
    const { sspi, server, clientResult } = await established('CREDSSP', PROTECTED | ISC_REQ.DELEGATE);
    expect(clientResult.contextAttr & ISC_RET.DELEGATE).toBe(ISC_RET.DELEGATE);
    const { value } = await sspi.queryContextAttributes({ context: server, attribute: SECPKG_ATTR.CREDS });
    const packed = present(value).authBuffer;
    expect(new TextDecoder('utf-16le').decode(packed.subarray(56))).toBe('EXAMPLEaliceAlicePass1!');
  });

  test('R21, C15: without DELEGATE nothing is delegated', async () => {
    const { sspi, server, clientResult } = await established('CREDSSP');
    expect(clientResult.contextAttr & ISC_RET.DELEGATE).toBe(0);
    const { value } = await sspi.queryContextAttributes({ context: server, attribute: SECPKG_ATTR.CREDS });
    expect(value?.credentials.kind).toBe('none');
    expect(value?.authBuffer).toHaveLength(0);
  });

  test('Q8: STREAM_SIZES of CREDSSP have the maximum of TLS and four buffers', async () => {
    const { sspi, client } = await established('CREDSSP');
    const { value } = await sspi.queryContextAttributes({ context: client, attribute: SECPKG_ATTR.STREAM_SIZES });
    expect(value).toMatchObject({ maximumMessage: 16384, buffers: 4 });
  });
});

describe('a wrong password', () => {
  test('C13, T7: CREDSSP tells the client why, and the client reports it', async () => {
    const sspi = table();
    const wrong = { ...IDENTITY, password: 'WrongPass1!' };
    const { client: credential, server: serverCredential } = await handles(sspi, 'CREDSSP', {
      kind: 'credssp',
      spnegoCred: wrong,
      schannelCred: CLIENT_TLS,
    });
    let client = await initiate(sspi, { credential, targetName: 'TERMSRV/localhost' });
    let server = await accept(sspi, { credential: serverCredential, input: client.token });
    for (let leg = 0; leg < 10 && named(server.result) === 'SEC_I_CONTINUE_NEEDED'; leg++) {
      client = await initiate(sspi, { context: client.context, input: server.token });
      server = await accept(sspi, { context: server.context, input: client.token });
    }
    expect(named(server.result)).toBe('SEC_E_LOGON_DENIED');
    expect(server.token.length).toBeGreaterThan(0);
    client = await initiate(sspi, { context: client.context, input: server.token });
    expect(named(client.result)).toBe('SEC_E_LOGON_DENIED');
    expect(client.result.error?.ntStatus).toBe(0xc000006d);
  });

  test('C9: NTLM says SEC_E_LOGON_DENIED', async () => {
    const sspi = table();
    const { client: credential, server: serverCredential } = await handles(sspi, 'NTLM', {
      ...IDENTITY,
      password: 'WrongPass1!',
    });
    const first = await initiate(sspi, { credential, contextReq: PROTECTED });
    const challenge = await accept(sspi, { credential: serverCredential, input: first.token });
    const answer = await initiate(sspi, { context: first.context, input: challenge.token, contextReq: PROTECTED });
    const { result } = await accept(sspi, { context: challenge.context, input: answer.token });
    expect(named(result)).toBe('SEC_E_LOGON_DENIED');
  });
});
