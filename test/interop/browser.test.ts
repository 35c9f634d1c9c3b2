/** The package as it is published, in a browser: no Node.js, TLS at a gateway, Kerberos through a KDC proxy. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LAB_PASSWORD, type Lab, type LabNla, lab } from '../../src/lab/index.ts';
import { RDP_PROTOCOL } from '../../src/rdp/index.ts';
import { type PageReport, Site } from './browser.ts';
import { MCS_CONNECT, mcsConnectInitial, mcsTag } from './mcs.ts';
import { ALICE, freePort, Peers } from './peers.ts';

const TOKEN = 'a token of the gateway';
const NEXT = [3, 0, 0, 4];
const peers = new Peers();
let shadow: Record<string, string> = {};
let realm: Lab;
let door: LabNla;
let site: Site;
let report: PageReport;

beforeAll(async () => {
  const port = await freePort();
  shadow = { FREERDP_SHADOW_PORT: String(port) };
  await peers.must('freerdp-shadow.sh', ['start'], shadow);
  realm = await lab();
  door = await realm.nla();
  const nobody = { host: '127.0.0.1', port: await freePort() };
  site = await Site.open({
    kdc: realm.kdc,
    gateways: {
      '/lab': { token: TOKEN, server: door },
      '/shadow': { token: TOKEN, server: { host: '127.0.0.1', port } },
      '/nowhere': { token: TOKEN, server: nobody },
    },
  });
  void answerAll();

  const common = { gateway: '/lab', host: 'localhost', proxyAuth: TOKEN, next: NEXT, deadline: 20_000 };
  const alice = { kind: 'identity', user: 'alice', domain: realm.domain, password: LAB_PASSWORD };
  const kerberos = { realm: realm.realm, kdc: `${site.origin}/KdcProxy` };
  const shadowed = {
    ...common,
    gateway: '/shadow',
    host: '127.0.0.1',
    identity: { kind: 'identity', ...ALICE },
    credssp: { mechanism: 'ntlm' }, // FreeRDP 2 does not know SPNEGO without Kerberos
    next: [...mcsConnectInitial(RDP_PROTOCOL.HYBRID)],
  };
  report = await site.run([
    { ...common, name: 'Kerberos', identity: { ...alice, kerberos, packageList: '!ntlm' } },
    { ...common, name: 'NTLM', identity: alice },
    { ...common, name: 'wrong password', identity: { ...alice, password: 'wrong' } },
    { ...common, name: 'wrong password by Kerberos', identity: { ...alice, kerberos, password: 'wrong' } },
    { ...common, name: 'unknown token', proxyAuth: 'another', identity: alice },
    { ...common, name: 'nobody there', gateway: '/nowhere', identity: alice },
    { ...shadowed, name: 'FreeRDP' },
    { ...shadowed, name: 'FreeRDP, wrong password', identity: { ...shadowed.identity, password: 'wrong' } },
  ]);
}, 300_000); // the package may have to be built first
afterAll(async () => {
  await site.close();
  await realm.close();
  await peers.run('freerdp-shadow.sh', ['stop'], shadow);
  await peers.stop();
});

/** Whoever is in gets back what he says first. */
async function answerAll(): Promise<void> {
  for (;;) {
    const logon = await door.next();
    if (logon.kind === 'accepted') logon.session.stream.once('data', (octets) => logon.session.stream.write(octets));
  }
}

const outcome = (name: string) => report.outcomes.find((one) => one.name === name);

describe('in a browser', () => {
  test('F12: it is one, and it found all that it needs', () => {
    expect(report.userAgent).toContain('Chrome');
    expect(report.isNode).toBe(false);
    expect(site.served).toContain('/dist/crypto/portable.js');
    expect(site.served.filter((path) => /\/(node|tls|wire|connect|accept)\.js$/.test(path))).toEqual([]);
  });

  test('F12, F25: a logon by Kerberos, whose KDC is behind a proxy', () => {
    expect(outcome('Kerberos')).toMatchObject({
      identity: { name: 'alice@LAB.EXAMPLE', mechanism: 'Kerberos', serverAuthentication: ['Kerberos'] },
      authorization: 'granted',
      session: { version: 6, delegation: { delegated: 'password' }, mechanism: { chosen: 'Kerberos' } },
      answer: NEXT,
    });
    expect(site.proxied).toBeGreaterThanOrEqual(3); // AS twice, for the pre-authentication, and TGS
  });

  test('F12, X16: a logon by NTLM', () => {
    expect(outcome('NTLM')).toMatchObject({
      identity: { name: 'LAB\\alice', mechanism: 'NTLM', serverAuthentication: [] },
      authorization: 'granted',
      answer: NEXT,
    });
    expect(outcome('NTLM')?.['events']).toEqual(expect.arrayContaining(['x224', 'certificate', 'message', 'binding']));
  });

  test('C13, K9: wrong passwords', () => {
    expect(outcome('wrong password')).toMatchObject({ error: { code: 'PEER_REFUSED', ntStatus: 0xc000006d } });
    expect(outcome('wrong password by Kerberos')).toMatchObject({ error: { code: 'LOGON_DENIED' } });
  });

  test('F12: what the gateway has to say', () => {
    expect(outcome('unknown token')).toMatchObject({ error: { code: 'GATEWAY_REFUSED', stage: 'RDCleanPath' } });
    expect(outcome('nobody there')).toMatchObject({ error: { code: 'GATEWAY_REFUSED', stage: 'RDCleanPath' } });
  });

  test('F12, F7: FreeRDP lets us in and goes on; and with a wrong password it does not', () => {
    const { answer, ...freerdp } = { answer: [], ...outcome('FreeRDP') };
    expect(freerdp).toMatchObject({ identity: { mechanism: 'NTLM' }, authorization: 'not-told' });
    expect(mcsTag(Uint8Array.from(answer))).toBe(MCS_CONNECT.response);
    expect(outcome('FreeRDP, wrong password')).toMatchObject({
      error: { code: 'CONNECTION_CLOSED', stage: 'TSRequest' },
    });
  });
});
