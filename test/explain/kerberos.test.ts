import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { credsspAcceptor, credsspInitiator } from '../../src/credssp/index.ts';
import { diagnose } from '../../src/explain/index.ts';
import { certificateKey } from '../../src/explain/x509.ts';
import type { Host } from '../../src/host/index.ts';
import { LAB_PASSWORD, type Lab, lab } from '../../src/lab/index.ts';
import { negotiatePackage } from '../../src/negotiate/index.ts';
import { ISC_REQ, SECPKG_CRED, Secret } from '../../src/sspi/index.ts';
import { converse } from '../support/loop.ts';
import { toHex } from '../support/vectors.ts';
import { decodedCalmly, notesOf, outcomes, part } from './support.ts';

const INNER = ISC_REQ.MUTUAL_AUTH | ISC_REQ.CONFIDENTIALITY | ISC_REQ.SEQUENCE_DETECT | ISC_REQ.REPLAY_DETECT;

/** A message with its connection and sender. */
interface Line {
  readonly conn: string;
  readonly frm: 'client' | 'server';
  readonly hex: string;
}

let realm: Lab;
let logon: readonly Line[];
let keys: { readonly password: string; readonly keytab: Uint8Array; readonly certificate: string };

beforeAll(async () => {
  realm = await lab();
  logon = await recordedLogon(realm, LAB_PASSWORD);
  keys = { password: LAB_PASSWORD, keytab: realm.keytab, certificate: realm.certificate.certificate };
});
afterAll(() => realm[Symbol.asyncDispose]());

/** Logs alice on with Kerberos in SPNEGO in CredSSP, and writes down what goes to the KDC and to the server. */
async function recordedLogon(where: Lab, password: string): Promise<Line[]> {
  const lines: Line[] = [];
  const { kdcTransport } = where.host;
  const host: Host = {
    ...where.host,
    kdcTransport: {
      async exchange(request) {
        lines.push({ conn: 'kdc', frm: 'client', hex: toHex(request.message) });
        const answer = (await kdcTransport?.exchange(request)) ?? new Uint8Array(0);
        lines.push({ conn: 'kdc', frm: 'server', hex: toHex(answer) });
        return answer;
      },
    },
  };
  const authData = where.identity('alice', { mechanism: 'kerberos', password });
  const outbound = await negotiatePackage.acquire({ use: SECPKG_CRED.OUTBOUND, authData, host });
  const inbound = await negotiatePackage.acquire({ use: SECPKG_CRED.INBOUND, authData: where.acceptor(), host });
  const der = Uint8Array.from(Buffer.from(where.certificate.certificate.replace(/-----[^-]+-----|\s/g, ''), 'base64'));
  const publicKey = certificateKey(der).subjectPublicKey;
  const client = credsspInitiator({
    publicKey,
    mechanism: outbound.initiate({ flags: INNER, targetName: where.targetName }),
    credentials: { kind: 'password', domain: 'LAB', user: 'alice', password: Secret.fromText(LAB_PASSWORD) },
    serverCertificateTrusted: false,
    targetName: where.targetName,
    flags: ISC_REQ.DELEGATE | ISC_REQ.MUTUAL_AUTH,
  });
  const server = credsspAcceptor({ publicKey, mechanism: inbound.accept({ flags: 0 }), flags: 0 });
  const { tokens } = await converse(client, server);
  for (const { from, token } of tokens)
    lines.push({ conn: 'rdp', frm: from === 'initiator' ? 'client' : 'server', hex: toHex(token) });
  return lines;
}

function recording(lines: readonly Line[]): string {
  return lines.map((line) => JSON.stringify(line)).join('\n');
}

/** The logon with one octet changed. */
function flipped(message: number, at: number): string {
  return recording(
    logon.map((line, index) => {
      if (index !== message - 1) return line;
      const octets = Buffer.from(line.hex, 'hex');
      octets[at] = (octets[at] ?? 0) ^ 0x01;
      return { ...line, hex: octets.toString('hex') };
    }),
  );
}

const EVERYTHING = [
  'PA-ENC-TIMESTAMP',
  'AS-REP',
  'Authenticator',
  'TGS-REQ checksum',
  'Ticket',
  'PAC server signature',
  'TGS-REP',
  'Ticket',
  'PAC server signature',
  'Authenticator',
  'AP-REP',
  'pubKeyAuth seal',
  'pubKeyAuth binding',
  'pubKeyAuth seal',
  'pubKeyAuth binding',
  'authInfo',
];

