/** What goes wrong in a TLS handshake, and what the two sides are told (contract M17, R25, R41, C12). */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { acquireTls } from '../../src/schannel/index.ts';
import { CERT_STATUS, SEC_E, SECPKG_CRED, type SecurityContext, SspiError } from '../../src/sspi/index.ts';
import {
  connect,
  connected,
  EMPTY,
  failureOf,
  inbound,
  octetsOf,
  outbound,
  pair,
  selfSigned,
  stepped,
  streamOf,
  TLS1_2,
  TLS1_3,
  VARIANTS,
} from './support.ts';

describe('alerts of the peer', () => {
  test.each([
    [0, SEC_E.UNFINISHED_CONTEXT_DELETED],
    [10, SEC_E.ILLEGAL_MESSAGE],
    [20, SEC_E.MESSAGE_ALTERED],
    [21, SEC_E.DECRYPT_FAILURE],
    [22, SEC_E.ILLEGAL_MESSAGE],
    [30, SEC_E.MESSAGE_ALTERED],
    [40, SEC_E.ILLEGAL_MESSAGE],
    [42, SEC_E.CERT_UNKNOWN],
    [43, SEC_E.CERT_UNKNOWN],
    [44, CERT_STATUS.CRYPT_E_REVOKED],
    [45, SEC_E.CERT_EXPIRED],
    [46, SEC_E.CERT_UNKNOWN],
    [47, SEC_E.ILLEGAL_MESSAGE],
    [48, SEC_E.UNTRUSTED_ROOT],
    [49, SEC_E.LOGON_DENIED],
    [50, SEC_E.ILLEGAL_MESSAGE],
    [51, SEC_E.DECRYPT_FAILURE],
    [60, SEC_E.ILLEGAL_MESSAGE],
    [70, SEC_E.UNSUPPORTED_FUNCTION],
    [71, SEC_E.ALGORITHM_MISMATCH],
    [80, SEC_E.INTERNAL_ERROR],
    [90, SEC_E.UNFINISHED_CONTEXT_DELETED],
    [100, SEC_E.ILLEGAL_MESSAGE],
    [110, SEC_E.ILLEGAL_MESSAGE],
    [115, SEC_E.ILLEGAL_MESSAGE],
    [120, 0x80090367],
    [199, SEC_E.ILLEGAL_MESSAGE],
  ])('M17: fatal alert %i during the handshake', async (description, status) => {
    const { client } = await pair();
    await stepped(client);
    const failure = await failureOf(client.step(Uint8Array.of(21, 3, 3, 0, 2, 2, description)));
    expect(failure).toMatchObject({ code: 'TLS_ALERT', status });
    expect(failure.detail).toContain(`(${description})`);
    expect(client.state).toBe('failed');
  });

  test('M17: close_notify, a warning, ends a handshake too', async () => {
    const { server } = await pair();
    const failure = await failureOf(server.step(Uint8Array.of(21, 3, 3, 0, 2, 1, 0)));
    expect(failure.status).toBe(SEC_E.UNFINISHED_CONTEXT_DELETED);
  });
});

describe('nothing in common', () => {
  test.each([
    ['client', TLS1_3, TLS1_2],
    ['server', TLS1_2, TLS1_3],
  ])('M17 C12: versions that do not meet; the %s speaks the newer one', async (_, clientVersions, serverVersions) => {
    const { client, server } = await pair({
      client: { enabledProtocols: clientVersions },
      server: { enabledProtocols: serverVersions },
    });
    const refusal = await failureOf(server.step((await stepped(client)).token));
    expect(refusal).toMatchObject({ code: 'TLS_FAILED', status: SEC_E.ALGORITHM_MISMATCH });
    // RFC 8446 6.2: protocol_version is 70.
    expect(refusal.token).toEqual(Uint8Array.of(21, 3, refusal.token?.[2] ?? 0, 0, 2, 2, 70));
    expect(await failureOf(client.step(refusal.token))).toMatchObject({
      code: 'TLS_ALERT',
      status: SEC_E.UNSUPPORTED_FUNCTION,
    });
  });

  test('M17: no application protocol in common', async () => {
    const { client, server } = await pair({
      initiate: { applicationProtocols: ['h2'] },
      accept: { applicationProtocols: ['tds/8.0'] },
    });
    const refusal = await failureOf(server.step((await stepped(client)).token));
    expect(refusal.status).toBe(SEC_E.APPLICATION_PROTOCOL_MISMATCH);
    expect(await failureOf(client.step(refusal.token))).toMatchObject({ status: SEC_E.APPLICATION_PROTOCOL_MISMATCH });
  });
});

