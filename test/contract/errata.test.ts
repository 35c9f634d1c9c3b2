/** What we believe where the page and the truth differ: contract §7. The others are held by tests of their subject. */
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { describe, expect, test } from 'vitest';
import { keyPlusOne } from '../../src/credssp/index.ts';
import { ASC_REQ, ISC_REQ, ISC_RET, SEC_E, SEC_I, SECBUFFER, secBuffer } from '../../src/index.ts';
import { tlsTrailerLength } from '../../src/schannel/trailer.ts';
import { accept, desc, initiate, named, present, received, room } from '../api/door.ts';
import { outbound as credsspClient, inbound as credsspServer, TLS_1_2, TLS_1_3 } from '../support/credssp.ts';
import { converse } from '../support/loop.ts';
import { hex, number, text, vectorCases } from '../support/vectors.ts';
import { clientAgainst, honestAnswer } from './fake-server.ts';
import { ALL_PACKAGES, both, everything } from './situations.ts';
import { CLIENT_TLS, established, IDENTITY, inbound, outbound, SERVER_TLS, TARGET, table } from './support.ts';

/** The ClientHello of the runtime's own TLS when it may speak 1.1 and nothing else. */
function helloOf11(): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const wire = new Duplex({
      read: () => undefined,
      write(octets: Buffer, _encoding, done) {
        resolve(Uint8Array.from(octets));
        done();
      },
    });
    const versions = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const;
    tls.connect({ socket: wire, ...versions, ciphers: 'DEFAULT@SECLEVEL=0' }).on('error', reject);
  });
}