describe('a logon with Kerberos, from the AS-REQ to the credentials', () => {
  test('K1: every message is known', async () => {
    const { messages } = await decodedCalmly(recording(logon));
    expect(messages.map(({ from, summary }) => `${from}: ${summary}`)).toEqual([
      'client: Kerberos AS-REQ (alice@LAB.EXAMPLE for krbtgt/LAB.EXAMPLE@LAB.EXAMPLE)',
      'server: Kerberos KRB-ERROR (KDC_ERR_PREAUTH_REQUIRED (25))',
      'client: Kerberos AS-REQ (alice@LAB.EXAMPLE for krbtgt/LAB.EXAMPLE@LAB.EXAMPLE)',
      'server: Kerberos AS-REP (alice@LAB.EXAMPLE for krbtgt/LAB.EXAMPLE@LAB.EXAMPLE)',
      'client: Kerberos TGS-REQ (TERMSRV/server.lab.example@LAB.EXAMPLE)',
      'server: Kerberos TGS-REP (alice@LAB.EXAMPLE for TERMSRV/server.lab.example@LAB.EXAMPLE)',
      expect.stringMatching(
        /^client: TSRequest v6 \{negoToken: NegTokenInit \[.*\] \{Kerberos AP-REQ \(TERMSRV\/server/,
      ),
      expect.stringMatching(
        /^server: TSRequest v6 \{negoToken: NegTokenResp accept-completed \[.*\] \{Kerberos AP-REP/,
      ),
      'client: TSRequest v6 {pubKeyAuth}',
      'server: TSRequest v6 {pubKeyAuth}',
      'client: TSRequest v6 {authInfo}',
    ]);
  });

  test('K2-K4, K12, X30: with password and keytab every part opens and every check verifies', async () => {
    const explanation = await decodedCalmly(recording(logon), keys);
    expect(outcomes(explanation, 'failed')).toEqual([]);
    const verified = explanation.checks.filter(({ outcome }) => outcome === 'verified').map(({ name }) => name);
    expect(verified.filter((name) => name !== 'AS-REQ checksum' && name !== 'mechListMIC')).toEqual(EVERYTHING);
    expect(notesOf(explanation).filter((note) => /^(?:MALFORMED|TRUNCATED|REFUSED)/.test(note))).toEqual([]);
    expect(part(explanation, 3, 'PA-ENC-TS-ENC').decrypted).toBe(true);
    expect(part(explanation, 7, 'EncTicketPart').decrypted).toBe(true);
    expect(part(explanation, 7, 'EffectiveName').value).toBe('alice');
    expect(part(explanation, 7, 'Authenticator').decrypted).toBe(true);
    expect(part(explanation, 8, 'EncAPRepPart').decrypted).toBe(true);
    expect(part(explanation, 11, 'userName').value).toBe('alice');
    expect(diagnose(explanation).causes).toEqual([]);
  });

  test('the password alone is enough, by way of the replies of the KDC', async () => {
    const explanation = await decodedCalmly(recording(logon), {
      password: LAB_PASSWORD,
      certificate: keys.certificate,
    });
    expect(outcomes(explanation, 'failed')).toEqual([]);
    expect(outcomes(explanation, 'verified')).toEqual(
      expect.arrayContaining(['#3 PA-ENC-TIMESTAMP', '#6 TGS-REP', '#7 Authenticator', '#11 authInfo']),
    );
    expect(outcomes(explanation, 'not-checked')).toEqual(expect.arrayContaining(['#6 Ticket', '#7 Ticket']));
  });

  test('the keytab alone is enough for what went to the server', async () => {
    const explanation = await decodedCalmly(recording(logon.filter(({ conn }) => conn === 'rdp')), {
      keytab: keys.keytab,
      certificate: keys.certificate,
    });
    expect(outcomes(explanation, 'failed')).toEqual([]);
    expect(outcomes(explanation, 'verified')).toEqual(
      expect.arrayContaining([
        '#1 Ticket',
        '#1 PAC server signature',
        '#1 Authenticator',
        '#2 AP-REP',
        '#3 pubKeyAuth binding',
        '#5 authInfo',
      ]),
    );
  });

  test('without keys every check says what it needs', async () => {
    const { checks } = await decodedCalmly(recording(logon));
    expect(checks.every(({ outcome }) => outcome === 'not-checked')).toBe(true);
    expect(checks.find(({ name }) => name === 'PA-ENC-TIMESTAMP')?.why).toContain('the password of alice@LAB.EXAMPLE');
    expect(checks.find(({ name }) => name === 'Ticket')?.why).toMatch(/it needs the key of .*aes256-cts-hmac-sha1-96/);
  });

  test('a wrong password is told', async () => {
    const explanation = await decodedCalmly(recording(logon), { password: 'wrong' });
    expect(outcomes(explanation, 'failed')).toEqual(['#3 PA-ENC-TIMESTAMP', '#4 AS-REP']);
    expect(diagnose(explanation).causes[0]?.code).toBe('WRONG_PASSWORD');
  });

  test.each([
    [3, 'PA-ENC-TIMESTAMP', 'cipher', ['PA-ENC-TIMESTAMP']],
    [4, 'AS-REP', 'encPart', ['AS-REP']],
    [5, 'authenticator', 'cipher', ['Authenticator']],
    [6, 'TGS-REP', 'encPart', ['TGS-REP']],
    [7, 'ticket', 'cipher', ['Ticket']],
    [7, 'authenticator', 'cipher', ['Authenticator']],
    [8, 'token', 'cipher', ['AP-REP']],
    [9, 'TSRequest', 'pubKeyAuth', ['pubKeyAuth seal']],
    [10, 'TSRequest', 'pubKeyAuth', ['pubKeyAuth seal']],
    [11, 'TSRequest', 'authInfo', ['authInfo']],
  ] as const)('a flipped octet in message %i, %s %s, is named', async (message, around, name, expected) => {
    const explanation = await decodedCalmly(recording(logon));
    const outer = nodeNamed(explanation.messages[message - 1]?.tree, around);
    const places =
      around === 'AS-REP' || around === 'TGS-REP'
        ? outer.children.filter((child) => child.name === 'encPart')
        : [nodeNamed(outer, name)];
    const [place] = places;
    if (place === undefined) throw new TypeError('no such field');
    const { checks } = await decodedCalmly(flipped(message, place.offset + place.length - 3), keys);
    const failed = checks.filter((check) => check.outcome === 'failed');
    expect(failed[0]).toMatchObject({ name: expected[0], message });
    expect(failed[0]?.why).toMatch(/changed|does not open/);
  });

  test('K9: a flipped octet in the body of the TGS-REQ is named', async () => {
    const body = nodeNamed((await decodedCalmly(recording(logon))).messages[4]?.tree, 'nonce');
    const { checks } = await decodedCalmly(flipped(5, body.offset + body.length - 1), keys);
    expect(checks.filter(({ outcome }) => outcome === 'failed').map(({ name }) => name)).toEqual(['TGS-REQ checksum']);
  });
});

describe('a refused logon with Kerberos', () => {
  test('K11: a wrong password, in the words of the KDC', async () => {
    const lines = await recordedLogon(realm, 'not the password');
    const explanation = await decodedCalmly(recording(lines));
    expect(diagnose(explanation).causes.map(({ code }) => code)).toEqual(['WRONG_PASSWORD']);
    expect(diagnose(explanation).causes[0]?.evidence[0]).toContain('KDC_ERR_PREAUTH_FAILED (24)');
  });

  test('K11: a clock that is an hour off', async () => {
    realm.kdc.faults = { clockAhead: 3_600_000 };
    try {
      const lines = await recordedLogon(realm, LAB_PASSWORD);
      const explanation = await decodedCalmly(recording(lines.slice(0, 4)));
      expect(diagnose(explanation).causes.map(({ code }) => code)).toContain('CLOCK_SKEW');
    } finally {
      realm.kdc.faults = {};
    }
  });
});

interface Node {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
  readonly children: readonly Node[];
}

function nodeNamed(node: Node | undefined, name: string): Node {
  const found = node === undefined ? undefined : search(node, name);
  if (found === undefined) throw new TypeError(`no ${name}`);
  return found;
}

function search(node: Node, name: string): Node | undefined {
  if (node.name === name) return node;
  for (const child of node.children) {
    const found = search(child, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