describe('messages that are wrong', () => {
  test.each([
    ['HTTP', octetsOf('GET / HTTP/1.1\r\n\r\n')],
    ['RDP', Uint8Array.of(3, 0, 0, 19, 14, 224, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0)],
    ['SSL 2.0', Uint8Array.of(0x80, 0x2e, 1, 3, 1, 0)],
  ])('R58 Z10: %s instead of TLS', async (_, octets) => {
    const { client, server } = await pair();
    await stepped(client);
    for (const context of [client, server])
      expect(await failureOf(context.step(octets))).toMatchObject({ code: 'NOT_TLS', status: SEC_E.INVALID_TOKEN });
  });

  test('Z10: records of the right form with nonsense in them', async () => {
    for (const type of [20, 21, 22, 23, 24]) {
      const { server } = await pair();
      const failure = await failureOf(server.step(Uint8Array.of(type, 3, 3, 0, 6, 7, 7, 7, 7, 7, 7)));
      expect(failure.code).toMatch(/^TLS_/);
      expect(failure.detail).not.toBe('no reason given');
    }
  });

  test('Z10: application data in place of a ClientHello, a ClientHello in place of Finished', async () => {
    const { client, server } = await pair({ enabledProtocols: TLS1_2 });
    const hello = (await stepped(client)).token;
    await stepped(server, hello);
    expect((await failureOf(server.step(hello))).code).toMatch(/^TLS_/);
  });

  test.each(VARIANTS)(
    'Z10: a bit changed anywhere in the first flights is found out: $version with $key',
    async ({ key, enabledProtocols }) => {
      const sample = await pair({ key, enabledProtocols });
      const flight = (await stepped(sample.server, (await stepped(sample.client)).token)).token;
      const step = Math.ceil(flight.length / 12);
      for (let at = 9; at < flight.length; at += step) {
        const { client, server } = await pair({ key, enabledProtocols });
        await expect(connectWith(client, server, at)).rejects.toBeInstanceOf(SspiError);
        client.dispose();
        server.dispose();
      }
    },
  );

  /** Runs a handshake in which one bit of the server's first flight is changed. */
  async function connectWith(client: SecurityContext, server: SecurityContext, at: number): Promise<void> {
    const { token } = await stepped(server, (await stepped(client)).token);
    const changed = token.slice();
    changed[at] = (changed[at] ?? 0) ^ 1;
    let input = (await stepped(client, changed)).token;
    for (const context of [server, client, server]) input = (await stepped(context, input)).token;
    throw new TypeError('nobody noticed');
  }
});

describe('the handshake signature', () => {
  test('Z44: a server that shows a certificate whose key it does not have is refused, even when nobody checks the chain', async () => {
    // A man in the middle with the real certificate and a key of his own: his flight, with the Certificate message replaced.
    const mitm = await inbound({ certificates: [selfSigned('rsa')], enabledProtocols: TLS1_2 });
    const real = await inbound({ certificates: [selfSigned('rsa-of-another')], enabledProtocols: TLS1_2 });
    const credential = acquireTls({ kind: 'schannel', enabledProtocols: TLS1_2 }, SECPKG_CRED.OUTBOUND);
    const client = credential.client({});
    const { token: hello } = await client.handshake();
    const forged = (await stepped(mitm.accept({ flags: 0 }), hello)).token;
    const genuine = (await stepped(real.accept({ flags: 0 }), hello)).token;
    const spliced = replaceMessage(forged, messageIn(genuine, 11), 11);
    const failure = await failureOf(client.handshake(spliced));
    expect(failure.code).toBe('TLS_FAILED');
    // RFC 5246 7.2.2: decrypt_error (51) is for a signature that does not verify.
    expect(failure.token).toEqual(Uint8Array.of(21, 3, 3, 0, 2, 2, 51));
    expect(client.established).toBe(false);
    // The same splice with the certificate that belongs to the key goes on.
    const honest = acquireTls({ kind: 'schannel', enabledProtocols: TLS1_2 }, SECPKG_CRED.OUTBOUND).client({});
    const again = (await stepped(mitm.accept({ flags: 0 }), (await honest.handshake()).token)).token;
    expect((await honest.handshake(replaceMessage(again, messageIn(again, 11), 11))).token.length).toBeGreaterThan(0);
  });
});

