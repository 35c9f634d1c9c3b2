/** Client certificates: the server's wish, the caller's choice, the server's verdict (contract R23, R53, R76). */
import { describe, expect, test } from 'vitest';
import { CertificateRequestWatch } from '../../src/schannel/certificate-request.ts';
import { ASC_REQ, ASC_RET, ISC_REQ, ISC_RET, SCH_CRED, SEC_E, SEC_I } from '../../src/sspi/index.ts';
import {
  connect,
  connected,
  der,
  failureOf,
  inbound,
  octetsOf,
  outbound,
  pair,
  pem,
  selfSigned,
  stepped,
  streamOf,
  TLS1_2,
  TLS1_3,
  withKey,
} from './support.ts';

const ALICE = withKey('leaf', 'client', 'intermediate');
const asking = { requestClientCertificate: true, rootStore: [pem('root.pem')] };

/** The subject of root.pem, `O=Test, CN=Test Root`, in DER by hand: both values are UTF8String, as openssl makes them. */
const ROOT_SUBJECT = Uint8Array.from([
  0x30,
  0x23, // SEQUENCE
  0x31,
  0x0d,
  0x30,
  0x0b,
  0x06,
  0x03,
  0x55,
  0x04,
  0x0a,
  0x0c,
  0x04,
  ...octetsOf('Test'),
  0x31,
  0x12,
  0x30,
  0x10,
  0x06,
  0x03,
  0x55,
  0x04,
  0x03,
  0x0c,
  0x09,
  ...octetsOf('Test Root'),
]);

