import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credsspAcceptor, credsspInitiator } from '../../src/credssp/index.ts';
import { certificateKey } from '../../src/explain/x509.ts';
import { LAB_PASSWORD, type Lab, lab } from '../../src/lab/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ISC_REQ, SECPKG_CRED, Secret } from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import { frames, type Packet, pcap, pcapng } from './captures.ts';
import { decodedCalmly, notesOf, outcomes, part } from './support.ts';

let realm: Lab;
let tokens: readonly { readonly from: 'initiator' | 'acceptor'; readonly token: Uint8Array }[];
beforeAll(async () => {
  realm = await lab();
  tokens = await logonTokens();
});
afterAll(() => realm[Symbol.asyncDispose]());

/** TSRequests of a logon by NTLM, bound to the certificate of the lab, and the answer of four octets behind them. */
async function logonTokens() {
  const { host } = realm;
  const authData = realm.identity('alice', { mechanism: 'ntlm' });
  const outbound = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
  const inbound = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: realm.acceptor(), host });
  const flags = ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.REPLAY_DETECT;
  const der = Uint8Array.from(Buffer.from(realm.certificate.certificate.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
  const publicKey = certificateKey(der).subjectPublicKey;
  const client = credsspInitiator({
    publicKey,
    mechanism: outbound.initiate({ flags, targetName: realm.targetName }),
    credentials: { kind: 'password', domain: 'LAB', user: 'alice', password: Secret.fromText(LAB_PASSWORD) },
    serverCertificateTrusted: true,
    targetName: realm.targetName,
    flags: ISC_REQ.DELEGATE,
  });
  const server = credsspAcceptor({ publicKey, mechanism: inbound.accept({ flags: 0 }), flags: 0 });
  const { tokens: exchanged } = await converse(client, server);
  return [...exchanged, { from: 'acceptor' as const, token: new Uint8Array(4) }];
}

/** Lets the tokens go over a real TLS connection, and listens in between. */
async function overTls(
  version: 'TLSv1.2' | 'TLSv1.3',
  ciphers: string,
): Promise<{ packets: Packet[]; keyLog: string }> {
  const packets: Packet[] = [];
  const { certificate, privateKey } = realm.certificate;
  const tlsServer = createTlsServer({
    cert: certificate,
    key: String(privateKey),
    minVersion: version,
    maxVersion: version,
    ciphers,
  });
  tlsServer.listen(0, '127.0.0.1');
  await once(tlsServer, 'listening');
  const middle = createTcpServer((inner) => {
    const outer = connectTcp((tlsServer.address() as AddressInfo).port, '127.0.0.1'); // both listen
    const relay = (from: 'client' | 'server', to: typeof inner) => (data: Uint8Array) => {
      packets.push({ from, data: Uint8Array.from(data) });
      to.write(data);
    };
    inner.on('data', relay('client', outer)).on('error', () => undefined);
    outer.on('data', relay('server', inner)).on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(middle, 'listening');

  const accepted = once(tlsServer, 'secureConnection');
  const client = connectTls({
    port: (middle.address() as AddressInfo).port,
    host: '127.0.0.1',
    ca: certificate,
    servername: realm.server,
    checkServerIdentity: () => undefined,
  });
  let keyLog = '';
  client.on('keylog', (line) => {
    keyLog += line.toString('latin1');
  });
  const [[server]] = (await Promise.all([accepted, once(client, 'secureConnect')])) as [[TLSSocket], unknown];
  for (const { from, token } of tokens) {
    const [sender, receiver] = from === 'initiator' ? [client, server] : [server, client];
    const arrived = once(receiver, 'data');
    sender.write(token);
    await arrived;
  }
  client.destroy();
  server.destroy();
  tlsServer.close();
  middle.close();
  return { packets, keyLog };
}

const VERIFIED = [
  'NTProofStr',
  'MIC',
  'mechListMIC',
  'mechListMIC',
  'pubKeyAuth seal',
  'pubKeyAuth binding',
  'pubKeyAuth seal',
  'pubKeyAuth binding',
  'authInfo',
];

describe('a captured logon, with the key log of its TLS', () => {
  test.each([
    ['TLSv1.3', ''],
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
    ['TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ] as const)('X4, X30: %s %s: the whole conversation, all checks verified', async (version, ciphers) => {
    const { packets, keyLog } = await overTls(version, ciphers === '' ? 'TLS_AES_256_GCM_SHA384' : ciphers);
    const explanation = await decodedCalmly(pcap(frames(packets)), { keyLog, password: LAB_PASSWORD });
    expect(outcomes(explanation, 'failed')).toEqual([]);
    const verified = explanation.checks.filter(({ outcome }) => outcome === 'verified').map(({ name }) => name);
    expect(verified.filter((name) => name !== 'TLS records').toSorted()).toEqual(VERIFIED.toSorted());
    expect(verified).toContain('TLS records');
    const said = explanation.messages.map(({ summary }) => summary).join('\n');
    expect(said).toContain('TSRequest v6 {negoToken: NegTokenInit [NTLM] {NTLM NEGOTIATE}}');
    expect(said).toContain('TSRequest v6 {authInfo}');
    expect(said).toContain('Early User Authorization Result: AUTHZ_SUCCESS');
    expect(said).toContain(`Certificate (CN=${realm.server})`);
    expect(notesOf(explanation).filter((note) => /^(?:MALFORMED|TRUNCATED|UNKNOWN)/.test(note))).toEqual([]);
    expect(JSON.stringify(explanation)).not.toContain(keyLog.split(/\s+/)[2] ?? 'no secret');
  });

  test('the key log may lie in the pcapng file; without one nothing is opened', async () => {
    const { packets, keyLog } = await overTls('TLSv1.3', 'TLS_AES_256_GCM_SHA384');
    const own = await decodedCalmly(pcapng(frames(packets), 'ethernet', 'little', keyLog), { password: LAB_PASSWORD });
    expect(outcomes(own, 'failed')).toEqual([]);
    expect(own.checks.some(({ name, outcome }) => name === 'authInfo' && outcome === 'verified')).toBe(true);
    const none = await decodedCalmly(pcapng(frames(packets)), { password: LAB_PASSWORD });
    expect(none.checks).toEqual([]);
    expect(none.messages.at(-1)?.summary).toContain('encrypted');
  });

  test('a changed octet in a record is named, and the records behind it are read', async () => {
    const { packets, keyLog } = await overTls('TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256');
    const last = packets.findLast(({ from, data }) => from === 'client' && data[0] === 23);
    if (last === undefined) throw new TypeError('no record');
    last.data[last.data.length - 1] = (last.data.at(-1) ?? 0) ^ 0x01;
    const explanation = await decodedCalmly(pcap(frames(packets)), { keyLog, password: LAB_PASSWORD });
    expect(explanation.checks.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name)).toEqual([
      'TLS records',
    ]);
    expect(outcomes(explanation, 'verified').some((check) => check.endsWith('pubKeyAuth binding'))).toBe(true);
  });

  test('octets that an application sends are counted and not shown', async () => {
    const before = tokens;
    tokens = [...before.slice(0, 1), { from: 'initiator', token: new TextEncoder().encode('GET /secret HTTP/1.1') }];
    try {
      const { packets, keyLog } = await overTls('TLSv1.3', 'TLS_AES_256_GCM_SHA384');
      const explanation = await decodedCalmly(pcap(frames(packets)), { keyLog });
      expect(notesOf(explanation).join('\n')).toContain(
        '20 octets of plaintext that are not known here, and not shown',
      );
      expect(JSON.stringify(explanation)).not.toContain('secret HTTP');
      expect(part(explanation, 1, 'host_name').value).toBe(realm.server);
    } finally {
      tokens = before;
    }
  });
});