/** The record that holds one handshake message of a TLS 1.2 flight; OpenSSL puts each into one of its own. */
function messageIn(flight: Uint8Array, type: number): Uint8Array {
  const record = recordsIn(flight).find((one) => one[5] === type);
  if (record === undefined) throw new TypeError(`no message ${type}`);
  return record;
}

function replaceMessage(flight: Uint8Array, replacement: Uint8Array, type: number): Uint8Array {
  return Uint8Array.from(recordsIn(flight).flatMap((one) => [...(one[5] === type ? replacement : one)]));
}

function recordsIn(flight: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < flight.length; ) {
    const end = at + 5 + ((flight[at + 3] ?? 0) << 8) + (flight[at + 4] ?? 0);
    records.push(flight.subarray(at, end));
    at = end;
  }
  return records;
}

describe('the end of a context', () => {
  test('R68: a context that failed fails again in the same way', async () => {
    const { client } = await pair();
    await stepped(client);
    const first = await failureOf(client.step(Uint8Array.of(21, 3, 3, 0, 2, 2, 40)));
    const second = await failureOf(client.step(Uint8Array.of(22, 3, 3, 0, 1, 0)));
    expect(second).toMatchObject({ code: first.code, status: first.status });
  });

  test.each(VARIANTS)(
    'L1: disposed at any point, nothing is heard of it again: $version with $key',
    async ({ key, enabledProtocols }) => {
      for (let steps = 0; steps < 4; steps++) {
        const { client, server } = await pair({ key, enabledProtocols });
        let input = EMPTY;
        for (const context of [client, server, client, server].slice(0, steps))
          input = (await stepped(context, input)).token;
        client.dispose();
        server.dispose();
        expect((await failureOf(client.step(input))).status).toBe(SEC_E.INVALID_HANDLE);
        expect((await failureOf(server.step(input))).status).toBe(SEC_E.INVALID_HANDLE);
      }
      await sleep(20); // whatever the runtime still wants to report would fail this file as an unhandled error
    },
  );

  test('L1: disposed while a call is under way', async () => {
    const { client, server } = await pair();
    const hello = (await stepped(client)).token;
    const pending = server.step(hello);
    server.dispose();
    expect((await failureOf(pending)).status).toBe(SEC_E.INVALID_HANDLE);
    const established = await connected();
    const stream = streamOf(established.client);
    const record = await stream.encrypt(octetsOf('x'));
    const encrypting = stream.encrypt(octetsOf('y'));
    established.client.dispose();
    expect((await failureOf(encrypting)).status).toBe(SEC_E.INVALID_HANDLE);
    expect((await failureOf(stream.decrypt(record))).status).toBe(SEC_E.INVALID_HANDLE);
    await sleep(20);
  });

  test('A14: freeing the credential does not harm the contexts made of it', async () => {
    const serverCredential = await inbound({ certificates: [selfSigned('ec')] });
    const clientCredential = await outbound({ flags: 0x8 });
    const server = serverCredential.accept({ flags: 0, applicationProtocols: ['late'] });
    const client = clientCredential.initiate({ flags: 0 });
    serverCredential.dispose();
    clientCredential.dispose();
    await connect(client, server);
    expect(server.state).toBe('established');
    expect(() => serverCredential.accept({ flags: 0 })).toThrow(
      expect.objectContaining({ status: SEC_E.INVALID_HANDLE }),
    );
  });

  test('an engine refuses to be used out of turn', async () => {
    const { client } = await pair();
    expect(() => client.messages).toThrow(expect.objectContaining({ status: SEC_E.INVALID_HANDLE }));
    const engine = acquireTls(undefined, SECPKG_CRED.OUTBOUND).client({});
    expect((await failureOf(engine.encrypt(octetsOf('x')))).status).toBe(SEC_E.INVALID_HANDLE);
    expect((await failureOf(engine.decrypt(octetsOf('x')))).status).toBe(SEC_E.INVALID_HANDLE);
    expect((await failureOf(engine.close())).status).toBe(SEC_E.INVALID_HANDLE);
  });
});