describe.each([
  ['TLSv1.2', TLS1_2],
  ['TLSv1.3', TLS1_3],
] as const)('%s', (_, enabledProtocols) => {
  const ask = { enabledProtocols, server: { certificates: [selfSigned('ec')], ...asking } };

  test('X2, C5: a certificate given beforehand reaches the server, which judges it', async () => {
    const { client, server } = await connected({
      ...ask,
      client: { rootStore: [pem('ec.pem')], certificates: [ALICE] },
    });
    expect(server.query('REMOTE_CERT_CONTEXT').certificate).toEqual(der('client'));
    expect(server.query('REMOTE_CERTIFICATES').certificates).toEqual([der('client'), der('intermediate')]);
    expect(server.query('CERT_TRUST_STATUS')).toEqual({ errorStatus: 0, infoStatus: 0, policyStatus: 0 });
    expect(server.query('FLAGS').flags & ASC_RET.MUTUAL_AUTH).toBe(ASC_RET.MUTUAL_AUTH);
    expect(client.query('LOCAL_CERT_CONTEXT').certificate).toEqual(der('client'));
  });

  test('C5: ASC_REQ_MUTUAL_AUTH asks as well', async () => {
    const { server } = await connected({
      enabledProtocols,
      server: { certificates: [selfSigned('ec')], rootStore: [pem('root.pem')] },
      accept: { flags: ASC_REQ.MUTUAL_AUTH },
      client: { rootStore: [pem('ec.pem')], certificates: [ALICE] },
    });
    expect(server.query('REMOTE_CERT_CONTEXT').certificate).toEqual(der('client'));
  });

  test('R76 R53: without one, the caller is asked, may read whom the server trusts, and the input is not consumed', async () => {
    const { client, server } = await pair(ask);
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    const step = await client.step(flight);
    expect(step).toMatchObject({
      status: SEC_I.INCOMPLETE_CREDENTIALS,
      consumed: 0,
      flags: ISC_RET.INTERMEDIATE_RETURN,
    });
    expect(client.state).toBe('negotiating');
    expect(client.query('ISSUER_LIST_EX').issuers).toEqual([ROOT_SUBJECT]);
  });

  test('R76: so it is when the server chose its certificate by name', async () => {
    const certificates = [selfSigned('rsa'), withKey('ec', 'cn-only')];
    const { client, server } = await pair({
      ...ask,
      server: { ...asking, certificates },
      initiate: { targetName: 'cn.example.com' },
    });
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    expect((await client.step(flight)).status).toBe(SEC_I.INCOMPLETE_CREDENTIALS);
    expect(client.query('ISSUER_LIST_EX').issuers).toEqual([ROOT_SUBJECT]);
  });

  test('R76: the same token again without a credential goes on without a certificate', async () => {
    const { client, server } = await pair(ask);
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    await client.step(flight);
    const step = await stepped(client, flight);
    expect(step.consumed).toBe(flight.length);
    const last = await stepped(server, step.token);
    if (client.state === 'negotiating') await stepped(client, last.token);
    expect(server.state).toBe('established');
    expect(() => server.query('REMOTE_CERT_CONTEXT')).toThrow(expect.objectContaining({ code: 'NO_CREDENTIALS' }));
    expect(server.query('FLAGS').flags & ASC_RET.MUTUAL_AUTH).toBe(0);
    const record = await streamOf(client).encrypt(octetsOf('anonymous'));
    expect(await streamOf(server).decrypt(record)).toMatchObject({ kind: 'data', plaintext: octetsOf('anonymous') });
  });

  test('R76 R35: the same with the flight in pieces, the question in the middle of it', async () => {
    const { client, server } = await pair(ask);
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    let asked = 0;
    let token = new Uint8Array(0);
    let at = 0;
    for (let end = 40; at < flight.length; end = Math.min(end + 40, flight.length)) {
      let step = await client.step(flight.subarray(at, end));
      if (step.status === SEC_I.INCOMPLETE_CREDENTIALS) {
        asked++;
        step = await client.step(flight.subarray(at, end));
      }
      at += step.consumed;
      if ('token' in step) token = Uint8Array.from([...token, ...step.token]);
    }
    expect(asked).toBe(1);
    const last = await stepped(server, token);
    if (client.state === 'negotiating') await stepped(client, last.token);
    expect([client.state, server.state]).toEqual(['established', 'established']);
  });

  test('R76: with a certificate the handshake starts anew, on a new connection', async () => {
    const { client, server } = await pair(ask);
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    await client.step(flight);
    const better = await outbound({ certificates: [ALICE], rootStore: [pem('ec.pem')], enabledProtocols });
    const step = await client.step(flight, better);
    expect(step.status).toBe(SEC_I.CONTINUE_NEEDED);
    expect(step.consumed).toBe(flight.length);
    const hello = 'token' in step ? step.token : new Uint8Array(0);
    expect([hello[0], hello[5]]).toEqual([22, 1]); // a ClientHello
    const another = (await inbound({ certificates: [selfSigned('ec')], ...asking, enabledProtocols })).accept({
      flags: 0,
    });
    const reply = await stepped(another, hello);
    const finished = await stepped(client, reply.token);
    const last = await stepped(another, finished.token);
    if (client.state === 'negotiating') await stepped(client, last.token);
    expect(client.state).toBe('established');
    expect(another.query('REMOTE_CERT_CONTEXT').certificate).toEqual(der('client'));
  });

  test('R8: a credential of another package is refused there', async () => {
    const { client, server } = await pair(ask);
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    await client.step(flight);
    const disposed = await outbound();
    disposed.dispose();
    expect((await failureOf(client.step(flight, disposed))).status).toBe(SEC_E.WRONG_CREDENTIAL_HANDLE);
  });

  test('R76: another token in place of the same one is refused', async () => {
    if (enabledProtocols === TLS1_2) return expect(enabledProtocols).toBe(TLS1_2); // nothing was fed there before the question
    const { client, server } = await pair(ask);
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    await client.step(flight);
    expect((await failureOf(client.step(flight.subarray(5 + 123)))).code).toMatch(
      /UNEXPECTED_MESSAGE|NOT_TLS|MALFORMED_TOKEN/,
    );
  });

  test('R23: with USE_SUPPLIED_CREDS nobody is asked', async () => {
    const { client, server } = await pair({ ...ask, initiate: { flags: ISC_REQ.USE_SUPPLIED_CREDS } });
    await connect(client, server);
    expect([client.state, server.state]).toEqual(['established', 'established']);
  });

  test('a client whose certificate is not trusted is refused, and learns it', async () => {
    const { client, server } = await pair({
      ...ask,
      client: { rootStore: [pem('ec.pem')], certificates: [selfSigned('rsa')] },
    });
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    const { token } = await stepped(client, flight);
    const failure = await failureOf(server.step(token));
    expect(failure).toMatchObject({ code: 'CERTIFICATE_UNTRUSTED', status: SEC_E.UNTRUSTED_ROOT });
    expect(server.state).toBe('failed');
    if (enabledProtocols === TLS1_2) {
      expect(failure.token).toEqual(Uint8Array.of(21, 3, 3, 0, 2, 2, 48)); // unknown_ca
      expect(await failureOf(client.step(failure.token))).toMatchObject({ status: SEC_E.UNTRUSTED_ROOT });
      return;
    }
    // TLS 1.3: tickets, then close_notify.
    let record = await streamOf(client).decrypt(failure.token ?? new Uint8Array(0));
    for (let at = 0; record.kind === 'data'; ) {
      at += record.consumed;
      record = await streamOf(client).decrypt((failure.token ?? new Uint8Array(0)).subarray(at));
    }
    expect(record.kind).toBe('closed');
  });

  test('a server certificate is not good for a client', async () => {
    const wrong = withKey('leaf', 'server', 'intermediate');
    const { client, server } = await pair({ ...ask, client: { rootStore: [pem('ec.pem')], certificates: [wrong] } });
    const flight = (await stepped(server, (await stepped(client)).token)).token;
    const failure = await failureOf(server.step((await stepped(client, flight)).token));
    expect(failure.status).toBe(SEC_E.CERT_WRONG_USAGE);
  });

  test('R24: SCH_CRED_MANUAL_CRED_VALIDATION lets the application of the server decide', async () => {
    const { server } = await connected({
      enabledProtocols,
      server: { ...ask.server, flags: SCH_CRED.MANUAL_CRED_VALIDATION },
      client: { rootStore: [pem('ec.pem')], certificates: [selfSigned('rsa')] },
    });
    expect(server.query('REMOTE_CERT_CONTEXT').certificate).toEqual(der('rsa'));
    expect(server.query('CERT_TRUST_STATUS').errorStatus).not.toBe(0);
    expect(server.query('FLAGS').flags & ASC_RET.MUTUAL_AUTH).toBe(0);
  });
});

test('X2: no certificate is requested by default', async () => {
  const { server } = await connected({
    enabledProtocols: TLS1_2,
    client: { rootStore: [pem('ec.pem')], certificates: [ALICE] },
  });
  expect(() => server.query('REMOTE_CERT_CONTEXT')).toThrow(expect.objectContaining({ code: 'NO_CREDENTIALS' }));
});

test('Z45: a line with a secret of the handshake is wiped as soon as it was read', () => {
  const watch = new CertificateRequestWatch();
  for (const label of ['SERVER_HANDSHAKE_TRAFFIC_SECRET', 'CLIENT_TRAFFIC_SECRET_0', 'CLIENT_RANDOM']) {
    const line = octetsOf(`${label} ${'11'.repeat(32)} ${'22'.repeat(48)}\n`);
    watch.takeSecret(line);
    expect(line.every((octet) => octet === 0)).toBe(true);
  }
});