describe('errata of the pages', () => {
  test('E1, E2: INVALID_HANDLE is no smart card error; OUTBOUND is 2, and the 0 of the page is taken for it', async () => {
    expect(SEC_E.INVALID_HANDLE).toBe(0x80090301);
    const sspi = table();
    for (const credentialUse of [0, 2]) {
      const { credential, status } = await sspi.acquireCredentialsHandle({
        package: 'NTLM',
        credentialUse,
        authData: IDENTITY,
      });
      const { result } = await initiate(sspi, { credential: present(credential, status) });
      expect(named(result)).toBe('SEC_I_CONTINUE_NEEDED');
    }
  });

  test('E3: MUTUAL_AUTH set means that the server must be authenticated', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP', {
      tls: { kind: 'schannel', rootStore: [] },
      options: { mechanism: 'ntlm' },
    });
    const set = await clientAgainst(sspi, credential, await honestAnswer(), { contextReq: ISC_REQ.MUTUAL_AUTH });
    expect(named(set.result)).toBe('SEC_E_MUTUAL_AUTH_FAILED');
    const clear = await clientAgainst(sspi, credential, await honestAnswer(), { contextReq: 0 });
    expect(named(clear.result)).toBe('SEC_E_OK');
  });

  test('E5, R37: phNewContext: the same handle on every call, however the page would have it', async () => {
    const sspi = table();
    const server = await inbound(sspi, 'CREDSSP');
    let client = await initiate(sspi, { credential: await outbound(sspi, 'CREDSSP'), targetName: TARGET });
    const handle = client.context;
    let other = await accept(sspi, { credential: server, input: client.token });
    while (client.result.status === SEC_I.CONTINUE_NEEDED) {
      client = await initiate(sspi, { context: client.context, input: other.token });
      expect(client.context).toBe(handle);
      other = await accept(sspi, { context: other.context, input: client.token });
    }
    expect(named(client.result)).toBe('SEC_E_OK');
  });

  test('E7, R49, R50, R51: CompleteAuthToken is never asked for, in no exchange of any package', async () => {
    const seen = new Set<number>();
    const sspi = everything();
    const spied = {
      ...sspi,
      initializeSecurityContext: async (parameters: Parameters<typeof sspi.initializeSecurityContext>[0]) => {
        const result = await sspi.initializeSecurityContext(parameters);
        seen.add(result.status);
        return result;
      },
      acceptSecurityContext: async (parameters: Parameters<typeof sspi.acceptSecurityContext>[0]) => {
        const result = await sspi.acceptSecurityContext(parameters);
        seen.add(result.status);
        return result;
      },
    };
    for (const name of ALL_PACKAGES) {
      seen.clear();
      await both(spied, name);
      expect([name, ...[...seen].sort()]).toEqual([name, SEC_E.OK, SEC_I.CONTINUE_NEEDED]);
    }
  });

  test('E8: a buffer that is not READONLY is written to', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP');
    const output = room(9000);
    const first = await sspi.initializeSecurityContext({ credential, targetName: TARGET, output: output.desc });
    expect([named(first), output.token.count > 100]).toEqual(['SEC_I_CONTINUE_NEEDED', true]);
    const readonly = desc(secBuffer(SECBUFFER.TOKEN | 0x80000000, new Uint8Array(9000)));
    const refused = await sspi.initializeSecurityContext({ credential, targetName: TARGET, output: readonly });
    expect(named(refused)).toBe('SEC_E_INVALID_TOKEN');
  });

  test('E10: a server may ask for DELEGATE', async () => {
    const { serverResult } = await established('CREDSSP', {
      serverReq: ASC_REQ.DELEGATE,
      contextReq: ISC_REQ.DELEGATE | ISC_REQ.MANUAL_CRED_VALIDATION,
    });
    expect(serverResult.contextAttr & 1).toBe(1);
  });

  test.each([
    [2, false],
    [3, true],
    [4, true],
    [5, false],
    [6, true],
  ])('E15, X20: version %i carries errorCode: %s', async (version, carries) => {
    const options = { maxVersion: version, minVersion: version };
    const client = await credsspClient({ identity: { ...IDENTITY, password: 'wrong' }, options });
    const server = await credsspServer({ options });
    const { initiatorError, acceptorError } = await converse(
      client.initiate({ flags: 0, targetName: TARGET }),
      server.accept({ flags: 0 }),
    );
    expect(acceptorError?.code).toBe('LOGON_DENIED');
    expect(initiatorError?.ntStatus).toBe(carries ? 0xc000006d : undefined);
  });

  test('E19, F18: Length-Field is the length of the TLS trailer', async () => {
    for (const one of vectorCases('credssp', 'winrm_tls_trailer_length')) {
      const length = tlsTrailerLength(text(one, 'protocol'), text(one, 'cipher'), number(one, 'data_length'));
      expect([one['cipher'], length]).toEqual([one['cipher'], number(one, 'trailer')]);
    }
  });

  test('E23: TLS 1.2 and 1.3 by default, or one of them', async () => {
    for (const [clientProtocols, serverProtocols, status] of [
      [undefined, TLS_1_2, 'SEC_E_OK'],
      [undefined, TLS_1_3, 'SEC_E_OK'],
      [TLS_1_2, undefined, 'SEC_E_OK'],
      [TLS_1_2, TLS_1_3, 'SEC_E_UNSUPPORTED_FUNCTION'],
    ] as const) {
      const sspi = table();
      const credential = await outbound(sspi, 'CREDSSP', { tls: { ...CLIENT_TLS, enabledProtocols: clientProtocols } });
      const server = await inbound(sspi, 'CREDSSP', { tls: { ...SERVER_TLS, enabledProtocols: serverProtocols } });
      let client = await initiate(sspi, { credential, targetName: TARGET });
      let input: Uint8Array = client.token;
      let context: Parameters<typeof sspi.deleteSecurityContext>[0]['context'] | undefined;
      while (client.result.status === SEC_I.CONTINUE_NEEDED) {
        const output = secBuffer(SECBUFFER.TOKEN);
        const result = await sspi.acceptSecurityContext({
          ...(context === undefined ? { credential: server } : { context }),
          contextReq: ASC_REQ.ALLOCATE_MEMORY,
          input: received(input).desc,
          output: desc(output),
        });
        context = result.context ?? context;
        client = await initiate(sspi, { context: client.context, input: present(output.buffer) });
        input = client.token;
      }
      expect(named(client.result)).toBe(status);
    }
  });

  test('E23: a ServerHello of TLS 1.1 is refused, and so is a ClientHello that offers no more', async () => {
    const sspi = table();
    const credential = await outbound(sspi, 'CREDSSP', { tls: CLIENT_TLS });
    const client = await initiate(sspi, { credential, targetName: TARGET });
    // RFC 8446 4.2.1: supported_versions (43), four octets of versions: 1.3 and 1.2, and nothing else.
    expect(Buffer.from(client.token).toString('hex')).toContain('002b00050403040303');
    // RFC 4346 7.4.1.3: version 3.2, a random of 32 octets, no session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
    const serverHello = hex(`160302002a 02000026 0302 ${'5a'.repeat(32)} 00 002f 00`);
    const refused = await initiate(sspi, { context: client.context, input: serverHello });
    expect(named(refused.result)).toBe('SEC_E_ALGORITHM_MISMATCH');

    const server = await inbound(sspi, 'CREDSSP', { tls: SERVER_TLS });
    const output = secBuffer(SECBUFFER.TOKEN);
    const answer = await sspi.acceptSecurityContext({
      credential: server,
      contextReq: ASC_REQ.ALLOCATE_MEMORY,
      input: received(await helloOf11()).desc,
      output: desc(output),
    });
    expect(named(answer)).toBe('SEC_E_ALGORITHM_MISMATCH');
    // An alert: fatal (2), protocol_version (70).
    expect([output.buffer?.[0], output.buffer?.slice(5)]).toEqual([0x15, hex('0246')]);
  });

  test('E24: DELEGATE is not required, as it was on Windows Vista', async () => {
    const { clientResult } = await established('CREDSSP', { contextReq: 0 });
    expect(clientResult.contextAttr & ISC_RET.DELEGATE).toBe(0);
  });
});

describe('where we differ from the contract, and why', () => {
  test('Z3, X30: the echo of old versions carries over 0xFF: the published vectors have it so', () => {
    const cases = vectorCases('credssp', 'pubKeyAuth.legacy_echo');
    expect(cases.length).toBeGreaterThan(0);
    for (const one of cases) expect(keyPlusOne(hex(text(one, 'public_key')))).toEqual(hex(text(one, 'server_reply')));
    expect(keyPlusOne(hex('ffff01'))).toEqual(hex('000002'));
    expect(keyPlusOne(hex('ff00'))).toEqual(hex('0001'));
    // The keys of certificates begin with 0x30 or 0x04: nobody can tell.
    expect(keyPlusOne(hex('3082'))).toEqual(hex('3182'));
  });

  test('X13, R15: tickets of TLS 1.3 cannot be suppressed in Node.js; they are sent, and swallowed', async () => {
    const client = (await credsspClient({ protocols: TLS_1_3 })).initiate({
      flags: ISC_REQ.DELEGATE,
      targetName: TARGET,
    });
    const server = (await credsspServer({ protocols: TLS_1_3 })).accept({ flags: 0 });
    const { initiatorError, acceptorError } = await converse(client, server);
    expect([initiatorError, acceptorError]).toEqual([undefined, undefined]);
    expect(client.query('SESSION_INFO')).toMatchObject({ reconnect: false });
  });
});
